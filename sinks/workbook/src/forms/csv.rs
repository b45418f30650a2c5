//! A sheet as comma-separated values that no spreadsheet runs. Source: RFC 4180; OWASP ASVS 1.2.10.

use schemas::headers::rfc3339;

use crate::sheet::{Cell, Content, Sheet};

/// Programs for spreadsheets take a file without this for one of another encoding than UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Letters that make a text a formula at its beginning, and their wide forms.
const BEGINS_FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Writes a sheet's cells, each in its column. Scores are shares of 1, times are RFC 3339 in UTC.
pub(super) fn table(sheet: &Sheet) -> Vec<u8> {
    let mut out = MARK.to_vec();
    for row in sheet.rows.iter() {
        let mut separate = false;
        for cell in &row.cells {
            for column in 0..cell.columns {
                if std::mem::replace(&mut separate, true) {
                    out.push(b',');
                }
                if column == 0 {
                    put(&value(cell), &mut out);
                }
            }
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn value(cell: &Cell) -> String {
    match &cell.content {
        Content::Empty => String::new(),
        Content::Number(number) => number.to_string(),
        Content::Time(ms) => rfc3339(*ms),
        Content::Text(text) | Content::Link { text, .. } | Content::Console { text, .. } => {
            safe(text)
        }
    }
}

/// Keeps a text from being run: an apostrophe makes it a text whatever follows. Blanks do not help,
/// since some programs take them away.
fn safe(text: &str) -> String {
    let first = text.trim_start().chars().next();
    let runs = first.is_some_and(|first| BEGINS_FORMULA.contains(&first));
    // Tabs and returns can't be here: cells hold none.
    if runs { format!("'{text}") } else { text.to_owned() }
}

fn put(value: &str, out: &mut Vec<u8>) {
    if value.contains([',', '"', '\n', '\r']) {
        out.push(b'"');
        out.extend_from_slice(value.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(value.as_bytes());
    }
}
