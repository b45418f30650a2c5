//! CloudTrail trails with their status and what they record.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "cloudtrail-trails",
    resource_type: "AWS::CloudTrail::Trail",
    coverage: Coverage::Regional,
    actions: &[
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetEventSelectors",
        "cloudtrail:GetTrailStatus",
        "cloudtrail:ListTags",
    ],
    collect,
};

/// Sees each trail whose home is the scope's region, the organisation's in each of its accounts.
///
/// AWS lists the organisation's trail in a member account only among the shadow trails; these also
/// hold each trail of other regions once more, which its own region's scope sees.
///
/// Shape: configuration is the item of the answer; the id is the ARN, as an account and its
/// organisation may have trails of one name. Supplementary: `Status` and `EventSelectors` as the
/// AWS CLI prints them, `Tags` as a list. The status comes without the times of the latest
/// deliveries, which move with each one: a change that tells nothing is no change. Source:
/// `cloudtrail:DescribeTrails` and, for each trail, `cloudtrail:GetTrailStatus`,
/// `cloudtrail:GetEventSelectors` and `cloudtrail:ListTags`.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = observer.scope().region.as_str();
        let parameters = json!({"includeShadowTrails": true});
        let answer =
            account.client("cloudtrail", region).call("DescribeTrails", parameters).await?;
        let mut trails = Vec::new();
        for trail in items(&answer, "trailList")? {
            if text(trail, "HomeRegion")? == region {
                trails.push(trail.clone());
            }
        }
        let each = |trail| async move { document(account, region, &trail).await };
        see_each(account, observer, trails.into_iter().map(each)).await
    })
}

/// Completes a trail; none when it was deleted since the listing.
async fn document(
    account: &Account,
    region: &str,
    trail: &Value,
) -> Result<Option<Document>, CollectError> {
    let arn = text(trail, "TrailARN")?;
    let client = account.client("cloudtrail", region);
    let status = client.call("GetTrailStatus", json!({"Name": arn})).await;
    // Of another account's trail, the code may also say that this account may not ask.
    let is_own = arn.split(':').nth(4) == Some(account.id());
    if matches!(&status, Err(error) if is_own && error.code() == "TrailNotFoundException") {
        return Ok(None);
    }
    let mut document = Document::new(account, region, COLLECTOR.resource_type, arn, trail)
        .name(trail["Name"].as_str())
        .arn(arn);
    document.answer("Status", status.map(without_moments), &[]);
    let selectors = client.call("GetEventSelectors", json!({"TrailName": arn})).await;
    document.answer("EventSelectors", selectors, &[]);
    // One trail is asked for, so the answer has one list of tags.
    let tags = client.call_all("ListTags", json!({"ResourceIdList": [arn]})).await;
    let tags = tags.map(|mut answer| answer["ResourceTagList"][0].take());
    if let Ok(answer) = &tags {
        document = document.tags(answer.get("TagsList"));
    }
    document.member("Tags", tags, "TagsList", &[]);
    Ok(Some(document))
}

/// Takes out of a status when the latest deliveries were; their errors stay.
fn without_moments(mut status: Value) -> Value {
    if let Some(members) = status.as_object_mut() {
        members.retain(|name, _| !name.starts_with("Latest") || name.ends_with("Error"));
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAws, Reply, collected};

    const OWN: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main";
    const ORGANISATIONS: &str = "arn:aws:cloudtrail:eu-west-1:999988887777:trail/main";

    fn error(code: &str) -> Reply {
        (400, vec![], json!({"__type": code, "message": "m"}).to_string())
    }

    /// A server of two trails, and one of another region; `refused` says how the further calls end.
    fn server(refused: fn(operation: &str, arn: &str) -> Option<&'static str>) -> FakeAws {
        FakeAws::new(move |sent| {
            let target = sent.headers["x-amz-target"].rsplit('.').next().unwrap_or_default();
            let arn = if sent.body.contains(OWN) { OWN } else { ORGANISATIONS };
            if let Some(code) = refused(target, arn) {
                return error(code);
            }
            let trail =
                |arn: &str, home: &str| json!({"Name": "t", "TrailARN": arn, "HomeRegion": home});
            let answer = match target {
                "DescribeTrails" => json!({"trailList": [
                    trail(OWN, "eu-west-1"),
                    trail("arn:aws:cloudtrail:us-east-1:111122223333:trail/far", "us-east-1"),
                    trail(ORGANISATIONS, "eu-west-1"),
                ]}),
                "GetTrailStatus" => json!({"IsLogging": true}),
                "GetEventSelectors" => json!({"TrailARN": arn, "EventSelectors": []}),
                _ => json!({"ResourceTagList": [
                    {"ResourceId": arn, "TagsList": [{"Key": "k"}, {"Key": "ü", "Value": "v"}]},
                ]}),
            };
            (200, vec![], answer.to_string())
        })
    }

    /// moto has no organisation's trails: here one has the name of the account's own.
    #[tokio::test]
    async fn trails_are_seen_at_home_and_told_apart() {
        let fake = server(|_, _| None);
        let (mut found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        found.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!((end, fake.sent().len()), (Ok(2), 1 + 2 * 3));
        let ids: Vec<_> = found.iter().map(|trail| trail.id.as_str()).collect();
        assert_eq!(ids, [OWN, ORGANISATIONS]);
        for trail in &found {
            assert_eq!((trail.name.as_str(), &trail.arn), ("t", &trail.id));
            let tags: Vec<_> = trail.tags.iter().map(|(key, value)| (&**key, &**value)).collect();
            assert_eq!(tags, [("k", ""), ("ü", "v")]);
        }
        assert!(fake.sent()[0].body.contains(r#""includeShadowTrails":true"#));
    }

    #[tokio::test]
    async fn refusals_of_further_calls_are_errors() {
        let fake = server(|operation, _| {
            (operation != "DescribeTrails").then_some("AccessDeniedException")
        });
        let (found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!((end, found.len()), (Ok(2), 2));
        for trail in &found {
            let errors: Vec<_> = trail.errors.iter().map(|(a, b)| (&**a, &**b)).collect();
            let denied = "AccessDeniedException: m";
            assert_eq!(errors, [("EventSelectors", denied), ("Status", denied), ("Tags", denied)]);
            assert_eq!((trail.supplementary.as_str(), trail.tags.len()), ("{}", 0));
        }
    }

    #[tokio::test]
    async fn a_trail_is_only_gone_where_it_was_the_accounts_own() {
        let fake = server(|operation, _| {
            (operation == "GetTrailStatus").then_some("TrailNotFoundException")
        });
        let (found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!((end, found.len()), (Ok(1), 1));
        assert_eq!(found[0].id, ORGANISATIONS);
        assert_eq!(found[0].errors["Status"], "TrailNotFoundException: m");
    }

    #[tokio::test]
    async fn a_refused_listing_fails_the_scope() {
        let fake = server(|_, _| Some("AccessDeniedException"));
        let (found, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!(end, Err("AccessDeniedException: m".to_owned()));
        assert_eq!((found.len(), fake.sent().len()), (0, 1));
    }
}
