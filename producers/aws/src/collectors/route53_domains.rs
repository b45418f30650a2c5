//! Domains that are registered with Route 53.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "route53-domains",
    resource_type: "AWS::Route53Domains::Domain",
    coverage: Coverage::Global,
    actions: &[
        "route53domains:GetDomainDetail",
        "route53domains:ListDomains",
        "route53domains:ListTagsForDomain",
    ],
    collect,
};

/// The one partition where domains are registered.
const PARTITION: &str = "aws";

/// Sees each registered domain; in other partitions than AWS's public one there are none.
///
/// Shape: configuration is the item of the listing, with `Expiry` and `TransferLock`; the id is the
/// domain's name. Supplementary: `Detail` is the whole answer about the domain, with the contacts
/// and their personal data, which redaction takes out; `Tags` is the list. Source:
/// `route53domains:ListDomains`, all pages, and two calls for each domain.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        if account.partition() != PARTITION {
            return Ok(());
        }
        let client = account.home("route53domains");
        let answer = client.call_all("ListDomains", json!({"MaxItems": 100})).await?;
        let domains = items(&answer, "Domains")?.to_vec();
        let each = |item| async move { document(account, &item).await };
        see_each(account, observer, domains.into_iter().map(each)).await
    })
}

/// Completes a domain; AWS has no code of its own for one that has left the account meanwhile, so
/// that shows as an error of the document until the next scan.
async fn document(account: &Account, item: &Value) -> Result<Option<Document>, CollectError> {
    let name = text(item, "DomainName")?;
    let client = account.home("route53domains");
    let tags = client.call("ListTagsForDomain", json!({"DomainName": name})).await;
    let tags = tags.map(|mut answer| answer["TagList"].take());
    let mut document = Document::new(account, GLOBAL, COLLECTOR.resource_type, name, item)
        .tags(tags.as_ref().ok());
    document.answer("Tags", tags, &[]);
    let detail = client.call("GetDomainDetail", json!({"DomainName": name})).await;
    document.answer("Detail", detail, &[]);
    Ok(Some(document))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Partition;
    use crate::testing::{FakeAws, collected, collected_in, refused};

    #[tokio::test]
    async fn there_are_domains_in_the_public_partition_only() {
        let fake = FakeAws::json(|operation, _| match operation {
            "ListDomains" => (200, json!({"Domains": [{"DomainName": "a.com"}]})),
            "ListTagsForDomain" => (200, json!({"TagList": []})),
            _ => refused("UnsupportedTLD"),
        });
        let (seen, end) = collected(&fake, &COLLECTOR, GLOBAL).await;
        assert_eq!((seen.len(), end), (1, Ok(1)));
        assert_eq!(seen[0].supplementary, r#"{"Tags":[]}"#);
        assert_eq!(seen[0].errors["Detail"], "UnsupportedTLD: m");
        assert!(fake.sent().iter().all(|sent| sent.uri.contains("//route53domains.us-east-1.")));

        for partition in [Partition::AwsCn, Partition::AwsUsGov] {
            let (seen, end) = collected_in(&fake.account_in(partition), &COLLECTOR, GLOBAL).await;
            assert_eq!((seen.len(), end), (0, Ok(0)));
        }
        assert_eq!(fake.sent().len(), 3, "elsewhere nobody is asked");
    }
}
