//! The interface for programs, described: an OpenAPI 3.1 document made from the table of addresses.

use serde_json::{Map, Value as Json, json};

use crate::html::resource;
use crate::query::{PAGE_MAX, WORDS_CHARS_MAX};
use crate::routes::{ListOf, PART_CHARS_MAX, Parts, ROUTES, Route, What};
use crate::table::{Column, Kind, PAGE_ROWS, PAGE_ROWS_MAX};
use crate::tables::Tables;
use crate::view::{Scope, View};

/// Gives the document.
pub(crate) fn document() -> Json {
    let paths: Map<String, Json> = ROUTES
        .iter()
        .map(|route| (route.pattern.to_owned(), json!({ "get": operation(route) })))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "scorecard",
            "version": "1",
            "description": "What the page shows, for programs. Scores are shares of 1, points \
                hundredths of them, money whole units of the currency, times UTC.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/api/v1" }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The setting page.token, or an owner's of page.owners.",
                },
            },
            "schemas": { "Problem": problem() },
            "responses": responses(),
        },
    })
}

fn operation(route: &Route) -> Json {
    let mut answers = json!({
        "200": { "description": route.summary, "content": { "application/json": {
            "schema": schema(route),
        } } },
        "401": { "$ref": "#/components/responses/Unknown" },
        "404": { "$ref": "#/components/responses/Missing" },
    });
    let is_table = matches!(route.what, What::List { .. } | What::Search { .. });
    if is_table {
        answers["400"] = json!({ "$ref": "#/components/responses/Wrong" });
    }
    if matches!(route.what, What::Document) {
        answers["503"] = json!({ "$ref": "#/components/responses/Failed" });
    }
    json!({
        "summary": route.summary,
        "operationId": name(route.pattern),
        "parameters": parameters(route),
        "responses": answers,
    })
}

/// `/account/{account}` is called `account_by_account`.
fn name(pattern: &str) -> String {
    let parts = pattern.split('/').filter(|part| !part.is_empty());
    let words = parts.map(|part| match part.strip_prefix('{') {
        Some(name) => format!("by_{}", name.trim_end_matches('}')),
        None => part.to_owned(),
    });
    let name = words.collect::<Vec<_>>().join("_");
    if name.is_empty() { "overview".to_owned() } else { name }
}

fn parameters(route: &Route) -> Vec<Json> {
    let parts = route.pattern.split('/').filter_map(|part| part.strip_prefix('{'));
    let mut all: Vec<Json> = parts
        .map(|part| {
            json!({
                "name": part.trim_end_matches('}'),
                "in": "path",
                "required": true,
                "schema": { "type": "string", "minLength": 1, "maxLength": PART_CHARS_MAX },
            })
        })
        .collect();
    if !matches!(route.what, What::List { .. } | What::Search { .. }) {
        return all;
    }
    let sorts: Vec<String> = columns(route)
        .into_iter()
        .flat_map(|column| [column.name.to_string(), format!("-{}", column.name)])
        .collect();
    let holds = match route.what {
        What::Search { .. } => "What is looked for: an id, name, ARN, IP address or key=value.",
        _ => "Only rows that hold this text.",
    };
    all.push(parameter("q", holds, json!({ "type": "string", "maxLength": WORDS_CHARS_MAX })));
    all.push(parameter(
        "sort",
        "The column to sort by; the largest first with -.",
        json!({
            "type": "string", "enum": sorts,
        }),
    ));
    all.push(parameter(
        "page",
        "The page; the last one where there are fewer.",
        json!({
            "type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": 1,
        }),
    ));
    all.push(parameter(
        "rows",
        "Rows of a page.",
        json!({
            "type": "integer", "minimum": 1, "maximum": PAGE_ROWS_MAX, "default": PAGE_ROWS,
        }),
    ));
    all
}

/// Describes a parameter that stands behind `?`.
fn parameter(name: &str, words: &str, schema: Json) -> Json {
    json!({ "name": name, "in": "query", "description": words, "schema": schema })
}

/// Gives a list's columns. Those of a requirement or account are the same whichever it is.
fn columns(route: &Route) -> Vec<Column> {
    match &route.what {
        What::List { table, .. } | What::Search { table, .. } => shape(*table),
        What::Whole { .. } | What::Document => Vec::new(),
    }
}

/// Makes a list of one invented account, for its columns; with a requirement where it needs one,
/// and without where requirements are columns.
fn shape(table: ListOf) -> Vec<Column> {
    let one = || "1".to_owned();
    let mut tables = Tables::default();
    let account = schemas::AccountState { account: one(), listed: true, ..Default::default() };
    tables.accounts.insert(schemas::AccountKey::new("1"), account);
    tables.verdicts.insert(schemas::ComplianceKey::new("1", "1", "1", "1", ""), Default::default());
    let mut parts = Parts::default();
    parts.set("account", one());
    parts.set("requirement", one());
    let made = |tables: &Tables| {
        table(View { tables, scope: &Scope::All }, &parts).map(|table| table.columns)
    };
    let without = made(&tables);
    without
        .or_else(|| {
            let requirement = serde_json::from_value(json!({
                "id": "1", "title": "", "why": "", "severity": "low", "weight": 1,
                "resource_type": "", "scoring": "resources", "rule": null, "checks": [],
                "remediation": "",
            }));
            let key = schemas::RequirementKey::new("1");
            tables.requirements.insert(key, requirement.ok()?);
            made(&tables)
        })
        .unwrap_or_default()
}

fn schema(route: &Route) -> Json {
    match &route.what {
        What::List { .. } | What::Search { .. } => list(&columns(route)),
        What::Whole { members, .. } => json!({ "type": "object", "required": members }),
        What::Document => json!({ "type": "object", "required": resource::MEMBERS }),
    }
}

fn list(columns: &[Column]) -> Json {
    let properties: Map<String, Json> =
        columns.iter().map(|column| (column.name.to_string(), property(column))).collect();
    let required: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    json!({
        "type": "object",
        "required": ["at", "total", "page", "pages", "items"],
        "properties": {
            "at": { "type": ["string", "null"], "format": "date-time" },
            "total": { "type": "integer", "minimum": 0 },
            "page": { "type": "integer", "minimum": 1 },
            "pages": { "type": "integer", "minimum": 1 },
            "items": { "type": "array", "items": {
                "type": "object", "required": required, "properties": properties,
            } },
        },
    })
}

fn property(column: &Column) -> Json {
    let mut schema = match column.kind {
        Kind::Text => json!({ "type": ["string", "null"] }),
        Kind::Count => json!({ "type": ["integer", "null"] }),
        // Penalty points are no share: their cell is empty for programs.
        Kind::Score => json!({ "type": ["number", "null"], "minimum": 0, "maximum": 1 }),
        Kind::Points | Kind::Money => json!({ "type": ["number", "null"] }),
        Kind::Time => json!({ "type": ["string", "null"], "format": "date-time" }),
        Kind::Line => json!({ "type": "array", "items": { "type": ["number", "null"] } }),
    };
    schema["description"] = json!(column.label);
    schema
}

fn problem() -> Json {
    json!({
        "type": "object",
        "required": ["status", "title", "detail"],
        "properties": {
            "status": { "type": "integer" },
            "title": { "type": "string" },
            "detail": { "type": "string" },
        },
    })
}

fn responses() -> Json {
    let one = |words: &str| {
        json!({ "description": words, "content": { "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" },
        } } })
    };
    json!({
        "Wrong": one("A parameter is not understood."),
        "Unknown": one("A token is wanted."),
        "Missing": one("There is no such thing, or it is not the asker's to see."),
        "Failed": one("The document can't be read from the log at present."),
    })
}
