//! Findings and changes of the inventory as events of the Open Cybersecurity Schema Framework.
//!
//! The sink reads `compliance.change` and `resource.change` and appends what they come to to the
//! topic `siem.event`, in JSON. Events and positions are committed in one transaction, so each
//! change is told exactly once. What requirements and accounts are called is read beside them.
//!
//! **Invariant**: an event is a function of its change and of what is known of its requirement and
//! account; nothing is left out silently: what was cut says so in `metadata.is_truncated`.

mod config;
mod event;
mod finding;
mod inventory;
mod known;
mod sink;

pub use config::{Config, ConfigError, Splunk};
pub use event::{OCSF_VERSION, event};
pub use known::{Account, Known, Unfit};
pub use sink::{ROLE, Siem};
