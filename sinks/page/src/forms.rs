//! Tables as files and for programs: CSV, XLSX and JSON.

use schemas::headers::rfc3339;
use serde_json::{Map, Value as Json, json};
use sink_workbook as workbook;
use workbook::{Content, Sheet, Style, Subject, Tint};

use crate::table::{Cell, Column, Kind, Paged, Table, Value};

/// The most rows of a file; Excel ends at 1,048,576.
pub(crate) const FILE_ROWS_MAX: usize = 100_000;

/// Writes a table as comma-separated values, as workbooks are written so: no text of it becomes a
/// formula, whatever resources are called.
pub(crate) fn csv(table: &Table) -> Vec<u8> {
    workbook::csv_of(&sheet(table, |column| &column.name))
}

/// Writes a table as a workbook of one sheet, whose time is that of the data.
///
/// # Errors
/// When Excel's limits are broken, which limits prevent.
pub(crate) fn xlsx(table: &Table, at_ms: i64) -> Result<Vec<u8>, workbook::WorkbookError> {
    let sheets = vec![sheet(table, |column| &column.label)];
    workbook::render(&workbook::Model { subject: Subject::Enterprise, at_ms, sheets })
}

/// Lays a table out as a sheet, without its drawings.
fn sheet(table: &Table, heading: fn(&Column) -> &str) -> Sheet {
    let shown: Vec<usize> =
        (0..table.columns.len()).filter(|&at| table.columns[at].kind != Kind::Line).collect();
    let widths = shown.iter().map(|&at| width(table.columns[at].kind)).collect();
    let mut sheet = Sheet::new(&table.name, Tint::Overview, widths);
    let headings = shown.iter().map(|&at| heading(&table.columns[at]));
    let headings = headings.map(|heading| workbook::Cell::text(heading, Style::Heading));
    sheet.push(workbook::Row::new(headings.collect()));
    for row in &table.rows {
        sheet.push(workbook::Row::new(shown.iter().map(|&at| sheet_cell(&row[at])).collect()));
    }
    sheet.frozen = (1, 1);
    sheet.repeated_rows = Some((0, 0));
    let last_row = u32::try_from(table.rows.len()).unwrap_or(u32::MAX);
    let area = |first_row, first_column, last_column| workbook::Area {
        first_row,
        first_column,
        last_row,
        last_column,
    };
    sheet.filter = Some(area(0, 0, u16::try_from(shown.len()).unwrap_or(u16::MAX).max(1) - 1));
    for (column, &at) in (0..).zip(&shown) {
        if table.columns[at].kind == Kind::Score && !table.rows.is_empty() {
            sheet.scored.push(area(1, column, column));
        }
    }
    sheet
}

fn width(kind: Kind) -> f64 {
    match kind {
        Kind::Text => 30.0,
        Kind::Time => 18.0,
        _ => 12.0,
    }
}

fn sheet_cell(cell: &Cell) -> workbook::Cell {
    match &cell.value {
        Value::Empty | Value::Line(_) => workbook::Cell::text("", Style::Line),
        Value::Count(n) => workbook::Cell::count(*n, Style::Count),
        Value::Points(points) => workbook::Cell::number(*points, Style::Points),
        Value::Money(cents) => workbook::Cell::number(*cents as f64 / 100.0, Style::Money),
        Value::Time(ms) => {
            workbook::Cell { content: Content::Time(*ms), style: Style::DateTime, columns: 1 }
        }
        Value::Severity(severity) => {
            workbook::Cell::text(severity.as_str(), Style::from(*severity))
        }
        Value::Score(score) => match score.value() {
            Some(value) => workbook::Cell::number(value, Style::Score),
            None => workbook::Cell::text(&cell.value.text(), Style::NotApplicable),
        },
        value => workbook::Cell::text(&value.text(), Style::Line),
    }
}

/// Gives a page of a table for programs.
pub(crate) fn json(paged: &Paged, at_ms: i64) -> Json {
    let columns = &paged.table.columns;
    let items = paged.table.rows.iter().map(|row| {
        let members = columns
            .iter()
            .zip(row)
            .map(|(column, cell)| (column.name.to_string(), json_value(&cell.value)));
        Json::Object(members.collect::<Map<_, _>>())
    });
    json!({
        "at": moment(at_ms),
        "total": paged.total,
        "page": paged.page,
        "pages": paged.pages,
        "items": items.collect::<Vec<_>>(),
    })
}

/// Gives the time of the data; none before any is there.
pub(crate) fn moment(at_ms: i64) -> Json {
    if at_ms > 0 { Json::String(rfc3339(at_ms)) } else { Json::Null }
}

fn json_value(value: &Value) -> Json {
    match value {
        Value::Empty => Json::Null,
        Value::Count(n) => json!(n),
        Value::Points(points) => json!(points),
        Value::Money(cents) => json!(*cents as f64 / 100.0),
        Value::Score(score) => json!(score.value()),
        Value::Line(values) => json!(values),
        value => Json::String(value.text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Rows;
    use crate::table::{List, columns, count, score, text, time};
    use sink_workbook::Score;

    fn list() -> List<'static> {
        let of = columns(&[
            ("name", "Name", Kind::Text),
            ("n", "N", Kind::Count),
            ("score", "Score", Kind::Score),
            ("at", "At", Kind::Time),
        ]);
        let mut table = List::new("things", "Things", of);
        let half = Score::Scored { value: 0.5, partial: false };
        let rows = vec![
            vec![text("=cmd|' /C calc'!A0"), count(-3), score(half), time(Some(951_782_400_000))],
            vec![text("a\"b,\r\nc"), Value::Empty.into(), score(Score::NotCollected), time(None)],
            vec![text("@SUM(1)"), count(1), score(half), time(None)],
        ];
        table.rows = Rows::Made(rows);
        table
    }

    fn table() -> Table {
        list().first(usize::MAX)
    }

    #[test]
    fn no_text_becomes_a_formula() {
        let text = String::from_utf8(csv(&table())).unwrap();
        let expected = "\u{feff}name,n,score,at\r\n\
            '=cmd|' /C calc'!A0,-3,0.5,2000-02-29T00:00:00.000Z\r\n\
            \"a\"\"b,\nc\",,not collected,\r\n\
            '@SUM(1),1,0.5,\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_workbook_is_read_by_another_program() {
        use calamine::{Data, Reader, Xlsx};
        let bytes = xlsx(&table(), 951_782_400_000).unwrap();
        let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
        let range = book.worksheet_range("things").unwrap();
        let cell = |row, column| range.get_value((row, column)).cloned();
        assert_eq!(cell(1, 0), Some(Data::String("=cmd|' /C calc'!A0".to_owned())));
        assert_eq!(cell(1, 1), Some(Data::Float(-3.0)));
        assert_eq!(cell(1, 2), Some(Data::Float(0.5)));
        assert_eq!(cell(2, 2), Some(Data::String("not collected".to_owned())));
        assert!(book.worksheet_formula("things").unwrap().is_empty());
    }

    #[test]
    fn programs_get_numbers_and_nulls() {
        let paged = list().paged(&crate::query::Asked::read("rows=2").unwrap().query);
        let json = json(&paged, 0);
        assert_eq!((&json["total"], &json["pages"]), (&json!(3), &json!(2)));
        assert_eq!(json["at"], Json::Null);
        let second = json!({"name": "a\"b,\r\nc", "n": null, "score": null, "at": null});
        assert_eq!(json["items"][1], second);
    }
}
