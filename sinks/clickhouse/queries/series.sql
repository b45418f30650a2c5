-- The score of each day of a span; a day without a value of its own has the last one before it.
WITH base AS (
    SELECT day, score, total, noncompliant, excepted FROM days
    WHERE kind = {kind:String} AND id = {id:String} AND requirement = {requirement:String}
        AND day <= {to:Date})
SELECT day, score, total, noncompliant, excepted, toBool(filled) AS filled FROM (
    SELECT day, score, total, noncompliant, excepted, 0 AS filled FROM base
    WHERE day >= (SELECT max(day) FROM base WHERE day <= {from:Date})
    ORDER BY day WITH FILL TO {to:Date} + 1 STEP 1 INTERPOLATE (score AS score, total AS total,
        noncompliant AS noncompliant, excepted AS excepted, filled AS 1))
WHERE day >= {from:Date} ORDER BY day
