//! Transactions: they add up to the log's own numbers, and the last ones are told at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use schemas::topic;
use serde_json::Value;

use crate::site::{SECRET, SOURCES, Site};
use crate::spans::Span;

fn sum(spans: &[&Span], name: &str) -> i64 {
    spans.iter().map(|span| span.number(name)).sum()
}

/// Nothing is exported before the process is asked to end: see [`Site::command`].
#[test]
fn transactions_add_up_to_the_log_and_the_last_are_told_at_the_end() -> Result<()> {
    let site = Site::new()?;
    site.fill()?;
    let before = site.count(topic::ALL)?;
    let (finished, took) = site.process(&["--slot", "night", "--log", "trace"])?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    ensure!(took < Duration::from_secs(20), "the end took {took:?}");
    for text in [&finished.stdout, &finished.stderr] {
        ensure!(!text.contains(SECRET), "the secret is told:\n{text}");
    }

    let spans = site.spans();
    let of = |stage: &str| -> Vec<&Span> {
        spans.iter().filter(|span| span.text("stage") == stage).collect()
    };
    let (account, rollup) = (of("account"), of("rollup"));
    assert_eq!(account.len() + rollup.len(), spans.len(), "nothing else is told");
    for span in &spans {
        assert_eq!((&*span.name, &*span.parent), ("stage transaction", ""));
        let names = ["outcome", "records_in", "records_out", "slot", "stage", "tasks"];
        assert_eq!(span.names(), BTreeSet::from(names));
        assert_eq!((span.text("slot"), span.text("outcome")), ("night-0", "committed"));
        assert_eq!((span.kind, span.status), (1, 0), "internal, and no error");
        ensure!((1..=2).contains(&span.number("tasks")), "{span:?}");
        ensure!((1..60_000_000_000).contains(&span.nanoseconds), "{span:?}");
        let text = |name: &str| span.resource[name].as_str().unwrap();
        assert_eq!(text("service.name"), "scorecard");
        assert_eq!(text("service.version"), env!("CARGO_PKG_VERSION"));
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
        assert_eq!(text("service.instance.id"), format!("night/{}", host.trim()));
    }
    let traces: BTreeSet<&str> = spans.iter().map(|span| &*span.ids.0).collect();
    assert_eq!(traces.len(), spans.len(), "each is a trace of its own");

    assert_eq!(sum(&account, "records_in"), site.taken("account", &SOURCES)?);
    assert_eq!(sum(&rollup, "records_in"), site.taken("rollup", &[topic::CONTRIBUTION.spec])?);
    ensure!(sum(&rollup, "records_in") > 0, "the roll-up stage took nothing");
    let all: Vec<&Span> = spans.iter().collect();
    assert_eq!(sum(&all, "records_out"), site.count(topic::ALL)? - before);
    Ok(())
}

#[test]
fn a_share_of_none_tells_nothing() -> Result<()> {
    let site = Site::new()?;
    let telemetry = site.telemetry().replace("}}}", "}}, sample: 0.0}");
    site.configure(&telemetry)?;
    site.fill()?;
    let (finished, _) = site.process(&["--log-format", "json"])?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(site.collector.take().len(), 0);
    // The ids are there all the same.
    let buried = crate::logs::events(&finished.stderr, "a record goes to the dead letters");
    ensure!(buried.len() == 1 && buried[0]["trace_id"] != Value::Null, "{buried:?}");
    Ok(())
}
