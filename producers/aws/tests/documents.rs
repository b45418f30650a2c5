//! Every operation in the models gives the document that boto3 gives of the same moto server.

mod support;

use anyhow::{Context, Result, ensure};
use kit::moto::Moto;
use serde_json::{Value, json};

const FILL: &str = "producers/aws/tests/fill.py";
const ORACLE: &str = "producers/aws/tests/oracle.py";

const BUCKET_OPERATIONS: [&str; 9] = [
    "GetBucketAcl",
    "GetBucketEncryption",
    "GetBucketLocation",
    "GetBucketLogging",
    "GetBucketPolicy",
    "GetBucketPolicyStatus",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetPublicAccessBlock",
];

fn call(service: &str, operation: &str, parameters: Value, all: bool) -> Value {
    json!({"service": service, "operation": operation, "parameters": parameters, "all": all,
        "region": "us-east-1"})
}

/// Every operation of both models; the flag says whether pages are joined.
fn calls() -> Vec<Value> {
    let odd = json!({"Filters": [{"Name": "group-name", "Values": ["ugly-one", "ü&="]}]});
    let some = json!({"Filter": ["User", "Role"]});
    let mut calls = vec![
        call("ec2", "DescribeRegions", json!({}), false),
        call("ec2", "DescribeSecurityGroups", json!({"MaxResults": 5}), true),
        call("ec2", "DescribeSecurityGroups", odd, false),
        call("iam", "GetAccountAuthorizationDetails", json!({}), true),
        call("iam", "GetAccountAuthorizationDetails", some, true),
        call("iam", "GenerateCredentialReport", json!({}), false),
        call("iam", "GetCredentialReport", json!({}), false),
        call("iam", "GetAccountSummary", json!({}), false),
        call("s3", "ListBuckets", json!({"MaxBuckets": 10_000}), true),
        call("secretsmanager", "ListSecrets", json!({"MaxResults": 2}), true),
        call("opensearch", "ListDomainNames", json!({}), false),
        call("opensearch", "DescribeDomains", json!({"DomainNames": ["domain"]}), false),
    ];
    for user in ["plain", "bare", "a.one@b-c+d=e", "nobody"] {
        calls.push(call("iam", "ListAccessKeys", json!({"UserName": user}), true));
        calls.push(call("iam", "ListMFADevices", json!({"UserName": user}), true));
        calls.push(call("iam", "GetLoginProfile", json!({"UserName": user}), false));
    }
    for bucket in ["full-one", "empty-one", "dotted.one", "no-such-bucket"] {
        let ask = |operation: &&str| call("s3", operation, json!({"Bucket": bucket}), false);
        calls.extend(BUCKET_OPERATIONS.iter().map(ask));
    }
    calls
}

async fn ours(endpoint: &str, call: &Value) -> Value {
    let text = |key: &str| call[key].as_str().expect("a text");
    let config = support::config();
    let client = support::client(&config, text("service"), text("region"), endpoint);
    let (operation, parameters) = (text("operation"), call["parameters"].clone());
    let answer = match call["all"].as_bool() {
        Some(true) => client.call_all(operation, parameters).await,
        _ => client.call(operation, parameters).await,
    };
    match answer {
        Ok(document) => json!({"document": document}),
        Err(error) => json!({"code": error.code()}),
    }
}

#[tokio::test]
async fn documents_equal_boto3s() -> Result<()> {
    let moto = Moto::start()?;
    kit::python(FILL, &["account", &moto.endpoint()])?;
    let calls = calls();
    let text = Value::from(calls.clone()).to_string();
    let theirs = kit::python(ORACLE, &["calls", &moto.endpoint(), &text])?;
    let theirs: Vec<Value> = serde_json::from_str(&theirs).context("the oracle prints JSON")?;
    ensure!(theirs.len() == calls.len(), "one answer for each call");
    let mut differences = Vec::new();
    for (call, theirs) in calls.iter().zip(&theirs) {
        let ours = ours(&moto.endpoint(), call).await;
        if ours != *theirs {
            differences.push(format!("{call}\n  ours   {ours}\n  theirs {theirs}"));
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));

    // The comparison means something: documents and refusals are both among them.
    let documents = theirs.iter().filter(|answer| answer["document"].is_object()).count();
    assert_eq!((documents, theirs.len() - documents), (36, 24));
    let text = Value::from(theirs).to_string();
    for ugly in ["Näme", r#"a<b>&\"c\""#, "d &amp; <x> ü", "lögs/&", "ü %20 + &amp; <x>"] {
        ensure!(text.contains(ugly), "{ugly} is in no document");
    }
    Ok(())
}

#[test]
fn the_model_is_what_its_script_makes() -> Result<()> {
    kit::python(
        "producers/aws/model/trim.py",
        &["--check", concat!(env!("CARGO_MANIFEST_DIR"), "/model/model.json")],
    )?;
    Ok(())
}
