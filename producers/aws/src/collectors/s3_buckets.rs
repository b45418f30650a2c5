//! S3 buckets with their protection: encryption, versioning, access, logging.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::api::CallError;
use crate::document::Document;
use crate::scope::{CollectError, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "s3-buckets",
    resource_type: "AWS::S3::Bucket",
    coverage: Coverage::Global,
    actions: &[
        "s3:GetBucketAcl",
        "s3:GetBucketLocation",
        "s3:GetBucketLogging",
        "s3:GetBucketPolicy",
        "s3:GetBucketPolicyStatus",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketTagging",
        "s3:GetBucketVersioning",
        "s3:GetEncryptionConfiguration",
        "s3:ListAllMyBuckets",
    ],
    collect,
};

/// One question about a bucket.
struct Question {
    /// The name in the document.
    name: &'static str,
    operation: &'static str,
    /// The member that is the whole answer, where the answer has but one.
    only: Option<&'static str>,
    /// The code by which AWS says that there is none.
    none: &'static [&'static str],
}

const QUESTIONS: &[Question] = &[
    Question { name: "Acl", operation: "GetBucketAcl", only: None, none: &[] },
    Question {
        name: "Encryption",
        operation: "GetBucketEncryption",
        only: Some("ServerSideEncryptionConfiguration"),
        none: &["ServerSideEncryptionConfigurationNotFoundError"],
    },
    Question { name: "Logging", operation: "GetBucketLogging", only: None, none: &[] },
    Question {
        name: "PolicyStatus",
        operation: "GetBucketPolicyStatus",
        only: Some("PolicyStatus"),
        none: &["NoSuchBucketPolicy"],
    },
    Question {
        name: "PublicAccessBlock",
        operation: "GetPublicAccessBlock",
        only: Some("PublicAccessBlockConfiguration"),
        none: &["NoSuchPublicAccessBlockConfiguration"],
    },
    Question { name: "Versioning", operation: "GetBucketVersioning", only: None, none: &[] },
];

/// Sees each bucket of the account, whatever its region.
///
/// Shape: configuration is the item of the listing; the region is the bucket's own.
/// Supplementary: `Acl`, `Encryption`, `Location`, `Logging`, `Policy`, `PolicyStatus`,
/// `PublicAccessBlock`, `Tagging`, `Versioning`, as the AWS CLI prints them, without the one
/// member that wraps a whole answer; the policy as an object; null where there is none. Source:
/// `s3:ListBuckets`, all pages, and nine calls for each bucket.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let home = account.home("s3");
        // With this parameter AWS gives each bucket's region.
        let answer = home.call_all("ListBuckets", json!({"MaxBuckets": 10_000})).await?;
        let buckets = items(&answer, "Buckets")?.to_vec();
        let each = |item| async move { document(account, &item).await };
        see_each(account, observer, buckets.into_iter().map(each)).await
    })
}

/// Completes a bucket; none when it was deleted since the listing.
async fn document(account: &Account, item: &Value) -> Result<Option<Document>, CollectError> {
    let bucket = text(item, "Name")?;
    let known = item["BucketRegion"].as_str();
    let location = location(account, bucket, known).await;
    if matches!(&location, Err(error) if error.code() == "NoSuchBucket") {
        return Ok(None);
    }
    let region = region(known, &location).ok_or_else(|| unplaced(bucket, &location))?;
    let mut document = Document::new(account, &region, COLLECTOR.resource_type, bucket, item)
        .arn(format!("arn:{}:s3:::{bucket}", account.partition()));
    document.answer("Location", location, &[]);
    let client = account.client("s3", &region);
    let parameters = || json!({"Bucket": bucket});
    for question in QUESTIONS {
        let answer = client.call(question.operation, parameters()).await;
        let answer = answer.map(|mut answer| match question.only {
            Some(member) => answer[member].take(),
            None => answer,
        });
        document.answer(question.name, answer, question.none);
    }
    let tagging = client.call("GetBucketTagging", parameters()).await;
    if let Ok(answer) = &tagging {
        document = document.tags(answer.get("TagSet"));
    }
    document.answer("Tagging", tagging, &["NoSuchTagSet"]);
    let policy = client.call("GetBucketPolicy", parameters()).await;
    document.policy("Policy", policy, "Policy", &["NoSuchBucketPolicy"]);
    Ok(Some(document))
}

/// Asks where a bucket is: in its region when known, else at home, else where S3 sends us.
async fn location(
    account: &Account,
    bucket: &str,
    known: Option<&str>,
) -> Result<Value, CallError> {
    let first = known.unwrap_or_else(|| account.home_region());
    let parameters = || json!({"Bucket": bucket});
    let answer = account.client("s3", first).call("GetBucketLocation", parameters()).await;
    match answer {
        Err(error) if error.bucket_region().is_some_and(|region| region != first) => {
            let region = error.bucket_region().unwrap_or(first);
            account.client("s3", region).call("GetBucketLocation", parameters()).await
        }
        answer => answer,
    }
}

/// Gives a bucket's region from the listing, from its location, or from the refusal of it.
fn region(known: Option<&str>, location: &Result<Value, CallError>) -> Option<String> {
    let found = known.or_else(|| match location {
        Ok(answer) => Some(match answer["LocationConstraint"].as_str() {
            // Two names from before buckets were placed by region names.
            None => "us-east-1",
            Some("EU") => "eu-west-1",
            Some(region) => region,
        }),
        Err(error) => error.bucket_region(),
    });
    found.map(str::to_owned)
}

/// A bucket in a guessed region would be another resource, and the known one would be deleted:
/// so the whole scope fails.
fn unplaced(bucket: &str, location: &Result<Value, CallError>) -> CollectError {
    let cause = location.as_ref().err().map(CallError::summary).unwrap_or_default();
    let message = format!("the region of bucket {bucket} is not known ({cause})");
    CollectError::Answer { code: "BucketNotPlaced", message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Fault;
    use crate::testing::FakeAws;

    fn refused(bucket_region: Option<&str>) -> CallError {
        CallError {
            service: "s3".into(),
            operation: "GetBucketLocation".into(),
            region: "us-east-1".into(),
            fault: Box::new(Fault::Refused {
                status: 403,
                code: "AccessDenied".into(),
                message: "m".into(),
                request_id: None,
                bucket_region: bucket_region.map(Into::into),
            }),
        }
    }

    /// S3 answers for a bucket elsewhere with a redirect that names the region.
    #[tokio::test]
    async fn a_bucket_elsewhere_is_asked_where_it_is() {
        let fake = FakeAws::new(|sent| {
            if sent.uri.contains("eu-central-1") {
                let body = "<LocationConstraint>eu-central-1</LocationConstraint>";
                return (200, vec![], body.to_owned());
            }
            let body = "<Error><Code>PermanentRedirect</Code><Message>m</Message></Error>";
            (301, vec![("x-amz-bucket-region", "eu-central-1")], body.to_owned())
        });
        let found = location(&fake.account(), "bucket", None).await;
        assert_eq!(found.ok(), Some(json!({"LocationConstraint": "eu-central-1"})));
        let uris: Vec<_> = fake.sent().into_iter().map(|sent| sent.uri).collect();
        assert_eq!(
            uris,
            [
                "https://bucket.s3.us-east-1.amazonaws.com/?location",
                "https://bucket.s3.eu-central-1.amazonaws.com/?location",
            ]
        );
        let found = location(&fake.account(), "bucket", Some("eu-central-1")).await;
        assert!(found.is_ok());
        assert_eq!(fake.sent().len(), 3, "a known region is asked at once");
    }

    #[tokio::test]
    async fn a_bucket_deleted_since_the_listing_is_no_resource() {
        let gone = "<Error><Code>NoSuchBucket</Code><Message>m</Message></Error>";
        let fake = FakeAws::new(move |_| (404, vec![], gone.to_owned()));
        let found = document(&fake.account(), &json!({"Name": "bucket"})).await;
        assert!(matches!(found, Ok(None)), "{found:?}");
    }

    #[tokio::test]
    async fn a_policy_that_is_not_json_is_an_error_and_not_none() {
        let fake = FakeAws::new(|sent| {
            let text = if sent.uri.ends_with("?policy") { "{cut" } else { "<Tagging/>" };
            (200, vec![], text.to_owned())
        });
        let item = json!({"Name": "bucket", "BucketRegion": "eu-west-1"});
        let found = document(&fake.account(), &item).await.ok().flatten();
        let found = found.expect("the bucket is there").stamp(7);
        let policy = &found.errors["Policy"];
        assert!(policy.starts_with("UnreadableAnswer: the policy is not JSON"), "{policy}");
        let acl = &found.errors["Acl"];
        assert!(acl.contains("the root element is Tagging, not AccessControlPolicy"), "{acl}");
        assert_eq!(found.supplementary, r#"{"Tagging":{}}"#);
        assert_eq!((found.region.as_str(), found.captured_ms), ("eu-west-1", 7));
    }

    #[test]
    fn a_bucket_is_placed_or_the_scope_fails() {
        let constraint = |text: Value| Ok(json!({"LocationConstraint": text}));
        let cases = [
            (Some("eu-west-3"), Err(refused(None)), Some("eu-west-3")),
            (None, constraint(Value::Null), Some("us-east-1")),
            (None, constraint("EU".into()), Some("eu-west-1")),
            (None, constraint("ap-east-1".into()), Some("ap-east-1")),
            (None, Err(refused(Some("eu-west-1"))), Some("eu-west-1")),
            (None, Err(refused(None)), None),
        ];
        for (known, location, expected) in cases {
            assert_eq!(region(known, &location).as_deref(), expected, "{known:?} {location:?}");
        }
        assert_eq!(
            unplaced("b", &Err(refused(None))).summary(),
            "BucketNotPlaced: the region of bucket b is not known (AccessDenied: m)"
        );
    }
}
