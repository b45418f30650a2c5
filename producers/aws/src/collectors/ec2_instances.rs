//! EC2 instances, without their user data.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, ec2, items, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "ec2-instances",
    resource_type: "AWS::EC2::Instance",
    coverage: Coverage::Regional,
    actions: &["ec2:DescribeInstances"],
    collect,
};

const KIND: ec2::Kind = ec2::Kind {
    resource_type: COLLECTOR.resource_type,
    id: "InstanceId",
    tags: "Tags",
    word: "instance",
};

/// Sees each instance of the scope's region, also those that AWS still shows as terminated.
///
/// Shape: configuration is the instance as it stands in its reservation. Supplementary:
/// `Reservation` is the reservation's other members (owner, requester, EC2-Classic's groups).
/// Source: `ec2:DescribeInstances`, all pages. User data, which may hold secrets, is not asked for.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = &observer.scope().region;
        let parameters = json!({"MaxResults": 1000});
        let client = account.client("ec2", region);
        let answer = client.call_all("DescribeInstances", parameters).await?;
        for reservation in items(&answer, "Reservations")? {
            for instance in items(reservation, "Instances")? {
                observer.see(document(account, region, reservation, instance)?).await?;
            }
        }
        Ok(())
    })
}

fn document(
    account: &Account,
    region: &str,
    reservation: &Value,
    instance: &Value,
) -> Result<Document, CollectError> {
    let owner = text(reservation, "OwnerId")?;
    let mut document = KIND.document(account, region, owner, instance)?;
    let mut rest = reservation.clone();
    if let Some(members) = rest.as_object_mut() {
        members.remove("Instances");
    }
    document.answer("Reservation", Ok(rest), &[]);
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAws, collected};

    fn answer(reservations: &str) -> FakeAws {
        let body = format!(
            "<DescribeInstancesResponse><reservationSet>{reservations}</reservationSet>\
             </DescribeInstancesResponse>"
        );
        FakeAws::new(move |_| (200, vec![], body.clone()))
    }

    #[tokio::test]
    async fn instances_are_taken_out_of_their_reservations() {
        let fake = answer(
            "<item><reservationId>r-1</reservationId><ownerId>111122223333</ownerId><groupSet/>\
             <requesterId>amazon-elb</requesterId><instancesSet>\
             <item><instanceId>i-1</instanceId></item><item><instanceId>i-2</instanceId></item>\
             </instancesSet></item>\
             <item><reservationId>r-2</reservationId><ownerId>111122223333</ownerId>\
             <instancesSet><item><instanceId>i-3</instanceId></item></instancesSet></item>",
        );
        let (found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!((end, fake.sent().len()), (Ok(3), 1), "one call for everything");
        let told: Vec<_> =
            found.iter().map(|one| (one.arn.as_str(), one.supplementary.as_str())).collect();
        let first = json!({"Reservation": {"ReservationId": "r-1", "OwnerId": "111122223333",
            "Groups": [], "RequesterId": "amazon-elb"}});
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
        assert_eq!(told[0].0, "arn:aws:ec2:eu-west-1:111122223333:instance/i-1");
        assert_eq!(parse(told[0].1), Some(first));
        assert_eq!(told[0].1, told[1].1, "both are of one reservation");
        assert_eq!(told[2].0, "arn:aws:ec2:eu-west-1:111122223333:instance/i-3");
    }

    #[tokio::test]
    async fn a_reservation_without_instances_fails_the_scope() {
        let fake = answer(
            "<item><reservationId>r-1</reservationId><ownerId>111122223333</ownerId></item>",
        );
        let (found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert!(found.is_empty());
        assert_eq!(end, Err("UnreadableAnswer: the answer has no Instances".to_owned()));
    }
}
