//! Saved objects besides charts: data views, searches and dashboards (Kibana 8.8 and newer).

use serde_json::{Value, json};

use super::lens::kql;
use crate::names::{Kind, Names};

/// The columns of a dashboard's grid.
const GRID: u32 = 48;

/// The time that ranges go by; what is current is dated too, by its last change.
const TIME: &str = "@timestamp";

/// A search with its columns.
pub(super) struct Search {
    /// Unique among the searches.
    pub(super) name: &'static str,
    /// What people read.
    pub(super) title: &'static str,
    /// When to use it.
    pub(super) description: &'static str,
    /// What it searches.
    pub(super) kind: Kind,
    /// KQL.
    pub(super) query: &'static str,
    /// The columns that are shown.
    pub(super) columns: &'static [&'static str],
    /// The field that sorts, and the direction.
    pub(super) sort: (&'static str, &'static str),
}

/// A dashboard: rows of panels.
pub(super) struct Dashboard {
    /// Unique among the dashboards.
    pub(super) name: &'static str,
    /// What people read.
    pub(super) title: &'static str,
    /// What it answers.
    pub(super) description: &'static str,
    /// Rows from the top: a height, and the panels that share the width.
    pub(super) rows: Vec<(u32, Vec<Panel>)>,
}

/// A panel, by the name of what it shows.
#[derive(Clone, Copy)]
pub(super) enum Panel {
    /// A chart.
    Chart(&'static str),
    /// A search.
    Search(&'static str),
}

/// Gives the data view of a kind: its alias, which is the object's id too.
pub(super) fn data_view(kind: Kind, names: &Names) -> Value {
    let alias = names.people(kind);
    let attributes = json!({"title": alias, "name": alias, "timeFieldName": TIME});
    json!({"type": "index-pattern", "id": alias, "attributes": attributes,
        "references": [], "coreMigrationVersion": "8.8.0", "typeMigrationVersion": "8.0.0"})
}

impl Search {
    /// Gives the saved object.
    pub(super) fn object(&self, names: &Names) -> Value {
        let reference = "kibanaSavedObjectMeta.searchSourceJSON.index";
        let view = names.people(self.kind);
        let source = json!({"query": kql(self.query), "filter": [], "indexRefName": reference});
        json!({
            "type": "search",
            "id": super::id("search", self.name),
            "attributes": {
                "title": self.title,
                "description": self.description,
                "columns": self.columns,
                "sort": [[self.sort.0, self.sort.1]],
                "kibanaSavedObjectMeta": {"searchSourceJSON": source.to_string()},
            },
            "references": [{"type": "index-pattern", "id": view, "name": reference}],
            "coreMigrationVersion": "8.8.0",
            "typeMigrationVersion": "8.0.0",
        })
    }
}

impl Panel {
    fn target(self) -> (&'static str, String) {
        match self {
            Panel::Chart(name) => ("lens", super::id("chart", name)),
            Panel::Search(name) => ("search", super::id("search", name)),
        }
    }
}

impl Dashboard {
    /// Gives the saved object.
    pub(super) fn object(&self) -> Value {
        let (mut panels, mut references) = (Vec::new(), Vec::new());
        let mut y = 0;
        for (height, row) in &self.rows {
            let width = GRID / u32::try_from(row.len()).expect("a row has few panels");
            let mut x = 0;
            for panel in row {
                let index = panels.len().to_string();
                let (kind, id) = panel.target();
                let reference = format!("panel_{index}");
                panels.push(json!({"type": kind, "panelIndex": index, "panelRefName": reference,
                    "gridData": {"x": x, "y": y, "w": width, "h": height, "i": index},
                    "embeddableConfig": {"enhancements": {}}}));
                let name = format!("{index}:{reference}");
                references.push(json!({"type": kind, "id": id, "name": name}));
                x += width;
            }
            y += height;
        }
        let options = json!({"useMargins": true, "syncColors": true, "hidePanelTitles": false});
        let source = json!({"query": kql(""), "filter": []});
        json!({
            "type": "dashboard",
            "id": super::id("dashboard", self.name),
            "attributes": {
                "title": self.title,
                "description": self.description,
                "timeRestore": false,
                "version": 1,
                "panelsJSON": Value::Array(panels).to_string(),
                "optionsJSON": options.to_string(),
                "kibanaSavedObjectMeta": {"searchSourceJSON": source.to_string()},
            },
            "references": references,
            "coreMigrationVersion": "8.8.0",
            "typeMigrationVersion": "8.9.0",
        })
    }
}
