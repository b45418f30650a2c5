//! Appends reports: started, their findings, and how they ended.

use schemas::{AccountKey, Report, ReportEvent, topic};
use stream::{LogError, Publisher};

use crate::{AccountReport, Reports};

/// Appends reports; the same report again says nothing new to who reads it.
///
/// # Errors
/// When the log does not take a record.
pub fn publish(reports: &Reports, publisher: &mut Publisher, at_ms: i64) -> Result<(), LogError> {
    for report in &reports.reports {
        put(publisher, report, ReportEvent::Started {}, at_ms)?;
        for finding in &report.findings {
            put(publisher, report, ReportEvent::Found { finding: finding.clone() }, at_ms)?;
        }
        let end = ReportEvent::completed(&report.findings, report.complete);
        put(publisher, report, end, at_ms)?;
    }
    for (report, reason) in &reports.failed {
        put(publisher, report, ReportEvent::Started {}, at_ms)?;
        put(publisher, report, ReportEvent::Failed { error: reason.clone() }, at_ms)?;
    }
    publisher.flush()
}

fn put(
    publisher: &mut Publisher,
    report: &AccountReport,
    event: ReportEvent,
    at_ms: i64,
) -> Result<(), LogError> {
    let record = Report {
        source: report.source.clone(),
        report: report.report.clone(),
        account: report.account.clone(),
        event,
    };
    publisher.put(&topic::REPORT, &AccountKey::new(&*report.account), &record, at_ms)
}
