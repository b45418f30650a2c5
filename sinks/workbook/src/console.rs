//! Where the provider's console shows a resource: links made of escaped parts, for known types.

use schemas::ComplianceKey;

/// A resource's place; all of it comes from accounts.
pub(crate) struct Place<'k> {
    /// Its region.
    pub(crate) region: &'k str,
    /// Its account.
    pub(crate) account: &'k str,
    /// Its id.
    pub(crate) id: &'k str,
    /// Its name; the id stands for one that is empty.
    pub(crate) name: &'k str,
    /// Its ARN, or empty.
    pub(crate) arn: &'k str,
}

/// Excel's limit for a link is 2,080 characters.
const LINK_BYTES_MAX: usize = 2_000;

/// Where services without regions have their console in each partition, with its domain.
const PARTITIONS: [(&str, &str, &str); 3] = [
    ("aws", "us-east-1", "console.aws.amazon.com"),
    ("aws-cn", "cn-north-1", "console.amazonaws.cn"),
    ("aws-us-gov", "us-gov-west-1", "console.amazonaws-us-gov.com"),
];

/// Paths by resource type: `{id}`, `{name}`, `{arn}`, `{region}` and `{account}` are what they say,
/// `{tail}` is what stands behind the last slash or colon of the ARN, else of the id, `{parent}`
/// what stands between the two last slashes of the ARN. Source: the consoles' own addresses.
const PATHS: [(&str, &str); 27] = [
    ("AWS::CloudTrail::Trail", "cloudtrailv2/home?region={region}#/trails/{arn}"),
    ("AWS::DynamoDB::Table", "dynamodbv2/home?region={region}#table?name={tail}"),
    ("AWS::EC2::Instance", "ec2/home?region={region}#InstanceDetails:instanceId={tail}"),
    (
        "AWS::EC2::NetworkInterface",
        "ec2/home?region={region}#NetworkInterface:networkInterfaceId={tail}",
    ),
    ("AWS::EC2::SecurityGroup", "ec2/home?region={region}#SecurityGroup:groupId={tail}"),
    ("AWS::EC2::Snapshot", "ec2/home?region={region}#SnapshotDetails:snapshotId={tail}"),
    ("AWS::EC2::VPC", "vpcconsole/home?region={region}#VpcDetails:VpcId={tail}"),
    ("AWS::EC2::Volume", "ec2/home?region={region}#VolumeDetails:volumeId={tail}"),
    ("AWS::ECR::Repository", "ecr/repositories/private/{account}/{id}?region={region}"),
    ("AWS::ECS::Cluster", "ecs/v2/clusters/{tail}/services?region={region}"),
    ("AWS::ECS::Service", "ecs/v2/clusters/{parent}/services/{tail}/health?region={region}"),
    ("AWS::ECS::Task", "ecs/v2/clusters/{parent}/tasks/{tail}/configuration?region={region}"),
    ("AWS::IAM::CredentialReport", "iam/home#/credential_report"),
    ("AWS::IAM::Group", "iam/home#/groups/details/{name}"),
    ("AWS::IAM::Policy", "iam/home#/policies/details/{arn}"),
    ("AWS::IAM::Role", "iam/home#/roles/details/{name}"),
    ("AWS::IAM::User", "iam/home#/users/details/{name}"),
    ("AWS::KMS::Key", "kms/home?region={region}#/kms/keys/{tail}"),
    ("AWS::Lambda::Function", "lambda/home?region={region}#/functions/{tail}"),
    ("AWS::OpenSearch::Domain", "aos/home?region={region}#opensearch/domains/{tail}"),
    ("AWS::RDS::DBCluster", "rds/home?region={region}#database:id={tail};is-cluster=true"),
    ("AWS::RDS::DBInstance", "rds/home?region={region}#database:id={tail};is-cluster=false"),
    ("AWS::RDS::DBSnapshot", "rds/home?region={region}#db-snapshot:id={tail}"),
    ("AWS::Route53::HostedZone", "route53/v2/hostedzones#ListRecordSets/{tail}"),
    ("AWS::S3::Bucket", "s3/buckets/{tail}?region={region}"),
    ("AWS::SNS::Topic", "sns/v3/home?region={region}#/topic/{arn}"),
    ("AWS::SecretsManager::Secret", "secretsmanager/secret?name={name}&region={region}"),
];

impl<'k> Place<'k> {
    /// Gives the place of a verdict's resource.
    pub(crate) fn of(key: &'k ComplianceKey, name: &'k str, arn: &'k str) -> Self {
        Self { region: &key.region, account: &key.account, id: &key.resource, name, arn }
    }

    /// Gives the link to a resource of a type; none for types and regions that are not known.
    pub(crate) fn link(&self, resource_type: &str) -> Option<String> {
        let (_, path) = PATHS.iter().find(|(known, _)| *known == resource_type)?;
        let (_, home, domain) =
            PARTITIONS.iter().find(|(partition, _, _)| *partition == self.partition())?;
        let host = if path.contains("{region}") { self.region } else { home };
        // The region stands in the host's name, where nothing could be escaped.
        if !is_region(host) {
            return None;
        }
        let mut link = format!("https://{host}.{domain}/");
        let mut rest = *path;
        while let Some((text, more)) = rest.split_once('{') {
            let (part, more) = more.split_once('}')?;
            link.push_str(text);
            escape(self.part(part)?, &mut link);
            rest = more;
        }
        link.push_str(rest);
        (link.len() <= LINK_BYTES_MAX).then_some(link)
    }

    fn partition(&self) -> &str {
        match self.arn.strip_prefix("arn:").and_then(|rest| rest.split(':').next()) {
            Some(partition) => partition,
            None if self.region.starts_with("cn-") => "aws-cn",
            None if self.region.starts_with("us-gov-") => "aws-us-gov",
            None => "aws",
        }
    }

    /// Gives a part; none where it is empty, since it would lead to another page.
    fn part(&self, name: &str) -> Option<&str> {
        let long = if self.arn.is_empty() { self.id } else { self.arn };
        let part = match name {
            "region" => self.region,
            "account" => self.account,
            "id" => self.id,
            "name" if self.name.is_empty() => self.id,
            "name" => self.name,
            "arn" => self.arn,
            "tail" => long.rsplit(['/', ':']).next()?,
            "parent" => long.rsplit('/').nth(1)?,
            _ => return None,
        };
        (!part.is_empty()).then_some(part)
    }
}

fn is_region(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (4..=32).contains(&text.len()) && text.contains('-') && text.bytes().all(fits)
}

/// Adds a text, all but unreserved characters in percent-encoding. Source: RFC 3986, 2.3.
fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place<'k>(region: &'k str, id: &'k str, name: &'k str, arn: &'k str) -> Place<'k> {
        Place { region, account: "111122223333", id, name, arn }
    }

    #[track_caller]
    fn check(resource_type: &str, place: &Place<'_>, expected: Option<&str>) {
        assert_eq!(place.link(resource_type).as_deref(), expected);
    }

    #[test]
    fn resources_are_found_in_the_console_of_their_partition() {
        check(
            "AWS::EC2::SecurityGroup",
            &place("eu-west-1", "sg-1", "web", "arn:aws:ec2:eu-west-1:1:security-group/sg-1"),
            Some(
                "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1\
                 #SecurityGroup:groupId=sg-1",
            ),
        );
        check(
            "AWS::S3::Bucket",
            &place("cn-north-1", "b", "b", ""),
            Some("https://cn-north-1.console.amazonaws.cn/s3/buckets/b?region=cn-north-1"),
        );
        check(
            "AWS::IAM::Policy",
            &place("global", "ANPA1", "p", "arn:aws-us-gov:iam::1:policy/a/p"),
            Some(
                "https://us-gov-west-1.console.amazonaws-us-gov.com/iam/home\
                 #/policies/details/arn%3Aaws-us-gov%3Aiam%3A%3A1%3Apolicy%2Fa%2Fp",
            ),
        );
        check(
            "AWS::ECS::Service",
            &place("eu-west-1", "x", "s", "arn:aws:ecs:eu-west-1:1:service/c/s"),
            Some(
                "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/c/services/s/health\
                 ?region=eu-west-1",
            ),
        );
    }

    #[test]
    fn nothing_of_an_account_gets_out_of_its_part() {
        let name = "../x?a=b#c&d=\"><script>'%41 ä";
        check(
            "AWS::IAM::User",
            &place("global", "AIDA1", name, ""),
            Some(
                "https://us-east-1.console.aws.amazon.com/iam/home#/users/details/\
                 ..%2Fx%3Fa%3Db%23c%26d%3D%22%3E%3Cscript%3E%27%2541%20%C3%A4",
            ),
        );
        for region in ["global", "", "evil.example/x-", "EU-WEST-1", "eu-west-1.evil.example"] {
            check("AWS::S3::Bucket", &place(region, "b", "b", ""), None);
        }
        check("AWS::S3::Bucket", &place("eu-west-1", "b", "b", "arn:evil:s3:::b"), None);
        check("AWS::S3::Bucket", &place("eu-west-1", "b", "b", "arn:aws:s3:::"), None);
        check("AWS::Unknown::Type", &place("eu-west-1", "b", "b", ""), None);
        check("AWS::S3::Bucket", &place("eu-west-1", &"b".repeat(2_000), "b", ""), None);
    }

    #[test]
    fn paths_name_parts_that_there_are() {
        let whole = place("eu-west-1", "a/b", "n", "arn:aws:x:eu-west-1:1:a/b/c");
        for (resource_type, _) in PATHS {
            let link = whole.link(resource_type);
            assert!(link.is_some_and(|link| !link.contains(['{', '}'])), "{resource_type}");
        }
        assert!(PATHS.is_sorted(), "each type once, in order");
    }
}
