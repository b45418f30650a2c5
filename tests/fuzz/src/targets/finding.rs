//! Reports of scanners, and what programs print.

use std::{collections::BTreeSet, path::Path};

use producer_findings::{
    AccountReport, Options, Reports, read_bytes, read_printed, sources::by_id,
};
use schemas::{Finding, FindingSubject, Report, ReportEvent};

use super::{USUAL, is_a_record, is_account, is_the_same};
use crate::Target;

/// What the manual says: bytes of a check's, region's or resource's name, and of a message.
const NAME_BYTES_MAX: usize = 2_048;
const MESSAGE_BYTES_MAX: usize = 8_000;

/// What a target of reports has that says nothing else: a row is read and gone, or broken and told.
const REPORT: Target = Target { bytes_per_byte: 150, ..USUAL };

pub(super) const CLOUDSPLOIT: Target = Target {
    name: "cloudsploit",
    run: |input| report("cloudsploit", input),
    seeds: &[
        "tests/golden/cloudsploit",
        "tests/golden/documents/one-port-three-sources/cloudsploit",
    ],
    words: &[
        "plugin",
        "title",
        "Open SSH",
        "resource",
        "region",
        "status",
        "statusWord",
        "statusNumber",
        "message",
        "OK",
        "FAIL",
        "UNKNOWN",
        "N/A",
        "resultsData",
        "ResultsData",
        "collectionData",
        "arn:aws:iam::111122223333:user/ci:access_key_1",
        "category,title,resource,region,\
        statusWord,message\r\n",
    ],
    ..REPORT
};

pub(super) const PROWLER: Target = Target {
    name: "prowler",
    run: |input| report("prowler", input),
    seeds: &["tests/golden/prowler", "tests/golden/documents/one-port-three-sources/prowler"],
    words: &[
        "class_uid",
        "2004",
        "2003",
        "status_code",
        "PASS",
        "FAIL",
        "MANUAL",
        "Suppressed",
        "metadata",
        "event_code",
        "cloud",
        "account",
        "uid",
        "resources",
        "CHECK_ID",
        "STATUS",
        "ACCOUNT_UID",
        "REGION",
        "RESOURCE_UID",
        "STATUS_EXTENDED",
        "MUTED",
        "True",
        "unknown",
        "111122223333",
    ],
    ..REPORT
};

pub(super) const SECURITYHUB: Target = Target {
    name: "securityhub",
    run: |input| report("securityhub", input),
    seeds: &["tests/golden/securityhub"],
    words: &[
        "Findings",
        "NextToken",
        "AwsAccountId",
        "GeneratorId",
        "Compliance",
        "Status",
        "PASSED",
        "FAILED",
        "WARNING",
        "NOT_AVAILABLE",
        "SecurityControlId",
        "StatusReasons",
        "ReasonCode",
        "Resources",
        "Id",
        "Type",
        "AwsAccount",
        "RecordState",
        "ARCHIVED",
        "Workflow",
        "SUPPRESSED",
    ],
    ..REPORT
};

pub(super) const TRUSTEDADVISOR: Target = Target {
    name: "trustedadvisor",
    run: |input| report("trustedadvisor", input),
    seeds: &["tests/golden/trustedadvisor"],
    words: &[
        "checks",
        "id",
        "metadata",
        "result",
        "checkId",
        "status",
        "ok",
        "warning",
        "error",
        "not_available",
        "flaggedResources",
        "resourceId",
        "region",
        "isSuppressed",
        "resourcesSummary",
        "resourcesProcessed",
        "resourcesFlagged",
        "Bucket Name",
        "Function ARN",
        "awsAccountId",
        "configuration",
        "supplementaryConfiguration",
        "CheckData",
        "Result",
    ],
    ..REPORT
};

pub(super) const S3IMPORT: Target = Target {
    name: "s3import",
    run: |input| report("s3import", input),
    seeds: &["tests/golden/s3import"],
    words: &[
        "111122223333",
        "failingResources",
        "totalResourceCount",
        "accountId",
        "resourceId",
        "region",
        "reason",
    ],
    ..REPORT
};

pub(super) const EXEC: Target = Target {
    name: "exec",
    run: printed,
    seeds: &["tests/golden/exec"],
    words: &[
        "account",
        "check",
        "failing",
        "message",
        "region",
        "resource",
        "status",
        "subject",
        "total",
        "pass",
        "warn",
        "fail",
        "unknown",
        "empty",
        "query",
        "summary",
        "111122223333",
    ],
    ..REPORT
};

/// Reads an input as a report, from a file whose name tells an account.
fn report(source: &str, input: &[u8]) {
    let source = by_id(source).expect("a source");
    let (path, options) =
        (Path::new("111122223333.json"), Options { now_ms: 7, ..Options::default() });
    let reports = read_bytes(source, path, input, &options);
    holds(source.id, &reports);
    is_the_same(&reports, &read_bytes(source, path, input, &options));
}

fn printed(input: &[u8]) {
    let options = Options { now_ms: 7, ..Options::default() };
    let reports = read_printed("exec", Path::new("program"), input, &options);
    holds("exec", &reports);
}

/// What holds of all reports, whatever they were read from.
fn holds(source: &str, reports: &Reports) {
    for problem in &reports.problems {
        assert!(!problem.message.is_empty(), "{problem:?}");
    }
    let is_told = !reports.problems.is_empty();
    assert!(is_told || !reports.reports.is_empty(), "nothing came of it, and nothing was told");
    for (of, reason) in &reports.failed {
        assert!(is_told && !reason.is_empty() && is_account(&of.account), "{of:?}: {reason}");
        assert!(of.findings.is_empty() && !of.complete, "{of:?}");
        is_a_record(&record(of, ReportEvent::Failed { error: reason.clone() }));
    }
    for one in &reports.reports {
        assert_eq!(one.source, source);
        assert!(is_account(&one.account), "{:?}", one.account);
        let keys = one.findings.iter().map(|f| (&f.check, &f.region, &f.resource));
        let keys: BTreeSet<_> = keys.collect();
        assert_eq!(keys.len(), one.findings.len(), "two rows about the same");
        for finding in &one.findings {
            within_limits(finding);
            is_a_record(&record(one, ReportEvent::Found { finding: finding.clone() }));
        }
    }
}

fn within_limits(finding: &Finding) {
    for name in [&finding.check, &finding.region, &finding.resource] {
        assert!(name.len() <= NAME_BYTES_MAX, "a name of {} bytes", name.len());
    }
    assert!(finding.message.len() <= MESSAGE_BYTES_MAX, "{} bytes", finding.message.len());
    assert!(!finding.check.is_empty() && !finding.region.is_empty(), "{finding:?}");
    let needs_one = finding.subject == FindingSubject::Resource;
    assert!(!needs_one || !finding.resource.is_empty(), "{finding:?}");
    if let Some(totals) = finding.totals {
        assert!((0..=totals.total).contains(&totals.failing), "{totals:?}");
    }
}

fn record(of: &AccountReport, event: ReportEvent) -> Report {
    let (source, report, account) = (of.source.clone(), of.report.clone(), of.account.clone());
    Report { source, report, account, event }
}
