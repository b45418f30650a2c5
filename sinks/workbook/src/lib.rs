//! Workbooks: an owner's scores with every resource behind them, and the enterprise's in one.
//!
//! The way of a figure: [`Tables`] and their [`Past`] are read from the log; [`lay_out`] (pure)
//! joins what concerns one subject and lays it out as sheets of cells; [`render`] turns the sheets
//! into the bytes of an xlsx file; [`render_all`] does so owner by owner and writes the files that
//! changed. [`digest`] gives the same figures in short. The same tables and past give the same
//! bytes.

mod account;
mod actions;
mod changes;
mod config;
mod console;
mod digest;
mod draw;
mod encode;
mod error;
mod exceptions;
mod executives;
mod format;
mod forms;
mod height;
mod index;
mod mend;
mod model;
mod names;
mod parallel;
mod past;
mod relations;
mod rewind;
mod rows;
mod score;
mod sheet;
mod style;
mod tables;
mod tabs;
mod text;
mod trend;
mod verdicts;
mod view;
mod write;

pub use account::Account;
pub use changes::ChangeKind;
pub use config::Limits;
pub use digest::{AccountLine, Change, Digest, ExecutiveLine, Expiring, NextAction, digest};
pub use encode::render;
pub use error::WorkbookError;
pub use forms::{Form, NoForm, csv_of};
pub use mend::Mend;
pub use model::{Model, Owner, Subject, lay_out, lay_out_within, subjects};
pub use names::file_name;
pub use past::{Cut, Past, Turn};
pub use rows::Rows;
pub use score::{Score, weighted};
pub use sheet::{Area, Cell, Content, Drawing, Place, Row, Sheet, Tint};
pub use style::Style;
pub use tables::{Tables, last_tick};
pub use trend::moved;
pub use verdicts::Verdicts;
pub use write::{Order, Written, render_all, render_order};
