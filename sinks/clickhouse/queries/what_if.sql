-- Scores as they are, and as they were if every exception expired now.
WITH parts AS (
    SELECT multiIf({of:String} = 'account', account, {of:String} = 'owner', owner,
            {of:String} = 'payer', payer, 'all') AS id,
        if({of:String} = 'account', name, '') AS name, weight, score,
        (total - noncompliant) / total AS bare
    FROM scores_now
    WHERE requirement != '*' AND score IS NOT NULL AND total > 0 AND weight > 0)
SELECT id, any(parts.name) AS name, sum(weight * score) / sum(weight) AS score,
    sum(weight * bare) / sum(weight) AS score_if_expired, score_if_expired - score AS moved
FROM parts GROUP BY id ORDER BY moved, id
