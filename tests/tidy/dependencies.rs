//! Dependencies point one way: schemas <- processors <- stages -> stream; only the root sees all.

use crate::expect_none;
use crate::manifest::{self, Manifest};

/// Crates that do I/O, keep threads or tell the time: nothing pure names one of them.
const IO_CRATES: [&str; 17] = [
    "axum",
    "elasticsearch",
    "clickhouse",
    "fastrand",
    "fjall",
    "futures",
    "getrandom",
    "hyper",
    "lettre",
    "rand",
    "rdkafka",
    "reqwest",
    "rust_xlsxwriter",
    "stream",
    "tempfile",
    "tokio",
    "ureq",
];

/// The pure processors; `stages` joins them to the log.
const PROCESSORS: [&str; 5] = ["compliance", "inventory", "rollup", "rules", "trust"];

/// Which of our own crates a crate may name; none when nobody has said where it stands.
fn allowed(manifest: &Manifest) -> Option<Vec<&'static str>> {
    let (group, rest) = manifest.folder.split_once('/').unwrap_or((&manifest.folder, ""));
    Some(match (group, rest) {
        ("schemas", "") | ("tests", "kit") => vec![],
        // Like the binary it puts a pipeline together, and starts servers for it; it times rules,
        // sinks and workbooks too.
        ("bench", "") => [
            &["compliance", "kit", "producer-simulator", "producer-standard", "rules"][..],
            &["schemas", "sink-clickhouse", "sink-elasticsearch", "sink-frame"],
            &["sink-page", "sink-workbook", "stages", "stream"],
        ]
        .concat(),
        // It puts a line together, starts Kafka for it, and judges it by the oracle of the stages.
        ("tests", "faults") => {
            vec!["compliance", "kit", "rules", "schemas", "sink-workbook", "stages", "stream"]
        }
        // It feeds every parser of outside input with what breaks parsers.
        ("tests", "fuzz") => [
            &["compliance", "producer-aws", "producer-findings", "producer-register"][..],
            &["producer-standard", "rules", "schemas", "sink-page", "stream", "trust"],
        ]
        .concat(),
        ("stream", "") => vec!["schemas"],
        ("processors", "stages") => [&["schemas", "stream"][..], &PROCESSORS].concat(),
        ("processors", name) if PROCESSORS.contains(&name) => {
            [&["schemas"][..], &PROCESSORS].concat()
        }
        // It checks the rules of a requirement, as they will be used, before it publishes them.
        ("producers", "standard") => vec!["compliance", "rules", "schemas", "stream"],
        // It asks Trusted Advisor itself, and makes the same of its results as of a report.
        ("producers", "aws") => vec!["producer-findings", "schemas", "stream"],
        // Alerts go by the same mail server, and count time as workbooks do.
        ("sinks", "alert") => vec!["schemas", "sink-frame", "sink-mail", "sink-workbook", "stream"],
        // A mail carries the workbook, and tells its figures.
        ("sinks", "mail") => vec!["schemas", "sink-frame", "sink-workbook", "stream"],
        // It explains as the processors count, and has the words and files of the workbooks.
        ("sinks", "page") => vec!["compliance", "schemas", "sink-workbook", "stream"],
        // It sums an earlier time's scores up as the pipeline does.
        ("sinks", "workbook") => vec!["rollup", "schemas", "stream"],
        ("sinks", _) => vec!["schemas", "sink-frame", "stream"],
        ("producers", _) => vec!["schemas", "stream"],
        _ => return None,
    })
}

fn is_pure(manifest: &Manifest) -> bool {
    let processor = manifest.folder.strip_prefix("processors/");
    manifest.folder == "schemas" || processor.is_some_and(|name| PROCESSORS.contains(&name))
}

#[test]
fn a_crate_names_only_what_stands_before_it() {
    let manifests = manifest::all();
    let own: Vec<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let mut offenders = Vec::new();
    for manifest in manifests.iter().filter(|manifest| !manifest.folder.is_empty()) {
        let Some(allowed) = allowed(manifest) else {
            let folder = &manifest.folder;
            offenders.push(format!("{folder}: say in {} where it stands", file!()));
            continue;
        };
        let named = manifest.dependencies.iter().map(|name| (name, false));
        let named = named.chain(manifest.dev_dependencies.iter().map(|name| (name, true)));
        for (name, in_tests) in named {
            let name = name.as_str();
            let test_kit = in_tests && name == "kit";
            if own.contains(&name) && !allowed.contains(&name) && !test_kit {
                offenders.push(format!("{}/Cargo.toml names {name}", manifest.folder));
            }
        }
    }
    expect_none("these crates name one of ours that they must not know:", &offenders);
}

#[test]
fn pure_crates_name_no_crate_that_does_io() {
    let manifests = manifest::all();
    let pure: Vec<&Manifest> = manifests.iter().filter(|manifest| is_pure(manifest)).collect();
    assert_eq!(pure.len(), 1 + PROCESSORS.len(), "a pure crate has moved");
    let mut offenders = Vec::new();
    for manifest in pure {
        for name in &manifest.dependencies {
            if IO_CRATES.contains(&name.as_str()) || name.starts_with("aws-") {
                offenders.push(format!("{}/Cargo.toml names {name}", manifest.folder));
            }
        }
    }
    expect_none("pure crates take values and return values; move the I/O out:", &offenders);
}

#[test]
fn stages_leave_the_log_to_stream() {
    let manifests = manifest::all();
    let stages = manifests.iter().find(|manifest| manifest.folder == "processors/stages").unwrap();
    let names = stages.dependencies.iter().filter(|name| *name != "stream");
    let io = names.filter(|name| IO_CRATES.contains(&name.as_str()) || name.starts_with("aws-"));
    let offenders: Vec<String> = io.map(|name| format!("processors/stages names {name}")).collect();
    expect_none("stages say which steps make a stage; stream does the I/O:", &offenders);
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    let manifests = manifest::all();
    let without = manifests.iter().filter(|manifest| !manifest.takes_lints);
    let offenders: Vec<String> = without.map(|m| format!("{}/Cargo.toml", m.folder)).collect();
    expect_none("write `[lints]` and `workspace = true` in:", &offenders);
}
