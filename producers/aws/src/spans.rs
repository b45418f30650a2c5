//! The span of a scope's scan: where of what, how many there were, and how it ended.

use schemas::ScanUnit;
use stream::span::{FAILED, TARGET, Traced};
use tracing::field::Empty;
use tracing::info_span;

use crate::scope::{CollectError, Scope};

/// Begins the span of a scan of one scope: a trace of its own, which may take minutes.
pub(crate) fn scan(unit: &ScanUnit, scope: &Scope) -> Traced {
    Traced::begin(info_span!(
        target: TARGET,
        parent: None,
        "scope scan",
        scan = unit.scan,
        attempt = unit.attempt,
        account = scope.account,
        region = scope.region,
        resource_type = scope.resource_type,
        resources = Empty,
        outcome = Empty,
        error = Empty,
    ))
}

/// Ends it with the number of resources that were seen. Of an error only the code is told: its
/// words may name what is in the account.
pub(crate) fn ended(traced: Traced, result: &Result<(), CollectError>, resources: i64) {
    traced.span().record("resources", resources);
    match result {
        Ok(()) => traced.end("completed"),
        Err(error) => {
            let summary = error.summary();
            traced.span().record("error", summary.split(':').next().unwrap_or_default());
            traced.end(FAILED);
        }
    }
}
