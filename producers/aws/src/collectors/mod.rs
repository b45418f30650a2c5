//! The collectors: one file a resource type, one list to read.

use std::future::Future;
use std::pin::Pin;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

mod account_settings;
mod actions;
mod cloudtrail_trails;
mod ec2;
mod ec2_instances;
mod ec2_network_interfaces;
mod ec2_security_groups;
mod ec2_snapshots;
mod ec2_volumes;
mod ec2_vpcs;
mod ecr_repositories;
mod ecs;
mod ecs_clusters;
mod ecs_services;
mod ecs_task_definitions;
mod ecs_tasks;
mod iam;
mod iam_credential_report;
mod iam_groups;
mod iam_policies;
mod iam_roles;
mod iam_users;
mod opensearch_domains;
mod route53_domains;
mod route53_zones;
mod s3_buckets;
mod secretsmanager_secrets;
mod support_trusted_advisor;

pub use actions::{account_actions, actions, payer_actions, session_policy};
pub use iam_credential_report::rows as credential_report;

/// All collectors, sorted by id.
pub const ALL: &[Collector] = &[
    account_settings::COLLECTOR,
    cloudtrail_trails::COLLECTOR,
    ec2_instances::COLLECTOR,
    ec2_network_interfaces::COLLECTOR,
    ec2_security_groups::COLLECTOR,
    ec2_snapshots::COLLECTOR,
    ec2_volumes::COLLECTOR,
    ec2_vpcs::COLLECTOR,
    ecr_repositories::COLLECTOR,
    ecs_clusters::COLLECTOR,
    ecs_services::COLLECTOR,
    ecs_task_definitions::COLLECTOR,
    ecs_tasks::COLLECTOR,
    iam_credential_report::COLLECTOR,
    iam_groups::COLLECTOR,
    iam_policies::COLLECTOR,
    iam_roles::COLLECTOR,
    iam_users::COLLECTOR,
    opensearch_domains::COLLECTOR,
    route53_domains::COLLECTOR,
    route53_zones::COLLECTOR,
    s3_buckets::COLLECTOR,
    secretsmanager_secrets::COLLECTOR,
    support_trusted_advisor::COLLECTOR,
];

/// Lists every resource of one type.
#[derive(Clone, Copy, Debug)]
pub struct Collector {
    /// The service and what is listed, for example `s3-buckets`.
    pub id: &'static str,
    /// The type in AWS Config's words, for example `AWS::S3::Bucket`.
    pub resource_type: &'static str,
    /// Where it is asked.
    pub coverage: Coverage,
    /// The IAM actions that the audit role must allow.
    pub actions: &'static [&'static str],
    /// Sees every resource of the scope, or fails.
    pub(crate) collect: Collect,
}

/// Where a collector is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Once an account.
    Global,
    /// Once in each region.
    Regional,
}

/// Sees every resource of one scope, or fails.
pub(crate) type Collect = for<'a> fn(&'a Account, &'a Observer) -> Collecting<'a>;

/// A collector at work.
pub(crate) type Collecting<'a> =
    Pin<Box<dyn Future<Output = Result<(), CollectError>> + Send + 'a>>;

/// Gives a listing's items; an answer without the list is an error, not an empty list.
fn items<'a>(answer: &'a Value, list: &str) -> Result<&'a [Value], CollectError> {
    let found = answer[list].as_array();
    found.map(Vec::as_slice).ok_or_else(|| CollectError::missing(list))
}

/// Completes and sees items, as many at once as the account may get calls.
///
/// A future gives one document, a list of them, or none where the item was gone when its details
/// were asked for.
async fn see_each<F, D>(
    account: &Account,
    observer: &Observer,
    documents: impl IntoIterator<Item = F>,
) -> Result<(), CollectError>
where
    F: Future<Output = Result<D, CollectError>> + Send,
    D: IntoIterator<Item = Document>,
{
    let mut documents = stream::iter(documents).buffer_unordered(account.calls_max());
    while let Some(seen) = documents.try_next().await? {
        for document in seen {
            observer.see(document).await?;
        }
    }
    Ok(())
}

/// Gives a text member that every item must have.
fn text<'a>(item: &'a Value, member: &str) -> Result<&'a str, CollectError> {
    item[member].as_str().ok_or_else(|| CollectError::missing(member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeAws, collected};
    use std::collections::BTreeSet;

    #[test]
    fn the_list_is_sorted_and_unique() {
        let ids: Vec<_> = ALL.iter().map(|collector| collector.id).collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(ids, sorted);
        let types: BTreeSet<_> = ALL.iter().map(|collector| collector.resource_type).collect();
        assert_eq!(types.len(), ALL.len(), "a type in two collectors would delete the other's");
    }

    #[test]
    fn the_audit_role_only_reads() {
        // A credential report is made by AWS at our request; it changes nothing in the account.
        let verbs = ["Get", "List", "Describe", "GenerateCredentialReport"];
        for action in actions() {
            let (_, verb) = action.split_once(':').expect("service:Action");
            assert!(verbs.iter().any(|known| verb.starts_with(known)), "{action}");
        }
        // The names of what is kept are read, never what is kept.
        let contents = ["secretsmanager:GetSecretValue", "s3:GetObject"];
        assert!(contents.iter().all(|action| !actions().contains(action)));
    }

    /// What a listing does not say must not look like an empty account: that would delete all.
    #[tokio::test]
    async fn a_refused_listing_fails_the_scope() {
        // An account's settings are no listing: there is always one document, with errors.
        for collector in ALL.iter().filter(|collector| collector.id != "account-settings") {
            let fake = FakeAws::new(|_| (403, vec![], String::new()));
            let (seen, end) = collected(&fake, collector, "us-east-1").await;
            assert_eq!((seen.len(), end), (0, Err("403: ".to_owned())), "{}", collector.id);
        }
    }

    #[tokio::test]
    async fn a_listing_without_its_list_fails_the_scope() {
        let services = ["ecr", "ecs", "opensearch", "route53-domains", "secretsmanager", "support"];
        let json = ALL.iter().filter(|c| services.iter().any(|name| c.id.starts_with(name)));
        for collector in json {
            let fake = FakeAws::new(|_| (200, vec![], "{}".to_owned()));
            let (_, end) = collected(&fake, collector, "us-east-1").await;
            let error = end.expect_err(collector.id);
            assert!(error.starts_with("UnreadableAnswer: the answer has no "), "{error}");
        }
    }
}
