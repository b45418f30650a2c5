//! `scorecard exceptions`: what the register wrote and the stage credited is what is shown.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use schemas::{
    Codec, Credit,
    topic::{COMPLIANCE_STATE, EXCEPTION},
};
use serde_json::Value;
use stream::snapshot;

use crate::site::Site;

/// Gives the exceptions that are shown, by their ids.
fn shown(site: &Site, more: &[&str]) -> Result<BTreeMap<String, Value>> {
    let text = site.run(&[&["exceptions", "--output", "json"], more].concat())?;
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let one: Value = serde_json::from_str(line)?;
        all.insert(one["id"].as_str().unwrap().to_owned(), one);
    }
    Ok(all)
}

#[test]
fn exceptions_are_those_of_the_register_with_what_they_credit() -> Result<()> {
    let site = Site::local(2)?;
    let text = site.run(&["exceptions"])?;
    ensure!(text.starts_with("there are no exceptions"), "{text}");
    site.fill(20, 2)?;
    site.process()?;
    let found = shown(&site, &[])?;

    let (log, codec) = (site.open()?, Codec::default());
    let register = snapshot::table(&*log, &codec, &site.prefix, &EXCEPTION)?;
    let rows = snapshot::table(&*log, &codec, &site.prefix, &COMPLIANCE_STATE)?;
    drop(log);
    let ids: Vec<_> = register.keys().map(|key| &key.exception).collect();
    ensure!(ids.len() > 5, "there is something to show: {ids:?}");
    assert_eq!(found.keys().collect::<Vec<_>>(), ids);
    let mut credited = 0;
    for (id, one) in &found {
        let names = |row: &&schemas::ComplianceState| row.exception.as_deref() == Some(&**id);
        let live = rows.values().filter(names).filter(|row| row.credit == Credit::Live).count();
        assert_eq!(one["credited"], live, "{id}");
        credited += live;
    }
    ensure!(credited > 0, "some exception is used");

    // What a row names is used; what covers nothing at all is not.
    let named: BTreeSet<_> = rows.values().filter_map(|row| row.exception.clone()).collect();
    let unused: BTreeSet<_> = shown(&site, &["--unused"])?.into_keys().collect();
    ensure!(named.is_disjoint(&unused), "{named:?} {unused:?}");
    let text = site.run(&["exceptions"])?;
    assert_eq!(text.lines().count(), found.len() + 1, "{text}");
    let expected = format!("{credited} failing verdicts have credit");
    ensure!(text.trim_end().ends_with(&expected), "{text}");
    let wrong = site.end_of(&["exceptions", "--expiring", "4w"])?;
    ensure!(wrong.stderr.contains("no number of days such as 30d"), "{}", wrong.stderr);
    Ok(())
}
