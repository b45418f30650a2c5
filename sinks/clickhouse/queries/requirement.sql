-- The score of a requirement on each day of a span: the mean over the accounts that have one, all
-- of them or those that somebody answered for on that day. A day without values has the last one.
WITH base AS (
    SELECT d.day AS day, avg(d.score) AS score, sum(d.total) AS total,
        sum(d.noncompliant) AS noncompliant, sum(d.excepted) AS excepted, count(d.score) AS accounts
    FROM (
        SELECT id, day, toDateTime64(day + 1, 3, 'UTC') AS end, score, total, noncompliant, excepted
        FROM days
        WHERE kind = 'account' AND requirement = {requirement:String} AND day <= {to:Date}) AS d
    LEFT JOIN account_times AS a ON d.id = a.account AND d.end > a.begins AND d.end <= a.ends
    WHERE ({owner:String} = '' OR a.owner = {owner:String})
        AND ({executive:String} = '' OR a.executive = {executive:String})
        AND ({payer:String} = '' OR a.payer = {payer:String})
    GROUP BY d.day)
SELECT day, score, total, noncompliant, excepted, accounts, toBool(filled) AS filled FROM (
    SELECT day, score, total, noncompliant, excepted, accounts, 0 AS filled FROM base
    WHERE day >= (SELECT max(day) FROM base WHERE day <= {from:Date})
    ORDER BY day WITH FILL TO {to:Date} + 1 STEP 1 INTERPOLATE (score AS score, total AS total,
        noncompliant AS noncompliant, excepted AS excepted, accounts AS accounts, filled AS 1))
WHERE day >= {from:Date} ORDER BY day
