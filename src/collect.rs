//! `scorecard collect`: one scan of every account of every payer.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use producer_aws::{Progress, ScopeFailure, Summary};

use crate::{
    config::{Config, ConfigFile},
    progress::Teller,
    serve::{Listen, Vitals},
    site::{Site, now_ms},
    sources,
};

/// Scans every account once, and reads the standard, registers and reports
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    listen: Listen,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let vitals = args.listen.start("collect", config.listen)?;
    let site = Site::open(&config)?;
    vitals.begins();
    let teller = Teller::new();
    let mut problems = sources::publish(&site, &config, now_ms())?;
    problems.extend(scan(&site, &config, &teller, &vitals)?);
    for problem in &problems {
        teller.done(&format!("! {problem}"));
    }
    Ok(())
}

/// Scans all accounts; gives what went wrong in words.
pub(crate) fn scan(
    site: &Site,
    config: &Config,
    teller: &Teller,
    vitals: &Vitals,
) -> Result<Vec<String>> {
    let Some(aws) = &config.aws else { return Ok(Vec::new()) };
    let mut publisher = site.publisher("producer aws")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("starting the collectors' runtime")?;
    let tell = |progress: Progress| {
        vitals.scanned(progress.accounts_done, progress.accounts_total);
        teller.step(&format!(
            "scanning: {} of {} accounts, {} just ended",
            progress.accounts_done, progress.accounts_total, progress.account
        ));
    };
    let scan = producer_aws::scan(aws, &mut publisher, now_ms, &tell);
    let summary = runtime.block_on(scan)?;
    publisher.flush()?;
    teller.done(&format!(
        "scanned {} of {} accounts: {} resources in {} scopes, {} scopes failed",
        summary.accounts_scanned,
        summary.accounts_listed,
        summary.resources,
        summary.scopes_completed,
        summary.scopes_failed.len()
    ));
    let problems = problems(&summary);
    // Nothing was seen at all: to go on would look like success.
    ensure!(
        summary.accounts_listed > 0,
        "no payer's accounts could be listed: {}",
        problems.join("; ")
    );
    Ok(problems)
}

/// Puts a scan's failures in words: one line an account, however many of its scopes failed.
fn problems(summary: &Summary) -> Vec<String> {
    let payers = summary.payers_failed.iter();
    let mut lines: Vec<String> = payers
        .map(|one| format!("payer {}: its accounts are not listed: {}", one.payer, one.error))
        .collect();
    let mut by_account: BTreeMap<&str, Vec<&ScopeFailure>> = BTreeMap::new();
    for failure in &summary.scopes_failed {
        by_account.entry(&failure.account).or_default().push(failure);
    }
    lines.extend(by_account.into_iter().map(|(account, failures)| {
        let first = failures[0];
        format!(
            "account {account}: {} scopes not collected; first {} in {}: {}",
            failures.len(),
            first.resource_type,
            first.region,
            first.error
        )
    }));
    lines
}
