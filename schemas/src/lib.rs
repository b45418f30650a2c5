//! The contract between producers, processors and sinks: topics, keys, values and their Avro form.
//!
//! Nothing here does I/O, asks a clock or knows async: bytes in, values out. Every topic is a typed
//! constant in [`topic`]; every value derives its Avro schema from its Rust type, and golden files
//! in `avsc/` with a test keep it compatible with what earlier releases wrote.

mod account;
mod alert;
mod alike;
pub mod avro;
mod bounded;
mod cause;
mod compliance;
mod exception;
mod glob;
pub mod headers;
pub mod key;
mod mail;
mod observation;
mod partition;
mod percent;
mod released;
mod report;
mod requirement;
mod resolve;
mod resource;
mod rollup;
mod score;
mod spend;
mod symbols;
mod tick;
pub mod topic;
mod trust;

pub use account::{
    AccountKey, AccountListing, AccountRegister, AccountState, AccountStatus, TypeCoverage,
};
pub use alert::{AlertKey, AlertState};
pub use alike::did_you_mean;
pub use avro::{AvroError, Codec, Registry, UnknownSchema, Value};
pub use cause::Cause;
pub use compliance::{ComplianceChange, ComplianceKey, ComplianceState, Credit, Standing, Verdict};
pub use exception::{
    Exception, ExceptionKey, ExceptionPhase, ExceptionState, has_tag, selects_by_place,
};
pub use glob::glob;
pub use key::Key;
pub use mail::{MailKey, MailState, MailStatus};
pub use observation::{Observation, ObservationEvent, ScanUnit, UnitStatus};
pub use partition::{murmur2, partition_of};
pub use percent::{percent, tenths};
pub use report::{Finding, FindingStatus, FindingSubject, Report, ReportEvent, Totals};
pub use requirement::{
    CheckMapping, RelatedText, Requirement, RequirementKey, RuleText, Scoring, Severity,
};
pub use resource::{ChangeKind, Difference, Resource, ResourceChange, ResourceKey, ResourceState};
pub use rollup::{Contribution, ContributionKey, RollupKey, RollupState};
pub use score::{SCORE_ONE, ScoreKey, ScoreState, ScoreStatus};
pub use spend::Spend;
#[doc(hidden)]
pub use symbols::{read_symbol, symbols_schema};
pub use tick::{Tick, TickKey};
pub use topic::{Cleanup, Placement, Topic, TopicSpec};
pub use trust::{KnownBy, PrincipalKind, TrustCondition, TrustKey, TrustState};
