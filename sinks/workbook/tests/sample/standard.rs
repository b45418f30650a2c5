//! The sample's security standard and its risk register.

use schemas::{Exception, Requirement, Scoring, Severity};

use super::{AT_MS, DAY_MS, MAYA};

/// Id, title, severity, weight, resource type, scoring, remediation.
pub(crate) struct Text(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) Severity,
    pub(crate) i64,
    pub(crate) &'static str,
    pub(crate) Scoring,
    pub(crate) &'static str,
);

/// The standard.
pub(crate) const STANDARD: [Text; 10] = [
    Text(
        "s3-public-access",
        "S3 buckets are not open to the public",
        Severity::Critical,
        10,
        "AWS::S3::Bucket",
        Scoring::Resources,
        "Turn on all four settings of Block Public Access for the bucket, or better for the \
         account. Where the data must be public, put CloudFront with an origin access control in \
         front of the bucket.",
    ),
    Text(
        "iam-root",
        "The root account has MFA and no access keys",
        Severity::Critical,
        10,
        "AWS::IAM::CredentialReport",
        Scoring::AllOrNothing,
        "Delete the root account's access keys and register a hardware token.",
    ),
    Text(
        "ec2-admin-ports",
        "No security group opens administrative ports to the world",
        Severity::Critical,
        9,
        "AWS::EC2::SecurityGroup",
        Scoring::Resources,
        "Remove the rule, or narrow it to the company's networks. Session Manager needs no open \
         port.",
    ),
    Text(
        "iam-role-trust",
        "Roles trust only known accounts",
        Severity::High,
        8,
        "AWS::IAM::Role",
        Scoring::Resources,
        "Remove the foreign principal from the trust policy, or have the account approved.",
    ),
    Text(
        "iam-console-mfa",
        "Users with a console password have MFA",
        Severity::High,
        8,
        "AWS::IAM::User",
        Scoring::Resources,
        "Have the user register a device, or remove his password.",
    ),
    Text(
        "rds-encryption",
        "Databases are encrypted",
        Severity::High,
        7,
        "AWS::RDS::DBInstance",
        Scoring::Findings,
        "Restore an encrypted copy from a snapshot and switch over.",
    ),
    Text(
        "iam-access-key-age",
        "Access keys are not older than 90 days",
        Severity::Medium,
        5,
        "AWS::IAM::User",
        Scoring::Findings,
        "Make a new key, use it everywhere, deactivate the old one, and delete it a week later.",
    ),
    Text(
        "cloudtrail-enabled",
        "CloudTrail records every region",
        Severity::Medium,
        6,
        "AWS::CloudTrail::Trail",
        Scoring::AllOrNothing,
        "Make one trail for the organisation, for all regions, with log file validation.",
    ),
    Text(
        "s3-encryption",
        "S3 buckets are encrypted with a key of the company's own",
        Severity::Low,
        3,
        "AWS::S3::Bucket",
        Scoring::Resources,
        "Set default encryption to aws:kms with the account's key.",
    ),
    Text(
        "ec2-unused-groups",
        "Security groups are in use",
        Severity::Info,
        2,
        "AWS::EC2::SecurityGroup",
        Scoring::Penalty,
        "Delete groups that no interface uses.",
    ),
];

/// Makes a requirement.
pub(crate) fn requirement(text: &Text) -> Requirement {
    let Text(id, title, severity, weight, resource_type, scoring, remediation) = *text;
    Requirement {
        id: id.to_owned(),
        title: title.to_owned(),
        why: String::new(),
        severity,
        weight,
        resource_type: resource_type.to_owned(),
        scoring,
        rule: None,
        checks: Vec::new(),
        remediation: remediation.to_owned(),
        controls: Vec::new(),
        parameters: "{}".to_owned(),
        changes: Vec::new(),
    }
}

/// Makes the risk register.
pub(crate) fn exceptions() -> Vec<Exception> {
    let entry =
        |id: &str, accounts: &[&str], requirement: &str, resource: &str, reason: &str| Exception {
            id: id.to_owned(),
            accounts: accounts.iter().map(|&account| account.to_owned()).collect(),
            requirements: vec![requirement.to_owned()],
            resource: resource.to_owned(),
            approved: true,
            reason: reason.to_owned(),
            owner: MAYA.to_owned(),
            expires_ms: Some(AT_MS - 9 * 3_600_000 + 200 * DAY_MS),
            ..Exception::default()
        };
    let mut all = vec![
        entry(
            "RA-17",
            &["210000000001"],
            "ec2-admin-ports",
            "*0",
            "SFTP for a bank that has no other way; source addresses are filtered by the network \
             firewall",
        ),
        entry(
            "RA-23",
            &["210000000002", "210000000006"],
            "s3-public-access",
            "*1",
            "Public test fixtures, no customer data",
        ),
        entry(
            "RA-31",
            &["*"],
            "iam-access-key-age",
            "*3",
            "Keys of the old build system until it is moved",
        ),
        entry(
            "RA-08",
            &["210000000004", "210000000006"],
            "iam-console-mfa",
            "*",
            "Contractors without company phones",
        ),
        entry("RA-40", &["210000000006"], "s3-encryption", "*", "Asked for, not yet decided"),
        entry("RA-41", &["220000000001"], "iam-root", "*", "Of another owner"),
    ];
    all[1].expires_ms = Some(AT_MS - 9 * 3_600_000 + 9 * DAY_MS);
    all[2].expires_ms = Some(AT_MS - 9 * 3_600_000 + 26 * DAY_MS);
    all[3].expires_ms = Some(AT_MS - 9 * 3_600_000 - 12 * DAY_MS);
    all[4].approved = false;
    all
}
