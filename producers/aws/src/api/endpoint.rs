//! Where a service answers: AWS's rules by partition, or what the configuration says.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::model::Service;

/// A group of regions with its own accounts, credentials and endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Partition {
    /// The public regions.
    #[default]
    Aws,
    /// GovCloud (US).
    AwsUsGov,
    /// China.
    AwsCn,
}

impl Partition {
    /// Gives its name in ARNs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsUsGov => "aws-us-gov",
            Self::AwsCn => "aws-cn",
        }
    }

    /// Gives the region that answers for the whole partition: global services, listings, STS.
    pub fn home_region(self) -> &'static str {
        match self {
            Self::Aws => "us-east-1",
            Self::AwsUsGov => "us-gov-west-1",
            Self::AwsCn => "cn-north-1",
        }
    }
}

/// Endpoints that replace AWS's own, for tests, proxies and private links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// One for every service that `by_service` does not name.
    pub all: Option<String>,
    /// By service, in botocore's words.
    pub by_service: BTreeMap<String, String>,
}

impl Endpoints {
    /// Gives the endpoint that replaces AWS's own for a service, if one does.
    pub fn replacing(&self, service: &str) -> Option<&str> {
        self.by_service.get(service).or(self.all.as_ref()).map(String::as_str)
    }
}

/// Where one client sends its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The URL, without bucket names.
    pub url: String,
    /// The region that signatures name.
    pub signing_region: String,
    /// Whether the configuration replaced AWS's own endpoint; buckets then go in the path.
    pub replaced: bool,
}

impl Endpoint {
    /// Decides where calls of a service in a region go.
    ///
    /// Source: botocore's endpoint rules, as `model/trim.py` evaluated them. A service that the
    /// model does not place in the partition is taken to be regional.
    pub fn of(service: &Service, partition: Partition, region: &str, given: &Endpoints) -> Self {
        let (url, signing_region) = aws_endpoint(service, partition, region);
        match given.replacing(&service.name) {
            Some(url) => Self { url: url.to_owned(), signing_region, replaced: true },
            None => Self { url, signing_region, replaced: false },
        }
    }
}

fn aws_endpoint(service: &Service, partition: Partition, region: &str) -> (String, String) {
    let Some(rule) = service.endpoints.get(partition.id()) else {
        return (format!("https://{}.{region}.amazonaws.com", service.name), region.to_owned());
    };
    if let Some(exception) = rule.exceptions.get(region) {
        return (exception.url.clone(), exception.sign.clone());
    }
    let url = rule.url.replace("{region}", region);
    (url, rule.sign.clone().unwrap_or_else(|| region.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::model::Model;
    use super::*;

    #[test]
    fn agrees_with_aws_documentation() {
        use Partition::{Aws, AwsCn, AwsUsGov};
        let model = Model::embedded().expect("the embedded model is whole");
        // From the tables of "Service endpoints and quotas" in AWS's General Reference.
        let cases = [
            (Aws, "ec2 eu-west-1", "ec2.eu-west-1.amazonaws.com eu-west-1"),
            (AwsCn, "ec2 cn-north-1", "ec2.cn-north-1.amazonaws.com.cn cn-north-1"),
            (AwsUsGov, "ec2 us-gov-east-1", "ec2.us-gov-east-1.amazonaws.com us-gov-east-1"),
            (Aws, "iam eu-west-1", "iam.amazonaws.com us-east-1"),
            (AwsUsGov, "iam us-gov-east-1", "iam.us-gov.amazonaws.com us-gov-west-1"),
            (AwsCn, "iam cn-northwest-1", "iam.cn-north-1.amazonaws.com.cn cn-north-1"),
            (Aws, "s3 us-east-1", "s3.us-east-1.amazonaws.com us-east-1"),
            (AwsCn, "s3 cn-northwest-1", "s3.cn-northwest-1.amazonaws.com.cn cn-northwest-1"),
        ];
        for (partition, asked, expected) in cases {
            let (service, region) = asked.split_once(' ').expect("service and region");
            let service = model.service(service).expect("it is in the model");
            let found = Endpoint::of(&service, partition, region, &Endpoints::default());
            let shown = format!("{} {}", found.url, found.signing_region);
            assert_eq!(shown, format!("https://{expected}"), "{asked}");
            assert!(!found.replaced);
        }
    }

    #[test]
    fn a_service_endpoint_wins_over_the_one_for_all() {
        let given = Endpoints {
            all: Some("http://all".into()),
            by_service: [("s3".to_owned(), "http://s3".to_owned())].into(),
        };
        assert_eq!(given.replacing("s3"), Some("http://s3"));
        assert_eq!(given.replacing("ec2"), Some("http://all"));
        assert_eq!(Endpoints::default().replacing("ec2"), None);
    }
}
