//! Trusted Advisor's checks with their results, where the account's support plan has them.

use std::sync::{Mutex, PoisonError};

use producer_findings::sources::trusted_advisor;
use schemas::Finding;
use serde_json::{Value, json};

use super::{Collecting, Collector, Coverage, items, see_each, text};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{CollectError, GLOBAL, Observer, Told};

pub(super) const COLLECTOR: Collector = Collector {
    id: "support-trusted-advisor",
    resource_type: "AWS::TrustedAdvisor::Check",
    coverage: Coverage::Global,
    actions: &["support:DescribeTrustedAdvisorCheckResult", "support:DescribeTrustedAdvisorChecks"],
    collect,
};

/// AWS's code for an account whose support plan does not include Trusted Advisor's API.
const NO_PLAN: &str = "SubscriptionRequiredException";

/// Sees each check, or that there are none to be had; what they found is told as a report, too.
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
/// with nothing to judge. No report is told there, nor where the checks can't be listed: it would
/// clear what nobody looked at, and the scope itself tells of the failure.
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
        let found = Mutex::new(Vec::new());
        see_checks(account, observer, &answer, &found).await?;
        let findings = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        observer.tell(Told { source: trusted_advisor::ID, findings }).await
    })
}

async fn see_checks(
    account: &Account,
    observer: &Observer,
    answer: &Value,
    found: &Mutex<Vec<Finding>>,
) -> Result<(), CollectError> {
    let checks = items(answer, "checks")?.to_vec();
    let each = |check| async move {
        let (document, findings) = check_of(account, &check).await?;
        found.lock().unwrap_or_else(PoisonError::into_inner).extend(findings);
        Ok(Some(document))
    };
    see_each(account, observer, checks.into_iter().map(each)).await
}

fn not_available(account: &Account, reason: &str) -> Document {
    let configuration = json!({"available": false, "reason": reason});
    let id = account.id();
    Document::new(account, GLOBAL, COLLECTOR.resource_type, id, &configuration)
        .name(Some("not available"))
}

/// Gives a check's document and its findings; one whose result can't be had or read says so.
async fn check_of(
    account: &Account,
    check: &Value,
) -> Result<(Document, Vec<Finding>), CollectError> {
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
    let findings = match &result {
        Ok(result) => trusted_advisor::findings(check, result),
        Err(error) => Err(error.summary()),
    };
    let findings = findings.unwrap_or_else(|reason| vec![trusted_advisor::unread(id, reason)]);
    let mut document = Document::new(account, GLOBAL, COLLECTOR.resource_type, id, check)
        .name(check["name"].as_str());
    document.answer("Result", result, &[]);
    Ok((document, findings))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::testing::{FakeAws, collected, refused, told};
    use schemas::{FindingStatus, FindingSubject};

    /// The form of AWS's examples; columns without a value are null there, too.
    fn result(check: &str, timestamp: usize) -> Value {
        json!({"checkId": check, "timestamp": format!("2026-11-28T00:00:{timestamp:02}Z"),
            "status": "warning",
            "resourcesSummary": {"resourcesProcessed": 2, "resourcesFlagged": 1,
                "resourcesIgnored": 0, "resourcesSuppressed": 0},
            "categorySpecificSummary": {"costOptimizing": {"estimatedMonthlySavings": 0.0,
                "estimatedPercentMonthlySavings": 0.0}},
            "flaggedResources": [{"status": "warning", "region": "us-east-1", "resourceId": "r",
                "isSuppressed": false, "metadata": ["us-east-1", null, "Yellow"]}]})
    }

    #[tokio::test]
    async fn an_account_without_a_plan_is_completed_and_says_so() {
        let fake = FakeAws::json(|_, _| refused(NO_PLAN));
        let (seen, end) = collected(&fake, &COLLECTOR, GLOBAL).await;
        assert_eq!((end, seen.len(), seen[0].errors.len()), (Ok(1), 1, 0));
        assert_eq!((seen[0].id.as_str(), seen[0].name.as_str()), ("111122223333", "not available"));
        let expected = r#"{"available":false,"reason":"SubscriptionRequiredException: m"}"#;
        assert_eq!(seen[0].configuration, expected);

        let fake = FakeAws::json(|_, _| refused("AccessDeniedException"));
        let (_, end) = collected(&fake, &COLLECTOR, GLOBAL).await;
        assert_eq!(end, Err("AccessDeniedException: m".to_owned()), "which is something else");
    }

    #[tokio::test]
    async fn what_the_checks_found_is_told_and_what_they_could_not_say_too() {
        let fake = FakeAws::json(move |operation, parameters| {
            let check = parameters["checkId"].as_str().unwrap_or_default();
            match (operation, check) {
                ("DescribeTrustedAdvisorChecks", _) => {
                    let columns = json!(["Region", "Bucket Name", "Status"]);
                    let one = |id| json!({"id": id, "name": "n", "metadata": columns});
                    let checks = ["a", "b", "c"].map(one);
                    (200, json!({"checks": checks}))
                }
                (_, "b") => refused("InternalServerError"),
                // Its values do not stand below the headings.
                (_, "c") => {
                    let mut result = result("c", 0);
                    result["flaggedResources"][0]["metadata"] = json!(["us-east-1"]);
                    (200, json!({"result": result}))
                }
                _ => {
                    let mut result = result("a", 0);
                    result["flaggedResources"][0]["metadata"][1] = json!("shop-images");
                    (200, json!({"result": result}))
                }
            }
        });
        let told = told(&fake, &COLLECTOR).await;
        let rows = told[0].iter();
        let rows = rows.map(|row| (&*row.check, row.subject, row.status, &*row.message));
        use {FindingStatus as S, FindingSubject as F};
        let listed = "Region: us-east-1; Bucket Name: shop-images; Status: Yellow";
        let misfit = "a resource has 1 values, and the check 3 headings";
        assert_eq!(
            Vec::from_iter(rows),
            [
                ("a", F::Resource, S::Warn, listed),
                ("a", F::Summary, S::Warn, "1 of 2 resources are not in order"),
                ("b", F::Query, S::Unknown, "InternalServerError: m"),
                ("c", F::Query, S::Unknown, misfit),
            ]
        );
        assert_eq!(told.len(), 1, "one report");
    }

    #[tokio::test]
    async fn nothing_is_told_where_the_checks_can_not_be_listed() {
        for code in ["AccessDeniedException", NO_PLAN] {
            let fake = FakeAws::json(move |_, _| refused(code));
            assert!(told(&fake, &COLLECTOR).await.is_empty(), "{code}");
        }
    }

    #[tokio::test]
    async fn a_result_of_another_time_is_the_same_document() {
        let time = AtomicUsize::new(0);
        let fake = FakeAws::json(move |operation, parameters| match operation {
            "DescribeTrustedAdvisorChecks" => {
                let checks = ["a", "b"].map(|id| json!({"id": id, "name": format!("Check {id}")}));
                (200, json!({"checks": checks}))
            }
            _ if parameters["checkId"] == "b" => refused("InternalServerError"),
            _ => (200, json!({"result": result("a", time.fetch_add(1, Ordering::SeqCst))})),
        });
        let (first, end) = collected(&fake, &COLLECTOR, GLOBAL).await;
        assert_eq!(end, Ok(2));
        let (second, _) = collected(&fake, &COLLECTOR, GLOBAL).await;
        assert_eq!(first, second);
        let mut expected = result("a", 0);
        expected.as_object_mut().expect("an object").remove("timestamp");
        let supplementary: Value = serde_json::from_str(&first[0].supplementary).expect("JSON");
        assert_eq!(supplementary, json!({"Result": expected}));
        assert_eq!((first[1].id.as_str(), first[1].supplementary.as_str()), ("b", "{}"));
        assert_eq!(first[1].errors["Result"], "InternalServerError: m");
    }
}
