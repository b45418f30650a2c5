//! The rows that all contenders write: those of our enterprise sheet, a line of JSON each.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sink_workbook::{
    Area, Cell, Content, Limits, Past, Row, Sheet, Style, Subject, Tables, Tint, lay_out_within,
};

/// What stands in the first line: all of the sheet but its rows.
#[derive(Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) name: String,
    widths: Vec<f64>,
    frozen: (u32, u16),
    /// First row, first column, last row, last column.
    filter: Option<[u32; 4]>,
    scored: Vec<[u32; 4]>,
}

/// A row: its height, and style, columns and value of each cell.
type Line = (Option<f64>, Vec<(u8, u16, Value)>);

/// What a cell holds: nothing, a number or a text.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Nothing,
    Number(f64),
    Text(String),
}

/// The styles of the sheet; the number of each stands in the rows. `bench/peers/workbook.py` has
/// the same list with fonts, fills, borders and number formats.
const STYLES: [Style; 23] = [
    Style::Plain,
    Style::Title,
    Style::Subtitle,
    Style::Legend,
    Style::HeadingTurned,
    Style::Heading,
    Style::HeadingNumber,
    Style::Strong,
    Style::Text,
    Style::Line,
    Style::Age,
    Style::Count,
    Style::Score,
    Style::ScorePartial,
    Style::ScoreStrong,
    Style::ScoreStrongPartial,
    Style::NotApplicable,
    Style::NotCollected,
    Style::Critical,
    Style::High,
    Style::Medium,
    Style::Low,
    Style::Info,
];

/// Writes the rows of the enterprise's scores by account, and gives the number of cells.
pub(crate) fn enterprise(tables: &Tables, to: &Path) -> Result<usize> {
    let limits = Limits { accounts_max: tables.accounts.len(), ..Limits::default() };
    let model = lay_out_within(tables, &Past::default(), &Subject::Enterprise, &limits);
    let sheet = model.sheets.into_iter().find(|sheet| sheet.name == "Scores");
    let sheet = sheet.context("the enterprise's workbook has no sheet of scores")?;
    let mut out = BufWriter::new(File::create(to).context("making the file of rows")?);
    let area = |area: &Area| {
        let Area { first_row, first_column, last_row, last_column } = *area;
        [first_row, first_column.into(), last_row, last_column.into()]
    };
    let head = Head {
        name: sheet.name.clone(),
        widths: sheet.widths.clone(),
        frozen: sheet.frozen,
        filter: sheet.filter.as_ref().map(area),
        scored: sheet.scored.iter().map(area).collect(),
    };
    writeln!(out, "{}", serde_json::to_string(&head)?)?;
    for row in sheet.rows.iter() {
        let cells: Result<Vec<_>> = row.cells.iter().map(line_of).collect();
        writeln!(out, "{}", serde_json::to_string(&(row.height, cells?))?)?;
    }
    out.flush()?;
    Ok(sheet.rows.cells())
}

fn line_of(cell: &Cell) -> Result<(u8, u16, Value)> {
    let style = STYLES.iter().position(|style| *style == cell.style);
    let style = style.with_context(|| format!("the contenders have no style {:?}", cell.style))?;
    let value = match &cell.content {
        Content::Empty => Value::Nothing,
        Content::Text(text) => Value::Text(text.clone()),
        Content::Number(number) => Value::Number(*number),
        other => anyhow::bail!("the contenders write no {other:?}"),
    };
    Ok((u8::try_from(style)?, cell.columns, value))
}

/// Reads the rows as a sheet.
pub(crate) fn sheet(from: &Path) -> Result<Sheet> {
    let mut lines = BufReader::new(File::open(from)?).lines();
    let head: Head = serde_json::from_str(&lines.next().context("there is no head")??)?;
    let mut sheet = Sheet::new(&head.name, Tint::Overview, head.widths);
    for line in lines {
        let (height, cells): Line = serde_json::from_str(&line?)?;
        let cells = cells.into_iter().map(|(style, columns, value)| Cell {
            content: match value {
                Value::Nothing => Content::Empty,
                Value::Number(number) => Content::Number(number),
                Value::Text(text) => Content::Text(text),
            },
            style: STYLES[usize::from(style)],
            columns,
        });
        sheet.push(Row { cells: cells.collect(), height });
    }
    let area = |[first_row, first_column, last_row, last_column]: [u32; 4]| {
        let column = |column| u16::try_from(column).expect("it was a column");
        let (first_column, last_column) = (column(first_column), column(last_column));
        Area { first_row, first_column, last_row, last_column }
    };
    sheet.frozen = head.frozen;
    sheet.filter = head.filter.map(area);
    sheet.scored = head.scored.into_iter().map(area).collect();
    Ok(sheet)
}

/// Reads the rows and drops them: the part of a contender's work that is not writing.
pub(crate) fn read(from: &Path) -> Result<usize> {
    let mut cells = 0;
    for line in BufReader::new(File::open(from)?).lines().skip(1) {
        let (_, row): Line = serde_json::from_str(&line?)?;
        cells += row.len();
    }
    Ok(cells)
}
