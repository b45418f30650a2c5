//! What ECS's collectors share: the clusters of a region, and what runs in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use super::items;
use crate::account::Account;
use crate::api::CallError;
use crate::scope::CollectError;

/// Something that is listed cluster by cluster and described some at a time.
#[derive(Debug)]
pub(super) struct Kind {
    list: &'static str,
    /// The member of the listing that holds the ARNs.
    arns: &'static str,
    describe: &'static str,
    /// The member of question and answer that names the items, which is the same word.
    member: &'static str,
    /// How many items AWS describes in one call.
    at_once: usize,
}

/// Services; AWS describes ten at a time.
pub(super) const SERVICES: Kind = Kind {
    list: "ListServices",
    arns: "serviceArns",
    describe: "DescribeServices",
    member: "services",
    at_once: 10,
};

/// Tasks that run or are about to; AWS describes a hundred at a time.
pub(super) const TASKS: Kind = Kind {
    list: "ListTasks",
    arns: "taskArns",
    describe: "DescribeTasks",
    member: "tasks",
    at_once: 100,
};

/// Items of one cluster, as many as one call describes.
#[derive(Debug)]
pub(super) struct Chunk {
    cluster: String,
    arns: Vec<Value>,
}

/// Gives the ARNs of a region's clusters, asked for once in a scan.
///
/// Source: `ecs:ListClusters`, all pages.
pub(super) async fn clusters(
    account: &Account,
    region: &str,
) -> Result<BTreeSet<String>, CollectError> {
    let parameters = json!({"maxResults": 100});
    let answer = account.shared("ecs", "ListClusters", region, parameters).await?;
    arns(&answer, "clusterArns")
}

/// Gives what there is of a kind in a region, in the chunks in which it is described.
///
/// A cluster that was deleted since the listing has nothing. Source: the kind's listing for each
/// cluster, all pages, asked for once in a scan.
pub(super) async fn chunks(
    account: &Account,
    region: &str,
    kind: &'static Kind,
) -> Result<Vec<Chunk>, CollectError> {
    let clusters = clusters(account, region).await?;
    let each = |cluster| in_cluster(account, region, kind, cluster);
    let found = stream::iter(clusters).map(each).buffered(account.calls_max());
    let found: Vec<Vec<Chunk>> = found.try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn in_cluster(
    account: &Account,
    region: &str,
    kind: &Kind,
    cluster: String,
) -> Result<Vec<Chunk>, CollectError> {
    let parameters = json!({"cluster": cluster, "maxResults": 100});
    let arns = match account.shared("ecs", kind.list, region, parameters).await {
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        answer => arns(&*answer?, kind.arns)?,
    };
    let arns: Vec<Value> = arns.into_iter().map(Value::from).collect();
    let chunks = arns.chunks(kind.at_once);
    Ok(chunks.map(|arns| Chunk { cluster: cluster.clone(), arns: arns.to_vec() }).collect())
}

/// Describes a chunk; what was gone when it was described is left out.
///
/// Source: the kind's description with tags, asked for once in a scan.
pub(super) async fn describe(
    account: &Account,
    region: &str,
    kind: &Kind,
    chunk: Chunk,
) -> Result<Vec<Value>, CollectError> {
    let asked = chunk.arns.len();
    let parameters =
        json!({"cluster": chunk.cluster, kind.member: chunk.arns, "include": ["TAGS"]});
    match account.shared("ecs", kind.describe, region, parameters).await {
        Err(error) if is_gone(&error) => Ok(Vec::new()),
        answer => described(&*answer?, kind.member, asked).map(<[Value]>::to_vec),
    }
}

/// Describes everything of a kind in a region.
pub(super) async fn describe_all(
    account: &Account,
    region: &str,
    kind: &'static Kind,
) -> Result<Vec<Value>, CollectError> {
    let chunks = chunks(account, region, kind).await?;
    let each = |chunk| describe(account, region, kind, chunk);
    let found = stream::iter(chunks).map(each).buffer_unordered(account.calls_max());
    let found: Vec<Vec<Value>> = found.try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Gives the items of a description, if each item that was asked for is there or is said to be
/// gone.
///
/// ECS answers with success where it could not describe some items, and says why in `failures`;
/// only `MISSING` means that there is no such item.
pub(super) fn described<'a>(
    answer: &'a Value,
    member: &str,
    asked: usize,
) -> Result<&'a [Value], CollectError> {
    let found = items(answer, member)?;
    let failures = answer["failures"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(failure) = failures.iter().find(|failure| failure["reason"] != "MISSING") {
        let message = format!("{failure} in the failures of {member}");
        return Err(CollectError::Answer { code: "NotDescribed", message });
    }
    let answered = found.len() + failures.len();
    if answered < asked {
        let message = format!("{answered} of {asked} {member} are in the answer");
        return Err(CollectError::Answer { code: "NotDescribed", message });
    }
    Ok(found)
}

/// Gives a listing's ARNs, each once, in an order that questions about them can be shared by.
pub(super) fn arns(answer: &Value, member: &str) -> Result<BTreeSet<String>, CollectError> {
    let found = items(answer, member)?.iter();
    let found = found.map(|arn| arn.as_str().map(str::to_owned));
    found.collect::<Option<_>>().ok_or_else(|| CollectError::missing(member))
}

/// Gives what stands behind an ARN's last slash.
pub(super) fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Tells whether the cluster of a call was deleted meanwhile.
fn is_gone(error: &Arc<CallError>) -> bool {
    error.code() == "ClusterNotFoundException"
}

#[cfg(test)]
mod tests {
    use super::super::{ecs_clusters, ecs_services, ecs_task_definitions, ecs_tasks};
    use super::*;
    use crate::collectors::Collector;
    use crate::testing::{FakeAws, collected_in, refused};

    const COLLECTORS: [&Collector; 4] = [
        &ecs_clusters::COLLECTOR,
        &ecs_services::COLLECTOR,
        &ecs_tasks::COLLECTOR,
        &ecs_task_definitions::COLLECTOR,
    ];

    fn arn(rest: &str) -> String {
        format!("arn:aws:ecs:eu-west-1:1:{rest}")
    }

    /// A region with one cluster and so many services and tasks; the last task runs revision 2 of
    /// three, and has none of the newest.
    fn region(services: usize, tasks: usize) -> FakeAws {
        let names = |kind: &str, count: usize| -> Vec<String> {
            (0..count).map(|number| arn(&format!("{kind}/c/{number}"))).collect()
        };
        FakeAws::json(move |operation, parameters| {
            let each = |list: &str, item: fn(&Value) -> Value| {
                let asked = parameters[list].as_array().expect("a list");
                Value::from(asked.iter().map(item).collect::<Vec<_>>())
            };
            let answer = match operation {
                "ListClusters" => json!({"clusterArns": [arn("cluster/c")]}),
                "ListServices" => json!({"serviceArns": names("service", services)}),
                "ListTasks" => json!({"taskArns": names("task", tasks)}),
                "ListTaskDefinitions" => {
                    let revisions = [9, 10, 2].map(|n| arn(&format!("task-definition/f:{n}")));
                    json!({"taskDefinitionArns": revisions})
                }
                "DescribeClusters" => {
                    let clusters = each("clusters", |arn| json!({"clusterArn": arn}));
                    json!({"clusters": clusters, "failures": []})
                }
                "DescribeServices" => json!({"services": each("services", |service| {
                    let deployment = json!({"taskDefinition": arn("task-definition/old:1")});
                    json!({"serviceArn": service, "clusterArn": arn("cluster/c"),
                        "taskDefinition": arn("task-definition/f:10"),
                        "deployments": [deployment], "events": [{"id": "e"}]})
                })}),
                "DescribeTasks" => json!({"tasks": each("tasks", |task| {
                    json!({"taskArn": task, "taskDefinitionArn": arn("task-definition/f:2")})
                })}),
                "DescribeTaskDefinition" => {
                    let tags = json!([{"key": "k", "value": "v"}]);
                    json!({"taskDefinition": {"status": "INACTIVE"}, "tags": tags})
                }
                other => panic!("{other} is not expected"),
            };
            (200, answer)
        })
    }

    fn count(fake: &FakeAws, operation: &str) -> usize {
        fake.operations().iter().filter(|name| *name == operation).count()
    }

    #[tokio::test]
    async fn what_collectors_share_is_asked_once_and_described_in_chunks() {
        let fake = region(11, 101);
        let account = fake.account();
        let mut ids = Vec::new();
        for collector in COLLECTORS {
            let (seen, end) = collected_in(&account, collector, "eu-west-1").await;
            assert_eq!(end, Ok(seen.len() as i64), "{}", collector.id);
            assert!(seen.iter().all(|resource| !resource.configuration.contains("events")));
            ids.push(seen.into_iter().map(|resource| resource.id).collect::<Vec<_>>());
        }
        assert_eq!((ids[0].len(), ids[1].len(), ids[2].len()), (1, 11, 101));
        // The newest of the family by number and not by text, one of a task, one of a deployment.
        let definitions = ["f:10", "f:2", "old:1"];
        assert_eq!(ids[3], definitions.map(|name| arn(&format!("task-definition/{name}"))));
        let calls = [
            ("ListClusters", 1),
            ("DescribeClusters", 1),
            ("ListServices", 1),
            ("DescribeServices", 2),
            ("ListTasks", 1),
            ("DescribeTasks", 2),
            ("ListTaskDefinitions", 1),
            ("DescribeTaskDefinition", 3),
        ];
        for (operation, expected) in calls {
            assert_eq!(count(&fake, operation), expected, "{operation}");
        }
    }

    #[tokio::test]
    async fn an_empty_region_costs_one_call_for_clusters_and_one_for_definitions() {
        let fake = FakeAws::json(|operation, _| match operation {
            "ListClusters" => (200, json!({"clusterArns": []})),
            _ => (200, json!({"taskDefinitionArns": []})),
        });
        let account = fake.account();
        for collector in COLLECTORS {
            let (seen, end) = collected_in(&account, collector, "eu-west-1").await;
            assert_eq!((seen.len(), end), (0, Ok(0)), "{}", collector.id);
        }
        assert_eq!(fake.operations(), ["ListClusters", "ListTaskDefinitions"]);
    }

    #[test]
    fn only_what_is_missing_may_be_left_out() {
        let missing = json!({"arn": "b", "reason": "MISSING"});
        let broken = json!({"arn": "b", "reason": "ACCESS_DENIED"});
        let cases = [
            (json!({"tasks": [1, 2]}), Ok(2)),
            (json!({"tasks": [1], "failures": [missing]}), Ok(1)),
            (json!({"tasks": [], "failures": [missing, missing]}), Ok(0)),
            (json!({"tasks": [1], "failures": [missing, broken]}), Err("ACCESS_DENIED")),
            (json!({"tasks": [1]}), Err("1 of 2 tasks are in the answer")),
            (json!({"failures": [missing, missing]}), Err("the answer has no tasks")),
        ];
        for (answer, expected) in cases {
            match (described(&answer, "tasks", 2), expected) {
                (Ok(found), Ok(count)) => assert_eq!(found.len(), count, "{answer}"),
                (Err(error), Err(part)) => {
                    assert!(error.summary().contains(part), "{}", error.summary());
                }
                (found, _) => panic!("{answer}: {found:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_cluster_that_is_gone_has_nothing_and_another_refusal_fails_the_scope() {
        for (code, expected) in [
            ("ClusterNotFoundException", Ok(0)),
            ("AccessDeniedException", Err("AccessDeniedException: m".to_owned())),
        ] {
            let fake = FakeAws::json(move |operation, _| match operation {
                "ListClusters" => (200, json!({"clusterArns": [arn("cluster/c")]})),
                "ListTaskDefinitions" => (200, json!({"taskDefinitionArns": []})),
                _ => refused(code),
            });
            let account = fake.account();
            for collector in &COLLECTORS[1..] {
                let (_, end) = collected_in(&account, collector, "eu-west-1").await;
                assert_eq!(end, expected, "{} {code}", collector.id);
            }
        }
    }
}
