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
