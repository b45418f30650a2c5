//! From a scanner's file to the records of the topic `report`.

use std::path::Path;

use producer_findings::{Options, publish, read, sources::by_id};
use schemas::{Codec, Report, ReportEvent, topic};
use stream::{Log, Publisher, local::LocalLog, snapshot};

/// Publishes reports of a path and gives the records as lines.
fn records(path: &Path) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let log = LocalLog::open(folder.path(), 3, "scorecard").expect("a log");
    log.apply().expect("topics");
    let codec = Codec::default();
    let source = by_id("cloudsploit").expect("the source");
    let reports = read(source, path, &Options::default()).expect("reports");
    let mut publisher =
        Publisher::open(&log, &codec, "scorecard", "producer findings").expect("a publisher");
    publish(&reports, &mut publisher, 7).expect("durable");
    let history = snapshot::history(&log, &codec, "scorecard", &topic::REPORT).expect("records");
    let lines = history.into_iter().map(|(record, key, value): (_, _, Report)| {
        assert_eq!((record.timestamp_ms, &*key.account), (7, &*value.account));
        let event = match value.event {
            ReportEvent::Started {} => "started".to_owned(),
            ReportEvent::Found { finding: f } => {
                let of = f.resource.rsplit(['/', ':']).next().unwrap_or_default();
                format!("{} {} {} {of:?} {}", f.status, f.check, f.subject, f.region)
            }
            ReportEvent::Completed { count, complete } => format!("completed {count} {complete}"),
            ReportEvent::Failed { error } => format!("failed: {error}"),
            ReportEvent::Changed { .. } => panic!("a report's findings are found in it"),
        };
        format!("{} {event}", value.account)
    });
    lines.collect()
}

#[test]
fn a_report_becomes_a_start_its_findings_and_an_end() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    assert_eq!(
        records(&samples),
        [
            "111122223333 started",
            "111122223333 warn accessKeysRotated resource \"ci\" global",
            "111122223333 fail cloudtrailEnabled account \"111122223333\" global",
            "111122223333 pass ecrImageVulnerability empty \"\" us-east-1",
            "111122223333 unknown openSSH query \"\" eu-west-1",
            "111122223333 fail openSSH resource \"sg-02e2c70c\" us-east-1",
            "111122223333 pass publicAmi account \"111122223333\" us-east-1",
            "111122223333 completed 6 true",
        ]
    );
}

#[test]
fn a_file_that_was_cut_off_is_a_failed_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("111122223333.json");
    std::fs::write(&path, "[{\"plugin\":\"openSSH\",").expect("a file");
    let error = "failed: it is not JSON: EOF while parsing a value at line 1 column 21";
    assert_eq!(
        records(folder.path()),
        ["111122223333 started".to_owned(), format!("111122223333 {error}")]
    );
}
