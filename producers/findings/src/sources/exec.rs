//! A program of the user's own: findings as JSON lines.

use schemas::{Finding, FindingStatus, FindingSubject, Totals};
use serde_json::Value;

use super::{GLOBAL, Parsed};
use crate::{
    arn,
    json::{self, needed, text},
};

/// What a line may say; anything else is a slip of the pen that would not be noticed.
const FIELDS: &[&str] =
    &["account", "check", "failing", "message", "region", "resource", "status", "subject", "total"];

/// Reads what a program printed.
///
/// A program that found nothing to judge says so with a row of the subject `empty`: without a row
/// nobody knows whether it looked.
pub(crate) fn parse(output: &str) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    json::each(output, |place, row| match finding(&row) {
        Ok((Some(account), finding)) => parsed.take(place.to_string(), Ok((account, finding))),
        Ok(row) => parsed.rows.push(row),
        Err(reason) => parsed.broken.push((place.to_string(), reason)),
    })?;
    Ok(parsed)
}

fn finding(row: &Value) -> Result<(Option<String>, Finding), String> {
    let fields = row.as_object().ok_or("it is no object")?;
    if let Some(name) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(format!("`{name}` is none of {}", FIELDS.join(", ")));
    }
    let account = text(row, "/account")?;
    if let Some(account) = account.as_deref().filter(|one| !arn::is_account(one)) {
        return Err(format!("account {account:?} is no id of twelve digits"));
    }
    let check = needed(row, "/check")?;
    let status = status(&needed(row, "/status")?)?;
    let resource = text(row, "/resource")?;
    let subject = subject(text(row, "/subject")?.as_deref(), resource.is_some())?;
    let totals = totals(row, subject)?;
    let said = text(row, "/region")?;
    let resource = match subject {
        FindingSubject::Resource => resource.ok_or("`resource` is missing")?,
        _ => String::new(),
    };
    let region = arn::region(&resource, said.as_deref()).unwrap_or(GLOBAL).to_lowercase();
    let message = text(row, "/message")?.unwrap_or_default();
    Ok((account, Finding { check, subject, region, resource, status, message, totals }))
}

/// Reads the counts of a check as a whole, which its summary must have and no other row may.
fn totals(row: &Value, subject: FindingSubject) -> Result<Option<Totals>, String> {
    let of = |name: &str| row.get(name).map(|number| number.as_i64().filter(|one| *one >= 0));
    match (of("failing"), of("total"), subject) {
        (Some(Some(failing)), Some(Some(total)), FindingSubject::Summary) if failing <= total => {
            Ok(Some(Totals { failing, total }))
        }
        (None, None, FindingSubject::Summary) => {
            Err("a summary has `failing` and `total`".to_owned())
        }
        (None, None, _) => Ok(None),
        (_, _, FindingSubject::Summary) => {
            Err("`failing` of `total` are no counts of resources".to_owned())
        }
        _ => Err("`failing` and `total` are a summary's".to_owned()),
    }
}

fn status(word: &str) -> Result<FindingStatus, String> {
    match word {
        "pass" => Ok(FindingStatus::Pass),
        "warn" => Ok(FindingStatus::Warn),
        "fail" => Ok(FindingStatus::Fail),
        "unknown" => Ok(FindingStatus::Unknown),
        _ => Err(format!("status {word:?} is none of pass, warn, fail, unknown")),
    }
}

fn subject(word: Option<&str>, has_resource: bool) -> Result<FindingSubject, String> {
    match word {
        Some("resource") => Ok(FindingSubject::Resource),
        Some("account") => Ok(FindingSubject::Account),
        Some("empty") => Ok(FindingSubject::Empty),
        Some("query") => Ok(FindingSubject::Query),
        Some("summary") => Ok(FindingSubject::Summary),
        Some(word) => {
            Err(format!("subject {word:?} is none of resource, account, empty, query, summary"))
        }
        None if has_resource => Ok(FindingSubject::Resource),
        None => Ok(FindingSubject::Account),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_names_its_place_and_leaves_the_others() {
        let output = r#"{"check": "c", "status": "pass", "resource": "r"}
            {"check": "c", "status": "PASS"}
            {"check": "c", "status": "fail", "subject": "resource"}
            {"check": "c", "status": "fail", "subject": "region"}
            {"check": "c", "status": "fail", "resorce": "r"}
            {"check": "c", "status": "fail", "account": "prod"}
            {"check": "c"}
            {"status": "pass"}
            ["check"]
            {"check": "c", "status": "fail", "subject": "summary", "failing": 3, "total": 2}
            {"check": "c", "status": "fail", "subject": "summary", "failing": -1, "total": 2}
            {"check": "c", "status": "fail", "subject": "summary", "total": 2}
            {"check": "c", "status": "fail", "subject": "summary"}
            {"check": "c", "status": "fail", "resource": "r", "total": 2}"#;
        let parsed = parse(output).expect("JSON lines");
        assert_eq!(parsed.rows.len(), 1);
        let broken = parsed.broken.iter().map(|(place, reason)| (&**place, &**reason));
        let fields = "`resorce` is none of account, check, failing, message, region, resource, \
            status, subject, total";
        let counts = "`failing` of `total` are no counts of resources";
        assert_eq!(
            Vec::from_iter(broken),
            [
                ("line 2", "status \"PASS\" is none of pass, warn, fail, unknown"),
                ("line 3", "`resource` is missing"),
                (
                    "line 4",
                    "subject \"region\" is none of resource, account, empty, query, summary"
                ),
                ("line 5", fields),
                ("line 6", "account \"prod\" is no id of twelve digits"),
                ("line 7", "`status` is missing"),
                ("line 8", "`check` is missing"),
                ("line 9", "it is no object"),
                ("line 10", counts),
                ("line 11", counts),
                ("line 12", counts),
                ("line 13", "a summary has `failing` and `total`"),
                ("line 14", "`failing` and `total` are a summary's"),
            ]
        );
        assert!(parse("{\"check\": \"c\"").is_err(), "cut off");
    }

    #[test]
    fn only_a_row_about_a_resource_has_one() {
        for (row, subject, resource) in [
            (r#""resource": "r""#, FindingSubject::Resource, "r"),
            (r#""resource": """#, FindingSubject::Account, ""),
            (r#""subject": "account", "resource": "r""#, FindingSubject::Account, ""),
            (r#""subject": "query", "resource": "r""#, FindingSubject::Query, ""),
            (r#""subject": "empty""#, FindingSubject::Empty, ""),
            (
                r#""subject": "summary", "failing": 1, "total": 2, "resource": "r""#,
                FindingSubject::Summary,
                "",
            ),
        ] {
            let line = format!(r#"{{"check": "c", "status": "pass", {row}}}"#);
            let (_, finding) = parse(&line).expect("a line").rows.remove(0);
            assert_eq!((finding.subject, &*finding.resource), (subject, resource), "{row}");
        }
    }
}
