//! The roll-up stage: accounts' shares become the sums of owners, executives, payers and the
//! enterprise.

use std::sync::Arc;

use apache_avro::AvroSchema;
use rollup::Spending;
use schemas::{Contribution, ContributionKey, Key, RollupKey, RollupState, TopicSpec, key, topic};
use serde::{Deserialize, Serialize};
use stream::{Record, Stage, StepError, Table, TableSpec, View};

use crate::Step;

/// The kind of sums over those who trust a foreign account.
pub(crate) const FOREIGN: &str = "foreign";

/// The kind of sums over the accounts below an executive.
pub(crate) const EXECUTIVE: &str = "executive";

/// Accounts that a foreign account's row names; ids of twelve digits, so a tenth of a record.
const TRUSTED_BY_MAX: usize = 5_000;

const ROLLUP: Table<RollupKey, RollupState> = Table::published(topic::ROLLUP_STATE);
const SHARE: Table<ContributionKey, Contribution> =
    Table::private("share", topic::ROLLUP_CHANGELOG);
const SPENDING: Table<RollupKey, Spending> = Table::private("spending", topic::ROLLUP_CHANGELOG);
const PRESENCE: Table<PresenceKey, Presence> = Table::private("presence", topic::ROLLUP_CHANGELOG);

key! {
    /// An account in a sum.
    PresenceKey {
        /// What is summed.
        kind,
        /// Whose sum.
        id,
        /// The account.
        account
    } by kind, id
}

/// How many shares an account has in a sum.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
struct Presence {
    shares: i64,
}

/// The roll-up stage of one partition.
#[derive(Default)]
pub struct RollupStage;

impl Stage for RollupStage {
    fn name(&self) -> &'static str {
        "rollup"
    }

    fn inputs(&self) -> Vec<&'static TopicSpec> {
        vec![topic::CONTRIBUTION.spec]
    }

    fn tables(&self) -> Vec<TableSpec> {
        vec![ROLLUP.spec, SHARE.spec, SPENDING.spec, PRESENCE.spec]
    }

    fn outputs(&self) -> Vec<&'static TopicSpec> {
        Vec::new()
    }

    fn step(&mut self, view: &mut View<'_>, record: &Record) -> Step {
        let (key, after) = view.read(&topic::CONTRIBUTION, record)?;
        let before = view.get(&SHARE, &key)?;
        if before.as_deref() == after.as_ref() {
            return Ok(());
        }
        match &after {
            Some(share) => view.put(&SHARE, &key, share.clone())?,
            None => view.delete(&SHARE, &key)?,
        }
        let accounts = presence(view, &key, before.is_some(), after.is_some())?;
        let of = RollupKey::new(&*key.kind, &*key.id);
        let sum = view.get(&ROLLUP, &of)?.map_or_else(RollupState::default, Arc::unwrap_or_clone);
        let is_executive = key.kind == EXECUTIVE;
        // What an executive's shares weigh depends on each other: they are votes alone here.
        let votes = |share: &Contribution| Contribution {
            weight: share.weight.filter(|_| !is_executive),
            ..share.clone()
        };
        let [was, is] = [before.as_deref(), after.as_ref()].map(|share| share.map(votes));
        let Some(mut sum) = rollup::replace(sum, was.as_ref(), is.as_ref(), accounts) else {
            if is_executive {
                view.delete(&SPENDING, &of)?;
            }
            return view.delete(&ROLLUP, &of);
        };
        match &*key.kind {
            FOREIGN => name_accounts(view, &key, accounts, &mut sum)?,
            EXECUTIVE => weigh(view, &of, before.as_deref(), after.as_ref(), &mut sum)?,
            _ => {}
        }
        view.put(&ROLLUP, &of, sum)
    }

    fn work(&mut self, _: &mut View<'_>) -> Result<bool, StepError> {
        Ok(false)
    }
}

/// Weighs an executive's accounts by what they spend, and writes the score that this gives.
fn weigh(
    view: &mut View<'_>,
    of: &RollupKey,
    before: Option<&Contribution>,
    after: Option<&Contribution>,
    sum: &mut RollupState,
) -> Step {
    let known = view.get(&SPENDING, of)?;
    let spending = match (known, before, after) {
        // Only a score moved: the median stays.
        (Some(known), Some(before), Some(after)) if before.weight == after.weight => {
            let mut spending = Arc::unwrap_or_clone(known);
            spending.replace(before, after);
            spending
        }
        _ => {
            let prefix = key::prefix(&[&of.kind, &of.id]);
            let shares = view.scan(&SHARE, &prefix, None, usize::MAX)?;
            Spending::of(shares.iter().map(|(_, share)| &**share))
        }
    };
    spending.finish(sum);
    view.put(&SPENDING, of, spending)
}

/// Counts an account's shares; tells whether it came (1), left (-1) or stayed (0).
fn presence(view: &mut View<'_>, key: &ContributionKey, was: bool, is: bool) -> Step<i64> {
    let of = PresenceKey::new(&*key.kind, &*key.id, &*key.account);
    let before = view.get(&PRESENCE, &of)?.map_or(0, |row| row.shares);
    let shares = before + i64::from(is) - i64::from(was);
    if shares > 0 {
        view.put(&PRESENCE, &of, Presence { shares })?;
    } else {
        view.delete(&PRESENCE, &of)?;
    }
    Ok(i64::from(shares > 0) - i64::from(before > 0))
}

/// Names the first of the accounts that trust a foreign one.
fn name_accounts(view: &View<'_>, key: &ContributionKey, came: i64, sum: &mut RollupState) -> Step {
    match (came, sum.trusted_by.binary_search(&key.account)) {
        (1, Err(at)) => sum.trusted_by.insert(at, key.account.clone()),
        (-1, Ok(at)) => drop(sum.trusted_by.remove(at)),
        _ => return Ok(()),
    }
    let wanted = usize::try_from(sum.accounts).unwrap_or(0).min(TRUSTED_BY_MAX);
    sum.trusted_by.truncate(wanted);
    if sum.trusted_by.len() < wanted {
        let last = sum.trusted_by.last();
        let after = last.map(|last| PresenceKey::new(&*key.kind, &*key.id, last).encode());
        let prefix = key::prefix(&[&key.kind, &key.id]);
        let next = view.scan(&PRESENCE, &prefix, after.as_deref(), 1)?;
        sum.trusted_by.extend(next.into_iter().map(|(of, _)| of.account));
    }
    Ok(())
}
