//! Workbooks: an owner's scores with every resource behind them, and the enterprise's in one.
//!
//! The way of a figure: [`Tables`] are read from the log; [`lay_out`] (pure) joins what
//! concerns one subject and lays it out as sheets of cells; [`render`] turns the sheets into the
//! bytes of an xlsx file; [`render_all`] does so owner by owner and writes the files that changed.
//! The same tables give the same bytes.

mod actions;
mod config;
mod encode;
mod error;
mod exceptions;
mod executives;
mod format;
mod height;
mod index;
mod model;
mod names;
mod parallel;
mod relations;
mod rows;
mod score;
mod sheet;
mod style;
mod tables;
mod tabs;
mod text;
mod verdicts;
mod view;
mod write;

pub use config::Limits;
pub use encode::render;
pub use error::WorkbookError;
pub use model::{Model, Owner, Subject, lay_out, lay_out_within, subjects};
pub use names::file_name;
pub use rows::Rows;
pub use sheet::{Area, Cell, Content, Row, Sheet, Tint};
pub use style::Style;
pub use tables::Tables;
pub use verdicts::Verdicts;
pub use write::{Written, render_all};
