//! IAM roles with their trust and their policies.

use super::{Collecting, Collector, Coverage, items, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "iam-roles",
    resource_type: "AWS::IAM::Role",
    coverage: Coverage::Global,
    actions: &["iam:GetAccountAuthorizationDetails"],
    collect,
};

/// Sees each role.
///
/// Shape: configuration is the item of the answer, policy documents as objects; the id is
/// `RoleId`, which a role of the same name that is made later does not share. Source:
/// `iam:GetAccountAuthorizationDetails`, shared with the users.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let answer = account.iam_details().await?;
        for role in items(&answer, "RoleDetailList")? {
            let id = text(role, "RoleId")?;
            let document = Document::new(account, GLOBAL, COLLECTOR.resource_type, id, role)
                .name(role["RoleName"].as_str())
                .arn(text(role, "Arn")?)
                .tags(role.get("Tags"));
            observer.see(document).await?;
        }
        Ok(())
    })
}
