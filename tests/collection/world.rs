//! An organisation on moto, filled once, and ways to it that can fail.

use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use kit::gateway::Gateway;
use kit::http;
use kit::moto::{Moto, Options};
use serde::Deserialize;

const FILL: &str = "tests/fixtures/large/fill.py";

/// Accounts of the organisation that all bad days share.
const ACCOUNTS: usize = 4;

/// An organisation that nobody changes any more.
pub(crate) struct World {
    moto: Moto,
    /// The accounts, the payer first.
    pub(crate) accounts: Vec<String>,
    /// The regions in which there is something.
    pub(crate) regions: Vec<String>,
}

/// What `fill.py` prints.
#[derive(Deserialize)]
struct Printed {
    accounts: Vec<String>,
    regions: Vec<String>,
}

impl World {
    /// Makes an organisation; every `rich`-th account has something of every service.
    pub(crate) fn start(accounts: usize, rich: usize) -> Result<Self> {
        let (accounts, rich) = (accounts.to_string(), rich.to_string());
        Self::fill(Moto::start()?, &[&accounts, "--rich", &rich])
    }

    /// Makes an organisation of one account, which has a support plan.
    pub(crate) fn with_plan(account: &str) -> Result<Self> {
        let moto = Moto::start_with(&Options::default().support_plan(account))?;
        Self::fill(moto, &["1", "--rich", "2", "--payer", account])
    }

    fn fill(moto: Moto, arguments: &[&str]) -> Result<Self> {
        let endpoint = moto.endpoint();
        let printed = kit::python(FILL, &[&[&*endpoint], arguments].concat())?;
        let Printed { accounts, regions } =
            serde_json::from_str(&printed).context("fill.py prints JSON")?;
        Ok(Self { moto, accounts, regions })
    }

    /// Gives the small organisation that all tests of this process share.
    pub(crate) fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<World>> = OnceLock::new();
        let world = SHARED.get_or_init(|| Self::start(ACCOUNTS, 1)).as_ref();
        world.map_err(|error| anyhow!("the shared organisation was not made: {error:#}"))
    }

    /// Lets Trusted Advisor look again, and find that all is well.
    pub(crate) fn refresh(&self, check: &str) -> Result<()> {
        const SCOPE: &str = "20260101/us-east-1/support/aws4_request";
        let headers = format!(
            "x-moto-account-id: {}\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: AWSSupport_20130415.RefreshTrustedAdvisorCheck\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=k/{SCOPE}\r\n",
            self.payer()
        );
        let body = serde_json::json!({"checkId": check}).to_string();
        let answer = http::request(self.moto.port(), "POST", "/", &headers, body.as_bytes())?;
        ensure!(answer.status == 200, "{}", String::from_utf8_lossy(&answer.body));
        Ok(())
    }

    /// Opens a way to it of one's own.
    pub(crate) fn gateway(&self) -> Result<Gateway> {
        Gateway::start(self.moto.port())
    }

    pub(crate) fn payer(&self) -> &str {
        &self.accounts[0]
    }

    /// Gives the last of the accounts, whose days are bad.
    pub(crate) fn unlucky(&self) -> &str {
        self.accounts.last().expect("there are accounts")
    }
}
