//! `scorecard top`: from the log alone, and with what processes tell.

use anyhow::{Result, ensure};
use schemas::topic;
use serde_json::Value;

use crate::site::Site;

fn top(site: &Site, more: &[&str]) -> Result<Value> {
    let arguments = [&["top", "--once", "--output", "json"], more].concat();
    Ok(serde_json::from_str(&site.run(&arguments)?)?)
}

#[test]
fn the_log_alone_tells_how_far_stages_are() -> Result<()> {
    let site = Site::local(2)?;
    site.fill(2, 1)?;
    let shown = top(&site, &[])?;
    let account = &shown["stages"][0];
    assert_eq!(account["stage"], "account");
    let observations = site.count(&[topic::OBSERVATION.spec])?;
    let inputs = account["inputs"].as_array().unwrap();
    let input = inputs.iter().find(|input| input["topic"] == "observation").unwrap();
    assert_eq!((&input["lag"], &input["rate"]), (&observations.into(), &0.0.into()));
    ensure!(observations > 10, "there is something to be behind of");
    assert_eq!(shown["note"], "no process has the log open: nothing moves");
    let text = site.run(&["top", "--once"])?;
    ensure!(text.lines().any(|line| line.contains("task 1")), "{text}");
    Ok(())
}

#[test]
fn a_local_log_in_use_is_seen_through_its_process() -> Result<()> {
    let site = Site::local(2)?;
    site.fill(2, 1)?;
    let mut process = site.start(&["process"], "process")?;
    process.wait_for_rest(2)?;
    let refused = site.end_of(&["top", "--once"])?;
    ensure!(
        !refused.status.success() && refused.stderr.contains("with --url"),
        "{}",
        refused.stderr
    );
    let url = format!("http://127.0.0.1:{}/", process.port);
    let shown = top(&site, &["--url", &url])?;
    let task = &shown["stages"][0]["tasks"][1];
    assert_eq!((&task["partition"], &task["phase"]), (&1.into(), &"running".into()));
    assert_eq!((&task["lag"], &task["dead"]), (&0.into(), &0.into()));
    assert_eq!(shown["processes"][0]["command"], "process");
    let text = site.run(&["top", "--once", "--url", &url])?;
    ensure!(text.contains("process 0.") && text.contains(", ready, "), "{text}");
    process.end()
}

#[test]
fn on_kafka_the_log_tells_while_stages_run_and_after() -> Result<()> {
    let site = Site::kafka("top", 2)?;
    site.fill(2, 1)?;
    let mut process = site.start(&["process"], "process")?;
    process.wait_for_rest(2)?;
    let url = format!("http://127.0.0.1:{}", process.port);
    let shown = top(&site, &["--url", &url])?;
    for stage in [0, 1] {
        assert_eq!(shown["stages"][stage]["lag"], 0, "{shown:#}");
    }
    process.end()?;
    let shown = top(&site, &["--url", &url])?;
    assert_eq!(shown["stages"][0]["lag"], 0, "{shown:#}");
    ensure!(shown["processes"][0]["error"].is_string(), "nobody listens any more: {shown:#}");
    site.fill(2, 1)?;
    let lag = top(&site, &[])?["stages"][0]["lag"].as_i64().unwrap_or(0);
    ensure!(lag > 10, "{lag}");
    Ok(())
}
