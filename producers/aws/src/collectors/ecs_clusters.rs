//! ECS clusters with their settings and the configuration of commands run in them.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, ecs, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "ecs-clusters",
    resource_type: "AWS::ECS::Cluster",
    coverage: Coverage::Regional,
    actions: &["ecs:DescribeClusters", "ecs:ListClusters"],
    collect,
};

/// How many clusters AWS describes in one call.
const AT_ONCE: usize = 100;

/// Sees each cluster of the scope's region.
///
/// Shape: configuration is the item of the answer with attachments, configurations, settings and
/// tags; the id is the ARN. `statistics` are not asked for: they move with every task. Source:
/// `ecs:ListClusters`, shared with ECS's other collectors, and `ecs:DescribeClusters` for each
/// hundred.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = observer.scope().region.as_str();
        let clusters = ecs::clusters(account, region).await?;
        let clusters: Vec<Value> = clusters.into_iter().map(Value::from).collect();
        let chunks = clusters.chunks(AT_ONCE).map(<[Value]>::to_vec);
        let each = |arns| documents(account, region, arns);
        see_each(account, observer, chunks.map(each)).await
    })
}

/// Describes some clusters; those that were deleted since the listing are left out.
async fn documents(
    account: &Account,
    region: &str,
    arns: Vec<Value>,
) -> Result<Vec<Document>, CollectError> {
    let asked = arns.len();
    let include = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "TAGS"];
    let parameters = json!({"clusters": arns, "include": include});
    let answer = account.client("ecs", region).call("DescribeClusters", parameters).await?;
    let clusters = ecs::described(&answer, "clusters", asked)?.iter();
    clusters.map(|cluster| document(account, region, cluster)).collect()
}

fn document(account: &Account, region: &str, cluster: &Value) -> Result<Document, CollectError> {
    let arn = text(cluster, "clusterArn")?;
    let document = Document::new(account, region, COLLECTOR.resource_type, arn, cluster)
        .name(cluster["clusterName"].as_str())
        .arn(arn)
        .lowercase_tags(cluster.get("tags"));
    Ok(document)
}
