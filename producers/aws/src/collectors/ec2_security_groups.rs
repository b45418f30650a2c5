//! EC2 security groups with their rules.

use serde_json::json;

use super::{Collecting, Collector, Coverage, ec2, items, text};
use crate::account::Account;
use crate::scope::Observer;

pub(super) const COLLECTOR: Collector = Collector {
    id: "ec2-security-groups",
    resource_type: "AWS::EC2::SecurityGroup",
    coverage: Coverage::Regional,
    actions: &["ec2:DescribeSecurityGroups"],
    collect,
};

const KIND: ec2::Kind = ec2::Kind {
    resource_type: COLLECTOR.resource_type,
    id: "GroupId",
    tags: "Tags",
    word: "security-group",
};

/// Sees each group of the scope's region.
///
/// Shape: configuration is the item of the answer; the name is the group's own. Source:
/// `ec2:DescribeSecurityGroups`, all pages.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = &observer.scope().region;
        let parameters = json!({"MaxResults": 1000});
        let client = account.client("ec2", region);
        let answer = client.call_all("DescribeSecurityGroups", parameters).await?;
        for group in items(&answer, "SecurityGroups")? {
            let owner = text(group, "OwnerId")?;
            let document = KIND.document(account, region, owner, group)?;
            observer.see(document.name(group["GroupName"].as_str())).await?;
        }
        Ok(())
    })
}
