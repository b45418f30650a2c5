//! AWS Trusted Advisor: the results of its checks, as AWS's Support API answers.
//!
//! Source: AWS Support, `DescribeTrustedAdvisorChecks` and `DescribeTrustedAdvisorCheckResult`, and
//! the headings of the checks themselves. What a person suppressed there keeps its status.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Finding, FindingStatus, FindingSubject, Totals};
use serde_json::Value;

use super::{Document, GLOBAL, Parsed, Source};
use crate::{
    arn,
    json::{self, needed, text},
    split::{MESSAGE_BYTES_MAX, is_check},
};

pub(super) const SOURCE: Source = Source { id: ID, parse };

/// The source's id.
pub const ID: &str = "trustedadvisor";

/// Columns of a check, and bytes of a heading, which each of its rows gets: AWS's have 20 and 60.
const HEADINGS_MAX: usize = 100;
const HEADING_BYTES_MAX: usize = 200;

/// The columns that name the resource of a row: its first of these does. A resource's own id in a
/// result is opaque.
const NAMING: &[&str] = &[
    "Access Key",
    "Access Key ID",
    "Auto Scaling Group Name",
    "Bucket Name",
    "Cluster",
    "Connection ID",
    "Connection ID for VIF",
    "DB Instance",
    "DB Instance Name",
    "DB Instance or Cluster ID",
    "Distribution ID",
    "Group ID",
    "Hosted Zone ID",
    "IP Address",
    "Instance ID",
    "Load Balancer Name",
    "RDS Security Group Name",
    "Reserved Instance ID",
    "Resource",
    "Security Group ID",
    "Snapshot ID",
    "Trail Name",
    "VPN ID",
    "Volume ID",
];

/// Checks of public snapshots: the volume or instance that they name first is not what is public.
const OF_SNAPSHOTS: &[&str] = &["ePs02jT06w", "rSs93HQwa1"];

/// Reads a report: results, as AWS's command line prints them (`{"result": ..}`), with the checks
/// (`{"checks": [..]}`) before or after them, or Antiope's and our own documents of both.
///
/// It is whole when it has the list of the checks and a result of each: one check's file says
/// nothing of the others.
fn parse(document: &Document<'_>) -> Result<Parsed, String> {
    let (mut checks, mut results) = (BTreeMap::new(), Vec::new());
    let mut parsed = Parsed::default();
    json::each(document.text, |place, value| {
        if let Some(list) = value.get("checks").and_then(Value::as_array) {
            let named = list.iter().filter_map(|one| Some((one.get("id")?.as_str()?, one)));
            checks.extend(named.map(|(id, check)| (id.to_owned(), check.clone())));
            return;
        }
        match result_in(&value) {
            Some(result) => results.push((place, result)),
            None => parsed.broken.push((place.to_string(), "it holds no result".to_owned())),
        }
    })?;
    let mut unanswered: BTreeSet<&str> = checks.keys().map(String::as_str).collect();
    for (place, Told { account, check, result }) in &results {
        let id = result.get("checkId").and_then(Value::as_str).unwrap_or_default();
        let check = check.as_ref().or_else(|| checks.get(id)).unwrap_or(&Value::Null);
        match findings(check, result) {
            Ok(rows) => {
                unanswered.remove(id);
                parsed.accounts.extend(account.clone());
                parsed.rows.extend(rows.into_iter().map(|row| (account.clone(), row)));
            }
            Err(reason) => parsed.broken.push((place.to_string(), reason)),
        }
    }
    parsed.missing = missing(checks.len(), unanswered.len());
    Ok(parsed)
}

fn missing(checks: usize, unanswered: usize) -> Option<String> {
    match (checks, unanswered) {
        (0, _) => Some("it does not list the checks that there are".to_owned()),
        (_, 0) => None,
        (all, open) => Some(format!("{open} of {all} checks have no result")),
    }
}

/// A result with what stands beside it.
struct Told {
    account: Option<String>,
    check: Option<Value>,
    result: Value,
}

/// Finds the result in what a file holds.
fn result_in(value: &Value) -> Option<Told> {
    let account = text(value, "/awsAccountId").ok().flatten().filter(|one| arn::is_account(one));
    let told = |check: Option<&Value>, result: &Value| Told {
        account: account.clone(),
        check: check.cloned(),
        result: result.clone(),
    };
    let configuration = value.get("configuration");
    if let Some(result) = value.get("result").filter(|result| result.is_object()) {
        Some(told(None, result))
    } else if let Some(check) = value.pointer("/supplementaryConfiguration/CheckData") {
        Some(told(Some(check), configuration?))
    } else if let Some(result) = value.pointer("/supplementaryConfiguration/Result") {
        Some(told(configuration, result))
    } else {
        value.get("checkId").map(|_| told(None, value))
    }
}

/// Gives the findings of one check's result.
///
/// Shape: a check as `DescribeTrustedAdvisorChecks` lists it (null where it is not known) and the
/// result as `DescribeTrustedAdvisorCheckResult` answers → a row for each resource that is listed,
/// and one that sums them up. A check that lists none is a row about the account, unless it had
/// nothing to look at; one without a result is a query that failed, which clears nothing.
///
/// # Errors
/// The result names no check, a status has no meaning, or a resource's values do not stand below
/// the check's headings.
pub fn findings(check: &Value, result: &Value) -> Result<Vec<Finding>, String> {
    let id = needed(result, "/checkId")?;
    is_check(&id)?;
    let overall = status(&needed(result, "/status")?)?;
    let headings = headings(check)?;
    let flagged = result.get("flaggedResources").and_then(Value::as_array);
    let flagged = flagged.map_or(&[][..], Vec::as_slice);
    if overall == FindingStatus::Unknown {
        return Ok(vec![unread(&id, "Trusted Advisor has no result of it".to_owned())]);
    }
    if flagged.is_empty() {
        return Ok(vec![unlisted(&id, overall, headings.as_deref(), result)]);
    }
    let rows = flagged.iter().map(|one| listed(&id, headings.as_deref(), one));
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    let totals = totals(result, &rows);
    let message = format!("{} of {} resources are not in order", totals.failing, totals.total);
    let sum = about(&id, FindingSubject::Summary, overall, message);
    rows.push(Finding { totals: Some(totals), ..sum });
    Ok(rows)
}

/// Gives how many resources are listed that are not in order, and how many there are.
///
/// AWS counts as flagged whatever is listed, and some checks list what is in order too. Those that
/// a person suppressed are listed, and count.
fn totals(result: &Value, rows: &[Finding]) -> Totals {
    let count = |name: &str| {
        let number = result.get("resourcesSummary").and_then(|summary| summary.get(name));
        number.and_then(Value::as_i64).unwrap_or(0)
    };
    let here = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let passing = rows.iter().filter(|row| row.status == FindingStatus::Pass).count();
    let listed = count("resourcesFlagged").max(here);
    let failing = listed - i64::try_from(passing).unwrap_or(i64::MAX);
    Totals { failing, total: count("resourcesProcessed").max(listed) }
}

/// Makes the row of a check of which nothing is known, with the reason: what was found before
/// stands.
pub fn unread(id: &str, reason: String) -> Finding {
    about(id, FindingSubject::Query, FindingStatus::Unknown, reason)
}

/// Gives a check's headings; none where they are not known. Errors: they are no headings.
fn headings(check: &Value) -> Result<Option<Vec<&str>>, String> {
    let Some(list) = check.get("metadata").and_then(Value::as_array) else { return Ok(None) };
    if list.len() > HEADINGS_MAX {
        return Err(format!("the check has {} headings", list.len()));
    }
    let headings: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    let long = |headings: &Vec<&str>| headings.iter().any(|one| one.len() > HEADING_BYTES_MAX);
    if headings.as_ref().is_some_and(long) {
        return Err(format!("a heading of the check has more than {HEADING_BYTES_MAX} bytes"));
    }
    Ok(headings)
}

/// Makes the row of a check that lists no resource.
fn unlisted(
    id: &str,
    overall: FindingStatus,
    headings: Option<&[&str]>,
    result: &Value,
) -> Finding {
    let processed = result.pointer("/resourcesSummary/resourcesProcessed").and_then(Value::as_i64);
    // A check without columns (root's MFA) is about the account and processes nothing.
    let has_resources = headings.is_none_or(|headings| !headings.is_empty());
    let is_empty = has_resources && processed == Some(0) && overall == FindingStatus::Pass;
    let (subject, message) = match processed {
        _ if is_empty => (FindingSubject::Empty, "there is no resource to look at".to_owned()),
        Some(count) if has_resources => {
            (FindingSubject::Account, format!("none of {count} resources is listed"))
        }
        _ => (FindingSubject::Account, "about the account".to_owned()),
    };
    let mut totals = totals(result, &[]);
    if subject == FindingSubject::Account && totals.total == 0 {
        // The account itself is what it looked at.
        totals = Totals { failing: i64::from(overall != FindingStatus::Pass), total: 1 };
    }
    Finding { totals: Some(totals), ..about(id, subject, overall, message) }
}

fn about(id: &str, subject: FindingSubject, status: FindingStatus, message: String) -> Finding {
    let (check, region, resource) = (id.to_owned(), GLOBAL.to_owned(), String::new());
    Finding { check, subject, region, resource, status, message, totals: None }
}

/// Makes the row of a resource that is listed.
fn listed(id: &str, headings: Option<&[&str]>, flagged: &Value) -> Result<Finding, String> {
    let status = status(&needed(flagged, "/status")?)?;
    let values = flagged.get("metadata").and_then(Value::as_array);
    let values =
        values.into_iter().flatten().map(|value| value.as_str().unwrap_or_default().trim());
    let values: Vec<&str> = values.collect();
    let resource = match headings {
        Some(headings) if headings.len() == values.len() => named(id, headings, &values),
        Some(headings) => {
            let (has, wants) = (values.len(), headings.len());
            return Err(format!("a resource has {has} values, and the check {wants} headings"));
        }
        // Without the check nobody knows what the values are.
        None => text(flagged, "/resourceId")?,
    };
    let subject = match &resource {
        Some(_) => FindingSubject::Resource,
        None => FindingSubject::Account,
    };
    let said = text(flagged, "/region")?.filter(|region| region != "-");
    let resource = resource.unwrap_or_default();
    let region = arn::region(&resource, said.as_deref()).unwrap_or(GLOBAL).to_lowercase();
    let message = message(headings.unwrap_or_default(), &values, flagged);
    Ok(Finding { check: id.to_owned(), subject, region, resource, status, message, totals: None })
}

/// Finds the resource's name among its values; none where the row is about the account: no column
/// names a resource, or it is empty (a region without a trail).
fn named(id: &str, headings: &[&str], values: &[&str]) -> Option<String> {
    let is_naming = |heading: &str| {
        if OF_SNAPSHOTS.contains(&id) {
            return heading == "Snapshot ID";
        }
        NAMING.contains(&heading) || heading.ends_with(" ARN")
    };
    let at = headings.iter().position(|heading| is_naming(heading))?;
    // A security group's id is followed by its VPC's: `sg-1 (vpc-1)`.
    let name = values[at].split(" (").next().unwrap_or_default().trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn message(headings: &[&str], values: &[&str], flagged: &Value) -> String {
    let mut message = String::new();
    for (at, value) in values.iter().enumerate().filter(|(_, value)| !value.is_empty()) {
        // No more of it is kept.
        if message.len() > MESSAGE_BYTES_MAX {
            break;
        }
        message.push_str(if message.is_empty() { "" } else { "; " });
        if let Some(heading) = headings.get(at) {
            message.push_str(heading);
            message.push_str(": ");
        }
        message.push_str(value);
    }
    if flagged.get("isSuppressed") == Some(&Value::Bool(true)) {
        message.push_str(" (suppressed in Trusted Advisor)");
    }
    message
}

fn status(word: &str) -> Result<FindingStatus, String> {
    match word.to_lowercase().as_str() {
        "ok" => Ok(FindingStatus::Pass),
        "warning" => Ok(FindingStatus::Warn),
        "error" => Ok(FindingStatus::Fail),
        "not_available" => Ok(FindingStatus::Unknown),
        _ => Err(format!("status {word:?} is none of ok, warning, error, not_available")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(id: &str, headings: &[&str]) -> Value {
        json!({"id": id, "name": "n", "category": "security", "metadata": headings})
    }

    fn result(id: &str, status: &str, processed: u64, flagged: &Value) -> Value {
        json!({"checkId": id, "status": status, "flaggedResources": flagged,
            "resourcesSummary": {"resourcesProcessed": processed, "resourcesFlagged": 0,
                "resourcesIgnored": 0, "resourcesSuppressed": 0}})
    }

    fn flagged(values: &Value) -> Value {
        json!([{"status": "warning", "region": "us-east-1", "resourceId": "opaque",
            "isSuppressed": false, "metadata": values}])
    }

    fn parse_text(text: &str) -> Parsed {
        parse(&Document { text, check: None }).expect("JSON")
    }

    #[test]
    fn the_columns_name_the_resource() {
        for (id, headings, values, expected) in [
            ("a", &["Region", "Group ID", "Port"][..], json!(["r", "sg-1 (vpc-1)", "22"]), "sg-1"),
            ("a", &["Status", "IAM User", "Access Key"], json!(["Red", "ci", "AKIA1"]), "AKIA1"),
            ("a", &["Region", "Trail Name", "Bucket Name"], json!(["r", "main", "logs"]), "main"),
            (
                "a",
                &["Function ARN"],
                json!(["arn:aws:lambda:r:1:function:f"]),
                "arn:aws:lambda:r:1:function:f",
            ),
            ("a", &["Volume ID", "Snapshot ID"], json!(["vol-1", null]), "vol-1"),
            ("ePs02jT06w", &["Volume ID", "Snapshot ID"], json!(["vol-1", "snap-1"]), "snap-1"),
            // About the account: nothing is named, or what would be is not there.
            ("a", &["Service", "Limit Name"], json!(["VPC", "VPCs"]), ""),
            ("a", &["Region", "Trail Name"], json!(["r", null]), ""),
        ] {
            let found =
                findings(&check(id, headings), &result(id, "warning", 2, &flagged(&values)));
            let row = found.expect("aligned").remove(0);
            let is_account = row.subject == FindingSubject::Account;
            assert_eq!(
                (&*row.resource, is_account),
                (expected, expected.is_empty()),
                "{headings:?}"
            );
        }
        let row = findings(&Value::Null, &result("a", "warning", 2, &flagged(&json!(["x", "y"]))));
        let row = row.expect("no headings to align with").remove(0);
        assert_eq!((&*row.resource, &*row.message), ("opaque", "x; y"));
    }

    #[test]
    fn values_that_do_not_stand_below_headings_are_not_guessed() {
        let of = result("a", "warning", 2, &flagged(&json!(["us-east-1", "sg-1"])));
        let error = findings(&check("a", &["Region", "Group Name", "Group ID"]), &of);
        let expected = "a resource has 2 values, and the check 3 headings";
        assert_eq!(error, Err(expected.to_owned()));
    }

    #[test]
    fn what_each_row_gets_is_short() {
        let of = result("a", "warning", 2, &flagged(&json!(["v"])));
        let long = "h".repeat(201);
        let told = "a heading of the check has more than 200 bytes".to_owned();
        assert_eq!(findings(&check("a", &[&long]), &of), Err(told));
        assert!(findings(&check("a", &[&long[..200]]), &of).is_ok());
        let told = "the check has 101 headings".to_owned();
        assert_eq!(findings(&check("a", &["h"; 101]), &of), Err(told));
        let of = result(&"i".repeat(513), "warning", 2, &json!([]));
        let told = "its check's id has more than 512 bytes".to_owned();
        assert_eq!(findings(&Value::Null, &of), Err(told));
        // One value is enough to fill a message: nobody reads on.
        let of = result("a", "warning", 2, &flagged(&json!(["x".repeat(9_000), "y"])));
        let row = findings(&Value::Null, &of).expect("aligned").remove(0);
        assert_eq!(row.message.len(), 9_000);
    }

    #[test]
    fn a_check_that_lists_nothing_is_about_the_account_or_nothing() {
        use {FindingStatus as S, FindingSubject as F};
        let columns = &["Bucket Name"][..];
        for (headings, status, processed, expected) in [
            (columns, "ok", 7, (F::Account, S::Pass)),
            (columns, "ok", 0, (F::Empty, S::Pass)),
            (columns, "warning", 0, (F::Account, S::Warn)),
            (&[], "ok", 0, (F::Account, S::Pass)),
            (&[], "error", 0, (F::Account, S::Fail)),
            (columns, "not_available", 0, (F::Query, S::Unknown)),
        ] {
            let found =
                findings(&check("a", headings), &result("a", status, processed, &json!([])));
            let row = found.expect("a result").remove(0);
            assert_eq!((row.subject, row.status), expected, "{status} {processed}");
        }
    }

    #[test]
    fn what_is_listed_is_summed_up() {
        let listed = |statuses: &[&str]| {
            let one = |status| {
                json!({"status": status, "region": "us-east-1", "resourceId": "o",
                "isSuppressed": true, "metadata": ["b"]})
            };
            Value::Array(statuses.iter().map(one).collect())
        };
        for (status, processed, flagged, statuses, expected) in [
            ("error", 9, 2, &["error", "warning"][..], Some((2, 9))),
            // What is in order may be listed, too; and AWS may list less than it counts, or more.
            ("error", 9, 3, &["error", "ok", "ok"], Some((1, 9))),
            ("error", 9, 5, &["error"], Some((5, 9))),
            ("error", 1, 0, &["error", "error"], Some((2, 2))),
            ("ok", 2, 2, &["ok", "ok"], Some((0, 2))),
            // Nothing is listed: the row about the account has the counts.
            ("ok", 7, 0, &[], Some((0, 7))),
            ("warning", 7, 3, &[], Some((3, 7))),
            ("error", 0, 0, &[], Some((1, 1))),
            ("ok", 0, 0, &[], Some((0, 0))),
            ("not_available", 0, 0, &[], None),
        ] {
            let mut of = result("a", status, processed, &listed(statuses));
            of["resourcesSummary"]["resourcesFlagged"] = json!(flagged);
            let rows = findings(&check("a", &["Bucket Name"]), &of).expect("a result");
            let last = rows.last().expect("a row");
            let totals = last.totals.map(|totals| (totals.failing, totals.total));
            assert_eq!(totals, expected, "{status} {processed} {flagged} {statuses:?}");
            assert_eq!(rows.len(), if statuses.is_empty() { 1 } else { statuses.len() + 1 });
            let is_summary = last.subject == FindingSubject::Summary;
            assert_eq!(is_summary, !statuses.is_empty());
        }
    }

    #[test]
    fn a_report_is_whole_with_a_result_of_each_check() {
        let checks = json!({"checks": [check("a", &[]), check("b", &[])]});
        let of = |id: &str, status: &str| json!({"result": result(id, status, 0, &json!([]))});
        let text =
            |values: &[&Value]| values.iter().map(|one| format!("{one}\n")).collect::<String>();
        for (values, expected) in [
            (vec![&of("a", "ok"), &of("b", "ok"), &checks], None),
            (vec![&checks, &of("a", "ok")], Some("1 of 2 checks have no result")),
            // That one is not available is told by a row, which holds what was found before.
            (vec![&checks, &of("a", "ok"), &of("b", "not_available")], None),
            (vec![&of("a", "ok")], Some("it does not list the checks that there are")),
        ] {
            assert_eq!(parse_text(&text(&values)).missing.as_deref(), expected);
        }
    }

    #[test]
    fn antiopes_documents_and_ours_are_read_too() {
        let (check, result) = (check("a", &[]), result("a", "error", 0, &json!([])));
        let ours = json!({"awsAccountId": "111122223333", "configuration": check,
            "supplementaryConfiguration": {"Result": result}});
        let antiope = json!({"awsAccountId": "111122223333", "configuration": result,
            "supplementaryConfiguration": {"CheckData": check}});
        for document in [ours, antiope] {
            let parsed = parse_text(&document.to_string());
            assert_eq!(parsed.rows[0].0.as_deref(), Some("111122223333"));
            assert_eq!(parsed.rows[0].1.status, FindingStatus::Fail);
        }
        let without_plan = json!({"configuration": {"available": false}});
        let broken = parse_text(&without_plan.to_string()).broken;
        assert_eq!(broken, [("line 1".to_owned(), "it holds no result".to_owned())]);
    }
}
