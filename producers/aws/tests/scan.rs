//! A scan of two organisations: scopes, documents, one refused account, the number of calls.

mod support;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use producer_aws::Summary;
use schemas::{AccountStatus, ObservationEvent};
use serde_json::{Value, json};
use support::world::{START_MS, Scanned, World, scopes_of};

const ORACLE: &str = "producers/aws/tests/oracle.py";

/// Names the first paths at which two documents differ.
fn differences(ours: &Value, theirs: &Value, path: &str, out: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let (a, b) = (ours.get(key), theirs.get(key));
                let (a, b) = (a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null));
                differences(a, b, &format!("{path}/{key}"), out);
            }
        }
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => out.push(format!("{path}: ours {ours}, theirs {theirs}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_sees_what_boto3_sees() -> Result<()> {
    let world = World::start()?;
    let denied = world.member().to_owned();
    world.denier.deny_account(&denied);
    let scanned = world.scan(&world.config(json!({}))?).await?;

    check_listings(&world, &scanned)?;
    check_scopes(&world, &scanned, &denied)?;
    check_calls(&world)?;

    let mut open = world.all();
    open.remove(denied.as_str());
    let endpoint = world.moto.endpoint();
    let arguments: Vec<_> = ["inventory", &endpoint].into_iter().chain(open).collect();
    let theirs: Value = serde_json::from_str(&kit::python(ORACLE, &arguments)?)?;
    let ours = scanned.inventory()?;
    let mut found = Vec::new();
    differences(&ours, &theirs, "", &mut found);
    ensure!(found.is_empty() && ours == theirs, "{}", found.join("\n"));

    // A second scan sees the same, at a later time and under a later id.
    let again = world.scan(&world.config(json!({}))?).await?;
    assert_eq!(again.inventory()?, ours);
    ensure!(again.summary.scan > scanned.summary.scan, "{}", again.summary.scan);
    Ok(())
}

fn check_listings(world: &World, scanned: &Scanned) -> Result<()> {
    let listed: BTreeSet<_> = scanned.sink.listings.iter().map(|l| l.account.as_str()).collect();
    assert_eq!(listed, world.all());
    assert_eq!(scanned.sink.listings.len(), 6);
    for listing in &scanned.sink.listings {
        let payers = world.accounts.iter();
        let mut payers = payers.filter(|(_, accounts)| accounts.contains(&listing.account));
        assert_eq!(payers.next().map(|(payer, _)| payer), Some(&listing.payer));
        assert_eq!((listing.status, listing.provider.as_str()), (AccountStatus::Active, "aws"));
    }
    let ugly = scanned.sink.listings.iter().filter(|listing| listing.name == "Ünit & <one>");
    assert_eq!(ugly.filter(|listing| listing.email == "a+b@example.com").count(), 2);
    Ok(())
}

fn check_scopes(world: &World, scanned: &Scanned, denied: &str) -> Result<()> {
    let scopes = scanned.scopes()?;
    let expected: BTreeSet<_> = world.all().into_iter().flat_map(scopes_of).collect();
    assert_eq!(scopes.keys().cloned().collect::<BTreeSet<_>>(), expected);
    for ((account, region, kind), end) in &scopes {
        match end {
            Ok(count) => ensure!(account != denied && *count > 0, "{account} {region} {kind}"),
            Err(error) => ensure!(
                account == denied && error.starts_with("AccessDenied: User is not authorized"),
                "{account} {region} {kind}: {error}"
            ),
        }
    }
    ensure!(scanned.resources().all(|resource| resource.account != denied));

    let Summary { accounts_listed, accounts_scanned, scopes_completed, .. } = scanned.summary;
    assert_eq!((accounts_listed, accounts_scanned, scopes_completed), (6, 6, 5 * 6));
    assert_eq!(scanned.summary.scopes_failed.len(), 6);
    assert_eq!(scanned.summary.resources, scanned.resources().count() as u64);
    assert_eq!(scanned.sink.flushed, 6 + scanned.sink.observations.len());
    let stamps = scanned.sink.observations.iter().map(|(_, at_ms)| *at_ms);
    ensure!(stamps.clone().is_sorted() && stamps.min() > Some(START_MS), "the clock's stamps");
    for (observation, at_ms) in &scanned.sink.observations {
        if let ObservationEvent::Observed { resource } = &observation.event {
            assert_eq!(resource.captured_ms, *at_ms);
        }
    }

    let done: Vec<_> = scanned.progress.iter().map(|step| step.accounts_done).collect();
    assert_eq!(done, [1, 2, 3, 4, 5, 6]);
    for step in &scanned.progress {
        let expected = if step.account == denied { 6 } else { 0 };
        assert_eq!((step.accounts_total, step.failures.len()), (6, expected), "{step:?}");
    }
    Ok(())
}

/// Each role is assumed once for its account, and once more for a payer's listing; no answer that
/// collectors share is asked for twice.
fn check_calls(world: &World) -> Result<()> {
    let denier = &world.denier;
    assert_eq!(denier.count("sts", "AssumeRole"), 2 + 6);
    assert_eq!(denier.count("organizations", "ListAccounts"), 2);
    assert_eq!(denier.count("iam", "GetAccountAuthorizationDetails"), 5);
    assert_eq!(denier.count("iam", "GetCredentialReport"), 5);
    assert_eq!(denier.count("iam", "ListAccessKeys"), 5 * 3);
    assert_eq!(denier.count("s3", "GET /"), 5);
    assert_eq!(denier.count("s3", "GET /bucket?policy"), 5 * 3);
    assert_eq!(denier.count("ec2", "DescribeSecurityGroups"), 5 * 2);
    assert_eq!(denier.count("ec2", "DescribeRegions"), 0, "the regions are configured");
    Ok(())
}
