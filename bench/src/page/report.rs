//! The report on the page.

use serde_json::{Value, json};

use crate::report::{head, line, round};

/// Gives the figures that tell most.
pub(super) fn summary(figures: &Value) -> Value {
    let of = |name: &str, form: &str| {
        let all = figures["addresses"].as_array().into_iter().flatten();
        let mut found = all.filter(|one| one["name"] == name && one["form"] == form);
        found.next().map_or(Value::Null, |one| short(&one["p50_ms"]))
    };
    let all = || figures["addresses"].as_array().into_iter().flatten();
    let slowest = all().filter(|one| one["form"] == "html").max_by(|a, b| {
        a["p50_ms"].as_f64().unwrap_or(0.0).total_cmp(&b["p50_ms"].as_f64().unwrap_or(0.0))
    });
    let largest = all().filter(|one| one["form"] == "html").filter_map(|one| one["bytes"].as_u64());
    json!({
        "overview_ms": of("/", "html"),
        "heat_ms": of("/heat", "html"),
        "account_ms": of("/account/ID", "html"),
        "search_ms": of("/search by IP address", "html"),
        "slowest_html_ms": slowest.map_or(Value::Null, |one| short(&one["p50_ms"])),
        "largest_html_bytes": largest.max(),
        "change_ms": short(&figures["change"]["account_p50_ms"]),
        "busy_max_ms": short(&figures["busy"]["max_ms"]),
        "event_ms": short(&figures["event"]["first_ms"]),
        "loaded_s": short(&figures["loaded_s"]),
        "peak_mib": figures["peak_mib"],
    })
}

fn short(figure: &Value) -> Value {
    round(figure.as_f64()).map_or(Value::Null, Value::from)
}

/// Writes the report as Markdown.
pub(super) fn markdown(report: &Value) -> String {
    let figures = &report["figures"];
    let mut to = String::from("# The page of a large organisation\n\n");
    let settings = format!("Made by `bench/run page`; settings: `{}`.\n", report["settings"]);
    line(&mut to, &settings);
    line(&mut to, "There is no peer to compare with. `bench/README.md` says how.\n");
    head(&mut to, "figure | value");
    for (name, value) in report["summary"].as_object().into_iter().flatten() {
        line(&mut to, &format!("| `{name}` | {value} |"));
    }
    line(&mut to, "\n## Reading, memory, changes\n");
    head(&mut to, "figure | value");
    for (name, value) in figures.as_object().into_iter().flatten() {
        if !value.is_array() {
            line(&mut to, &format!("| `{name}` | {value} |"));
        }
    }
    line(&mut to, "\n## Each address\n");
    table(&mut to, &figures["addresses"]);
    line(&mut to, "\n## As an owner\n");
    table(&mut to, &figures["owner"]);
    to
}

fn table(to: &mut String, addresses: &Value) {
    head(to, "address | form | p50, ms | most, ms | bytes");
    for one in addresses.as_array().into_iter().flatten() {
        let of = |name: &str| one[name].as_f64().unwrap_or_default();
        let (name, form) = (one["name"].as_str(), one["form"].as_str());
        let (name, form) = (name.unwrap_or_default(), form.unwrap_or_default());
        let (p50, max, bytes) = (of("p50_ms"), of("max_ms"), of("bytes"));
        line(to, &format!("| {name} | {form} | {p50:.1} | {max:.1} | {bytes} |"));
    }
}
