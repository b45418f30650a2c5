//! Lens charts: the state that Kibana keeps of each kind (Kibana 8.8 and newer).

use serde_json::{Map, Value, json};

use crate::names::{Kind, Names};

/// The one layer of each chart.
const LAYER: &str = "layer";

/// A chart over one data view.
pub(super) struct Chart {
    /// Unique among the charts; the id of the object follows from it.
    pub(super) name: &'static str,
    /// What stands above it.
    pub(super) title: &'static str,
    /// What it counts.
    pub(super) kind: Kind,
    /// What is counted at all, in KQL; everything when empty.
    pub(super) query: &'static str,
    /// How it is drawn.
    pub(super) shape: Shape,
    /// Its columns: buckets first, then figures.
    pub(super) columns: Vec<Column>,
}

/// How a chart is drawn; which columns it needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One figure.
    Metric,
    /// A line a value of the second bucket, if there is one, over the first, which is time.
    Line,
    /// Lying bars: one a value of the first bucket.
    Bars,
    /// A row a combination of buckets.
    Table,
    /// The first bucket across, the second down, the figure as colour.
    Heat,
}

/// A column: a bucket or a figure.
pub(super) struct Column {
    label: &'static str,
    /// The field that it reads; none for a count of documents.
    field: Option<&'static str>,
    operation: &'static str,
    /// Only documents that match, in KQL.
    filter: Option<&'static str>,
    /// Whether its values are moments.
    is_date: bool,
    params: Value,
}

/// The most values of a bucket that are shown.
const VALUES_MAX: usize = 50;

impl Column {
    /// A bucket a value of a field; those with the largest first figure first.
    pub(super) fn values(label: &'static str, field: &'static str) -> Self {
        Self { label, field: Some(field), operation: "terms", ..Self::count("") }
    }

    /// A bucket a stretch of time.
    pub(super) fn time(field: &'static str) -> Self {
        let params = json!({"interval": "auto", "includeEmptyRows": false, "dropPartials": false});
        let operation = "date_histogram";
        let field = Some(field);
        Self { label: "Time", field, operation, is_date: true, params, ..Self::count("") }
    }

    /// The number of documents.
    pub(super) fn count(label: &'static str) -> Self {
        let (operation, params) = ("count", json!({}));
        Self { label, field: None, operation, filter: None, is_date: false, params }
    }

    /// The number of documents that match.
    pub(super) fn count_of(label: &'static str, filter: &'static str) -> Self {
        Self { filter: Some(filter), ..Self::count(label) }
    }

    /// A figure over a number's values: `average`, `min`, `max` or `sum`.
    pub(super) fn of(label: &'static str, operation: &'static str, field: &'static str) -> Self {
        Self { label, field: Some(field), operation, ..Self::count("") }
    }

    /// The earliest of a date's values.
    pub(super) fn earliest(label: &'static str, field: &'static str) -> Self {
        Self { is_date: true, ..Self::of(label, "min", field) }
    }

    /// The same figure, shown in percent.
    pub(super) fn percent(mut self) -> Self {
        self.params["format"] = json!({"id": "percent", "params": {"decimals": 1}});
        self
    }

    fn is_bucket(&self) -> bool {
        matches!(self.operation, "terms" | "date_histogram")
    }

    /// Gives what Kibana keeps of it; `by` is the column that values are sorted by.
    fn state(&self, by: &str) -> Value {
        let data_type = match self.operation {
            "terms" => "string",
            _ if self.is_date => "date",
            _ => "number",
        };
        let scale = match self.operation {
            "terms" => "ordinal",
            "date_histogram" => "interval",
            _ => "ratio",
        };
        let mut params = self.params.clone();
        if self.operation == "terms" {
            params = json!({"size": VALUES_MAX, "orderBy": {"type": "column", "columnId": by},
                "orderDirection": "desc", "otherBucket": false, "missingBucket": false,
                "parentFormat": {"id": "terms"}});
        }
        let mut state = json!({"label": self.label, "customLabel": true, "dataType": data_type,
            "operationType": self.operation, "isBucketed": self.is_bucket(), "scale": scale,
            "sourceField": self.field.unwrap_or("___records___"), "params": params});
        if let Some(filter) = self.filter {
            state["filter"] = kql(filter);
        }
        state
    }
}

impl Chart {
    /// Gives the fields that it reads, and the queries.
    #[cfg(test)]
    pub(super) fn reads(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        let fields = self.columns.iter().filter_map(|column| column.field).collect();
        let filters = self.columns.iter().filter_map(|column| column.filter);
        (fields, filters.chain([self.query]).collect())
    }

    /// Gives the saved object.
    pub(super) fn object(&self, names: &Names) -> Value {
        let ids: Vec<String> = (0..self.columns.len()).map(|at| format!("column-{at}")).collect();
        let figure = self.columns.iter().position(|column| !column.is_bucket());
        let by = &ids[figure.expect("every chart has a figure")];
        let columns: Map<String, Value> =
            ids.iter().cloned().zip(self.columns.iter().map(|column| column.state(by))).collect();
        let layer = json!({"columnOrder": ids, "columns": columns, "incompleteColumns": {}});
        let name = format!("indexpattern-datasource-layer-{LAYER}");
        json!({
            "type": "lens",
            "id": super::id("chart", self.name),
            "attributes": {
                "title": self.title,
                "visualizationType": self.shape.kind(),
                "state": {
                    "query": kql(self.query),
                    "filters": [],
                    "datasourceStates": {"formBased": {"layers": {LAYER: layer}}},
                    "visualization": self.visualization(&ids),
                    "internalReferences": [],
                    "adHocDataViews": {},
                },
            },
            "references": [{"type": "index-pattern", "id": names.people(self.kind), "name": name}],
            "coreMigrationVersion": "8.8.0",
            "typeMigrationVersion": "8.9.0",
        })
    }

    fn visualization(&self, ids: &[String]) -> Value {
        let (buckets, figures): (Vec<_>, Vec<_>) =
            ids.iter().zip(&self.columns).partition(|(_, column)| column.is_bucket());
        let bucket = |at: usize| buckets.get(at).map(|(id, _)| (*id).clone());
        let figures: Vec<&String> = figures.into_iter().map(|(id, _)| id).collect();
        match self.shape {
            Shape::Metric => {
                json!({"layerId": LAYER, "layerType": "data", "metricAccessor": figures[0]})
            }
            Shape::Line | Shape::Bars => {
                let series = if self.shape == Shape::Line { "line" } else { "bar_horizontal" };
                let mut layer = json!({"layerId": LAYER, "layerType": "data", "position": "top",
                    "seriesType": series, "xAccessor": bucket(0), "accessors": figures,
                    "showGridlines": false});
                if let Some(split) = bucket(1) {
                    layer["splitAccessor"] = split.into();
                }
                let legend = json!({"isVisible": true, "position": "right"});
                json!({"layers": [layer], "preferredSeriesType": series, "valueLabels": "hide",
                    "fittingFunction": "Linear", "legend": legend})
            }
            Shape::Table => {
                let column = |id| json!({"columnId": id, "isTransposed": false});
                let columns: Vec<Value> = ids.iter().map(column).collect();
                let paging = json!({"size": 10, "enabled": true});
                json!({"layerId": LAYER, "layerType": "data", "columns": columns,
                    "paging": paging})
            }
            Shape::Heat => json!({"layerId": LAYER, "layerType": "data", "shape": "heatmap",
                "xAccessor": bucket(0), "yAccessor": bucket(1), "valueAccessor": figures[0],
                "legend": {"isVisible": true, "position": "right", "type": "heatmap_legend"},
                "gridConfig": {"type": "heatmap_grid", "isCellLabelVisible": true,
                    "isXAxisLabelVisible": true, "isYAxisLabelVisible": true,
                    "isXAxisTitleVisible": false, "isYAxisTitleVisible": false}}),
        }
    }
}

impl Shape {
    fn kind(self) -> &'static str {
        match self {
            Shape::Metric => "lnsMetric",
            Shape::Line | Shape::Bars => "lnsXY",
            Shape::Table => "lnsDatatable",
            Shape::Heat => "lnsHeatmap",
        }
    }
}

/// Gives a query as Kibana keeps it.
pub(super) fn kql(query: &str) -> Value {
    json!({"query": query, "language": "kuery"})
}
