//! IAM roles with their trust and their policies.

use std::borrow::Cow;

use serde_json::Value;

use super::{Collecting, Collector, Coverage, iam, items, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "iam-roles",
    resource_type: "AWS::IAM::Role",
    coverage: Coverage::Global,
    actions: &["iam:GetAccountAuthorizationDetails"],
    collect,
};

/// Sees each role.
///
/// Shape: configuration is the item of the answer, policy documents as objects; the id is
/// `RoleId`, which a role of the same name that is made later does not share. The audit role comes
/// without its last use. Source: `iam:GetAccountAuthorizationDetails`, shared with the users.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let answer = iam::details(account).await?;
        for role in items(&answer, "RoleDetailList")? {
            let role = &*without_own_use(role, account.role_arn());
            let id = text(role, "RoleId")?;
            let document = Document::new(account, GLOBAL, COLLECTOR.resource_type, id, role)
                .name(role["RoleName"].as_str())
                .arn(text(role, "Arn")?)
                .tags(role.get("Tags"));
            observer.see(document).await?;
        }
        Ok(())
    })
}

/// Takes the last use out of the role that the scan itself works with: that somebody looked is no
/// change of the account, and would be one at every scan.
fn without_own_use<'a>(role: &'a Value, own_arn: &str) -> Cow<'a, Value> {
    if role["Arn"] != own_arn {
        return Cow::Borrowed(role);
    }
    let mut role = role.clone();
    if let Some(members) = role.as_object_mut() {
        members.remove("RoleLastUsed");
    }
    Cow::Owned(role)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_scan_does_not_see_that_it_was_here() {
        let role = |name: &str| {
            json!({"Arn": format!("arn:aws:iam::1:role/{name}"), "RoleName": name,
                   "RoleLastUsed": {"LastUsedDate": "2026-01-01T00:00:00+00:00"}})
        };
        let own = "arn:aws:iam::1:role/team/Audit";
        let expected = json!({"Arn": own, "RoleName": "team/Audit"});
        assert_eq!(*without_own_use(&role("team/Audit"), own), expected);
        assert_eq!(
            *without_own_use(&role("Audit"), own),
            role("Audit"),
            "another role's use stays"
        );
    }
}
