//! Resources: what an account holds on a day, in the shape of the AWS collectors' documents.

use std::collections::BTreeMap;

use schemas::{Resource, headers::rfc3339};
use serde_json::{Value, json};

use crate::organisation::{Organisation, STRANGER, THIRD_PARTIES, about};

const DAY_MS: i64 = 86_400_000;

/// The regions of regional services.
pub(crate) const REGIONS: &[&str] = &["eu-west-1", "us-east-1"];

/// The scopes of an account: resource type and region.
pub(crate) const SCOPES: &[(&str, &str)] = &[
    ("AWS::S3::Bucket", "global"),
    ("AWS::EC2::SecurityGroup", "eu-west-1"),
    ("AWS::EC2::SecurityGroup", "us-east-1"),
    ("AWS::IAM::User", "global"),
    ("AWS::IAM::Role", "global"),
    ("AWS::IAM::CredentialReport", "global"),
];

/// One account on one day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    pub(crate) organisation: Organisation,
    pub(crate) account: usize,
    /// Resources of the most frequent type.
    pub(crate) size: usize,
    pub(crate) day: usize,
    /// Half a day on: the second scan sees what changed in between.
    pub(crate) second: bool,
    pub(crate) start_ms: i64,
    pub(crate) at_ms: i64,
}

impl Snapshot {
    /// Lists the resources of a scope.
    pub(crate) fn scope(self, index: usize) -> Vec<Resource> {
        let (resource_type, region) = SCOPES[index];
        match resource_type {
            "AWS::S3::Bucket" => self.list(index, self.size, |n| self.bucket(index, n)),
            "AWS::EC2::SecurityGroup" => {
                self.list(index, self.size / 2 + 1, |n| self.group(index, n, region))
            }
            "AWS::IAM::User" => self.list(index, self.size / 3 + 1, |n| self.user(index, n)),
            "AWS::IAM::Role" => self.list(index, self.size / 3 + 2, |n| self.role(index, n)),
            _ => vec![self.credential_report(index)],
        }
    }

    fn list(self, scope: usize, count: usize, make: impl Fn(usize) -> Resource) -> Vec<Resource> {
        (0..count).filter(|n| self.lives(scope, *n)).map(make).collect()
    }

    /// Half days since the start.
    fn now(self) -> u64 {
        self.day as u64 * 2 + u64::from(self.second)
    }

    fn parts(self, what: u64, scope: usize, number: usize, aspect: u64) -> [u64; 5] {
        [what, self.account as u64, scope as u64, number as u64, aspect]
    }

    /// Most resources are always there; some come, some go.
    fn lives(self, scope: usize, number: usize) -> bool {
        let chance = self.organisation.chance;
        let parts = |aspect| self.parts(about::LIFE, scope, number, aspect);
        let some_time = |aspect| chance.below(self.organisation.days as u64 * 2, &parts(aspect));
        match chance.below(100, &parts(0)) {
            0..=79 => true,
            80..=89 => self.now() >= some_time(1),
            _ => self.now() < some_time(2).max(1),
        }
    }

    /// Tells whether something is at fault now: some always, some until it is mended, some from a
    /// time on.
    fn faulty(self, scope: usize, number: usize, aspect: u64, more_percent: u64) -> bool {
        let chance = self.organisation.chance;
        let parts = |extra| self.parts(about::FAULT, scope, number, aspect * 8 + extra);
        let percent = self.organisation.fault_percent(self.account) + more_percent;
        if !chance.happens(percent, &parts(0)) {
            return false;
        }
        let some_time = |extra| chance.below(self.organisation.days as u64 * 2, &parts(extra));
        match chance.below(10, &parts(1)) {
            0..=4 => true,
            5..=7 => self.now() < some_time(2),
            _ => self.now() >= some_time(3),
        }
    }

    fn id(self) -> String {
        self.organisation.id(self.account)
    }

    fn resource(self, scope: usize, region: &str, id: &str, name: &str, arn: String) -> Resource {
        Resource {
            provider: "aws".to_owned(),
            account: self.id(),
            region: region.to_owned(),
            resource_type: SCOPES[scope].0.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            arn,
            tags: BTreeMap::new(),
            configuration: String::new(),
            supplementary: "{}".to_owned(),
            errors: BTreeMap::new(),
            truncated: Vec::new(),
            captured_ms: self.at_ms,
        }
    }

    fn bucket(self, scope: usize, number: usize) -> Resource {
        let purpose = ["logs", "uploads", "exports", "backups", "models", "site"][number % 6];
        let name = format!("{}-{purpose}-{number}", self.organisation.listing(self.account).name);
        let region = REGIONS[number % REGIONS.len()];
        let arn = format!("arn:aws:s3:::{name}");
        let open = self.faulty(scope, number, 1, 0);
        let policy = if open {
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
                "Action": "s3:GetObject", "Resource": format!("{arn}/*")}]})
        } else {
            Value::Null
        };
        let encryption = if self.faulty(scope, number, 2, 0) {
            Value::Null
        } else {
            json!({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                "BucketKeyEnabled": false}]})
        };
        let all = !open;
        let mut resource = self.resource(scope, region, &name, &name, arn);
        resource.tags = BTreeMap::from([("purpose".to_owned(), purpose.to_owned())]);
        resource.configuration = json!({"Name": name, "BucketRegion": region}).to_string();
        let mut further = json!({
            "Acl": {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "c0ffee"},
                "Permission": "FULL_CONTROL"}], "Owner": {"ID": "c0ffee"}},
            "Encryption": encryption,
            "Location": {"LocationConstraint": region},
            "Logging": {},
            "Policy": policy,
            "PolicyStatus": if open { json!({"IsPublic": true}) } else { Value::Null },
            "PublicAccessBlock": {"BlockPublicAcls": all, "IgnorePublicAcls": true,
                "BlockPublicPolicy": all, "RestrictPublicBuckets": all},
            "Tagging": {"TagSet": [{"Key": "purpose", "Value": purpose}]},
            "Versioning": {},
        });
        // A call that is denied for one bucket: what it would have said is unknown.
        if self.organisation.chance.happens(1, &self.parts(about::OUTAGE, scope, number, 1)) {
            let denied = "AccessDenied: Access Denied".to_owned();
            resource.errors = BTreeMap::from([("Encryption".to_owned(), denied)]);
            further.as_object_mut().map(|members| members.remove("Encryption"));
        }
        resource.supplementary = further.to_string();
        resource
    }

    fn group(self, scope: usize, number: usize, region: &str) -> Resource {
        let id = format!("sg-{:08x}{number:04x}", self.account * 64 + scope);
        let name = ["web", "database", "bastion", "cache", "batch"][number % 5];
        let arn = format!("arn:aws:ec2:{region}:{}:security-group/{id}", self.id());
        let mut permissions = vec![permission("tcp", 443, &["0.0.0.0/0"], &["::/0"])];
        if self.faulty(scope, number, 1, 0) {
            permissions.push(match number % 3 {
                0 => permission("tcp", 22, &["0.0.0.0/0"], &[]),
                1 => permission("tcp", 3389, &["0.0.0.0/1", "128.0.0.0/1"], &[]),
                _ => permission("tcp", 22, &[], &["::/0"]),
            });
        } else {
            permissions.push(permission("tcp", 22, &["10.0.0.0/8"], &[]));
        }
        let configuration = json!({
            "Description": format!("{name} servers"),
            "GroupId": id,
            "GroupName": name,
            "IpPermissions": permissions,
            "IpPermissionsEgress": [],
            "OwnerId": self.id(),
            "VpcId": format!("vpc-{:08x}", self.account),
        });
        let mut resource = self.resource(scope, region, &id, name, arn);
        resource.configuration = configuration.to_string();
        resource
    }

    fn user(self, scope: usize, number: usize) -> Resource {
        let name = ["deploy", "reporting", "ci", "legacy-sync", "admin"][number % 5];
        let name = format!("{name}-{number}");
        let id = format!("AIDA{:08}{number:04}", self.account);
        let arn = format!("arn:aws:iam::{}:user/{name}", self.id());
        let console = number.is_multiple_of(2);
        let mfa = !self.faulty(scope, number, 1, 0);
        let user = json!({"Arn": arn, "CreateDate": self.date(-400), "Path": "/", "UserId": id,
            "UserName": name, "AttachedManagedPolicies": [], "GroupList": [],
            "UserPolicyList": []});
        let devices = if mfa {
            json!([{"SerialNumber": format!("arn:aws:iam::{}:mfa/{name}", self.id()),
                "UserName": name}])
        } else {
            json!([])
        };
        let login = json!({"CreateDate": self.date(-400), "UserName": name});
        let mut resource = self.resource(scope, "global", &id, &name, arn);
        resource.configuration = user.to_string();
        resource.supplementary = json!({
            "AccessKeys": [self.key(scope, number, &name)],
            "LoginProfile": if console { login } else { Value::Null },
            "MFADevices": devices,
        })
        .to_string();
        resource
    }

    /// A key that was made up to 150 days before the start, and is renewed now and then.
    fn key(self, scope: usize, number: usize, user: &str) -> Value {
        let chance = self.organisation.chance;
        let parts = |aspect| self.parts(about::KEY, scope, number, aspect);
        let mut made = -(chance.below(110, &parts(0)) as i64);
        let mut serial = 0;
        let renewed = chance.below(self.organisation.days as u64 * 2, &parts(1)) as i64;
        if chance.happens(40, &parts(2)) && renewed <= self.day as i64 {
            (made, serial) = (renewed, 1);
        }
        json!({"AccessKeyId": format!("AKIA{:06}{number:04}{serial:02}", self.account),
            "CreateDate": self.date(made), "Status": "Active", "UserName": user})
    }

    fn role(self, scope: usize, number: usize) -> Resource {
        let chance = self.organisation.chance;
        let name = ["deployer", "backup", "audit", "lambda", "etl"][number % 5];
        let name = format!("{name}-{number}");
        let id = format!("AROA{:08}{number:04}", self.account);
        let arn = format!("arn:aws:iam::{}:role/{name}", self.id());
        let own = self.organisation.id(chance
            .below(self.organisation.accounts as u64, &self.parts(about::TRUST, scope, number, 0))
            as usize);
        let principal = if self.faulty(scope, number, 1, 0) {
            let foreign = [STRANGER, THIRD_PARTIES[1].0][number % 2];
            json!({"AWS": format!("arn:aws:iam::{foreign}:root")})
        } else {
            match number % 3 {
                0 => json!({"Service": "lambda.amazonaws.com"}),
                1 => json!({"AWS": [format!("arn:aws:iam::{own}:root")]}),
                _ => json!({"AWS": format!("arn:aws:iam::{}:root", THIRD_PARTIES[0].0)}),
            }
        };
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": principal, "Action": "sts:AssumeRole"}]});
        let configuration = json!({"Arn": arn, "AssumeRolePolicyDocument": trust,
            "CreateDate": self.date(-300), "Path": "/", "RoleId": id, "RoleName": name,
            "AttachedManagedPolicies": [], "InstanceProfileList": [], "RolePolicyList": []});
        let mut resource = self.resource(scope, "global", &id, &name, arn);
        resource.configuration = configuration.to_string();
        resource
    }

    fn credential_report(self, scope: usize) -> Resource {
        let id = self.id();
        let mfa = !self.faulty(scope, 0, 1, 10);
        let row = json!({"user": "<root_account>", "arn": format!("arn:aws:iam::{id}:root"),
            "password_enabled": "not_supported", "mfa_active": mfa.to_string(),
            "access_key_1_active": "false", "access_key_2_active": "false"});
        let summary = json!({"AccountAccessKeysPresent": 0, "AccountMFAEnabled": i32::from(mfa),
            "AccountPasswordPresent": 1});
        let mut resource = self.resource(scope, "global", &id, &id, String::new());
        resource.configuration = json!({"rows": [row]}).to_string();
        resource.supplementary = json!({"AccountSummary": summary}).to_string();
        resource
    }

    /// Writes a day relative to the start as the AWS CLI writes times.
    fn date(self, day: i64) -> String {
        rfc3339(self.start_ms + day * DAY_MS).replace(".000Z", "+00:00")
    }
}

fn permission(protocol: &str, port: u16, v4: &[&str], v6: &[&str]) -> Value {
    let v4: Vec<Value> = v4.iter().map(|cidr| json!({"CidrIp": cidr})).collect();
    let v6: Vec<Value> = v6.iter().map(|cidr| json!({"CidrIpv6": cidr})).collect();
    json!({"IpProtocol": protocol, "FromPort": port, "ToPort": port, "IpRanges": v4,
        "Ipv6Ranges": v6, "PrefixListIds": [], "UserIdGroupPairs": []})
}
