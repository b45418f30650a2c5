//! The tables that workbooks are made of, as they stand in the log.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use schemas::{
    AccountKey, AccountState, Codec, ComplianceState, Exception, ExceptionKey, Requirement,
    RequirementKey, RollupKey, RollupState, ScoreKey, ScoreState, Tick, TrustKey, TrustState,
    Verdict, topic,
};
use stream::{Log, LogError, Position, snapshot};

use crate::Verdicts;

/// Everything that the workbooks show, at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    /// Accounts, with owner and coverage.
    pub accounts: BTreeMap<AccountKey, AccountState>,
    /// Verdicts and credits. Those that pass count in the scores: workbooks do without them.
    pub compliance: Verdicts,
    /// Scores of requirements in accounts, and of accounts (`*`).
    pub scores: BTreeMap<ScoreKey, ScoreState>,
    /// Sums over accounts; those of foreign accounts are not used.
    pub rollups: BTreeMap<RollupKey, RollupState>,
    /// Who may act in the accounts.
    pub trust: BTreeMap<TrustKey, TrustState>,
    /// The security standard.
    pub requirements: BTreeMap<RequirementKey, Requirement>,
    /// The risk register.
    pub exceptions: BTreeMap<ExceptionKey, Exception>,
    /// The time of the tables (the last tick), in UTC milliseconds: the only "now" of a workbook.
    pub at_ms: i64,
    /// Where the tables are those of an earlier time, the time of what has no history: names,
    /// owners, spend, coverage, trust.
    pub read_ms: Option<i64>,
    /// Where the changes ended that made these verdicts, for they go on after the last tick; none
    /// where the tables are those of an earlier time, which bounds them.
    pub changes_end: Option<Vec<Position>>,
}

impl Tables {
    /// Reads the tables as they are now.
    ///
    /// Their time is the last tick's; without any tick it is the latest time that they hold.
    ///
    /// # Errors
    /// When the log can't be reached or holds what can't be decoded.
    pub fn read(log: &dyn Log, codec: &Codec, prefix: &str) -> Result<Self, LogError> {
        // The tick comes first: tables read after it are at least as new as it says.
        let tick_ms = last_tick(log, codec, prefix)?;
        let mut tables = Tables {
            accounts: snapshot::table(log, codec, prefix, &topic::ACCOUNT_STATE)?,
            compliance: verdicts(log, codec, prefix)?,
            changes_end: Some(log.ends(&[topic::COMPLIANCE_CHANGE.spec])?),
            scores: snapshot::table(log, codec, prefix, &topic::SCORE_STATE)?,
            rollups: snapshot::table(log, codec, prefix, &topic::ROLLUP_STATE)?,
            trust: snapshot::table(log, codec, prefix, &topic::TRUST_STATE)?,
            requirements: snapshot::table(log, codec, prefix, &topic::REQUIREMENT)?,
            exceptions: snapshot::table(log, codec, prefix, &topic::EXCEPTION)?,
            at_ms: 0,
            read_ms: None,
        };
        tables.at_ms = tick_ms.unwrap_or_else(|| tables.latest_ms());
        Ok(tables)
    }

    /// Gives the latest time that a verdict or a collection names, 0 when there is none.
    fn latest_ms(&self) -> i64 {
        let verdicts = self.compliance.iter().map(|(_, state)| state.since_ms);
        let kinds = self.accounts.values().flat_map(|state| &state.coverage);
        let collected = kinds.filter_map(|kind| kind.oldest_ms);
        verdicts.chain(collected).max().unwrap_or(0)
    }
}

/// Reads the verdicts that workbooks name.
fn verdicts(log: &dyn Log, codec: &Codec, prefix: &str) -> Result<Verdicts, LogError> {
    let mut verdicts = Verdicts::default();
    // Most rows pass and always did: those never cost anything here. Two keys of one hash cost the
    // note of a removal that removes nothing.
    let (mut named, hasher) = (HashSet::new(), RandomState::new());
    snapshot::each(log, codec, prefix, &topic::COMPLIANCE_STATE, |key, state| {
        let hash = hasher.hash_one(&key);
        match state.filter(is_named) {
            Some(state) => {
                named.insert(hash);
                verdicts.insert(&key, &state);
            }
            None if named.contains(&hash) => verdicts.remove(&key),
            None => {}
        }
    })?;
    verdicts.seal();
    Ok(verdicts)
}

/// Tells whether an owner's workbook has anything to say of a verdict by itself.
pub(crate) fn is_named(state: &ComplianceState) -> bool {
    state.held || matches!(state.verdict, Verdict::Fail | Verdict::Unknown)
}

/// How many offsets before the end the last tick is looked for: the end may lie behind markers.
const TICKS_BACK: i64 = 16;

/// One poll, and how many of them the last tick may take: half a minute.
const POLL: Duration = Duration::from_millis(50);
const POLLS_MAX: usize = 600;

/// Gives the time of the last tick in UTC milliseconds, without reading all of them; none where
/// there is none.
///
/// # Errors
/// When the log can't be reached or holds what can't be decoded.
pub fn last_tick(log: &dyn Log, codec: &Codec, prefix: &str) -> Result<Option<i64>, LogError> {
    // Every partition has the same ticks.
    let ends = log.ends(&[topic::TICK.spec])?;
    let Some(end) = ends.into_iter().find(|end| end.partition == 0) else {
        return Ok(None);
    };
    if end.offset == 0 {
        return Ok(None);
    }
    let from = Position { offset: (end.offset - TICKS_BACK).max(0), ..end };
    let mut reader = log.reader(&[from])?;
    let mut last = None;
    for _ in 0..POLLS_MAX {
        for record in reader.poll(POLL)? {
            let tick: Option<Tick> =
                record.value.as_deref().map(|bytes| codec.decode(bytes)).transpose().map_err(
                    |error| LogError::Decode {
                        topic: record.topic.full_name(prefix),
                        partition: record.partition,
                        offset: record.offset,
                        source: Box::new(error),
                    },
                )?;
            last = last.max(tick.map(|tick| tick.minute_ms));
        }
        let read = reader.positions()?;
        if read.iter().all(|position| position.offset >= end.offset) {
            return Ok(last);
        }
    }
    Err(LogError::Stalled {
        what: topic::TICK.spec.name.to_owned(),
        waited: POLL * POLLS_MAX as u32,
    })
}
