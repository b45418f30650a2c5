//! Tables as data: what a page, a file and the interface for programs are all made of.

use std::borrow::Cow;
use std::cmp::Ordering;

use schemas::Severity;
use sink_workbook::Score;

use crate::rows::Rows;

/// The most rows of one page of a table, for people and for programs.
pub(crate) const PAGE_ROWS_MAX: usize = 1_000;

/// Rows of one page when nobody asks for another number.
pub(crate) const PAGE_ROWS: usize = 50;

/// Columns of a matrix on one page: what fits on a screen.
pub(crate) const PAGE_COLUMNS: usize = 20;

/// Columns that each page of a matrix begins with: what a row is, and its own score.
pub(crate) const HEAD_COLUMNS: usize = 2;

/// A table before it is cut into pages.
pub(crate) type List<'t> = Table<Rows<'t>>;

/// A table; what is shown of one has its rows made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table<R = Vec<Vec<Cell>>> {
    /// Its name: what its file is called.
    pub(crate) name: String,
    /// What it shows, in a sentence without a stop.
    pub(crate) caption: String,
    /// What its page is called.
    pub(crate) title: String,
    /// Its columns.
    pub(crate) columns: Vec<Column>,
    /// Its rows in their usual order, each as wide as `columns`.
    pub(crate) rows: R,
    /// Whether its headings are turned, because there are many narrow columns, which have pages
    /// too.
    pub(crate) is_matrix: bool,
    /// What is said instead of rows when there are none.
    pub(crate) empty: &'static str,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    /// Its name for programs: `not_collected`.
    pub(crate) name: Cow<'static, str>,
    /// Its heading.
    pub(crate) label: Cow<'static, str>,
    /// What its cells hold.
    pub(crate) kind: Kind,
}

/// What the cells of a column hold; any may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Count,
    /// A share of 1.
    Score,
    /// Points: hundredths of a score.
    Points,
    /// An instant.
    Time,
    /// Money.
    Money,
    /// A line of scores by day.
    Line,
}

/// A cell, with where it leads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell {
    /// What it holds.
    pub(crate) value: Value,
    /// The address that it leads to.
    pub(crate) href: Option<String>,
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing.
    Empty,
    /// Text from anywhere.
    Text(String),
    /// How grave a failure is.
    Severity(Severity),
    /// How a score stands, in a word with its mark.
    Standing(Score),
    /// A whole number.
    Count(i64),
    /// A score or why there is none.
    Score(Score),
    /// Points: hundredths of a score.
    Points(f64),
    /// An instant in UTC milliseconds.
    Time(i64),
    /// An amount in hundredths of the currency.
    Money(i64),
    /// Scores by day, the oldest first.
    Line(Vec<Option<f64>>),
}

/// What of a table is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// The column to sort by, with whether the largest comes first.
    pub(crate) sort: Option<(String, bool)>,
    /// What a row must hold; any when empty.
    pub(crate) holds: String,
    /// The page, from 1.
    pub(crate) page: usize,
    /// Rows of a page.
    pub(crate) rows: usize,
    /// The page of a matrix's columns, from 1.
    pub(crate) columns: usize,
}

/// A page of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Paged {
    /// The table with the rows of this page alone.
    pub(crate) table: Table,
    /// The page, from 1; the last one when a later one was asked for.
    pub(crate) page: usize,
    /// Pages; 1 when there are no rows.
    pub(crate) pages: usize,
    /// Rows of all pages.
    pub(crate) total: usize,
}

/// Declares columns: name, heading and kind of each.
pub(crate) fn columns(of: &[(&'static str, &'static str, Kind)]) -> Vec<Column> {
    let column = |&(name, label, kind): &(&'static str, &'static str, Kind)| Column {
        name: name.into(),
        label: label.into(),
        kind,
    };
    of.iter().map(column).collect()
}

impl<'t> List<'t> {
    /// Makes a table without rows.
    pub(crate) fn new(name: &str, caption: impl Into<String>, columns: Vec<Column>) -> Self {
        let caption = caption.into();
        // A page is called as its table, without the order of its rows.
        let title = caption.split([',', ':']).next().unwrap_or_default().to_owned();
        Self {
            name: name.to_owned(),
            caption,
            title,
            columns,
            rows: Rows::default(),
            is_matrix: false,
            empty: "There is nothing to show.",
        }
    }

    /// Keeps the rows that are asked for, in the order that is asked for.
    fn sift(&mut self, query: &Query) {
        let by = query.sort.as_ref();
        let by = by.and_then(|(name, descending)| Some((self.place(name)?, *descending)));
        if query.holds.is_empty() && by.is_none() {
            return;
        }
        let mut rows = std::mem::take(&mut self.rows).cut(0, usize::MAX);
        if !query.holds.is_empty() {
            let wanted = query.holds.to_lowercase();
            rows.retain(|row| row.iter().any(|cell| cell.holds(&wanted)));
        }
        if let Some((at, descending)) = by {
            // The sort is stable; what is empty comes last either way.
            rows.sort_by(|a, b| a[at].value.order(&b[at].value, descending));
        }
        self.rows = Rows::Made(rows);
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == *name)
    }

    /// Cuts out a page.
    pub(crate) fn paged(mut self, query: &Query) -> Paged {
        self.sift(query);
        let rows = query.rows.clamp(1, PAGE_ROWS_MAX);
        let total = self.rows.len();
        let pages = total.div_ceil(rows).max(1);
        let page = query.page.clamp(1, pages);
        Paged { table: self.cut((page - 1) * rows, rows), page, pages, total }
    }

    /// Gives the rows that are asked for, of all pages, but at most so many.
    pub(crate) fn sifted(mut self, query: &Query, rows: usize) -> Table {
        self.sift(query);
        self.cut(0, rows)
    }

    /// Keeps the first rows.
    pub(crate) fn first(self, rows: usize) -> Table {
        self.cut(0, rows)
    }

    fn cut(self, from: usize, most: usize) -> Table {
        let Self { name, caption, title, columns, rows, is_matrix, empty } = self;
        let rows = rows.cut(from, most);
        Table { name, caption, title, columns, rows, is_matrix, empty }
    }
}

impl Table {
    /// Keeps the columns of which `is_kept` holds, by their places.
    pub(crate) fn retain_columns(&mut self, is_kept: impl Fn(usize, &Column) -> bool) {
        let kept: Vec<bool> =
            self.columns.iter().enumerate().map(|(at, column)| is_kept(at, column)).collect();
        for row in &mut self.rows {
            let mut kept = kept.iter();
            row.retain(|_| kept.next().is_some_and(|kept| *kept));
        }
        let mut kept = kept.iter();
        self.columns.retain(|_| kept.next().is_some_and(|kept| *kept));
    }

    /// Cuts out a page of a matrix's columns; none where the table has no such pages.
    pub(crate) fn cut_columns(&mut self, page: usize) -> Option<Across> {
        const STEP: usize = PAGE_COLUMNS - HEAD_COLUMNS;
        let total = self.columns.len().saturating_sub(HEAD_COLUMNS);
        if !self.is_matrix || total <= STEP {
            return None;
        }
        let pages = total.div_ceil(STEP);
        let page = page.clamp(1, pages);
        let from = (page - 1) * STEP;
        let shown = HEAD_COLUMNS + from..HEAD_COLUMNS + from + STEP;
        self.retain_columns(|at, _| at < HEAD_COLUMNS || shown.contains(&at));
        let last = self.columns.len() - HEAD_COLUMNS + from;
        Some(Across { page, pages, first: from + 1, last, total })
    }
}

/// A page of a matrix's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Across {
    /// The page, from 1; the last one when a later one was asked for.
    pub(crate) page: usize,
    /// Pages.
    pub(crate) pages: usize,
    /// The first column that is shown, from 1, without those that each page begins with.
    pub(crate) first: usize,
    /// The last one.
    pub(crate) last: usize,
    /// Columns of all pages.
    pub(crate) total: usize,
}

impl Cell {
    /// Lets the cell lead to an address.
    pub(crate) fn to(mut self, href: impl Into<String>) -> Self {
        self.href = Some(href.into());
        self
    }

    fn holds(&self, wanted: &str) -> bool {
        self.value.text().to_lowercase().contains(wanted)
    }
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Self { value, href: None }
    }
}

/// Makes a cell of text; an empty one of none.
pub(crate) fn text(text: impl Into<String>) -> Cell {
    let text = text.into();
    if text.is_empty() { Value::Empty.into() } else { Value::Text(text).into() }
}

/// Makes a cell of a number.
pub(crate) fn count(n: i64) -> Cell {
    Value::Count(n).into()
}

/// Makes a cell of an instant, or an empty one.
pub(crate) fn time(ms: Option<i64>) -> Cell {
    ms.map_or(Value::Empty, Value::Time).into()
}

/// Makes a cell of a score.
pub(crate) fn score(score: Score) -> Cell {
    Value::Score(score).into()
}

/// Makes a cell of how a score stands.
pub(crate) fn standing(score: Score) -> Cell {
    Value::Standing(score).into()
}

impl Value {
    /// Gives what it says as text; empty for what no text says.
    pub(crate) fn text(&self) -> String {
        match self {
            Value::Empty | Value::Line(_) => String::new(),
            Value::Text(text) => text.clone(),
            Value::Severity(severity) => severity.to_string(),
            Value::Standing(score) => score.word().to_owned(),
            Value::Count(n) => n.to_string(),
            Value::Score(score) => percent(*score),
            Value::Points(points) => format!("{points:.2}"),
            Value::Time(ms) => schemas::headers::rfc3339(*ms),
            Value::Money(cents) => format!("{:.2}", *cents as f64 / 100.0),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Value::Count(n) | Value::Time(n) | Value::Money(n) => Some(*n as f64),
            Value::Points(points) => Some(*points),
            Value::Score(Score::Penalty(points)) => Some(*points as f64),
            Value::Score(score) | Value::Standing(score) => score.value(),
            Value::Severity(severity) => Some(f64::from(*severity as u8)),
            Value::Line(values) => values.iter().rev().find_map(|value| *value),
            Value::Empty | Value::Text(_) => None,
        }
    }

    fn order(&self, other: &Self, descending: bool) -> Ordering {
        let turn = |order: Ordering| if descending { order.reverse() } else { order };
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => turn(a.to_lowercase().cmp(&b.to_lowercase())),
            (Value::Text(_), _) => Ordering::Less,
            (_, Value::Text(_)) => Ordering::Greater,
            _ => match (self.number(), other.number()) {
                (Some(a), Some(b)) => turn(a.total_cmp(&b)),
                (a, b) => b.is_some().cmp(&a.is_some()),
            },
        }
    }
}

/// Writes a score in percent, or why there is none.
pub(crate) fn percent(score: Score) -> String {
    match score {
        Score::Scored { value, partial } => {
            let mark = if partial { "*" } else { "" };
            format!("{}{mark}", schemas::percent(value))
        }
        Score::Penalty(points) => points.to_string(),
        none => none.word().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[(&str, Option<i64>)]) -> List<'static> {
        let of = columns(&[("name", "Name", Kind::Text), ("n", "N", Kind::Count)]);
        let mut table = List::new("t", "Things", of);
        let row = |(name, n): &(&str, Option<i64>)| {
            vec![text(*name), n.map_or(Value::Empty.into(), count)]
        };
        table.rows = names.iter().map(row).collect();
        table
    }

    fn names(paged: &Paged) -> Vec<String> {
        paged.table.rows.iter().map(|row| row[0].value.text()).collect()
    }

    #[test]
    fn rows_are_sorted_filtered_and_cut() {
        let rows = [("b", Some(2)), ("Cab", None), ("a", Some(10)), ("d", Some(1))];
        let query = |sort: &str, holds: &str, page, rows| {
            let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |n| (n, true));
            let sort = (!sort.is_empty()).then(|| (name.to_owned(), descending));
            Query { sort, holds: holds.to_owned(), page, rows, columns: 1 }
        };
        let check = |asked: Query, expected: &[&str], pages, total| {
            let paged = table(&rows).paged(&asked);
            assert_eq!(names(&paged), expected, "{asked:?}");
            assert_eq!((paged.pages, paged.total), (pages, total), "{asked:?}");
        };
        check(query("", "", 1, 10), &["b", "Cab", "a", "d"], 1, 4);
        check(query("name", "", 1, 10), &["a", "b", "Cab", "d"], 1, 4);
        check(query("n", "", 1, 10), &["d", "b", "a", "Cab"], 1, 4);
        check(query("-n", "", 1, 10), &["a", "b", "d", "Cab"], 1, 4);
        check(query("", "A", 1, 10), &["Cab", "a"], 1, 2);
        check(query("n", "", 2, 3), &["Cab"], 2, 4);
        check(query("n", "", 99, 3), &["Cab"], 2, 4);
        check(query("no such", "", 1, 1), &["b"], 4, 4);
        check(query("", "zzz", 1, 1), &[], 1, 0);
    }
}
