//! A whole run on moto: each scope's scan, the transactions behind it, and the sink's batches.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use kit::gateway::{Fault, Gateway, Where};
use kit::moto::Moto;
use schemas::{Codec, Observation, ObservationEvent, topic};
use serde::Deserialize;
use serde_json::{Value, json};
use stream::snapshot;

use crate::site::{SECRET, Site};
use crate::spans::{ERROR, Span};

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// What `fill.py` prints.
#[derive(Deserialize)]
struct Printed {
    accounts: Vec<String>,
}

/// How each scope of a scan ended, by account, region and resource type: the number of resources,
/// or the code of the error.
type Ends = BTreeMap<[String; 3], (String, Result<i64, String>)>;

fn told_by_the_log(site: &Site) -> Result<Ends> {
    let log = site.open()?;
    let history = snapshot::history(&*log, &Codec::default(), "scorecard", &topic::OBSERVATION)?;
    let ends = history.into_iter().filter_map(|(_, _, observation)| {
        let Observation { scan, account, region, resource_type, event, .. } = observation;
        let end = match event {
            ObservationEvent::Completed { count } => Ok(count),
            ObservationEvent::Failed { error } => Err(error.split(':').next()?.to_owned()),
            _ => return None,
        };
        Some(([account, region, resource_type], (scan, end)))
    });
    Ok(ends.collect())
}

fn told_by_spans(spans: &[Span]) -> Ends {
    let mut ends = Ends::new();
    for span in spans.iter().filter(|span| span.name == "scope scan") {
        let text = |name: &str| span.text(name).to_owned();
        let end = match span.text("outcome") {
            "completed" => Ok(span.number("resources")),
            "failed" => Err(text("error")),
            other => panic!("{other}: {span:?}"),
        };
        assert_eq!(span.status == ERROR, end.is_err(), "{span:?}");
        assert_eq!(span.number("attempt"), 1);
        let scope = [text("account"), text("region"), text("resource_type")];
        assert_eq!(ends.insert(scope, (text("scan"), end)), None, "twice: {span:?}");
    }
    ends
}

/// Gives the ids of traces and spans of a log's lines, with the resource type that each tells of.
fn lines_within_scans(log: &str) -> BTreeSet<(String, String, String)> {
    let lines = log.lines().filter(|line| line.starts_with('{'));
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let within = lines.filter_map(|line| {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        // Within it are spans of AWS's client, which are nobody's but the log's.
        let mut spans = line["spans"].as_array()?.iter();
        let scan = spans.find(|span| span["name"] == "scope scan")?;
        let resource_type = text(&scan["resource_type"])?;
        Some((text(&line["trace_id"])?, text(&line["span_id"])?, resource_type))
    });
    within.collect()
}

#[test]
fn a_run_tells_of_scans_transactions_and_batches() -> Result<()> {
    let moto = Moto::start()?;
    let fill = ["2", "--rich", "1"];
    let printed =
        kit::python("tests/fixtures/large/fill.py", &[&[&*moto.endpoint()], &fill[..]].concat())?;
    let Printed { accounts } = serde_json::from_str(&printed).context("fill.py prints JSON")?;
    let gateway = Gateway::start(moto.port())?;
    let place = Where::operation("ec2", "DescribeSecurityGroups").account(&accounts[1]);
    gateway.inject(Fault::Denied, place.region(REGIONS[0]));
    let site = Site::new()?;
    let aws = json!({
        "payers": [{"account": accounts[0]}], "role": "audit", "endpoint": gateway.endpoint(),
        "regions": REGIONS, "concurrency": {"calls_per_second": 1000},
    });
    site.configure(&format!("{}aws: {aws}\nsiem: {{}}\n", site.telemetry()))?;
    let finished = site.run(&["run", "--once", "--log", "debug", "--log-format", "json"])?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    ensure!(!finished.stderr.contains(SECRET), "the secret is told");

    let spans = site.spans();
    let expected = told_by_the_log(&site)?;
    assert_eq!(told_by_spans(&spans), expected);
    let failed = expected.values().filter(|(_, end)| end.is_err()).count();
    ensure!(failed == 1 && expected.len() > 20, "{expected:?}");

    let of = |name: &str, key: &str, word: &str| -> i64 {
        let all = spans.iter().filter(|span| span.name == name && span.text(key) == word);
        let committed = all.filter(|span| span.text("outcome") == "committed");
        committed.map(|span| span.number("records") + span.number("records_in")).sum()
    };
    let taken = site.taken("account", &crate::site::SOURCES)?;
    assert_eq!(of("stage transaction", "stage", "account"), taken);
    let taken = site.taken("sink-siem", sink_siem::ROLE.inputs)?;
    assert_eq!(of("sink batch", "sink", "sink-siem"), taken);
    ensure!(taken > 0, "the sink took nothing");
    let batch = spans.iter().find(|span| span.name == "sink batch").context("a batch")?;
    assert_eq!(batch.names(), BTreeSet::from(["outcome", "records", "sink", "slot"]));
    assert_eq!(batch.text("slot"), "run");

    // What AWS's own client writes within a scan has the ids of the scan.
    let exported: BTreeSet<(String, String, String)> = spans
        .iter()
        .filter(|span| span.name == "scope scan")
        .map(|span| (span.ids.0.clone(), span.ids.1.clone(), span.text("resource_type").to_owned()))
        .collect();
    let written = lines_within_scans(&finished.stderr);
    ensure!(written.len() > 20 && written.is_subset(&exported), "{written:?}\n{exported:?}");
    Ok(())
}
