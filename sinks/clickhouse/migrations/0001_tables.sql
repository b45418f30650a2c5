-- Tables that hold what the topics hold. A row is a function of its record alone; the same record
-- again is the same row, which its token drops, or else the table's version.
--
-- version = epoch * 2^48 + offset of the record, where the epoch counts the lives of its topic.

CREATE TABLE IF NOT EXISTS life (
    topic LowCardinality(String),
    incarnation String,
    epoch UInt32,
    since DateTime64(3, 'UTC')
) ENGINE = ReplacingMergeTree ORDER BY (topic, incarnation);

-- score.history: the hourly cut of an account's score (requirement `*`) and of its requirements.
CREATE TABLE IF NOT EXISTS score_history (
    account LowCardinality(String),
    requirement LowCardinality(String),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    status LowCardinality(String),
    score Nullable(Float64),
    weight Int64,
    total Int64,
    noncompliant Int64,
    excepted Int64,
    expired Int64,
    unknown Int64,
    scopes Int64,
    scopes_collected Int64,
    oldest Nullable(DateTime64(3, 'UTC')),
    log_topic LowCardinality(String),
    log_partition Int32,
    log_offset Int64,
    version UInt64
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at) ORDER BY (account, requirement, at)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

-- rollup.state, at each change: owners, executives, payers, the enterprise, foreign accounts.
CREATE TABLE IF NOT EXISTS rollup_history (
    kind LowCardinality(String),
    id String,
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    deleted UInt8,
    score Nullable(Float64),
    weight Int64,
    accounts Int64,
    scored Int64,
    total Int64,
    noncompliant Int64,
    excepted Int64,
    estimated Int64,
    log_topic LowCardinality(String),
    log_partition Int32,
    log_offset Int64,
    version UInt64
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at) ORDER BY (kind, id, at)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

-- compliance.change: each transition of a verdict or its credit. A word is empty where there was no
-- row. A log that is made anew from the same records tells the same transitions: they are one here.
CREATE TABLE IF NOT EXISTS compliance_change (
    requirement LowCardinality(String),
    account LowCardinality(String),
    region LowCardinality(String),
    resource String,
    part String,
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    verdict_before LowCardinality(String),
    credit_before LowCardinality(String),
    verdict LowCardinality(String),
    credit LowCardinality(String),
    cause_topic LowCardinality(String),
    cause_partition Int32,
    cause_offset Int64,
    log_topic LowCardinality(String),
    log_partition Int32,
    log_offset Int64,
    version UInt64
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY (requirement, account, region, resource, part, at, cause_topic, cause_partition,
    cause_offset, verdict_before, credit_before, verdict, credit)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

-- compliance.state: the present rows; those that are gone are marked.
CREATE TABLE IF NOT EXISTS compliance (
    requirement LowCardinality(String),
    account LowCardinality(String),
    region LowCardinality(String),
    resource String,
    part String,
    at DateTime64(3, 'UTC'),
    deleted UInt8,
    resource_type LowCardinality(String),
    name String,
    arn String,
    verdict LowCardinality(String),
    held UInt8,
    stale UInt8,
    evidence String,
    source LowCardinality(String),
    credit LowCardinality(String),
    exception LowCardinality(String),
    exception_phase LowCardinality(String),
    exception_expires Nullable(DateTime64(3, 'UTC')),
    since DateTime64(3, 'UTC'),
    log_topic LowCardinality(String),
    log_partition Int32,
    log_offset Int64,
    version UInt64
) ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (requirement, account, region, resource, part)
SETTINGS non_replicated_deduplication_window = 1000;

-- account.state, at each change: names, who answers, spend, coverage.
CREATE TABLE IF NOT EXISTS account_history (
    account LowCardinality(String),
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
    deleted UInt8,
    provider LowCardinality(String),
    name String,
    payer LowCardinality(String),
    owner LowCardinality(String),
    executive LowCardinality(String),
    status LowCardinality(String),
    listed UInt8,
    spend_cents Nullable(Int64),
    scopes Int64,
    scopes_collected Int64,
    scopes_failed Int64,
    oldest Nullable(DateTime64(3, 'UTC')),
    `coverage.resource_type` Array(LowCardinality(String)),
    `coverage.scopes` Array(Int64),
    `coverage.collected` Array(Int64),
    `coverage.failed` Array(Int64),
    log_topic LowCardinality(String),
    log_partition Int32,
    log_offset Int64,
    version UInt64
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at) ORDER BY (account, at)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

-- requirement, at each change. Few rows, and each stands for good: they have no end.
CREATE TABLE IF NOT EXISTS requirement_history (
    requirement LowCardinality(String),
    at DateTime64(3, 'UTC'),
    deleted UInt8,
    title String,
    severity LowCardinality(String),
    weight Int64,
    resource_type LowCardinality(String),
    scoring LowCardinality(String),
    log_topic LowCardinality(String),
    log_partition Int32,
    log_offset Int64,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY (requirement, at)
SETTINGS non_replicated_deduplication_window = 1000;

-- exception, at each change.
CREATE TABLE IF NOT EXISTS exception_history (
    exception LowCardinality(String),
    at DateTime64(3, 'UTC'),
    deleted UInt8,
    state LowCardinality(String),
    accounts Array(String),
    requirements Array(String),
    resource String,
    regions Array(String),
    tags Array(String),
    reason String,
    owner String,
    approver String,
    control String,
    ticket String,
    starts Nullable(DateTime64(3, 'UTC')),
    expires Nullable(DateTime64(3, 'UTC')),
    renewal Nullable(DateTime64(3, 'UTC')),
    log_topic LowCardinality(String),
    log_partition Int32,
    log_offset Int64,
    version UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY (exception, at)
SETTINGS non_replicated_deduplication_window = 1000;
