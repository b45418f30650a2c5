//! The contract of topics: schemas, values, keys and both framings, checked from outside.

#![allow(clippy::unwrap_used, reason = "tests state facts: a panic is how they fail")]

mod compatibility;
mod data;
mod evolution;
mod golden;
mod hostile;
mod keys;
mod registry;
mod round_trip;
mod schema;

/// Calls `$check` with every typed topic.
macro_rules! every_topic {
    ($check:ident) => {{
        use schemas::topic::*;
        let mut names = Vec::new();
        macro_rules! topic {
            ($topic:ident) => {
                $check($topic);
                names.push($topic.spec.name);
            };
        }
        topic!(ACCOUNT_LISTING);
        topic!(ACCOUNT_REGISTER);
        topic!(OBSERVATION);
        topic!(SCAN_UNIT);
        topic!(REPORT);
        topic!(REQUIREMENT);
        topic!(EXCEPTION);
        topic!(SPEND);
        topic!(TICK);
        topic!(ACCOUNT_STATE);
        topic!(RESOURCE_STATE);
        topic!(RESOURCE_CHANGE);
        topic!(TRUST_STATE);
        topic!(COMPLIANCE_STATE);
        topic!(COMPLIANCE_CHANGE);
        topic!(SCORE_STATE);
        topic!(SCORE_HISTORY);
        topic!(CONTRIBUTION);
        topic!(ROLLUP_STATE);
        topic!(ALERT_STATE);
        topic!(MAIL_OUTBOX);
        let all: Vec<_> = value_schemas().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, all, "every typed topic is checked");
    }};
}
pub(crate) use every_topic;
