//! A page as HTML for mailboxes: tables and styles in place, nothing that is loaded. Pure.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::page::{Page, Section};

/// By what name the picture of the score is known within a message.
pub(crate) const PICTURE_ID: &str = "score";

/// The picture's size in pixels, as it is shown.
pub(crate) const PICTURE_SIZE: (u32, u32) = (600, 150);

// The colours of the workbooks.
const BASE: &str = "font-family:Calibri,Arial,sans-serif;font-size:14px;color:#1f2937;";
const NAVY: &str = "#1f3a5f";
const FAINT: &str = "#5b6674";

/// Gives the HTML; `picture` is where the picture of the score is, as its `src`.
pub(crate) fn html(page: &Page, picture: &str) -> String {
    let (width, height) = PICTURE_SIZE;
    let alt = format!("Score {} {}, {}", page.score, page.standing, page.change);
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta http-equiv="Content-Type" content="text/html; charset=utf-8";
                title { (page.title) }
            }
            body style="margin:0;padding:0;background-color:#f5f7fa;" {
                (preheader(&page.preheader))
                table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"
                    style="background-color:#f5f7fa;" {
                    tr { td align="center" style="padding:16px;" {
                        table role="presentation" width="680" cellpadding="0" cellspacing="0"
                            border="0" style=(format!("{BASE}background-color:#ffffff;")) {
                            (row(html! {
                                h1 style=(format!("margin:0;font-size:24px;color:{NAVY};")) {
                                    (page.title)
                                }
                            }))
                            (row(score(page)))
                            (row(html! {
                                img src=(picture) width=(width) height=(height) alt=(alt)
                                    style="border:0;";
                            }))
                            (row(figures(page)))
                            @for remark in &page.remarks { (row(warning(remark))) }
                            @for one in &page.sections { (row(section(one))) }
                            (row(footer(page)))
                        }
                    } }
                }
            }
        }
    };
    document.into_string()
}

/// What a mailbox shows beside the subject line, and a message does not.
fn preheader(text: &str) -> Markup {
    html! {
        div style="display:none;font-size:1px;line-height:1px;color:#f5f7fa;" { (text) }
    }
}

fn row(content: Markup) -> Markup {
    html! { tr { td style="padding:12px 24px;" { (content) } } }
}

fn score(page: &Page) -> Markup {
    html! {
        span style="font-size:32px;font-weight:bold;" { (page.score) }
        (PreEscaped("&nbsp; "))
        span style="font-size:18px;" { (page.standing) }
        @if !page.change.is_empty() {
            br;
            span style=(format!("color:{FAINT};")) { (page.change) }
        }
    }
}

fn figures(page: &Page) -> Markup {
    html! {
        table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" {
            tr {
                @for (label, value) in &page.figures {
                    td align="center" style=(format!(
                        "padding:8px;background-color:#f5f7fa;border-top:2px solid {NAVY};"
                    )) {
                        span style=(format!("font-size:12px;color:{FAINT};")) { (label) }
                        br;
                        span style=(format!("font-size:20px;font-weight:bold;color:{NAVY};")) {
                            (value)
                        }
                    }
                }
            }
        }
    }
}

fn warning(text: &str) -> Markup {
    html! {
        table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" {
            tr { td style="padding:8px;background-color:#ffe8a3;font-weight:bold;" { (text) } }
        }
    }
}

fn section(section: &Section) -> Markup {
    html! {
        h2 style=(format!("margin:0;font-size:18px;color:{NAVY};")) { (section.title) }
        span style=(format!("font-size:12px;color:{FAINT};")) { (section.note) }
        @if section.rows.is_empty() { br; "None." } @else { (table(section)) }
    }
}

fn table(section: &Section) -> Markup {
    let side = |is_number: bool| if is_number { "right" } else { "left" };
    let line = "border:1px solid #d5dbe3;padding:4px 8px;";
    html! {
        table width="100%" cellpadding="0" cellspacing="0" border="0"
            style="border-collapse:collapse;font-size:13px;" {
            tr {
                @for (label, is_number) in &section.columns {
                    th align=(side(*is_number)) style=(format!(
                        "{line}background-color:{NAVY};color:#ffffff;"
                    )) { (label) }
                }
            }
            @for row in &section.rows {
                tr {
                    @for ((_, is_number), cell) in section.columns.iter().zip(row) {
                        td align=(side(*is_number)) valign="top"
                            style=(format!("{line}{}", fill(cell))) { (cell) }
                    }
                }
            }
        }
    }
}

/// Gives the fill of words that stand for how grave or how good something is, as the workbooks have
/// it; the word itself always says the same.
fn fill(cell: &str) -> &'static str {
    match cell {
        "critical" => "background-color:#8c1d18;color:#ffffff;",
        "high" | "■ poor" | "✗ newly failing" => "background-color:#ef6548;",
        "medium" | "▲ fair" | "✗ credit lapsed" => "background-color:#fdbb84;",
        "low" => "background-color:#fef0d9;",
        "● good" | "✓ fixed" => "background-color:#d3efdb;",
        "not collected" => "background-color:#dce6f5;",
        _ => "",
    }
}

fn footer(page: &Page) -> Markup {
    html! {
        @for line in &page.footer {
            p style=(format!("margin:0;font-size:12px;color:{FAINT};")) { (line) }
        }
    }
}
