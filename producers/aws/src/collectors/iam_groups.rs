//! IAM groups with their policies.

use super::{Collecting, Collector, Coverage, iam, items, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "iam-groups",
    resource_type: "AWS::IAM::Group",
    coverage: Coverage::Global,
    actions: &["iam:GetAccountAuthorizationDetails"],
    collect,
};

/// Sees each group; who is in it is in the users' `GroupList`.
///
/// Shape: configuration is the item of the answer, policy documents as objects; the id is
/// `GroupId`; AWS has no tags for groups. Source: `iam:GetAccountAuthorizationDetails`, shared with
/// the users.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let answer = iam::details(account).await?;
        for group in items(&answer, "GroupDetailList")? {
            let id = text(group, "GroupId")?;
            let document = Document::new(account, GLOBAL, COLLECTOR.resource_type, id, group)
                .name(group["GroupName"].as_str())
                .arn(text(group, "Arn")?);
            observer.see(document).await?;
        }
        Ok(())
    })
}
