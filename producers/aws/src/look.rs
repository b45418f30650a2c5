//! A look at what a scan will need, before there is one: the audit role and the list of accounts.

use aws_credential_types::provider::SharedCredentialsProvider;
use schemas::AccountStatus;

use crate::Error;
use crate::collectors::{account_actions, payer_actions, session_policy};
use crate::config::{Config, PayerConfig};
use crate::organizations::Organization;
use crate::session::Sessions;

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// What was tried, for example `payer 111111111111: assuming the audit role`.
    pub what: String,
    /// What was found, or what was said instead.
    pub found: Result<String, String>,
}

/// Tries what each payer needs: its audit role, the list of its accounts, and the audit role in
/// one of them. Nothing is written.
///
/// # Errors
/// When the configuration can't be used or no runtime can be started; a refusal is a [`Look`].
///
/// Source: `sts:AssumeRole`, `organizations:ListAccounts`.
pub fn look(
    config: &Config,
    credentials: Option<SharedCredentialsProvider>,
) -> Result<Vec<Look>, Error> {
    config.validate()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Error::Runtime)?.block_on(async {
        let sessions = Sessions::prepare(config, credentials).await;
        let mut looks = Vec::new();
        for payer in &config.payers {
            looks.extend(look_at(config, &sessions, payer).await);
        }
        Ok(looks)
    })
}

async fn look_at(config: &Config, sessions: &Sessions, payer: &PayerConfig) -> Vec<Look> {
    let id = &payer.account;
    let role = config.audit_role(payer);
    let of_payer = |what: &str| format!("payer {id}: {what}");
    let policy = session_policy(&payer_actions(config.spend));
    let session = sessions.assume(&role, id, &policy).await;
    let found = session.as_ref().map(|_| role.arn(id)).map_err(ToString::to_string);
    let mut looks = vec![Look { what: of_payer("assuming the audit role"), found }];
    let Ok(session) = session else { return looks };
    let accounts = Organization::new(&session, sessions.endpoints(), id).accounts().await;
    let found =
        accounts.as_ref().map(|all| format!("{} accounts", all.len())).map_err(Clone::clone);
    looks.push(Look { what: of_payer("listing its accounts"), found });
    let accounts = accounts.unwrap_or_default();
    let mut members = accounts.iter().filter(|one| one.status == AccountStatus::Active);
    if let Some(member) = members.find(|one| one.account != *id) {
        let (account, policy) = (&member.account, session_policy(&account_actions()));
        let assumed = sessions.assume(&role, account, &policy).await;
        looks.push(Look {
            what: of_payer(&format!("assuming the audit role in its account {account}")),
            found: assumed.map(|_| role.arn(account)).map_err(|error| error.to_string()),
        });
    }
    looks
}
