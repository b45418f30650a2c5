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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAws, Reply, Sent, collected};

    fn answer(sent: &Sent) -> Reply {
        let (_, path) = sent.uri.split_once("/2013-04-01/").expect("the API's version");
        let refused = |code: &str| {
            let error = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
            (403, vec![], format!("<ErrorResponse>{error}</ErrorResponse>"))
        };
        let page = |name: &str, next: &str| {
            let record = format!("<ResourceRecordSet><Name>{name}</Name></ResourceRecordSet>");
            let truncated = !next.is_empty();
            format!(
                "<ListResourceRecordSetsResponse><ResourceRecordSets>{record}</ResourceRecordSets>\
                 <IsTruncated>{truncated}</IsTruncated>{next}</ListResourceRecordSetsResponse>"
            )
        };
        let body = match path {
            "hostedzone?maxitems=100" => {
                let zones = ["Z1", "Z2", "Z3"];
                let zones =
                    zones.map(|id| format!("<HostedZone><Id>/hostedzone/{id}</Id></HostedZone>"));
                let zones = format!("<HostedZones>{}</HostedZones>", zones.concat());
                format!("<ListHostedZonesResponse>{zones}</ListHostedZonesResponse>")
            }
            "hostedzone/Z2" => return refused(GONE),
            "hostedzone/Z3" | "hostedzone/Z3/rrset?maxitems=300" => return refused("AccessDenied"),
            "hostedzone/Z1" => "<GetHostedZoneResponse><VPCs/></GetHostedZoneResponse>".to_owned(),
            "hostedzone/Z1/rrset?maxitems=300" => page(
                "a",
                "<NextRecordName>b</NextRecordName><NextRecordType>A</NextRecordType>\
                 <NextRecordIdentifier>x y</NextRecordIdentifier>",
            ),
            "hostedzone/Z1/rrset?maxitems=300&identifier=x%20y&name=b&type=A" => {
                page("b", "<NextRecordName>c</NextRecordName><NextRecordType>A</NextRecordType>")
            }
            "hostedzone/Z1/rrset?maxitems=300&name=c&type=A" => page("c", ""),
            path if path.starts_with("tags/hostedzone/Z") => {
                let tags = "<Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>";
                let set = format!("<ResourceTagSet>{tags}</ResourceTagSet>");
                format!("<ListTagsForResourceResponse>{set}</ListTagsForResourceResponse>")
            }
            other => panic!("{other} is not expected"),
        };
        (200, vec![], body)
    }

    /// Only records that share a name have an identifier, so that a page may name one and the next
    /// page none: one left over would make AWS start elsewhere.
    #[tokio::test]
    async fn all_pages_of_records_are_read_and_refusals_are_told() {
        let fake = FakeAws::new(answer);
        let (seen, end) = collected(&fake, &COLLECTOR, GLOBAL).await;
        assert_eq!(end, Ok(2));
        let expected = json!({"DelegationSet": null, "VPCs": [],
            "ResourceRecordSets": [{"Name": "a"}, {"Name": "b"}, {"Name": "c"}],
            "Tags": [{"Key": "k", "Value": "v"}]});
        let supplementary: Value = serde_json::from_str(&seen[0].supplementary).expect("JSON");
        assert_eq!((seen[0].id.as_str(), supplementary), ("Z1", expected));
        assert_eq!(seen[0].arn, "arn:aws:route53:::hostedzone/Z1");
        let refused: Vec<_> = seen[1].errors.keys().collect();
        assert_eq!((seen[1].id.as_str(), refused.len()), ("Z3", 3), "{refused:?}");
        assert!(seen[1].errors.values().all(|error| error == "AccessDenied: m"));
    }
}
