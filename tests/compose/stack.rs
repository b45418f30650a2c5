//! The compose file with its anchors and merges worked out, as an engine reads it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// The compose file.
pub(crate) struct Stack {
    /// All of it, as JSON.
    pub(crate) file: Value,
}

/// Gives the folder of the compose file.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compose")
}

impl Stack {
    pub(crate) fn read() -> Self {
        let text = std::fs::read_to_string(folder().join("compose.yaml")).unwrap();
        Self { file: serde_saphyr::from_str(&text).unwrap() }
    }

    fn map(&self) -> &Map<String, Value> {
        self.file["services"].as_object().unwrap()
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.map().iter()
    }

    pub(crate) fn service(&self, name: &str) -> &Value {
        self.map().get(name).unwrap_or_else(|| panic!("no service {name}"))
    }

    /// Gives the ports that a service listens at inside.
    pub(crate) fn listens(&self, name: &str) -> BTreeSet<String> {
        let service = self.service(name);
        let published = texts(&service["ports"]).into_iter();
        let published = published.map(|port| port.rsplit(':').next().unwrap().to_owned());
        published.chain(texts(&service["expose"])).collect()
    }
}

/// Gives the texts of a list, or the one text.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        _ => Vec::new(),
    }
}
