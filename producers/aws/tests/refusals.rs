//! What a scan makes of refusals, of unknown regions, and of a sink that is full.

mod support;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use producer_aws::{Config, Error, scan_as};
use serde_json::{Value, json};
use support::world::{Memory, START_MS, World};

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_data() -> Result<()> {
    let world = World::start()?;
    let refused = [
        ("ec2", "DescribeSecurityGroups"),
        ("iam", "GetAccountAuthorizationDetails"),
        ("iam", "GetAccountSummary"),
        ("s3", "GET /bucket?policy"),
        ("s3", "GET /bucket?tagging"),
    ];
    for (service, operation) in refused {
        world.denier.deny_operation(service, operation);
    }
    let scanned = world.scan(&world.config(json!({}))?).await?;
    let scopes = scanned.scopes()?;
    for ((_, _, kind), end) in &scopes {
        let expected = match kind.as_str() {
            "AWS::EC2::SecurityGroup" => "UnauthorizedOperation: ",
            "AWS::IAM::Role" | "AWS::IAM::User" => "AccessDenied: ",
            _ => "",
        };
        match end {
            Ok(_) => ensure!(expected.is_empty(), "{kind} was completed"),
            Err(error) => {
                ensure!(!expected.is_empty() && error.starts_with(expected), "{kind}: {error}")
            }
        }
    }
    let asked = world.denier.count("iam", "GetAccountAuthorizationDetails");
    assert_eq!(asked, 6, "users and roles share one refusal");
    for resource in scanned.resources() {
        let expected: &[&str] = match resource.resource_type.as_str() {
            "AWS::S3::Bucket" => &["Policy", "Tagging"],
            _ => &["AccountSummary"],
        };
        assert_eq!(resource.errors.keys().collect::<Vec<_>>(), expected);
        ensure!(resource.errors.values().all(|error| error.starts_with("AccessDenied: User")));
        let supplementary: Value = serde_json::from_str(&resource.supplementary)?;
        ensure!(expected.iter().all(|name| supplementary.get(name).is_none()), "absent");
    }

    for (service, operation) in refused {
        world.denier.allow_operation(service, operation);
    }
    check_refused_payer(&world).await
}

/// A payer that can't be listed takes nothing from the others.
async fn check_refused_payer(world: &World) -> Result<()> {
    let (first, others) = world.accounts.iter().next().expect("there are payers");
    world.denier.deny_account(first);
    let scanned = world.scan(&world.config(json!({}))?).await?;
    let failed = &scanned.summary.payers_failed;
    assert_eq!(failed.iter().map(|f| &f.payer).collect::<Vec<_>>(), [first]);
    ensure!(failed[0].error.starts_with("AccessDenied: User is not"), "{failed:?}");
    assert_eq!(scanned.summary.accounts_listed, 3);
    ensure!(scanned.resources().all(|resource| !others.contains(&resource.account)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_are_asked_for_and_a_full_sink_ends_the_scan() -> Result<()> {
    let world = World::start()?;
    let config =
        world.config(json!({"regions": [], "concurrency": {"accounts": 2, "calls": 4}}))?;
    let scanned = world.scan(&config).await?;
    let scopes = scanned.scopes()?;
    ensure!(scanned.summary.scopes_failed.is_empty(), "{:?}", scanned.summary.scopes_failed);
    let regions: BTreeSet<_> = scopes.keys().map(|(_, region, _)| region.as_str()).collect();
    ensure!(regions.len() > 15 && regions.contains("eu-west-1"), "{regions:?}");
    ensure!(!regions.contains("ap-east-1"), "moto has it as not opted in");
    assert_eq!(world.denier.count("ec2", "DescribeRegions"), 6);

    // Where the regions can't be learned, the home region stands for them.
    world.denier.deny_operation("ec2", "DescribeRegions");
    let scanned = world.scan(&config).await?;
    let failed = scanned.summary.scopes_failed;
    assert_eq!(failed.len(), 6);
    for failure in &failed {
        assert_eq!(failure.resource_type, "AWS::EC2::SecurityGroup");
        assert_eq!(failure.region, "us-east-1");
        ensure!(failure.error.starts_with("UnauthorizedOperation: "), "{failure:?}");
    }

    let mut full = Memory { listings: vec![], observations: vec![], flushed: 0, limit: 7 };
    let result = scan_as(support::credentials(), &config, &mut full, || START_MS, &|_| {}).await;
    let error = result.expect_err("the sink refuses the eighth observation");
    ensure!(matches!(&error, Error::Sink { what: "an observation", .. }), "{error:?}");
    assert_eq!(full.observations.len(), 7);
    Ok(())
}

#[tokio::test]
async fn a_config_that_can_not_work_is_refused_at_once() -> Result<()> {
    let config: Config = serde_json::from_value(json!({"role": "r", "payers": []}))?;
    let mut sink = Memory { listings: vec![], observations: vec![], flushed: 0, limit: 0 };
    let result = scan_as(support::credentials(), &config, &mut sink, || 0, &|_| {}).await;
    ensure!(matches!(result, Err(Error::Config(_))), "{result:?}");
    Ok(())
}
