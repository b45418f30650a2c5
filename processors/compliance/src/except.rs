//! Credit: which exception concerns a failing row, and whether it still counts.

use std::{collections::BTreeMap, sync::Arc};

use schemas::{ComplianceKey, ComplianceState, Credit, Exception, Verdict};

/// Stands for every account, requirement or resource.
const ANY: &str = "*";

/// Exceptions, found by the requirement and the account that they cover.
#[derive(Clone, Debug, Default)]
pub struct ExceptionIndex {
    /// By requirement, then by account (either may be `*`), then by id.
    by_place: BTreeMap<String, BTreeMap<String, BTreeMap<String, Arc<Exception>>>>,
    all: BTreeMap<String, Arc<Exception>>,
}

impl ExceptionIndex {
    /// Takes an exception in, in place of an older version of it.
    pub fn insert(&mut self, exception: Exception) {
        self.remove(&exception.id);
        let exception = Arc::new(exception);
        for requirement in &exception.requirements {
            let accounts = self.by_place.entry(requirement.clone()).or_default();
            for account in &exception.accounts {
                let of = accounts.entry(account.clone()).or_default();
                of.insert(exception.id.clone(), exception.clone());
            }
        }
        self.all.insert(exception.id.clone(), exception);
    }

    /// Takes an exception out.
    pub fn remove(&mut self, id: &str) {
        let Some(exception) = self.all.remove(id) else { return };
        for requirement in &exception.requirements {
            let Some(accounts) = self.by_place.get_mut(requirement) else { continue };
            for account in &exception.accounts {
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
            [account, ANY].into_iter().filter_map(|one| accounts.get(one))
        });
        places.flat_map(BTreeMap::values).map(|exception| &**exception)
    }
}

/// What an exception says of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Note<'a> {
    /// Whether it counts.
    pub credit: Credit,
    /// The exception.
    pub exception: &'a Exception,
}

/// Writes the credit of a row: the best exception that concerns it, live ones first.
///
/// Shape: a row without credit → the same row with it. Only failing rows get credit: for others an
/// exception means nothing. Among several, a live one wins over a lapsed one, then the one that
/// lasts longest, then the smallest id.
pub fn credit(
    key: &ComplianceKey,
    row: ComplianceState,
    exceptions: &ExceptionIndex,
    now_ms: i64,
) -> ComplianceState {
    let note =
        (row.verdict == Verdict::Fail).then(|| best(key, &row, exceptions, now_ms)).flatten();
    let Some(note) = note else {
        return ComplianceState {
            credit: Credit::None,
            exception: None,
            exception_reason: None,
            exception_expires_ms: None,
            ..row
        };
    };
    ComplianceState {
        credit: note.credit,
        exception: Some(note.exception.id.clone()),
        exception_reason: Some(note.exception.reason.clone()),
        exception_expires_ms: note.exception.expires_ms,
        ..row
    }
}

fn best<'a>(
    key: &'a ComplianceKey,
    row: &ComplianceState,
    exceptions: &'a ExceptionIndex,
    now_ms: i64,
) -> Option<Note<'a>> {
    let concerned = exceptions.of(&key.requirement, &key.account);
    let concerned = concerned.filter(|exception| matches(exception, key, row));
    let notes = concerned.map(|exception| Note { credit: standing(exception, now_ms), exception });
    notes.min_by_key(|note| {
        let lapsed = note.credit != Credit::Live;
        let lasts = std::cmp::Reverse(note.exception.expires_ms.unwrap_or(i64::MAX));
        (lapsed, lasts, note.exception.id.clone())
    })
}

fn standing(exception: &Exception, now_ms: i64) -> Credit {
    let live = exception.approved && exception.expires_ms.is_none_or(|expires| now_ms < expires);
    if live { Credit::Live } else { Credit::Lapsed }
}

/// Tells whether an exception concerns a row: requirement, account and resource all match.
pub fn matches(exception: &Exception, key: &ComplianceKey, row: &ComplianceState) -> bool {
    let listed = |list: &[String], one: &str| list.iter().any(|l| l == ANY || l == one);
    let resource = |text: &str| !text.is_empty() && glob(&exception.resource, text);
    listed(&exception.requirements, &key.requirement)
        && listed(&exception.accounts, &key.account)
        && (resource(&key.resource) || resource(&row.name) || resource(&row.arn))
}

/// Matches a text against a pattern with `*` (any text) and `?` (any one character).
fn glob(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == text;
    }
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                // Let the last star take one character more; without one there is no match.
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{exception, state};

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
        let row = credit(&key("sg-1"), state(Verdict::Fail), &index(of), now_ms);
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
        let waiting = Exception { approved: false, ..exception("e", "*", None) };
        check(&[waiting], 0, (Credit::Lapsed, Some("e")));
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
    fn passing_rows_carry_no_exception() {
        let row =
            credit(&key("sg-1"), state(Verdict::Pass), &index(&[exception("e", "*", None)]), 0);
        assert_eq!((row.credit, row.exception), (Credit::None, None));
    }

    #[test]
    fn patterns_are_globs_and_nothing_else() {
        for (pattern, text, expected) in [
            ("*", "anything", true),
            ("sg-0abc*", "sg-0abcdef", true),
            ("sg-?", "sg-1", true),
            ("sg-?", "sg-12", false),
            ("logs", "prod-logs-x", false),
            ("a.c", "abc", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("arn:aws:s3:::*", "arn:aws:s3:::b", true),
            ("", "x", false),
            ("ü*", "über", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
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
