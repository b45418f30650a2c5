//! An organisation on moto, in each account of which there is something of every service.

use anyhow::{Context, Result};
use kit::moto::Moto;
use serde::Deserialize;

const FILL: &str = "tests/fixtures/large/fill.py";

/// An organisation.
pub(crate) struct Crowd {
    pub(crate) payer: String,
    pub(crate) accounts: usize,
    pub(crate) regions: Vec<String>,
}

/// What `fill.py` prints.
#[derive(Deserialize)]
struct Printed {
    accounts: Vec<String>,
    regions: Vec<String>,
}

impl Crowd {
    /// Makes an organisation of so many accounts.
    pub(crate) fn fill(moto: &Moto, payer: &str, accounts: usize) -> Result<Self> {
        eprintln!("filling {accounts} accounts");
        let arguments = [&*moto.endpoint(), &accounts.to_string(), "--payer", payer];
        let printed = kit::python(FILL, &arguments)?;
        let Printed { accounts, regions } =
            serde_json::from_str(&printed).context("fill.py prints JSON")?;
        Ok(Self { payer: payer.to_owned(), accounts: accounts.len(), regions })
    }
}
