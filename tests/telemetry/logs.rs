//! The log: what is written within a span has its ids, whether spans are exported or not.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::site::Site;

/// What the account stage says of the record that it can't read, within its transaction.
const BURIED: &str = "a record goes to the dead letters";

/// Gives the events of a message in a log of JSON.
pub(crate) fn events(log: &str, message: &str) -> Vec<Value> {
    let lines = log.lines().filter(|line| line.starts_with('{'));
    let events = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["fields"]["message"] == message).collect()
}

fn ids(event: &Value) -> Option<(String, String)> {
    let id = |name: &str| Some(event[name].as_str()?.to_owned());
    Some((id("trace_id")?, id("span_id")?))
}

#[test]
fn a_line_of_json_has_the_ids_of_the_span_that_is_exported() -> Result<()> {
    let site = Site::new()?;
    site.fill()?;
    let (finished, _) = site.process(&["--log", "info", "--log-format", "json"])?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    let spans = site.spans();
    let buried = events(&finished.stderr, BURIED);
    assert_eq!(buried.len(), 1, "{}", finished.stderr);
    let ids = ids(&buried[0]).context("the line has ids")?;
    let span = spans.iter().find(|span| span.ids == ids).context("the span is exported")?;
    assert_eq!(span.text("stage"), "account");
    assert_eq!(buried[0]["span"]["name"], "stage transaction");
    // What is written between transactions has none.
    let runs = events(&finished.stderr, "a task runs");
    ensure!(!runs.is_empty(), "{}", finished.stderr);
    ensure!(runs.iter().all(|event| event.get("trace_id").is_none()), "{runs:?}");
    Ok(())
}

#[test]
fn lines_have_ids_where_nothing_is_exported() -> Result<()> {
    let site = Site::new()?;
    site.configure("")?;
    site.fill()?;
    // At the usual level, which is above that of spans.
    let (finished, _) = site.process(&[])?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    let lines: Vec<&str> = finished.stderr.lines().filter(|line| line.contains(BURIED)).collect();
    let [line] = lines[..] else { panic!("not one line: {}", finished.stderr) };
    let (rest, span) = line.rsplit_once(" span_id=").context("span_id")?;
    let (rest, trace) = rest.rsplit_once(" trace_id=").context("trace_id")?;
    assert_eq!((trace.len(), span.len()), (32, 16), "{line}");
    for id in [trace, span] {
        ensure!(id.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{line}");
        ensure!(id.bytes().any(|byte| byte != b'0'), "an id of zeros is none: {line}");
    }
    ensure!(rest.contains("stage transaction{stage=\"account\""), "{line}");
    assert_eq!(site.collector.take().len(), 0);
    Ok(())
}

#[test]
fn a_log_that_is_off_stays_silent_and_spans_are_exported() -> Result<()> {
    let site = Site::new()?;
    site.fill()?;
    let (finished, _) = site.process(&["--log", "off"])?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    ensure!(!finished.stderr.contains("dead letters"), "{}", finished.stderr);
    let stages: BTreeSet<String> =
        site.spans().iter().map(|span| span.text("stage").to_owned()).collect();
    assert_eq!(stages, BTreeSet::from(["account", "rollup"].map(str::to_owned)));
    Ok(())
}
