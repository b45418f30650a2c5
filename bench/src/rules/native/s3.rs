//! Buckets by hand.

use rules::{Context, Document, Judgement, policy};
use serde_json::{Map, Value};

use super::{
    Told, any, both, each, either, filter, list, member, not, optional, shown, text, truth,
    verdict, whole, whole_verdict,
};

const EVERYONE: [&str; 2] = [
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
];
const ALGORITHMS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

pub(super) fn encryption(document: &Document<'_>, _: &dyn Context, _: i64) -> Vec<Judgement> {
    let pass = || {
        whole(document, &["/supplementaryConfiguration/Encryption"])?;
        let encryption = member(document.supplementary, "Encryption")?;
        if encryption.is_null() {
            return Ok(false);
        }
        any(list(encryption, "Rules")?, |rule| {
            let default = member(rule, "ApplyServerSideEncryptionByDefault")?;
            let algorithm = member(default, "SSEAlgorithm")?;
            Ok(ALGORITHMS.iter().any(|known| algorithm == known))
        })
    };
    whole_verdict(pass(), || {
        let (bucket, algorithms) = (document.name, ALGORITHMS.join(", "));
        format!("bucket {bucket} has no default encryption by one of {algorithms}")
    })
}

pub(super) fn grants(document: &Document<'_>, _: &dyn Context, _: i64) -> Vec<Judgement> {
    let others = || {
        whole(document, &["/supplementaryConfiguration/Acl"])?;
        let acl = member(document.supplementary, "Acl")?;
        filter(list(acl, "Grants")?, |grant| match optional(member(grant, "Grantee")?, "ID")? {
            Some(id) => Ok(id != member(member(acl, "Owner")?, "ID")?),
            None => Ok(true),
        })
    };
    let name = |grant: &Value| {
        let grantee = member(grant, "Grantee")?;
        let key = if optional(grantee, "ID")?.is_some() { "ID" } else { "URI" };
        Ok(format!("{} {}", text(grantee, key)?, text(grant, "Permission")?))
    };
    each(others(), name, |grant, part| {
        let delivery = |grant| -> Told<bool> {
            let uri = optional(member(grant, "Grantee")?, "URI")?;
            Ok(uri.is_some_and(|uri| uri == LOG_DELIVERY))
        };
        verdict(
            part,
            Ok(true),
            || delivery(grant),
            || {
                let (bucket, permission) = (document.name, shown(grant, "Permission"));
                format!("bucket {bucket} grants {permission} by its access list")
            },
        )
    })
}

pub(super) fn public_access(document: &Document<'_>, _: &dyn Context, _: i64) -> Vec<Judgement> {
    let pass = || both(is_policy_closed(document), || are_grants_closed(document));
    whole_verdict(pass(), || {
        let bucket = document.name;
        format!("bucket {bucket} can be reached by everyone through its policy or its grants")
    })
}

fn is_policy_closed(document: &Document<'_>) -> Told<bool> {
    let s = document.supplementary;
    whole(document, &["/supplementaryConfiguration/Policy"])?;
    let no_opinion = || {
        let status = member(s, "PolicyStatus")?;
        if status.is_null() { Ok(true) } else { not(truth(status, "IsPublic")) }
    };
    let closed = || {
        let policy = member(s, "Policy")?;
        policy::is_open_to_all(policy).map(|open| !open).map_err(|_| "the policy can't be read")
    };
    either(member(s, "Policy").map(Value::is_null), || {
        either(blocks(s, "RestrictPublicBuckets"), || both(no_opinion(), closed))
    })
}

fn are_grants_closed(document: &Document<'_>) -> Told<bool> {
    let s = document.supplementary;
    let open = || {
        whole(document, &["/supplementaryConfiguration/Acl"])?;
        any(list(member(s, "Acl")?, "Grants")?, |grant| {
            let uri = optional(member(grant, "Grantee")?, "URI")?;
            Ok(uri.and_then(Value::as_str).is_some_and(|uri| EVERYONE.contains(&uri)))
        })
    };
    either(blocks(s, "IgnorePublicAcls"), || not(open()))
}

fn blocks(s: &Value, setting: &str) -> Told<bool> {
    let block = member(s, "PublicAccessBlock")?;
    if block.is_null() { Ok(false) } else { truth(block, setting) }
}

pub(super) fn tls(document: &Document<'_>, _: &dyn Context, _: i64) -> Vec<Judgement> {
    let pass = || {
        whole(document, &["/supplementaryConfiguration/Policy"])?;
        let policy = member(document.supplementary, "Policy")?;
        let statements = policy::statements(policy).map_err(|_| "the policy can't be read")?;
        any(&statements, |statement| denies_plain(statement))
    };
    whole_verdict(pass(), || format!("bucket {} answers requests in the clear", document.name))
}

/// Tells whether a statement denies everything to everyone whenever TLS is missing.
fn denies_plain(statement: &Value) -> Told<bool> {
    both(member(statement, "Effect").map(|effect| effect == "Deny"), || {
        let all = |key: &str, test: fn(&Value) -> bool| Ok(statement.get(key).is_some_and(test));
        both(all("Action", is_everything), || {
            both(all("Principal", is_everyone), || match statement.get("Condition") {
                Some(Value::Object(condition)) => Ok(is_without_tls(condition)),
                Some(_) => Err("a condition is no object"),
                None => Ok(false),
            })
        })
    })
}

fn is_everything(action: &Value) -> bool {
    let is_all = |action: &Value| action == "*" || action == "s3:*";
    action.as_array().map_or_else(|| is_all(action), |list| list.iter().any(is_all))
}

fn is_everyone(principal: &Value) -> bool {
    let is_all = |name: &Value| name == "*" || is_only(name, |one| one == "*");
    match principal {
        Value::Object(kinds) => kinds.len() == 1 && kinds.get("AWS").is_some_and(is_all),
        other => other == "*",
    }
}

fn is_without_tls(condition: &Map<String, Value>) -> bool {
    let is_false = |value: &Value| value == "false" || value == false;
    let keys = only(condition, "bool").and_then(Value::as_object);
    let value = keys.and_then(|keys| only(keys, "aws:SecureTransport"));
    value.is_some_and(|value| is_false(value) || is_only(value, is_false))
}

/// Gives the only member of a map, if it has this name in any case.
fn only<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let (key, value) = map.iter().next()?;
    (map.len() == 1 && key.eq_ignore_ascii_case(name)).then_some(value)
}

/// Tells whether a value is a list of one that satisfies a test.
fn is_only(value: &Value, test: impl Fn(&Value) -> bool) -> bool {
    matches!(value.as_array().map(Vec::as_slice), Some([one]) if test(one))
}
