-- Transitions carry the row that they are about: as it stood after them, or as it last was when it
-- went. Empty where an older release told the transition.

ALTER TABLE compliance_change
    ADD COLUMN IF NOT EXISTS resource_type LowCardinality(String) AFTER part,
    ADD COLUMN IF NOT EXISTS name String AFTER resource_type,
    ADD COLUMN IF NOT EXISTS arn String AFTER name,
    ADD COLUMN IF NOT EXISTS evidence String AFTER credit,
    ADD COLUMN IF NOT EXISTS exception LowCardinality(String) AFTER evidence,
    ADD COLUMN IF NOT EXISTS exception_expires Nullable(DateTime64(3, 'UTC')) AFTER exception;

-- As before, and with what the row says; the exception of a credit that ended is the last one that
-- concerned the row.
CREATE OR REPLACE VIEW changes AS
SELECT c.requirement AS requirement, c.account AS account, c.region AS region,
    c.resource AS resource, c.part AS part, c.at AS at, verdict_before, credit_before, verdict,
    credit, cause_topic, cause_partition, cause_offset,
    multiIf(credit_before IN ('', 'none') AND credit IN ('', 'none'), '',
        c.exception != '', toString(c.exception), toString(e.exception)) AS exception,
    r.title AS title, r.severity AS severity,
    a.name AS name, a.payer AS payer, a.owner AS owner, a.executive AS executive,
    c.resource_type AS resource_type, c.name AS resource_name, c.arn AS arn,
    c.evidence AS evidence, c.exception_expires AS exception_expires
FROM (SELECT * FROM compliance_change FINAL) AS c
LEFT JOIN credit_times AS e ON c.requirement = e.requirement AND c.account = e.account
    AND c.region = e.region AND c.resource = e.resource AND c.part = e.part
    AND c.at >= e.begins AND c.at < e.ends
LEFT JOIN requirement_times AS r
    ON c.requirement = r.requirement AND c.at >= r.begins AND c.at < r.ends
LEFT JOIN account_times AS a ON c.account = a.account AND c.at >= a.begins AND c.at < a.ends;
