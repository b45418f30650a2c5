//! Trusted Advisor's checks with their results, where the account's support plan has them.

use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "support-trusted-advisor",
    resource_type: "AWS::TrustedAdvisor::Check",
    coverage: Coverage::Global,
    actions: &["support:DescribeTrustedAdvisorCheckResult", "support:DescribeTrustedAdvisorChecks"],
    collect,
};

/// AWS's code for an account whose support plan does not include Trusted Advisor's API.
const NO_PLAN: &str = "SubscriptionRequiredException";

/// Sees each check, or that there are none to be had.
///
/// Shape: configuration is the check; the id is the check's. Supplementary: `Result` is the result
/// without its `timestamp`, which moves whenever AWS looks again, and a change that tells nothing
/// is no change. Source: `support:DescribeTrustedAdvisorChecks` in English and one call for each
/// check.
///
/// An account without a support plan is not an error, and its scope is completed. Yet it is no
/// account without findings: so one document is seen, of the account's id, whose configuration says
/// `available: false` and why. It takes the place of the checks of a plan that has ended, so that
/// what they found does not stand for ever; and since it has neither check nor result, a rule
/// about them is unknown for it. The requirement is then one without a known verdict, and not one
/// with nothing to judge.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let parameters = json!({"language": "en"});
        let client = account.home("support");
        let answer = client.call("DescribeTrustedAdvisorChecks", parameters).await;
        let answer = match answer {
            Err(error) if error.code() == NO_PLAN => {
                let reason = error.summary();
                return observer.see(not_available(account, &reason)).await;
            }
            answer => answer?,
        };
        let checks = items(&answer, "checks")?.to_vec();
        let each = |check| async move { document(account, &check).await };
        see_each(account, observer, checks.into_iter().map(each)).await
    })
}

fn not_available(account: &Account, reason: &str) -> Document {
    let configuration = json!({"available": false, "reason": reason});
    let id = account.id();
    Document::new(account, GLOBAL, COLLECTOR.resource_type, id, &configuration)
        .name(Some("not available"))
}

async fn document(account: &Account, check: &Value) -> Result<Option<Document>, CollectError> {
    let id = text(check, "id")?;
    let parameters = json!({"checkId": id, "language": "en"});
    let client = account.home("support");
    let result = client.call("DescribeTrustedAdvisorCheckResult", parameters).await;
    let result = result.map(|mut answer| {
        let mut result = answer["result"].take();
        if let Some(members) = result.as_object_mut() {
            members.remove("timestamp");
        }
        result
    });
    let mut document = Document::new(account, GLOBAL, COLLECTOR.resource_type, id, check)
        .name(check["name"].as_str());
    document.answer("Result", result, &[]);
    Ok(Some(document))
}
