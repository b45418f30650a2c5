//! EC2 security groups with their rules.

use serde_json::json;

use super::{Collecting, Collector, Coverage, items, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::Observer;

pub(super) const COLLECTOR: Collector = Collector {
    id: "ec2-security-groups",
    resource_type: "AWS::EC2::SecurityGroup",
    coverage: Coverage::Regional,
    actions: &["ec2:DescribeSecurityGroups"],
    collect,
};

/// Sees each group of the scope's region.
///
/// Shape: configuration is the item of the answer. Source: `ec2:DescribeSecurityGroups`, all pages.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = &observer.scope().region;
        let parameters = json!({"MaxResults": 1000});
        let answer =
            account.client("ec2", region).call_all("DescribeSecurityGroups", parameters).await?;
        for group in items(&answer, "SecurityGroups")? {
            let id = text(group, "GroupId")?;
            let arn = match group["SecurityGroupArn"].as_str() {
                Some(arn) => arn.to_owned(),
                None => {
                    let (partition, owner) = (account.partition(), text(group, "OwnerId")?);
                    format!("arn:{partition}:ec2:{region}:{owner}:security-group/{id}")
                }
            };
            let document = Document::new(account, region, COLLECTOR.resource_type, id, group)
                .name(group["GroupName"].as_str())
                .arn(arn)
                .tags(group.get("Tags"));
            observer.see(document).await?;
        }
        Ok(())
    })
}
