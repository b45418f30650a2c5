//! ECR repositories with their policy, and with the scanning that their registry is set to.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "ecr-repositories",
    resource_type: "AWS::ECR::Repository",
    coverage: Coverage::Regional,
    actions: &[
        "ecr:DescribeRepositories",
        "ecr:GetRegistryScanningConfiguration",
        "ecr:GetRepositoryPolicy",
        "ecr:ListTagsForResource",
    ],
    collect,
};

/// AWS's code for a repository that is not there.
const GONE: &str = "RepositoryNotFoundException";

/// Sees each repository of the scope's region.
///
/// Shape: configuration is the item of the answer; the id is the repository's name.
/// Supplementary: `Policy` is the policy as an object, null where there is none;
/// `RegistryScanning` is the registry's setting, which overrides the repository's own; `Tags` is
/// the list. Source: `ecr:DescribeRepositories`, all pages, one call for the registry where there
/// are repositories, and two calls for each of them.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = observer.scope().region.as_str();
        let parameters = json!({"maxResults": 1000});
        let client = account.client("ecr", region);
        let answer = client.call_all("DescribeRepositories", parameters).await?;
        let repositories = items(&answer, "repositories")?.to_vec();
        let each = |item| async move { document(account, region, &item).await };
        see_each(account, observer, repositories.into_iter().map(each)).await
    })
}

/// Completes a repository; none when it was deleted since the listing.
async fn document(
    account: &Account,
    region: &str,
    item: &Value,
) -> Result<Option<Document>, CollectError> {
    let name = text(item, "repositoryName")?;
    let arn = text(item, "repositoryArn")?;
    let client = account.client("ecr", region);
    let parameters = json!({"repositoryName": name, "registryId": text(item, "registryId")?});
    let policy = client.call("GetRepositoryPolicy", parameters).await;
    if matches!(&policy, Err(error) if error.code() == GONE) {
        return Ok(None);
    }
    let tags = client.call("ListTagsForResource", json!({"resourceArn": arn})).await;
    let tags = tags.map(|mut answer| answer["tags"].take());
    let mut document = Document::new(account, region, COLLECTOR.resource_type, name, item)
        .arn(arn)
        .tags(tags.as_ref().ok());
    document.answer("Tags", tags, &[]);
    document.policy("Policy", policy, "policyText", &["RepositoryPolicyNotFoundException"]);
    let operation = "GetRegistryScanningConfiguration";
    match account.shared("ecr", operation, region, json!({})).await {
        Ok(registry) => {
            let setting = registry["scanningConfiguration"].clone();
            document.answer("RegistryScanning", Ok(setting), &[]);
        }
        Err(error) => document.error("RegistryScanning", error.summary()),
    }
    Ok(Some(document))
}
