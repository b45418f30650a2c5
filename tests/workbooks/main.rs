//! The simulator's organisation in workbooks: every cell of every one of them, computed from the
//! log's tables by other code than the program's, and read by another library.
//!
//! `tables.py` finds all scores anew from verdicts, those of earlier weeks too, and what workbooks
//! must say; it shares what it knows of workbooks with `tests/pipeline`, whose verdicts come from a
//! model of AWS instead.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "../pipeline/against.rs"]
mod against;
mod cells;
#[allow(dead_code, reason = "other tests need the rest")]
#[path = "../pipeline/compare.rs"]
mod compare;
mod organisation;
#[allow(dead_code, reason = "other tests need the rest")]
#[path = "../operations/site.rs"]
mod site;
mod tables;

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use against::{differences, key_differences};
use anyhow::{Context, Result, ensure};
use compare::expect_none;
use serde_json::{Map, Value};
use site::Site;
use stream::LogConfig;
use tables::Tables;

const MODEL: &str = "tests/workbooks/tables.py";

/// What every log here is called.
const PREFIX: &str = "scorecard";

const PARTITIONS: i32 = 4;

/// How often workbooks tell each thing that they tell in its own way.
type Told = BTreeMap<String, u64>;

/// Runs the demo into a folder: its log and its workbooks.
fn demo(folder: &Path, accounts: usize, days: usize, seed: u64) -> Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.current_dir(folder).env_remove("SCORECARD_LOG");
    command.args(["demo", "--once", "--keep", "kept", "--out", "workbooks"]);
    command.args(["--accounts", &accounts.to_string(), "--days", &days.to_string()]);
    let done = command.args(["--seed", &seed.to_string()]).output()?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// Fails where scores, sums or workbooks are not what follows from the log's tables; gives how
/// often each thing occurred that workbooks tell in its own way.
fn expect_figures(what: &str, log: &Path, workbooks: &Path) -> Result<Told> {
    let config = LogConfig::Local {
        dir: log.to_owned(),
        partitions: PARTITIONS,
        retention_days: None,
        history_retention_days: None,
    };
    let tables = Tables::read(&*stream::open(&config, PREFIX)?, PREFIX)?;
    let path = log.join("facts.json");
    fs::write(&path, tables.facts.to_string())?;
    let path = path.to_str().context("the folder's name is UTF-8")?;
    let model: Value = serde_json::from_str(&kit::python(MODEL, &[path])?)?;
    let mut found = Vec::new();
    for (name, table) in &tables.all {
        let table = as_model(table);
        key_differences(name, &model[*name], &table, &mut found);
        each_difference(name, &model[*name], &table, &mut found);
    }
    key_differences("weeks", &model["weeks"], &model["kept"], &mut found);
    each_difference("weeks", &model["weeks"], &model["kept"], &mut found);
    expect_none(&format!("{what}: scores and sums"), &found)?;
    let compared = cells::check(&model["workbooks"], workbooks, &mut found)?;
    expect_none(&format!("{what}: the workbooks' cells"), &found)?;
    println!("{what}: {compared} cells");
    Ok(serde_json::from_value(model["branches"].clone())?)
}

fn each_difference(path: &str, model: &Value, found: &Value, out: &mut Vec<String>) {
    for (key, row) in model.as_object().into_iter().flatten() {
        if let Some(there) = found.get(key) {
            differences(&format!("{path} {key}"), row, there, out);
        }
    }
}

/// Gives a table of scores or sums with shares of 1, without what foreign accounts are trusted for.
fn as_model(table: &Value) -> Value {
    let rows = table.as_object().into_iter().flatten();
    let rows = rows.filter(|(key, _)| !key.starts_with("foreign/")).map(|(key, row)| {
        let mut row = row.clone();
        row["score"] = row["score"].as_i64().map(|score| score as f64 / 1e9).into();
        (key.clone(), row)
    });
    Value::Object(rows.collect::<Map<_, _>>())
}

/// The demo as anybody runs it, with one week to compare with or with none.
fn figures_of_demo(what: &str, accounts: usize, days: usize, seed: u64) -> Result<Told> {
    let folder = tempfile::tempdir()?;
    demo(folder.path(), accounts, days, seed)?;
    expect_figures(what, &folder.path().join("kept/log"), &folder.path().join("workbooks"))
}

/// Thirteen weeks, and what the simulator alone would never bring about.
fn figures_of_months() -> Result<Told> {
    let site = Site::local(PARTITIONS)?;
    organisation::write(&*site.open()?, PREFIX)?;
    site.process()?;
    let workbooks = site.folder().join("workbooks");
    site.run(&["render", "--out", workbooks.to_str().context("the folder's name is UTF-8")?])?;
    expect_figures("months", &site.folder().join("log"), &workbooks)
}

#[test]
fn every_cell_follows_from_the_tables() -> Result<()> {
    // Two at a time: most of it is one process each that computes.
    let [months, demos] = std::thread::scope(|scope| {
        let months = scope.spawn(figures_of_months);
        let demos = figures_of_demo("a week", 24, 9, 1).and_then(|mut told| {
            add(&mut told, figures_of_demo("two days", 8, 2, 7)?);
            Ok(told)
        });
        [months.join().expect("it does not panic"), demos]
    });
    let mut told = months?;
    add(&mut told, demos?);
    let never: Vec<&String> =
        told.iter().filter(|(_, count)| **count == 0).map(|(name, _)| name).collect();
    ensure!(told["weeks"] == 13 + 1, "weeks whose scores were found anew: {}", told["weeks"]);
    ensure!(told.len() > 100 && never.is_empty(), "no workbook has: {never:#?}");
    Ok(())
}

fn add(told: &mut Told, more: Told) {
    for (name, count) in more {
        *told.entry(name).or_default() += count;
    }
}
