//! Sheets as data: cells with their meaning, before anything is an xlsx file.

use schemas::Severity;

use crate::text;

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
    pub rows: Vec<Row>,
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

/// What a cell means; `format` knows how each looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Style {
    /// Nothing special, outside tables.
    Plain,
    /// The title of a sheet.
    Title,
    /// What stands below the title.
    Subtitle,
    /// The heading of a section.
    Section,
    /// What explains a section.
    Remark,
    /// What explains marks, in several lines.
    Legend,
    /// What must not be overlooked: missing data, or a list that was cut.
    Warning,
    /// A way to another sheet.
    Link,
    /// The heading of a column.
    Heading,
    /// The heading of a column of numbers.
    HeadingNumber,
    /// The heading of an account's column, turned by 90 degrees.
    HeadingTurned,
    /// The label of a key figure.
    CardLabel,
    /// A key figure that is a score.
    CardScore,
    /// A key figure that is a count.
    CardCount,
    /// A key figure in words.
    CardText,
    /// What explains a key figure.
    CardNote,
    /// Text of a table.
    Text,
    /// Text of a table that is kept in one line, because it would make a very high row.
    Line,
    /// Text of a table that matters.
    Strong,
    /// A whole number of a table.
    Count,
    /// A whole number that stands alone in the middle of its cell.
    Figure,
    /// A number of score points of a table.
    Points,
    /// A share of a table that is no score.
    Share,
    /// A date of a table.
    Date,
    /// A date with hours and minutes of a table.
    DateTime,
    /// A link of a table.
    TableLink,
    /// A score.
    Score,
    /// A score that lacks data of some regions.
    ScorePartial,
    /// A score that sums up others.
    ScoreStrong,
    /// A score that sums up others and lacks data of some regions.
    ScoreStrongPartial,
    /// Penalty points.
    Penalty,
    /// No score: nothing to judge.
    NotApplicable,
    /// No score: no data.
    NotCollected,
    /// Text of a row with live credit.
    CreditedText,
    /// The same in one line.
    CreditedLine,
    /// A date of a row with live credit.
    CreditedDate,
    /// Text of a row whose exception gives no credit any more.
    LapsedText,
    /// The same in one line.
    LapsedLine,
    /// A date of a row whose exception gives no credit any more.
    LapsedDate,
    /// The word for a good score.
    Good,
    /// The word for a fair score.
    Fair,
    /// The word for a poor score.
    Poor,
    /// The severity `critical`.
    Critical,
    /// The severity `high`.
    High,
    /// The severity `medium`.
    Medium,
    /// The severity `low`.
    Low,
    /// The severity `info`.
    Info,
}

impl Style {
    /// Tells whether text of this style is broken into lines.
    fn wraps(self) -> bool {
        matches!(
            self,
            Style::Text
                | Style::Strong
                | Style::TableLink
                | Style::CreditedText
                | Style::LapsedText
                | Style::Heading
                | Style::HeadingNumber
                | Style::NotCollected
                | Style::Warning
        )
    }

    /// Tells whether cells of this style have borders and need some air.
    fn is_boxed(self) -> bool {
        !matches!(self, Style::Plain | Style::Subtitle | Style::Remark | Style::Link)
    }
}

impl From<Severity> for Style {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Style::Critical,
            Severity::High => Style::High,
            Severity::Medium => Style::Medium,
            Severity::Low => Style::Low,
            Severity::Info => Style::Info,
        }
    }
}

/// Text longer than this is kept in one line: a wrapped cell would fill the screen.
const WRAPPED_UNITS_MAX: usize = 400;

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
    pub(crate) fn text(text: &str, style: Style) -> Self {
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
    pub(crate) fn count(n: i64, style: Style) -> Self {
        Self::number(n as f64, style)
    }

    /// Makes a cell of a number.
    pub(crate) fn number(n: f64, style: Style) -> Self {
        Self::new(Content::Number(n), style)
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

    /// Spans the cell over several columns.
    pub(crate) fn over(mut self, columns: u16) -> Self {
        self.columns = columns.max(1);
        self
    }
}

impl Row {
    /// Makes a row that is as high as its text.
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
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
    pub(crate) fn new(name: &str, tint: Tint, widths: Vec<f64>) -> Self {
        let printed_columns = u16::try_from(widths.len()).expect("limits keep columns in Excel's");
        Self {
            name: name.to_owned(),
            tint,
            widths,
            rows: Vec::new(),
            frozen: (0, 0),
            filter: None,
            scored: Vec::new(),
            repeated_rows: None,
            repeated_columns: 0,
            pages_wide: 1,
            pages_high: 0,
            printed_columns,
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
    pub(crate) fn push(&mut self, mut row: Row) {
        row.height = row.height.or_else(|| Some(self.height_of(&row)));
        self.rows.push(row);
    }

    /// Colours scores of the next row, from one column to another.
    pub(crate) fn score_next(&mut self, first_column: u16, last_column: u16) {
        let row = self.next_row();
        self.scored.push(Area { first_row: row, first_column, last_row: row, last_column });
    }

    fn height_of(&self, row: &Row) -> f64 {
        let (mut column, mut lines, mut table) = (0_usize, 1, false);
        for cell in &row.cells {
            let end = (column + usize::from(cell.columns)).min(self.widths.len());
            let width: f64 = self.widths[column.min(end)..end].iter().sum();
            column = end;
            table |= cell.style.is_boxed();
            if let (true, Content::Text(text) | Content::Link { text, .. }) =
                (cell.style.wraps(), &cell.content)
            {
                lines = lines.max(lines_of(text, width));
            }
        }
        let padding = if table { 5.0 } else { 3.0 };
        lines.min(LINES_MAX) as f64 * LINE_POINTS + padding
    }
}

/// Height of a line of 10 points.
const LINE_POINTS: f64 = 13.5;

/// Lines of a row; what is longer is read in the cell. Excel's limit is 409 points.
const LINES_MAX: usize = 14;

/// Estimates the lines that a text takes in a column when it breaks between words.
fn lines_of(text: &str, width: f64) -> usize {
    // Padding takes two characters. A letter is narrower than the digit that widths are counted in,
    // and less so in the fonts that stand in for Excel's own.
    let room = ((width - 2.0) * 1.2).max(4.0) as usize;
    text.split('\n').map(|line| lines_of_line(line, room)).sum()
}

fn lines_of_line(line: &str, room: usize) -> usize {
    let (mut lines, mut used) = (1, 0);
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            lines += 1;
            used = 0;
        }
        let gap = usize::from(used > 0);
        // A word that is longer than a line breaks within itself.
        lines += (length.saturating_sub(1)) / room;
        used = if length > room { length % room } else { used + gap + length };
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let check = |line: &str, room: usize, lines: usize| {
            assert_eq!(lines_of_line(line, room), lines, "{line:?} in {room}");
        };
        check("", 10, 1);
        check("one two", 7, 1);
        check("one two", 6, 2);
        check("one two three", 7, 2);
        check("abcdefghijklmnopqrst", 10, 2);
        check("abcdefghijklmnopqrstu", 10, 3);
        assert_eq!(lines_of("one\ntwo", 40.0), 2);
    }
}
