//! `scorecard coverage`: what the stage and the collectors wrote is what is shown.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Result, ensure};
use schemas::{
    AccountKey, Codec, ScanUnit, UnitStatus,
    topic::{RESOURCE_STATE, SCAN_UNIT},
};
use serde_json::Value;
use stream::{Publisher, snapshot};

use crate::site::Site;

fn shown(site: &Site, more: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&site.run(&[&["coverage", "--output", "json"], more].concat())?)?)
}

fn unit(account: &str, scan: &str, status: UnitStatus) -> ScanUnit {
    let timed_out = status == UnitStatus::TimedOut;
    ScanUnit {
        scan: scan.into(),
        attempt: 1,
        account: account.into(),
        region: "*".into(),
        collectors: vec!["s3-buckets".into()],
        payer: "999999999999".into(),
        status,
        scopes: 4,
        resources: 9,
        calls: 17,
        failed: 2,
        error: timed_out.then(|| "TimedOut: after 600 s".into()),
        worker: if timed_out { "collector-2".into() } else { String::new() },
        ..ScanUnit::default()
    }
}

#[test]
fn coverage_is_that_of_tables_and_units() -> Result<()> {
    let site = Site::local(2)?;
    let text = site.run(&["coverage"])?;
    ensure!(text.contains("scorecard collect"), "an empty site says what to do: {text}");
    site.fill(3, 1)?;
    site.process()?;
    let found = shown(&site, &[])?;
    let accounts = found["accounts"].as_array().unwrap();
    ensure!(accounts.len() >= 3, "{found}");

    // The inventory's rows, counted one by one.
    let log = site.open()?;
    let rows = snapshot::table(&*log, &Codec::default(), &site.prefix, &RESOURCE_STATE)?;
    let mut counts: BTreeMap<(String, String), i64> = BTreeMap::new();
    for key in rows.into_keys() {
        *counts.entry((key.account, key.resource_type)).or_default() += 1;
    }
    let mut seen = BTreeMap::new();
    for account in accounts {
        for service in account["services"].as_array().unwrap() {
            let resources = service["resources"].as_i64().unwrap();
            let of = [&account["account"], &service["resource_type"]].map(|v| v.as_str().unwrap());
            ensure!(service["error"].is_null() == (service["scopes_failed"] == 0), "{service}");
            if resources > 0 {
                seen.insert((of[0].to_owned(), of[1].to_owned()), resources);
            }
        }
    }
    ensure!(counts.len() > 5, "there is something to count");
    assert_eq!(seen, counts);
    assert_eq!(found["totals"]["resources"], counts.values().sum::<i64>());

    // Two units of one account: the last one is shown.
    let id = accounts[0]["account"].as_str().unwrap().to_owned();
    let mut publisher = Publisher::open(&*log, &Codec::default(), &site.prefix, "producer aws")?;
    let at_ms = found["at_ms"].as_i64().unwrap();
    for (scan, status) in [("1", UnitStatus::Planned), ("1", UnitStatus::TimedOut)] {
        publisher.put(&SCAN_UNIT, &AccountKey::new(&*id), &unit(&id, scan, status), at_ms)?;
    }
    publisher.flush()?;
    drop((publisher, log));
    let one = shown(&site, &["--account", &id])?;
    let last = &one["accounts"][0]["unit"];
    assert_eq!((&last["status"], &last["calls"]), (&"timed_out".into(), &17.into()));
    let failed = shown(&site, &["--failed"])?;
    let ids: Vec<_> = failed["accounts"].as_array().unwrap().iter().collect();
    ensure!(ids.iter().any(|account| account["account"] == *id), "{failed}");
    let text = site.run(&["coverage", "--failed"])?;
    ensure!(text.contains("by collector-2 after 17 calls: TimedOut: after 600 s"), "{text}");
    let unknown = site.end_of(&["coverage", "--account", "000000000000"])?;
    ensure!(unknown.stderr.contains("nothing is known of an account"), "{}", unknown.stderr);
    Ok(())
}

/// A server that stands in for CloudFormation makes the role, and IAM tells what was made.
#[test]
fn the_printed_role_can_be_deployed() -> Result<()> {
    let site = Site::local(1)?;
    let trust = "arn:aws:iam::999988887777:role/scorecard";
    let role = ["--trust", trust, "--role", "team/Audit", "--external-id", "only-ours"];
    let print = |format| site.run_alone(&[&["aws-role", "--format", format], &role[..]].concat());
    let template = site.folder().join("role.json");
    fs::write(&template, print("cloudformation")?)?;
    let moto = kit::moto::Moto::start()?;
    let script = "tests/operations/deploy_role.py";
    for payer in ["false", "true"] {
        moto.reset()?;
        let arguments = [&*moto.endpoint(), path(&template), payer];
        let made: Value = serde_json::from_str(&kit::python(script, &arguments)?)?;
        let plain: Value = serde_json::from_str(&print("json")?)?;
        assert_eq!((&made["path"], &made["name"]), (&"/team/".into(), &"Audit".into()));
        assert_eq!(made["trust"], plain["trust"]);
        let actions = |list: &Value| -> Vec<String> {
            let policies = list.as_array().unwrap().iter();
            let each = policies.flat_map(|one| one["Statement"][0]["Action"].as_array().unwrap());
            let mut texts: Vec<_> = each.map(|text| text.as_str().unwrap().to_owned()).collect();
            texts.sort();
            texts
        };
        let mut expected = actions(&plain["policy"]["account"]);
        if payer == "true" {
            expected.extend(actions(&plain["policy"]["payer"]));
            expected.sort();
        }
        assert_eq!(actions(&made["policies"]), expected);
    }
    Ok(())
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}
