//! CloudSploit: its JSON array of results, bare or wrapped as its Lambda writes it.
//!
//! Source: aquasecurity/cloudsploit, `postprocess/output.js` (the array; status as a word), and
//! jchrisfarris/antiope-cloudsploit (`{"collectionData": .., "resultsData": [..]}`;
//! `statusNumber`).

use schemas::{Finding, FindingStatus, FindingSubject};
use serde_json::{Map, Value};

use super::{Parsed, Source};
use crate::arn;

pub(super) const SOURCE: Source = Source { id: "cloudsploit", parse };

/// What CloudSploit writes where a row is about no resource.
const NO_RESOURCE: &str = "N/A";

/// Reads a report.
///
/// Shape: the text of a file → its rows. Errors: it is no JSON, or neither of the two forms.
fn parse(text: &str) -> Result<Parsed, String> {
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("it is not JSON: {error}"))?;
    let (pointer, rows) = match &document {
        Value::Array(rows) => ("", rows),
        Value::Object(wrapped) => match wrapped.get("resultsData") {
            Some(Value::Array(rows)) => ("/resultsData", rows),
            _ => return Err("it has no list `resultsData`".to_owned()),
        },
        _ => return Err("it is neither a list of results nor an object around one".to_owned()),
    };
    let mut parsed = Parsed::default();
    for (index, row) in rows.iter().enumerate() {
        match row.as_object().ok_or_else(|| "it is no object".to_owned()).and_then(finding) {
            Ok(row) => parsed.rows.push(row),
            Err(reason) => parsed.broken.push((format!("{pointer}/{index}"), reason)),
        }
    }
    Ok(parsed)
}

fn finding(row: &Map<String, Value>) -> Result<(Option<String>, Finding), String> {
    let check = text(row, "plugin")?.ok_or("`plugin` is missing")?;
    let status = status(row)?;
    let message = text(row, "message")?.unwrap_or_default();
    let resource = text(row, "resource")?.filter(|r| !r.is_empty() && *r != NO_RESOURCE);
    let (account, region) = resource.and_then(arn::place).unwrap_or_default();
    let region = match text(row, "region")?.unwrap_or("global") {
        // A plugin of a global service still knows better than its resource's ARN.
        "" => region,
        one => one,
    };
    let subject = subject(resource, status, message);
    let account = arn::is_account(account).then(|| account.to_owned());
    let finding = Finding {
        check: check.to_owned(),
        subject,
        region: region.to_lowercase(),
        resource: resource.unwrap_or_default().to_owned(),
        status,
        message: message.to_owned(),
    };
    Ok((account, finding))
}

/// Tells the three kinds of rows without a resource apart: nothing there, a query that failed, and
/// a verdict on the account.
fn subject(resource: Option<&str>, status: FindingStatus, message: &str) -> FindingSubject {
    if resource.is_some() {
        return FindingSubject::Resource;
    }
    let message = message.to_lowercase();
    let starts = |words: &[&str]| words.iter().any(|word| message.starts_with(word));
    match status {
        FindingStatus::Unknown => FindingSubject::Query,
        _ if starts(&["unable to query", "unable to obtain"]) => FindingSubject::Query,
        FindingStatus::Pass if starts(&["no "]) && ends_empty(&message) => FindingSubject::Empty,
        _ => FindingSubject::Account,
    }
}

/// Tells whether a message says that there is nothing to judge ("No ECR repositories present").
fn ends_empty(message: &str) -> bool {
    ["found", "present", "exist", "available"].iter().any(|word| message.contains(word))
}

fn status(row: &Map<String, Value>) -> Result<FindingStatus, String> {
    let value = row.get("statusNumber").or_else(|| row.get("status"));
    match value {
        Some(Value::String(word)) => match word.to_uppercase().as_str() {
            "OK" | "PASS" => Ok(FindingStatus::Pass),
            "WARN" => Ok(FindingStatus::Warn),
            "FAIL" => Ok(FindingStatus::Fail),
            "UNKNOWN" => Ok(FindingStatus::Unknown),
            _ => Err(format!("`status` {word:?} is none of OK, WARN, FAIL, UNKNOWN")),
        },
        Some(Value::Number(number)) => match number.as_i64() {
            Some(0) => Ok(FindingStatus::Pass),
            Some(1) => Ok(FindingStatus::Warn),
            Some(2) => Ok(FindingStatus::Fail),
            // CloudSploit itself takes every other number as unknown.
            _ => Ok(FindingStatus::Unknown),
        },
        Some(_) => Err("`status` is neither a word nor a number".to_owned()),
        None => Err("`status` is missing".to_owned()),
    }
}

fn text<'a>(row: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{name}` is no text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(row: &str, expected: (FindingSubject, FindingStatus, &str, &str)) {
        let parsed = parse(&format!("[{row}]")).expect("a list");
        assert_eq!(parsed.broken, []);
        let (_, f) = &parsed.rows[0];
        assert_eq!((f.subject, f.status, &*f.region, &*f.resource), expected);
    }

    #[test]
    fn rows_are_about_a_resource_an_account_a_query_or_nothing() {
        use {FindingStatus as S, FindingSubject as F};
        let sg = "arn:aws:ec2:us-east-1:111122223333:security-group/sg-02e2c70c";
        check(
            &format!(
                r#"{{"plugin":"openSSH","resource":"{sg}","region":"us-east-1","status":"FAIL",
                    "message":"open","compliance":"PCI"}}"#
            ),
            (F::Resource, S::Fail, "us-east-1", sg),
        );
        check(
            r#"{"plugin":"openSSH","resource":"N/A","region":"eu-west-1","status":"UNKNOWN",
                "message":"Unable to query for security groups: Unable to obtain data"}"#,
            (F::Query, S::Unknown, "eu-west-1", ""),
        );
        check(
            r#"{"plugin":"ecrImageVulnerability","resource":"N/A","region":"us-east-1",
                "status":"OK","message":"No ECR repositories present"}"#,
            (F::Empty, S::Pass, "us-east-1", ""),
        );
        check(
            r#"{"plugin":"cloudtrailEnabled","region":"Global","status":"OK",
                "message":"CloudTrail is enabled and monitoring regions"}"#,
            (F::Account, S::Pass, "global", ""),
        );
        check(
            r#"{"plugin":"rootMfaEnabled","resource":"N/A","statusNumber":2,"status":"x",
                "message":"No MFA device was found for the root account"}"#,
            (F::Account, S::Fail, "global", ""),
        );
        check(r#"{"plugin":"p","status":"warn"}"#, (F::Account, S::Warn, "global", ""));
        check(r#"{"plugin":"p","status":7}"#, (F::Query, S::Unknown, "global", ""));
    }

    #[test]
    fn an_arn_names_the_account() {
        let row = r#"[{"plugin":"p","status":"OK","resource":"arn:aws:rds:r:111122223333:db:x"}]"#;
        assert_eq!(parse(row).expect("a list").rows[0].0.as_deref(), Some("111122223333"));
    }

    #[test]
    fn the_lambdas_wrapped_form_is_read_too() {
        let text = r#"{"collectionData":{},"resultsData":[{"plugin":"p","statusNumber":0}]}"#;
        assert_eq!(parse(text).expect("wrapped").rows.len(), 1);
    }

    #[test]
    fn a_broken_row_names_its_place_and_leaves_the_others() {
        let text = r#"[{"plugin":"p","status":"OK"},{"status":"OK"},7,{"plugin":"p"},
            {"plugin":"p","status":"GREEN"},{"plugin":["p"],"status":"OK"}]"#;
        let parsed = parse(text).expect("a list");
        assert_eq!(parsed.rows.len(), 1);
        let broken: Vec<_> = parsed.broken.iter().map(|(p, r)| (p.as_str(), r.as_str())).collect();
        assert_eq!(
            broken,
            [
                ("/1", "`plugin` is missing"),
                ("/2", "it is no object"),
                ("/3", "`status` is missing"),
                ("/4", "`status` \"GREEN\" is none of OK, WARN, FAIL, UNKNOWN"),
                ("/5", "`plugin` is no text"),
            ]
        );
    }

    #[test]
    fn other_documents_are_refused() {
        for text in ["", "{}", "7", "[", r#"{"resultsData":{}}"#] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(&deep).is_err(), "a deep document is refused, not a crash");
    }
}
