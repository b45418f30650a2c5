//! Every operation in the models gives the document that boto3 gives of the same moto server.

mod support;

use anyhow::{Context, Result, ensure};
use kit::moto::{Moto, Options};
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

/// The calls of EC2's groups, IAM and S3; the flag says whether pages are joined.
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

fn ecr_calls() -> Vec<Value> {
    let arn = |name: &str| format!("arn:aws:ecr:us-east-1:123456789012:repository/{name}");
    let names = ["full_one/a.b-c", "plain/er", "no-such-repository"];
    let mut calls = vec![
        call("ecr", "DescribeRepositories", json!({"maxResults": 1}), true),
        call("ecr", "DescribeRepositories", json!({"repositoryNames": [names[2]]}), false),
        call("ecr", "GetRegistryScanningConfiguration", json!({}), false),
    ];
    for name in names {
        calls.push(call("ecr", "GetRepositoryPolicy", json!({"repositoryName": name}), false));
        let tags = json!({"resourceArn": arn(name)});
        calls.push(call("ecr", "ListTagsForResource", tags, false));
    }
    calls
}

/// ECS's calls; the tasks' ids are known to the server alone.
async fn ecs_calls(endpoint: &str) -> Vec<Value> {
    let all = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "TAGS"];
    let clusters = json!({"clusters": ["full-one", "other_one", "none"], "include": all});
    let services = json!({"cluster": "full-one", "services": ["s0", "none"], "include": ["TAGS"]});
    let active = json!({"status": "ACTIVE"});
    let mut calls = vec![
        call("ecs", "ListClusters", json!({"maxResults": 1}), true),
        call("ecs", "DescribeClusters", clusters, false),
        call("ecs", "DescribeServices", services, false),
        call("ecs", "DescribeServices", json!({"cluster": "none", "services": ["s0"]}), false),
        call("ecs", "DescribeTasks", json!({"cluster": "none", "tasks": ["t"]}), false),
        call("ecs", "ListTaskDefinitions", active, true),
        call("ecs", "ListTaskDefinitions", json!({"status": "INACTIVE"}), true),
    ];
    for cluster in ["full-one", "other_one", "none"] {
        calls.push(call("ecs", "ListServices", json!({"cluster": cluster}), true));
        let tasks = call("ecs", "ListTasks", json!({"cluster": cluster}), true);
        let found = ours(endpoint, &tasks).await["document"]["taskArns"].clone();
        calls.push(tasks);
        if found.as_array().is_some_and(|arns| !arns.is_empty()) {
            let parameters = json!({"cluster": cluster, "tasks": found, "include": ["TAGS"]});
            calls.push(call("ecs", "DescribeTasks", parameters, false));
        }
    }
    for name in ["web:1", "web", "gone:1", "none"] {
        let parameters = json!({"taskDefinition": name, "include": ["TAGS"]});
        calls.push(call("ecs", "DescribeTaskDefinition", parameters, false));
    }
    calls
}

/// Route 53's calls; the zones' ids are known to the server alone.
async fn route53_calls(endpoint: &str) -> Vec<Value> {
    let zones = call("route53", "ListHostedZones", json!({"MaxItems": "1"}), true);
    let found = ours(endpoint, &zones).await;
    let found = found["document"]["HostedZones"].as_array().cloned().unwrap_or_default();
    let paths = found.iter().filter_map(|zone| zone["Id"].as_str()).chain(["/hostedzone/NONE"]);
    let mut calls = vec![zones.clone()];
    for id in paths.filter_map(|path| path.rsplit('/').next()) {
        let records = json!({"HostedZoneId": id, "MaxItems": "2"});
        let tags = json!({"ResourceType": "hostedzone", "ResourceId": id});
        calls.push(call("route53", "GetHostedZone", json!({"Id": id}), false));
        calls.push(call("route53", "ListResourceRecordSets", records, true));
        calls.push(call("route53", "ListTagsForResource", tags, false));
    }
    for domain in ["a-one.com", "b-one.org", "none.com"] {
        let parameters = json!({"DomainName": domain});
        calls.push(call("route53domains", "GetDomainDetail", parameters.clone(), false));
        calls.push(call("route53domains", "ListTagsForDomain", parameters, false));
    }
    calls.push(call("route53domains", "ListDomains", json!({}), true));
    calls
}

fn secrets_calls() -> Vec<Value> {
    let policy = |secret: &&str| {
        call("secretsmanager", "GetResourcePolicy", json!({"SecretId": secret}), false)
    };
    let mut calls = vec![call("secretsmanager", "ListSecrets", json!({"MaxResults": 2}), true)];
    calls.extend(["s/0", "s/1", "none"].iter().map(policy));
    calls
}

fn opensearch_calls() -> Vec<Value> {
    let names = json!({"DomainNames": ["domain", "d0-one", "old"]});
    let mut calls = vec![
        call("opensearch", "ListDomainNames", json!({}), false),
        call("opensearch", "ListDomainNames", json!({"EngineType": "Elasticsearch"}), false),
        call("opensearch", "DescribeDomains", names, false),
    ];
    for name in ["domain", "d0-one", "old"] {
        let arn = format!("arn:aws:es:us-east-1:123456789012:domain/{name}");
        calls.push(call("opensearch", "ListTags", json!({"ARN": arn}), false));
    }
    calls
}

/// The kit gives moto its results; the first of three checks is ok, the second and third are not.
fn support_calls() -> Vec<Value> {
    let result = |check: &&str| {
        let parameters = json!({"checkId": check, "language": "en"});
        call("support", "DescribeTrustedAdvisorCheckResult", parameters, false)
    };
    let english = json!({"language": "en"});
    let mut calls = vec![call("support", "DescribeTrustedAdvisorChecks", english, false)];
    calls.extend(["Qch7DwouX1", "hjLMh88uM8", "none"].iter().map(result));
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
    let moto = Moto::start_with(&Options::default().support_plan("123456789012"))?;
    kit::python(FILL, &["account", &moto.endpoint()])?;
    let mut calls = calls();
    calls.extend(account_calls());
    calls.extend(cloudtrail_calls());
    calls.extend(ec2_calls(&moto.endpoint()).await?);
    calls.extend(ecr_calls());
    calls.extend(ecs_calls(&moto.endpoint()).await);
    calls.extend(route53_calls(&moto.endpoint()).await);
    calls.extend(secrets_calls());
    calls.extend(opensearch_calls());
    calls.extend(support_calls());
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
    assert_eq!((documents, theirs.len() - documents), (102, 46));
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
