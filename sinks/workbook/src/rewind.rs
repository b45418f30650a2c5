//! The tables as they were: what changed since is taken back, and scores are those of that hour.
//!
//! Verdicts go back by their changes, scores by their hourly cut, executives follow from both by
//! the functions of the roll-up. Names, owners, spend, coverage and trust have no history in the
//! log: they are as they are now, and workbooks say so.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use rollup::Spending;
use schemas::{
    AccountKey, AccountState, Codec, ComplianceChange, ComplianceKey, ComplianceState,
    Contribution, Credit, RollupKey, RollupState, ScoreKey, ScoreState, topic,
};
use stream::{Log, LogError};

use crate::past::{FOR_EVER_MS, Source};
use crate::tables::is_named;
use crate::{Tables, Verdicts};

impl Tables {
    /// Reads the tables as they were at a time, in UTC milliseconds; none where the log keeps no
    /// scores of then. A time at or after the tables' own gives them as they are.
    ///
    /// What changed since is read once from `compliance.change`, whose records are kept as long as
    /// the log keeps histories. Where the change that made a verdict is gone, but a later one is
    /// kept, the row has no evidence and no beginning.
    ///
    /// # Errors
    /// As [`Tables::read`].
    pub fn read_at(
        log: &dyn Log,
        codec: &Codec,
        prefix: &str,
        at_ms: i64,
    ) -> Result<Option<Self>, LogError> {
        let now = Tables::read(log, codec, prefix)?;
        if at_ms >= now.at_ms {
            return Ok(Some(now));
        }
        let source = Source { log, codec, prefix };
        let Some(scores) = source.scores_at(at_ms, |_| true)? else { return Ok(None) };
        let mut compliance = now.compliance;
        take_back(&source, &mut compliance, at_ms)?;
        let rollups = executives(&now.accounts, &scores);
        let (read_ms, changes_end) = (Some(now.at_ms), None);
        Ok(Some(Tables { compliance, scores, rollups, at_ms, read_ms, changes_end, ..now }))
    }
}

/// Brings verdicts to how they stood at a time, by their changes before and after it.
fn take_back(source: &Source<'_>, verdicts: &mut Verdicts, at_ms: i64) -> Result<(), LogError> {
    // Keys of which it is known how they stood; two of one hash would be a row of billions.
    let (mut known, hasher) = (HashSet::new(), RandomState::new());
    source.each(&topic::COMPLIANCE_CHANGE, -1, FOR_EVER_MS, |key: ComplianceKey, record| {
        let change: ComplianceChange = source.value(&record)?;
        let is_first = known.insert(hasher.hash_one(&key));
        if record.timestamp_ms <= at_ms {
            let row = change.after.map(|standing| ComplianceState {
                verdict: standing.verdict,
                credit: standing.credit,
                ..change.row.unwrap_or_default()
            });
            put(verdicts, &key, row);
        } else if is_first {
            // Nothing earlier is kept: this one says how it stood before.
            put(verdicts, &key, before(change));
        }
        Ok(())
    })?;
    verdicts.seal();
    Ok(())
}

/// Gives the row that a change found; what it does not tell of it is empty.
fn before(change: ComplianceChange) -> Option<ComplianceState> {
    let standing = change.before?;
    let row = change.row.unwrap_or_default();
    let had_exception = standing.credit != Credit::None;
    Some(ComplianceState {
        resource_type: row.resource_type,
        name: row.name,
        arn: row.arn,
        verdict: standing.verdict,
        credit: standing.credit,
        source: row.source,
        exception: row.exception.filter(|_| had_exception),
        exception_reason: row.exception_reason.filter(|_| had_exception),
        exception_expires_ms: row.exception_expires_ms.filter(|_| had_exception),
        exception_phase: row.exception_phase.filter(|_| had_exception),
        ..ComplianceState::default()
    })
}

fn put(verdicts: &mut Verdicts, key: &ComplianceKey, row: Option<ComplianceState>) {
    match row.filter(is_named) {
        Some(row) => verdicts.insert(key, &row),
        None => verdicts.remove(key),
    }
}

/// Sums accounts up to their executives of now, by the scores of then and the spend of now.
fn executives(
    accounts: &BTreeMap<AccountKey, AccountState>,
    scores: &BTreeMap<ScoreKey, ScoreState>,
) -> BTreeMap<RollupKey, RollupState> {
    let mut shares: BTreeMap<&str, Vec<Contribution>> = BTreeMap::new();
    for state in accounts.values().filter(|state| state.is_scored()) {
        let score = scores.get(&ScoreKey::new(&state.account, "*"));
        if let (Some(executive), Some(score)) = (state.executive.as_deref(), score) {
            shares.entry(executive).or_default().push(Contribution {
                weight: state.spend_cents,
                score: score.score,
                total: score.total,
                noncompliant: score.noncompliant,
                excepted: score.excepted,
            });
        }
    }
    let sum = |shares: &[Contribution]| {
        let votes = |share: &Contribution| Contribution { weight: None, ..share.clone() };
        let all = shares.iter().try_fold(RollupState::default(), |sum, share| {
            rollup::replace(sum, None, Some(&votes(share)), 1)
        });
        let mut sum = all.unwrap_or_default();
        Spending::of(shares.iter()).finish(&mut sum);
        sum
    };
    let named = |name: &str| RollupKey::new("executive", name);
    shares.into_iter().map(|(name, shares)| (named(name), sum(&shares))).collect()
}
