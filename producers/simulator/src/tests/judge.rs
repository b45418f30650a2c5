//! Judges documents by the members that the standard's rules read, without looking at how they were
//! made.

use schemas::{Finding, FindingStatus, FindingSubject, Resource, headers::rfc3339};
use serde_json::Value;

/// What a rule would say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Says {
    Pass,
    Fail,
    Unknown,
}

/// A verdict: requirement, part, what it says.
pub(super) type Verdict = (&'static str, String, Says);

/// Judges a resource at a time.
pub(super) fn resource(resource: &Resource, now_ms: i64) -> Vec<Verdict> {
    let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let (r, s) = (read(&resource.configuration), read(&resource.supplementary));
    let one = |requirement, says| vec![(requirement, String::new(), says)];
    match &*resource.resource_type {
        "AWS::S3::Bucket" => vec![
            ("s3-public-access", String::new(), public(&s)),
            ("s3-encryption", String::new(), encryption(&s)),
        ],
        "AWS::EC2::SecurityGroup" => one("ec2-admin-ports", ports(&r)),
        "AWS::IAM::Role" if resource.truncated.is_empty() => one("iam-role-trust", trust(&r)),
        "AWS::IAM::Role" => one("iam-role-trust", Says::Unknown),
        "AWS::IAM::User" => user(&s, now_ms),
        "AWS::IAM::CredentialReport" => {
            root(&r, &s).map(|says| one("iam-root", says)).unwrap_or_default()
        }
        other => panic!("no rule judges {other}"),
    }
}

/// Judges a row of a report; none when it is about nothing.
pub(super) fn finding(finding: &Finding) -> Option<Verdict> {
    let requirement = match &*finding.check {
        "rdsEncryptionEnabled" => "rds-encryption",
        "cloudtrailEnabled" => "cloudtrail-enabled",
        other => panic!("no requirement maps {other}"),
    };
    let says = match finding.status {
        FindingStatus::Pass => Says::Pass,
        FindingStatus::Unknown => Says::Unknown,
        FindingStatus::Warn | FindingStatus::Fail => Says::Fail,
    };
    let counts = matches!(finding.subject, FindingSubject::Resource | FindingSubject::Account);
    counts.then(|| (requirement, finding.resource.clone(), says))
}

fn says(pass: bool) -> Says {
    if pass { Says::Pass } else { Says::Fail }
}

fn encryption(s: &Value) -> Says {
    let Some(encryption) = s.get("Encryption") else { return Says::Unknown };
    if encryption.is_null() {
        return Says::Fail;
    }
    let rules = encryption["Rules"].as_array().expect("a list of rules");
    let algorithm =
        |rule: &Value| rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"].clone();
    says(
        rules
            .iter()
            .any(|rule| ["AES256", "aws:kms"].iter().any(|known| algorithm(rule) == *known)),
    )
}

fn public(s: &Value) -> Says {
    let block =
        |name: &str| !s["PublicAccessBlock"].is_null() && s["PublicAccessBlock"][name] == true;
    let grants = s["Acl"]["Grants"].as_array().expect("grants");
    let granted = grants.iter().any(|grant| grant["Grantee"]["URI"].is_string());
    if granted && !block("IgnorePublicAcls") {
        return Says::Fail;
    }
    let Some(policy) = s.get("Policy") else { return Says::Unknown };
    if policy.is_null() || block("RestrictPublicBuckets") {
        return Says::Pass;
    }
    let all = policy["Statement"].as_array().expect("statements").iter().any(|statement| {
        let everyone = statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*";
        everyone && statement["Condition"].get("StringEquals").is_none()
    });
    assert_eq!(s["PolicyStatus"]["IsPublic"], all, "AWS's opinion is the same: {policy}");
    says(!all)
}

fn ports(r: &Value) -> Says {
    let permissions = r["IpPermissions"].as_array().expect("permissions");
    let mut verdict = Says::Pass;
    for port in [22, 3389] {
        let mut ranges = Vec::new();
        for permission in permissions {
            let v4 = permission["IpRanges"].as_array().expect("a list, empty or not");
            let v6 = permission["Ipv6Ranges"].as_array().expect("a list, empty or not");
            let within = |from: i64, to: i64| from <= port && port <= to;
            let reached = permission["IpProtocol"] == "-1"
                || within(
                    permission["FromPort"].as_i64().expect("a port"),
                    permission["ToPort"].as_i64().expect("a port"),
                );
            if reached {
                ranges.extend(v4.iter().map(|range| range["CidrIp"].as_str().expect("a CIDR")));
                ranges.extend(v6.iter().map(|range| range["CidrIpv6"].as_str().expect("a CIDR")));
                let lists = permission["PrefixListIds"].as_array().expect("a list, empty or not");
                if !lists.is_empty() && verdict == Says::Pass {
                    verdict = Says::Unknown;
                }
            }
        }
        let has = |cidr| ranges.contains(&cidr);
        if has("0.0.0.0/0") || has("::/0") || (has("0.0.0.0/1") && has("128.0.0.0/1")) {
            return Says::Fail;
        }
    }
    verdict
}

fn trust(r: &Value) -> Says {
    let statements = r["AssumeRolePolicyDocument"]["Statement"].as_array().expect("statements");
    let foreign = |principal: &str| {
        let account = principal.trim_start_matches("arn:aws:iam::");
        // Own accounts lie below all foreign ones, the approved third party is the first of them.
        principal == "*" || (account >= "9" && !account.starts_with("900000000001"))
    };
    let open = statements.iter().any(|statement| match &statement["Principal"] {
        Value::String(everyone) => foreign(everyone),
        principal => match &principal["AWS"] {
            Value::String(one) => foreign(one),
            Value::Array(some) => some.iter().any(|one| foreign(one.as_str().expect("text"))),
            _ => false,
        },
    });
    says(!open)
}

fn user(s: &Value, now_ms: i64) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    match s.get("LoginProfile") {
        Some(Value::Null) => (),
        Some(_) => verdicts.push(match s.get("MFADevices") {
            None => ("iam-console-mfa", String::new(), Says::Unknown),
            Some(devices) => {
                let some = !devices.as_array().expect("a list, empty or not").is_empty();
                ("iam-console-mfa", String::new(), says(some))
            }
        }),
        None => panic!("whether there is a password is always answered"),
    }
    let Some(keys) = s.get("AccessKeys") else {
        verdicts.push(("iam-access-key-age", String::new(), Says::Unknown));
        return verdicts;
    };
    // More than 90 whole days: 91 days ago or earlier.
    let oldest = &rfc3339(now_ms - 91 * 86_400_000)[..19];
    for key in keys.as_array().expect("a list, empty or not") {
        let made = &key["CreateDate"].as_str().expect("a time")[..19];
        assert!(made <= &rfc3339(now_ms)[..19], "a key is made before it is seen");
        if key["Status"] == "Active" {
            let id = key["AccessKeyId"].as_str().expect("an id").to_owned();
            verdicts.push(("iam-access-key-age", id, says(made > oldest)));
        }
    }
    verdicts
}

/// Judges root; none where its credentials were taken away.
fn root(r: &Value, s: &Value) -> Option<Says> {
    let summary = s.get("AccountSummary");
    if summary.is_some_and(|summary| summary["AccountPasswordPresent"] == 0) {
        return None;
    }
    let rows = r["rows"].as_array().expect("rows");
    let Some(row) = rows.iter().find(|row| row["user"] == "<root_account>") else {
        assert_eq!(summary, None, "the summary would say it");
        return Some(Says::Unknown);
    };
    let keys = ["access_key_1_active", "access_key_2_active"].iter().any(|key| row[*key] == "true");
    Some(says(row["mfa_active"] == "true" && !keys))
}
