//! What stands above the accounts of a requirement: its text.

use maud::{Markup, html};

use crate::html::overview::trail;
use crate::routes::Shown;

/// The requirement's text.
pub(crate) fn above(shown: Shown<'_>) -> Markup {
    let Some(one) = shown.view.requirement(shown.parts.get("requirement")) else {
        return Markup::default();
    };
    html! {
        (trail(&[("Requirements", "/requirements".to_owned())]))
        dl.facts {
            div { dt { "Severity" } dd class=(one.severity.as_str()) { (one.severity) } }
            div { dt { "Weight" } dd { (one.weight) } }
            div { dt { "Judges" } dd { (one.resource_type) } }
            div { dt { "Id" } dd { (one.id) } }
            @if !one.controls.is_empty() {
                div { dt { "Controls" } dd { (one.controls.join(", ")) } }
            }
        }
        h2 { "Why it matters" }
        p { (one.why) }
        h2 { "How to mend a failure" }
        p { (one.remediation) }
        @if let Some(rule) = &one.rule {
            details { summary { "The rule" } pre tabindex="0" { code { (rule.pass) } } }
        }
        @for change in &one.changes { p { "Changed from what ships: " (change) } }
    }
}
