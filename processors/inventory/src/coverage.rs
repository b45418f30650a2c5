//! Coverage: what is known of the collection of one resource type in one account.

use std::sync::Arc;

use schemas::TypeCoverage;

use crate::{ScopeKey, ScopeState, ScopeStatus};

/// Leads the resource type of scopes that stand for reports: `report/<source>`.
pub const UNIT_REPORT: &str = "report";

/// Sums up the scopes of one resource type, which come sorted by region.
pub fn coverage_of(resource_type: &str, scopes: &[(ScopeKey, Arc<ScopeState>)]) -> TypeCoverage {
    let failed = |scope: &ScopeState| scope.status == ScopeStatus::Failed;
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let error = scopes.iter().find(|(_, scope)| failed(scope)).and_then(|(key, scope)| {
        scope.error.as_ref().map(|error| format!("{}: {error}", key.region))
    });
    TypeCoverage {
        resource_type: resource_type.to_owned(),
        scopes: count(scopes.len()),
        collected: count(scopes.iter().filter(|(_, s)| s.completed_ms.is_some()).count()),
        failed: count(scopes.iter().filter(|(_, s)| failed(s)).count()),
        oldest_ms: scopes.iter().filter_map(|(_, scope)| scope.completed_ms).min(),
        error,
        resources: scopes.iter().map(|(_, scope)| scope.resources).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attempt, start};

    #[test]
    fn a_failed_region_shows_beside_the_others() {
        let attempt = Attempt { scan: "s", attempt: 1 };
        let scope = |status, completed_ms, error: Option<&str>| ScopeState {
            status,
            completed_ms,
            error: error.map(str::to_owned),
            resources: 3,
            ..start(None, attempt)
        };
        let scope = |status, completed_ms, error| Arc::new(scope(status, completed_ms, error));
        let rows = [
            (ScopeKey::new("1", "T", "a"), scope(ScopeStatus::Completed, Some(50), None)),
            (ScopeKey::new("1", "T", "b"), scope(ScopeStatus::Failed, Some(20), Some("Denied: x"))),
            (ScopeKey::new("1", "T", "c"), scope(ScopeStatus::Failed, None, Some("Denied: y"))),
        ];
        let coverage = coverage_of("T", &rows);
        assert_eq!((coverage.scopes, coverage.collected, coverage.failed), (3, 2, 2));
        assert_eq!((coverage.oldest_ms, coverage.resources), (Some(20), 9));
        assert_eq!(coverage.error.as_deref(), Some("b: Denied: x"));
    }
}
