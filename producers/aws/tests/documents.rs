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

fn account_calls() -> Vec<Value> {
    let contact = |kind: &str| {
        call("account", "GetAlternateContact", json!({"AlternateContactType": kind}), false)
    };
    // moto has neither of the last two: both sides must call that a refusal.
    vec![
        contact("BILLING"),
        contact("OPERATIONS"),
        contact("SECURITY"),
        call("account", "GetContactInformation", json!({}), false),
        call("account", "ListRegions", json!({"MaxResults": 50}), true),
    ]
}

fn cloudtrail_calls() -> Vec<Value> {
    let arn = |region: &str| format!("arn:aws:cloudtrail:{region}:123456789012:trail/trail-one");
    let (here, there) = (arn("us-east-1"), arn("eu-west-1"));
    vec![
        call("cloudtrail", "DescribeTrails", json!({"includeShadowTrails": true}), false),
        call("cloudtrail", "DescribeTrails", json!({"includeShadowTrails": false}), false),
        call("cloudtrail", "GetEventSelectors", json!({"TrailName": here}), false),
        call("cloudtrail", "GetEventSelectors", json!({"TrailName": "no-such-trail"}), false),
        call("cloudtrail", "GetTrailStatus", json!({"Name": here}), false),
        call("cloudtrail", "GetTrailStatus", json!({"Name": there}), false),
        call("cloudtrail", "GetTrailStatus", json!({"Name": "no-such-trail"}), false),
        call("cloudtrail", "ListTags", json!({"ResourceIdList": [here]}), true),
    ]
}

fn permissions_call(snapshot: &str) -> Value {
    let parameters = json!({"SnapshotId": snapshot, "Attribute": "createVolumePermission"});
    call("ec2", "DescribeSnapshotAttribute", parameters, false)
}

/// EC2's calls; the snapshots' ids are known to the server alone.
async fn ec2_calls(endpoint: &str) -> Result<Vec<Value>> {
    let filter = json!({"Filter": [{"Name": "traffic-type", "Values": ["ALL", "ü"]}]});
    let pages = |operation: &str| call("ec2", operation, json!({"MaxResults": 5}), true);
    let own = json!({"OwnerIds": ["self"], "MaxResults": 5});
    let snapshots = call("ec2", "DescribeSnapshots", own, true);
    let found = ours(endpoint, &snapshots).await;
    let found = found["document"]["Snapshots"].as_array().context("a list of snapshots")?;
    ensure!(found.len() == 3, "a private one, one for an account, one for everyone: {found:?}");
    let ids = found.iter().filter_map(|snapshot| snapshot["SnapshotId"].as_str());
    let mut calls = vec![
        pages("DescribeFlowLogs"),
        call("ec2", "DescribeFlowLogs", filter, false),
        pages("DescribeInstances"),
        call("ec2", "DescribeInstances", json!({"InstanceIds": ["i-00000000"]}), false),
        pages("DescribeNetworkInterfaces"),
        permissions_call("snap-00000000"),
        pages("DescribeVolumes"),
        pages("DescribeVpcs"),
    ];
    calls.extend(ids.map(permissions_call));
    calls.push(snapshots);
    Ok(calls)
}

/// Every operation of both models; the flag says whether pages are joined.
fn calls() -> Vec<Value> {
    let odd = json!({"Filters": [{"Name": "group-name", "Values": ["ugly-one", "ü&="]}]});
    let some = json!({"Filter": ["User", "Role"]});
    let others = json!({"Filter": ["Group", "LocalManagedPolicy"]});
    let mut calls = vec![
        call("ec2", "DescribeRegions", json!({}), false),
        call("ec2", "DescribeSecurityGroups", json!({"MaxResults": 5}), true),
        call("ec2", "DescribeSecurityGroups", odd, false),
        call("iam", "GetAccountAuthorizationDetails", json!({}), true),
        call("iam", "GetAccountAuthorizationDetails", some, true),
        call("iam", "GetAccountAuthorizationDetails", others, true),
        call("iam", "GetAccountPasswordPolicy", json!({}), false),
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
    let mut calls = calls();
    calls.extend(account_calls());
    calls.extend(cloudtrail_calls());
    calls.extend(ec2_calls(&moto.endpoint()).await?);
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
    assert_eq!((documents, theirs.len() - documents), (56, 31));
    let text = Value::from(theirs).to_string();
    for ugly in [
        "Näme",
        r#"a<b>&\"c\""#,
        "d &amp; <x> ü",
        "lögs/&",
        "ü %20 + &amp; <x>",
        "Sëc & <Ürity>",
        "präfix/&",
    ] {
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
