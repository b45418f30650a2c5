//! What a request asks for: the parts of its address, read strictly.

use crate::links::unescaped;
use crate::table::{PAGE_ROWS, PAGE_ROWS_MAX, Query};

/// The last page that may be asked for.
pub(crate) const PAGE_MAX: usize = 1_000_000;

/// The most characters of what rows must hold.
pub(crate) const WORDS_CHARS_MAX: usize = 200;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A page.
    Html,
    /// For programs.
    Json,
    /// Comma-separated values.
    Csv,
    /// A workbook.
    Xlsx,
}

/// What is asked for behind `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Which rows, in which order.
    pub(crate) query: Query,
    /// The form; as the address says when none.
    pub(crate) form: Option<Form>,
    /// The resource that is meant, of what explains.
    pub(crate) resource: Option<String>,
}

impl Asked {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, in words; parameters that are not known are passed over.
    pub(crate) fn read(query: &str) -> Result<Self, String> {
        let rows = Query { sort: None, holds: String::new(), page: 1, rows: PAGE_ROWS, columns: 1 };
        let mut asked = Self { query: rows, form: None, resource: None };
        for (name, value) in pairs(query)? {
            match name.as_str() {
                "sort" => {
                    let descending = value.strip_prefix('-');
                    let column = descending.unwrap_or(&value).to_owned();
                    asked.query.sort = Some((column, descending.is_some()));
                }
                "q" if value.chars().count() > WORDS_CHARS_MAX => {
                    return Err(format!("q: at most {WORDS_CHARS_MAX} characters"));
                }
                "q" => asked.query.holds = value,
                "page" => asked.query.page = number("page", &value, PAGE_MAX)?,
                "rows" => asked.query.rows = number("rows", &value, PAGE_ROWS_MAX)?,
                "columns" => asked.query.columns = number("columns", &value, PAGE_MAX)?,
                "format" => asked.form = Some(form(&value)?),
                "resource" => asked.resource = Some(value).filter(|one| !one.is_empty()),
                _ => {}
            }
        }
        Ok(asked)
    }

    /// Writes it as it stands behind `?`, with one thing changed.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Query)) -> String {
        let mut query = self.query.clone();
        change(&mut query);
        let mut parts = Vec::new();
        if !query.holds.is_empty() {
            parts.push(format!("q={}", crate::links::escaped(&query.holds)));
        }
        if let Some((column, descending)) = &query.sort {
            let sign = if *descending { "-" } else { "" };
            parts.push(format!("sort={sign}{}", crate::links::escaped(column)));
        }
        if query.rows != PAGE_ROWS {
            parts.push(format!("rows={}", query.rows));
        }
        if query.page > 1 {
            parts.push(format!("page={}", query.page));
        }
        if query.columns > 1 {
            parts.push(format!("columns={}", query.columns));
        }
        parts.join("&")
    }
}

/// Joins a path and what stands behind `?`, if anything does.
pub(crate) fn address(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Reads names and values as forms send them.
pub(crate) fn pairs(query: &str) -> Result<Vec<(String, String)>, String> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    let read = |text: &str| unescaped(&text.replace('+', " ")).ok_or("the query is not UTF-8");
    let pairs = parts.map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        Ok((read(name)?, read(value)?))
    });
    pairs.collect()
}

fn number(name: &str, value: &str, max: usize) -> Result<usize, String> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| digits && (1..=max).contains(number));
    number.ok_or_else(|| format!("{name}: a whole number from 1 to {max}"))
}

fn form(value: &str) -> Result<Form, String> {
    match value {
        "html" => Ok(Form::Html),
        "json" => Ok(Form::Json),
        "csv" => Ok(Form::Csv),
        "xlsx" => Ok(Form::Xlsx),
        _ => Err("format: html, json, csv or xlsx".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_strictly_and_written_back() {
        let asked = Asked::read("q=a+b%26c&sort=-score&page=3&rows=20&x=y").unwrap();
        assert_eq!(asked.query.holds, "a b&c");
        assert_eq!(asked.query.sort, Some(("score".to_owned(), true)));
        assert_eq!(asked.with(|_| ()), "q=a%20b%26c&sort=-score&rows=20&page=3");
        assert_eq!(Asked::read(&asked.with(|_| ())).unwrap(), asked);
        assert_eq!(Asked::read("").unwrap().with(|query| query.page = 2), "page=2");
        assert_eq!(Asked::read("format=csv").unwrap().form, Some(Form::Csv));
        for wrong in [
            "page=0",
            "page=-1",
            "page=+1",
            "rows=1001",
            "rows=",
            "format=exe",
            "q=%ff",
            "page=1e3",
        ] {
            assert!(Asked::read(wrong).is_err(), "{wrong}");
        }
        let long = format!("q={}", "x".repeat(WORDS_CHARS_MAX + 1));
        assert!(Asked::read(&long).is_err());
    }
}
