//! Sheets as data: cells with their meaning, before anything is an xlsx file.

use crate::rows::Rows;
use crate::style::Style;
use crate::{height, text};

/// One sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Its name, unique in the workbook and allowed by Excel.
    pub name: String,
    /// The colour of its tab.
    pub tint: Tint,
    /// Widths of its columns, in characters.
    pub widths: Vec<f64>,
    /// Its rows, from the first one.
    pub rows: Rows,
    /// How many rows and columns stay in sight.
    pub frozen: (u32, u16),
    /// The list with its heading row that can be filtered.
    pub filter: Option<Area>,
    /// Cells that are coloured by their score.
    pub scored: Vec<Area>,
    /// First and last of the rows that every printed page repeats.
    pub repeated_rows: Option<(u32, u32)>,
    /// How many columns every printed page repeats.
    pub repeated_columns: u16,
    /// How many pages it is printed across.
    pub pages_wide: u16,
    /// How many pages it is printed down; as many as it needs when 0.
    pub pages_high: u16,
    /// How many of its columns are printed; those behind are details for the screen.
    pub printed_columns: u16,
    /// Whether it is printed upright.
    pub portrait: bool,
    /// What is drawn of numbers.
    pub drawings: Vec<Drawing>,
}

/// Numbers as a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawing {
    /// Small columns within a cell.
    Sparkline {
        /// The cell's row.
        row: u32,
        /// The cell's column.
        column: u16,
        /// The numbers, in one row.
        numbers: Place,
        /// Where the columns begin.
        from: f64,
    },
    /// A chart of shares of 1 as a line.
    Line {
        /// The cells that it covers.
        over: Area,
        /// The numbers, in one row.
        numbers: Place,
        /// What stands below the numbers, in one row.
        labels: Place,
        /// Where the axis of values begins.
        from: f64,
    },
}

/// Cells of some sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The sheet's name.
    pub sheet: String,
    /// Which cells.
    pub area: Area,
}

/// The colour of a sheet's tab: what kind of sheet it is, or how its account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tint {
    /// A sheet about all accounts.
    Overview,
    /// An account that stands well.
    Good,
    /// An account that stands fairly.
    Fair,
    /// An account that stands poorly.
    Poor,
    /// An account without a score.
    Unscored,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Cells from the first column on; a cell over several columns takes their places.
    pub cells: Vec<Cell>,
    /// Height in points; as the text needs it when none.
    pub height: Option<f64>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What it holds.
    pub content: Content,
    /// What it means, which decides how it looks.
    pub style: Style,
    /// How many columns it spans, at least 1.
    pub columns: u16,
}

/// What a cell holds. There are no formulas: text from outside stays text.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing.
    Empty,
    /// Text, cleaned and within Excel's limits.
    Text(String),
    /// A number.
    Number(f64),
    /// A moment in UTC milliseconds.
    Time(i64),
    /// Text that leads to another sheet.
    Link {
        /// What is read.
        text: String,
        /// The sheet's name.
        sheet: String,
    },
    /// Text that leads to the provider's console.
    Console {
        /// What is read.
        text: String,
        /// An https address made of escaped parts.
        link: String,
    },
}

/// A rectangle of cells, counted from 0, both corners included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// The first row.
    pub first_row: u32,
    /// The first column.
    pub first_column: u16,
    /// The last row.
    pub last_row: u32,
    /// The last column.
    pub last_column: u16,
}

/// Text longer than this is kept in one line: a wrapped cell would fill the screen.
const WRAPPED_UNITS_MAX: usize = 400;

impl Area {
    /// Makes one of cells in one row.
    pub(crate) fn of_row(row: u32, first_column: u16, last_column: u16) -> Self {
        Self { first_row: row, first_column, last_row: row, last_column }
    }
}

impl Cell {
    /// Makes a cell of one column.
    pub(crate) fn new(content: Content, style: Style) -> Self {
        Self { content, style, columns: 1 }
    }

    /// Makes an empty cell.
    pub(crate) fn empty(style: Style) -> Self {
        Self::new(Content::Empty, style)
    }

    /// Makes a cell of text from anywhere.
    pub fn text(text: &str, style: Style) -> Self {
        if text.is_empty() {
            return Self::empty(style);
        }
        Self::new(Content::Text(text::cell_text(text)), style)
    }

    /// Makes a cell of text that is wrapped, or kept in one line when it is very long.
    pub(crate) fn wrapped(text: &str, wrapped: Style, line: Style) -> Self {
        let high = text.len() > WRAPPED_UNITS_MAX || text.matches('\n').count() > 8;
        Self::text(text, if high { line } else { wrapped })
    }

    /// Makes a cell of a whole number.
    pub fn count(n: i64, style: Style) -> Self {
        Self::number(n as f64, style)
    }

    /// Makes a cell of a number.
    pub fn number(n: f64, style: Style) -> Self {
        Self::new(Content::Number(n), style)
    }

    /// Makes a cell of who answers for something, if anybody does.
    pub(crate) fn person(name: Option<&str>) -> Self {
        match name {
            Some(name) if !name.trim().is_empty() => Self::text(name, Style::Text),
            _ => Self::text("nobody", Style::NotCollected),
        }
    }

    /// Makes a cell of an amount of money, from hundredths.
    pub(crate) fn money(cents: i64) -> Self {
        Self::number(cents as f64 / 100.0, Style::Money)
    }

    /// Makes a cell of what an account spends, from hundredths, or of the words for no figure.
    pub(crate) fn spend(cents: Option<i64>) -> Self {
        cents.map_or_else(|| Self::text("no figure", Style::NotCollected), Self::money)
    }

    /// Makes a cell of a moment, or an empty one.
    pub(crate) fn time(ms: Option<i64>, style: Style) -> Self {
        Self::new(ms.map_or(Content::Empty, Content::Time), style)
    }

    /// Makes a cell of text that leads to a sheet; plain text when there is none.
    pub(crate) fn link(text: &str, sheet: Option<&str>, link: Style, plain: Style) -> Self {
        match sheet {
            Some(sheet) => {
                let (text, sheet) = (text::short(text, 255), sheet.to_owned());
                Self::new(Content::Link { text, sheet }, link)
            }
            None => Self::text(text, plain),
        }
    }

    /// Makes a cell of text that leads to the provider's console.
    pub(crate) fn console(text: &str, link: String, style: Style) -> Self {
        Self::new(Content::Console { text: text::short(text, 255), link }, style)
    }

    /// Spans the cell over several columns.
    pub(crate) fn over(mut self, columns: u16) -> Self {
        self.columns = columns.max(1);
        self
    }
}

impl Row {
    /// Makes a row that is as high as its text.
    pub fn new(cells: Vec<Cell>) -> Self {
        Self { cells, height: None }
    }

    /// Makes a row of a fixed height, in points.
    pub(crate) fn of_height(height: f64, cells: Vec<Cell>) -> Self {
        Self { cells, height: Some(height) }
    }

    /// Makes an empty row.
    pub(crate) fn blank() -> Self {
        Self::default()
    }
}

impl Sheet {
    /// Makes an empty sheet that is printed one page wide.
    pub fn new(name: &str, tint: Tint, widths: Vec<f64>) -> Self {
        let printed_columns = u16::try_from(widths.len()).expect("limits keep columns in Excel's");
        Self {
            name: name.to_owned(),
            tint,
            widths,
            rows: Rows::default(),
            frozen: (0, 0),
            filter: None,
            scored: Vec::new(),
            repeated_rows: None,
            repeated_columns: 0,
            pages_wide: 1,
            pages_high: 0,
            printed_columns,
            portrait: false,
            drawings: Vec::new(),
        }
    }

    /// Gives the index of the row that comes next.
    pub(crate) fn next_row(&self) -> u32 {
        u32::try_from(self.rows.len()).expect("limits keep a sheet within Excel's rows")
    }

    /// Gives the index of the last column.
    pub(crate) fn last_column(&self) -> u16 {
        u16::try_from(self.widths.len().saturating_sub(1))
            .expect("limits keep a sheet within Excel's columns")
    }

    /// Adds a row, as high as its text needs unless its height is given.
    ///
    /// Programs that show a workbook without opening it do not find heights themselves.
    pub fn push(&mut self, mut row: Row) {
        row.height = row.height.or_else(|| Some(height::height_of(&row, &self.widths)));
        self.rows.push(&row);
    }

    /// Colours scores of the next row, from one column to another.
    pub(crate) fn score_next(&mut self, first_column: u16, last_column: u16) {
        self.scored.push(Area::of_row(self.next_row(), first_column, last_column));
    }
}
