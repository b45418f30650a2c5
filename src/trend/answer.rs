//! Prints an answer: as a table for people, as JSON, or as CSV that no spreadsheet runs.

use anyhow::Result;
use schemas::percent;
use serde_json::{Map, Value};
use sink_clickhouse::Answer;

use super::Output;
use crate::output::{line, plain};

/// What a spreadsheet takes for the beginning of a formula, and what hides one from a glance.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Gives the text of an answer.
pub(super) fn printed(answer: &Answer, output: Output) -> Result<String> {
    match output {
        Output::Table => Ok(table(answer)),
        Output::Json => json(answer),
        Output::Csv => csv(answer),
    }
}

fn table(answer: &Answer) -> String {
    if answer.rows.is_empty() {
        return "nothing is known of that in this time\n".to_owned();
    }
    let cells = |row: &Vec<Value>| -> Vec<String> {
        answer.columns.iter().zip(row).map(|(column, value)| cell(column, value)).collect()
    };
    let rows: Vec<Vec<String>> = answer.rows.iter().map(cells).collect();
    let is_number = |at: usize| answer.rows.iter().all(|row| !row[at].is_string());
    let mut text = String::new();
    let heads = answer.columns.iter().map(|name| name.replace('_', " ")).collect();
    for row in std::iter::once(&heads).chain(&rows) {
        let padded = row.iter().enumerate().map(|(at, cell)| {
            let widths = std::iter::once(&heads).chain(&rows).map(|row| row[at].chars().count());
            let width = widths.max().unwrap_or(0);
            if is_number(at) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        line(&mut text, padded.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// Writes a value for people: scores in percent, nothing as a dash.
fn cell(column: &str, value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(is) => (if *is { "yes" } else { "" }).to_owned(),
        Value::String(text) => plain(text),
        Value::Number(number) => match number.as_f64() {
            Some(share) if column.starts_with("score") => percent(share),
            Some(share) if column.starts_with("moved") => format!("{:+.1} points", share * 100.0),
            _ => number.to_string(),
        },
        other => plain(&other.to_string()),
    }
}

fn json(answer: &Answer) -> Result<String> {
    let mut text = String::new();
    for row in &answer.rows {
        let members = answer.columns.iter().cloned().zip(row.iter().cloned());
        line(&mut text, &serde_json::to_string(&members.collect::<Map<_, _>>())?);
    }
    Ok(text)
}

fn csv(answer: &Answer) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&answer.columns)?;
    for row in &answer.rows {
        writer.write_record(row.iter().map(harmless))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// Writes a value for a spreadsheet. Numbers are ours; text comes from accounts and registers.
fn harmless(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(FORMULA) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Answer {
        let columns = ["id", "score_after", "moved", "open", "filled"].map(str::to_owned).into();
        let rows = vec![
            vec![json!("=HYPERLINK(\"x\")"), json!(0.9996), json!(-0.25), json!(12), json!(true)],
            vec![json!("a\n,b"), json!(null), json!(0.1), json!(3), json!(false)],
        ];
        Answer { columns, rows }
    }

    #[test]
    fn people_read_percent_and_one_line_a_row() {
        let wanted = "\
id               score after         moved  open  filled
=HYPERLINK(\"x\")       99.9 %  -25.0 points    12     yes
a\\n,b                      -  +10.0 points     3
";
        assert_eq!(printed(&answer(), Output::Table).unwrap(), wanted);
        let none = Answer { rows: Vec::new(), ..answer() };
        assert!(printed(&none, Output::Table).unwrap().contains("nothing is known"));
        assert_eq!(printed(&none, Output::Json).unwrap(), "");
    }

    #[test]
    fn programs_read_fractions() {
        let text = printed(&answer(), Output::Json).unwrap();
        let rows: Vec<Value> = text.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        assert_eq!(rows[0]["moved"], json!(-0.25));
        assert_eq!(rows[1]["id"], json!("a\n,b"));
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn spreadsheets_run_nothing() {
        let text = printed(&answer(), Output::Csv).unwrap();
        let wanted = "id,score_after,moved,open,filled\n\
            \"'=HYPERLINK(\"\"x\"\")\",0.9996,-0.25,12,true\n\"a\n,b\",,0.1,3,false\n";
        assert_eq!(text, wanted);
        for start in FORMULA {
            assert!(harmless(&json!(format!("{start}1"))).starts_with('\''));
        }
    }
}
