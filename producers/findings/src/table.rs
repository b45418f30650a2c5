//! Tables as scanners write them: CSV with a header, in columns that are found by their names.

use std::cmp::Ordering;

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

/// Columns of a table; those of known scanners have 60 at most.
const COLUMNS_MAX: usize = 1_000;

/// Bytes of a column's name, which each of its cells gets.
const COLUMN_BYTES_MAX: usize = 256;

/// Takes each row of a table: the place, and an object of texts by the columns' names in lower
/// case; or why the row can't be used.
///
/// Cells stand between commas, semicolons or tabs, whichever the header has most of.
///
/// # Errors
/// A column is missing, there twice or too long, or the table breaks off, as it does where a
/// scanner was stopped while it wrote: its last row is short, or its last line or a cell's quotes
/// do not end.
pub(crate) fn each(
    text: &str,
    columns: &[&str],
    mut take: impl FnMut(String, Result<Value, String>),
) -> Result<(), String> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut lines = Lines { text, line: 1, counted: 0 };
    let mut header: Option<Vec<String>> = None;
    // A row that is short may be one of many, or the one in which the table breaks off.
    let mut short = None;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| format!("it is no CSV: {error}"))? {
        let Some(names) = &header else {
            header = Some(read_header(&record, columns)?);
            continue;
        };
        if let Some((place, reason)) = short.take() {
            take(place, Err(reason));
        }
        let place = format!("line {}", lines.of(&record));
        let reason = || format!("it has {} cells, the header {}", record.len(), names.len());
        match record.len().cmp(&names.len()) {
            _ if record.iter().all(str::is_empty) => {}
            Ordering::Equal => take(place, Ok(object(names, &record))),
            Ordering::Greater => take(place, Err(reason())),
            Ordering::Less => short = Some((place, reason())),
        }
    }
    match short {
        Some((place, reason)) => Err(format!("it breaks off in {place}: {reason}")),
        None if !text.ends_with(['\n', '\r']) => {
            Err("it breaks off: its last line has no end".into())
        }
        None if has_open_quotes(text) => Err("it breaks off within quotes".into()),
        None => Ok(()),
    }
}

/// Tells whether a cell's quotes never end: quotes within a cell are doubled.
fn has_open_quotes(text: &str) -> bool {
    !text.bytes().filter(|byte| *byte == b'"').count().is_multiple_of(2)
}

/// Counts lines: the reader's own numbers are off by one where lines end in CR and LF.
struct Lines<'a> {
    text: &'a str,
    line: usize,
    counted: usize,
}

impl Lines<'_> {
    /// Gives the line in which a record begins; records come in their order.
    fn of(&mut self, record: &StringRecord) -> usize {
        let from = record.position().and_then(|at| usize::try_from(at.byte()).ok());
        let bytes = self.text.as_bytes();
        let from = from.unwrap_or(self.counted).clamp(self.counted, bytes.len());
        let start = from + bytes[from..].iter().take_while(|byte| b"\r\n".contains(byte)).count();
        self.line += bytes[self.counted..start].iter().filter(|byte| **byte == b'\n').count();
        self.counted = start;
        self.line
    }
}

fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |one: &u8| header.bytes().filter(|byte| byte == one).count();
    *[b'\t', b';', b','].iter().max_by_key(|one| count(one)).expect("there are three")
}

fn read_header(record: &StringRecord, columns: &[&str]) -> Result<Vec<String>, String> {
    let names: Vec<String> = record.iter().map(|name| name.trim().to_lowercase()).collect();
    if names.len() > COLUMNS_MAX {
        return Err(format!("it has more than {COLUMNS_MAX} columns"));
    }
    if let Some(at) = names.iter().position(|name| name.len() > COLUMN_BYTES_MAX) {
        return Err(format!(
            "the name of column {} has more than {COLUMN_BYTES_MAX} bytes",
            at + 1
        ));
    }
    if let Some(missing) = columns.iter().find(|name| !names.iter().any(|one| one == *name)) {
        return Err(format!("it has no column `{missing}`"));
    }
    let twice = |(at, name): &(usize, &String)| !name.is_empty() && names[..*at].contains(name);
    match names.iter().enumerate().find(twice) {
        Some((_, name)) => Err(format!("column `{name}` is there twice")),
        None => Ok(names),
    }
}

fn object(names: &[String], record: &StringRecord) -> Value {
    let text = |cell: &str| Value::String(cell.to_owned());
    let cells = names.iter().zip(record).map(|(name, cell)| (name.clone(), text(cell)));
    Value::Object(cells.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a table that must have a column `b`; gives place and `b` or what is wrong.
    fn all(text: &str) -> Result<Vec<(String, String)>, String> {
        let mut rows = Vec::new();
        each(text, &["b"], |place, row| {
            rows.push((place, row.map_or_else(|e| e, |row| row["b"].as_str().unwrap().to_owned())));
        })?;
        Ok(rows)
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let got = all(text).unwrap();
        let got: Vec<_> = got.iter().map(|(place, b)| (place.as_str(), b.as_str())).collect();
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn cells_are_found_by_their_columns() {
        check("a,b\n1,2\n", &[("line 2", "2")]);
        check(
            "B ;new\r\n\"x;y\r\n\"\"z\"\"\";1\r\n,;2\r\n",
            &[("line 2", "x;y\r\n\"z\""), ("line 4", ",")],
        );
        check("a\tb\n1\t=1+1\n", &[("line 2", "=1+1")]);
        check("b\n1\n\n2\n", &[("line 2", "1"), ("line 4", "2")]);
        check("a,b\r\n,\r\n\r\n1,2\r\n", &[("line 4", "2")]);
        check(
            "a,b\n1\n1,2,3\n1,2\n",
            &[
                ("line 2", "it has 1 cells, the header 2"),
                ("line 3", "it has 3 cells, the header 2"),
                ("line 4", "2"),
            ],
        );
        check("a,b\n", &[]);
    }

    #[test]
    fn a_table_that_breaks_off_is_refused() {
        let short = "it breaks off in line 3: it has 1 cells, the header 2";
        let open = "it breaks off: its last line has no end";
        for (text, reason) in [
            ("a,b\n1,2\n3\n", short),
            ("a,b\n1,2\n3", short),
            ("a,b\n1,2\n\"3,4\n5,6\n", short),
            ("a,b\n1,2\n3,4", open),
            ("a,b\n1,2\n3,\"4", open),
            ("a,b\n1,2\n3,\"4\n", "it breaks off within quotes"),
            ("a,b", open),
            ("a,c\n", "it has no column `b`"),
            ("a,b,A\n1,2,3\n", "column `a` is there twice"),
            ("", open),
        ] {
            assert_eq!(all(text), Err(reason.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_header_is_no_content() {
        let many = |count: usize| {
            format!("b{}\n", (1..count).map(|at| format!(",{at}")).collect::<String>())
        };
        assert_eq!(all(&many(1_000)), Ok(vec![]));
        assert_eq!(all(&many(1_001)), Err("it has more than 1000 columns".to_owned()));
        let long = |bytes: usize| format!("b,{}\n1,2\n", "x".repeat(bytes));
        assert!(all(&long(256)).is_ok());
        let told = "the name of column 2 has more than 256 bytes";
        assert_eq!(all(&long(257)), Err(told.to_owned()));
    }
}
