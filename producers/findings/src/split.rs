//! Splits a file's rows into one report an account, and tells which of them are whole.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Finding, FindingStatus, FindingSubject};

/// Bytes of a check's, region's or resource's name: an ARN has at most 2,048.
const NAME_BYTES_MAX: usize = 2_048;

/// Bytes of a check's id, which a source may say once for many rows: the longest known has 90.
pub(crate) const CHECK_BYTES_MAX: usize = 512;

/// Bytes of a message that are kept.
pub(crate) const MESSAGE_BYTES_MAX: usize = 8_000;

/// What is known of the account that a file is about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Home<'a> {
    /// The account that the configuration gives.
    pub(crate) given: Option<&'a str>,
    /// The account that the file's name seems to give: other numbers have twelve digits too.
    pub(crate) in_name: Option<&'a str>,
}

/// A file's rows by account.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Split {
    /// Each account's rows, and whether they are all that the scanner says of it.
    pub(crate) accounts: BTreeMap<String, (Vec<Finding>, bool)>,
    /// What can't be told, in words.
    pub(crate) faults: Vec<String>,
}

/// Splits rows, each with the account that it names itself, by account.
///
/// Most scanners run for one account: the home. Rows about resources of other accounts go to those,
/// but say nothing about what else is there, so they clear nothing. A report may tell which
/// accounts it is about: then it is whole for each of them, also for one without a row.
pub(crate) fn split(
    mut rows: Vec<(Option<String>, Finding)>,
    told: &BTreeSet<String>,
    home: Home<'_>,
    whole: bool,
) -> Split {
    let count = rows.len();
    rows.retain(|(_, finding)| has_short_names(finding));
    let long = count - rows.len();
    let named: BTreeSet<String> = rows.iter().filter_map(|(account, _)| account.clone()).collect();
    let may_be_several = home.given.is_none();
    let home = home_of(home, &named, told);
    let homeless = rows.iter().filter(|(account, _)| account.is_none()).count();
    let homeless = if home.is_none() { homeless } else { 0 };
    let is_own = |account: &String| {
        home.as_ref() == Some(account) || may_be_several && told.contains(account)
    };
    let mut accounts: BTreeMap<String, BTreeMap<_, Finding>> = BTreeMap::new();
    accounts
        .extend(told.iter().filter(|one| is_own(one)).map(|one| (one.clone(), BTreeMap::new())));
    for (account, mut finding) in rows {
        let Some(account) = account.or_else(|| home.clone()) else { continue };
        if matches!(finding.subject, FindingSubject::Account | FindingSubject::Summary) {
            finding.resource.clone_from(&account);
        }
        shorten(&mut finding.message);
        let key = (finding.check.clone(), finding.region.clone(), finding.resource.clone());
        let of = accounts.entry(account).or_default();
        match of.remove(&key) {
            Some(other) => of.insert(key, join(other, finding)),
            None => of.insert(key, finding),
        };
    }
    let mut split = Split::default();
    let hint = "name the file after its account, or give `account`";
    if long > 0 {
        let what = "a check, region or resource of more than";
        split.faults.push(format!("{long} rows name {what} {NAME_BYTES_MAX} bytes"));
    }
    if homeless > 0 {
        split.faults.push(format!("{homeless} rows name no account: {hint}"));
    }
    if home.is_none() && told.is_empty() && named.len() > 1 {
        let count = named.len();
        split.faults.push(format!("its rows name {count} accounts, none clears anything: {hint}"));
    }
    for (account, findings) in accounts {
        let own = is_own(&account);
        if !own && let Some(home) = &home {
            let count = findings.len();
            let message = format!("{count} rows of the report of {home} are about {account}");
            split.faults.push(format!("{message}; they clear nothing there"));
        }
        let whole = whole && own && homeless == 0 && long == 0;
        split.accounts.insert(account, (findings.into_values().collect(), whole));
    }
    split
}

/// Decides which account a file is about; none when it tells of several itself.
fn home_of(home: Home<'_>, named: &BTreeSet<String>, told: &BTreeSet<String>) -> Option<String> {
    let in_name = home.in_name.filter(|one| named.is_empty() || named.contains(*one));
    let only = |of: &BTreeSet<String>| of.first().filter(|_| of.len() == 1).cloned();
    if let Some(given) = home.given {
        return Some(given.to_owned());
    }
    if !told.is_empty() {
        return only(told);
    }
    in_name.map(str::to_owned).or_else(|| only(named))
}

/// Makes one row of two about the same check and resource: the worse judgement, both messages.
fn join(one: Finding, other: Finding) -> Finding {
    let rank = |finding: &Finding| match finding.status {
        FindingStatus::Pass => 0,
        FindingStatus::Unknown => 1,
        FindingStatus::Warn => 2,
        FindingStatus::Fail => 3,
    };
    let (mut worse, better) = if rank(&other) > rank(&one) { (other, one) } else { (one, other) };
    if rank(&worse) == rank(&better) && worse.message != better.message {
        worse.message.push_str("; ");
        worse.message.push_str(&better.message);
        shorten(&mut worse.message);
    }
    worse.totals = worse.totals.max(better.totals);
    if worse.subject == FindingSubject::Summary {
        worse.subject = better.subject;
    }
    worse
}

/// Tells whether names fit into keys of records: some text elsewhere was taken for one else.
fn has_short_names(finding: &Finding) -> bool {
    let names = [&finding.check, &finding.region, &finding.resource];
    names.iter().all(|name| name.len() <= NAME_BYTES_MAX)
}

/// Keeps a message to what a record can hold.
fn shorten(message: &mut String) {
    cut(message, MESSAGE_BYTES_MAX);
}

/// Keeps a text to so many bytes; one that was longer ends in `…`.
pub(crate) fn cut(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max - '…'.len_utf8()));
        text.push('…');
    }
}

/// Refuses the id of a check, said once for many rows, that would be most of their memory.
pub(crate) fn is_check(id: &str) -> Result<(), String> {
    if id.len() > CHECK_BYTES_MAX {
        return Err(format!("its check's id has more than {CHECK_BYTES_MAX} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "111122223333";
    const B: &str = "444455556666";

    fn row(account: Option<&str>, resource: &str, status: FindingStatus) -> RowOf {
        let subject =
            if resource.is_empty() { FindingSubject::Account } else { FindingSubject::Resource };
        let finding = Finding {
            check: "c".into(),
            subject,
            region: "r".into(),
            resource: resource.into(),
            status,
            message: format!("{status}"),
            totals: None,
        };
        (account.map(str::to_owned), finding)
    }

    type RowOf = (Option<String>, Finding);

    #[track_caller]
    fn check(rows: Vec<RowOf>, home: Home<'_>, expected: &[(&str, usize, bool)], faults: &[&str]) {
        let split = split(rows, &BTreeSet::new(), home, true);
        let got: Vec<_> =
            split.accounts.iter().map(|(id, (rows, whole))| (&**id, rows.len(), *whole)).collect();
        assert_eq!(got, expected);
        assert_eq!(split.faults, faults);
    }

    fn named(in_name: &str) -> Home<'_> {
        Home { in_name: Some(in_name), ..Home::default() }
    }

    #[test]
    fn a_report_is_of_the_account_that_its_rows_or_its_name_tell() {
        use FindingStatus::Pass;
        let rows = || vec![row(Some(A), "x", Pass), row(None, "", Pass)];
        check(rows(), Home::default(), &[(A, 2, true)], &[]);
        check(rows(), named(A), &[(A, 2, true)], &[]);
        check(vec![row(None, "", Pass)], named(B), &[(B, 1, true)], &[]);
        // A time of day has twelve digits too: rows know better.
        check(rows(), named("202611231200"), &[(A, 2, true)], &[]);
    }

    #[test]
    fn rows_about_another_account_clear_nothing_there() {
        use FindingStatus::Pass;
        let rows = || vec![row(Some(A), "x", Pass), row(Some(B), "y", Pass)];
        let said = "1 rows of the report of 111122223333 are about 444455556666; \
                    they clear nothing there";
        check(rows(), named(A), &[(A, 1, true), (B, 1, false)], &[said]);
        let given = Home { given: Some(A), in_name: Some(B) };
        check(rows(), given, &[(A, 1, true), (B, 1, false)], &[said]);
        let several = "its rows name 2 accounts, none clears anything: \
                       name the file after its account, or give `account`";
        check(rows(), Home::default(), &[(A, 1, false), (B, 1, false)], &[several]);
    }

    #[test]
    fn a_report_that_tells_its_accounts_is_whole_for_each() {
        use FindingStatus::Pass;
        let told = |accounts: &[&str]| accounts.iter().map(|one| (*one).to_owned()).collect();
        let of = |split: Split| {
            let accounts = split.accounts.into_iter();
            accounts.map(|(id, (rows, whole))| (id, rows.len(), whole)).collect::<Vec<_>>()
        };
        let rows = || vec![row(Some(A), "x", Pass)];
        let both = [(A.to_owned(), 1, true), (B.to_owned(), 0, true)];
        assert_eq!(of(split(rows(), &told(&[A, B]), Home::default(), true)), both);
        // The name of a file tells less than its content.
        assert_eq!(of(split(rows(), &told(&[A, B]), named(B), true)), both);
        assert_eq!(of(split(rows(), &told(&[A]), named(B), true)), both[..1]);
        // Who is told that it is about one account does not believe it of another.
        let given = Home { given: Some(B), in_name: None };
        let foreign = [(A.to_owned(), 1, false)];
        assert_eq!(of(split(rows(), &told(&[A]), given, true)), foreign);
        // A row that was lost may be of any of them.
        let lost = vec![row(Some(A), "x", Pass), row(None, "y", Pass)];
        let neither = [(A.to_owned(), 1, false), (B.to_owned(), 0, false)];
        assert_eq!(of(split(lost, &told(&[A, B]), Home::default(), true)), neither);
    }

    #[test]
    fn a_report_without_a_home_says_so() {
        let said = "1 rows name no account: name the file after its account, or give `account`";
        check(vec![row(None, "x", FindingStatus::Fail)], Home::default(), &[], &[said]);
    }

    #[test]
    fn two_rows_about_the_same_are_one_and_the_worse_counts() {
        use FindingStatus::{Fail, Pass, Unknown, Warn};
        for (one, other, expected) in [
            (Pass, Fail, (Fail, "fail")),
            (Fail, Pass, (Fail, "fail")),
            (Unknown, Pass, (Unknown, "unknown")),
            (Warn, Unknown, (Warn, "warn")),
            (Pass, Pass, (Pass, "pass")),
        ] {
            let rows = vec![row(Some(A), "x", one), row(Some(A), "x", other)];
            let split = split(rows, &BTreeSet::new(), named(A), true);
            let (rows, _) = &split.accounts[A];
            assert_eq!(rows.len(), 1);
            assert_eq!((rows[0].status, &*rows[0].message), expected, "{one} {other}");
        }
        let mut second = row(Some(A), "x", Fail);
        second.1.message = "also by ::/0".into();
        let rows = vec![row(Some(A), "x", Fail), second];
        let split = split(rows, &BTreeSet::new(), named(A), true);
        assert_eq!(split.accounts[A].0[0].message, "fail; also by ::/0");
    }

    #[test]
    fn what_is_too_long_for_a_record_is_left_out_or_cut() {
        use FindingStatus::Fail;
        let long = "ü".repeat(NAME_BYTES_MAX / 2);
        let rows = vec![row(Some(A), &long, Fail), row(Some(A), &format!("{long}."), Fail)];
        let got = split(rows, &BTreeSet::new(), named(A), true);
        assert_eq!((got.accounts[A].0.len(), got.accounts[A].1), (1, false));
        let said = "1 rows name a check, region or resource of more than 2048 bytes";
        assert_eq!(got.faults, [said]);

        let messages = (0..10_000).map(|index| {
            let mut row = row(Some(A), "x", Fail);
            row.1.message = format!("ü{index}");
            row
        });
        let got = split(messages.collect(), &BTreeSet::new(), named(A), true);
        let message = &got.accounts[A].0[0].message;
        assert!(message.starts_with("ü0; ü1; ") && message.ends_with('…'), "{message:.20}");
        assert!((MESSAGE_BYTES_MAX - 4..=MESSAGE_BYTES_MAX).contains(&message.len()));
        assert!(got.accounts[A].1, "nothing but words is missing");
    }
}
