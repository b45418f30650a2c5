//! IAM users with their policies, access keys, console password and MFA devices.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, iam, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "iam-users",
    resource_type: "AWS::IAM::User",
    coverage: Coverage::Global,
    actions: &[
        "iam:GetAccountAuthorizationDetails",
        "iam:GetLoginProfile",
        "iam:ListAccessKeys",
        "iam:ListMFADevices",
    ],
    collect,
};

/// AWS's code for a user, or a password, that is not there.
const NONE: &str = "NoSuchEntity";

/// Sees each user.
///
/// Shape: configuration is the item of the answer, policy documents as objects; the id is
/// `UserId`. Supplementary: `AccessKeys` and `MFADevices` are lists, `LoginProfile` is an object,
/// null for a user without a console password. Source: `iam:GetAccountAuthorizationDetails`,
/// shared with the roles, and three calls for each user.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let answer = iam::details(account).await?;
        let users = items(&answer, "UserDetailList")?.to_vec();
        let each = |user| async move { document(account, &user).await };
        see_each(account, observer, users.into_iter().map(each)).await
    })
}

/// Completes a user; none when the user was deleted since the listing.
async fn document(account: &Account, user: &Value) -> Result<Option<Document>, CollectError> {
    let name = text(user, "UserName")?;
    let id = text(user, "UserId")?;
    let (client, parameters) = (account.home("iam"), json!({"UserName": name}));
    let keys = client.call_all("ListAccessKeys", parameters.clone()).await;
    if matches!(&keys, Err(error) if error.code() == NONE) {
        return Ok(None);
    }
    let mut document = Document::new(account, GLOBAL, COLLECTOR.resource_type, id, user)
        .name(Some(name))
        .arn(text(user, "Arn")?)
        .tags(user.get("Tags"));
    document.member("AccessKeys", keys, "AccessKeyMetadata", &[]);
    let profile = client.call("GetLoginProfile", parameters.clone()).await;
    document.member("LoginProfile", profile, "LoginProfile", &[NONE]);
    let devices = client.call_all("ListMFADevices", parameters).await;
    document.member("MFADevices", devices, "MFADevices", &[]);
    Ok(Some(document))
}
