//! The main job on real input: AWS accounts in, scorecards out, on the local log and on Kafka.
//!
//! moto is filled by `tests/fixtures/organisation/fill.py`; registers and reports lie beside it.
//! What must come out is computed by `model.py`, which shares no code with the program.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod against;
#[path = "../workbooks/cells.rs"]
mod cells;
mod compare;
mod killed;
mod model;
mod past;
mod roles;
mod site;
mod tables;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use compare::expect_same;
use kit::organisation::Organisation;
use model::{expect_model, first_seen_of, oldest_of, since_of};
use serde_json::Value;
use site::{Run, Site};
use tables::Tables;

/// The account whose audit role is refused.
const DENIED: &str = "sandbox";

/// The bucket that is deleted: it fails two requirements.
const DELETED: (&str, &str) = ("payments", "payments-open");

#[test]
fn figures_are_the_models_on_both_logs() -> Result<()> {
    let mut world = Organisation::start()?;
    let denied = world.id(DENIED);
    world.gateway.deny_account(&denied);
    let local = Site::local(&world)?;
    let kafka = Site::kafka(&world)?;
    // One log is younger than a week, the other one has weeks to compare with.
    past::remember(&world, &kafka)?;

    let first = both(&local, &kafka, |site| first_run(&world, site))?;
    expect_same("local and kafka, first run", &first[0].normal(), &first[1].normal())?;
    let again = both(&local, &kafka, |site| second_run(&world, site))?;
    for (name, tables) in [("local", &again[0]), ("kafka", &again[1])] {
        expect_same(&format!("both runs on {name}"), &first[0].normal(), &tables.normal())?;
    }

    world.delete_bucket(DELETED.0, DELETED.1)?;
    let after = both(&local, &kafka, |site| run_after_deletion(&world, site))?;
    expect_same("local and kafka, bucket deleted", &after[0].normal(), &after[1].normal())?;

    let held = both(&local, &kafka, |site| collect_then_deny(&world, site))?;
    expect_same("local and kafka, denied later", &held[0].normal(), &held[1].normal())?;
    // All of it came live, run after run; the events alone make the same bytes.
    both(&local, &kafka, Site::replay)?;
    Ok(())
}

/// Does one after the other: two programs at a time would only fight for the processor.
fn both<T>(local: &Site, kafka: &Site, work: impl Fn(&Site) -> Result<T>) -> Result<[T; 2]> {
    let on = |site: &Site| work(site).with_context(|| format!("on {}", site.name));
    Ok([on(local)?, on(kafka)?])
}

fn first_run(world: &Organisation, site: &Site) -> Result<Tables> {
    let run = site.run()?;
    let tables = site.tables()?;
    check_times(&run, &tables)?;
    let denied = world.id(DENIED);
    expect_model("first run", world, site, &tables, &run, &[&denied], &[])?;
    let line = run.account(&denied)?;
    ensure!(line["status"] == "not_collected" && line["score"].is_null(), "{DENIED}: {line}");
    let problem = format!("account {denied}: not collected: AccessDenied: ");
    ensure!(
        run.problems().iter().any(|text| text.starts_with(&problem)),
        "no problem begins with {problem:?}: {:?}",
        run.problems()
    );
    check_created_once(&tables)?;
    Ok(tables)
}

fn second_run(world: &Organisation, site: &Site) -> Result<Tables> {
    let before = site.tables()?;
    let run = site.run()?;
    let tables = site.tables()?;
    expect_same("resource.change", &before.resource_changes, &tables.resource_changes)?;
    expect_same("compliance.change", &before.compliance_changes, &tables.compliance_changes)?;
    expect_same("since", &since_of(&before), &since_of(&tables))?;
    // What was collected again is newer; a report that is the same is not.
    for (account, kinds) in oldest_of(&tables) {
        for (kind, oldest_ms) in kinds {
            let is_new = run.time_ms.contains(&oldest_ms);
            let is_report = kind.starts_with("report/");
            ensure!(
                is_new != is_report,
                "{account} {kind}: collected {oldest_ms}, run {:?}",
                run.time_ms
            );
        }
    }
    let denied = world.id(DENIED);
    expect_model("second run", world, site, &tables, &run, &[&denied], &[])?;
    Ok(tables)
}

fn run_after_deletion(world: &Organisation, site: &Site) -> Result<Tables> {
    let before = site.tables()?;
    let run = site.run()?;
    let tables = site.tables()?;
    let new = tables.resource_changes_since(&before);
    let key = format!("{}/us-east-1/AWS::S3::Bucket/{}", world.id(DELETED.0), DELETED.1);
    ensure!(new == [(key.clone(), "deleted".to_owned())], "{key} deleted alone, not {new:?}");
    let gone: Vec<String> = ["s3-encryption", "s3-public-access"]
        .map(|requirement| {
            format!("{requirement}/{}/us-east-1/{}/", world.id(DELETED.0), DELETED.1)
        })
        .to_vec();
    let changes = tables.compliance_changes_since(&before);
    let keys: Vec<String> = changes.iter().map(|(key, _)| key.clone()).collect();
    ensure!(keys == gone, "rows that go: {gone:?}, changes: {changes:?}");
    ensure!(changes.iter().all(|(_, change)| change["after"].is_null()), "{changes:?}");
    let denied = world.id(DENIED);
    expect_model("bucket deleted", world, site, &tables, &run, &[&denied], &[])?;
    Ok(tables)
}

/// An account that was collected once keeps its rows, held and marked, when its role is refused.
fn collect_then_deny(world: &Organisation, site: &Site) -> Result<Tables> {
    let denied = world.id(DENIED);
    world.gateway.allow_account(&denied);
    let run = site.run()?;
    let collected = site.tables()?;
    expect_model("allowed", world, site, &collected, &run, &[], &[])?;

    world.gateway.deny_account(&denied);
    let run = site.run()?;
    let tables = site.tables()?;
    expect_same("resource.change", &collected.resource_changes, &tables.resource_changes)?;
    expect_same("compliance.change", &collected.compliance_changes, &tables.compliance_changes)?;
    let oldest = |tables: &Tables| oldest_of(tables).remove(&denied).unwrap_or_default();
    expect_same("data of the denied account", &oldest(&collected), &oldest(&tables))?;
    expect_model("denied later", world, site, &tables, &run, &[], &[&denied])?;
    Ok(tables)
}

#[test]
fn each_run_leaves_the_bucket_as_the_inventory_is() -> Result<()> {
    let mut world = Organisation::start()?;
    let site = Site::local(&world)?;
    site.run()?;
    bucket_is_the_inventory(&world, &site)?;
    world.delete_bucket(DELETED.0, DELETED.1)?;
    site.run()?;
    bucket_is_the_inventory(&world, &site)
}

/// Each round of `run` left the bucket as the inventory is, and the workbooks beside it.
fn bucket_is_the_inventory(world: &Organisation, site: &Site) -> Result<()> {
    let objects = site.bucket(world)?;
    let mut found = BTreeMap::new();
    for (_, object) in objects.iter().filter(|(key, _)| key.starts_with("Resources/")) {
        let document: Value = serde_json::from_str(object["body"].as_str().unwrap())?;
        let parts = ["awsAccountId", "awsRegion", "resourceType", "resourceId"];
        let parts = parts.map(|name| document[name].as_str().unwrap());
        found.insert(parts.join("/"), document["configuration"].clone());
    }
    let mut expected = BTreeMap::new();
    for (key, row) in &site.tables()?.all["resource.state"] {
        let configuration = row["resource"]["configuration"].as_str().unwrap();
        expected.insert(key.clone(), serde_json::from_str(configuration)?);
    }
    expect_same("the bucket", &expected, &found)?;
    let files = std::fs::read_dir(site.folder().join("workbooks"))?.count();
    let books = objects.keys().filter(|key| key.starts_with("workbooks/")).count();
    ensure!(books == files && files > 0, "{books} of {files} workbooks");
    Ok(())
}

/// What a run wrote lies within its own time.
fn check_times(run: &Run, tables: &Tables) -> Result<()> {
    let within = |ms: i64| run.time_ms.contains(&ms);
    for (key, since_ms) in since_of(tables) {
        ensure!(within(since_ms), "{key} stands since {since_ms}, outside {:?}", run.time_ms);
    }
    for (key, seen_ms) in first_seen_of(tables)? {
        ensure!(within(seen_ms), "{key} is trusted since {seen_ms}, outside {:?}", run.time_ms);
    }
    for (account, kinds) in oldest_of(tables) {
        for (kind, oldest_ms) in kinds {
            ensure!(within(oldest_ms), "{account} {kind}: {oldest_ms}, outside {:?}", run.time_ms);
        }
    }
    for (key, row) in &tables.all["resource.state"] {
        for name in ["first_seen_ms", "resource.captured_ms"] {
            let at_ms = name.split('.').fold(row, |value, part| &value[part]).as_i64();
            ensure!(
                at_ms.is_some_and(within),
                "{key}: {name} is {at_ms:?}, outside {:?}",
                run.time_ms
            );
        }
    }
    Ok(())
}

/// Each resource that is there was created once, and nothing else happened.
pub(crate) fn check_created_once(tables: &Tables) -> Result<()> {
    let created = tables.resource_changes.values().cloned();
    let created: BTreeMap<String, String> = created.collect();
    let there = tables.all["resource.state"].keys().map(|key| (key.clone(), "created".to_owned()));
    expect_same("resource.change of new resources", &there.collect(), &created)?;
    ensure!(
        created.len() == tables.resource_changes.len(),
        "a resource changed twice: {:?}",
        tables.resource_changes
    );
    Ok(())
}
