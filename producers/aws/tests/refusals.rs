//! What a scan makes of refusals, of unknown regions, and of what can't work.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use producer_aws::collectors::{ALL, Coverage};
use producer_aws::{Config, Error, Scanner, Wanted};
use serde_json::{Value, json};
use support::world::{World, outlet};

#[test]
fn refusals_are_data() -> Result<()> {
    let world = World::start()?;
    let refused = [
        ("ec2", "DescribeSecurityGroups"),
        ("iam", "GetAccountAuthorizationDetails"),
        ("iam", "GetAccountSummary"),
        ("s3", "GET /bucket?policy"),
        ("s3", "GET /bucket?tagging"),
    ];
    for (service, operation) in refused {
        world.gateway.deny_operation(service, operation);
    }
    let scanned = world.scan(&world.config(json!({}))?)?;
    let scopes = scanned.scopes()?;
    for ((_, _, kind), end) in &scopes {
        let expected = match kind.as_str() {
            "AWS::EC2::SecurityGroup" => "UnauthorizedOperation: ",
            "AWS::IAM::Group" | "AWS::IAM::Policy" | "AWS::IAM::Role" | "AWS::IAM::User" => {
                "AccessDenied: "
            }
            _ => "",
        };
        match end {
            Ok(_) => ensure!(expected.is_empty(), "{kind} was completed"),
            Err(error) => {
                ensure!(!expected.is_empty() && error.starts_with(expected), "{kind}: {error}")
            }
        }
    }
    let asked = world.gateway.count("iam", "GetAccountAuthorizationDetails");
    assert_eq!(asked, 6, "users, groups, roles and policies share one refusal");
    for resource in scanned.resources() {
        let expected: &[&str] = match resource.resource_type.as_str() {
            "AWS::S3::Bucket" => &["Policy", "Tagging"],
            "AWS::Account::Settings" | "AWS::IAM::CredentialReport" => &["AccountSummary"],
            _ => &[],
        };
        // What moto does not know at all is another error, of another code.
        let errors = resource.errors.iter();
        let denied = errors.filter(|(_, error)| error.starts_with("AccessDenied: User"));
        assert_eq!(denied.map(|(name, _)| name).collect::<Vec<_>>(), expected);
        let supplementary: Value = serde_json::from_str(&resource.supplementary)?;
        ensure!(resource.errors.keys().all(|name| supplementary.get(name).is_none()), "absent");
    }

    for (service, operation) in refused {
        world.gateway.allow_operation(service, operation);
    }
    check_refused_payer(&world)
}

/// A payer that can't be listed takes nothing from the others.
fn check_refused_payer(world: &World) -> Result<()> {
    let (first, others) = world.accounts.iter().next().expect("there are payers");
    world.gateway.deny_account(first);
    let scanned = world.scan(&world.config(json!({}))?)?;
    let failed = &scanned.summary.payers_failed;
    assert_eq!(failed.iter().map(|f| &f.payer).collect::<Vec<_>>(), [first]);
    ensure!(failed[0].error.starts_with("AccessDenied: User is not"), "{failed:?}");
    assert_eq!(scanned.summary.accounts_listed, 3);
    ensure!(scanned.resources().all(|resource| !others.contains(&resource.account)));
    Ok(())
}

#[test]
fn regions_are_asked_for() -> Result<()> {
    let world = World::start()?;
    let config =
        world.config(json!({"regions": [], "concurrency": {"accounts": 2, "calls": 4}}))?;
    let scanned = world.scan(&config)?;
    let scopes = scanned.scopes()?;
    assert_eq!(scanned.summary.problems(), Vec::<String>::new());
    let regions: BTreeSet<_> = scopes.keys().map(|(_, region, _)| region.as_str()).collect();
    ensure!(regions.len() > 15 && regions.contains("eu-west-1"), "{regions:?}");
    ensure!(!regions.contains("ap-east-1"), "moto has it as not opted in");
    assert_eq!(world.gateway.count("ec2", "DescribeRegions"), 6);

    // Where the regions can't be learned, the home region stands for them.
    world.gateway.deny_operation("ec2", "DescribeRegions");
    let scanned = world.scan(&config)?;
    for ((account, region, kind), end) in scanned.scopes()? {
        let is_regional = ALL.iter().any(|collector| {
            collector.resource_type == kind && collector.coverage == Coverage::Regional
        });
        ensure!(is_regional == end.is_err(), "{account} {region} {kind}: {end:?}");
        if let Err(error) = end {
            ensure!(error.starts_with("UnauthorizedOperation: "), "{error}");
            assert_eq!(region, "us-east-1");
        }
    }
    Ok(())
}

#[test]
fn what_can_not_work_is_refused_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let outlet = outlet(folder.path())?;
    let config: Config = serde_json::from_value(json!({"role": "r", "payers": []}))?;
    let opened = Scanner::open(outlet, &config, "t", Some(support::credentials()), Arc::new(|| 0));
    ensure!(matches!(opened, Err(Error::Config(_))), "no payer was taken");

    let world = World::start()?;
    let wanted = |accounts: &[&str], services: &[&str]| {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Wanted { accounts: set(accounts), services: set(services) }
    };
    let refusal = |wanted: &Wanted| {
        let folder = tempfile::tempdir()?;
        match world.scan_into(folder.path(), &world.config(json!({}))?, wanted) {
            Ok(_) => bail!("{wanted:?} was taken"),
            Err(error) => Ok(error.to_string()),
        }
    };
    let error = refusal(&wanted(&[], &["ec3"]))?;
    ensure!(error.starts_with("no collector is for \"ec3\"; there are: "), "{error}");
    assert_eq!(refusal(&wanted(&["123"], &[]))?, "no payer lists account 123");
    Ok(())
}
