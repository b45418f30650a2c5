-- Whose score moved most between the end of one day and that of another. Who had no score at one of
-- the two did not move; an account that is no longer scored neither.
WITH
    was AS (
        SELECT id, argMax(tuple(score), day).1 AS score FROM days
        WHERE kind = {kind:String} AND requirement = '*' AND day <= {from:Date} GROUP BY id),
    present AS (
        SELECT id, argMax(tuple(score), day).1 AS score, max(day) AS seen FROM days
        WHERE kind = {kind:String} AND requirement = '*' AND day <= {to:Date} GROUP BY id),
    newest AS (SELECT max(seen) AS day FROM present)
SELECT present.id AS id, accounts.name AS name, was.score AS score_before,
    present.score AS score_after, present.score - was.score AS moved
FROM present INNER JOIN was ON present.id = was.id
LEFT JOIN (SELECT account, name FROM accounts WHERE {kind:String} = 'account') AS accounts
    ON present.id = accounts.account
WHERE moved != 0 AND ({kind:String} != 'account' OR present.seen = (SELECT day FROM newest))
ORDER BY abs(moved) DESC, id LIMIT {limit:UInt32}
