//! The rows of a table before it is cut: made at once, or each when it is shown.

use crate::table::Cell;

/// Rows in their usual order, each as wide as the table's columns.
pub(crate) enum Rows<'t> {
    /// They are there.
    Made(Vec<Vec<Cell>>),
    /// They are many and wide: only those that somebody looks at are made.
    Later {
        /// How many there are.
        count: usize,
        /// Makes one, by its place from 0.
        row: Box<dyn Fn(usize) -> Vec<Cell> + 't>,
    },
}

impl<'t> Rows<'t> {
    /// Declares rows that are made of some items when they are shown.
    pub(crate) fn of<T: 't>(items: Vec<T>, row: impl Fn(&T) -> Vec<Cell> + 't) -> Self {
        Rows::Later { count: items.len(), row: Box::new(move |at| row(&items[at])) }
    }

    /// Tells how many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Rows::Made(rows) => rows.len(),
            Rows::Later { count, .. } => *count,
        }
    }

    /// Makes the rows from one place on, at most so many.
    pub(crate) fn cut(self, from: usize, most: usize) -> Vec<Vec<Cell>> {
        match self {
            Rows::Made(rows) => rows.into_iter().skip(from).take(most).collect(),
            Rows::Later { count, row } => (from..count).take(most).map(row).collect(),
        }
    }
}

impl FromIterator<Vec<Cell>> for Rows<'_> {
    fn from_iter<I: IntoIterator<Item = Vec<Cell>>>(rows: I) -> Self {
        Rows::Made(rows.into_iter().collect())
    }
}

impl Default for Rows<'_> {
    fn default() -> Self {
        Rows::Made(Vec::new())
    }
}
