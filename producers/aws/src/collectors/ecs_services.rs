//! ECS services: what is kept running, and how it is reached.

use serde_json::Value;

use super::{Collecting, Collector, Coverage, ecs, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "ecs-services",
    resource_type: "AWS::ECS::Service",
    coverage: Coverage::Regional,
    actions: &["ecs:DescribeServices", "ecs:ListClusters", "ecs:ListServices"],
    collect,
};

/// Sees each service of each cluster in the scope's region.
///
/// Shape: configuration is the item of the answer with its tags; the id is the ARN, in its long
/// form. `events` is left out: the scheduler writes into it every six hours that nothing has
/// changed, and a change that tells nothing is no change. Source: `ecs:ListServices` for each
/// cluster, all pages, and `ecs:DescribeServices` for each ten, shared with the task definitions.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = observer.scope().region.as_str();
        let chunks = ecs::chunks(account, region, &ecs::SERVICES).await?;
        let each = |chunk| async move {
            let services = ecs::describe(account, region, &ecs::SERVICES, chunk).await?;
            let services = services.into_iter();
            services.map(|service| document(account, region, service)).collect()
        };
        see_each::<_, Vec<_>>(account, observer, chunks.into_iter().map(each)).await
    })
}

fn document(account: &Account, region: &str, mut service: Value) -> Result<Document, CollectError> {
    if let Some(members) = service.as_object_mut() {
        members.remove("events");
    }
    let arn = text(&service, "serviceArn")?;
    let id = long_arn(arn, text(&service, "clusterArn")?);
    let document = Document::new(account, region, COLLECTOR.resource_type, &id, &service)
        .name(service["serviceName"].as_str())
        .arn(arn)
        .lowercase_tags(service.get("tags"));
    Ok(document)
}

/// Gives a service's ARN with the cluster in it.
///
/// Services made before 2021 may have ARNs without it: two of one name in two clusters have the
/// same one.
fn long_arn(service: &str, cluster: &str) -> String {
    match service.split_once(":service/") {
        Some((start, name)) if !name.contains('/') => {
            format!("{start}:service/{}/{name}", ecs::last_part(cluster))
        }
        _ => service.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_one_name_in_two_clusters_have_two_ids() {
        let start = "arn:aws:ecs:eu-west-1:1";
        let id = |service: &str, cluster: &str| {
            long_arn(&format!("{start}:service/{service}"), &format!("{start}:cluster/{cluster}"))
        };
        assert_eq!(id("same", "left"), format!("{start}:service/left/same"));
        assert_eq!(id("same", "right"), format!("{start}:service/right/same"));
        assert_eq!(id("left/same", "left"), format!("{start}:service/left/same"));
    }
}
