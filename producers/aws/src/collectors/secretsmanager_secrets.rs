//! Secrets Manager's secrets: who may read them and how they are rotated, never their values.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "secretsmanager-secrets",
    resource_type: "AWS::SecretsManager::Secret",
    coverage: Coverage::Regional,
    actions: &["secretsmanager:GetResourcePolicy", "secretsmanager:ListSecrets"],
    collect,
};

/// AWS's code for a secret that is not there.
const GONE: &str = "ResourceNotFoundException";

/// Sees each secret of the scope's region; those that wait for their deletion are not listed.
///
/// Shape: configuration is the item of the listing, tags among it; the id is the ARN, since a name
/// can come back as another secret. Supplementary: `ResourcePolicy` is the policy as an object,
/// null where there is none. Source: `secretsmanager:ListSecrets`, all pages, and one call for each
/// secret.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = observer.scope().region.as_str();
        let client = account.client("secretsmanager", region);
        let answer = client.call_all("ListSecrets", json!({"MaxResults": 100})).await?;
        let secrets = items(&answer, "SecretList")?.to_vec();
        let each = |item| async move { document(account, region, &item).await };
        see_each(account, observer, secrets.into_iter().map(each)).await
    })
}

/// Completes a secret; none when it was deleted since the listing.
async fn document(
    account: &Account,
    region: &str,
    item: &Value,
) -> Result<Option<Document>, CollectError> {
    let arn = text(item, "ARN")?;
    let client = account.client("secretsmanager", region);
    let policy = client.call("GetResourcePolicy", json!({"SecretId": arn})).await;
    if matches!(&policy, Err(error) if error.code() == GONE) {
        return Ok(None);
    }
    let mut document = Document::new(account, region, COLLECTOR.resource_type, arn, item)
        .name(item["Name"].as_str())
        .arn(arn)
        .tags(item.get("Tags"));
    document.policy("ResourcePolicy", policy, "ResourcePolicy", &[]);
    Ok(Some(document))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAws, collected, refused};

    #[tokio::test]
    async fn a_secret_has_its_policy_or_says_why_not() {
        let fake = FakeAws::json(|operation, parameters| {
            if operation == "ListSecrets" {
                let secrets = ["a", "b", "c", "d"].map(|arn| json!({"ARN": arn, "Name": "n"}));
                return (200, json!({"SecretList": secrets}));
            }
            match parameters["SecretId"].as_str() {
                Some("a") => (200, json!({"ARN": "a", "ResourcePolicy": r#"{"Statement":[]}"#})),
                Some("b") => (200, json!({"ARN": "b"})),
                Some("c") => refused("AccessDeniedException"),
                _ => refused(GONE),
            }
        });
        let (seen, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!(end, Ok(3));
        let policies: Vec<_> = seen.iter().map(|secret| secret.supplementary.as_str()).collect();
        let expected =
            [r#"{"ResourcePolicy":{"Statement":[]}}"#, r#"{"ResourcePolicy":null}"#, "{}"];
        assert_eq!(policies, expected);
        let errors: Vec<_> = seen.iter().map(|secret| secret.errors.len()).collect();
        assert_eq!(errors, [0, 0, 1]);
        assert_eq!(seen[2].errors["ResourcePolicy"], "AccessDeniedException: m");
    }
}
