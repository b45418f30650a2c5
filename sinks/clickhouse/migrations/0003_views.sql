-- What people ask: plain views, which hold nothing.

-- Accounts as they were in each stretch of time in which that was the same. The oldest row that is
-- known of an account stands for what was before it, since the log keeps the last state alone.
CREATE VIEW IF NOT EXISTS account_times AS
SELECT account, if(nth = 1, toDateTime64(0, 3, 'UTC'), at) AS begins,
    leadInFrame(at, 1, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')) OVER (
        PARTITION BY account ORDER BY at
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS ends,
    name, payer, owner, executive
FROM (
    SELECT account, at, name, payer, owner, executive, row_number() OVER w AS nth,
        lagInFrame((name, payer, owner, executive)) OVER w AS before
    FROM account_history FINAL WHERE deleted = 0
    WINDOW w AS (PARTITION BY account ORDER BY at
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
WHERE nth = 1 OR (name, payer, owner, executive) != before;

-- Requirements as they were, in the same way.
CREATE VIEW IF NOT EXISTS requirement_times AS
SELECT requirement, if(nth = 1, toDateTime64(0, 3, 'UTC'), at) AS begins,
    leadInFrame(at, 1, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')) OVER (
        PARTITION BY requirement ORDER BY at
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS ends,
    title, severity
FROM (
    SELECT requirement, at, title, severity, row_number() OVER w AS nth,
        lagInFrame((title, severity)) OVER w AS before
    FROM requirement_history FINAL WHERE deleted = 0
    WINDOW w AS (PARTITION BY requirement ORDER BY at
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
WHERE nth = 1 OR (title, severity) != before;

-- Which exception concerned a row, and from when to when it was the one.
CREATE VIEW IF NOT EXISTS credit_times AS
SELECT requirement, account, region, resource, part, at AS begins,
    leadInFrame(at, 1, toDateTime64('2200-01-01 00:00:00', 3, 'UTC')) OVER (
        PARTITION BY requirement, account, region, resource, part ORDER BY at
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS ends,
    exception
FROM credit_history FINAL;

-- The hourly cuts, with who answered for the account at that time.
CREATE VIEW IF NOT EXISTS scores AS
SELECT s.account AS account, s.requirement AS requirement, s.at AS at, status, score, weight, total,
    noncompliant, excepted, expired, unknown, scopes, scopes_collected, oldest,
    a.name AS name, a.payer AS payer, a.owner AS owner, a.executive AS executive
FROM (SELECT * FROM score_history FINAL) AS s
LEFT JOIN account_times AS a ON s.account = a.account AND s.at >= a.begins AND s.at < a.ends;

-- The transitions, with severity, exception and who answered at that time.
CREATE VIEW IF NOT EXISTS changes AS
SELECT c.requirement AS requirement, c.account AS account, c.region AS region,
    c.resource AS resource, c.part AS part, c.at AS at, verdict_before, credit_before, verdict,
    credit, cause_topic, cause_partition, cause_offset,
    if(credit_before IN ('', 'none') AND credit IN ('', 'none'), '', e.exception) AS exception,
    r.title AS title, r.severity AS severity,
    a.name AS name, a.payer AS payer, a.owner AS owner, a.executive AS executive
FROM (SELECT * FROM compliance_change FINAL) AS c
LEFT JOIN credit_times AS e ON c.requirement = e.requirement AND c.account = e.account
    AND c.region = e.region AND c.resource = e.resource AND c.part = e.part
    AND c.at >= e.begins AND c.at < e.ends
LEFT JOIN requirement_times AS r
    ON c.requirement = r.requirement AND c.at >= r.begins AND c.at < r.ends
LEFT JOIN account_times AS a ON c.account = a.account AND c.at >= a.begins AND c.at < a.ends;

-- The last value of each day that has one: of accounts and their requirements, and of sums.
CREATE VIEW IF NOT EXISTS days AS
SELECT 'account' AS kind, account AS id, requirement, day, value.score AS score,
    value.total AS total, value.noncompliant AS noncompliant, value.excepted AS excepted,
    value.expired AS expired, value.weight AS weight, worst, best
FROM (
    SELECT account, requirement, day, argMaxMerge(last) AS value, min(worst) AS worst,
        max(best) AS best
    FROM score_daily GROUP BY account, requirement, day)
UNION ALL
SELECT kind, id, '*' AS requirement, day, if(value.deleted = 1, NULL, value.score) AS score,
    value.total AS total, value.noncompliant AS noncompliant, value.excepted AS excepted,
    0 AS expired, 0 AS weight, worst, best
FROM (
    SELECT kind, id, day, argMaxMerge(last) AS value, min(worst) AS worst, max(best) AS best
    FROM rollup_daily GROUP BY kind, id, day);

-- Spend and coverage of each account on each day on which its state changed.
CREATE VIEW IF NOT EXISTS account_days AS
SELECT account, toDate(at) AS day, argMax(name, (at, version)) AS name,
    argMax(payer, (at, version)) AS payer, argMax(owner, (at, version)) AS owner,
    argMax(executive, (at, version)) AS executive, argMax(status, (at, version)) AS status,
    argMax(tuple(spend_cents), (at, version)).1 AS spend_cents,
    argMax(scopes, (at, version)) AS scopes,
    argMax(scopes_collected, (at, version)) AS scopes_collected,
    argMax(scopes_failed, (at, version)) AS scopes_failed,
    argMax(tuple(oldest), (at, version)).1 AS oldest
FROM account_history WHERE deleted = 0 GROUP BY account, day;

-- The present accounts, requirements, exceptions and verdicts: those of the topic's present life.
CREATE VIEW IF NOT EXISTS accounts AS
SELECT * FROM (
    SELECT * FROM account_history ORDER BY account, at DESC, version DESC LIMIT 1 BY account)
WHERE deleted = 0
    AND intDiv(version, 281474976710656) = (
        SELECT max(epoch) FROM life WHERE topic = 'account.state');

CREATE VIEW IF NOT EXISTS requirements AS
SELECT * FROM (
    SELECT * FROM requirement_history ORDER BY requirement, at DESC, version DESC
    LIMIT 1 BY requirement)
WHERE deleted = 0
    AND intDiv(version, 281474976710656) = (
        SELECT max(epoch) FROM life WHERE topic = 'requirement');

CREATE VIEW IF NOT EXISTS exceptions AS
SELECT *, multiIf(state != 'approved', state, expires <= now64(3), 'expired',
    starts > now64(3), 'waiting', 'live') AS phase
FROM (
    SELECT * FROM exception_history ORDER BY exception, at DESC, version DESC LIMIT 1 BY exception)
WHERE deleted = 0
    AND intDiv(version, 281474976710656) = (
        SELECT max(epoch) FROM life WHERE topic = 'exception');

CREATE VIEW IF NOT EXISTS verdicts AS
SELECT * FROM compliance FINAL
WHERE intDiv(version, 281474976710656) = (
    SELECT max(epoch) FROM life WHERE topic = 'compliance.state');

-- The last cut of each requirement in each account that has one: an account that stood in none of
-- the last two cuts is no longer scored.
CREATE VIEW IF NOT EXISTS scores_now AS
SELECT s.account AS account, s.requirement AS requirement, s.at AS at, status, score, weight, total,
    noncompliant, excepted, expired, unknown,
    a.name AS name, a.payer AS payer, a.owner AS owner, a.executive AS executive
FROM (
    SELECT * FROM score_history
    WHERE at >= (SELECT max(at) FROM score_history) - INTERVAL 2 HOUR
    ORDER BY account, requirement, at DESC, version DESC LIMIT 1 BY account, requirement) AS s
LEFT JOIN accounts AS a ON s.account = a.account;

-- What exceptions are worth now: for each requirement of an account the credit that they give
-- there, shared among them by the rows that each credits. `lost` is what the score of that
-- requirement in that account would lose; the losses of all add up to that of all credit.
CREATE VIEW IF NOT EXISTS exception_costs AS
SELECT v.exception AS exception, v.account AS account, v.requirement AS requirement, v.credited AS
    credited, s.weight AS weight, s.owner AS owner, s.executive AS executive, s.payer AS payer,
    s.excepted / s.total * v.credited / sum(v.credited) OVER (PARTITION BY account, requirement)
        AS lost
FROM (
    SELECT exception, account, requirement, count() AS credited FROM verdicts
    WHERE credit = 'live' AND verdict = 'fail' GROUP BY exception, account, requirement) AS v
INNER JOIN (SELECT * FROM scores_now WHERE requirement != '*' AND total > 0) AS s
    ON v.account = s.account AND v.requirement = s.requirement;
