//! Reads a workbook back with another library than the one that wrote it.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Range, Reader, Xlsx, open_workbook_from_rs};

/// The cells of each sheet, by name.
pub(crate) struct Book {
    /// Sheets in their order.
    pub(crate) names: Vec<String>,
    sheets: BTreeMap<String, Range<Data>>,
    /// Formulas that any sheet holds.
    pub(crate) formulas: Vec<String>,
}

impl Book {
    pub(crate) fn open(bytes: Vec<u8>) -> Self {
        let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).unwrap();
        let names = book.sheet_names();
        let (mut sheets, mut formulas) = (BTreeMap::new(), Vec::new());
        for name in &names {
            sheets.insert(name.clone(), book.worksheet_range(name).unwrap());
            let found = book.worksheet_formula(name).unwrap();
            formulas.extend(found.used_cells().map(|(_, _, text)| text.clone()));
        }
        Self { names, sheets, formulas: formulas.into_iter().filter(|f| !f.is_empty()).collect() }
    }

    pub(crate) fn sheet(&self, name: &str) -> Grid<'_> {
        Grid(self.sheets.get(name).unwrap_or_else(|| panic!("no sheet {name:?}: {:?}", self.names)))
    }
}

/// The cells of a sheet, counted from 0.
#[derive(Clone, Copy)]
pub(crate) struct Grid<'b>(&'b Range<Data>);

impl Grid<'_> {
    pub(crate) fn at(&self, row: u32, column: u32) -> Data {
        self.0.get_value((row, column)).cloned().unwrap_or(Data::Empty)
    }

    pub(crate) fn text(&self, row: u32, column: u32) -> String {
        match self.at(row, column) {
            Data::String(text) => text,
            Data::Empty => String::new(),
            other => panic!("row {row}, column {column} holds {other:?}, not text"),
        }
    }

    pub(crate) fn number(&self, row: u32, column: u32) -> f64 {
        match self.at(row, column) {
            Data::Float(number) => number,
            Data::Int(number) => number as f64,
            other => panic!("row {row}, column {column} holds {other:?}, not a number"),
        }
    }

    /// Days since 1900 of a cell that is formatted as a date.
    pub(crate) fn date(&self, row: u32, column: u32) -> f64 {
        match self.at(row, column) {
            Data::DateTime(date) => date.as_f64(),
            other => panic!("row {row}, column {column} holds {other:?}, not a date"),
        }
    }

    /// The first cell that holds exactly this text.
    pub(crate) fn find(&self, text: &str) -> (u32, u32) {
        self.find_from(0, text)
    }

    pub(crate) fn find_from(&self, first_row: u32, text: &str) -> (u32, u32) {
        let (rows, columns) = self.size();
        for row in first_row..rows {
            for column in 0..columns {
                if self.at(row, column) == Data::String(text.to_owned()) {
                    return (row, column);
                }
            }
        }
        panic!("no cell {text:?}");
    }

    /// All texts of the sheet.
    pub(crate) fn texts(&self) -> Vec<String> {
        let cells = self.0.used_cells();
        let texts = cells.filter_map(|(_, _, cell)| match cell {
            Data::String(text) => Some(text.clone()),
            _ => None,
        });
        texts.collect()
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        self.0.end().map_or((0, 0), |(row, column)| (row + 1, column + 1))
    }
}
