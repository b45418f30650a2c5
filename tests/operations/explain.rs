//! `scorecard explain` and `history`: the arithmetic and the causes are those of the tables.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use schemas::{
    Codec, ComplianceKey, Verdict,
    topic::{COMPLIANCE_CHANGE, COMPLIANCE_STATE, SCORE_STATE},
};
use serde_json::Value;
use stream::snapshot;

use crate::site::Site;

fn json(site: &Site, arguments: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&site.run(&[arguments, &["--output", "json"]].concat())?)?)
}

#[test]
fn a_score_is_explained_down_to_the_records_behind_it() -> Result<()> {
    let site = Site::local(2)?;
    site.fill(4, 2)?;
    site.process()?;
    let log = site.open()?;
    let codec = Codec::default();
    let scores = snapshot::table(&*log, &codec, &site.prefix, &SCORE_STATE)?;
    let verdicts = snapshot::table(&*log, &codec, &site.prefix, &COMPLIANCE_STATE)?;
    let mut last = BTreeMap::new();
    for (_, key, change) in snapshot::history(&*log, &codec, &site.prefix, &COMPLIANCE_CHANGE)? {
        last.insert(key, change);
    }
    drop(log);

    // An account whose score is worth explaining.
    let (account, whole) = scores
        .iter()
        .filter(|(key, score)| key.requirement == "*" && score.noncompliant > 0)
        .map(|(key, score)| (key.account.clone(), score))
        .next()
        .context("something fails somewhere")?;
    let all = json(&site, &["explain", "--account", &account])?;
    assert_eq!(all["score"]["noncompliant"], whole.noncompliant);
    let requirements = all["requirements"].as_array().context("a list")?;
    let of_account = scores.keys().filter(|key| key.account == account).count();
    assert_eq!(requirements.len(), of_account - 1, "every requirement, without the whole");
    // What the requirements cost is what is missing from the account's score.
    let costs: f64 = requirements.iter().filter_map(|one| one["costs"].as_f64()).sum();
    let score = all["score"]["score"].as_f64().context("a score")?;
    ensure!((1.0 - costs - score).abs() < 1e-6, "{costs} and {score}");

    let (key, row): (&ComplianceKey, _) = verdicts
        .iter()
        .find(|(key, row)| key.account == account && row.verdict == Verdict::Fail)
        .context("a verdict that fails")?;
    let asked = ["--account", &*account, "--requirement", &*key.requirement];
    let one = json(&site, &[&["explain"], &asked[..]].concat())?;
    let shown = one["requirements"][0]["verdicts"].as_array().context("verdicts")?.clone();
    let mine =
        verdicts.keys().filter(|one| one.account == account && one.requirement == key.requirement);
    assert_eq!(shown.len(), mine.count());
    assert_eq!(shown[0]["verdict"], "fail", "failures come first");
    let found = shown.iter().find(|one| one["resource"] == *key.resource).context("it is there")?;
    assert_eq!(found["evidence"], *row.evidence);
    let cause = &last[key].cause;
    assert_eq!(
        (&found["last"]["cause"]["topic"], &found["last"]["cause"]["offset"]),
        (&Value::from(&*cause.topic), &Value::from(cause.offset))
    );
    assert_eq!(found["missed"], serde_json::json!([]), "nobody accepts risks here");
    let by_name = json(&site, &["explain", "--account", &account, "--resource", &row.name])?;
    let named = by_name["requirements"].as_array().context("a list")?;
    ensure!(named.iter().any(|one| one["requirement"] == *key.requirement), "{by_name}");
    let text = site.run(&[&["explain"], &asked[..]].concat())?;
    ensure!(text.contains(&format!("FAIL {}", row.name)), "{text}");
    ensure!(text.contains(&cause.to_string()), "{text}");
    for arguments in [
        &["explain", "--account", "000000000000"][..],
        &["explain", "--account", &account, "--requirement", "none-such"],
        &["explain", "--account", &account, "--resource", "none-such"],
    ] {
        let ended = site.end_of(arguments)?;
        ensure!(!ended.status.success() && ended.stderr.contains("account"), "{}", ended.stderr);
    }

    history_ends_there(&site, &asked, &key.resource, cause.offset)
}

/// All changes of a verdict, from the beginning to the end of time.
fn history_ends_there(site: &Site, asked: &[&str], resource: &str, offset: i64) -> Result<()> {
    let span = ["--from", "1970-01-01", "--to", "2100-01-01", "--output", "json"];
    let lines = site.run(&[&["history"], asked, &span[..]].concat())?;
    let events = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let changed = events.iter().filter(|event| event["event"] == "verdict");
    let ends: BTreeMap<_, _> = changed.map(|one| (one["resource"].to_string(), one)).collect();
    let end = ends[&Value::from(resource).to_string()];
    assert_eq!(end["after"]["verdict"], "fail");
    assert_eq!(end["cause"]["offset"], offset);
    let times = events.iter().map(|event| event["at_ms"].as_i64());
    ensure!(times.is_sorted(), "they come in the order of time");
    let before = ["--from", "1970-01-01", "--to", "1970-01-02"];
    let none = site.run(&[&["history"], asked, &before[..]].concat())?;
    ensure!(none.starts_with("nothing changed"), "{none}");
    Ok(())
}
