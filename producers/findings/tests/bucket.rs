//! Reports in a bucket, as moto plays it.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use kit::{http, moto::Moto};
use producer_findings::{Bucket, FindingsError, Options, Reports, read_bucket, sources::by_id};

const A: &str = "111122223333";
const ROW: &str = r#"[{"plugin": "p", "status": "FAIL", "message": "m"}]"#;

fn put(moto: &Moto, path: &str, body: &[u8]) {
    let answer = http::request(moto.port(), "PUT", path, "", body).expect("an answer");
    assert_eq!(answer.status, 200, "{path}");
}

fn read(moto: &Moto, bucket: &str, prefix: &str) -> Result<Reports, FindingsError> {
    let keys = Credentials::new("test", "test", None, None, "test");
    let bucket = Bucket {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        region: None,
        expected_bucket_owner: None,
        endpoint: Some(moto.endpoint()),
    };
    let source = by_id("cloudsploit").expect("the source");
    read_bucket(source, &bucket, Some(SharedCredentialsProvider::new(keys)), &Options::default())
}

#[test]
fn the_reports_below_a_prefix_are_read_in_the_order_of_their_keys() {
    let moto = Moto::start().expect("a server");
    put(&moto, "/reports", b"");
    put(&moto, &format!("/reports/latest/{A}.json"), ROW.as_bytes());
    put(&moto, "/reports/latest/444455556666.json", b"[{");
    put(&moto, "/reports/latest/index.html", b"<html>");
    put(&moto, "/reports/older/555566667777.json", ROW.as_bytes());
    // More than a page of a listing: none of them is a report.
    for index in 0..1_001 {
        put(&moto, &format!("/reports/latest/a/{index}.txt"), b"");
    }

    let got = read(&moto, "reports", "latest/").expect("reports");
    let accounts = got.reports.iter().map(|one| (&*one.account, one.findings.len(), one.complete));
    assert_eq!(Vec::from_iter(accounts), [(A, 1, true)]);
    let failed = got.failed.iter().map(|(report, _)| &*report.account);
    assert_eq!(Vec::from_iter(failed), ["444455556666"]);
    let said = got.problems[0].to_string();
    assert!(said.starts_with("s3://reports/latest/444455556666.json: it is not JSON"), "{said}");
    // The same object is the same report, and its time is the object's.
    assert_eq!(read(&moto, "reports", "latest/").expect("reports"), got);
    assert!(got.reports[0].report.starts_with("20"), "{}", got.reports[0].report);

    let all = read(&moto, "reports", "").expect("reports");
    assert_eq!((all.reports.len(), all.failed.len()), (2, 1));
    let none = read(&moto, "reports", "none/").expect_err("nothing there").to_string();
    assert_eq!(none, "there is no report of cloudsploit in s3://reports/none/");
    let other = read(&moto, "no-such-bucket", "").expect_err("no bucket");
    let FindingsError::Bucket { source, .. } = &other else { panic!("{other:?}") };
    assert!(source.to_string().starts_with("NoSuchBucket: "), "{source}");
}
