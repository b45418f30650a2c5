//! `scorecard explain`: why an account has its score, down to the events behind it.

mod words;

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use compliance::explain::{Asked, Explanation, Known};
use schemas::{ComplianceChange, ComplianceKey, topic};

use crate::{
    account_log::AccountLog,
    config::ConfigFile,
    output::{self, Form, say},
    site::Site,
};

/// Explains an account's score: the arithmetic, the verdicts, and the events that last moved them
///
/// Without more options: what each requirement adds to the account's score, the costliest first.
/// With --requirement or --resource: each verdict with its evidence, its exception, and the record
/// (topic, partition, offset) that last changed it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// The account
    #[arg(long, value_name = "ID")]
    account: String,
    /// Only this requirement, with its verdicts
    #[arg(long, value_name = "ID")]
    requirement: Option<String>,
    /// Only verdicts on this resource: its id, name or ARN
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let site = Site::existing(&args.config.read()?)?;
    let asked = Asked {
        account: &args.account,
        requirement: args.requirement.as_deref(),
        resource: args.resource.as_deref(),
    };
    let known = read(&site, &args.account)?;
    ensure!(known.account.is_some(), "nothing is known of an account {}", args.account);
    let explanation = Explanation::new(&asked, known, site.time_ms()?);
    if let (Some(id), true) = (&args.requirement, explanation.requirements.is_empty()) {
        bail!("there is no requirement {id} that judges account {}", args.account);
    }
    if let (Some(id), true) = (&args.resource, explanation.has_no_verdict()) {
        bail!("no requirement judges a resource {id} in account {}", args.account);
    }
    if args.form.is_json() {
        say!("{}", serde_json::to_string(&explanation)?)
    } else {
        output::write(words::text(&explanation))
    }
}

fn read(site: &Site, account: &str) -> Result<Known> {
    let log = AccountLog::new(site, account);
    let requirements = site.table(&topic::REQUIREMENT)?;
    let exceptions = site.table(&topic::EXCEPTION)?;
    let mut last: BTreeMap<ComplianceKey, ComplianceChange> = BTreeMap::new();
    log.events(&topic::COMPLIANCE_CHANGE, |key, change, _| drop(last.insert(key, change)))?;
    Ok(Known {
        account: log.rows(&topic::ACCOUNT_STATE)?.into_values().next(),
        scores: log.rows(&topic::SCORE_STATE)?,
        verdicts: log.rows(&topic::COMPLIANCE_STATE)?,
        requirements: requirements.into_iter().map(|(key, row)| (key.requirement, row)).collect(),
        exceptions: exceptions.into_values().collect(),
        last,
    })
}
