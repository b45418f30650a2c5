//! Turns a record into the row of its topic's table; pure.

use schemas::topic::{
    ACCOUNT_STATE, COMPLIANCE_CHANGE, COMPLIANCE_STATE, EXCEPTION, REQUIREMENT, ROLLUP_STATE,
    SCORE_HISTORY,
};
use schemas::{
    AccountKey, AccountState, AvroError, Codec, ComplianceChange, ComplianceKey, ComplianceState,
    Exception, ExceptionKey, Key, Placement, Requirement, RequirementKey, RollupKey, RollupState,
    SCORE_ONE, ScoreKey, ScoreState, Standing, Topic, TypeCoverage, Value,
};
use sink_frame::chain;
use stream::Record;

use crate::rows::{
    AccountRow, ChangeRow, ComplianceRow, ExceptionRow, RequirementRow, RollupRow, ScoreRow,
    TableRow,
};

/// Offsets that one life of a topic has room for in a version.
const LIFE_OFFSETS: u64 = 1 << 48;

/// The first instant that `DateTime`, by which rows end, can't hold: 2106-01-01.
const AT_END_MS: i64 = 4_291_747_200_000;

/// The instants that `DateTime64(3)` holds: from 1900 to the end of 2299.
const INSTANTS_MS: (i64, i64) = (-2_208_988_800_000, 10_413_791_999_999);

/// What a record comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Made {
    /// A row.
    Row(TableRow),
    /// Nothing: another partition holds the same record, or it takes back what is history.
    Skipped,
    /// It can't be read, for this reason.
    Dead(String),
}

/// Where a record lies, as its row tells it.
struct Place {
    at: i64,
    topic: &'static str,
    partition: i32,
    offset: i64,
    version: u64,
}

/// Turns a record of a topic's life into a row; `epoch` counts the topic's lives from 1.
///
/// # Errors
/// [`AvroError`] when the schema registry does not answer: the record may be fine.
pub fn encode(codec: &Codec, epoch: u32, record: &Record) -> Result<Made, AvroError> {
    if record.topic.placement == Placement::Broadcast && record.partition != 0 {
        return Ok(Made::Skipped);
    }
    let of = record.topic;
    if of == SCORE_HISTORY.spec {
        return event(codec, epoch, record, &SCORE_HISTORY, score);
    }
    if of == COMPLIANCE_CHANGE.spec {
        return event(codec, epoch, record, &COMPLIANCE_CHANGE, change);
    }
    if of == COMPLIANCE_STATE.spec {
        return state(codec, epoch, record, &COMPLIANCE_STATE, compliance);
    }
    if of == ROLLUP_STATE.spec {
        return state(codec, epoch, record, &ROLLUP_STATE, rollup);
    }
    if of == ACCOUNT_STATE.spec {
        return state(codec, epoch, record, &ACCOUNT_STATE, account);
    }
    if of == REQUIREMENT.spec {
        return state(codec, epoch, record, &REQUIREMENT, requirement);
    }
    if of == EXCEPTION.spec {
        return state(codec, epoch, record, &EXCEPTION, exception);
    }
    Ok(Made::Skipped)
}

/// Turns a record of an event topic into a row; what was told is not taken back.
fn event<K: Key, V: Value>(
    codec: &Codec,
    epoch: u32,
    record: &Record,
    topic: &Topic<K, V>,
    row: fn(K, V, Place) -> TableRow,
) -> Result<Made, AvroError> {
    Ok(match read(codec, epoch, record, topic)? {
        Ok((key, Some(value), place)) => Made::Row(row(key, value, place)),
        Ok((_, None, _)) => Made::Skipped,
        Err(reason) => Made::Dead(reason),
    })
}

/// Turns a record of a table's topic into a row; a tombstone becomes one that is marked.
fn state<K: Key, V: Value>(
    codec: &Codec,
    epoch: u32,
    record: &Record,
    topic: &Topic<K, V>,
    row: fn(K, Option<V>, Place) -> TableRow,
) -> Result<Made, AvroError> {
    Ok(match read(codec, epoch, record, topic)? {
        Ok((key, value, place)) => Made::Row(row(key, value, place)),
        Err(reason) => Made::Dead(reason),
    })
}

/// Key and value of a record and where it lies, or why nobody ever will read them.
type Entry<K, V> = Result<(K, Option<V>, Place), String>;

/// Reads a record; the inner error is the reason why nobody ever will.
fn read<K: Key, V: Value>(
    codec: &Codec,
    epoch: u32,
    record: &Record,
    topic: &Topic<K, V>,
) -> Result<Entry<K, V>, AvroError> {
    let name = topic.spec.name;
    let key = std::str::from_utf8(&record.key).ok().and_then(K::decode);
    let Some(key) = key else { return Ok(Err(format!("its key is none of {name}"))) };
    let value = match record.value.as_deref().map(|bytes| codec.decode(bytes)).transpose() {
        Ok(value) => value,
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => return Ok(Err(format!("its value is none of {name}: {}", chain(&error)))),
    };
    let offset = u64::try_from(record.offset).unwrap_or(0);
    let place = Place {
        at: record.timestamp_ms,
        topic: name,
        partition: record.partition,
        offset: record.offset,
        version: u64::from(epoch) * LIFE_OFFSETS + offset,
    };
    Ok(if (0..AT_END_MS).contains(&place.at) {
        Ok((key, value, place))
    } else {
        Err(format!("its time, {} ms, lies outside of 1970 to 2105", place.at))
    })
}

/// Gives a time that a column can hold: a register's "never" is the year 9999 now and then.
fn instant(ms: i64) -> i64 {
    ms.clamp(INSTANTS_MS.0, INSTANTS_MS.1)
}

fn fraction(billionths: i64) -> f64 {
    billionths as f64 / SCORE_ONE as f64
}

fn score(key: ScoreKey, value: ScoreState, place: Place) -> TableRow {
    TableRow::Score(Box::new(ScoreRow {
        account: key.account,
        requirement: key.requirement,
        at: place.at,
        status: value.status.to_string(),
        score: value.score.map(fraction),
        weight: value.weight,
        total: value.total,
        noncompliant: value.noncompliant,
        excepted: value.excepted,
        expired: value.expired,
        unknown: value.unknown,
        scopes: value.scopes,
        scopes_collected: value.scopes_collected,
        oldest: value.oldest_ms.map(instant),
        log_topic: place.topic,
        log_partition: place.partition,
        log_offset: place.offset,
        version: place.version,
    }))
}

fn rollup(key: RollupKey, value: Option<RollupState>, place: Place) -> TableRow {
    let deleted = u8::from(value.is_none());
    let value = value.unwrap_or_default();
    TableRow::Rollup(Box::new(RollupRow {
        kind: key.kind,
        id: key.id,
        at: place.at,
        deleted,
        score: value.score.map(fraction),
        weight: value.weight,
        accounts: value.accounts,
        scored: value.scored,
        total: value.total,
        noncompliant: value.noncompliant,
        excepted: value.excepted,
        estimated: value.estimated,
        log_topic: place.topic,
        log_partition: place.partition,
        log_offset: place.offset,
        version: place.version,
    }))
}

fn change(key: ComplianceKey, value: ComplianceChange, place: Place) -> TableRow {
    let words = |standing: Option<Standing>| match standing {
        Some(standing) => (standing.verdict.to_string(), standing.credit.to_string()),
        None => Default::default(),
    };
    let (verdict_before, credit_before) = words(value.before);
    let (verdict, credit) = words(value.after);
    // Older releases wrote no row.
    let row = value.row.unwrap_or_default();
    TableRow::Change(Box::new(ChangeRow {
        requirement: key.requirement,
        account: key.account,
        region: key.region,
        resource: key.resource,
        part: key.part,
        resource_type: row.resource_type,
        name: row.name,
        arn: row.arn,
        at: value.at_ms.clamp(0, AT_END_MS - 1),
        verdict_before,
        credit_before,
        verdict,
        credit,
        evidence: row.evidence,
        exception: row.exception.unwrap_or_default(),
        exception_expires: row.exception_expires_ms.map(instant),
        cause_topic: value.cause.topic,
        cause_partition: value.cause.partition,
        cause_offset: value.cause.offset,
        log_topic: place.topic,
        log_partition: place.partition,
        log_offset: place.offset,
        version: place.version,
    }))
}

fn compliance(key: ComplianceKey, value: Option<ComplianceState>, place: Place) -> TableRow {
    let is_there = value.is_some();
    // A tombstone's words are empty: `unknown` would be one that nobody said.
    let word = |text: String| if is_there { text } else { String::new() };
    let value = value.unwrap_or_default();
    TableRow::Compliance(Box::new(ComplianceRow {
        requirement: key.requirement,
        account: key.account,
        region: key.region,
        resource: key.resource,
        part: key.part,
        at: place.at,
        deleted: u8::from(!is_there),
        resource_type: value.resource_type,
        name: value.name,
        arn: value.arn,
        verdict: word(value.verdict.to_string()),
        held: value.held.into(),
        stale: value.stale.into(),
        evidence: value.evidence,
        source: value.source,
        credit: word(value.credit.to_string()),
        exception: value.exception.unwrap_or_default(),
        exception_phase: value.exception_phase.map(|one| one.to_string()).unwrap_or_default(),
        exception_expires: value.exception_expires_ms.map(instant),
        since: instant(value.since_ms),
        log_topic: place.topic,
        log_partition: place.partition,
        log_offset: place.offset,
        version: place.version,
    }))
}

fn account(key: AccountKey, value: Option<AccountState>, place: Place) -> TableRow {
    let is_there = value.is_some();
    let value = value.unwrap_or_default();
    let status = if is_there { value.status.to_string() } else { String::new() };
    let sum = |of: fn(&TypeCoverage) -> i64| value.coverage.iter().map(of).sum::<i64>();
    let each = |of: fn(&TypeCoverage) -> i64| value.coverage.iter().map(of).collect::<Vec<_>>();
    TableRow::Account(Box::new(AccountRow {
        account: key.account,
        at: place.at,
        deleted: u8::from(!is_there),
        provider: value.provider,
        name: value.name,
        payer: value.payer,
        owner: value.owner.unwrap_or_default(),
        executive: value.executive.unwrap_or_default(),
        status,
        listed: value.listed.into(),
        spend_cents: value.spend_cents,
        scopes: sum(|one| one.scopes),
        scopes_collected: sum(|one| one.collected),
        scopes_failed: sum(|one| one.failed),
        oldest: value.coverage.iter().filter_map(|one| one.oldest_ms).min().map(instant),
        coverage_type: value.coverage.iter().map(|one| one.resource_type.clone()).collect(),
        coverage_scopes: each(|one| one.scopes),
        coverage_collected: each(|one| one.collected),
        coverage_failed: each(|one| one.failed),
        log_topic: place.topic,
        log_partition: place.partition,
        log_offset: place.offset,
        version: place.version,
    }))
}

fn requirement(key: RequirementKey, value: Option<Requirement>, place: Place) -> TableRow {
    let word = |of: fn(&Requirement) -> String| value.as_ref().map(of).unwrap_or_default();
    TableRow::Requirement(Box::new(RequirementRow {
        requirement: key.requirement,
        at: place.at,
        deleted: u8::from(value.is_none()),
        title: word(|one| one.title.clone()),
        severity: word(|one| one.severity.to_string()),
        weight: value.as_ref().map_or(0, |one| one.weight),
        resource_type: word(|one| one.resource_type.clone()),
        scoring: word(|one| one.scoring.to_string()),
        log_topic: place.topic,
        log_partition: place.partition,
        log_offset: place.offset,
        version: place.version,
    }))
}

fn exception(key: ExceptionKey, value: Option<Exception>, place: Place) -> TableRow {
    let is_there = value.is_some();
    let value = value.unwrap_or_default();
    let state = if is_there { value.decided().to_string() } else { String::new() };
    TableRow::Exception(Box::new(ExceptionRow {
        exception: key.exception,
        at: place.at,
        deleted: u8::from(!is_there),
        state,
        accounts: value.accounts,
        requirements: value.requirements,
        resource: value.resource,
        regions: value.regions,
        tags: value.tags,
        reason: value.reason,
        owner: value.owner,
        approver: value.approver.unwrap_or_default(),
        control: value.control.unwrap_or_default(),
        ticket: value.ticket.unwrap_or_default(),
        starts: value.starts_ms.map(instant),
        expires: value.expires_ms.map(instant),
        renewal: value.renewal_ms.map(instant),
        log_topic: place.topic,
        log_partition: place.partition,
        log_offset: place.offset,
        version: place.version,
    }))
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
