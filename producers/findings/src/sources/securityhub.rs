//! AWS Security Hub: findings in ASFF, as pages of GetFindings or as lists of findings.
//!
//! Source: AWS, "AWS Security Finding Format (ASFF)" and "Samples of control findings". What a
//! person suppressed there keeps its status: it is no credit of ours.

use schemas::{Finding, FindingStatus, FindingSubject};
use serde_json::Value;

use super::{Document, GLOBAL, Parsed, Source};
use crate::{
    arn,
    json::{self, Place, needed, text},
    split::{cut, is_check},
};

pub(super) const SOURCE: Source = Source { id: "securityhub", parse };

/// Resources of a finding; Security Hub takes 32.
const RESOURCES_MAX: usize = 100;

/// Bytes of a message, which each of a finding's resources gets: Security Hub takes titles of 256
/// characters, and 20 codes of reasons.
const MESSAGE_BYTES_MAX: usize = 2_000;

/// The type of the resource that stands for the account.
const ACCOUNT: &str = "AwsAccount";

/// Reads a report: findings or pages of them, in a list or one after another.
///
/// Findings that are archived, or that other products judge by no control, are left out, and what
/// is left out stands for nothing: an account of which a report has no more than that is not in it.
/// Each other account that is named is told in whole, if the last page has no token for a next.
fn parse(document: &Document<'_>) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    json::each(document.text, |place, value| {
        let Some(page) = value.get("Findings") else {
            return take(&mut parsed, place.to_string(), &value);
        };
        parsed.missing = is_unfinished(&value).then(|| "its last page is not the last".to_owned());
        let Some(findings) = page.as_array() else {
            let place = place.within("/Findings");
            return parsed.broken.push((place, "it is no list".to_owned()));
        };
        for (index, one) in findings.iter().enumerate() {
            take(&mut parsed, inside(place, index), one);
        }
    })?;
    Ok(parsed)
}

fn inside(place: Place, index: usize) -> String {
    place.within(&format!("/Findings/{index}"))
}

fn is_unfinished(page: &Value) -> bool {
    page.get("NextToken").is_some_and(|token| !token.is_null() && token != "")
}

fn take(parsed: &mut Parsed, place: String, finding: &Value) {
    let is_archived = finding.get("RecordState").is_some_and(|state| state == "ARCHIVED");
    let is_control = finding.get("Compliance").is_some_and(|one| !one.is_null());
    if finding.get("AwsAccountId").is_some() && (is_archived || !is_control) {
        return;
    }
    match rows(finding) {
        Ok(rows) => rows.into_iter().for_each(|row| parsed.take(place.clone(), Ok(row))),
        Err(reason) => parsed.broken.push((place, reason)),
    }
}

/// Gives a finding's rows, one for each of its resources.
fn rows(finding: &Value) -> Result<Vec<(String, Finding)>, String> {
    if !finding.is_object() {
        return Err("it is no object".to_owned());
    }
    let account = needed(finding, "/AwsAccountId")?;
    if !arn::is_account(&account) {
        return Err(format!("account {account:?} is no id of twelve digits"));
    }
    let check = check(finding)?;
    is_check(&check)?;
    let status = status(&needed(finding, "/Compliance/Status")?)?;
    let message = message(finding)?;
    let resources = finding.get("Resources").and_then(Value::as_array);
    let resources = resources.filter(|list| !list.is_empty()).ok_or("`Resources` is missing")?;
    if resources.len() > RESOURCES_MAX {
        return Err(format!("it names {} resources", resources.len()));
    }
    let row = |resource: &Value| {
        let id = needed(resource, "/Id")?;
        let is_account = resource.get("Type").is_some_and(|kind| kind == ACCOUNT);
        let said = match text(resource, "/Region")? {
            Some(region) => Some(region),
            None => text(finding, "/Region")?,
        };
        let region = arn::region(&id, said.as_deref()).unwrap_or(GLOBAL).to_lowercase();
        let subject = if is_account { FindingSubject::Account } else { FindingSubject::Resource };
        let (check, message) = (check.clone(), message.clone());
        let finding =
            Finding { check, subject, region, resource: id, status, message, totals: None };
        Ok((account.clone(), finding))
    };
    resources.iter().map(row).collect()
}

/// Names the check: the control, which is the same in every standard, or who generated the finding.
fn check(finding: &Value) -> Result<String, String> {
    if let Some(control) = text(finding, "/Compliance/SecurityControlId")? {
        return Ok(control);
    }
    let generator = needed(finding, "/GeneratorId")?;
    Ok(generator.rsplit('/').next().unwrap_or(&generator).to_owned())
}

fn status(word: &str) -> Result<FindingStatus, String> {
    match word {
        "PASSED" => Ok(FindingStatus::Pass),
        "WARNING" => Ok(FindingStatus::Warn),
        "FAILED" => Ok(FindingStatus::Fail),
        "NOT_AVAILABLE" => Ok(FindingStatus::Unknown),
        _ => Err(format!("status {word:?} is none of PASSED, WARNING, FAILED, NOT_AVAILABLE")),
    }
}

/// Gives the title with the codes of the reasons, and whether somebody suppressed it.
fn message(finding: &Value) -> Result<String, String> {
    let mut message = text(finding, "/Title")?.unwrap_or_default();
    let reasons = finding.pointer("/Compliance/StatusReasons").and_then(Value::as_array);
    for reason in reasons.into_iter().flatten() {
        if let Some(code) = text(reason, "/ReasonCode")? {
            message.push_str("; ");
            message.push_str(&code);
        }
    }
    cut(&mut message, MESSAGE_BYTES_MAX);
    if finding.pointer("/Workflow/Status").is_some_and(|status| status == "SUPPRESSED") {
        message.push_str(" (suppressed in Security Hub)");
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "111122223333";

    fn parse_text(text: &str) -> Parsed {
        parse(&Document { text, check: None }).expect("JSON")
    }

    fn one(status: &str, resource: &str) -> Value {
        json!({"AwsAccountId": A, "GeneratorId": "security-control/EC2.13", "Region": "eu-west-1",
            "Title": "t", "Resources": [{"Type": "AwsEc2SecurityGroup", "Id": resource}],
            "Compliance": {"Status": status, "SecurityControlId": "EC2.13"},
            "Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE"})
    }

    #[test]
    fn a_report_is_whole_when_the_last_page_has_no_token() {
        let page = |token: Value| json!({"Findings": [one("PASSED", "sg-1")], "NextToken": token});
        let (open, last) = (page(json!("x")), page(json!(null)));
        let (empty, none) = (page(json!("")), json!({"Findings": [one("PASSED", "sg-1")]}));
        for (pages, missing) in [
            (json!([open, last]).to_string(), false),
            (json!([open, empty]).to_string(), false),
            (json!([open, none]).to_string(), false),
            (format!("{open}\n{last}\n"), false),
            (json!([last, open]).to_string(), true),
            (open.to_string(), true),
            (json!([one("PASSED", "sg-1")]).to_string(), false),
        ] {
            assert_eq!(parse_text(&pages).missing.is_some(), missing, "{pages}");
        }
    }

    #[test]
    fn what_is_left_out_stands_for_nothing() {
        let mut archived = one("FAILED", "sg-1");
        archived["RecordState"] = json!("ARCHIVED");
        let mut of_guard_duty = one("FAILED", "sg-1");
        of_guard_duty.as_object_mut().expect("an object").remove("Compliance");
        let parsed = parse_text(&json!([archived, of_guard_duty]).to_string());
        assert_eq!(parsed, Parsed::default());
    }

    #[test]
    fn a_finding_is_a_row_for_each_resource() {
        let mut two = one("FAILED", "sg-1");
        two["Resources"] = json!([{"Id": "sg-1"}, {"Id": "sg-2", "Region": "us-east-1"}]);
        let parsed = parse_text(&two.to_string());
        let rows = parsed.rows.iter().map(|(_, row)| (&*row.resource, &*row.region));
        assert_eq!(Vec::from_iter(rows), [("sg-1", "eu-west-1"), ("sg-2", "us-east-1")]);
    }

    #[test]
    fn what_each_resource_gets_is_short() {
        let mut many = one("FAILED", "sg-1");
        many["Resources"] = json!(vec![json!({"Id": "sg-1"}); 101]);
        many["Compliance"]["StatusReasons"] = json!(vec![json!({"ReasonCode": "NO"}); 1_000]);
        let told = "it names 101 resources".to_owned();
        assert_eq!(rows(&many), Err(told));
        many["Resources"].as_array_mut().expect("a list").pop();
        let found = rows(&many).expect("rows");
        let message = &found[99].1.message;
        assert!(message.starts_with("t; NO; NO; ") && message.ends_with('…'), "{message}");
        assert!((1_990..=2_000).contains(&message.len()), "{}", message.len());
        many["Compliance"]["SecurityControlId"] = json!("x".repeat(513));
        assert_eq!(rows(&many), Err("its check's id has more than 512 bytes".to_owned()));
    }

    #[test]
    fn a_row_without_what_it_needs_names_what_is_wrong() {
        let words = "none of PASSED, WARNING, FAILED, NOT_AVAILABLE";
        for (pointer, value, reason) in [
            ("/AwsAccountId", json!("1"), "account \"1\" is no id of twelve digits"),
            ("/AwsAccountId", json!({}), "`AwsAccountId` is no text"),
            ("/Compliance", json!({}), "`Compliance.Status` is missing"),
            ("/Compliance/Status", json!("passed"), &*format!("status \"passed\" is {words}")),
            ("/Resources", json!([]), "`Resources` is missing"),
            ("/Resources/0", json!({}), "`Id` is missing"),
        ] {
            let mut row = one("FAILED", "sg-1");
            *row.pointer_mut(pointer).expect("a place") = value;
            let page = json!({"Findings": [row]}).to_string();
            let expected = [("/Findings/0".to_owned(), reason.to_owned())];
            assert_eq!(parse_text(&page).broken, expected, "{pointer}");
        }
        let no_list = parse_text(r#"{"Findings": {}}"#);
        assert_eq!(no_list.broken, [("/Findings".to_owned(), "it is no list".to_owned())]);
        let other = parse_text(r#"[{"id": 1}, 7]"#);
        let reasons = other.broken.iter().map(|(place, reason)| (&**place, &**reason));
        let expected = [("/0", "`AwsAccountId` is missing"), ("/1", "it is no object")];
        assert_eq!(Vec::from_iter(reasons), expected);
    }

    #[test]
    fn without_a_control_the_generator_names_the_check() {
        for (generator, expected) in [
            ("aws-foundational-security-best-practices/v/1.0.0/S3.8", "S3.8"),
            ("arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0/rule/4.1", "4.1"),
            ("prowler-s3_bucket_public_access", "prowler-s3_bucket_public_access"),
        ] {
            let mut finding = one("FAILED", "sg-1");
            finding["GeneratorId"] = json!(generator);
            finding["Compliance"] = json!({"Status": "FAILED"});
            assert_eq!(check(&finding).as_deref(), Ok(expected));
        }
    }
}
