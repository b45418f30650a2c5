//! Lists the accounts of an organisation.

use std::collections::BTreeMap;

use aws_sdk_organizations::operation::list_accounts::ListAccountsError;
use aws_sdk_organizations::types::{Account, AccountState, AccountStatus as Status};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use schemas::{AccountListing, AccountStatus};

use crate::api::{Endpoints, chain};

/// The cloud, in every record.
pub(crate) const PROVIDER: &str = "aws";

/// Lists all accounts of a payer's organisation, sorted by id; errors are `Code: message`.
///
/// Source: `organizations:ListAccounts`, all pages.
pub(crate) async fn list_accounts(
    session: &SdkConfig,
    endpoints: &Endpoints,
    payer: &str,
) -> Result<Vec<AccountListing>, String> {
    let mut config = aws_sdk_organizations::config::Builder::from(session);
    if let Some(url) = endpoints.replacing("organizations") {
        config = config.endpoint_url(url);
    }
    let client = aws_sdk_organizations::Client::from_conf(config.build());
    let mut pages = client.list_accounts().into_paginator().send();
    let mut listings = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| summary(&error))?;
        // The typed crate reads an answer without the list as one with an empty list.
        let accounts = page.accounts.ok_or("UnreadableAnswer: the answer lists no accounts")?;
        for account in &accounts {
            listings.push(listing(account, payer)?);
        }
    }
    if listings.is_empty() {
        // Every organisation has its own management account.
        return Err("UnreadableAnswer: the organisation lists no account at all".to_owned());
    }
    listings.sort_by(|a, b| a.account.cmp(&b.account));
    Ok(listings)
}

fn listing(account: &Account, payer: &str) -> Result<AccountListing, String> {
    let id = account.id().ok_or("UnreadableAnswer: an account without an id is listed")?;
    Ok(AccountListing {
        provider: PROVIDER.to_owned(),
        account: id.to_owned(),
        payer: payer.to_owned(),
        name: account.name().unwrap_or_default().to_owned(),
        email: account.email().unwrap_or_default().to_owned(),
        status: status(account),
        units: Vec::new(),
        tags: BTreeMap::new(),
    })
}

/// `State` replaces `Status`, which AWS no longer recommends and older servers alone send.
fn status(account: &Account) -> AccountStatus {
    match (account.state(), account.status()) {
        (Some(AccountState::Active), _) => AccountStatus::Active,
        (Some(AccountState::Suspended | AccountState::Closed), _) => AccountStatus::Suspended,
        (Some(AccountState::PendingClosure), _) => AccountStatus::Closing,
        (Some(_), _) => AccountStatus::Unknown,
        (None, Some(Status::Active)) => AccountStatus::Active,
        (None, Some(Status::Suspended)) => AccountStatus::Suspended,
        (None, Some(Status::PendingClosure)) => AccountStatus::Closing,
        (None, _) => AccountStatus::Unknown,
    }
}

fn summary(error: &SdkError<ListAccountsError, HttpResponse>) -> String {
    let answer = error.as_service_error();
    match answer.and_then(|answer| Some((answer.code()?, answer.message().unwrap_or_default()))) {
        Some((code, message)) => format!("{code}: {message}"),
        None => format!("AccountsNotListed: {}", chain(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeAws;
    use aws_types::region::Region;

    #[test]
    fn the_newer_word_wins() {
        let account = || Account::builder().id("1");
        let cases = [
            (account().status(Status::Active).build(), AccountStatus::Active),
            (account().status(Status::PendingClosure).build(), AccountStatus::Closing),
            (
                account().status(Status::Active).state(AccountState::Closed).build(),
                AccountStatus::Suspended,
            ),
            (account().state(AccountState::PendingActivation).build(), AccountStatus::Unknown),
            (account().build(), AccountStatus::Unknown),
        ];
        for (account, expected) in cases {
            assert_eq!(status(&account), expected, "{account:?}");
        }
    }

    async fn list(fake: &FakeAws) -> Result<Vec<AccountListing>, String> {
        let session = fake.config().to_builder().region(Region::from_static("us-east-1")).build();
        list_accounts(&session, &Endpoints::default(), "111122223333").await
    }

    #[tokio::test]
    async fn all_pages_are_listed_in_order_of_ids() {
        let fake = FakeAws::new(|sent| {
            let body = if sent.body.contains("next") {
                r#"{"Accounts": [{"Id": "1", "Name": "Ünit", "Email": "a@x", "State": "CLOSED"}]}"#
            } else {
                r#"{"Accounts": [{"Id": "2", "Status": "ACTIVE"}], "NextToken": "next"}"#
            };
            (200, vec![], body.to_owned())
        });
        let listings = list(&fake).await.expect("both pages are good");
        let found: Vec<_> = listings.iter().map(|l| (&*l.account, &*l.name, l.status)).collect();
        let expected = [("1", "Ünit", AccountStatus::Suspended), ("2", "", AccountStatus::Active)];
        assert_eq!(found, expected);
        let payers = listings.iter().all(|listing| listing.payer == "111122223333");
        assert!(payers && fake.sent().len() == 2);
    }

    /// An organisation that seems empty would look like one that lost all its accounts.
    #[tokio::test]
    async fn what_is_no_list_of_accounts_is_an_error() {
        let denied = r#"{"__type": "AccessDeniedException", "Message": "no"}"#;
        let cases = [
            (200, "{}", "UnreadableAnswer: the answer lists no accounts"),
            (
                200,
                r#"{"Accounts": []}"#,
                "UnreadableAnswer: the organisation lists no account at all",
            ),
            (
                200,
                r#"{"Accounts": [{"Name": "n"}]}"#,
                "UnreadableAnswer: an account without an id is listed",
            ),
            (200, "", ""),
            (200, "<html></html>", "AccountsNotListed: "),
            (200, r#"{"Accounts": [{"Id": "1""#, "AccountsNotListed: "),
            (400, denied, "AccessDeniedException: no"),
        ];
        for (status, body, expected) in cases {
            let fake = FakeAws::new(move |_| (status, vec![], body.to_owned()));
            let error = list(&fake).await.expect_err(body);
            assert!(error.starts_with(expected), "{body:?} gave {error}");
        }
    }
}
