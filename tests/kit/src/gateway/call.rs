//! A call as the proxy sees it: whose, where, what.

use std::collections::BTreeMap;

use super::Operation;
use super::message::Request;

/// One call; two are equal when they ask the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The account that it is made in: that of the session's role, for `AssumeRole` that of the
    /// role to assume. Empty for calls with other credentials.
    pub account: String,
    /// The region that it is signed for; empty where it is not signed.
    pub region: String,
    /// Service and operation.
    pub operation: Operation,
    /// Path, query and body as sent.
    pub detail: String,
}

impl Call {
    /// Reads a request; `keys` has the accounts of the access keys that are known.
    pub(super) fn of(request: &Request, keys: &BTreeMap<String, String>) -> Self {
        let operation = Operation::of(request);
        let [key, _, region, _] = request.credential();
        let account = match operation.operation.as_str() {
            "AssumeRole" => role_account(request),
            _ => keys.get(&key).cloned().unwrap_or_default(),
        };
        let body = String::from_utf8_lossy(&request.body);
        Self { account, region, operation, detail: format!("{} {body}", request.target) }
    }

    /// The access key that an answer of `AssumeRole` gives.
    pub(super) fn key_given(&self, answer: &[u8]) -> Option<String> {
        if self.operation.operation != "AssumeRole" {
            return None;
        }
        let text = String::from_utf8_lossy(answer);
        let key = text.split_once("<AccessKeyId>")?.1.split_once("</AccessKeyId>")?.0;
        Some(key.to_owned())
    }
}

/// The account in the ARN of the role to assume.
fn role_account(request: &Request) -> String {
    let role = request.form_value("RoleArn").unwrap_or_default();
    role.split(':').nth(4).unwrap_or_default().to_owned()
}
