//! Tables in HTML: sorted by links, filtered by a form, cut into pages, offered as files.

use maud::{Markup, html};

use crate::forms::FILE_ROWS_MAX;
use crate::html::{svg, words};
use crate::query::{Asked, address};
use crate::table::{Across, Cell, Column, Kind, List, Paged, Table, Value};

/// A page of a table with everything to find one's way in it.
pub(crate) fn whole(mut paged: Paged, asked: &Asked, path: &str, can_filter: bool) -> Markup {
    let across = paged.table.cut_columns(asked.query.columns);
    let table = &paged.table;
    html! {
        div.list {
            div.tools {
                @if can_filter { (filter(asked, path)) }
                (files(paged.total, asked, path))
            }
            @if table.rows.is_empty() {
                p.empty { (table.empty) }
            } @else {
                @if let Some(across) = across { (columns(across, asked, path)) }
                (grid(table, Some((asked, path))))
                (pager(&paged, asked, path))
            }
        }
    }
}

/// The first rows of a list, with the way to all of it.
pub(crate) fn short(list: List<'_>, rows: usize, columns: &[&str], href: &str) -> Markup {
    let total = list.rows.len();
    let mut table = list.first(rows);
    table.retain_columns(|_, column| columns.contains(&&*column.name));
    html! {
        @if table.rows.is_empty() {
            p.empty { (table.empty) }
        } @else {
            (grid(&table, None))
        }
        p.more {
            a href=(href) {
                @if total > rows {
                    "All " (words::thousands(total as i64))
                } @else {
                    "The whole list"
                }
                span.unseen { ": " (table.caption) }
            }
        }
    }
}

fn grid(table: &Table, sorted: Option<(&Asked, &str)>) -> Markup {
    html! {
        // What scrolls can be reached by keys.
        div.scroll role="region" aria-label=(table.caption) tabindex="0" {
            table class=[table.is_matrix.then_some("heat")] {
                caption class=[sorted.is_none().then_some("unseen")] { (table.caption) }
                thead { tr { @for column in &table.columns { (heading(column, sorted)) } } }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (at, cell) in row.iter().enumerate() {
                                (data(cell, &table.columns[at], at == 0))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn heading(column: &Column, sorted: Option<(&Asked, &str)>) -> Markup {
    let class = class(column.kind);
    let Some((asked, path)) = sorted.filter(|_| column.kind != Kind::Line) else {
        return html! {
            th scope="col" class=(class) title=(column.label) { span { (column.label) } }
        };
    };
    let by = asked.query.sort.as_ref().filter(|(name, _)| *name == column.name);
    let (order, mark) = match by {
        Some((_, true)) => (Some("descending"), " ▾"),
        Some((_, false)) => (Some("ascending"), " ▴"),
        None => (None, ""),
    };
    let descending = by.is_some_and(|(_, descending)| !descending);
    let query = asked.with(|query| {
        query.sort = Some((column.name.to_string(), descending));
        query.page = 1;
    });
    html! {
        th scope="col" class=(class) aria-sort=[order] {
            a href={ (path) "?" (query) } { (column.label) (mark) }
        }
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Time => "time",
        Kind::Line => "line",
        Kind::Score => "number score",
        Kind::Count | Kind::Points | Kind::Money => "number",
    }
}

fn data(cell: &Cell, column: &Column, is_first: bool) -> Markup {
    let shade = match &cell.value {
        Value::Score(score) | Value::Standing(score) => words::heat(*score),
        _ => "",
    };
    let class = format!("{} {shade}", class(column.kind));
    let class = class.trim_end();
    let shown = html! {
        @match &cell.href {
            Some(href) if cell.value != Value::Empty => a href=(href) { (value(&cell.value)) },
            _ => (value(&cell.value)),
        }
    };
    html! {
        @if is_first { th scope="row" class=(class) { (shown) } }
        @else { td class=(class) { (shown) } }
    }
}

fn value(value: &Value) -> Markup {
    match value {
        Value::Empty => html! {},
        Value::Count(n) => html! { (words::thousands(*n)) },
        Value::Money(cents) => html! { (words::thousands(cents / 100)) },
        Value::Points(points) => html! { (words::points(*points)) },
        Value::Score(score) => words::score(*score),
        Value::Time(ms) => words::moment(*ms),
        Value::Line(values) => svg::line(values),
        Value::Severity(severity) => html! {
            span class={ "chip " (severity) } { (severity) }
        },
        value => html! { (value.text()) },
    }
}

fn filter(asked: &Asked, path: &str) -> Markup {
    html! {
        form.filter action=(path) role="search" aria-label="Rows of this table" {
            label for="filter" { "Rows that hold" }
            input #filter type="search" name="q" value=(asked.query.holds) maxlength="200";
            @if let Some((column, descending)) = &asked.query.sort {
                input type="hidden" name="sort"
                    value={ @if *descending { "-" } (column) };
            }
            @if asked.query.columns > 1 {
                input type="hidden" name="columns" value=(asked.query.columns);
            }
            button { "Filter" }
        }
    }
}

/// Offers all rows as files, and says so where a file ends before them.
fn files(total: usize, asked: &Asked, path: &str) -> Markup {
    // Files have all pages, down and across.
    let query = asked.with(|query| (query.page, query.columns) = (1, 1));
    let and = if query.is_empty() { "" } else { "&" };
    let of = |form: &str| format!("{path}?{query}{and}format={form}");
    html! {
        p.files {
            "Save as "
            a href=(of("csv")) { "CSV" } ", "
            a href=(of("xlsx")) { "XLSX" } ", "
            a href=(of("json")) { "JSON" }
            @if total > FILE_ROWS_MAX {
                ". CSV and XLSX have the first " (words::thousands(FILE_ROWS_MAX as i64)) " of "
                (words::thousands(total as i64)) " rows."
            }
        }
    }
}

/// Says which of a matrix's columns are shown, and leads to the others.
fn columns(across: Across, asked: &Asked, path: &str) -> Markup {
    let to = |page: usize| address(path, &asked.with(|query| query.columns = page));
    let Across { page, pages, first, last, total } = across;
    html! {
        nav.pager aria-label="Columns of this table" {
            @if page > 1 {
                a href=(to(1)) { "First columns" } " "
                a href=(to(page - 1)) { "Previous columns" } " "
            }
            span {
                "Columns " (first) " to " (last) " of " (words::thousands(total as i64))
                "; a file has all of them"
            }
            @if page < pages {
                " " a href=(to(page + 1)) { "Next columns" }
                " " a href=(to(pages)) { "Last columns" }
            }
        }
    }
}

fn pager(paged: &Paged, asked: &Asked, path: &str) -> Markup {
    let rows = words::counted(paged.total as i64, "row", "rows");
    let to = |page: usize| address(path, &asked.with(|query| query.page = page));
    html! {
        @if paged.pages == 1 {
            p.count { (rows) }
        } @else {
            nav.pager aria-label="Pages of this table" {
                @if paged.page > 1 {
                    a href=(to(1)) { "First" } " "
                    a rel="prev" href=(to(paged.page - 1)) { "Previous" } " "
                }
                span { "Page " (paged.page) " of " (paged.pages) ", " (rows) }
                @if paged.page < paged.pages {
                    " " a rel="next" href=(to(paged.page + 1)) { "Next" }
                    " " a href=(to(paged.pages)) { "Last" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_end_early_say_so() {
        let said = |total| files(total, &Asked::read("").unwrap(), "/heat").into_string();
        assert!(!said(FILE_ROWS_MAX).contains("first"), "{}", said(FILE_ROWS_MAX));
        let cut = said(FILE_ROWS_MAX + 1).replace('\u{202f}', " ");
        assert!(cut.contains("the first 100 000 of 100 001 rows"), "{cut}");
    }
}
