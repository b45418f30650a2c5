//! Documents are what is written here by hand; the days' files are what Python reads.

use schemas::topic::RESOURCE_STATE;

use super::*;

pub(crate) fn resource(account: &str, id: &str) -> Resource {
    Resource {
        provider: "aws".to_owned(),
        account: account.to_owned(),
        region: "global".to_owned(),
        resource_type: "AWS::IAM::Role".to_owned(),
        id: id.to_owned(),
        name: "deploy".to_owned(),
        arn: format!("arn:aws:iam::{account}:role/deploy"),
        tags: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
        configuration: r#"{"Big":12345678901234567890123,"RoleName":"deploy"}"#.to_owned(),
        supplementary: r#"{"PolicyNames":["p"]}"#.to_owned(),
        errors: BTreeMap::new(),
        truncated: Vec::new(),
        // `date -u -d '2021-03-24 09:24:29.123' +%s%3N` of GNU coreutils.
        captured_ms: 1_616_577_869_123,
    }
}

pub(crate) fn row(resource: &Resource) -> (Vec<u8>, Vec<u8>) {
    let scope_region = resource.region.clone();
    let state = ResourceState { resource: resource.clone(), scope_region, first_seen_ms: 0 };
    let name = RESOURCE_STATE.spec.full_name("test");
    let value = Codec::default().encode(&name, &state).unwrap();
    (resource.key().encode().into_bytes(), value)
}

fn named() -> AccountNames {
    AccountNames::from([("123456789012".to_owned(), "prod-web".to_owned())])
}

#[test]
fn a_document_is_antiopes() {
    let expected = concat!(
        r#"{"ARN":"arn:aws:iam::123456789012:role/deploy","awsAccountId":"123456789012","#,
        r#""awsAccountName":"prod-web","awsRegion":"global","resourceType":"AWS::IAM::Role","#,
        r#""resourceId":"AROAEXAMPLEID","resourceName":"deploy","source":"scorecard","#,
        r#""configurationItemCaptureTime":"2021-03-24 09:24:29.123000","#,
        r#""configuration":{"Big":12345678901234567890123,"RoleName":"deploy"},"#,
        r#""supplementaryConfiguration":{"PolicyNames":["p"]},"tags":{"team":"web"},"errors":{}}"#,
    );
    assert_eq!(document(&resource("123456789012", "AROAEXAMPLEID"), &named()), expected);
}

#[test]
fn what_is_missing_cut_or_odd_is_still_one_line_of_json() {
    let odd = Resource {
        arn: String::new(),
        name: "\"},\n\u{7}".to_owned(),
        configuration: "{\n  \"a\": \"b\\nc\"\r\n}".to_owned(),
        supplementary: String::new(),
        errors: BTreeMap::from([("BucketPolicy".to_owned(), "AccessDenied: no".to_owned())]),
        truncated: vec!["/configuration/x".to_owned()],
        captured_ms: 0,
        ..resource("1", "x")
    };
    let line = document(&odd, &AccountNames::new());
    assert!(!line.contains(['\n', '\r']), "{line:?}");
    let read: serde_json::Value = serde_json::from_str(&line).unwrap();
    let expected = serde_json::json!({
        "awsAccountId": "1", "awsAccountName": "1", "awsRegion": "global",
        "resourceType": "AWS::IAM::Role", "resourceId": "x", "resourceName": "\"},\n\u{7}",
        "source": "scorecard", "configurationItemCaptureTime": "1970-01-01 00:00:00.000000",
        "configuration": {"a": "b\nc"}, "supplementaryConfiguration": {},
        "tags": {"team": "web"}, "errors": {"BucketPolicy": "AccessDenied: no"},
        "truncated": ["/configuration/x"],
    });
    assert_eq!(read, expected);
    let broken = Resource { configuration: "{\"a\":".to_owned(), ..odd };
    let read: serde_json::Value =
        serde_json::from_str(&document(&broken, &AccountNames::new())).unwrap();
    assert_eq!(read["configuration"], "{\"a\":");
}

#[test]
fn a_tombstone_deletes_and_a_row_puts() {
    let (key, value) = row(&resource("1", "R/1"));
    let object = "Resources/iam/role/R!2F1.1.global.json".to_owned();
    let none = AccountNames::new();
    let gone = change(&key, None, &none, &Codec::default()).unwrap();
    assert_eq!(gone, Change::Delete { key: object.clone() });
    let put = change(&key, Some(&value), &none, &Codec::default()).unwrap();
    let body = document(&resource("1", "R/1"), &none).into_bytes();
    assert_eq!(put, Change::Put { key: object, body, content_type: JSON, sha256: None });
    for (key, value) in [(&b"no key"[..], None), (&key[..], Some(&b"no value"[..]))] {
        let error = change(key, value, &none, &Codec::default()).unwrap_err();
        assert!(!error.is_transient(), "{error}");
    }
}

/// The lines of a gzipped file.
fn lines(body: &[u8]) -> Vec<String> {
    let mut text = String::new();
    io::Read::read_to_string(&mut flate2::read::GzDecoder::new(body), &mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_days_files_are_sorted_and_the_same_bytes_each_time() {
    let seen = [resource("2", "b"), resource("1", "c"), resource("1", "a")];
    let mut rows: Rows = seen.iter().map(row).collect();
    rows.insert(b"no key".to_vec(), Vec::new());
    rows.insert(resource("1", "b").key().encode().into_bytes(), b"no value".to_vec());
    let folder = names::day("2026-11-28");
    let pack = || day(&folder, &rows, &named(), &Codec::default()).unwrap();
    let made = pack();
    assert_eq!(made, pack());
    assert_eq!((made.rows, made.unfit), (3, 2));
    let files: BTreeMap<&str, Vec<String>> = made
        .files
        .iter()
        .map(|file| match file {
            Change::Put { key, body, .. } => (key.as_str(), lines(body)),
            Change::Delete { key } => panic!("{key}"),
        })
        .collect();
    let line = |resource: &Resource| document(resource, &named());
    let expected = BTreeMap::from([
        (
            "lake/resources/dt=2026-11-28/account=1/resources.jsonl.gz",
            vec![line(&seen[2]), line(&seen[1])],
        ),
        ("lake/resources/dt=2026-11-28/account=2/resources.jsonl.gz", vec![line(&seen[0])]),
    ]);
    assert_eq!(files, expected);
    assert_eq!(made.keys, expected.keys().map(|&key| key.to_owned()).collect());
    // Rows that can't be read keep their objects.
    let kept: Vec<String> = objects(&rows).into_iter().collect();
    let name = |id: &str, account: u8| format!("Resources/iam/role/{id}.{account}.global.json");
    assert_eq!(kept, [name("a", 1), name("b", 1), name("b", 2), name("c", 1)]);
}

#[test]
fn days_are_utcs() {
    // `date -u -d @SECONDS +%F` of GNU coreutils.
    assert_eq!(date(1_764_547_199_999), "2025-11-30");
    assert_eq!(date(1_764_547_200_000), "2025-12-01");
}
