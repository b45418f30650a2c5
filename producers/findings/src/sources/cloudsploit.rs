//! CloudSploit: its JSON list of results, bare or wrapped by a Lambda, and its CSV.
//!
//! Source: aquasecurity/cloudsploit, `postprocess/output.js` (list and CSV; status as a word) and
//! `postprocess/lambda_output.js` (`{"collectionData": .., "ResultsData": {TITLE: [..]}}`; status
//! as a number), and jchrisfarris/antiope-cloudsploit (`{"collectionData": .., "resultsData":
//! [..]}`; `statusNumber`). A check's id is the plugin's; CSV and the first Lambda's form have its
//! title alone, which the catalogue turns into the id.

use std::{collections::BTreeMap, sync::LazyLock};

use schemas::{Finding, FindingStatus, FindingSubject};
use serde_json::{Map, Value};

use super::{Document, GLOBAL, Parsed, Source};
use crate::{
    arn,
    json::{self, Place, text},
    split::is_check,
    table,
};

pub(super) const SOURCE: Source = Source { id: "cloudsploit", parse };

/// What CloudSploit writes where a row is about no resource.
const NO_RESOURCE: &str = "N/A";

/// The columns without which a table is not CloudSploit's.
const COLUMNS: &[&str] = &["title", "resource", "region", "statusword", "message"];

/// The plugins: lines of an id, a tab and the title, after lines of `#`. Mappings are checked
/// against the same file.
const CATALOGUE: &str = include_str!("../../../standard/catalogue/cloudsploit.txt");

/// The plugin of each title; none of one that several plugins have.
static PLUGINS: LazyLock<BTreeMap<&str, Option<&str>>> = LazyLock::new(|| {
    let mut plugins = BTreeMap::new();
    let named = CATALOGUE.lines().filter(|line| !line.starts_with('#'));
    for (id, title) in named.filter_map(|line| line.split_once('\t')) {
        plugins.entry(title).and_modify(|shared| *shared = None).or_insert(Some(id));
    }
    plugins
});

/// Reads a report.
fn parse(document: &Document<'_>) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    if json::is_json(document.text) {
        let mut other = None;
        json::each(document.text, |place, value| match place {
            Place::Item(_) => take(&mut parsed, place.to_string(), finding(&value, None)),
            Place::Line(_) => {
                if let Err(reason) = wrapped(&mut parsed, place, &value) {
                    other.get_or_insert(reason);
                }
            }
        })?;
        return other.map_or(Ok(parsed), Err);
    }
    table::each(document.text, COLUMNS, |place, row| {
        take(&mut parsed, place, row.and_then(|row| finding(&row, None)));
    })?;
    Ok(parsed)
}

/// Takes the results of an object around them: a list, or lists by their plugins' titles.
fn wrapped(parsed: &mut Parsed, place: Place, document: &Value) -> Result<(), String> {
    match (document.get("resultsData"), document.get("ResultsData")) {
        (Some(Value::Array(rows)), _) => {
            for (index, row) in rows.iter().enumerate() {
                take(parsed, place.within(&format!("/resultsData/{index}")), finding(row, None));
            }
        }
        (_, Some(Value::Object(titles))) => by_title(parsed, place, titles),
        _ => return Err("it has no list `resultsData`".to_owned()),
    }
    Ok(())
}

fn by_title(parsed: &mut Parsed, place: Place, titles: &Map<String, Value>) {
    for (title, rows) in titles {
        // All of its rows have it, and each place names it.
        if let Err(reason) = is_check(title) {
            take(parsed, place.within("/ResultsData"), Err(reason));
            continue;
        }
        let pointer = format!("/ResultsData/{}", title.replace('~', "~0").replace('/', "~1"));
        let Some(rows) = rows.as_array() else {
            take(parsed, place.within(&pointer), Err("it is no list".to_owned()));
            continue;
        };
        for (index, row) in rows.iter().enumerate() {
            let row = finding(row, Some(title));
            take(parsed, place.within(&format!("{pointer}/{index}")), row);
        }
    }
}

type Row = (Option<String>, Finding);

fn take(parsed: &mut Parsed, place: String, row: Result<Row, String>) {
    match row {
        Ok(row) => parsed.rows.push(row),
        Err(reason) => parsed.broken.push((place, reason)),
    }
}

/// Reads a row; `title` is its check's where the row itself does not name it.
fn finding(row: &Value, title: Option<&str>) -> Result<Row, String> {
    if !row.is_object() {
        return Err("it is no object".to_owned());
    }
    let check = match text(row, "/plugin")? {
        Some(plugin) => plugin,
        None => {
            let title = text(row, "/title")?.or(title.map(str::to_owned));
            plugin(title.ok_or("`plugin` is missing")?)
        }
    };
    let status = status(row)?;
    let message = text(row, "/message")?.unwrap_or_default();
    let resource = text(row, "/resource")?;
    let resource = resource.filter(|one| !one.eq_ignore_ascii_case(NO_RESOURCE));
    let resource = resource.map(without_key);
    let (account, in_arn) = resource.as_deref().and_then(arn::place).unwrap_or_default();
    // A plugin of a global service still knows better than its resource's ARN.
    let said = text(row, "/region")?.unwrap_or_default();
    let regions = [&*said, in_arn, GLOBAL];
    let region = regions.into_iter().find(|region| !region.is_empty()).unwrap_or(GLOBAL);
    let subject = subject(resource.as_deref(), status, &message);
    let account = arn::is_account(account).then(|| account.to_owned());
    let region = region.to_lowercase();
    let resource = resource.unwrap_or_default();
    Ok((account, Finding { check, subject, region, resource, status, message, totals: None }))
}

/// Gives the plugin that a title names; the title itself where that is none of the catalogue's, as
/// a newer plugin's, or that of several.
fn plugin(title: String) -> String {
    match PLUGINS.get(title.as_str()) {
        Some(Some(id)) => (*id).to_owned(),
        Some(None) | None => title,
    }
}

/// Takes the number of an access key off its user's ARN, so that the row is about the user.
///
/// Source: CloudSploit's `accessKeysRotated` and its likes, which write `<arn>:access_key_1`.
fn without_key(resource: String) -> String {
    match resource.rsplit_once(":access_key_") {
        Some((user, "1" | "2")) if user.starts_with("arn:") => user.to_owned(),
        _ => resource,
    }
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

/// The names of a row's status: as a number, as either, and as CSV has it.
const STATUS: &[&str] = &["statusNumber", "status", "statusword"];

fn status(row: &Value) -> Result<FindingStatus, String> {
    let known = STATUS.iter().filter_map(|name| row.get(name)).find(|value| !value.is_null());
    match known {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> Result<Parsed, String> {
        parse(&Document { text, check: None })
    }

    #[track_caller]
    fn check(row: &str, expected: (FindingSubject, FindingStatus, &str, &str)) {
        let parsed = parse_text(&format!("[{row}]")).expect("a list");
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
    fn rows_about_a_key_are_about_its_user() {
        use {FindingStatus as S, FindingSubject as F};
        let user = "arn:aws:iam::111122223333:user/ci";
        for (written, expected) in [
            (format!("{user}:access_key_1"), user),
            (format!("{user}:access_key_2"), user),
            (format!("{user}:access_key_3"), "arn:aws:iam::111122223333:user/ci:access_key_3"),
            ("odd:access_key_1".to_owned(), "odd:access_key_1"),
        ] {
            let row = format!(r#"{{"plugin":"p","status":2,"resource":"{written}"}}"#);
            check(&row, (F::Resource, S::Fail, "global", expected));
        }
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
        assert_eq!(parse_text(row).expect("a list").rows[0].0.as_deref(), Some("111122223333"));
    }

    #[test]
    fn a_title_is_its_plugin() {
        for (title, expected) in [
            ("Open SSH", "openSSH"),
            ("Amazon ECR Scan on Push", "ecrImageVulnerability"),
            // Three plugins are called so, one of them is newer, and one is no title at all.
            ("Privilege Analysis", "Privilege Analysis"),
            ("Open To The Moon", "Open To The Moon"),
            ("openSSH", "openSSH"),
        ] {
            assert_eq!(plugin(title.to_owned()), expected);
            let row = format!(r#"[{{"title":"{title}","status":"OK"}}]"#);
            assert_eq!(parse_text(&row).expect("a list").rows[0].1.check, expected);
        }
        let named = parse_text(r#"[{"plugin":"p","title":"Open SSH","status":"OK"}]"#);
        assert_eq!(named.expect("a list").rows[0].1.check, "p", "which says more than the title");
    }

    #[test]
    fn results_wrapped_by_a_title_that_nobody_knows_keep_it() {
        let text = r#"{"collectionData": {}, "ResultsData": {"A/B": [{"status": 2}, 7], "C": 1}}"#;
        let parsed = parse_text(text).expect("wrapped");
        assert_eq!((parsed.rows.len(), &*parsed.rows[0].1.check), (1, "A/B"));
        let broken =
            [("/ResultsData/A~1B/1", "it is no object"), ("/ResultsData/C", "it is no list")];
        let broken = broken.map(|(place, reason)| (place.to_owned(), reason.to_owned()));
        assert_eq!(parsed.broken, broken);
    }

    #[test]
    fn a_title_that_is_too_long_for_its_rows_is_told_once() {
        let rows = [r#"{"status":2}"#; 3].join(",");
        let of = |title: &str| format!(r#"{{"ResultsData":{{"{title}":[{rows}],"C":[{rows}]}}}}"#);
        let parsed = parse_text(&of(&"x".repeat(513))).expect("wrapped");
        let reason = "its check's id has more than 512 bytes".to_owned();
        assert_eq!(parsed.broken, [("/ResultsData".to_owned(), reason)]);
        assert_eq!(parsed.rows.len(), 3);
        let parsed = parse_text(&of(&"x".repeat(512))).expect("wrapped");
        assert_eq!((parsed.broken.len(), parsed.rows.len()), (0, 6));
    }

    #[test]
    fn a_table_names_plugins_by_their_titles() {
        let text = "category,title,resource,region,statusWord,message\r\n\
            EC2,\"Open SSH\",N/A,us-east-1,OK,\"No security groups present\"\r\n\
            EC2,Open SSH,N/A,us-east-1,GREEN,x\r\n";
        let parsed = parse_text(text).expect("a table");
        let (_, finding) = &parsed.rows[0];
        assert_eq!((&*finding.check, finding.subject), ("openSSH", FindingSubject::Empty));
        let reason = "`status` \"GREEN\" is none of OK, WARN, FAIL, UNKNOWN";
        assert_eq!(parsed.broken, [("line 3".to_owned(), reason.to_owned())]);
        let other = parse_text("a;b\r\n1;2\r\n").expect_err("a column");
        assert_eq!(other, "it has no column `title`");
    }

    #[test]
    fn a_broken_row_names_its_place_and_leaves_the_others() {
        let text = r#"[{"plugin":"p","status":"OK"},{"status":"OK"},7,{"plugin":"p"},
            {"plugin":"p","status":"GREEN"},{"plugin":["p"],"status":"OK"},
            {"plugin":"p","status":true},{"plugin":"p","status":"OK","resource":{"id":1}}]"#;
        let parsed = parse_text(text).expect("a list");
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
        for text in ["", "{}", "7", "[", r#"{"resultsData":{}}"#, r#"{"ResultsData":[]}"#] {
            assert!(parse_text(text).is_err(), "{text:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse_text(&deep).is_err(), "a deep document is refused, not a crash");
    }
}
