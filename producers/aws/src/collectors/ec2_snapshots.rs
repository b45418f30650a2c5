//! EBS snapshots that the account owns, with whom they are shared with.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, ec2, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "ec2-snapshots",
    resource_type: "AWS::EC2::Snapshot",
    coverage: Coverage::Regional,
    actions: &["ec2:DescribeSnapshotAttribute", "ec2:DescribeSnapshots"],
    collect,
};

const KIND: ec2::Kind = ec2::Kind {
    resource_type: COLLECTOR.resource_type,
    id: "SnapshotId",
    tags: "Tags",
    word: "snapshot",
};

/// Sees each snapshot of the scope's region that the account owns.
///
/// Shape: configuration is the item of the answer; the ARN has no account, as AWS writes it.
/// Supplementary: `CreateVolumePermissions` is the list of those who may read the snapshot:
/// `Group` `all` is everyone, `UserId` an account; empty when it is private. Source:
/// `ec2:DescribeSnapshots` with owner `self`, all pages, and one call for each snapshot.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = &observer.scope().region;
        let parameters = json!({"OwnerIds": ["self"], "MaxResults": 1000});
        let client = account.client("ec2", region);
        let answer = client.call_all("DescribeSnapshots", parameters).await?;
        let snapshots = items(&answer, "Snapshots")?.to_vec();
        let each = |snapshot| async move { document(account, region, &snapshot).await };
        see_each(account, observer, snapshots.into_iter().map(each)).await
    })
}

/// Completes a snapshot; none when it was deleted since the listing.
async fn document(
    account: &Account,
    region: &str,
    snapshot: &Value,
) -> Result<Option<Document>, CollectError> {
    let id = text(snapshot, "SnapshotId")?;
    let parameters = json!({"SnapshotId": id, "Attribute": "createVolumePermission"});
    let client = account.client("ec2", region);
    let shared = client.call("DescribeSnapshotAttribute", parameters).await;
    if matches!(&shared, Err(error) if error.code() == "InvalidSnapshot.NotFound") {
        return Ok(None);
    }
    let mut document = KIND.document(account, region, "", snapshot)?;
    document.member("CreateVolumePermissions", shared, "CreateVolumePermissions", &[]);
    Ok(Some(document))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAws, collected, ec2_error};

    /// Three snapshots, of which one is deleted at once, one may not be asked for, and one is
    /// answered without the list.
    #[tokio::test]
    async fn what_is_not_known_of_a_snapshot_is_no_empty_list() {
        let fake = FakeAws::new(|sent| {
            let body = match &sent.body {
                body if body.contains("Action=DescribeSnapshots&") => {
                    let item = |id: &str| format!("<item><snapshotId>{id}</snapshotId></item>");
                    let items: String = ["snap-1", "snap-2", "snap-3"].map(item).concat();
                    format!(
                        "<DescribeSnapshotsResponse><snapshotSet>{items}</snapshotSet>\
                         </DescribeSnapshotsResponse>"
                    )
                }
                body if body.contains("snap-1") => {
                    return ec2_error(400, "InvalidSnapshot.NotFound");
                }
                body if body.contains("snap-2") => return ec2_error(403, "UnauthorizedOperation"),
                _ => "<DescribeSnapshotAttributeResponse><snapshotId>snap-3</snapshotId>\
                     </DescribeSnapshotAttributeResponse>"
                    .to_owned(),
            };
            (200, vec![], body)
        });
        let (mut found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        found.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(end, Ok(2));
        let name = "CreateVolumePermissions";
        let told: Vec<_> =
            found.iter().map(|one| (one.arn.as_str(), one.errors[name].as_str())).collect();
        assert_eq!(
            told,
            [
                ("arn:aws:ec2:eu-west-1::snapshot/snap-2", "UnauthorizedOperation: refused"),
                (
                    "arn:aws:ec2:eu-west-1::snapshot/snap-3",
                    "UnreadableAnswer: the answer has no CreateVolumePermissions"
                ),
            ]
        );
        assert!(found.iter().all(|one| one.supplementary == "{}"));
        assert!(fake.sent()[0].body.contains("Owner.1=self"), "{}", fake.sent()[0].body);
    }
}
