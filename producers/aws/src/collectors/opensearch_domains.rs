//! OpenSearch and Elasticsearch domains.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "opensearch-domains",
    resource_type: "AWS::OpenSearch::Domain",
    coverage: Coverage::Regional,
    actions: &["es:DescribeDomains", "es:ListDomainNames", "es:ListTags"],
    collect,
};

/// How many domains AWS describes in one call.
const AT_ONCE: usize = 5;

/// The policy's name in the domain's status.
const POLICY: &str = "AccessPolicies";

/// Sees each domain of the scope's region, whichever of the two engines it runs.
///
/// Shape: configuration is the item of the answer, with one difference: `AccessPolicies` is the
/// policy as an object and not as JSON text, null where there is none; the id is the domain's name.
/// Supplementary: `Tags` is the list. Source: `es:ListDomainNames`, `es:DescribeDomains` for each
/// five, and one call for each domain.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let region = observer.scope().region.as_str();
        let client = account.client("opensearch", region);
        let answer = client.call("ListDomainNames", json!({})).await?;
        let names = items(&answer, "DomainNames")?.iter();
        let names = names.map(|item| text(item, "DomainName").map(Value::from));
        let names: Vec<Value> = names.collect::<Result<_, _>>()?;
        let chunks = names.chunks(AT_ONCE).map(<[Value]>::to_vec);
        let each = |names| documents(account, region, names);
        see_each(account, observer, chunks.map(each)).await
    })
}

/// Describes some domains; AWS leaves those out that were deleted since the listing.
async fn documents(
    account: &Account,
    region: &str,
    names: Vec<Value>,
) -> Result<Vec<Document>, CollectError> {
    let client = account.client("opensearch", region);
    let answer = client.call("DescribeDomains", json!({"DomainNames": names})).await?;
    let mut documents = Vec::new();
    for status in items(&answer, "DomainStatusList")? {
        documents.push(document(account, region, status.clone()).await?);
    }
    Ok(documents)
}

/// Completes a domain.
async fn document(
    account: &Account,
    region: &str,
    mut status: Value,
) -> Result<Document, CollectError> {
    let policy = policy(&status[POLICY]);
    if let Ok(policy) = &policy {
        status[POLICY] = policy.clone();
    }
    let (name, arn) = (text(&status, "DomainName")?, text(&status, "ARN")?);
    let client = account.client("opensearch", region);
    let tags = client.call("ListTags", json!({"ARN": arn})).await;
    let tags = tags.map(|mut answer| answer["TagList"].take());
    let mut document = Document::new(account, region, COLLECTOR.resource_type, name, &status)
        .arn(arn)
        .tags(tags.as_ref().ok());
    document.answer("Tags", tags, &[]);
    if let Err(error) = policy {
        document.error(POLICY, format!("UnreadableAnswer: the policy is not JSON: {error}"));
    }
    Ok(document)
}

/// Reads a policy's text; an empty one is none.
fn policy(text: &Value) -> Result<Value, serde_json::Error> {
    match text.as_str() {
        None | Some("") => Ok(Value::Null),
        Some(text) => serde_json::from_str(text),
    }
}
