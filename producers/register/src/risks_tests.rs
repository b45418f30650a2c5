//! The risk register as people, SharePoint and antiope-scorecards write it.

use std::path::Path;

use schemas::{Exception, ExceptionState};
use serde_json::{Value, json};

use crate::{ExceptionOptions, Register, RiskColumns, Zone, risks::parse};

fn read(document: Value) -> Register<Exception> {
    read_with(&document, &ExceptionOptions::default())
}

fn read_with(document: &Value, options: &ExceptionOptions) -> Register<Exception> {
    parse(Path::new("risks.json"), &document.to_string(), options).expect("a register")
}

#[test]
fn a_sharepoint_list_is_read() {
    let register = read(json!({"value": [{
        "Id": 17, "Title": "SFTP partner",
        "Accounts": [{"Id": 1, "Value": "payments (111122223333)"},
            {"Id": 2, "Value": "222233334444"}],
        "Requirements": {"results": [{"Id": 4, "Value": "ec2-admin-ports"}]},
        "Resource ID": "sg-0abc*", "Expiration Date": "2026-12-31T00:00:00Z",
        "Approval_Status": "Approved",
        "RequestedBy": {"Title": "Ana", "Email": "ana@example.com"}
    }]}));
    assert_eq!(register.problems, []);
    assert_eq!(
        register.entries,
        [Exception {
            id: "17".into(),
            accounts: vec!["111122223333".into(), "222233334444".into()],
            requirements: vec!["ec2-admin-ports".into()],
            resource: "sg-0abc*".into(),
            approved: true,
            reason: "SFTP partner".into(),
            owner: "Ana".into(),
            // The end of a date alone, which SharePoint writes as its midnight.
            expires_ms: Some(1_798_761_600_000),
            state: Some(ExceptionState::Approved),
            ..Exception::default()
        }]
    );
}

#[test]
fn lists_come_wrapped_in_several_ways() {
    let entry = json!({"ID": 7, "Account": "*", "Requirement": "r", "ResourceId": ""});
    let graph = json!({"id": "7", "fields": {"Account": "*", "Requirement": "r"}});
    let one = read(json!([entry]));
    assert_eq!(one.entries[0].resource, "*");
    for wrapped in [
        json!({"value": [entry]}),
        json!({"d": {"results": [entry]}}),
        json!({"d": [entry]}),
        json!({"value": [graph]}),
    ] {
        assert_eq!(read(wrapped).entries, one.entries);
    }
}

#[test]
fn an_exclusion_of_antiope_is_read() {
    let exclusion = |id: &str, status: &str| {
        json!({
            "accountId": "123456789012", "requirementId": "CS03", "resourceId": "sg-0abc*",
            "type": "exception", "status": status, "expirationDate": "2026/12/31",
            "formFields": {"reason": "SFTP partner", "Mitigation": "fixed sources"},
            "adminComments": "RA-17", "lastModifiedByAdmin": "a@x", "hidesResources": true,
            "lastModifiedByUser": "u@x", "updateRequested": {"expirationDate": "2027/03/31"},
            "lastStatusChangeDate": "2026/01/05", (id): "CS03#sg-0abc*"
        })
    };
    let expected = |state, approved_ms| Exception {
        id: "123456789012#CS03#sg-0abc*".into(),
        accounts: vec!["123456789012".into()],
        requirements: vec!["CS03".into()],
        resource: "sg-0abc*".into(),
        approved: state == ExceptionState::Approved,
        reason: "SFTP partner".into(),
        owner: "u@x".into(),
        // `date -u -d DAY +%s` of 2027-01-01 and 2027-04-01.
        expires_ms: Some(1_798_761_600_000),
        renewal_ms: Some(1_806_537_600_000),
        state: Some(state),
        approver: Some("a@x".into()),
        control: Some("fixed sources".into()),
        ticket: Some("RA-17".into()),
        approved_ms,
        ..Exception::default()
    };
    use ExceptionState::{Approved, Asked, Rejected, Withdrawn};
    for (status, state) in [
        ("initial", Asked),
        ("approved", Approved),
        ("approvedPendingChanges", Approved),
        ("rejected", Rejected),
        ("archived", Withdrawn),
    ] {
        for name in ["rqrmntId_rsrceRegex", "somethingElse"] {
            let register = read(json!([exclusion(name, status)]));
            // `date -u -d 2026-01-05 +%s`; the day of another decision is no approval.
            let approved_ms = (state == Approved).then_some(1_767_571_200_000);
            assert_eq!(register.entries, [expected(state, approved_ms)], "{status}");
            let told: Vec<_> = register.problems.iter().map(|one| &*one.message).collect();
            let hides = "`hidesResources` is not taken over: what fails stays to be seen";
            assert_eq!(told, [hides]);
        }
    }
}

#[test]
fn all_that_an_entry_names_is_read() {
    let entry = json!([{
        "Id": 1, "Account": "unit:prod/shop; 111122223333, tag:stage=live", "Requirement": "r",
        "Region": "eu-west-1, eu-c*", "Tags": ["env=a,b", "team"], "Start Date": "2026-07-01",
        "Expires": "2026-12-31", "Created": "2026-06-01T10:00:00Z", "Approved On": "2026-06-15",
        "Renewal Date": "2027-06-30", "Approver": {"Title": "Eve"}, "Ticket": "RA-17",
        "Compensating Control": "a firewall", "Status": "Renewal requested"
    }]);
    let zone = Zone::try_from("Europe/Berlin".to_owned()).expect("a zone");
    let register = read_with(&entry, &ExceptionOptions { zone, ..ExceptionOptions::default() });
    assert_eq!(register.problems, []);
    let expected = Exception {
        id: "1".into(),
        accounts: vec!["unit:prod/shop".into(), "111122223333".into(), "tag:stage=live".into()],
        requirements: vec!["r".into()],
        resource: "*".into(),
        approved: true,
        regions: vec!["eu-west-1".into(), "eu-c*".into()],
        tags: vec!["env=a,b".into(), "team".into()],
        state: Some(ExceptionState::Approved),
        approver: Some("Eve".into()),
        control: Some("a firewall".into()),
        ticket: Some("RA-17".into()),
        // `TZ=Europe/Berlin date -d DAY +%s` of the days, for ends of the days after them.
        asked_ms: Some(1_780_308_000_000),
        approved_ms: Some(1_781_474_400_000),
        starts_ms: Some(1_782_856_800_000),
        expires_ms: Some(1_798_758_000_000),
        renewal_ms: Some(1_814_392_800_000),
        ..Exception::default()
    };
    assert_eq!(register.entries, [expected]);
}

#[test]
fn what_narrows_an_entry_is_not_lost_on_the_way() {
    let entry = |name: &str, value: Value| {
        let mut entry = json!({"Id": 1, "Account": "*", "Requirement": "r"});
        entry[name] = value;
        read(json!([entry]))
    };
    for (name, value, expected) in [
        ("Regions", json!(true), "its regions are neither text nor a lookup"),
        ("Tags", json!([["a"]]), "its tags are neither text nor a list"),
        ("Starts", json!("soon"), "the start date: \"soon\" is no date; write it as 2026-12-31"),
        ("Starts", json!([1]), "the start date is no text"),
        (
            "Account",
            json!("unit:"),
            "\"unit:\" is no path of units such as unit:prod/shop; \
            `%` in a name is `%25`",
        ),
        (
            "Account",
            json!("unit:a//b"),
            "\"unit:a//b\" is no path of units such as \
            unit:prod/shop; `%` in a name is `%25`",
        ),
        (
            "Account",
            json!("unit:100%"),
            "\"unit:100%\" is no path of units such as \
            unit:prod/shop; `%` in a name is `%25`",
        ),
        ("Account", json!("tag:"), "\"tag:\" names no tag"),
    ] {
        let register = entry(name, value);
        assert_eq!(register.problems[0].message, expected);
        assert!(register.entries.is_empty() && !register.problems[0].is_notice);
    }
    for (name, value) in [("Approved On", "soon"), ("Created", "x"), ("RenewalDate", "y")] {
        let register = entry(name, json!(value));
        assert_eq!((register.entries.len(), register.problems.len()), (1, 1), "{name}");
        assert!(register.problems[0].is_notice, "no credit hangs on it");
    }
    let all = entry("Regions", json!("eu-west-1; *"));
    assert_eq!(all.entries[0].regions, [""; 0]);
}

#[test]
fn a_site_may_name_its_columns() {
    let columns = RiskColumns {
        accounts: vec!["Konto".into()],
        expires: vec!["Gültig bis".into()],
        ..RiskColumns::default()
    };
    let text = json!([{"Id": 1, "KONTO": "111122223333", "Requirement": "r", "Account": "*",
        "gültig_bis": "2026-12-31"}]);
    let register = read_with(&text, &ExceptionOptions { columns, ..ExceptionOptions::default() });
    assert_eq!(register.entries[0].accounts, ["111122223333"]);
    assert_eq!(register.entries[0].expires_ms, Some(1_798_761_600_000));
}

#[test]
fn all_is_written_and_never_guessed() {
    let all = read(json!([{"Id": 1, "Account": "All", "Requirement": "*", "Resource": "ALL"}]));
    assert_eq!((&*all.entries[0].accounts[0], &*all.entries[0].requirements[0]), ("*", "*"));
    assert_eq!((&*all.entries[0].resource, all.entries[0].approved), ("*", true));
    let none = read(json!([{"Id": 1, "Account": [], "Requirement": "*"}]));
    assert_eq!(none.problems[0].message, "it names no account; `*` stands for all");
    for (resource, expected) in [
        (json!(null), Ok("*")),
        (json!(""), Ok("*")),
        (json!([]), Err("its resource is no text")),
        (json!(["sg-1"]), Ok("sg-1")),
        (json!(["sg-1", "sg-2"]), Err("it names 2 resources; write an entry for each")),
        (json!(true), Err("its resource is no text")),
        (json!("=cmd|' /C calc'!A0"), Ok("=cmd|' /C calc'!A0")),
    ] {
        let entry = json!([{"Id": 1, "Account": "*", "Requirement": "r", "Resource": resource}]);
        let register = read(entry);
        let got = register.entries.first().map(|entry| &*entry.resource);
        assert_eq!(got.ok_or_else(|| &*register.problems[0].message), expected, "{resource}");
    }
}

#[test]
fn only_a_word_that_says_so_approves() {
    let entry = |id: u64, status: Value| {
        let mut entry = json!({"Id": id, "Account": "*", "Requirement": "r"});
        entry["Status"] = status;
        entry
    };
    for (status, approved, notices) in [
        (json!("Approved"), true, 0),
        (json!(" APPROVED "), true, 0),
        (json!({"Id": 1, "Value": "Approved"}), true, 0),
        (json!("0;#Approved"), true, 0),
        (json!(0), true, 0),
        (json!("Pending"), false, 0),
        (json!("Rejected"), false, 0),
        (json!("1;#Rejected"), false, 0),
        (json!(2), false, 0),
        (json!("not approved"), false, 1),
        (json!("Approved?"), false, 1),
        (json!(""), false, 1),
        (json!(null), false, 1),
    ] {
        let register = read(json!([entry(1, status.clone())]));
        let got = (register.entries[0].approved, register.problems.len());
        assert_eq!(got, (approved, notices), "{status}");
        assert!(register.problems.iter().all(|problem| problem.is_notice));
    }
    let without = json!({"Id": 2, "Account": "*", "Requirement": "r"});
    assert!(read(json!([without])).entries[0].approved, "a register without a status");
    let mixed = read(json!([entry(1, json!("Approved")), without]));
    assert!(mixed.entries[0].approved && !mixed.entries[1].approved, "others have one");
    assert_eq!(
        mixed.problems[0].to_string(),
        "risks.json, entry 2 (id 2): it has no status, others do: it gives no credit"
    );
}

#[test]
fn a_broken_entry_keeps_its_name() {
    let register = read(json!([
        {"Id": 1, "Account": "payments", "Requirement": "r"},
        {"Id": 2, "Account": "*", "Requirement": "r", "Expires": "03/04/2026"},
        {"Id": 3, "Account": "*", "Requirement": "r", "Expires": 1.5},
        {"Id": 4, "Account": "*", "Requirement": true},
        {"Id": 5, "Account": "*", "Requirement": "r"},
        {"Id": "5", "Account": "*", "Requirement": "s"},
        {"Account": "*"}, 7, {"Id": 9, "Account": "*", "Requirement": "r"},
    ]));
    let said: Vec<_> = register.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "risks.json, entry 1 (id 1): account \"payments\" names no account id",
            "risks.json, entry 2 (id 2): the expiry date: \"03/04/2026\" may be 2026-03-04 or \
             2026-04-03; write it as 2026-12-31",
            "risks.json, entry 3 (id 3): the expiry date: \"1.5\" is no date; \
             write it as 2026-12-31",
            "risks.json, entry 4 (id 4): its requirement is neither text nor a lookup",
            "risks.json, entry 6 (id 5): id 5 is there twice, first in entry 5 (id 5), and \
             differs: neither is taken",
            "risks.json, entry 7: `Id` is missing",
            "risks.json, entry 8: it is no object",
        ]
    );
    let broken: Vec<_> = register.broken.iter().map(String::as_str).collect();
    assert_eq!((broken, register.anonymous), (vec!["1", "2", "3", "4", "5"], true));
    let taken: Vec<_> = register.entries.iter().map(|entry| &*entry.id).collect();
    assert_eq!(taken, ["9"]);
}

#[test]
fn an_empty_register_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("risks.json");
    let options = ExceptionOptions::default();
    let deep = "[".repeat(100_000);
    let nested = format!("{}1{}", "{\"d\":".repeat(100_000), "}".repeat(100_000));
    for text in ["", "[]", "{\"value\":[]}", "{}", "7", "[{", &deep, &nested, "[7]", "[{\"Id\":1}]"]
    {
        std::fs::write(&path, text).expect("a file");
        assert!(crate::risks(&path, &options).is_err(), "{:?}", &text[..text.len().min(20)]);
    }
    assert!(crate::risks(&folder.path().join("no.json"), &options).is_err());
    std::fs::write(&path, "[{\"Id\":1},{\"Id\":2}]").expect("a file");
    let error = crate::risks(&path, &options).expect_err("no entry is usable").to_string();
    let first = "first of 2: entry 1 (id 1): it names no account; `*` stands for all";
    assert!(error.ends_with(&format!("has no usable entry; {first}")), "{error}");
}
