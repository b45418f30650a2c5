//! Credit: which exception concerns a failing row, and whether it still counts.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use schemas::{
    AccountState, ComplianceKey, ComplianceState, Credit, Exception, ExceptionPhase, Resource,
    Verdict, glob, has_tag, selects_by_place,
};

/// Stands for every account, requirement or resource.
const ANY: &str = "*";

/// Exceptions that cover accounts by unit or tag stand here, since an id is never empty.
const BY_PLACE: &str = "";

/// Exceptions, found by the requirement and the account that they cover.
#[derive(Clone, Debug, Default)]
pub struct ExceptionIndex {
    /// By requirement, then by account (either may be `*`), then by id.
    by_place: BTreeMap<String, BTreeMap<String, BTreeMap<String, Arc<Exception>>>>,
    all: BTreeMap<String, Arc<Exception>>,
    /// Ids of those that ask for tags of the resource.
    tagged: BTreeSet<String>,
}

impl ExceptionIndex {
    /// Takes an exception in, in place of an older version of it.
    pub fn insert(&mut self, exception: Exception) {
        self.remove(&exception.id);
        let exception = Arc::new(exception);
        for requirement in &exception.requirements {
            let accounts = self.by_place.entry(requirement.clone()).or_default();
            for account in &exception.accounts {
                let of = accounts.entry(place_of(account).to_owned()).or_default();
                of.insert(exception.id.clone(), exception.clone());
            }
        }
        if !exception.tags.is_empty() {
            self.tagged.insert(exception.id.clone());
        }
        self.all.insert(exception.id.clone(), exception);
    }

    /// Takes an exception out.
    pub fn remove(&mut self, id: &str) {
        let Some(exception) = self.all.remove(id) else { return };
        self.tagged.remove(id);
        for requirement in &exception.requirements {
            let Some(accounts) = self.by_place.get_mut(requirement) else { continue };
            for account in exception.accounts.iter().map(|account| place_of(account)) {
                if let Some(of) = accounts.get_mut(account) {
                    of.remove(id);
                    if of.is_empty() {
                        accounts.remove(account);
                    }
                }
            }
        }
    }

    /// Gives the exceptions that may concern a requirement in an account; one may come twice.
    pub fn of<'a>(
        &'a self,
        requirement: &'a str,
        account: &'a str,
    ) -> impl Iterator<Item = &'a Exception> {
        let accounts = [requirement, ANY].into_iter().filter_map(|one| self.by_place.get(one));
        let places = accounts.flat_map(move |accounts| {
            [account, ANY, BY_PLACE].into_iter().filter_map(|one| accounts.get(one))
        });
        places.flat_map(BTreeMap::values).map(|exception| &**exception)
    }

    /// Gives the requirements (or `*`) whose credit depends on an account's units or tags.
    pub fn by_place(&self) -> impl Iterator<Item = &str> {
        let placed = self.by_place.iter().filter(|(_, accounts)| accounts.contains_key(BY_PLACE));
        placed.map(|(requirement, _)| &**requirement)
    }

    /// Tells whether any credit depends on the tags of a resource.
    pub fn asks_for_tags(&self) -> bool {
        !self.tagged.is_empty()
    }
}

/// Gives where the index keeps an exception that covers an account.
fn place_of(account: &str) -> &str {
    if selects_by_place(account) { BY_PLACE } else { account }
}

/// What is known of where a row lies; what is absent has no units and no tags.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The account.
    pub account: Option<&'a AccountState>,
    /// The resource as the inventory has it.
    pub resource: Option<&'a Resource>,
}

/// What an exception says of a row.
#[derive(Clone, Debug, PartialEq)]
struct Note<'a> {
    phase: ExceptionPhase,
    exception: &'a Exception,
}

/// Writes the credit of a row: the best exception that concerns it, live ones first.
///
/// Shape: a row without credit → the same row with it. Only failing rows get credit: for others an
/// exception means nothing. Among several, the first by phase wins (live, then one that begins
/// later, and so on), then the one that lasts longest, then the smallest id.
pub fn credit(
    key: &ComplianceKey,
    row: ComplianceState,
    place: Place<'_>,
    exceptions: &ExceptionIndex,
    now_ms: i64,
) -> ComplianceState {
    let fails = row.verdict == Verdict::Fail;
    let note = fails.then(|| best(key, &row, place, exceptions, now_ms)).flatten();
    let Some(Note { phase, exception }) = note else { return without_credit(row) };
    let live = phase == ExceptionPhase::Live;
    ComplianceState {
        credit: if live { Credit::Live } else { Credit::Lapsed },
        exception: Some(exception.id.clone()),
        exception_reason: Some(exception.reason.clone()),
        exception_expires_ms: exception.expires_ms,
        exception_phase: Some(phase),
        ..row
    }
}

/// Gives a row that no exception concerns.
pub fn without_credit(row: ComplianceState) -> ComplianceState {
    ComplianceState {
        credit: Credit::None,
        exception: None,
        exception_reason: None,
        exception_expires_ms: None,
        exception_phase: None,
        ..row
    }
}

fn best<'a>(
    key: &'a ComplianceKey,
    row: &ComplianceState,
    place: Place<'_>,
    exceptions: &'a ExceptionIndex,
    now_ms: i64,
) -> Option<Note<'a>> {
    let concerned = exceptions.of(&key.requirement, &key.account);
    let concerned = concerned.filter(|exception| matches(exception, key, row, place));
    let notes = concerned.map(|exception| Note { phase: exception.phase(now_ms), exception });
    notes.min_by_key(|note| {
        let lasts = Reverse(note.exception.expires_ms.unwrap_or(i64::MAX));
        (note.phase, lasts, &*note.exception.id)
    })
}

/// Tells whether an exception concerns a row: everything that it names must match, in full.
pub fn matches(
    exception: &Exception,
    key: &ComplianceKey,
    row: &ComplianceState,
    place: Place<'_>,
) -> bool {
    PARTS.iter().all(|(_, covers)| covers(exception, key, row, place))
}

/// Gives the one part of an exception that keeps it from concerning a row; none where it concerns
/// the row, or misses it by more than one.
pub fn miss(
    exception: &Exception,
    key: &ComplianceKey,
    row: &ComplianceState,
    place: Place<'_>,
) -> Option<&'static str> {
    let mut missed = PARTS.iter().filter(|(_, covers)| !covers(exception, key, row, place));
    let (name, _) = missed.next()?;
    missed.next().is_none().then_some(*name)
}

/// Tells whether a part of an exception covers a row.
type Covers = fn(&Exception, &ComplianceKey, &ComplianceState, Place<'_>) -> bool;

/// The parts of an exception, all of which must cover a row.
const PARTS: [(&str, Covers); 5] = [
    ("requirement", |exception, key, _, _| {
        exception.requirements.iter().any(|one| one == ANY || *one == key.requirement)
    }),
    ("account", |exception, key, _, place| exception.covers_account(&key.account, place.account)),
    ("region", |exception, key, _, _| {
        exception.regions.is_empty() || exception.regions.iter().any(|one| glob(one, &key.region))
    }),
    ("resource", |exception, key, row, _| {
        let names = [&key.resource, &row.name, &row.arn];
        names.iter().any(|name| !name.is_empty() && glob(&exception.resource, name))
    }),
    ("tag", |exception, _, _, place| {
        let tags = place.resource.map(|resource| &resource.tags);
        exception.tags.iter().all(|one| tags.is_some_and(|tags| has_tag(tags, one)))
    }),
];

#[cfg(test)]
mod tests {
    use schemas::ExceptionState;

    use super::*;
    use crate::testing::{exception, resource, state};

    fn key(resource: &str) -> ComplianceKey {
        ComplianceKey::new("R1", "111111111111", "r", resource, "")
    }

    fn index(of: &[Exception]) -> ExceptionIndex {
        let mut index = ExceptionIndex::default();
        of.iter().cloned().for_each(|one| index.insert(one));
        index
    }

    #[track_caller]
    fn check(of: &[Exception], now_ms: i64, expected: (Credit, Option<&str>)) {
        let (row, nowhere) = (state(Verdict::Fail), Place::default());
        let row = credit(&key("sg-1"), row, nowhere, &index(of), now_ms);
        assert_eq!((row.credit, row.exception.as_deref()), expected);
        assert_eq!(row.verdict, Verdict::Fail, "credit never changes a verdict");
    }

    #[test]
    fn credit_lasts_until_it_expires() {
        let of = [exception("e", "sg-1", Some(10))];
        check(&of, 9, (Credit::Live, Some("e")));
        check(&of, 10, (Credit::Lapsed, Some("e")));
        check(&[exception("e", "sg-1", None)], i64::MAX, (Credit::Live, Some("e")));
        check(&[exception("e", "sg-2", None)], 0, (Credit::None, None));
        let old = Exception { approved: false, ..exception("e", "*", None) };
        check(&[old], 0, (Credit::Lapsed, Some("e")));
    }

    #[test]
    fn a_live_exception_wins_then_the_longest() {
        let (short, long) = (exception("b", "sg-1", Some(10)), exception("a", "*", Some(20)));
        let of = [short.clone(), long.clone()];
        check(&of, 5, (Credit::Live, Some("a")));
        check(&[short, exception("c", "sg*", Some(3))], 5, (Credit::Live, Some("b")));
        check(&of, 30, (Credit::Lapsed, Some("a")));
    }

    #[test]
    fn credit_follows_from_what_was_decided_and_from_its_first_and_last_moment() {
        use ExceptionPhase as P;
        let (from, to) = (Some(10), Some(20));
        for (state, starts_ms, expires_ms, now_ms, expected) in [
            (ExceptionState::Approved, from, to, 9, P::Waiting),
            (ExceptionState::Approved, from, to, 10, P::Live),
            (ExceptionState::Approved, from, to, 19, P::Live),
            (ExceptionState::Approved, from, to, 20, P::Expired),
            (ExceptionState::Approved, to, from, 15, P::Expired),
            (ExceptionState::Approved, None, None, 15, P::Live),
            (ExceptionState::Asked, None, to, 30, P::Asked),
            (ExceptionState::Rejected, from, to, 15, P::Rejected),
            (ExceptionState::Withdrawn, from, to, 15, P::Withdrawn),
        ] {
            let row = Exception {
                state: Some(state),
                approved: state != ExceptionState::Approved,
                starts_ms,
                ..exception("e", "*", expires_ms)
            };
            let (failing, place) = (self::state(Verdict::Fail), Place::default());
            let got = credit(&key("sg-1"), failing, place, &index(&[row]), now_ms);
            let live = if expected == P::Live { Credit::Live } else { Credit::Lapsed };
            assert_eq!((got.exception_phase, got.credit), (Some(expected), live), "{state}");
        }
    }

    #[test]
    fn what_just_missed_is_told_by_its_one_part() {
        let (row, nowhere) = (state(Verdict::Fail), Place::default());
        let missed = |change: fn(&mut Exception)| {
            let mut one = exception("e", "sg-1", None);
            change(&mut one);
            miss(&one, &key("sg-1"), &row, nowhere)
        };
        assert_eq!(missed(|_| ()), None, "it concerns the row");
        assert_eq!(missed(|one| one.requirements = vec!["R2".into()]), Some("requirement"));
        assert_eq!(missed(|one| one.accounts = vec!["2".into()]), Some("account"));
        assert_eq!(missed(|one| one.regions = vec!["s".into()]), Some("region"));
        assert_eq!(missed(|one| one.resource = "sg-2".into()), Some("resource"));
        assert_eq!(missed(|one| one.tags = vec!["team".into()]), Some("tag"));
        let far = |one: &mut Exception| {
            one.resource = "sg-2".into();
            one.regions = vec!["s".into()];
        };
        assert_eq!(missed(far), None, "two parts are far");
    }

    /// Tells whether an exception that differs from one for everything covers a row of region
    /// `eu-west-1` in an account of units `prod/shop`.
    fn covers(change: impl Fn(&mut Exception)) -> bool {
        let mut one = exception("e", "*", None);
        change(&mut one);
        let texts = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let pairs = |all: &[(&str, &str)]| {
            all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let account = AccountState {
            units: texts(&["prod", "shop", "a/b"]),
            tags: pairs(&[("stage", "live")]),
            ..AccountState::default()
        };
        let tags = pairs(&[("env", "development"), ("a=b", "c=d"), ("empty", "")]);
        let resource = Resource { tags, ..resource("T", "sg-1") };
        let key = ComplianceKey::new("R1", "111111111111", "eu-west-1", "sg-1", "");
        let place = Place { account: Some(&account), resource: Some(&resource) };
        let row = state(Verdict::Fail);
        let known = matches(&one, &key, &row, place);
        let found: Vec<_> = index(&[one]).of("R1", "111111111111").map(|e| e.id.clone()).collect();
        assert!(!known || !found.is_empty(), "what matches is found");
        known
    }

    #[test]
    fn what_is_named_matches_in_full_or_not_at_all() {
        for (account, expected) in [
            ("*", true),
            ("111111111111", true),
            ("11111111111", false),
            ("unit:prod", true),
            ("unit:prod/shop", true),
            ("unit:prod/shop/a%2Fb", true),
            ("unit:prod/shop/a/b", false),
            ("unit:prod/shop/a", false),
            ("unit:prod/sho", false),
            ("unit:pro", false),
            ("unit:shop", false),
            ("unit:", false),
            ("unit:*", false),
            ("tag:stage", true),
            ("tag:stage=live", true),
            ("tag:stage=li", false),
            ("tag:env", false),
        ] {
            assert_eq!(covers(|one| one.accounts = vec![account.into()]), expected, "{account}");
        }
        for (region, expected) in
            [("eu-west-1", true), ("eu-*", true), ("eu-west", false), ("west", false), ("*", true)]
        {
            assert_eq!(covers(|one| one.regions = vec![region.into()]), expected, "{region}");
        }
        for (tags, expected) in [
            (&["env=development"][..], true),
            (&["env"], true),
            (&["env=dev"], false),
            (&["env=*"], false),
            (&["en"], false),
            (&["a=b=c=d"], true),
            (&["a=b"], true),
            (&["a"], false),
            (&["empty="], true),
            (&["env", "empty"], true),
            (&["env", "absent"], false),
            (&[""], false),
        ] {
            let tags: Vec<String> = tags.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(covers(|one| one.tags.clone_from(&tags)), expected, "{tags:?}");
        }
        assert!(!covers(|one| {
            one.regions = vec!["us-east-1".into()];
            one.tags = vec!["env".into()];
        }));
    }

    #[test]
    fn where_nothing_is_known_of_a_place_nothing_is_covered_by_it() {
        let row = state(Verdict::Fail);
        for one in [
            Exception { accounts: vec!["unit:prod".into()], ..exception("e", "*", None) },
            Exception { accounts: vec!["tag:a".into()], ..exception("e", "*", None) },
            Exception { tags: vec!["a".into()], ..exception("e", "*", None) },
        ] {
            assert!(!matches(&one, &key("sg-1"), &row, Place::default()), "{one:?}");
        }
    }

    #[test]
    fn the_index_tells_what_credit_depends_on() {
        let unit = Exception { accounts: vec!["unit:a".into()], ..exception("u", "*", None) };
        let tag = Exception { tags: vec!["t".into()], ..exception("t", "*", None) };
        let mut index = index(&[unit, tag]);
        assert_eq!(
            (index.by_place().collect::<Vec<_>>(), index.asks_for_tags()),
            (vec!["R1"], true)
        );
        index.insert(exception("u", "*", None));
        index.remove("t");
        assert_eq!((index.by_place().count(), index.asks_for_tags()), (0, false));
    }

    #[test]
    fn passing_rows_carry_no_exception() {
        let of = index(&[exception("e", "*", None)]);
        let row = credit(&key("sg-1"), state(Verdict::Pass), Place::default(), &of, 0);
        assert_eq!((row.credit, row.exception), (Credit::None, None));
    }

    #[test]
    fn an_exception_that_moves_leaves_its_old_requirement() {
        let mut index = index(&[exception("e", "*", None)]);
        index.insert(Exception { requirements: vec!["R2".into()], ..exception("e", "*", None) });
        assert_eq!(index.of("R1", "111111111111").count(), 0);
        assert_eq!(index.of("R2", "111111111111").count(), 1);
    }

    #[test]
    fn only_what_may_concern_a_place_is_looked_at() {
        let covers = |id: &str, requirement: &str, account: &str| Exception {
            requirements: vec![requirement.into()],
            accounts: vec![account.into()],
            ..exception(id, "*", None)
        };
        let mut index = index(&[
            covers("a", "R1", "1"),
            covers("b", "R1", "2"),
            covers("c", "R1", "*"),
            covers("d", "*", "1"),
            covers("e", "*", "*"),
            covers("f", "R2", "1"),
        ]);
        let ids = |index: &ExceptionIndex, requirement: &str, account: &str| -> String {
            index.of(requirement, account).map(|one| &*one.id).collect()
        };
        assert_eq!(ids(&index, "R1", "1"), "acde");
        assert_eq!(ids(&index, "R1", "3"), "ce");
        assert_eq!(ids(&index, "R3", "1"), "de");
        index.remove("c");
        index.remove("e");
        assert_eq!(ids(&index, "R1", "3"), "");
    }
}
