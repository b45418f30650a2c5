//! What people look at in Kibana: data views, searches, charts and dashboards, as one NDJSON.
//!
//! Pure. Kibana imports a file of its own or an older version only, so the objects are of 8.8.

mod contents;
mod lens;
mod object;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::names::{Kind, Names};

/// Gives all saved objects, one JSON object a line, in the order in which references need them.
///
/// Source of the shapes: Kibana's saved objects `index-pattern`, `search`, `lens`, `dashboard`, as
/// `POST /api/saved_objects/_import` reads them.
pub fn ndjson(prefix: &str) -> String {
    let lines = objects(&Names::new(prefix)).into_iter().map(|object| format!("{object}\n"));
    lines.collect()
}

fn objects(names: &Names) -> Vec<Value> {
    let views = Kind::ALL.iter().map(|kind| object::data_view(*kind, names));
    let searches = contents::searches().into_iter().map(|search| search.object(names));
    let charts = contents::charts().into_iter().map(|chart| chart.object(names));
    let dashboards = contents::dashboards().into_iter().map(|dashboard| dashboard.object());
    views.chain(searches).chain(charts).chain(dashboards).collect()
}

/// Gives the id of an object that is ours; the same whenever it is imported, so that it replaces.
fn id(kind: &str, name: &str) -> String {
    format!("scorecard-{kind}-{name}")
}
