//! Coverage in words that a person reads.

use std::fmt::Write;

use schemas::{AccountStatus, UnitStatus};

use super::{Account, Coverage, Service, Totals, Unit};
use crate::{
    output::{line, plain},
    summary::age,
};

/// Gives the text: a block for each account, and a line of totals.
pub(super) fn text(coverage: &Coverage, failed: bool) -> String {
    if coverage.accounts.is_empty() {
        return if failed {
            "nothing failed, and nothing that is known of was never collected\n".to_owned()
        } else {
            "no account is known yet: collect first (`scorecard collect`), then let the account \
             stage work (`scorecard process`); `scorecard run` does both\n"
                .to_owned()
        };
    }
    let mut text = String::new();
    for account in &coverage.accounts {
        write_account(&mut text, account, coverage.at_ms);
    }
    line(&mut text, &totals(&coverage.totals, coverage.at_ms));
    text
}

fn write_account(text: &mut String, account: &Account, now_ms: i64) {
    let path = account.units.join("/");
    let place = if path.is_empty() { String::new() } else { format!(" in {}", plain(&path)) };
    let name = plain(&account.name);
    line(text, &format!("{} {name}{place}: {}", account.account, standing(account, now_ms)));
    if let Some(unit) = &account.unit {
        line(text, &format!("  last scan {}", unit_words(unit, now_ms)));
    } else {
        line(text, "  no scan of it is in the log");
    }
    for service in &account.services {
        let success = service.oldest_ms.map_or("never collected".to_owned(), |at| ago(now_ms, at));
        let mut words = format!("  {:<36} {success:<16}", plain(&service.resource_type));
        if service.oldest_ms.is_some() && !service.resource_type.starts_with("report/") {
            let _ = write!(words, " {:>8} resources", service.resources);
        }
        if service.scopes > 1 && service.scopes_collected < service.scopes {
            let _ = write!(words, "  {} of {} regions", service.scopes_collected, service.scopes);
        }
        if let Some(error) = error_words(service) {
            let _ = write!(words, "  {error}");
        }
        line(text, words.trim_end());
    }
}

/// Says where an account stands.
fn standing(account: &Account, now_ms: i64) -> String {
    let since = account.status_since_ms.map(|at| ago(now_ms, at)).unwrap_or_default();
    match account.status {
        AccountStatus::Active => "active".to_owned(),
        AccountStatus::Suspended => format!("suspended {since}, not scored"),
        AccountStatus::Left => format!("left its organisation {since}, not scored"),
        AccountStatus::Closing => format!("closing, began {since}"),
        AccountStatus::Unknown if account.status_since_ms.is_none() => {
            "no organisation lists it".to_owned()
        }
        AccountStatus::Unknown => "its status is a word that this release does not know".to_owned(),
    }
}

fn unit_words(unit: &Unit, now_ms: i64) -> String {
    let at = ago(now_ms, unit.at_ms);
    let by =
        if unit.worker.is_empty() { String::new() } else { format!(" by {}", plain(&unit.worker)) };
    let error = unit.error.as_deref().map(|error| format!(": {}", plain(error)));
    let error = error.unwrap_or_default();
    let calls = counted(unit.calls, "call");
    match unit.status {
        UnitStatus::Planned => format!("planned {at}, not ended"),
        UnitStatus::Completed if unit.scopes_failed == 0 => {
            format!("completed {at}{by} with {calls}")
        }
        UnitStatus::Completed => {
            let failed = counted(unit.scopes_failed, "failed scope");
            format!("completed {at}{by} with {calls} and {failed}{error}")
        }
        UnitStatus::Failed => format!("failed {at}{by}{error}"),
        UnitStatus::TimedOut => format!("timed out {at}{by} after {calls}{error}"),
    }
}

/// Turns `eu-west-1: AccessDenied: no` into `AccessDenied: no in eu-west-1`.
fn error_words(service: &Service) -> Option<String> {
    let error = service.error.as_deref()?;
    let words = match error.split_once(": ") {
        Some(("global", error)) => plain(error),
        Some((region, error)) => format!("{} in {}", plain(error), plain(region)),
        None => plain(error),
    };
    let more = service.scopes_failed - 1;
    Some(if more > 0 { format!("{words} and {}", counted(more, "other")) } else { words })
}

fn totals(totals: &Totals, now_ms: i64) -> String {
    let accounts = i64::try_from(totals.accounts).unwrap_or(i64::MAX);
    let mut words = format!(
        "{}: {} collected in full, {} never, {} not scored; {}; {} of {} scopes collected",
        counted(accounts, "account"),
        totals.accounts_whole,
        totals.accounts_never_collected,
        totals.accounts_not_scored,
        counted(totals.resources, "resource"),
        totals.scopes_collected,
        totals.scopes,
    );
    if totals.scopes_failed > 0 {
        let _ = write!(words, ", {} failed last time", totals.scopes_failed);
    }
    if let Some(at) = totals.oldest_ms {
        let _ = write!(words, "; the oldest data is from {}", ago(now_ms, at));
    }
    words
}

fn ago(now_ms: i64, at_ms: i64) -> String {
    format!("{} ago", age(now_ms - at_ms))
}

fn counted(number: i64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
