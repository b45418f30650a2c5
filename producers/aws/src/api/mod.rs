//! One client for every AWS operation in the model, for answers that are kept as documents.
//!
//! AWS's typed crates do not give their answers back as documents, and the one for EC2 alone takes
//! minutes to build. So the model (`model/model.json`, trimmed from botocore) says how a call is
//! written and its answer read, and AWS's own runtime crates sign, retry, time out and send it.
//! Answers have the member names, lists, numbers and timestamps that boto3 and the AWS CLI give.
//!
//! **Invariant**: an answer that can't be read whole is an error, never an empty document: cut-off
//! text, a foreign root element, a page of HTML, a body that is too large.

mod client;
mod decode_json;
mod decode_xml;
mod endpoint;
mod error;
mod limit;
mod model;
mod model_text;
mod paging;
mod request;
mod response;
mod scalar;

pub use client::{Client, Target};
pub use decode_xml::XmlError;
pub use endpoint::{Endpoint, Endpoints, Partition};
pub use error::{CallError, Fault};
pub use limit::{Budget, Limit};
pub use model::{Model, ModelError, Protocol, Service};
pub(crate) use response::bound;
pub use response::{Answer, DOCUMENT_DEPTH_MAX, DecodeError};
