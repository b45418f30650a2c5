//! Holds tables, workbooks and summary of a site against the independent model.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::against::{differences, key_differences};
use crate::cells;
use crate::compare::expect_none;
use crate::site::{Run, Site};
use crate::tables::Tables;
use kit::organisation::Organisation;

/// What boto3 lists, as the tests of the collectors have it.
const ORACLE: &str = "producers/aws/tests/oracle.py";
const MODEL: &str = "tests/pipeline/model.py";

/// Fails where the site does not say what the model says.
///
/// `denied` were never collected, `stale` were collected before and refused in the last run.
pub(crate) fn expect_model(
    what: &str,
    world: &Organisation,
    site: &Site,
    tables: &Tables,
    run: &Run,
    denied: &[&str],
    stale: &[&str],
) -> Result<()> {
    let model = ask(world, site, tables, denied, stale)?;
    let mut found = Vec::new();
    for name in tables.all.keys() {
        let table = as_model(name, tables)?;
        ensure!(
            model[*name].as_object().is_some_and(|rows| !rows.is_empty()),
            "{what}: the model has no {name}"
        );
        key_differences(name, &model[*name], &table, &mut found);
        for (key, row) in model[*name].as_object().into_iter().flatten() {
            if let Some(there) = table.get(key) {
                differences(&format!("{name} {key}"), row, there, &mut found);
            }
        }
    }
    expect_none(&format!("{what} on {}: the tables", site.name), &found)?;
    let compared = cells::check(&model["workbooks"], &site.folder().join("workbooks"), &mut found)?;
    expect_none(&format!("{what} on {}: the workbooks' cells", site.name), &found)?;
    ensure!(compared > 1_000, "only {compared} cells were compared");
    check_summary(&model, run, &mut found)?;
    expect_none(&format!("{what} on {}: the summary", site.name), &found)
}

fn ask(
    world: &Organisation,
    site: &Site,
    tables: &Tables,
    denied: &[&str],
    stale: &[&str],
) -> Result<Value> {
    let facts = json!({
        "world": world.facts, "inventory": inventory(world, denied)?, "site": site.folder(),
        "denied": denied, "stale": stale,
        "standard": site.standard(), "at_ms": tables.at_ms,
        "since": since_of(tables), "oldest": oldest_of(tables),
        "first_seen": first_seen_of(tables)?, "turned": turned(tables),
        "version": env!("CARGO_PKG_VERSION"),
    });
    let path = site.folder().join("facts.json");
    fs::write(&path, facts.to_string())?;
    let path = path.to_str().context("the folder's name is UTF-8")?;
    serde_json::from_str(&kit::python(MODEL, &[path])?).context("model.py prints JSON")
}

/// Lists what every account but some holds now: `{account: {type: {id: resource}}}`.
fn inventory(world: &Organisation, denied: &[&str]) -> Result<Value> {
    let endpoint = world.moto.endpoint();
    let accounts = world.facts["accounts"].as_object().context("fill.py prints accounts")?;
    let asked = accounts.keys().map(String::as_str).filter(|id| !denied.contains(id));
    let arguments: Vec<&str> = ["inventory", &endpoint].into_iter().chain(asked).collect();
    serde_json::from_str(&kit::python(ORACLE, &arguments)?).context("oracle.py prints JSON")
}

/// Gives since when each verdict stands.
pub(crate) fn since_of(tables: &Tables) -> BTreeMap<String, i64> {
    let rows = tables.all["compliance.state"].iter();
    rows.filter_map(|(key, row)| Some((plain(key)?, row["since_ms"].as_i64()?))).collect()
}

/// Gives when each verdict turned last, and by which record.
fn turned(tables: &Tables) -> BTreeMap<String, Value> {
    // Changes of one key lie in one partition, in their order: the last one stays.
    let changes = tables.compliance_changes.values();
    let changes = changes.filter_map(|(key, change)| {
        let cause: schemas::Cause = serde_json::from_value(change["cause"].clone()).ok()?;
        Some((plain(key)?, json!({"at_ms": change["at_ms"], "cause": cause.to_string()})))
    });
    changes.collect()
}

/// Gives a key's parts as they are, joined by `/`.
fn plain(key: &str) -> Option<String> {
    Some(schemas::key::split(key)?.join("/"))
}

/// Gives since when accounts are known to trust, by the model's names of these rows.
pub(crate) fn first_seen_of(tables: &Tables) -> Result<BTreeMap<String, i64>> {
    let rows = as_model("trust.state", tables)?;
    let rows = rows.as_object().into_iter().flatten();
    Ok(rows
        .filter_map(|(name, row)| Some((name.clone(), row["first_seen_ms"].as_i64()?)))
        .collect())
}

/// Gives when the oldest data of each account and type was collected.
pub(crate) fn oldest_of(tables: &Tables) -> BTreeMap<String, BTreeMap<String, i64>> {
    let mut all = BTreeMap::new();
    for (account, row) in &tables.all["account.state"] {
        let kinds = row["coverage"].as_array().into_iter().flatten();
        let kinds = kinds.filter_map(|kind| {
            Some((kind["resource_type"].as_str()?.to_owned(), kind["oldest_ms"].as_i64()?))
        });
        all.insert(account.clone(), kinds.collect());
    }
    all
}

/// Gives a table in the form in which the model writes it.
fn as_model(name: &str, tables: &Tables) -> Result<Value> {
    let mut rows = Map::new();
    for (key, row) in &tables.all[name] {
        let mut row = row.clone();
        match name {
            "score.state" | "rollup.state" => {
                row["score"] = row["score"].as_i64().map(|score| score as f64 / 1e9).into();
            }
            "account.state" => {
                let kinds = row["coverage"].as_array().into_iter().flatten();
                let kinds = kinds.map(|kind| {
                    let of = kind["resource_type"].as_str().context("coverage names its type")?;
                    Ok((of.to_owned(), kind.clone()))
                });
                row["coverage"] = Value::Object(kinds.collect::<Result<_>>()?);
            }
            _ => {}
        }
        if name == "trust.state" {
            // The model knows accounts and everyone; services and providers are others' tests.
            if row["principal_account"].is_null() && row["kind"] != "public" {
                continue;
            }
            let parts = schemas::key::split(key).context("a key of trust")?;
            let [account, principal] = &parts[..] else { bail!("{key} is no key of trust") };
            let of = row["principal_account"].as_str().unwrap_or("*");
            let key = format!("{account} {of}");
            ensure!(!rows.contains_key(&key), "{key} is trusted in two ways");
            row["principal"] = principal.as_str().into();
            rows.insert(key, row);
            continue;
        }
        rows.insert(key.clone(), row);
    }
    Ok(Value::Object(rows))
}

fn check_summary(model: &Value, run: &Run, out: &mut Vec<String>) -> Result<()> {
    let accounts = model["account.state"].as_object().context("the model has accounts")?;
    for (id, account) in accounts {
        let mut expected = model["score.state"][format!("{id}/*")].clone();
        for name in ["weight", "expired"] {
            expected.as_object_mut().context("the model has scores")?.remove(name);
        }
        expected["name"] = account["name"].clone();
        expected["owner"] = account["owner"].clone();
        differences(&format!("account {id}"), &expected, run.account(id)?, out);
    }
    let lines = run.summary["accounts"].as_array().map_or(0, Vec::len);
    if lines != accounts.len() {
        out.push(format!("accounts: the model has {}, the summary {lines}", accounts.len()));
    }
    Ok(())
}
