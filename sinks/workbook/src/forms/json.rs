//! A workbook as one JSON document: its sheets, and their rows of typed cells.

use schemas::headers::rfc3339;
use serde_json::{Value, json};

use crate::Model;
use crate::sheet::{Content, Row, Sheet};

/// Writes the document, a row a line.
///
/// Shape: `{"subject", "as_of", "sheets": [{"name", "rows": [[cell]]}]}`; a cell stands in its
/// column and is null, a number, a text, `{"time"}`, `{"text", "sheet"}` or `{"text", "link"}`.
/// Units: scores are shares of 1, times RFC 3339 in UTC; a score that is missing is a word.
pub(super) fn document(model: &Model) -> Vec<u8> {
    let mut out = String::new();
    let (subject, as_of) = (json!(model.subject.to_string()), json!(rfc3339(model.at_ms)));
    out.push_str(&format!("{{\"subject\":{subject},\n\"as_of\":{as_of},\n\"sheets\":["));
    for (at, one) in model.sheets.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        sheet(one, &mut out);
    }
    out.push_str("\n]}\n");
    out.into_bytes()
}

fn sheet(sheet: &Sheet, out: &mut String) {
    out.push_str(&format!("{{\"name\":{},\"rows\":[", json!(sheet.name)));
    for (at, row) in sheet.rows.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        out.push_str(&cells(row).to_string());
    }
    out.push_str("\n]}");
}

fn cells(row: Row) -> Value {
    let cells = row.cells.into_iter().flat_map(|cell| {
        let covered = usize::from(cell.columns).saturating_sub(1);
        std::iter::once(value(cell.content)).chain(std::iter::repeat_n(Value::Null, covered))
    });
    cells.collect()
}

fn value(content: Content) -> Value {
    match content {
        Content::Empty => Value::Null,
        Content::Text(text) => Value::String(text),
        // A number that is none can't be; null is what JSON has for it.
        Content::Number(number) => json!(number),
        Content::Time(ms) => json!({"time": rfc3339(ms)}),
        Content::Link { text, sheet } => json!({"text": text, "sheet": sheet}),
        Content::Console { text, link } => json!({"text": text, "link": link}),
    }
}
