-- What views keep of the tables. A view's target drops a repeated insert by the same token, and its
-- aggregates (argMax, min, max) come to the same when a row is inserted twice all the same.

CREATE TABLE IF NOT EXISTS score_daily (
    day Date,
    account LowCardinality(String),
    requirement LowCardinality(String),
    last AggregateFunction(argMax,
        Tuple(score Nullable(Float64), weight Int64, total Int64, noncompliant Int64,
            excepted Int64, expired Int64),
        Tuple(DateTime64(3, 'UTC'), UInt64)),
    worst SimpleAggregateFunction(min, Nullable(Float64)),
    best SimpleAggregateFunction(max, Nullable(Float64))
) ENGINE = AggregatingMergeTree
PARTITION BY toYear(day) ORDER BY (account, requirement, day)
TTL day + INTERVAL 3650 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS score_daily_of TO score_daily AS
SELECT toDate(at) AS day, account, requirement,
    argMaxState(
        CAST((score, weight, total, noncompliant, excepted, expired),
            'Tuple(score Nullable(Float64), weight Int64, total Int64, noncompliant Int64,
            excepted Int64, expired Int64)'),
        (at, version)) AS last,
    min(score) AS worst, max(score) AS best
FROM score_history GROUP BY day, account, requirement;

CREATE TABLE IF NOT EXISTS rollup_daily (
    day Date,
    kind LowCardinality(String),
    id String,
    last AggregateFunction(argMax,
        Tuple(deleted UInt8, score Nullable(Float64), accounts Int64, total Int64,
            noncompliant Int64, excepted Int64),
        Tuple(DateTime64(3, 'UTC'), UInt64)),
    worst SimpleAggregateFunction(min, Nullable(Float64)),
    best SimpleAggregateFunction(max, Nullable(Float64))
) ENGINE = AggregatingMergeTree
PARTITION BY toYear(day) ORDER BY (kind, id, day)
TTL day + INTERVAL 3650 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS rollup_daily_of TO rollup_daily AS
SELECT toDate(at) AS day, kind, id,
    argMaxState(
        CAST((deleted, score, accounts, total, noncompliant, excepted),
            'Tuple(deleted UInt8, score Nullable(Float64), accounts Int64, total Int64,
            noncompliant Int64, excepted Int64)'),
        (at, version)) AS last,
    min(score) AS worst, max(score) AS best
FROM rollup_history GROUP BY day, kind, id;

-- Which exception concerned a row, from when on: a transition does not say.
CREATE TABLE IF NOT EXISTS credit_history (
    requirement LowCardinality(String),
    account LowCardinality(String),
    region LowCardinality(String),
    resource String,
    part String,
    at DateTime64(3, 'UTC'),
    exception LowCardinality(String),
    version UInt64
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at) ORDER BY (requirement, account, region, resource, part, at)
TTL toDateTime(at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS credit_history_of TO credit_history AS
SELECT requirement, account, region, resource, part, at, exception, version
FROM compliance WHERE exception != '';
