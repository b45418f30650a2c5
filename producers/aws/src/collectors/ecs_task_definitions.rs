//! ECS task definitions: the newest of each family, and those that something runs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, ecs, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "ecs-task-definitions",
    resource_type: "AWS::ECS::TaskDefinition",
    coverage: Coverage::Regional,
    actions: &[
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:ListTaskDefinitions",
        "ecs:ListTasks",
    ],
    collect,
};

/// AWS's answer about a definition that was deleted; its code alone is that of every bad request.
const GONE: &str = "ClientException: Unable to describe task definition";

/// Sees the newest active revision of each family in the scope's region, and each revision, active
/// or not, that a task or a service uses.
///
/// Every deployment leaves an active revision behind, thousands in an account that is years old,
/// and each costs a call: so the revisions are read that run or that the next start by the
/// family's name will run. An older one that only a schedule names is seen while its task runs.
///
/// Shape: configuration is the definition; the id is the ARN, the name `family:revision`.
/// Supplementary: `Tags` is the list. Source: `ecs:ListTaskDefinitions`, all pages, services and
/// tasks as their collectors read them, and one call for each definition.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = observer.scope().region.as_str();
        let parameters = json!({"status": "ACTIVE", "maxResults": 100});
        let client = account.client("ecs", region);
        let listed = client.call_all("ListTaskDefinitions", parameters).await?;
        let mut wanted = newest(ecs::arns(&listed, "taskDefinitionArns")?);
        for service in ecs::describe_all(account, region, &ecs::SERVICES).await? {
            wanted.extend(used_by_service(&service));
        }
        for task in ecs::describe_all(account, region, &ecs::TASKS).await? {
            wanted.insert(text(&task, "taskDefinitionArn")?.to_owned());
        }
        let each = |arn| document(account, region, arn);
        see_each(account, observer, wanted.into_iter().map(each)).await
    })
}

/// Keeps the highest revision of each family.
fn newest(arns: BTreeSet<String>) -> BTreeSet<String> {
    let mut families: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for arn in arns {
        let (family, revision) = arn.rsplit_once(':').unwrap_or((&arn, ""));
        let found = (revision.parse().unwrap_or(0), arn.clone());
        let known = families.entry(family.to_owned()).or_default();
        if *known < found {
            *known = found;
        }
    }
    families.into_values().map(|(_, arn)| arn).collect()
}

/// Gives the definitions that a service is set to, or is on the way from or to.
fn used_by_service(service: &Value) -> impl Iterator<Item = String> {
    let parts = ["deployments", "taskSets"].into_iter();
    let parts = parts.filter_map(|list| service[list].as_array()).flatten();
    let found = parts.chain([service]).filter_map(|part| part["taskDefinition"].as_str());
    found.map(str::to_owned)
}

/// Describes a definition; none when it was deleted meanwhile.
async fn document(
    account: &Account,
    region: &str,
    arn: String,
) -> Result<Option<Document>, CollectError> {
    let parameters = json!({"taskDefinition": arn, "include": ["TAGS"]});
    let answer = account.client("ecs", region).call("DescribeTaskDefinition", parameters).await;
    let mut answer = match answer {
        Err(error) if error.summary().starts_with(GONE) => return Ok(None),
        answer => answer?,
    };
    let definition = answer["taskDefinition"].take();
    if !definition.is_object() {
        return Err(CollectError::missing("taskDefinition"));
    }
    let tags = answer["tags"].take();
    let mut document = Document::new(account, region, COLLECTOR.resource_type, &arn, &definition)
        .name(Some(ecs::last_part(&arn)))
        .arn(arn)
        .lowercase_tags(Some(&tags));
    document.answer("Tags", Ok(tags), &[]);
    Ok(Some(document))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeAws;

    /// AWS has one code for a definition that is not there and for a request that is not right.
    #[tokio::test]
    async fn only_a_deleted_definition_is_left_out() {
        let cases = [("Unable to describe task definition.", true), ("Invalid revision", false)];
        for (message, gone) in cases {
            let fake = FakeAws::json(move |_, _| {
                (400, json!({"__type": "ClientException", "message": message}))
            });
            let found = document(&fake.account(), "eu-west-1", "a:1".to_owned()).await;
            assert_eq!(matches!(found, Ok(None)), gone, "{found:?}");
            assert_eq!(found.is_err(), !gone);
        }
        let fake = FakeAws::json(|_, _| (200, json!({"tags": []})));
        let found = document(&fake.account(), "eu-west-1", "a:1".to_owned()).await;
        let error = found.expect_err("there is no definition").summary();
        assert_eq!(error, "UnreadableAnswer: the answer has no taskDefinition");
    }

    #[test]
    fn the_newest_is_so_by_number_within_its_family() {
        let arns = ["d/a:9", "d/a:10", "d/b:1", "d/a-b:2", "e/a:3"].map(str::to_owned);
        let newest = newest(BTreeSet::from(arns));
        assert_eq!(newest, ["d/a:10", "d/b:1", "d/a-b:2", "e/a:3"].map(str::to_owned).into());
    }
}
