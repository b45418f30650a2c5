//! Plans a scan: which accounts are asked by which collectors, and from when on. Pure.

use std::collections::BTreeSet;

use schemas::{AccountListing, AccountStatus, ScanUnit, UnitStatus};

use crate::collectors::ALL;

/// The region of units that ask every region.
pub(crate) const ALL_REGIONS: &str = "*";

/// Each scan begins with its first attempt.
const FIRST_ATTEMPT: i32 = 1;

/// What is wanted of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Only these accounts; all when empty.
    pub accounts: BTreeSet<String>,
    /// Only collectors of these services (`ec2`) or of these ids (`ec2-security-groups`); all when
    /// empty.
    pub services: BTreeSet<String>,
}

impl Wanted {
    /// Gives the ids of the wanted collectors, sorted.
    ///
    /// # Errors
    /// The first word that names no collector.
    pub fn collectors(&self) -> Result<Vec<String>, String> {
        for word in &self.services {
            if !ALL.iter().any(|collector| is_of(collector.id, word)) {
                return Err(word.clone());
            }
        }
        let is_wanted =
            |id: &str| self.services.is_empty() || self.services.iter().any(|word| is_of(id, word));
        let ids = ALL.iter().map(|collector| collector.id).filter(|id| is_wanted(id));
        Ok(ids.map(str::to_owned).collect())
    }

    /// Tells whether everything is wanted.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

fn is_of(id: &str, word: &str) -> bool {
    id == word || id.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'))
}

/// Gives a scan's id: its start in UTC milliseconds, padded so that the text sorts by time.
pub fn scan_id(start_ms: i64) -> String {
    format!("{start_ms:015}")
}

/// Gives a scan's start in UTC milliseconds; none for an id that is not of our making.
pub fn start_of(scan: &str) -> Option<i64> {
    scan.parse().ok()
}

/// How a scan begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begin {
    /// When, in UTC milliseconds.
    pub(crate) start_ms: i64,
    /// Within so many milliseconds each account has its own moment, so that not all are asked at
    /// the same time.
    pub(crate) jitter_ms: i64,
    /// Whether the schedule begins it.
    pub(crate) scheduled: bool,
}

/// Plans one unit for each account that answers, sorted by account.
///
/// A suspended account answers nobody.
pub(crate) fn units<'a>(
    listings: impl IntoIterator<Item = &'a AccountListing>,
    wanted: &Wanted,
    collectors: &[String],
    begin: Begin,
) -> Vec<ScanUnit> {
    let is_wanted = |listing: &&AccountListing| {
        listing.status != AccountStatus::Suspended
            && (wanted.accounts.is_empty() || wanted.accounts.contains(&listing.account))
    };
    let unit = |listing: &AccountListing| ScanUnit {
        scan: scan_id(begin.start_ms),
        attempt: FIRST_ATTEMPT,
        account: listing.account.clone(),
        region: ALL_REGIONS.to_owned(),
        collectors: collectors.to_vec(),
        payer: listing.payer.clone(),
        scheduled: begin.scheduled,
        due_ms: begin.start_ms + place_in(&listing.account, begin.jitter_ms),
        status: UnitStatus::Planned,
        ..ScanUnit::default()
    };
    let mut units: Vec<_> = listings.into_iter().filter(is_wanted).map(unit).collect();
    units.sort_by(|a, b| a.account.cmp(&b.account));
    units
}

/// Gives the attempt of a unit that is taken up now.
///
/// Whoever takes over a lost unit does so at least a session timeout later than its last holder,
/// so the seconds since the scan's start only grow from holder to holder, and nobody has to ask.
pub(crate) fn attempt(scan: &str, now_ms: i64) -> i32 {
    let seconds = start_of(scan).map_or(0, |start_ms| (now_ms - start_ms).max(0) / 1_000);
    FIRST_ATTEMPT.saturating_add(i32::try_from(seconds).unwrap_or(i32::MAX - 1))
}

/// Places an account within a time span, always in the same place.
fn place_in(account: &str, span_ms: i64) -> i64 {
    let hash = schemas::murmur2(account.as_bytes());
    i64::from(hash.cast_unsigned()) % span_ms.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(account: &str, status: AccountStatus) -> AccountListing {
        AccountListing {
            provider: "aws".into(),
            account: account.into(),
            payer: "9".into(),
            status,
            ..AccountListing::default()
        }
    }

    fn begin(jitter_ms: i64) -> Begin {
        Begin { start_ms: 1_000, jitter_ms, scheduled: true }
    }

    fn words(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_account_that_answers_gets_one_unit_in_its_own_place() {
        use AccountStatus::{Active, Closing, Suspended, Unknown};
        let listings = [("4", Unknown), ("3", Closing), ("2", Suspended), ("1", Active)];
        let listings = listings.map(|(account, status)| listing(account, status));
        let wanted = Wanted::default();
        let collectors = wanted.collectors().expect("all are known");
        let planned = units(&listings, &wanted, &collectors, begin(500));
        let accounts: Vec<_> = planned.iter().map(|unit| unit.account.as_str()).collect();
        assert_eq!(accounts, ["1", "3", "4"]);
        assert!(planned.iter().all(|unit| (1_000..1_500).contains(&unit.due_ms)));
        assert!(planned.iter().any(|unit| unit.due_ms != planned[0].due_ms), "{planned:?}");
        assert_eq!(units(&listings, &wanted, &collectors, begin(500)), planned);
        assert!(planned.iter().all(|unit| unit.collectors.len() == ALL.len()));
        let at_once = units(&listings, &wanted, &collectors, begin(0));
        assert!(at_once.iter().all(|unit| unit.due_ms == 1_000 && unit.scan == "000000000001000"));
    }

    #[test]
    fn services_and_accounts_are_chosen_by_name() {
        let wanted = Wanted { accounts: words(&["1", "7"]), services: words(&["s3", "iam-users"]) };
        let collectors = wanted.collectors().expect("both are known");
        assert_eq!(collectors, ["iam-users", "s3-buckets"]);
        let listings = ["1", "2"].map(|account| listing(account, AccountStatus::Active));
        assert_eq!(units(&listings, &wanted, &collectors, begin(0)).len(), 1);
        let misspelt = Wanted { services: words(&["s"]), ..Wanted::default() };
        assert_eq!(misspelt.collectors(), Err("s".to_owned()));
    }

    #[test]
    fn a_later_attempt_has_a_higher_number() {
        let scan = scan_id(1_000_000);
        assert_eq!(attempt(&scan, 1_000_000), 1);
        assert_eq!(attempt(&scan, 1_015_999), 16);
        assert_eq!(attempt(&scan, 0), 1, "a clock that went back");
        assert_eq!(attempt("not ours", 5), 1);
    }
}
