//! What IAM's collectors share: one answer that holds users, groups, roles and policies.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::account::Account;
use crate::api::CallError;

/// Gives all users, groups, roles and customer-managed policies, asked for once in a scan.
///
/// Source: `iam:GetAccountAuthorizationDetails`, all pages.
pub(super) async fn details(account: &Account) -> Result<Arc<Value>, Arc<CallError>> {
    let parameters =
        json!({"Filter": ["User", "Group", "Role", "LocalManagedPolicy"], "MaxItems": 1000});
    let home = account.home_region();
    account.shared("iam", "GetAccountAuthorizationDetails", home, parameters).await
}
