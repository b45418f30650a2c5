//! Prowler: OCSF detection findings (a list, or one a line) and CSV.
//!
//! Source: prowler-cloud/prowler, `prowler/lib/outputs/{ocsf,csv}` and `examples/output`; the
//! columns of version 4 and newer. What is muted keeps its status: a mute is no credit of ours.

use schemas::{Finding, FindingStatus, FindingSubject};
use serde_json::Value;

use super::{Document, GLOBAL, Parsed, Source};
use crate::{
    arn,
    json::{self, needed, text},
    table,
};

pub(super) const SOURCE: Source = Source { id: "prowler", parse };

/// The class of Prowler's findings; it writes files of class 2003, too: of one framework each,
/// a finding once for each requirement in it, and with its own verdict.
const DETECTION_FINDING: u64 = 2004;

/// Where a row has what: JSON Pointers.
struct Fields {
    provider: &'static str,
    check: &'static str,
    status: &'static str,
    muted: &'static str,
    /// What `muted` says of a row that is.
    muted_is: &'static str,
    account: &'static str,
    region: &'static str,
    resource: &'static str,
    name: &'static str,
    message: &'static str,
}

const OCSF: Fields = Fields {
    provider: "/cloud/provider",
    check: "/metadata/event_code",
    status: "/status_code",
    muted: "/status",
    muted_is: "suppressed",
    account: "/cloud/account/uid",
    region: "/cloud/region",
    resource: "/resources/0/uid",
    name: "/resources/0/name",
    message: "/status_detail",
};

const CSV: Fields = Fields {
    provider: "/provider",
    check: "/check_id",
    status: "/status",
    muted: "/muted",
    muted_is: "true",
    account: "/account_uid",
    region: "/region",
    resource: "/resource_uid",
    name: "/resource_name",
    message: "/status_extended",
};

/// The columns without which a table is not Prowler's.
const COLUMNS: &[&str] =
    &["check_id", "status", "account_uid", "region", "resource_uid", "status_extended"];

/// Reads a report.
fn parse(document: &Document<'_>) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    if json::is_json(document.text) {
        json::each(document.text, |place, row| {
            let row = detection(&row).and_then(|()| finding(&row, &OCSF));
            parsed.take(place.to_string(), row);
        })?;
    } else {
        table::each(document.text, COLUMNS, |place, row| {
            parsed.take(place, row.and_then(|row| finding(&row, &CSV)));
        })?;
    }
    Ok(parsed)
}

/// Refuses what is no finding of one check about one resource.
fn detection(row: &Value) -> Result<(), String> {
    if !row.is_object() {
        return Err("it is no object".to_owned());
    }
    let class = row.get("class_uid").and_then(Value::as_u64);
    if let Some(class) = class.filter(|class| *class != DETECTION_FINDING) {
        return Err(format!("class {class} is no detection finding ({DETECTION_FINDING})"));
    }
    match row.get("resources").and_then(Value::as_array).map_or(0, Vec::len) {
        0 | 1 => Ok(()),
        count => Err(format!("it names {count} resources")),
    }
}

fn finding(row: &Value, fields: &Fields) -> Result<(String, Finding), String> {
    let provider = text(row, fields.provider)?.unwrap_or_default();
    if !provider.is_empty() && !provider.eq_ignore_ascii_case("aws") {
        return Err(format!("provider {provider:?} is not aws"));
    }
    let account = needed(row, fields.account)?;
    if !arn::is_account(&account) {
        return Err(format!("account {account:?} is no id of twelve digits"));
    }
    let check = needed(row, fields.check)?;
    let status = status(&needed(row, fields.status)?)?;
    let resource = text(row, fields.resource)?.unwrap_or_default();
    let name = text(row, fields.name)?.unwrap_or_default();
    let region = text(row, fields.region)?;
    let mut message = text(row, fields.message)?.unwrap_or_default();
    let muted = text(row, fields.muted)?.unwrap_or_default();
    if muted.eq_ignore_ascii_case(fields.muted_is) {
        message.push_str(" (muted in Prowler)");
    }
    let is_account = is_account_level(&resource, &name, &account);
    let subject = if is_account { FindingSubject::Account } else { FindingSubject::Resource };
    let region = arn::region(&resource, region.as_deref()).unwrap_or(GLOBAL).to_lowercase();
    Ok((account, Finding { check, subject, region, resource, status, message, totals: None }))
}

fn status(word: &str) -> Result<FindingStatus, String> {
    match word.to_uppercase().as_str() {
        "PASS" => Ok(FindingStatus::Pass),
        "FAIL" => Ok(FindingStatus::Fail),
        // A person must look, or Prowler could not.
        "MANUAL" => Ok(FindingStatus::Unknown),
        _ => Err(format!("status {word:?} is none of PASS, FAIL, MANUAL")),
    }
}

/// Tells a row about the account, which Prowler gives a resource as well: the root user, something
/// named after the account (`:volume`, `:trail`), or what is not there (`analyzer/unknown`).
fn is_account_level(resource: &str, name: &str, account: &str) -> bool {
    let Some((of, _)) = arn::place(resource) else {
        return resource.is_empty() || resource == account;
    };
    let part = resource.splitn(6, ':').last().unwrap_or_default();
    // A role may be called so, too; then its name is without what it is.
    let is_absent = part.ends_with("/unknown") && name == part;
    let is_of_account = matches!(part, "root" | "password-policy" | "unknown");
    of == account && (name == account || is_of_account || is_absent)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "111122223333";

    fn parse_text(text: &str) -> Result<Parsed, String> {
        parse(&Document { text, check: None })
    }

    /// A row as Prowler writes it, with what differs laid over it.
    fn ocsf(changes: &Value) -> Value {
        let mut row = json!({
            "class_uid": 2004, "status_code": "FAIL", "status": "New", "status_detail": "why",
            "metadata": {"event_code": "ec2_x", "product": {"uid": "prowler"}},
            "cloud": {"provider": "aws", "region": "eu-west-1", "account": {"uid": A}},
            "resources": [{"uid": format!("arn:aws:ec2:eu-west-1:{A}:security-group/sg-1"),
                "name": "sg-1", "region": "eu-west-1"}],
        });
        for (pointer, value) in changes.as_object().expect("an object") {
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            row.pointer_mut(parent).expect("a parent")[name] = value.clone();
        }
        row
    }

    #[test]
    fn a_row_without_what_it_needs_names_what_is_wrong() {
        let long = "1".repeat(13);
        for (pointer, value, reason) in [
            ("/class_uid", json!(2003), "class 2003 is no detection finding (2004)"),
            ("/status_code", json!("GREEN"), "status \"GREEN\" is none of PASS, FAIL, MANUAL"),
            ("/status_code", json!(null), "`status_code` is missing"),
            ("/status_code", json!(["FAIL"]), "`status_code` is no text"),
            ("/metadata/event_code", json!(""), "`metadata.event_code` is missing"),
            ("/cloud/provider", json!("azure"), "provider \"azure\" is not aws"),
            ("/cloud/account", json!(null), "`cloud.account.uid` is missing"),
            ("/cloud/account/uid", json!(12), "account \"12\" is no id of twelve digits"),
            (
                "/cloud/account/uid",
                json!(long),
                "account \"1111111111111\" is no id of twelve digits",
            ),
            ("/resources", json!([{"uid": "a"}, {"uid": "b"}]), "it names 2 resources"),
        ] {
            let row = ocsf(&json!({pointer: value}));
            let parsed = parse_text(&json!([row]).to_string()).expect("a list");
            assert_eq!(parsed.broken, [("/0".to_owned(), reason.to_owned())]);
        }
        let parsed = parse_text("[7]").expect("a list");
        assert_eq!(parsed.broken, [("/0".to_owned(), "it is no object".to_owned())]);
    }

    #[test]
    fn an_account_as_a_number_is_an_account() {
        let row = ocsf(&json!({"/cloud/account/uid": 111_122_223_333_u64, "/class_uid": null}));
        let parsed = parse_text(&row.to_string()).expect("a row");
        assert_eq!(parsed.rows[0].0.as_deref(), Some(A));
        assert_eq!(Vec::from_iter(parsed.accounts), [A]);
    }

    #[test]
    fn rows_about_the_account_are_told_from_resources() {
        for (resource, name, expected) in [
            (format!("arn:aws:iam::{A}:root"), "<root_account>", true),
            (format!("arn:aws:iam::{A}:password-policy"), "password-policy", true),
            (format!("arn:aws:ec2:eu-west-1:{A}:volume"), A, true),
            (format!("arn:aws:guardduty:eu-west-1:{A}:detector/unknown"), "detector/unknown", true),
            (A.to_owned(), A, true),
            (String::new(), "", true),
            (format!("arn:aws:organizations::{A}:unknown"), "unknown", true),
            (format!("arn:aws:iam::{A}:user/root"), "root", false),
            (format!("arn:aws:iam::{A}:role/unknown"), "unknown", false),
            // A bucket may be named after its account, and its ARN names no account.
            (format!("arn:aws:s3:::{A}"), A, false),
            ("sg-1".to_owned(), "sg-1", false),
        ] {
            assert_eq!(is_account_level(&resource, name, A), expected, "{resource}");
        }
    }

    #[test]
    fn other_tables_are_refused() {
        let error = parse_text("category,title,region\nEC2,x,y\n").expect_err("a column");
        assert_eq!(error, "it has no column `check_id`");
    }
}
