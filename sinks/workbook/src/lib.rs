//! The owner's workbook: his scores, what to fix first, and every resource behind them.
//!
//! The way of a figure: [`Tables`] are read from the log; [`owner_model`] (pure) joins what
//! concerns one owner and lays it out as sheets of cells; [`render`] turns the sheets into the
//! bytes of an xlsx file; [`render_all`] does so owner by owner and writes the files that changed.
//! The same tables give the same bytes.

mod actions;
mod config;
mod encode;
mod error;
mod exceptions;
mod format;
mod height;
mod model;
mod names;
mod score;
mod sheet;
mod style;
mod tables;
mod tabs;
mod text;
mod view;
mod write;

pub use config::Limits;
pub use encode::render;
pub use error::WorkbookError;
pub use model::{Model, Owner, owner_model, owner_model_within, owners};
pub use names::file_name;
pub use sheet::{Area, Cell, Content, Row, Sheet, Tint};
pub use style::Style;
pub use tables::Tables;
pub use write::{Written, render_all};
