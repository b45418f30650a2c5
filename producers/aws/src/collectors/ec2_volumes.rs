//! EBS volumes: size, encryption, and what they are attached to.

use serde_json::json;

use super::{Collecting, Collector, Coverage, ec2, items};
use crate::account::Account;
use crate::scope::Observer;

pub(super) const COLLECTOR: Collector = Collector {
    id: "ec2-volumes",
    resource_type: "AWS::EC2::Volume",
    coverage: Coverage::Regional,
    actions: &["ec2:DescribeVolumes"],
    collect,
};

const KIND: ec2::Kind = ec2::Kind {
    resource_type: COLLECTOR.resource_type,
    id: "VolumeId",
    tags: "Tags",
    word: "volume",
};

/// Sees each volume of the scope's region.
///
/// Shape: configuration is the item of the answer. Source: `ec2:DescribeVolumes`, all pages.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = &observer.scope().region;
        let parameters = json!({"MaxResults": 500});
        let client = account.client("ec2", region);
        let answer = client.call_all("DescribeVolumes", parameters).await?;
        for volume in items(&answer, "Volumes")? {
            observer.see(KIND.document(account, region, account.id(), volume)?).await?;
        }
        Ok(())
    })
}
