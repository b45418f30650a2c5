//! ECS tasks that run or are about to, with their containers.

use serde_json::Value;

use super::{Collecting, Collector, Coverage, ecs, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "ecs-tasks",
    resource_type: "AWS::ECS::Task",
    coverage: Coverage::Regional,
    actions: &["ecs:DescribeTasks", "ecs:ListClusters", "ecs:ListTasks"],
    collect,
};

/// Sees each task of each cluster in the scope's region that AWS wants to run.
///
/// Shape: configuration is the item of the answer with its containers and tags; the id is the
/// ARN, the name what stands behind its last slash. Source: `ecs:ListTasks` for each cluster, all
/// pages, and `ecs:DescribeTasks` for each hundred, shared with the task definitions.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = observer.scope().region.as_str();
        let chunks = ecs::chunks(account, region, &ecs::TASKS).await?;
        let each = |chunk| async move {
            let tasks = ecs::describe(account, region, &ecs::TASKS, chunk).await?;
            tasks.iter().map(|task| document(account, region, task)).collect()
        };
        see_each::<_, Vec<_>>(account, observer, chunks.into_iter().map(each)).await
    })
}

fn document(account: &Account, region: &str, task: &Value) -> Result<Document, CollectError> {
    let arn = text(task, "taskArn")?;
    let document = Document::new(account, region, COLLECTOR.resource_type, arn, task)
        .name(Some(ecs::last_part(arn)))
        .arn(arn)
        .lowercase_tags(task.get("tags"));
    Ok(document)
}
