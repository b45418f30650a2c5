//! OpenSearch and Elasticsearch domains.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::policy;
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
    if let Err(reason) = policy {
        document.error(POLICY, format!("UnreadableAnswer: the policy {reason}"));
    }
    Ok(document)
}

/// Reads a policy's text; an empty one is none.
fn policy(text: &Value) -> Result<Value, String> {
    match text.as_str() {
        None | Some("") => Ok(Value::Null),
        Some(text) => policy::parse(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAws, Sent, collected};

    /// Six domains of which one is gone when it is described; one has a damaged policy; tags of
    /// one are refused.
    fn answer(sent: &Sent) -> (u16, Value) {
        if sent.uri.ends_with("/2021-01-01/domain") {
            let domains = ["a", "b", "c", "d", "e", "f"].map(|name| json!({"DomainName": name}));
            return (200, json!({"DomainNames": domains}));
        }
        if sent.uri.ends_with("/domain-info") {
            let asked: Value = serde_json::from_str(&sent.body).expect("the body is JSON");
            let names = asked["DomainNames"].as_array().expect("a list").iter();
            let there = names.filter(|name| *name != "c").map(|name| {
                let policy = ["", "{cut", r#"{"Statement":[]}"#]
                    [name.as_str().map_or(0, |name| usize::from(name.as_bytes()[0]) % 3)];
                json!({"DomainName": name, "ARN": name, "AccessPolicies": policy})
            });
            return (200, json!({"DomainStatusList": there.collect::<Vec<_>>()}));
        }
        if sent.uri.ends_with("/tags/?arn=f") {
            return (403, json!({"__type": "AccessDeniedException", "message": "m"}));
        }
        (200, json!({"TagList": [{"Key": "k", "Value": "v"}]}))
    }

    #[tokio::test]
    async fn domains_are_described_by_fives_with_policies_as_objects() {
        let fake = FakeAws::new(|sent| {
            let (status, answer) = answer(sent);
            (status, vec![], answer.to_string())
        });
        let (seen, end) = collected(&fake, &COLLECTOR, "eu-west-1").await;
        assert_eq!(end, Ok(5));
        let described = fake.sent().into_iter().filter(|sent| sent.uri.ends_with("/domain-info"));
        let mut sizes: Vec<_> = described.map(|sent| sent.body.matches('"').count() / 2).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1 + 1, 1 + 5], "the member's name and the domains'");

        // By the letters' numbers: a 97, b 98, d 100, e 101, f 102.
        let object = json!({"Statement": []});
        let expected = [
            ("a", json!("{cut"), 1),
            ("b", object.clone(), 0),
            ("d", json!("{cut"), 1),
            ("e", object, 0),
            ("f", Value::Null, 1),
        ];
        for (domain, (id, policy, errors)) in seen.iter().zip(expected) {
            let configuration: Value = serde_json::from_str(&domain.configuration).expect("JSON");
            assert_eq!((domain.id.as_str(), &configuration[POLICY]), (id, &policy));
            assert_eq!(domain.errors.len(), errors, "{id}");
            assert_eq!(domain.tags.len(), usize::from(id != "f"), "{id}");
        }
        let error = &seen[0].errors[POLICY];
        assert!(error.starts_with("UnreadableAnswer: the policy is not JSON"), "{error}");
        assert_eq!(seen[4].errors["Tags"], "AccessDeniedException: m");
        assert_eq!(seen[4].supplementary, "{}");
    }
}
