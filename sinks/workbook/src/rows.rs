//! The rows of a sheet, packed: a dozen bytes a cell beside its text, however many there are.

use std::fmt;

use crate::sheet::{Cell, Content, Row};
use crate::style::Style;

/// Bytes that are kept together: large enough to be few, small enough that none is copied to grow.
const BLOCK_BYTES: usize = 64 * 1024;

/// The rows of a sheet, from the first one.
#[derive(Clone, Default, PartialEq)]
pub struct Rows {
    /// Whole rows, one after another.
    blocks: Vec<Vec<u8>>,
    /// The styles that cells have, by their number in the blocks.
    styles: Vec<Style>,
    rows: usize,
    cells: usize,
}

/// What stands before a cell's content.
const EMPTY: u8 = 0;
const TEXT: u8 = 1;
const NUMBER: u8 = 2;
const TIME: u8 = 3;
const LINK: u8 = 4;
const CONSOLE: u8 = 5;

impl Rows {
    /// Adds a row.
    pub(crate) fn push(&mut self, row: &Row) {
        if self.blocks.last().is_none_or(|block| block.len() >= BLOCK_BYTES) {
            // A row may be longer than what is left: the block grows for its last row only.
            self.blocks.push(Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 8));
        }
        let styles = &mut self.styles;
        let to = self.blocks.last_mut().expect("one was just put there");
        to.extend_from_slice(&row.height.unwrap_or(f64::NAN).to_le_bytes());
        put_length(to, row.cells.len());
        for cell in &row.cells {
            let style = styles.iter().position(|style| *style == cell.style);
            put_length(to, style.unwrap_or(styles.len()));
            if style.is_none() {
                styles.push(cell.style);
            }
            put_length(to, cell.columns.into());
            put_content(to, &cell.content);
        }
        self.rows += 1;
        self.cells += row.cells.len();
    }

    /// Gives how many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Tells whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Gives how many cells the rows have together.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// Unpacks the rows, one after another.
    pub fn iter(&self) -> impl Iterator<Item = Row> {
        self.blocks.iter().flat_map(move |block| {
            let mut rest = block.as_slice();
            std::iter::from_fn(move || (!rest.is_empty()).then(|| self.row(&mut rest)))
        })
    }

    fn row(&self, from: &mut &[u8]) -> Row {
        let height = f64::from_le_bytes(take_eight(from));
        let cells = take_length(from);
        let cell = |_| {
            let style = self.styles[take_length(from)];
            let columns = u16::try_from(take_length(from)).expect("it was one");
            Cell { content: take_content(from), style, columns }
        };
        let cells = (0..cells).map(cell).collect();
        Row { cells, height: Some(height).filter(|height| !height.is_nan()) }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn put_content(to: &mut Vec<u8>, content: &Content) {
    match content {
        Content::Empty => to.push(EMPTY),
        Content::Text(text) => {
            to.push(TEXT);
            put_text(to, text);
        }
        Content::Number(number) => {
            to.push(NUMBER);
            to.extend_from_slice(&number.to_le_bytes());
        }
        Content::Time(ms) => {
            to.push(TIME);
            to.extend_from_slice(&ms.to_le_bytes());
        }
        Content::Link { text, sheet } => {
            to.push(LINK);
            put_text(to, text);
            put_text(to, sheet);
        }
        Content::Console { text, link } => {
            to.push(CONSOLE);
            put_text(to, text);
            put_text(to, link);
        }
    }
}

fn take_content(from: &mut &[u8]) -> Content {
    let (kind, rest) = from.split_first().expect("a cell has a content");
    *from = rest;
    match *kind {
        TEXT => Content::Text(take_text(from)),
        NUMBER => Content::Number(f64::from_le_bytes(take_eight(from))),
        TIME => Content::Time(i64::from_le_bytes(take_eight(from))),
        LINK => Content::Link { text: take_text(from), sheet: take_text(from) },
        CONSOLE => Content::Console { text: take_text(from), link: take_text(from) },
        _ => Content::Empty,
    }
}

fn put_text(to: &mut Vec<u8>, text: &str) {
    put_length(to, text.len());
    to.extend_from_slice(text.as_bytes());
}

fn take_text(from: &mut &[u8]) -> String {
    let length = take_length(from);
    let (text, rest) = from.split_at(length);
    *from = rest;
    String::from_utf8(text.to_vec()).expect("it was a text")
}

/// Adds a length: seven bits a byte, the lowest first; the eighth says that more follow.
fn put_length(to: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        to.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    to.push(length as u8);
}

fn take_length(from: &mut &[u8]) -> usize {
    let (mut length, mut shift) = (0, 0);
    loop {
        let (byte, rest) = from.split_first().expect("a length ends");
        *from = rest;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return length;
        }
    }
}

fn take_eight(from: &mut &[u8]) -> [u8; 8] {
    let (bytes, rest) = from.split_first_chunk().expect("a number has eight bytes");
    *from = rest;
    *bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: usize) -> Row {
        let link = Content::Link { text: format!("to {n}"), sheet: "About".to_owned() };
        let text = Content::Text("é漢🦀".repeat(n % 400));
        Row {
            cells: vec![
                Cell::new(text, Style::Text),
                Cell::number(n as f64 / -3.0, Style::Score).over((n % 300 + 1) as u16),
                Cell::time(Some(-(n as i64)), Style::Date),
                Cell::new(link, Style::TableLink),
                Cell::console("a name", format!("https://c/{n}"), Style::TableLink),
                Cell::empty(if n.is_multiple_of(2) { Style::Plain } else { Style::Good }),
            ],
            height: (!n.is_multiple_of(3)).then_some(n as f64),
        }
    }

    #[test]
    fn rows_come_out_as_they_went_in() {
        let mut all: Vec<Row> = (0..1_000).map(row).collect();
        all.push(Row::blank());
        let mut rows = Rows::default();
        all.iter().for_each(|row| rows.push(row));
        assert_eq!(rows.iter().collect::<Vec<_>>(), all);
        assert_eq!((rows.len(), rows.cells()), (1_001, 6_000));
        assert!(rows.blocks.len() > 10, "they fill several blocks");
    }

    #[test]
    fn a_number_takes_eleven_bytes() {
        let mut rows = Rows::default();
        let cells: Vec<Cell> = (0..10_000).map(|n| Cell::count(n, Style::Count)).collect();
        for _ in 0..10 {
            rows.push(&Row::new(cells.clone()));
        }
        let bytes: usize = rows.blocks.iter().map(Vec::len).sum();
        assert!(bytes <= 100_000 * 11 + 10 * 16, "{bytes}");
    }
}
