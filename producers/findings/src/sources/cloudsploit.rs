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

/// The region of what has none.
const GLOBAL: &str = "global";

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
    let check = text(row, "plugin")?.filter(|one| !one.is_empty()).ok_or("`plugin` is missing")?;
    let status = status(row)?;
    let message = text(row, "message")?.unwrap_or_default();
    let resource = text(row, "resource")?;
    let resource = resource.filter(|one| !one.is_empty() && !one.eq_ignore_ascii_case(NO_RESOURCE));
    let (account, in_arn) = resource.and_then(arn::place).unwrap_or_default();
    // A plugin of a global service still knows better than its resource's ARN.
    let regions = [text(row, "region")?.unwrap_or_default(), in_arn, GLOBAL];
    let region = regions.into_iter().find(|region| !region.is_empty()).unwrap_or(GLOBAL);
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
        FindingStatus::Pass if starts(&["no "]) && !praises(&message) => FindingSubject::Empty,
        _ => FindingSubject::Account,
    }
}

/// Tells "there is none of the bad" ("No public AMIs found"), a verdict, from "there is none at
/// all" ("No AMIs found").
///
/// Source: the 191 messages of status OK that begin with "No" in aquasecurity/cloudsploit 4b5bbd8,
/// `plugins/aws`.
fn praises(message: &str) -> bool {
    const BAD: &[&str] = &[
        "active findings",
        "aws managed key encrypted",
        "both access keys",
        "console access and access keys",
        "default kms keys found in use",
        "default vpc",
        "insecure",
        "overlapping",
        "pending",
        "public",
        "sensitive",
        "unencrypted",
        "vulnerabilit",
        "without",
    ];
    BAD.iter().any(|bad| message.contains(bad))
}

fn status(row: &Map<String, Value>) -> Result<FindingStatus, String> {
    let known = |name: &str| row.get(name).filter(|value| !value.is_null());
    match known("statusNumber").or_else(|| known("status")) {
        Some(Value::String(word)) => match word.trim().to_uppercase().as_str() {
            "OK" | "PASS" | "0" => Ok(FindingStatus::Pass),
            "WARN" | "1" => Ok(FindingStatus::Warn),
            "FAIL" | "2" => Ok(FindingStatus::Fail),
            "UNKNOWN" | "3" => Ok(FindingStatus::Unknown),
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
        Some(Value::String(text)) => Ok(Some(text.trim())),
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
        check(r#"{"plugin":"p","status":1e300}"#, (F::Query, S::Unknown, "global", ""));
        check(
            r#"{"plugin":"p","status":" ok ","statusNumber":null,"resource":" n/a ","region":null,
                "x":{"unknown":[1]}}"#,
            (F::Account, S::Pass, "global", ""),
        );
        // What looks like a formula stays as it is: text is data.
        check(
            r#"{"plugin":"p","status":"FAIL","resource":"=HYPERLINK(1)","region":"EU-west-1"}"#,
            (F::Resource, S::Fail, "eu-west-1", "=HYPERLINK(1)"),
        );
    }

    #[test]
    fn where_the_row_names_no_region_the_arn_does() {
        use {FindingStatus as S, FindingSubject as F};
        let rds = "arn:aws:rds:eu-west-1:111122223333:db:x";
        let iam = "arn:aws:iam::111122223333:user/ci";
        for (resource, region, expected) in [
            (rds, "", "eu-west-1"),
            (rds, r#","region":"""#, "eu-west-1"),
            (rds, r#","region":"us-east-1""#, "us-east-1"),
            (iam, "", "global"),
            (iam, r#","region":"Global""#, "global"),
        ] {
            let row = format!(r#"{{"plugin":"p","status":0,"resource":"{resource}"{region}}}"#);
            check(&row, (F::Resource, S::Pass, expected, resource));
        }
    }

    #[test]
    fn none_of_the_bad_is_a_verdict_and_none_at_all_is_not() {
        for (message, expected) in [
            ("No S3 buckets to check", FindingSubject::Empty),
            ("No domains registered through Route53", FindingSubject::Empty),
            ("No security groups present", FindingSubject::Empty),
            ("No IAM user accounts using access keys found", FindingSubject::Empty),
            ("No public AMIs found", FindingSubject::Account),
            ("No public EBS Snapshots", FindingSubject::Account),
            ("No unencrypted file systems found", FindingSubject::Account),
            ("No pending organization invitations", FindingSubject::Account),
            ("Not in use", FindingSubject::Account),
        ] {
            assert_eq!(subject(None, FindingStatus::Pass, message), expected, "{message}");
            let failing = subject(None, FindingStatus::Fail, message);
            assert_eq!(failing, FindingSubject::Account, "{message}: a failure is a verdict");
        }
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
            {"plugin":"p","status":"GREEN"},{"plugin":["p"],"status":"OK"},
            {"plugin":"p","status":true},{"plugin":"p","status":"OK","resource":{"id":1}}]"#;
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
                ("/6", "`status` is neither a word nor a number"),
                ("/7", "`resource` is no text"),
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
