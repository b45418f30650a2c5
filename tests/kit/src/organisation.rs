//! An organisation on moto behind the gateway that refuses, and the registers that go with it.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::gateway::Gateway;
use crate::moto::{Moto, Options};

const FIXTURES: &str = "tests/fixtures/organisation";
const FILL: &str = "tests/fixtures/organisation/fill.py";

/// The payers; their ids are ours to choose, those of the members are moto's.
pub const PAYERS: [&str; 2] = ["111111111111", "222222222222"];

/// The accounts for which a CloudSploit report lies there.
const REPORTED: [&str; 3] = ["payments", "website", "analytics"];

/// Days from now until the exception that expires soon does.
const SOON_DAYS: u64 = 10;

const DAY_S: u64 = 86_400;

/// Two organisations with everything in them: `tests/fixtures/organisation/fill.py` says what.
#[derive(Debug)]
pub struct Organisation {
    /// The server that holds them.
    pub moto: Moto,
    /// What stands before the server, and refuses on demand.
    pub gateway: Gateway,
    /// What `fill.py` printed, without what was deleted since.
    pub facts: Value,
    prefixes: RefCell<u32>,
}

impl Organisation {
    /// Starts moto, fills it, and puts the gateway before it.
    ///
    /// # Errors
    /// When one of them does not start, or what fills it fails.
    pub fn start() -> Result<Self> {
        let options = Options::default().keys_age_days("old-", 400).root_mfa(PAYERS[0]);
        let moto = Moto::start_with(&options)?;
        let gateway = Gateway::start(moto.port())?;
        let printed = crate::python(FILL, &["fill", &moto.endpoint()])?;
        let facts = serde_json::from_str(&printed).context("fill.py prints JSON")?;
        Ok(Self { moto, gateway, facts, prefixes: RefCell::new(0) })
    }

    /// Gives an account's id by its name.
    ///
    /// # Panics
    /// When `fill.py` made no account of that name.
    pub fn id(&self, name: &str) -> String {
        self.facts["ids"][name].as_str().expect("fill.py names the account").to_owned()
    }

    /// Gives a number that this organisation has not given yet, for names of folders and topics.
    pub fn next(&self) -> u32 {
        let mut last = self.prefixes.borrow_mut();
        *last += 1;
        *last
    }

    /// Deletes a bucket in AWS, and from the facts.
    ///
    /// # Errors
    /// When there is no such bucket.
    pub fn delete_bucket(&mut self, account: &str, bucket: &str) -> Result<()> {
        let id = self.id(account);
        crate::python(FILL, &["delete-bucket", &self.moto.endpoint(), &id, bucket])?;
        let buckets = self.facts["accounts"][&id]["buckets"].as_array_mut();
        buckets.context("the account has buckets")?.retain(|one| one["name"] != bucket);
        Ok(())
    }

    /// Writes the registers and reports into a folder, with the ids in place of names in braces:
    /// `accounts.csv`, `risks.json` and `cloudsploit/ID.json`.
    ///
    /// # Errors
    /// When the folder can't be written to.
    pub fn write_sources(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder.join("cloudsploit"))?;
        self.copy("accounts.csv", folder, "accounts.csv")?;
        self.copy("risks.json", folder, "risks.json")?;
        for name in REPORTED {
            let to = format!("cloudsploit/{}.json", self.id(name));
            self.copy(&format!("cloudsploit/{name}.json"), folder, &to)?;
        }
        Ok(())
    }

    /// Writes what a site remembers of earlier weeks, in the same way: `past.json`.
    ///
    /// # Errors
    /// When the folder can't be written to.
    pub fn write_past(&self, folder: &Path) -> Result<()> {
        self.copy("past.json", folder, "past.json")
    }

    fn copy(&self, from: &str, folder: &Path, to: &str) -> Result<()> {
        let path = crate::setup::repository().join(FIXTURES).join(from);
        let text = fs::read_to_string(path).with_context(|| from.to_owned())?;
        fs::write(folder.join(to), self.fill_in(&text)?).with_context(|| to.to_owned())
    }

    fn fill_in(&self, text: &str) -> Result<String> {
        let ids = self.facts["ids"].as_object().context("fill.py prints ids")?;
        let mut text = text.to_owned();
        for (name, id) in ids {
            text = text.replace(&format!("{{{name}}}"), id.as_str().context("ids are text")?);
        }
        let groups = self.facts["accounts"][self.id("payments")]["groups"].as_array();
        let mut groups = groups.context("payments has groups")?.iter();
        let open = groups.find(|one| one["name"] == "open-v4" && one["region"] == "us-east-1");
        let open = open.and_then(|one| one["id"].as_str()).context("it has an open group")?;
        Ok(text.replace("{group_id}", open).replace("{soon}", &soon()?))
    }
}

/// Gives a midnight in some days as SharePoint writes it.
fn soon() -> Result<String> {
    let days = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / DAY_S + SOON_DAYS;
    let midnight = jiff::Timestamp::from_second(i64::try_from(days * DAY_S)?)?;
    Ok(format!("{midnight:.0}"))
}
