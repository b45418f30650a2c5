//! What stands above the resources that answer.

use maud::{Markup, html};

use crate::routes::Shown;

/// The question once more.
pub(crate) fn above(shown: Shown<'_>) -> Markup {
    let wanted = shown.parts.get("q");
    html! {
        @if !wanted.is_empty() { p { "Resources that answer “" strong { (wanted) } "”." } }
    }
}
