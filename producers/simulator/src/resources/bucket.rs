//! S3 buckets: open and closed ones, in the many ways in which they are.

use schemas::Resource;
use serde_json::{Value, json};

use super::{Item, REGIONS, tag_list};
use crate::{names::ORGANISATION, organisation::about};

const PURPOSES: [&str; 7] = ["logs", "uploads", "site", "exports", "backups", "models", "archive"];
const EVERYONE: &str = "http://acs.amazonaws.com/groups/global/AllUsers";

/// What decides whether a bucket is open.
struct Access {
    policy: Value,
    is_public: Value,
    block: Value,
    everyone_reads: bool,
}

impl Item {
    pub(super) fn bucket_name(self) -> String {
        let purpose = PURPOSES[self.number % PURPOSES.len()];
        let name = self.snapshot.organisation.name(self.snapshot.account);
        format!("{name}-{purpose}-{}", self.number)
    }

    pub(super) fn bucket(self) -> Resource {
        let name = self.bucket_name();
        let region = REGIONS[self.draw(2, about::DETAIL, 1) as usize];
        let made = self.date(-(self.draw(900, about::DETAIL, 2) as i64) - 30, 3);
        let item = json!({"BucketRegion": region, "CreationDate": made, "Name": name});
        let mut bucket = self.envelope(region, &name, &item);
        bucket.arn = format!("arn:aws:s3:::{name}");
        bucket.tags = self.tags();
        let mut further = self.bucket_answers(&bucket);
        // A call that is denied for one bucket: what it would have said is unknown.
        match self.trouble() {
            Some(0) => self.deny(&mut bucket, &mut further, "Encryption"),
            Some(1) => self.deny(&mut bucket, &mut further, "Policy"),
            _ => (),
        }
        bucket.supplementary = further.to_string();
        bucket
    }

    fn bucket_answers(self, bucket: &Resource) -> Value {
        let access =
            if self.is_faulty(1) { self.open(&bucket.arn) } else { self.closed(&bucket.arn) };
        let owner = format!("{:032x}", self.bits(about::IDENTITY, 1));
        let mut grants = vec![json!({"Grantee": {"ID": owner, "Type": "CanonicalUser"},
            "Permission": "FULL_CONTROL"})];
        if access.everyone_reads {
            let everyone = json!({"Type": "Group", "URI": EVERYONE});
            grants.push(json!({"Grantee": everyone, "Permission": "READ"}));
        }
        let location = if bucket.region == "us-east-1" { None } else { Some(&bucket.region) };
        let tags = tag_list(&bucket.tags);
        let logging = match self.draw(3, about::DETAIL, 4) {
            0 => json!({"LoggingEnabled": {"TargetBucket": "central-access-logs",
                "TargetPrefix": format!("{}/", bucket.name)}}),
            _ => json!({}),
        };
        let ends = self.snapshot.organisation.days as u64 * 4;
        let versioned = self.snapshot.half_day > self.draw(ends, about::DETAIL, 5);
        json!({
            "Acl": {"Grants": grants, "Owner": {"ID": owner}},
            "Encryption": self.encryption(),
            "Location": {"LocationConstraint": location},
            "Logging": logging,
            "Policy": access.policy,
            "PolicyStatus": access.is_public,
            "PublicAccessBlock": access.block,
            "Tagging": if bucket.tags.is_empty() { Value::Null } else { json!({"TagSet": tags}) },
            "Versioning": if versioned { json!({"Status": "Enabled"}) } else { json!({}) },
        })
    }

    fn encryption(self) -> Value {
        if self.is_faulty(2) {
            return Value::Null;
        }
        let default = match self.draw(3, about::DETAIL, 6) {
            0 => json!({"KMSMasterKeyID": format!("arn:aws:kms:eu-west-1:{}:alias/data",
                self.account_id()), "SSEAlgorithm": "aws:kms"}),
            _ => json!({"SSEAlgorithm": "AES256"}),
        };
        json!({"Rules": [{"ApplyServerSideEncryptionByDefault": default,
            "BucketKeyEnabled": false}]})
    }

    fn open(self, arn: &str) -> Access {
        let everyone = policy(arn, "s3:GetObject", json!("*"), None);
        let (none, public) = (Value::Null, json!({"IsPublic": true}));
        let (policy, is_public, block) = match self.draw(4, about::DETAIL, 7) {
            0 => (everyone, public, none),
            // It only stops new policies and grants.
            1 => (everyone, public, block(false)),
            2 => {
                let over_tls = json!({"Bool": {"aws:SecureTransport": "true"}});
                (policy(arn, "s3:*", json!({"AWS": "*"}), Some(over_tls)), public, none)
            }
            _ => (none.clone(), none.clone(), none),
        };
        let everyone_reads = policy.is_null();
        Access { policy, is_public, block, everyone_reads }
    }

    fn closed(self, arn: &str) -> Access {
        let none = Value::Null;
        let (policy, is_public, block, everyone_reads) = match self.draw(6, about::DETAIL, 8) {
            // The policy and the grant are still there, behind the block.
            0 => {
                let everyone = policy(arn, "s3:GetObject", json!("*"), None);
                (everyone, json!({"IsPublic": true}), block(true), false)
            }
            1 => (none.clone(), none, block(true), true),
            2 => {
                let ours = json!({"StringEquals": {"aws:PrincipalOrgID": ORGANISATION}});
                let policy = policy(arn, "s3:GetObject", json!("*"), Some(ours));
                (policy, json!({"IsPublic": false}), none, false)
            }
            3 => (none.clone(), none.clone(), none, false),
            _ => (none.clone(), none, block(true), false),
        };
        Access { policy, is_public, block, everyone_reads }
    }
}

/// A block of everything, or only of what comes anew.
fn block(whole: bool) -> Value {
    json!({"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": whole,
        "RestrictPublicBuckets": whole})
}

fn policy(arn: &str, action: &str, principal: Value, condition: Option<Value>) -> Value {
    let mut statement = json!({"Action": action, "Effect": "Allow", "Principal": principal,
        "Resource": format!("{arn}/*")});
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    json!({"Statement": [statement], "Version": "2012-10-17"})
}
