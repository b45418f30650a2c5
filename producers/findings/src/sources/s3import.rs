//! antiope-scorecards' s3Import: what failed one check, account by account.
//!
//! Source: WarnerMedia/antiope-scorecards, `app/states/s3importer.py`. The file does not name its
//! check, and of what is in order it tells only how many there are: a report of it clears what is
//! no longer listed, sums the account up, and cannot say of any resource that it passes.

use schemas::{Finding, FindingStatus, FindingSubject, Totals};
use serde_json::Value;

use super::{Document, GLOBAL, Parsed, Source};
use crate::{
    arn,
    json::{self, Place, needed, text},
};

pub(super) const SOURCE: Source = Source { id: "s3import", parse };

/// Reads a report: an object of accounts.
fn parse(document: &Document<'_>) -> Result<Parsed, String> {
    let check = document.check.filter(|check| !check.is_empty());
    let check =
        check.ok_or("it does not name its check: give `check`, or name the file after it")?;
    let mut parsed = Parsed::default();
    let mut other = false;
    json::each(document.text, |place, accounts| match accounts.as_object() {
        Some(accounts) if matches!(place, Place::Line(_)) => {
            for (account, of) in accounts {
                import(&mut parsed, check, account, of, &place.within(&format!("/{account}")));
            }
        }
        _ => other = true,
    })?;
    if other { Err("it is no object of accounts".to_owned()) } else { Ok(parsed) }
}

/// Takes an account's failing resources; the account is told in whole when the counts agree.
fn import(parsed: &mut Parsed, check: &str, account: &str, of: &Value, place: &str) {
    let (failing, total) = match failing(account, of) {
        Ok(told) => told,
        Err(reason) => return parsed.broken.push((place.to_owned(), reason)),
    };
    parsed.accounts.insert(account.to_owned());
    parsed.rows.push((Some(account.to_owned()), sum(check, failing.len(), total)));
    for (index, resource) in failing.iter().enumerate() {
        match finding(resource, account, check) {
            Ok(finding) => parsed.rows.push((Some(account.to_owned()), finding)),
            Err(reason) => {
                parsed.broken.push((format!("{place}/failingResources/{index}"), reason));
            }
        }
    }
}

/// Gives an account's failing resources, and the number of all.
fn failing<'a>(account: &str, of: &'a Value) -> Result<(&'a [Value], i64), String> {
    if !arn::is_account(account) {
        return Err(format!("account {account:?} is no id of twelve digits"));
    }
    let failing = of.get("failingResources").and_then(Value::as_array);
    let failing = failing.ok_or("it has no list `failingResources`")?;
    let total = of.get("totalResourceCount").and_then(Value::as_i64).filter(|total| *total >= 0);
    let total = total.ok_or("`totalResourceCount` is no whole number")?;
    let count = count(failing.len());
    if total < count {
        return Err(format!("`totalResourceCount` is {total}, and {count} are listed"));
    }
    Ok((failing, total))
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}

/// Makes the row that sums an account up.
fn sum(check: &str, failing: usize, total: i64) -> Finding {
    let failing = count(failing);
    Finding {
        check: check.to_owned(),
        subject: FindingSubject::Summary,
        region: GLOBAL.to_owned(),
        resource: String::new(),
        status: if failing > 0 { FindingStatus::Fail } else { FindingStatus::Pass },
        message: format!("{failing} of {total} resources fail"),
        totals: Some(Totals { failing, total }),
    }
}

fn finding(resource: &Value, account: &str, check: &str) -> Result<Finding, String> {
    let of = text(resource, "/accountId")?;
    if let Some(of) = of.filter(|of| of != account) {
        return Err(format!("it is of account {of}"));
    }
    let id = needed(resource, "/resourceId")?;
    let said = text(resource, "/region")?;
    let region = arn::region(&id, said.as_deref()).unwrap_or(GLOBAL).to_lowercase();
    let subject = if id == account { FindingSubject::Account } else { FindingSubject::Resource };
    let message = text(resource, "/reason")?.unwrap_or_default();
    let (check, status) = (check.to_owned(), FindingStatus::Fail);
    Ok(Finding { check, subject, region, resource: id, status, message, totals: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> Result<Parsed, String> {
        parse(&Document { text, check: Some("patches") })
    }

    #[test]
    fn an_account_without_a_failure_is_told_in_whole() {
        let text = r#"{"111122223333": {"totalResourceCount": 9, "failingResources": []}}"#;
        let parsed = parse_text(text).expect("accounts");
        let totals: Vec<_> = parsed.rows.iter().map(|(_, row)| row.totals).collect();
        assert_eq!(totals, [Some(Totals { failing: 0, total: 9 })]);
        assert_eq!(Vec::from_iter(parsed.accounts), ["111122223333"]);
    }

    #[test]
    fn what_does_not_agree_names_what_is_wrong() {
        let resource = r#"{"resourceId": "i-1"}"#;
        for (account, total, resources, place, reason) in [
            (
                "111122223333",
                "1",
                r#"{"resourceId": ""}"#,
                "/failingResources/0",
                "`resourceId` is missing",
            ),
            (
                "111122223333",
                "1",
                r#"{"resourceId": "i-1", "accountId": "444455556666"}"#,
                "/failingResources/0",
                "it is of account 444455556666",
            ),
            ("111122223333", "0", resource, "", "`totalResourceCount` is 0, and 1 are listed"),
            ("111122223333", "\"DNC\"", resource, "", "`totalResourceCount` is no whole number"),
            ("111122223333", "-1", resource, "", "`totalResourceCount` is no whole number"),
            ("prod", "1", resource, "", "account \"prod\" is no id of twelve digits"),
        ] {
            let of = format!(r#""totalResourceCount": {total}, "failingResources": [{resources}]"#);
            let parsed = parse_text(&format!("{{\"{account}\": {{{of}}}}}")).expect("accounts");
            let expected = [(format!("/{account}{place}"), reason.to_owned())];
            assert!(parsed.rows.iter().all(|(_, row)| row.totals.is_some()), "{of}");
            assert_eq!(parsed.broken, expected, "{of}");
        }
    }

    #[test]
    fn a_file_that_names_no_check_or_no_account_is_refused() {
        let text = r#"{"111122223333": {"totalResourceCount": 9, "failingResources": []}}"#;
        assert!(parse(&Document { text, check: None }).is_err());
        for text in ["[]x", "[{}]", "7", "{} 7", "["] {
            assert!(parse_text(text).is_err(), "{text}");
        }
    }
}
