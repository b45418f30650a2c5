//! Scopes: which attempt counts, and when absence does.

use apache_avro::AvroSchema;
use schemas::{key, symbols};
use serde::{Deserialize, Serialize};

key! {
    /// A scope: one resource type in one region of one account, or one source's reports.
    ScopeKey {
        /// The account.
        account,
        /// The resource type, or `report/<source>`.
        resource_type,
        /// The region of the listing; `global` where it is asked once.
        region
    } by account
}

key! {
    /// A resource as a member of the scope that it was seen in.
    MemberKey {
        /// The scope's account.
        account,
        /// The scope's resource type.
        resource_type,
        /// The scope's region.
        scope_region,
        /// The resource's own region.
        region,
        /// The resource's id.
        id
    } by account
}

symbols! {
    /// How the latest attempt of a scope stands.
    ScopeStatus default "failed" {
        /// It has started.
        Running = "running",
        /// It was completed.
        Completed = "completed",
        /// It failed, or came to less than it announced.
        Failed = "failed",
    }
}

/// What is known of a scope.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct ScopeState {
    /// The latest attempt's scan.
    pub scan: String,
    /// The latest attempt's number.
    pub attempt: i32,
    /// How the latest attempt stands.
    pub status: ScopeStatus,
    /// Counts attempts from 1: members carry the number of the attempt that saw them last.
    pub generation: i64,
    /// When a completed attempt last ended, in UTC milliseconds.
    pub completed_ms: Option<i64>,
    /// Why the latest attempt failed.
    pub error: Option<String>,
    /// Resources that it held when an attempt was last completed; 0 for reports.
    #[serde(default)]
    #[avro(default = "0")]
    pub resources: i64,
}

/// When a member was last seen.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Member {
    /// The generation that saw it.
    pub generation: i64,
}

/// The attempt that a record belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The scan's id, which sorts by time.
    pub scan: &'a str,
    /// The attempt within the scan.
    pub attempt: i32,
}

/// How a record's attempt stands to the scope's latest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It is the latest, and running: its records count.
    Current,
    /// It is the latest, and has ended: a record delivered again.
    Ended,
    /// A newer attempt made it void.
    Void,
    /// It is newer: only a start may come now.
    Newer,
}

/// Tells how an attempt stands to what is known of its scope.
pub fn order(scope: Option<&ScopeState>, attempt: Attempt<'_>) -> Order {
    let Some(scope) = scope else {
        return Order::Newer;
    };
    match (attempt.scan, attempt.attempt).cmp(&(&scope.scan, scope.attempt)) {
        std::cmp::Ordering::Less => Order::Void,
        std::cmp::Ordering::Greater => Order::Newer,
        std::cmp::Ordering::Equal if scope.status == ScopeStatus::Running => Order::Current,
        std::cmp::Ordering::Equal => Order::Ended,
    }
}

/// Starts a newer attempt.
pub fn start(scope: Option<&ScopeState>, attempt: Attempt<'_>) -> ScopeState {
    ScopeState {
        scan: attempt.scan.to_owned(),
        attempt: attempt.attempt,
        status: ScopeStatus::Running,
        generation: scope.map_or(0, |scope| scope.generation) + 1,
        completed_ms: scope.and_then(|scope| scope.completed_ms),
        error: None,
        resources: scope.map_or(0, |scope| scope.resources),
    }
}

/// What a completed record leads to, once the members were counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Every observation arrived: what was not seen is gone.
    Sweep,
    /// Some are missing (dead letters, a bug): nothing may be concluded from absence.
    Short {
        /// What to tell people.
        error: String,
    },
}

/// Compares the observations that arrived with the number announced.
pub fn count_closes(announced: i64, arrived: i64) -> Completion {
    if arrived >= announced {
        return Completion::Sweep;
    }
    let error = format!("Incomplete: {arrived} of {announced} announced items arrived");
    Completion::Short { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Attempt<'_> = Attempt { scan: "2026-01-01T00:00:00Z", attempt: 1 };
    const RETRY: Attempt<'_> = Attempt { scan: "2026-01-01T00:00:00Z", attempt: 2 };
    const NEXT: Attempt<'_> = Attempt { scan: "2026-01-01T12:00:00Z", attempt: 1 };

    #[test]
    fn a_newer_attempt_voids_an_older_one() {
        let mut scope = start(None, RETRY);
        for (attempt, expected) in
            [(FIRST, Order::Void), (RETRY, Order::Current), (NEXT, Order::Newer)]
        {
            assert_eq!(order(Some(&scope), attempt), expected, "{attempt:?}");
        }
        scope.status = ScopeStatus::Completed;
        assert_eq!(order(Some(&scope), RETRY), Order::Ended);
        assert_eq!(order(None, FIRST), Order::Newer);
    }

    #[test]
    fn a_start_keeps_what_was_collected() {
        let done = ScopeState {
            status: ScopeStatus::Completed,
            completed_ms: Some(7),
            error: Some("x".into()),
            ..start(None, FIRST)
        };
        let next = start(Some(&done), NEXT);
        assert_eq!((next.generation, next.completed_ms, next.error), (2, Some(7), None));
    }

    #[test]
    fn missing_observations_forbid_deletion() {
        assert_eq!(count_closes(2, 2), Completion::Sweep);
        assert_eq!(count_closes(0, 0), Completion::Sweep);
        assert!(
            matches!(count_closes(2, 1), Completion::Short { error } if error.contains("1 of 2"))
        );
    }
}
