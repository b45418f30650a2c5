//! IAM policies that the customer manages, with the documents of all their versions.

use super::{Collecting, Collector, Coverage, iam, items, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "iam-policies",
    resource_type: "AWS::IAM::Policy",
    coverage: Coverage::Global,
    actions: &["iam:GetAccountAuthorizationDetails"],
    collect,
};

/// Sees each policy that the customer manages, attached or not; AWS's own are the same everywhere.
///
/// Shape: configuration is the item of the answer; `PolicyVersionList` holds each version's
/// document as an object, the one in force has `IsDefaultVersion`. The id is `PolicyId`, as in AWS
/// Config: a policy of the same name that is made later is another one. The answer has no tags.
/// Source: `iam:GetAccountAuthorizationDetails`, shared with the users.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let answer = iam::details(account).await?;
        for policy in items(&answer, "Policies")? {
            let id = text(policy, "PolicyId")?;
            let document = Document::new(account, GLOBAL, COLLECTOR.resource_type, id, policy)
                .name(policy["PolicyName"].as_str())
                .arn(text(policy, "Arn")?);
            observer.see(document).await?;
        }
        Ok(())
    })
}
