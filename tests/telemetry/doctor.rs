//! `scorecard doctor` and `scorecard config show` know where spans go.

use anyhow::{Context, Result, ensure};
use kit::otlp::Mood;
use serde_json::Value;

use crate::site::{SECRET, Site};
use crate::spans;

/// What the doctor says of the collector: whether all is well, and what it found.
fn diagnosis(site: &Site) -> Result<(bool, String)> {
    let finished = site.run(&["doctor", "--output", "json"])?;
    let lines = finished.stdout.lines().map(serde_json::from_str::<Value>);
    let checks = lines.collect::<Result<Vec<_>, _>>()?;
    let check = checks.iter().find(|check| check["part"] == "telemetry");
    let check = check.with_context(|| finished.stdout.clone())?;
    assert_eq!(check["advice"].is_string(), check["is_well"] == false, "{check}");
    Ok((check["is_well"] == true, check["found"].as_str().unwrap_or_default().to_owned()))
}

#[test]
fn the_doctor_sends_no_spans_to_the_collector() -> Result<()> {
    let site = Site::new()?;
    assert_eq!(diagnosis(&site)?, (true, "it takes spans, with status 200".to_owned()));
    let asked = site.collector.take();
    assert_eq!(asked.len(), 1);
    assert_eq!(spans::header(&asked[0], "authorization"), [SECRET]);
    assert_eq!(spans::of(&asked).len(), 0, "a whole export without spans");

    site.collector.set(Mood::Refuses(401));
    assert_eq!(diagnosis(&site)?, (false, "status 401".to_owned()));
    site.configure(&format!("telemetry: {{url: \"http://127.0.0.1:{}\"}}", kit::ports::free()))?;
    let (is_well, found) = diagnosis(&site)?;
    ensure!(!is_well && found.contains("Connection refused"), "{found}");
    Ok(())
}

#[test]
fn the_configuration_is_shown_with_its_defaults_and_without_the_secret() -> Result<()> {
    let site = Site::new()?;
    let finished = site.run(&["config", "show"])?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    let shown = &finished.stdout;
    for line in
        ["telemetry:", "  sample: 1.0", "  allow_plaintext: false", "      file: otlp.token"]
    {
        ensure!(shown.lines().any(|one| one == line), "no {line:?} in\n{shown}");
    }
    ensure!(!shown.contains("geheim"), "{shown}");
    // A collector elsewhere is not spoken to in the clear unless somebody says so.
    site.configure("telemetry: {url: \"http://collector.example.com:4318\"}\n")?;
    let finished = site.run(&["validate"])?;
    ensure!(!finished.status.success() && finished.stderr.contains("allow_plaintext"));
    Ok(())
}
