//! The report: ratios, and tables that people read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::scan::{Contender, Lap, Mix};
use crate::report::{head, line, round};

/// Gives ours against boto3's, of the large organisation, and what ten times the accounts cost.
pub(crate) fn ratios(laps: &[Lap]) -> Value {
    let of = |contender| laps.iter().filter(move |lap| lap.contender == contender);
    let large = |contender| of(contender).max_by_key(|lap| lap.accounts);
    let small = |contender| of(contender).min_by_key(|lap| lap.accounts);
    let per_cpu = |lap: &Lap| lap.documents() as f64 / lap.cpu_seconds;
    let over = |figure: &dyn Fn(&Lap) -> f64| {
        Some(figure(large(Contender::Ours)?) / figure(large(Contender::Boto3)?))
    };
    let growth =
        |contender| Some(large(contender)?.peak_bytes as f64 / small(contender)?.peak_bytes as f64);
    json!({
        "resources_per_cpu_vs_boto3": round(over(&per_cpu)),
        "calls_vs_boto3": round(over(&|lap| lap.calls as f64)),
        "memory_10x_accounts": round(growth(Contender::Ours)),
        "memory_10x_accounts_boto3": round(growth(Contender::Boto3)),
        "memory_vs_boto3": round(over(&|lap| lap.peak_bytes as f64)),
        "seconds_vs_boto3": round(over(&|lap| lap.seconds)),
    })
}

/// Writes the report as Markdown.
pub(crate) fn markdown(laps: &[Lap], mixes: &[Mix; 2], ratios: &Value, settings: &Value) -> String {
    let mut to = String::from("# Our scan against a crawler of boto3 and threads\n\n");
    line(&mut to, &format!("Made by `bench/run collect`; settings: `{settings}`.\n"));
    line(&mut to, "Clients ran on core 1. `bench/README.md` says how.\n");
    head(&mut to, "figure | ratio");
    for (name, ratio) in ratios.as_object().into_iter().flatten() {
        line(&mut to, &format!("| `{name}` | {ratio} |"));
    }
    line(&mut to, "\n## Scans\n");
    head(
        &mut to,
        "contender | accounts | resources | calls | seconds | CPU s | resources a CPU s | peak MiB",
    );
    for lap in laps {
        let row = format!(
            "| {:?} | {} | {} | {} | {:.1} | {:.1} | {:.0} | {} |",
            lap.contender,
            lap.accounts,
            lap.documents(),
            lap.calls,
            lap.seconds,
            lap.cpu_seconds,
            lap.documents() as f64 / lap.cpu_seconds,
            lap.peak_bytes >> 20,
        );
        line(&mut to, &row);
    }
    resources(&mut to, laps);
    calls(&mut to, mixes);
    to
}

/// Which documents each side got of the large organisation.
fn resources(to: &mut String, laps: &[Lap]) {
    let largest = laps.iter().map(|lap| lap.accounts).max();
    let of = |contender| {
        laps.iter().find(|lap| lap.contender == contender && Some(lap.accounts) == largest)
    };
    let (Some(theirs), Some(ours)) = (of(Contender::Boto3), of(Contender::Ours)) else { return };
    line(to, "\n## Resources of the large organisation\n");
    head(to, "type | boto3 | ours");
    let kinds: BTreeSet<_> = theirs.resources.keys().chain(ours.resources.keys()).collect();
    for kind in kinds {
        let count = |lap: &Lap| lap.resources.get(kind).copied().unwrap_or(0);
        line(to, &format!("| {kind} | {} | {} |", count(theirs), count(ours)));
    }
}

/// Which calls the two sides do not make equally often, in the small organisation.
fn calls(to: &mut String, [theirs, ours]: &[Mix; 2]) {
    line(to, "\n## Calls that differ, in the small organisation's first scan\n");
    head(to, "operation | boto3 | ours");
    let operations: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    for operation in operations {
        let count = |mix: &Mix| mix.get(operation).copied().unwrap_or(0);
        if count(theirs) != count(ours) {
            line(to, &format!("| {operation} | {} | {} |", count(theirs), count(ours)));
        }
    }
}
