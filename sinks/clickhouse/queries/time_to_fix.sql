-- From the change into `fail` to the next one into `pass`, by requirement. A row that is gone, or
-- to which the requirement does not apply any more, was not fixed; one that could not be judged for
-- a while is as it was. What ended before the span does not count.
WITH
    events AS (
        SELECT requirement, account, region, resource, part, at, version,
            multiIf(verdict = 'fail', 'fail', verdict = 'pass', 'fixed',
                verdict IN ('', 'not_applicable'), 'gone', '') AS what
        FROM compliance_change FINAL
        WHERE verdict != verdict_before AND what != ''
            AND ({requirement:String} = '' OR requirement = {requirement:String})),
    steps AS (
        SELECT *, lagInFrame(what, 1, '') OVER (
            PARTITION BY requirement, account, region, resource, part ORDER BY at, version
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before
        FROM events),
    turns AS (
        SELECT *,
            leadInFrame(what, 1, 'open') OVER w AS next,
            leadInFrame(at, 1, toDateTime64({now:String}, 3, 'UTC')) OVER w AS ended
        FROM steps WHERE what != before
        WINDOW w AS (
            PARTITION BY requirement, account, region, resource, part ORDER BY at, version
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)),
    failures AS (
        SELECT requirement, next, dateDiff('second', at, ended) / 3600 AS hours FROM turns
        WHERE what = 'fail' AND ended >= toDateTime64({from:String}, 3, 'UTC'))
SELECT f.requirement AS requirement, any(r.severity) AS severity, countIf(next = 'fixed') AS fixed,
    countIf(next = 'gone') AS gone, countIf(next = 'open') AS open,
    round(quantileIf(0.5)(hours, next = 'fixed'), 1) AS median_hours,
    round(quantileIf(0.9)(hours, next = 'fixed'), 1) AS p90_hours,
    round(maxOrNullIf(hours, next = 'open'), 1) AS longest_open_hours
FROM failures AS f LEFT JOIN requirements AS r ON f.requirement = r.requirement
GROUP BY f.requirement ORDER BY open DESC, median_hours DESC, requirement
