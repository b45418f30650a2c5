//! The account itself: contacts, regions, password policy, counts.

use serde_json::json;

use super::{Collecting, Collector, Coverage, iam};
use crate::account::Account;
use crate::document::Document;
use crate::scope::{GLOBAL, Observer};

pub(super) const COLLECTOR: Collector = Collector {
    id: "account-settings",
    resource_type: "AWS::Account::Settings",
    coverage: Coverage::Global,
    actions: &[
        "account:GetAlternateContact",
        "account:GetContactInformation",
        "account:ListRegions",
        "iam:GetAccountPasswordPolicy",
        "iam:GetAccountSummary",
    ],
    collect,
};

/// The name in the document and AWS's word for it.
const CONTACTS: [(&str, &str); 3] = [
    ("BillingContact", "BILLING"),
    ("OperationsContact", "OPERATIONS"),
    ("SecurityContact", "SECURITY"),
];

/// Sees the account's one document.
///
/// Shape: the id is the account's; AWS has no answer that describes an account, so configuration
/// is `AccountId` alone. Supplementary: `ContactInformation`; `BillingContact`,
/// `OperationsContact`, `SecurityContact` and `PasswordPolicy`, null where none is set; `Regions`,
/// every region with its `RegionOptStatus`; `AccountSummary`, the map of counts. Source:
/// `account:GetContactInformation`, `account:GetAlternateContact`, `account:ListRegions`,
/// `iam:GetAccountPasswordPolicy`, `iam:GetAccountSummary`.
fn collect<'a>(account: &'a Account, observer: &'a Observer) -> Collecting<'a> {
    Box::pin(async move {
        let id = account.id();
        let configuration = json!({"AccountId": id});
        let kind = COLLECTOR.resource_type;
        let mut document = Document::new(account, GLOBAL, kind, id, &configuration);
        add_contacts(account, &mut document).await;
        let regions = json!({"MaxResults": 50});
        let regions = account.home("account").call_all("ListRegions", regions).await;
        document.member("Regions", regions, "Regions", &[]);
        let policy = account.home("iam").call("GetAccountPasswordPolicy", json!({})).await;
        document.member("PasswordPolicy", policy, "PasswordPolicy", &["NoSuchEntity"]);
        iam::add_summary(account, &mut document).await;
        observer.see(document).await
    })
}

async fn add_contacts(account: &Account, document: &mut Document) {
    let client = account.home("account");
    let contact = client.call("GetContactInformation", json!({})).await;
    document.member("ContactInformation", contact, "ContactInformation", &[]);
    for (name, word) in CONTACTS {
        let parameters = json!({"AlternateContactType": word});
        let contact = client.call("GetAlternateContact", parameters).await;
        document.member(name, contact, "AlternateContact", &["ResourceNotFoundException"]);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{FakeAws, Reply, collected};

    fn error(status: u16, code: &'static str) -> Reply {
        (status, vec![("x-amzn-errortype", code)], r#"{"message":"m"}"#.to_owned())
    }

    fn iam(operation: &str, result: &str) -> Reply {
        let result = format!("<{operation}Result>{result}</{operation}Result>");
        (200, vec![], format!("<{operation}Response>{result}</{operation}Response>"))
    }

    /// moto has no GetContactInformation and no ListRegions; the answers are in the form of AWS's
    /// API reference. The list comes in two pages.
    #[tokio::test]
    async fn an_account_is_told_whole() {
        let fake = FakeAws::new(|sent| {
            let path = sent.uri.rsplit('/').next().unwrap_or_default();
            match path {
                "getContactInformation" => (
                    200,
                    vec![],
                    json!({"ContactInformation": {"FullName": "Ä & <B>", "CountryCode": "DE",
                        "PhoneNumber": "+49 1", "AddressLine1": "", "City": "Köln",
                        "PostalCode": "1"}})
                    .to_string(),
                ),
                "getAlternateContact" if sent.body.contains("SECURITY") => (
                    200,
                    vec![],
                    json!({"AlternateContact": {"AlternateContactType": "SECURITY", "Name": "s",
                        "EmailAddress": "s@example.com", "PhoneNumber": "1", "Title": "t"}})
                    .to_string(),
                ),
                "getAlternateContact" => error(404, "ResourceNotFoundException"),
                "listRegions" => {
                    let (name, status, next) = match sent.body.contains("NextToken") {
                        false => ("af-south-1", "DISABLED", json!("t")),
                        true => ("us-east-1", "ENABLED_BY_DEFAULT", Value::Null),
                    };
                    let regions = json!([{"RegionName": name, "RegionOptStatus": status}]);
                    (200, vec![], json!({"Regions": regions, "NextToken": next}).to_string())
                }
                _ if sent.body.contains("GetAccountSummary") => iam(
                    "GetAccountSummary",
                    "<SummaryMap><entry><key>Users</key><value>3</value></entry></SummaryMap>",
                ),
                _ => iam(
                    "GetAccountPasswordPolicy",
                    "<PasswordPolicy><MinimumPasswordLength>14</MinimumPasswordLength>\
                     <RequireSymbols>false</RequireSymbols></PasswordPolicy>",
                ),
            }
        });
        let (found, end) = collected(&fake, &COLLECTOR, GLOBAL).await;
        assert_eq!((end, fake.sent().len()), (Ok(1), 1 + 3 + 2 + 1 + 1));
        assert!(found[0].errors.is_empty(), "{:?}", found[0].errors);
        assert_eq!((found[0].id.as_str(), found[0].region.as_str()), ("111122223333", "global"));
        let told: Value = serde_json::from_str(&found[0].supplementary).unwrap();
        assert_eq!(
            told,
            json!({
                "ContactInformation": {"FullName": "Ä & <B>", "CountryCode": "DE",
                    "PhoneNumber": "+49 1", "AddressLine1": "", "City": "Köln", "PostalCode": "1"},
                "BillingContact": null,
                "OperationsContact": null,
                "SecurityContact": {"AlternateContactType": "SECURITY", "Name": "s",
                    "EmailAddress": "s@example.com", "PhoneNumber": "1", "Title": "t"},
                "Regions": [{"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"},
                    {"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"}],
                "PasswordPolicy": {"MinimumPasswordLength": 14, "RequireSymbols": false},
                "AccountSummary": {"Users": 3},
            })
        );
    }

    /// That nothing may be read is told in full; nothing of it looks like an answer.
    #[tokio::test]
    async fn an_account_that_may_not_be_read_has_its_errors() {
        let fake = FakeAws::new(|sent| match sent.uri.contains("://iam.") {
            true => {
                let error = "<Error><Code>AccessDenied</Code><Message>m</Message></Error>";
                (403, vec![], format!("<ErrorResponse>{error}</ErrorResponse>"))
            }
            false => error(403, "AccessDeniedException"),
        });
        let (found, end) = collected(&fake, &COLLECTOR, GLOBAL).await;
        assert_eq!(end, Ok(1));
        let errors: Vec<_> = found[0].errors.iter().map(|(a, b)| (&**a, &**b)).collect();
        let (account, iam) = ("AccessDeniedException: m", "AccessDenied: m");
        assert_eq!(
            errors,
            [
                ("AccountSummary", iam),
                ("BillingContact", account),
                ("ContactInformation", account),
                ("OperationsContact", account),
                ("PasswordPolicy", iam),
                ("Regions", account),
                ("SecurityContact", account),
            ]
        );
        assert_eq!(found[0].supplementary, "{}");
    }
}
