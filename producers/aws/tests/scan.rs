//! A scan of two organisations: scopes, documents, one refused account, the number of calls.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use kit::gateway::Gateway;
use producer_aws::Summary;
use schemas::{
    AccountStatus, FindingStatus, FindingSubject, ObservationEvent, ReportEvent, Resource,
    UnitStatus,
};
use serde_json::{Value, json};
use support::world::{PLAN, START_MS, Scanned, World, scopes_of};

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

#[test]
fn a_scan_sees_what_boto3_sees() -> Result<()> {
    let world = World::start()?;
    let denied = world.member().to_owned();
    world.gateway.deny_account(&denied);
    let scanned = world.scan(&world.config(json!({}))?)?;

    check_listings(&world, &scanned)?;
    check_scopes(&world, &scanned, &denied)?;
    check_calls(&world)?;
    check_reports(&scanned);

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
    let again = world.scan(&world.config(json!({}))?)?;
    assert_eq!(again.inventory()?, ours);
    ensure!(again.summary.scan > scanned.summary.scan, "{}", again.summary.scan);
    Ok(())
}

fn check_listings(world: &World, scanned: &Scanned) -> Result<()> {
    let listed: BTreeSet<_> = scanned.listings.iter().map(|l| l.account.as_str()).collect();
    assert_eq!(listed, world.all());
    assert_eq!(scanned.listings.len(), 6);
    for listing in &scanned.listings {
        let payers = world.accounts.iter();
        let mut payers = payers.filter(|(_, accounts)| accounts.contains(&listing.account));
        assert_eq!(payers.next().map(|(payer, _)| payer), Some(&listing.payer));
        assert_eq!((listing.status, listing.provider.as_str()), (AccountStatus::Active, "aws"));
    }
    let ugly = scanned.listings.iter().filter(|listing| listing.name == "Ünit & <one>");
    assert_eq!(ugly.filter(|listing| listing.email == "a+b@example.com").count(), 2);
    Ok(())
}

fn check_scopes(world: &World, scanned: &Scanned, denied: &str) -> Result<()> {
    let scopes = scanned.scopes()?;
    let expected: BTreeSet<_> = world.all().into_iter().flat_map(scopes_of).collect();
    assert_eq!(scopes.keys().cloned().collect::<BTreeSet<_>>(), expected);
    let mut found: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for ((account, region, kind), end) in &scopes {
        match end {
            Ok(count) => {
                ensure!(account != denied, "{account} {region} {kind}");
                *found.entry((account, kind)).or_default() += count;
            }
            Err(error) => ensure!(
                account == denied && error.starts_with("AccessDenied: User is not authorized"),
                "{account} {region} {kind}: {error}"
            ),
        }
    }
    // Each type is somewhere in each account; some have one region without any.
    ensure!(found.values().all(|count| *count > 0), "{found:?}");
    ensure!(scanned.resources().all(|resource| resource.account != denied));

    let Summary { accounts_listed, planned, .. } = scanned.summary;
    assert_eq!((accounts_listed, planned, scanned.summary.accounts_ended()), (6, 6, 6));
    assert_eq!(scanned.summary.scopes(), scopes.len() as i64);
    assert_eq!(scanned.summary.failed(), scopes_of(denied).len() as i64);
    assert_eq!(scanned.summary.resources(), scanned.resources().count() as i64);
    let stamps = scanned.observations.iter().map(|(_, at_ms)| *at_ms);
    ensure!(stamps.clone().is_sorted() && stamps.min() > Some(START_MS), "the clock's stamps");
    for (observation, at_ms) in &scanned.observations {
        if let ObservationEvent::Observed { resource } = &observation.event {
            assert_eq!(resource.captured_ms, *at_ms);
        }
    }
    check_units(world, scanned, denied)
}

/// Each account was planned once, and ended once as what was seen in it says.
fn check_units(world: &World, scanned: &Scanned, denied: &str) -> Result<()> {
    let (planned, ended): (Vec<_>, Vec<_>) =
        scanned.units.iter().partition(|unit| unit.status == UnitStatus::Planned);
    for units in [&planned, &ended] {
        let accounts: Vec<_> = units.iter().map(|unit| unit.account.as_str()).collect();
        assert_eq!(accounts.len(), 6);
        assert_eq!(accounts.into_iter().collect::<BTreeSet<_>>(), world.all());
    }
    for unit in ended {
        let of_unit = |resource: &&Resource| resource.account == unit.account;
        assert_eq!(unit.resources, scanned.resources().filter(of_unit).count() as i64);
        assert_eq!((unit.scan.as_str(), unit.worker.as_str()), (&*scanned.summary.scan, "tests"));
        let is_denied = unit.account == denied;
        let (status, failed) = match is_denied {
            true => (UnitStatus::Failed, unit.scopes),
            false => (UnitStatus::Completed, 0),
        };
        assert_eq!((unit.status, unit.failed, unit.calls == 0), (status, failed, is_denied));
        let error = unit.error.as_deref().unwrap_or_default();
        ensure!(error.starts_with("AccessDenied: User is not") == is_denied, "{unit:?}");
    }
    let last = scanned.progress.last().expect("the end is told");
    assert_eq!((last.units_done, last.units_total, last.units_here), (6, 6, 0));
    assert_eq!(last.resources, scanned.summary.resources());
    Ok(())
}

/// The one account with a plan has a whole report of Trusted Advisor, the others have none.
///
/// Of three checks in a row moto passes the first; the second warns and the third fails, each with
/// one resource of seven, which is a row beside the sum. So of 104 checks 35 pass and tell one row,
/// 35 warn and 34 fail with two.
fn check_reports(scanned: &Scanned) {
    let mut rows: BTreeMap<(FindingSubject, FindingStatus), usize> = BTreeMap::new();
    let (mut ends, mut failing, mut total) = (Vec::new(), 0, 0);
    for report in &scanned.reports {
        assert_eq!((&*report.source, &*report.account), ("trustedadvisor", PLAN));
        // 1,780,000,000 seconds since 1970.
        assert!(report.report.starts_with("2026-05-28T20:26:40."), "{}", report.report);
        match &report.event {
            ReportEvent::Found { finding } => {
                *rows.entry((finding.subject, finding.status)).or_default() += 1;
                failing += finding.totals.map_or(0, |totals| totals.failing);
                total += finding.totals.map_or(0, |totals| totals.total);
            }
            ReportEvent::Completed { count, complete } => ends.push((*count, *complete)),
            ReportEvent::Started {} => {}
            other => panic!("{other:?}"),
        }
    }
    use {FindingStatus as S, FindingSubject as F};
    let about = |row: F| row == F::Resource || row == F::Account;
    let count = |summary: bool, status: S| -> usize {
        let mine = |(of, as_status): &(F, S)| about(*of) != summary && *as_status == status;
        rows.iter().filter(|(key, _)| mine(key)).map(|(_, count)| count).sum()
    };
    assert_eq!([S::Pass, S::Warn, S::Fail].map(|status| count(false, status)), [35, 35, 34]);
    assert_eq!([S::Pass, S::Warn, S::Fail].map(|status| count(true, status)), [0, 35, 34]);
    assert_eq!((failing, total), (35 + 34, 104 * 7));
    assert_eq!(ends, [(35 + 2 * (35 + 34), true)]);
}

/// Each role is assumed once for its account, and once more for a payer's listing; no answer that
/// collectors share is asked for twice.
fn check_calls(world: &World) -> Result<()> {
    let gateway = &world.gateway;
    assert_eq!(gateway.count("sts", "AssumeRole"), 2 + 6);
    assert_eq!(gateway.count("organizations", "ListAccounts"), 2);
    assert_eq!(gateway.count("iam", "GetAccountAuthorizationDetails"), 5);
    assert_eq!(gateway.count("iam", "GetCredentialReport"), 5);
    assert_eq!(gateway.count("iam", "ListAccessKeys"), 5 * 3);
    assert_eq!(gateway.count("s3", "GET /"), 5);
    // Three buckets, and one that the trails write to.
    assert_eq!(gateway.count("s3", "GET /bucket?policy"), 5 * 4);
    // The credential report and the account's settings share it.
    assert_eq!(gateway.count("iam", "GetAccountSummary"), 5);
    // One trail in each region; that of all regions is seen in its home alone.
    assert_eq!(gateway.count("cloudtrail", "DescribeTrails"), 5 * 2);
    assert_eq!(gateway.count("cloudtrail", "GetTrailStatus"), 5 * 2);
    // Once a region for two VPCs; once for each of three snapshots.
    assert_eq!(gateway.count("ec2", "DescribeFlowLogs"), 5 * 2);
    assert_eq!(gateway.count("ec2", "DescribeSnapshotAttribute"), 5 * 2 * 3);
    assert_eq!(gateway.count("ec2", "DescribeSecurityGroups"), 5 * 2);
    assert_eq!(gateway.count("ec2", "DescribeRegions"), 0, "the regions are configured");
    check_calls_of_containers(gateway);
    check_calls_of_the_rest(gateway);
    Ok(())
}

fn check_calls_of_containers(gateway: &Gateway) {
    // Two repositories in one region; the other costs the listing alone.
    assert_eq!(gateway.count("ecr", "DescribeRepositories"), 5 * 2);
    assert_eq!(gateway.count("ecr", "GetRegistryScanningConfiguration"), 5);
    assert_eq!(gateway.count("ecr", "GetRepositoryPolicy"), 5 * 2);
    assert_eq!(gateway.count("ecr", "ListTagsForResource"), 5 * 2);
    // Once a region, though four collectors ask; two clusters in each.
    assert_eq!(gateway.count("ecs", "ListClusters"), 5 * 2);
    assert_eq!(gateway.count("ecs", "DescribeClusters"), 5 * 2);
    assert_eq!(gateway.count("ecs", "ListServices"), 5 * 2 * 2);
    assert_eq!(gateway.count("ecs", "ListTasks"), 5 * 2 * 2);
    // Eleven services take two calls, and one in each of three other clusters takes one; all
    // three tasks are in one cluster.
    assert_eq!(gateway.count("ecs", "DescribeServices"), 5 * (2 + 3));
    assert_eq!(gateway.count("ecs", "DescribeTasks"), 5);
    assert_eq!(gateway.count("ecs", "ListTaskDefinitions"), 5 * 2);
    // Four of web, of which the newest is not in use, and one each of three other families.
    assert_eq!(gateway.count("ecs", "DescribeTaskDefinition"), 5 * (4 + 3));
}

fn check_calls_of_the_rest(gateway: &Gateway) {
    assert_eq!(gateway.count("secretsmanager", "ListSecrets"), 5 * 2);
    // Of six secrets one waits for its deletion.
    assert_eq!(gateway.count("secretsmanager", "GetResourcePolicy"), 5 * 5);
    assert_eq!(gateway.count("route53domains", "ListDomains"), 5);
    assert_eq!(gateway.count("route53domains", "GetDomainDetail"), 5 * 2);
    assert_eq!(gateway.count("route53domains", "ListTagsForDomain"), 5 * 2);
    assert_eq!(gateway.count("support", "DescribeTrustedAdvisorChecks"), 5);
    // Moto's list has 104 checks, and one account's plan has them.
    assert_eq!(gateway.count("support", "DescribeTrustedAdvisorCheckResult"), 104);
}
