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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAws, collected, refused};

    fn repository(name: &str) -> Value {
        let arn = format!("arn:aws:ecr:eu-west-1:1:repository/{name}");
        json!({"repositoryName": name, "repositoryArn": arn, "registryId": "1"})
    }

    #[tokio::test]
    async fn a_repository_has_what_could_be_read() {
        let fake = FakeAws::json(|operation, parameters| match operation {
            "DescribeRepositories" => {
                let repositories = ["a", "gone", "b"].map(repository);
                (200, json!({"repositories": repositories}))
            }
            "GetRepositoryPolicy" if parameters["repositoryName"] == "gone" => refused(GONE),
            "GetRepositoryPolicy" => refused("RepositoryPolicyNotFoundException"),
            "ListTagsForResource" => (200, json!({"tags": [{"Key": "k", "Value": "v"}]})),
            _ => refused("AccessDeniedException"),
        });
        let (seen, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!(end, Ok(2));
        let ids: Vec<_> = seen.iter().map(|resource| resource.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        for resource in &seen {
            let errors: Vec<_> = resource.errors.iter().collect();
            let denied = "AccessDeniedException: m".to_owned();
            assert_eq!(errors, [(&"RegistryScanning".to_owned(), &denied)]);
            let expected = r#"{"Policy":null,"Tags":[{"Key":"k","Value":"v"}]}"#;
            assert_eq!(resource.supplementary, expected);
            assert_eq!(resource.tags["k"], "v");
        }
        let asked = fake.operations();
        let registry = asked.iter().filter(|name| *name == "GetRegistryScanningConfiguration");
        assert_eq!(registry.count(), 1, "a refusal is shared, too");
    }

    #[tokio::test]
    async fn a_region_without_repositories_costs_one_call() {
        let fake = FakeAws::json(|_, _| (200, json!({"repositories": []})));
        let (seen, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!((seen.len(), end), (0, Ok(0)));
        assert_eq!(fake.operations(), ["DescribeRepositories"]);
    }
}
