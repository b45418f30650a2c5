//! EC2 VPCs with their flow logs.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, ec2, items, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "ec2-vpcs",
    resource_type: "AWS::EC2::VPC",
    coverage: Coverage::Regional,
    actions: &["ec2:DescribeFlowLogs", "ec2:DescribeVpcs"],
    collect,
};

const KIND: ec2::Kind =
    ec2::Kind { resource_type: COLLECTOR.resource_type, id: "VpcId", tags: "Tags", word: "vpc" };

/// Sees each VPC of the scope's region, also those that another account shares (`OwnerId`).
///
/// Shape: configuration is the item of the answer. Supplementary: `FlowLogs` is the list of the
/// flow logs of the whole VPC, empty when there is none; those of one subnet or interface are not
/// among them, and of a shared VPC AWS shows only what this account has made. Source:
/// `ec2:DescribeVpcs` and, where there is a VPC, `ec2:DescribeFlowLogs` once, all pages.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = &observer.scope().region;
        let all = json!({"MaxResults": 1000});
        let client = account.client("ec2", region);
        let answer = client.call_all("DescribeVpcs", all.clone()).await?;
        let vpcs = items(&answer, "Vpcs")?;
        if vpcs.is_empty() {
            return Ok(());
        }
        let logs = client.call_all("DescribeFlowLogs", all).await.map_err(CollectError::from);
        let logs = logs.and_then(|answer| Ok(items(&answer, "FlowLogs")?.to_vec()));
        for vpc in vpcs {
            let mut document = KIND.document(account, region, text(vpc, "OwnerId")?, vpc)?;
            add_flow_logs(&mut document, text(vpc, "VpcId")?, &logs);
            observer.see(document).await?;
        }
        Ok(())
    })
}

/// Adds a VPC's own flow logs to its document; what failed for all, failed for each.
fn add_flow_logs(document: &mut Document, vpc: &str, logs: &Result<Vec<Value>, CollectError>) {
    match logs {
        Ok(logs) => {
            let own = logs.iter().filter(|log| log["ResourceId"] == vpc);
            document.answer("FlowLogs", Ok(own.cloned().collect()), &[]);
        }
        Err(error) => document.error("FlowLogs", error.summary()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAws, Reply, collected, ec2_error};

    fn region(vpcs: &'static [&'static str], logs: fn() -> Reply) -> FakeAws {
        let item =
            |id: &&str| format!("<item><vpcId>{id}</vpcId><ownerId>999988887777</ownerId></item>");
        let items: String = vpcs.iter().map(item).collect();
        let vpcs = format!("<DescribeVpcsResponse><vpcSet>{items}</vpcSet></DescribeVpcsResponse>");
        FakeAws::new(move |sent| match sent.body.contains("Action=DescribeVpcs") {
            true => (200, vec![], vpcs.clone()),
            false => logs(),
        })
    }

    #[tokio::test]
    async fn a_refusal_of_the_flow_logs_is_every_vpcs_error() {
        let fake = region(&["vpc-1", "vpc-2"], || ec2_error(403, "UnauthorizedOperation"));
        let (found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!((end, fake.sent().len()), (Ok(2), 2));
        for (vpc, id) in found.iter().zip(["vpc-1", "vpc-2"]) {
            assert_eq!(vpc.arn, format!("arn:aws:ec2:eu-west-1:999988887777:vpc/{id}"));
            assert_eq!(vpc.errors["FlowLogs"], "UnauthorizedOperation: refused");
            assert_eq!(vpc.supplementary, "{}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_the_list_of_flow_logs_is_not_taken_for_none() {
        let fake = region(&["vpc-1"], || {
            (
                200,
                vec![],
                "<DescribeFlowLogsResponse><requestId>r</requestId>\
                           </DescribeFlowLogsResponse>"
                    .to_owned(),
            )
        });
        let (found, _) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        let expected = "UnreadableAnswer: the answer has no FlowLogs";
        assert_eq!(found[0].errors["FlowLogs"], expected);
    }

    #[tokio::test]
    async fn a_region_without_a_vpc_costs_one_call() {
        let fake = region(&[], || ec2_error(500, "NotAsked"));
        let (found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!((found.len(), end, fake.sent().len()), (0, Ok(0), 1));
    }

    #[tokio::test]
    async fn a_refused_listing_fails_the_scope() {
        let fake = FakeAws::new(|_| ec2_error(403, "UnauthorizedOperation"));
        let (found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!(end, Err("UnauthorizedOperation: refused".to_owned()));
        assert_eq!((found.len(), fake.sent().len()), (0, 1));
    }
}
