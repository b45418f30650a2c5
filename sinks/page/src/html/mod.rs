//! Pages in HTML: pure, from what a viewer sees. Everything from outside is escaped by `maud`.

pub(crate) mod account;
pub(crate) mod explain;
pub(crate) mod layout;
pub(crate) mod overview;
pub(crate) mod requirement;
pub(crate) mod resource;
pub(crate) mod search;
pub(crate) mod svg;
pub(crate) mod table;
pub(crate) mod trust;
pub(crate) mod words;
