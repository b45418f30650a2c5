//! Route 53 hosted zones with all their records.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "route53-zones",
    resource_type: "AWS::Route53::HostedZone",
    coverage: Coverage::Global,
    actions: &[
        "route53:GetHostedZone",
        "route53:ListHostedZones",
        "route53:ListResourceRecordSets",
        "route53:ListTagsForResource",
    ],
    collect,
};

/// AWS's code for a zone that is not there.
const GONE: &str = "NoSuchHostedZone";

/// Sees each hosted zone, public and private.
///
/// Shape: configuration is the item of the listing; the id is the zone's without the path before
/// it. Supplementary: `DelegationSet` and `VPCs`, each null for the zones that have none;
/// `ResourceRecordSets` and `Tags` are lists. Source: `route53:ListHostedZones`, all pages, and for
/// each zone two calls and all pages of its records.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let parameters = json!({"MaxItems": "100"});
        let answer = account.home("route53").call_all("ListHostedZones", parameters).await?;
        let zones = items(&answer, "HostedZones")?.to_vec();
        let each = |item| async move { document(account, &item).await };
        see_each(account, observer, zones.into_iter().map(each)).await
    })
}

/// Completes a zone; none when it was deleted since the listing.
async fn document(account: &Account, item: &Value) -> Result<Option<Document>, CollectError> {
    let path = text(item, "Id")?;
    let id = path.strip_prefix("/hostedzone/").unwrap_or(path);
    let client = account.home("route53");
    let zone = client.call("GetHostedZone", json!({"Id": id})).await;
    if matches!(&zone, Err(error) if error.code() == GONE) {
        return Ok(None);
    }
    let parameters = json!({"ResourceType": "hostedzone", "ResourceId": id});
    let tags = client.call("ListTagsForResource", parameters).await;
    let tags = tags.map(|mut answer| answer["ResourceTagSet"]["Tags"].take());
    let mut document = Document::new(account, GLOBAL, COLLECTOR.resource_type, id, item)
        .name(item["Name"].as_str())
        .arn(format!("arn:{}:route53:::hostedzone/{id}", account.partition()))
        .tags(tags.as_ref().ok());
    document.answer("Tags", tags, &[]);
    match zone {
        Ok(mut zone) => {
            for name in ["DelegationSet", "VPCs"] {
                document.answer(name, Ok(zone[name].take()), &[]);
            }
        }
        Err(error) => {
            for name in ["DelegationSet", "VPCs"] {
                document.error(name, error.summary());
            }
        }
    }
    let parameters = json!({"HostedZoneId": id, "MaxItems": "300"});
    let records = client.call_all("ListResourceRecordSets", parameters).await;
    let records = records.map(|mut answer| answer["ResourceRecordSets"].take());
    document.answer("ResourceRecordSets", records, &[]);
    Ok(Some(document))
}
