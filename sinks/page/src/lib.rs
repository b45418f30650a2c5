//! The page: scores, what moved them and what to do next, live from the log.
//!
//! The way of a figure: [`Live`] reads the tables and follows the log; a viewer's `View` of them
//! (his accounts alone) becomes a table in `lists`; `html` and `forms` (both pure) make a page, a
//! file or JSON of it. [`Page`] answers requests as values; the server that carries them, and the
//! threads that it takes, are the binary's. Nothing here writes anything anywhere.

mod config;
mod decode;
mod follow;
mod forms;
mod guard;
mod html;
mod http;
mod index;
mod links;
mod lists;
mod openapi;
mod page;
mod query;
mod routes;
mod rows;
#[cfg(test)]
mod sample;
mod spans;
mod table;
mod tables;
mod view;

pub use config::{Config, ConfigError, Tls, default_listen};
pub use decode::reads;
pub use follow::{AskPipeline, Live};
pub use http::{Answer, BODY_BYTES_MAX, Request, TARGET_BYTES_MAX, security_headers};
pub use page::Page;
pub use tables::{Pipeline, Tables};
pub use view::Scope;
