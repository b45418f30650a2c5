//! A rule with parameters is the rule with their values in the texts.

use serde_json::json;

use super::{Case, DAY_MS, NOW_MS, compiled};
use crate::{Judgement, RuleSource, library::time::format, parameters};

const PARAMETERS: &str = r#"{"days": 90, "share": 1.5, "strict": true, "name": "web",
    "ports": [22, 3389], "none": [], "kinds": ["tcp", "6"], "pattern": "^w",
    "range": "10.0.0.0/8"}"#;

/// Texts with parameters, and the same with values.
const TEXTS: &[(&str, &str)] = &[
    ("age_days(item.At, now) <= param.days", "age_days(item.At, now) <= 90"),
    ("item.Share < param.share", "item.Share < 1.5"),
    ("param.strict ? item.On : true", "true ? item.On : true"),
    ("item.Name == param.name", "item.Name == \"web\""),
    ("item.Port in param.ports", "item.Port in [22, 3389]"),
    ("item.Port in param.none", "item.Port in []"),
    ("item.Kind in param.kinds", "item.Kind in [\"tcp\", \"6\"]"),
    ("param.ports.exists(port, item.Port == port)", "[22, 3389].exists(port, item.Port == port)"),
    ("item.Port in param.ports + [443]", "item.Port in [22, 3389] + [443]"),
    ("param.ports[0] == item.Port", "[22, 3389][0] == item.Port"),
    ("item.Name.matches(param.pattern)", "item.Name.matches(\"^w\")"),
    ("cidr_contains(param.range, item.Cidr)", "cidr_contains(\"10.0.0.0/8\", item.Cidr)"),
    ("size(s.L.filter(l, l.Port == param.ports[1])) < param.days", "size(s.L) < 90"),
];

fn items() -> Case {
    let item = |name: &str, days: i64, port: i64| {
        let range = format!("{}.0.0.0/8", port.min(99));
        json!({"Name": name, "At": format(NOW_MS - days * DAY_MS), "Port": port, "Kind": "tcp",
            "Share": days as f64 / 60.0, "On": port == 22, "Cidr": range})
    };
    let items = [item("web", 90, 22), item("api", 91, 3389), item("www", 1, 10)];
    Case::s(json!({"L": items, "Other": [{}]}))
}

fn judged(list: &str, key: &str, pass: &str, message: &str) -> Vec<Judgement> {
    let parameters = parameters(PARAMETERS).expect("they are parameters");
    let each = Some((list, key));
    let message = Some(message);
    let parameters = Some(&parameters);
    let source = RuleSource { each, pass, message, parameters, ..RuleSource::default() };
    items().run(&compiled(&source))
}

#[test]
fn a_parameter_is_its_value() {
    for (with, without) in TEXTS {
        let ours = judged("s.L", "item.Name", with, "no");
        assert_eq!(ours, judged("s.L", "item.Name", without, "no"), "{with}");
        assert_eq!(ours.len(), 3, "{with}");
    }
    let flips = judged("s.L", "item.Name", TEXTS[0].0, "no");
    assert_eq!(flips[0].flips_at_ms, Some(NOW_MS + DAY_MS));
}

#[test]
fn every_text_may_use_parameters() {
    let list = "s.L.filter(l, l.Port in param.ports)";
    let message = "{item.Name} is past {param.days} days";
    let found = judged(list, "item.Name + param.name", TEXTS[0].0, message);
    let parts: Vec<_> = found.iter().map(|one| (&*one.part, &*one.evidence)).collect();
    assert_eq!(parts, [("webweb", ""), ("apiweb", "api is past 90 days")]);
    let unknown = judged("s.Other", "param.name", "item.Age <= param.days", "no");
    assert_eq!(unknown[0].evidence, "s.Other[].Age is absent");
}
