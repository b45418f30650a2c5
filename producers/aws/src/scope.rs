//! The scope of a listing, what happens in it, and how it failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use schemas::Finding;
use tokio::sync::mpsc::Sender;

use crate::api::CallError;
use crate::document::Document;
use crate::unit::UnitEnd;

/// The region of scopes and resources that have none.
pub(crate) const GLOBAL: &str = "global";

/// What is listed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope {
    pub(crate) account: String,
    /// A region, or [`GLOBAL`].
    pub(crate) region: String,
    pub(crate) resource_type: &'static str,
}

/// What happens in a scope, in this order; documents may be many or none, and so may reports.
#[derive(Debug)]
pub(crate) enum Event {
    Started,
    Seen(Box<Document>),
    Told(Told),
    Completed { count: i64 },
    Failed { error: String },
}

/// What a scanner that AWS runs in the account found, as a whole.
#[derive(Debug)]
pub(crate) struct Told {
    /// Its name among the sources of findings.
    pub(crate) source: &'static str,
    pub(crate) findings: Vec<Finding>,
}

/// A unit of work by the place of its planned record: partition and offset in `scan.unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnitId {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// What a unit's task tells the group's member.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) unit: UnitId,
    pub(crate) what: What,
}

/// What happened in a unit.
#[derive(Debug)]
pub(crate) enum What {
    Scope(Scope, Event),
    /// Every scope of the unit has ended.
    Ended(UnitEnd),
}

/// Why a listing ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A call that several collectors share failed.
    #[error(transparent)]
    Shared(#[from] Arc<CallError>),
    /// AWS's answer lacks what the listing needs, or never came to an end.
    #[error("{code}: {message}")]
    Answer { code: &'static str, message: String },
    /// The scan has ended; nobody listens any more.
    #[error("the scan has ended")]
    Stopped,
}

impl CollectError {
    /// An answer without something that it must have.
    pub(crate) fn missing(what: &str) -> Self {
        Self::Answer { code: "UnreadableAnswer", message: format!("the answer has no {what}") }
    }

    /// Gives `Code: message`.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Call(error) => error.summary(),
            Self::Shared(error) => error.summary(),
            other => other.to_string(),
        }
    }
}

/// Takes what a collector sees in one scope.
#[derive(Debug)]
pub(crate) struct Observer {
    unit: UnitId,
    scope: Scope,
    sender: Sender<Report>,
    count: AtomicI64,
}

impl Observer {
    pub(crate) fn new(unit: UnitId, scope: Scope, sender: Sender<Report>) -> Self {
        Self { unit, scope, sender, count: AtomicI64::new(0) }
    }

    /// The scope.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Hands on a resource; waits while the scan is busy with others.
    pub(crate) async fn see(&self, document: Document) -> Result<(), CollectError> {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.send(Event::Seen(Box::new(document))).await
    }

    /// Hands on what a scanner told, as a whole.
    pub(crate) async fn tell(&self, told: Told) -> Result<(), CollectError> {
        self.send(Event::Told(told)).await
    }

    /// Gives the number of resources that were seen.
    pub(crate) fn count(&self) -> i64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) async fn start(&self) -> Result<(), CollectError> {
        self.send(Event::Started).await
    }

    /// Ends the scope, for better or worse.
    pub(crate) async fn end(&self, result: Result<(), CollectError>) -> Result<(), CollectError> {
        let event = match result {
            Ok(()) => Event::Completed { count: self.count() },
            Err(error) => Event::Failed { error: error.summary() },
        };
        self.send(event).await
    }

    /// Ends the scope with a failure that happened before it could be asked for.
    pub(crate) async fn fail(&self, error: String) -> Result<(), CollectError> {
        self.send(Event::Failed { error }).await
    }

    async fn send(&self, event: Event) -> Result<(), CollectError> {
        let report = Report { unit: self.unit, what: What::Scope(self.scope.clone(), event) };
        self.sender.send(report).await.map_err(|_| CollectError::Stopped)
    }
}
