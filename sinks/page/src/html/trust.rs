//! What stands above the table of trust: the graph.

use maud::{Markup, html};

use crate::html::svg;
use crate::routes::Shown;

/// The graph of foreign accounts.
pub(crate) fn above(shown: Shown<'_>) -> Markup {
    html! {
        h2 { "Foreign accounts" }
        p.remark {
            "On the left who is let in (■ unknown, ● known), on the right who lets them in."
        }
        (svg::trust(shown.view))
        h2 { "All principals" }
    }
}
