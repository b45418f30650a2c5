//! EC2 network interfaces, whoever made them: instances, load balancers, functions, AWS itself.

use serde_json::json;

use super::{Collecting, Collector, Coverage, ec2, items, text};
use crate::account::Account;
use crate::scope::Observer;

pub(super) const COLLECTOR: Collector = Collector {
    id: "ec2-network-interfaces",
    resource_type: "AWS::EC2::NetworkInterface",
    coverage: Coverage::Regional,
    actions: &["ec2:DescribeNetworkInterfaces"],
    collect,
};

const KIND: ec2::Kind = ec2::Kind {
    resource_type: COLLECTOR.resource_type,
    id: "NetworkInterfaceId",
    tags: "TagSet",
    word: "network-interface",
};

/// Sees each interface of the scope's region.
///
/// Shape: configuration is the item of the answer; `VpcId` says whose it is, `Association` its
/// public address. Source: `ec2:DescribeNetworkInterfaces`, all pages.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = &observer.scope().region;
        let parameters = json!({"MaxResults": 1000});
        let client = account.client("ec2", region);
        let answer = client.call_all("DescribeNetworkInterfaces", parameters).await?;
        for interface in items(&answer, "NetworkInterfaces")? {
            let owner = text(interface, "OwnerId")?;
            observer.see(KIND.document(account, region, owner, interface)?).await?;
        }
        Ok(())
    })
}
