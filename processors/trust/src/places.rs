//! Where resources keep what lets others in, and who is named there.

use std::collections::{BTreeMap, BTreeSet};

use apache_avro::AvroSchema;
use rules::policy::{self, Grants, PolicyError, let_in};
use schemas::Resource;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Principals of one place that are kept; a policy that AWS takes names far fewer.
pub const PRINCIPALS_MAX: usize = 2_000;

/// AWS's longest name of a principal in bytes. Source: IAM API reference, `arnType`.
const NAME_BYTES_MAX: usize = 2_048;

/// A principal that one place of a resource lets in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Grant {
    /// The place: a JSON Pointer below the envelope.
    pub place: String,
    /// The principal as the place names it.
    pub principal: String,
    /// Condition keys that every way in demands, sorted.
    pub demands: Vec<String>,
}

/// A place: resource type, call whose error leaves it unread, JSON Pointer, how it is read.
type Place = (&'static str, Option<&'static str>, &'static str, Reader);
type Reader = fn(&Value) -> Result<Grants, PolicyError>;

/// Every place that lets others in.
const PLACES: [Place; 9] = [
    ("AWS::IAM::Role", None, "/configuration/AssumeRolePolicyDocument", policy::grants),
    ("AWS::S3::Bucket", Some("Policy"), "/supplementary/Policy", policy::grants),
    ("AWS::S3::Bucket", Some("Acl"), "/supplementary/Acl", acl),
    ("AWS::ECR::Repository", Some("Policy"), "/supplementary/Policy", policy::grants),
    (
        "AWS::SecretsManager::Secret",
        Some("ResourcePolicy"),
        "/supplementary/ResourcePolicy",
        policy::grants,
    ),
    ("AWS::KMS::Key", Some("Policy"), "/supplementary/Policy", policy::grants),
    ("AWS::OpenSearch::Domain", None, "/configuration/AccessPolicies", domain),
    ("AWS::Elasticsearch::Domain", None, "/configuration/AccessPolicies", domain),
    (
        "AWS::EC2::Snapshot",
        Some("CreateVolumePermissions"),
        "/supplementary/CreateVolumePermissions",
        permissions,
    ),
];

/// Lists whom a resource lets in, place by place.
///
/// A place that could not be read (its call failed, it was cut off, it is no policy) keeps whom it
/// had in `before`: what is not known is not gone.
pub fn grants(resource: &Resource, before: &[Grant]) -> Vec<Grant> {
    let mut found = Vec::new();
    for (_, call, pointer, read) in PLACES.iter().filter(|(of, ..)| *of == resource.resource_type) {
        match content(resource, *call, pointer).and_then(|value| read(&value).ok()) {
            Some(named) => found.extend(bounded(pointer, named)),
            None => found.extend(before.iter().filter(|one| one.place == *pointer).cloned()),
        }
    }
    found.sort();
    found
}

/// Gives what stands at a place; none when it was not read whole.
fn content(resource: &Resource, call: Option<&str>, pointer: &str) -> Option<Value> {
    let cut = |path: &String| path.starts_with(pointer) || pointer.starts_with(&**path);
    if call.is_some_and(|call| resource.errors.contains_key(call))
        || resource.truncated.iter().any(cut)
    {
        return None;
    }
    let (text, rest) = match pointer.strip_prefix("/configuration") {
        Some(rest) => (&resource.configuration, rest),
        None => (&resource.supplementary, pointer.strip_prefix("/supplementary")?),
    };
    let mut document = serde_json::from_str::<Value>(text).ok()?;
    document.pointer_mut(rest).map(Value::take)
}

/// Keeps a place's list within its limits: what is left out stands as one name that nobody knows.
fn bounded(place: &str, named: Grants) -> Vec<Grant> {
    let more = named.len().saturating_sub(PRINCIPALS_MAX);
    let grant = |principal: String, demands: Vec<String>| Grant {
        place: place.to_owned(),
        principal,
        demands,
    };
    let kept = named.into_iter().take(PRINCIPALS_MAX).map(|(name, demands)| {
        let bytes = name.len();
        let long = bytes > NAME_BYTES_MAX;
        let name = if long { format!("(a name of {bytes} bytes)") } else { name };
        grant(name, demands.into_iter().map(str::to_owned).collect())
    });
    let mut kept: Vec<_> = kept.collect();
    if more > 0 {
        kept.push(grant("(more principals than are listed)".to_owned(), Vec::new()));
    }
    kept.dedup_by(|one, other| one.principal == other.principal);
    kept
}

/// Reads a domain's access policy, which is empty text where there is none.
fn domain(value: &Value) -> Result<Grants, PolicyError> {
    if value.as_str() == Some("") { Ok(Grants::new()) } else { policy::grants(value) }
}

/// Reads an access control list: its grantees but the owner, who is the account itself.
fn acl(value: &Value) -> Result<Grants, PolicyError> {
    let mut found = Grants::new();
    let grants = value["Grants"].as_array().ok_or(PolicyError::Absent("Grants"))?;
    for grant in grants {
        let grantee = &grant["Grantee"];
        let name =
            ["ID", "URI", "EmailAddress"].iter().find_map(|member| grantee[*member].as_str());
        let name = name.ok_or(PolicyError::Absent("Grantee"))?;
        if value["Owner"]["ID"].as_str() != Some(name) {
            enter(&mut found, group(name));
        }
    }
    Ok(found)
}

/// Source: S3 user guide, "Amazon S3 predefined groups": any AWS account is everyone, too.
fn group(name: &str) -> &str {
    match name.rsplit_once("acs.amazonaws.com/groups/").map(|(_, group)| group) {
        Some("global/AllUsers" | "global/AuthenticatedUsers") => "*",
        Some("s3/LogDelivery") => "logging.s3.amazonaws.com",
        _ => name,
    }
}

/// Reads who may make volumes of a snapshot: accounts, or the group `all`.
fn permissions(value: &Value) -> Result<Grants, PolicyError> {
    let wrong = PolicyError::WrongType("CreateVolumePermissions", "a list");
    let mut found = Grants::new();
    for one in value.as_array().ok_or(wrong)? {
        let name = match (one["UserId"].as_str(), one["Group"].as_str()) {
            (Some(account), _) => account,
            (None, Some("all")) => "*",
            (None, Some(group)) => group,
            (None, None) => return Err(PolicyError::Absent("UserId")),
        };
        enter(&mut found, name);
    }
    Ok(found)
}

fn enter(found: &mut Grants, name: &str) {
    let_in(found, name.to_owned(), &BTreeSet::new());
}

/// Gives the grants of a resource by principal: what all its places demand.
pub(crate) fn by_principal(grants: &[Grant]) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for grant in grants {
        let demands = grant.demands.iter().map(|key| &**key);
        all.entry(&grant.principal)
            .and_modify(|there| there.retain(|key| grant.demands.iter().any(|one| one == key)))
            .or_insert_with(|| demands.collect());
    }
    all
}
