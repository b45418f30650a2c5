//! What collectors share of IAM: answers that several of them need, asked once in a scan.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::account::Account;
use crate::api::CallError;
use crate::document::Document;

/// Gives all users, groups, roles and customer-managed policies, asked for once in a scan.
///
/// Source: `iam:GetAccountAuthorizationDetails`, all pages.
pub(super) async fn details(account: &Account) -> Result<Arc<Value>, Arc<CallError>> {
    let parameters =
        json!({"Filter": ["User", "Group", "Role", "LocalManagedPolicy"], "MaxItems": 1000});
    let home = account.home_region();
    account.shared("iam", "GetAccountAuthorizationDetails", home, parameters).await
}

/// Adds `AccountSummary`, the map of the account's counts, asked for once in a scan.
///
/// Source: `iam:GetAccountSummary`.
pub(super) async fn add_summary(account: &Account, document: &mut Document) {
    let home = account.home_region();
    match account.shared("iam", "GetAccountSummary", home, json!({})).await {
        Ok(answer) => {
            let answer = Ok(Value::clone(&answer));
            document.member("AccountSummary", answer, "SummaryMap", &[]);
        }
        Err(error) => document.error("AccountSummary", error.summary()),
    }
}
