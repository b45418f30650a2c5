//! An organisation on moto, filled once, and ways to it that can fail.

use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};
use kit::gateway::Gateway;
use kit::moto::Moto;
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
        let moto = Moto::start()?;
        let (accounts, rich) = (accounts.to_string(), rich.to_string());
        let arguments = [&*moto.endpoint(), &accounts, "--rich", &rich];
        let printed = kit::python(FILL, &arguments)?;
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
