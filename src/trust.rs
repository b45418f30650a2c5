//! `scorecard trust`: who may act in which account, through what, and by what we know them.

use anyhow::Result;
use schemas::{KnownBy, TrustKey, TrustState, headers::rfc3339, topic};
use serde_json::json;

use crate::{
    config::ConfigFile,
    output::{Form, say},
    site::Site,
};

/// Resources that a line names; all that the row holds stand in `--output json`.
const NAMED_MAX: usize = 2;

/// Lists who may act in the accounts, through what, and by what they are known
///
/// A principal is known by the organisation (its account is one of ours), by the register (an
/// approved third party), as a vendor (which approves nothing) or as a service of the provider.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Only those that nobody knows
    #[arg(long)]
    unknown: bool,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let site = Site::existing(&args.config.read()?)?;
    let rows: Vec<_> = site.table(&topic::TRUST_STATE)?.into_iter().collect();
    for (key, row) in rows.iter().filter(|(_, row)| !args.unknown || !row.known) {
        if args.form.is_json() {
            say!("{}", as_json(key, row))?;
        } else {
            say!("{}", as_line(key, row))?;
        }
    }
    if !args.form.is_json() {
        say!("{}", summary(&rows))?;
    }
    Ok(())
}

fn as_json(key: &TrustKey, row: &TrustState) -> serde_json::Value {
    json!({
        "account": key.account,
        "principal": key.principal,
        "kind": row.kind,
        "principal_account": row.principal_account,
        "known": row.known,
        "known_by": row.known_by,
        "vendor": row.vendor,
        "resources": row.resources,
        "through": row.through,
        "names": row.names,
        "conditions": row.conditions,
        "first_seen_ms": row.first_seen_ms,
    })
}

fn as_line(key: &TrustKey, row: &TrustState) -> String {
    let known_by = match (&row.vendor, row.known_by) {
        (Some(vendor), _) => format!("vendor {vendor}"),
        (None, KnownBy::Nobody) => "UNKNOWN".to_owned(),
        (None, known_by) => known_by.to_string(),
    };
    let names = row.names.iter().map(|name| &**name).chain(std::iter::repeat(""));
    let named = row.through.iter().zip(names).take(NAMED_MAX);
    let mut through: Vec<_> = named.map(|(one, name)| called(&key.account, one, name)).collect();
    let more = usize::try_from(row.resources).unwrap_or(0).saturating_sub(through.len());
    let more = if more > 0 { format!("and {more} more") } else { String::new() };
    through.extend((!more.is_empty()).then_some(more));
    // Names quote outside data: a line break or an escape must not forge a line.
    format!(
        "{:<12}  {:<48}  {known_by:<14}  since {}  through {}{}",
        key.account.escape_debug().to_string(),
        key.principal.escape_debug().to_string(),
        rfc3339(row.first_seen_ms).split('T').next().unwrap_or_default(),
        through.join(", ").escape_debug(),
        conditions(row),
    )
}

/// Gives a resource's key without its account, which the line names already, and with its name in
/// the place of its id.
fn called(account: &str, through: &str, name: &str) -> String {
    let rest = through.strip_prefix(account).and_then(|rest| rest.strip_prefix('/'));
    let rest = rest.unwrap_or(through);
    match rest.rsplit_once('/') {
        Some((place, _)) if !name.is_empty() => format!("{place}/{name}"),
        _ => rest.to_owned(),
    }
}

fn conditions(row: &TrustState) -> String {
    let each = row.conditions.iter().map(|one| match one.resources == row.resources {
        true => one.key.clone(),
        false => format!("{} in {} of {}", one.key, one.resources, row.resources),
    });
    let all: Vec<_> = each.collect();
    if all.is_empty() { String::new() } else { format!("  if {}", all.join(", ").escape_debug()) }
}

/// Says how many there are of each kind, over the whole table.
fn summary(rows: &[(TrustKey, TrustState)]) -> String {
    if rows.is_empty() {
        return "nobody is trusted: no policy was collected yet, or none lets anybody in"
            .to_owned();
    }
    let count = |by: KnownBy| rows.iter().filter(|(_, row)| row.known_by == by).count();
    let accounts: std::collections::BTreeSet<_> =
        rows.iter().map(|(key, _)| &key.account).collect();
    format!(
        "{} principals in {} accounts: {} by the organisation, {} by the register, {} vendors, \
         {} services, {} unknown",
        rows.len(),
        accounts.len(),
        count(KnownBy::Organisation),
        count(KnownBy::Register),
        count(KnownBy::Vendor),
        count(KnownBy::Service),
        count(KnownBy::Nobody),
    )
}

#[cfg(test)]
mod tests {
    use schemas::{PrincipalKind, TrustCondition};

    use super::*;

    fn row(principal: &str, known_by: KnownBy, resources: i64) -> (TrustKey, TrustState) {
        let through = (0..resources).map(|n| format!("1/global/AWS::IAM::Role/r{n}")).collect();
        let state = TrustState {
            kind: PrincipalKind::Account,
            known: known_by != KnownBy::Nobody,
            through,
            known_by,
            vendor: (known_by == KnownBy::Vendor).then(|| "Datadog".to_owned()),
            resources,
            conditions: vec![TrustCondition { key: "sts:ExternalId".into(), resources: 1 }],
            first_seen_ms: 1_767_225_600_000,
            names: vec!["deployer".into(), String::new()],
            ..TrustState::default()
        };
        (TrustKey::new("1", principal), state)
    }

    #[test]
    fn a_line_says_who_through_what_and_since_when() {
        let (key, one) = row("464622532012", KnownBy::Vendor, 3);
        let line = as_line(&key, &one);
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(
            words.join(" "),
            "1 464622532012 vendor Datadog since 2026-01-01 \
             through global/AWS::IAM::Role/deployer, \
             global/AWS::IAM::Role/r1, and 1 more if sts:ExternalId in 1 of 3"
        );
        let (key, one) = row("evil\nname", KnownBy::Nobody, 1);
        let line = as_line(&key, &one);
        assert!(line.contains("UNKNOWN") && line.contains(r"evil\nname"), "{line}");
        assert!(line.ends_with("deployer  if sts:ExternalId"), "{line}");
    }

    #[test]
    fn the_summary_counts_every_kind() {
        let rows = [row("a", KnownBy::Nobody, 1), row("b", KnownBy::Vendor, 1)];
        let text = summary(&rows);
        assert!(text.starts_with("2 principals in 1 accounts") && text.ends_with("1 unknown"));
        assert!(summary(&[]).starts_with("nobody is trusted"));
    }
}
