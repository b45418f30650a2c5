//! Values that the tests of this crate start from.

use std::collections::BTreeMap;

use schemas::{ComplianceState, Exception, Resource, Verdict};

pub(crate) fn resource(resource_type: &str, id: &str) -> Resource {
    Resource {
        provider: "aws".into(),
        account: "111111111111".into(),
        region: "eu-west-1".into(),
        resource_type: resource_type.into(),
        id: id.into(),
        name: format!("{id}-name"),
        arn: format!("arn:x:{id}"),
        tags: BTreeMap::new(),
        configuration: "{}".into(),
        supplementary: "{}".into(),
        errors: BTreeMap::new(),
        truncated: vec![],
        captured_ms: 0,
    }
}

pub(crate) fn state(verdict: Verdict) -> ComplianceState {
    ComplianceState {
        resource_type: "T".into(),
        name: "n".into(),
        arn: "arn:x:i".into(),
        verdict,
        source: "rule".into(),
        since_ms: 1,
        ..ComplianceState::default()
    }
}

pub(crate) fn exception(id: &str, resource: &str, expires_ms: Option<i64>) -> Exception {
    Exception {
        id: id.into(),
        accounts: vec!["*".into()],
        requirements: vec!["R1".into()],
        resource: resource.into(),
        approved: true,
        reason: "accepted".into(),
        owner: "o".into(),
        expires_ms,
        ..Exception::default()
    }
}
