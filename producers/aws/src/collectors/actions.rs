//! The IAM actions that the audit role needs: in every account, and beside them in payers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::ALL;
use crate::spend::{self, SpendSource};

/// What a scan calls in every account, beside the collectors.
const SCAN: &[&str] = &["ec2:DescribeRegions"];

/// What a scan calls in payers: the accounts of the organisation, their units and tags.
const ORGANISATION: &[&str] = &[
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListRoots",
    "organizations:ListTagsForResource",
];

/// The longest session policy that STS takes, in characters.
const SESSION_POLICY_MAX: usize = 2_048;

/// Gives the IAM actions that the audit role must allow for everything here, sorted.
pub fn actions() -> BTreeSet<&'static str> {
    let spend = spend::ACTIONS.iter().flat_map(|(_, actions)| *actions).copied();
    account_actions().into_iter().chain(ORGANISATION.iter().copied()).chain(spend).collect()
}

/// Gives the actions that it must allow in every account, the payers among them.
pub fn account_actions() -> BTreeSet<&'static str> {
    let collectors = ALL.iter().flat_map(|collector| collector.actions);
    collectors.chain(SCAN).copied().collect()
}

/// Gives the actions that it must allow in payers beside those of every account.
pub fn payer_actions(source: SpendSource) -> BTreeSet<&'static str> {
    let spend = spend::ACTIONS.iter().filter(|(of, _)| *of == source);
    let spend = spend.flat_map(|(_, actions)| *actions);
    ORGANISATION.iter().chain(spend).copied().collect()
}

/// Gives the session policy for these actions: JSON for the `Policy` of `sts:AssumeRole`.
///
/// A session may do what its role and this policy both allow, so a role that was given more (a
/// `ReadOnlyAccess`, say) reads no more through us. STS takes 2,048 characters: where the list is
/// longer, the `Describe` and `List` actions of a service, which name and describe but read no
/// content, are written with a wildcard, those that save most first. All others stay as they are.
pub fn session_policy(actions: &BTreeSet<&str>) -> String {
    let mut written: BTreeSet<String> = actions.iter().map(|one| (*one).to_owned()).collect();
    let mut groups = groups(actions);
    let mut policy = policy_text(&written);
    while policy.len() > SESSION_POLICY_MAX {
        let Some((_, wildcard)) = groups.pop() else { break };
        let start = wildcard.trim_end_matches('*');
        written.retain(|action| !action.starts_with(start));
        written.insert(wildcard);
        policy = policy_text(&written);
    }
    policy
}

/// Gives what a wildcard would save and the wildcard, the most saving last.
fn groups(actions: &BTreeSet<&str>) -> Vec<(usize, String)> {
    let mut lengths: BTreeMap<String, usize> = BTreeMap::new();
    for action in actions {
        let Some((service, name)) = action.split_once(':') else { continue };
        if let Some(verb) = ["Describe", "List"].into_iter().find(|verb| name.starts_with(verb)) {
            *lengths.entry(format!("{service}:{verb}*")).or_default() += action.len();
        }
    }
    let saved =
        lengths.into_iter().map(|(wildcard, all)| (all.saturating_sub(wildcard.len()), wildcard));
    let mut saved: Vec<_> = saved.filter(|(saved, _)| *saved > 0).collect();
    saved.sort();
    saved
}

fn policy_text(actions: &BTreeSet<String>) -> String {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Model;
    use serde_json::Value;
    use std::{fs, path::Path};

    /// Operations whose action has another name. Source: AWS's Service Authorization Reference.
    const OTHER_NAMES: &[(&str, &str)] = &[
        ("opensearch:DescribeDomains", "es:DescribeDomains"),
        ("opensearch:ListDomainNames", "es:ListDomainNames"),
        ("opensearch:ListTags", "es:ListTags"),
        ("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration"),
        ("s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
        ("s3:ListBuckets", "s3:ListAllMyBuckets"),
    ];

    /// Gives the texts between quotes in a source, without what stands in its tests.
    fn texts(path: &Path) -> BTreeSet<String> {
        let source = fs::read_to_string(path).expect("a source");
        let code = source.split("#[cfg(test)]").next().expect("a part");
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.flat_map(|line| line.split('"').skip(1).step_by(2).map(str::to_owned)).collect()
    }

    /// Gives the actions of all operations that the sources name together with their service.
    fn called(paths: impl IntoIterator<Item = std::path::PathBuf>) -> BTreeSet<String> {
        let model = Model::embedded().expect("the embedded model is whole");
        let mut called = BTreeSet::new();
        for path in paths {
            let texts = texts(&path);
            for (service, operation) in texts.iter().flat_map(|s| texts.iter().map(move |o| (s, o)))
            {
                let service_of = model.service(service).ok();
                if service_of.is_some_and(|found| found.has(operation)) {
                    let name = format!("{service}:{operation}");
                    let other = OTHER_NAMES.iter().find(|(of, _)| *of == name);
                    called.insert(other.map_or(name, |(_, action)| (*action).to_owned()));
                }
            }
        }
        called
    }

    fn sources(folder: &str) -> Vec<std::path::PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        let entries = fs::read_dir(folder).expect("a folder of sources");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
    }

    #[test]
    fn the_role_allows_what_collectors_call_and_no_more() {
        let named = ALL.iter().flat_map(|collector| collector.actions);
        let named: BTreeSet<String> = named.map(|action| (*action).to_owned()).collect();
        let called = called(sources("collectors"));
        assert!(called.len() > 10, "the sources are read: {called:?}");
        assert_eq!(named, called);
    }

    #[test]
    fn the_role_allows_what_the_scan_calls() {
        let allowed: BTreeSet<String> = actions().into_iter().map(str::to_owned).collect();
        let called = called(sources("."));
        assert!(called.contains("ce:GetCostAndUsage"), "the sources are read: {called:?}");
        let missing: Vec<_> = called.difference(&allowed).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn account_and_payer_are_the_whole() {
        let of = |source| payer_actions(source);
        let both = &of(SpendSource::EstimatedCharges) | &of(SpendSource::CostExplorer);
        assert_eq!(&account_actions() | &both, actions());
        assert!(account_actions().iter().all(|action| !action.starts_with("organizations:")));
        let none = of(SpendSource::None);
        assert!(none.iter().all(|action| action.starts_with("organizations:")), "{none:?}");
    }

    /// Tells whether a policy allows an action, by IAM's rule for `*`.
    fn allows(policy: &Value, action: &str) -> bool {
        let patterns = policy["Statement"][0]["Action"].as_array().expect("a list");
        patterns.iter().filter_map(Value::as_str).any(|pattern| match pattern.split_once('*') {
            Some((start, rest)) => rest.is_empty() && action.starts_with(start),
            None => pattern == action,
        })
    }

    #[test]
    fn session_policies_fit_and_allow_what_is_needed() {
        let payer = &account_actions() | &actions();
        for needed in [account_actions(), payer] {
            let text = session_policy(&needed);
            assert!(text.len() <= SESSION_POLICY_MAX, "{} characters", text.len());
            let policy: Value = serde_json::from_str(&text).expect("JSON");
            assert!(needed.iter().all(|action| allows(&policy, action)), "{policy}");
            // What reads content or gives access is no part of it, whatever the role may.
            for never in [
                "s3:GetObject",
                "secretsmanager:GetSecretValue",
                "iam:CreateUser",
                "ecr:GetAuthorizationToken",
                "ec2:GetPasswordData",
                "sts:AssumeRole",
            ] {
                assert!(!allows(&policy, never), "{never}");
            }
        }
    }

    #[test]
    fn only_long_lists_get_wildcards() {
        let short = BTreeSet::from(["ec2:DescribeVpcs", "ec2:DescribeVolumes", "s3:GetBucketAcl"]);
        let policy: Value = serde_json::from_str(&session_policy(&short)).expect("JSON");
        assert_eq!(policy["Statement"][0]["Action"], json!(short));
        let many: Vec<String> = (0..80).map(|i| format!("ec2:DescribeSomething{i:04}")).collect();
        let long: BTreeSet<&str> = many.iter().map(String::as_str).chain(short).collect();
        let policy: Value = serde_json::from_str(&session_policy(&long)).expect("JSON");
        assert_eq!(policy["Statement"][0]["Action"], json!(["ec2:Describe*", "s3:GetBucketAcl"]));
    }
}
