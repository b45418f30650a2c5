//! The IAM credential report: passwords, keys and MFA of every user and of root.

use std::time::Duration;

use aws_smithy_types::base64;
use serde_json::{Map, Value, json};

use super::{Collecting, Collector, Coverage, iam, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "iam-credential-report",
    resource_type: "AWS::IAM::CredentialReport",
    coverage: Coverage::Global,
    actions: &["iam:GenerateCredentialReport", "iam:GetAccountSummary", "iam:GetCredentialReport"],
    collect,
};

/// Reports of large accounts take up to a minute: the pauses below add up to 67 s.
const POLLS_MAX: u32 = 14;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Sees the account's one report.
///
/// Shape: the id is the account's; configuration is `rows`, one object a line with the report's
/// own column names and texts. `GeneratedTime` is left out: it moves with every new report, and a
/// change that tells nothing is no change. Supplementary: `AccountSummary` is the map of counts,
/// which says of root what the report's own row may lack. Source: `iam:GenerateCredentialReport`,
/// asked until the report is complete, `iam:GetCredentialReport` and `iam:GetAccountSummary`,
/// shared with the account's settings.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        wait_until_complete(account, FIRST_PAUSE).await?;
        let answer = account.home("iam").call("GetCredentialReport", json!({})).await?;
        let rows = rows(text(&answer, "Content")?).map_err(unreadable)?;
        let configuration = json!({"rows": rows});
        let id = account.id();
        let mut document =
            Document::new(account, GLOBAL, COLLECTOR.resource_type, id, &configuration);
        iam::add_summary(account, &mut document).await;
        observer.see(document).await
    })
}

async fn wait_until_complete(account: &Account, first: Duration) -> Result<(), CollectError> {
    let mut pause = first;
    for _ in 0..POLLS_MAX {
        let answer = account.home("iam").call("GenerateCredentialReport", json!({})).await?;
        if text(&answer, "State")? == "COMPLETE" {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    let message = format!("the report was not complete after {POLLS_MAX} questions");
    Err(CollectError::Answer { code: "ReportNotReady", message })
}

/// Columns of the report, and bytes of a column's name, which each of its cells gets: there are 22,
/// of 29 letters at most.
const COLUMNS_MAX: usize = 100;
const COLUMN_BYTES_MAX: usize = 100;

/// Reads a credential report: one object a line, from column name to text.
///
/// Shape: `Content` of `iam:GetCredentialReport`, which is CSV in Base64.
///
/// # Errors
/// What is wrong with it, in words.
pub fn rows(content: &str) -> Result<Vec<Value>, String> {
    let bytes = base64::decode(content).map_err(|error| error.to_string())?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let columns = reader.headers().map_err(|error| error.to_string())?.clone();
    if columns.get(0) != Some("user") {
        return Err("the report does not start with column user".to_owned());
    }
    if columns.len() > COLUMNS_MAX || columns.iter().any(|name| name.len() > COLUMN_BYTES_MAX) {
        return Err("the report has too many columns, or too long ones".to_owned());
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let cells = columns.iter().zip(&record);
        let row: Map<_, _> = cells.map(|(name, cell)| (name.to_owned(), cell.into())).collect();
        rows.push(Value::Object(row));
    }
    Ok(rows)
}

fn unreadable(message: String) -> CollectError {
    CollectError::Answer { code: "UnreadableAnswer", message }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::testing::FakeAws;

    fn states(states: &'static [&'static str]) -> FakeAws {
        let number = AtomicUsize::new(0);
        FakeAws::new(move |_| {
            let state = states.get(number.fetch_add(1, Ordering::SeqCst)).or(states.last());
            let state = state.expect("a script is not empty");
            let name = "GenerateCredentialReport";
            let result = format!("<{name}Result><State>{state}</State></{name}Result>");
            (200, vec![], format!("<{name}Response>{result}</{name}Response>"))
        })
    }

    #[tokio::test]
    async fn the_report_is_waited_for_but_not_for_ever() {
        let fake = states(&["STARTED", "INPROGRESS", "COMPLETE"]);
        let result = wait_until_complete(&fake.account(), Duration::ZERO).await;
        assert!(result.is_ok() && fake.sent().len() == 3, "{result:?}");

        let fake = states(&["STARTED", "INPROGRESS"]);
        let result = wait_until_complete(&fake.account(), Duration::ZERO).await;
        let error = result.expect_err("it is never complete").summary();
        assert_eq!(error, "ReportNotReady: the report was not complete after 14 questions");
        assert_eq!(fake.sent().len(), 14);
    }

    #[test]
    fn rows_have_the_columns_names() {
        let csv = "user,arn,mfa_active\n<root_account>,arn:aws:iam::1:root,false\n\"a,b\",x,N/A\n";
        let expected = json!([
            {"user": "<root_account>", "arn": "arn:aws:iam::1:root", "mfa_active": "false"},
            {"user": "a,b", "arn": "x", "mfa_active": "N/A"},
        ]);
        assert_eq!(rows(&base64::encode(csv)).map(Value::from), Ok(expected));
        assert_eq!(rows(&base64::encode("user,arn\n")), Ok(vec![]));
    }

    #[test]
    fn a_damaged_report_is_an_error() {
        for csv in ["", "<html>", "arn,user\n", "user,arn\na,b,c\n", "user,arn\na\n"] {
            assert!(rows(&base64::encode(csv)).is_err(), "{csv:?}");
        }
        let long = |bytes| format!("user,{}\n", "x".repeat(bytes));
        let many = |columns| format!("user{}\n", ",".repeat(columns - 1));
        assert_eq!(rows(&base64::encode(long(COLUMN_BYTES_MAX))), Ok(vec![]));
        assert_eq!(rows(&base64::encode(many(COLUMNS_MAX))), Ok(vec![]));
        for csv in [long(COLUMN_BYTES_MAX + 1), many(COLUMNS_MAX + 1)] {
            assert!(rows(&base64::encode(&csv)).is_err_and(|e| e.contains("columns")), "{csv}");
        }
        assert!(rows("not base64!").is_err());
        assert!(rows(&base64::encode([b'u', b's', b'e', b'r', b'\n', 0xff])).is_err());
    }
}
