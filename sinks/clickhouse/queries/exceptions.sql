-- Exceptions with what they credit now, and the points of the enterprise's score that would go with
-- each.
SELECT e.exception AS exception, e.phase AS phase, e.expires AS expires, e.owner AS owner,
    e.approver AS approver, c.credited AS credited, c.accounts AS accounts,
    round(100 * c.lost / (
        SELECT sum(weight) FROM scores_now WHERE requirement != '*' AND score IS NOT NULL), 3)
        AS points
FROM exceptions AS e
LEFT JOIN (
    SELECT exception, sum(credited) AS credited, uniqExact(account) AS accounts,
        sum(weight * lost) AS lost
    FROM exception_costs GROUP BY exception) AS c ON e.exception = c.exception
ORDER BY points DESC, phase != 'live', expires, exception
