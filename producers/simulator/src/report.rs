//! Reports of CloudSploit on databases and trails, which no collector lists.

use schemas::{
    Finding, FindingStatus as Status, FindingSubject as Subject, Report, ReportEvent,
    headers::rfc3339,
};

use crate::{
    Source,
    organisation::about,
    resources::{OUTSIDE, Snapshot},
};

const DATABASES: &str = "rdsEncryptionEnabled";
const TRAIL: &str = "cloudtrailEnabled";

/// Gives the day's report on an account; of an account whose role is denied there is none.
pub(crate) fn cloudsploit(snapshot: Snapshot) -> Vec<Source> {
    let organisation = snapshot.organisation;
    if organisation.is_denied(snapshot.account) {
        return Vec::new();
    }
    let parts = [about::REPORT, snapshot.account as u64, snapshot.half_day];
    let breaks = organisation.chance.happens(1, &parts);
    let mut rows = databases(snapshot);
    rows.push(trail(snapshot));
    let end = if breaks {
        rows.truncate(1);
        ReportEvent::Failed { error: "it is not JSON: EOF while parsing a list".to_owned() }
    } else {
        ReportEvent::completed(&rows, true)
    };
    let found = rows.into_iter().map(|finding| ReportEvent::Found { finding });
    let events = std::iter::once(ReportEvent::Started {}).chain(found).chain([end]);
    let account = organisation.id(snapshot.account);
    let record = |event| {
        Source::Reported(Report {
            source: "cloudsploit".to_owned(),
            report: rfc3339(snapshot.at_ms),
            account: account.clone(),
            event,
        })
    };
    events.map(record).collect()
}

/// Databases of one region, the word of CloudSploit that another has none, and now and then a
/// query that fails.
fn databases(snapshot: Snapshot) -> Vec<Finding> {
    let (chance, account) = (snapshot.organisation.chance, snapshot.account as u64);
    let id = snapshot.organisation.id(snapshot.account);
    let mut rows = Vec::new();
    let count = chance.below(4, &[about::COUNT, about::REPORT, account]);
    for number in 0..count {
        let item = snapshot.item(OUTSIDE, number as usize);
        let (status, message) = if item.is_faulty(1) {
            (Status::Fail, "Encryption at rest is not enabled")
        } else if chance.happens(1, &[about::REPORT, account, number, snapshot.half_day]) {
            (Status::Unknown, "Unable to describe the database's key")
        } else {
            (Status::Pass, "Encryption at rest is enabled via KMS key")
        };
        let database = ["orders", "events", "ledger"][number as usize % 3];
        let arn = format!("arn:aws:rds:eu-west-1:{id}:db:{database}-{number}");
        rows.push(row(DATABASES, Subject::Resource, "eu-west-1", &arn, status, message));
    }
    let (subject, status, message) =
        if chance.happens(4, &[about::REPORT, account, snapshot.half_day, 7]) {
            let message = "Unable to query for RDS instances: Unable to obtain data";
            (Subject::Query, Status::Unknown, message)
        } else {
            (Subject::Empty, Status::Pass, "No RDS instances found")
        };
    rows.push(row(DATABASES, subject, "us-east-1", "", status, message));
    rows
}

fn trail(snapshot: Snapshot) -> Finding {
    let id = snapshot.organisation.id(snapshot.account);
    let item = snapshot.item(OUTSIDE, 0);
    let turn = snapshot.organisation.is_turn(snapshot.account, about::REPORT, 8);
    let (status, message) = if turn && item.is_in_faulty_time(2) {
        (Status::Fail, "CloudTrail is not enabled")
    } else {
        (Status::Pass, "CloudTrail is enabled and monitoring regions")
    };
    row(TRAIL, Subject::Account, "global", &id, status, message)
}

fn row(
    check: &str,
    subject: Subject,
    region: &str,
    resource: &str,
    status: Status,
    message: &str,
) -> Finding {
    Finding {
        check: check.to_owned(),
        subject,
        region: region.to_owned(),
        resource: resource.to_owned(),
        status,
        message: message.to_owned(),
        totals: None,
    }
}
