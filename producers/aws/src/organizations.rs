//! What an organisation says of its accounts: their list, their units, their tags.

use std::collections::BTreeMap;

use ::stream::chain;
use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{Account, AccountState, AccountStatus as Status};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use futures::{StreamExt, TryStreamExt, stream};
use schemas::{AccountListing, AccountStatus};

use crate::api::Endpoints;

/// The cloud, in every record.
pub(crate) const PROVIDER: &str = "aws";

/// Calls to one organisation at the same time; it throttles far below what accounts bear.
const CALLS_MAX: usize = 4;

/// One organisation, asked through its management account.
#[derive(Debug)]
pub(crate) struct Organization {
    client: Client,
    payer: String,
}

/// Tags of one account.
type Tags = BTreeMap<String, String>;

impl Organization {
    /// Makes a client of a payer's organisation.
    pub(crate) fn new(session: &SdkConfig, endpoints: &Endpoints, payer: &str) -> Self {
        let mut config = aws_sdk_organizations::config::Builder::from(session);
        if let Some(url) = endpoints.replacing("organizations") {
            config = config.endpoint_url(url);
        }
        Self { client: Client::from_conf(config.build()), payer: payer.to_owned() }
    }

    /// Lists all accounts, sorted by id, without units and tags; errors are `Code: message`.
    ///
    /// Source: `organizations:ListAccounts`, all pages.
    pub(crate) async fn accounts(&self) -> Result<Vec<AccountListing>, String> {
        let mut pages = self.client.list_accounts().into_paginator().send();
        let mut listings = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| summary("AccountsNotListed", &error))?;
            // The typed crate reads an answer without the list as one with an empty list.
            let accounts = page.accounts.ok_or("UnreadableAnswer: the answer lists no accounts")?;
            for account in &accounts {
                listings.push(listing(account, &self.payer)?);
            }
        }
        if listings.is_empty() {
            // Every organisation has its own management account.
            return Err("UnreadableAnswer: the organisation lists no account at all".to_owned());
        }
        listings.sort_by(|a, b| a.account.cmp(&b.account));
        Ok(listings)
    }

    /// Gives the names of the units above each account, from below the root down; errors are
    /// `Code: message`.
    ///
    /// Source: `organizations:ListRoots`, and `ListAccountsForParent` and
    /// `ListOrganizationalUnitsForParent` of the root and of each unit.
    pub(crate) async fn units(&self) -> Result<BTreeMap<String, Vec<String>>, String> {
        let mut parents: Vec<(String, Vec<String>)> = Vec::new();
        let mut pages = self.client.list_roots().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| summary("UnitsNotListed", &error))?;
            parents.extend(page.roots().iter().filter_map(|root| Some((root.id.clone()?, vec![]))));
        }
        let mut units = BTreeMap::new();
        while let Some((parent, path)) = parents.pop() {
            for account in self.accounts_of(&parent).await? {
                units.insert(account, path.clone());
            }
            for (unit, name) in self.units_of(&parent).await? {
                parents.push((unit, path.iter().cloned().chain([name]).collect()));
            }
        }
        Ok(units)
    }

    async fn accounts_of(&self, parent: &str) -> Result<Vec<String>, String> {
        let request = self.client.list_accounts_for_parent().parent_id(parent);
        let mut pages = request.into_paginator().send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| summary("UnitsNotListed", &error))?;
            ids.extend(page.accounts().iter().filter_map(|account| account.id.clone()));
        }
        Ok(ids)
    }

    async fn units_of(&self, parent: &str) -> Result<Vec<(String, String)>, String> {
        let request = self.client.list_organizational_units_for_parent().parent_id(parent);
        let mut pages = request.into_paginator().send();
        let mut units = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| summary("UnitsNotListed", &error))?;
            let found = page.organizational_units().iter();
            units.extend(found.filter_map(|unit| Some((unit.id.clone()?, unit.name.clone()?))));
        }
        Ok(units)
    }

    /// Gives the tags of accounts; errors are `Code: message`.
    ///
    /// Source: `organizations:ListTagsForResource`, once an account.
    pub(crate) async fn tags(&self, accounts: &[String]) -> Result<BTreeMap<String, Tags>, String> {
        let ask = |account: String| async move {
            let tags = self.tags_of(&account).await?;
            Ok((account, tags))
        };
        let asked: Vec<_> = accounts.iter().cloned().map(ask).collect();
        stream::iter(asked).buffer_unordered(CALLS_MAX).try_collect().await
    }

    async fn tags_of(&self, account: &str) -> Result<Tags, String> {
        let request = self.client.list_tags_for_resource().resource_id(account);
        let mut items = request.into_paginator().items().send();
        let mut tags = Tags::new();
        while let Some(tag) = items.next().await {
            let tag = tag.map_err(|error| summary("TagsNotListed", &error))?;
            tags.insert(tag.key, tag.value);
        }
        Ok(tags)
    }
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
        organisation: organisation(account.arn().unwrap_or_default()).to_owned(),
    })
}

/// Reads the organisation's id out of an account's ARN; empty when it tells none.
///
/// Source: Service Authorization Reference, AWS Organizations:
/// `arn:aws:organizations::<payer>:account/<organisation>/<account>`.
fn organisation(arn: &str) -> &str {
    let path = arn.split_once(":account/").map_or("", |(_, path)| path);
    path.split_once('/').map_or("", |(organisation, _)| organisation)
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

/// Gives AWS's code and message, or our code and the causes.
fn summary<E>(ours: &str, error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let answer = error.as_service_error();
    match answer.and_then(|answer| Some((answer.code()?, answer.message().unwrap_or_default()))) {
        Some((code, message)) => format!("{code}: {message}"),
        None => format!("{ours}: {}", chain(error)),
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

    #[test]
    fn an_account_is_told_by_its_arn_which_organisation_lists_it() {
        for (arn, expected) in [
            ("arn:aws:organizations::111:account/o-a1b2c3d4e5/222", "o-a1b2c3d4e5"),
            ("arn:aws-cn:organizations::111:account/o-a1b2c3d4e5/222", "o-a1b2c3d4e5"),
            ("arn:aws:organizations::111:account/222", ""),
            ("", ""),
        ] {
            assert_eq!(organisation(arn), expected);
        }
    }

    fn organization(fake: &FakeAws) -> Organization {
        let session = fake.config().to_builder().region(Region::from_static("us-east-1")).build();
        Organization::new(&session, &Endpoints::default(), "111122223333")
    }

    #[tokio::test]
    async fn units_are_the_path_from_the_root() {
        // The root holds account 1 and unit a; a holds b and account 2; b holds account 3.
        let fake = FakeAws::new(|sent| {
            let target = &sent.headers["x-amz-target"];
            let body = match target.rsplit('.').next() {
                Some("ListRoots") => r#"{"Roots": [{"Id": "r-1", "Name": "Root"}]}"#,
                Some("ListAccountsForParent") => match sent.body.as_str() {
                    body if body.contains("r-1") => r#"{"Accounts": [{"Id": "1"}]}"#,
                    body if body.contains("ou-a") => r#"{"Accounts": [{"Id": "2"}]}"#,
                    _ => r#"{"Accounts": [{"Id": "3"}]}"#,
                },
                _ => match sent.body.as_str() {
                    body if body.contains("r-1") => {
                        r#"{"OrganizationalUnits": [{"Id": "ou-a", "Name": "A b"}]}"#
                    }
                    body if body.contains("ou-a") => {
                        r#"{"OrganizationalUnits": [{"Id": "ou-b", "Name": "é"}]}"#
                    }
                    _ => r#"{"OrganizationalUnits": []}"#,
                },
            };
            (200, vec![], body.to_owned())
        });
        let units = organization(&fake).units().await.expect("all are listed");
        let path = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let expected = [("1", path(&[])), ("2", path(&["A b"])), ("3", path(&["A b", "é"]))];
        let expected = expected.map(|(account, path)| (account.to_owned(), path));
        assert_eq!(units, expected.into());
        assert_eq!(fake.sent().len(), 1 + 3 * 2);
    }

    #[tokio::test]
    async fn one_refusal_leaves_no_half_known_tags() {
        let fake = FakeAws::new(|sent| {
            if sent.body.contains("\"2\"") {
                let denied = r#"{"__type": "AccessDeniedException", "Message": "no"}"#;
                return (400, vec![], denied.to_owned());
            }
            (200, vec![], r#"{"Tags": [{"Key": "k", "Value": "v"}]}"#.to_owned())
        });
        let organization = organization(&fake);
        let tags = organization.tags(&["1".to_owned()]).await.expect("the first is allowed");
        assert_eq!(tags["1"]["k"], "v");
        let refused = organization.tags(&["1".to_owned(), "2".to_owned()]).await;
        assert_eq!(refused, Err("AccessDeniedException: no".to_owned()));
    }

    async fn list(fake: &FakeAws) -> Result<Vec<AccountListing>, String> {
        organization(fake).accounts().await
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
