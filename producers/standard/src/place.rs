//! Finds places of a file: where its fields are, and where a fault inside an expression is.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{Location, Spanned};

use crate::{Problem, yaml};

/// A file while it is checked.
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// Reads the file as YAML of a form.
    ///
    /// Errors: the first fault.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Vec<Problem>> {
        yaml::read(self.text).map_err(|error| {
            vec![self.problem(error.location(), error.without_snippet().to_string())]
        })
    }

    /// Makes a problem of the file as a whole, or at a place the parser told.
    pub(crate) fn problem(&self, at: Option<Location>, message: impl Into<String>) -> Problem {
        let figure = |figure: u64| usize::try_from(figure).unwrap_or(0);
        Problem {
            file: self.path.to_owned(),
            line: at.map_or(0, |at| figure(at.line())),
            column: at.map_or(0, |at| figure(at.column())),
            message: message.into(),
        }
    }

    /// Makes a problem at a line and column of a text that stands in the file.
    ///
    /// YAML folds and indents, so that lines of the text are not lines of the file; but it keeps
    /// every character that is no space. So the place is found by counting those.
    pub(crate) fn problem_within(
        &self,
        field: &Spanned<String>,
        (line, column): (usize, usize),
        message: &str,
    ) -> Problem {
        let mut problem = self.problem(Some(field.defined), message);
        let start = field.defined.span().byte_offset().and_then(|at| usize::try_from(at).ok());
        let Some(raw) = start.and_then(|start| self.text.get(start..)) else {
            return problem;
        };
        let wanted = count_before(&field.value, line, column);
        let content = content_start(raw);
        let mut seen = 0;
        for (at, character) in raw[content..].char_indices() {
            if !character.is_whitespace() {
                if seen == wanted {
                    let before = &self.text[..self.text.len() - raw.len() + content + at];
                    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
                    problem.line = 1 + before.matches('\n').count();
                    problem.column = 1 + before[line_start..].chars().count();
                    break;
                }
                seen += 1;
            }
        }
        problem
    }
}

/// Counts the characters of a text that are no space before a line and column (from 1).
fn count_before(text: &str, line: usize, column: usize) -> usize {
    let is_solid = |character: &char| !character.is_whitespace();
    let mut lines = text.split('\n');
    let before: usize = lines
        .by_ref()
        .take(line.saturating_sub(1))
        .map(|line| line.chars().filter(is_solid).count())
        .sum();
    let rest = lines.next().unwrap_or_default().chars().take(column.saturating_sub(1));
    before + rest.filter(is_solid).count()
}

/// Tells how much of a scalar's source comes before its content: a block's header or a quote.
fn content_start(raw: &str) -> usize {
    match raw.chars().next() {
        Some('>' | '|') => raw.find('\n').map_or(raw.len(), |at| at + 1),
        Some('"' | '\'') => 1,
        _ => 0,
    }
}
