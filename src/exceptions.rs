//! `scorecard exceptions`: which risks are accepted, until when, and what they do now.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use compliance::{ExceptionIndex, Place, matches};
use producer_register::Days;
use schemas::{
    AccountKey, AccountState, ComplianceKey, ComplianceState, Credit, Exception, ExceptionPhase,
    Resource, ResourceKey, Verdict, headers::rfc3339, topic,
};
use serde_json::json;

use crate::{
    config::ConfigFile,
    output::{Form, say},
    site::Site,
};

const DAY_MS: i64 = 86_400_000;

/// Lists exceptions: how each stands, what it covers, who answers for it and what it credits now
///
/// Live ones come first, the next to end before the others. An end is the first moment without
/// credit, in UTC.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Only live ones that end within so many days
    #[arg(long, value_name = "DAYS", value_parser = |text: &str| text.parse::<Days>())]
    expiring: Option<Days>,
    /// Only those that no failing resource matches
    #[arg(long)]
    unused: bool,
    #[command(flatten)]
    form: Form,
}

/// An exception and what it does.
#[derive(Debug, PartialEq)]
struct Listed {
    exception: Exception,
    phase: ExceptionPhase,
    /// Verdict rows that it gives credit.
    credited: usize,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let site = Site::existing(&args.config.read()?)?;
    let exceptions: Vec<_> = site.table(&topic::EXCEPTION)?.into_values().collect();
    let rows = site.table(&topic::COMPLIANCE_STATE)?;
    let now_ms = site.time_ms()?;
    let used = if args.unused { used(&site, &exceptions, &rows)? } else { BTreeSet::new() };
    let all = listed(exceptions, &rows, now_ms);
    let until_ms = args.expiring.map(|days| now_ms + i64::from(days.0) * DAY_MS);
    let wanted = |one: &&Listed| {
        until_ms.is_none_or(|until_ms| ends_by(one, until_ms)) && !used.contains(&one.exception.id)
    };
    for one in all.iter().filter(wanted) {
        if args.form.is_json() {
            say!("{}", as_json(one))?;
        } else {
            say!("{}", as_line(one))?;
        }
    }
    if !args.form.is_json() {
        say!("{}", summary(&all))?;
    }
    Ok(())
}

/// Gives the ids of the exceptions that some failing row matches; what no exception asks for is not
/// read.
fn used(
    site: &Site,
    exceptions: &[Exception],
    rows: &BTreeMap<ComplianceKey, ComplianceState>,
) -> Result<BTreeSet<String>> {
    let mut index = ExceptionIndex::default();
    exceptions.iter().cloned().for_each(|one| index.insert(one));
    let accounts = match index.by_place().next() {
        Some(_) => site.table(&topic::ACCOUNT_STATE)?,
        None => BTreeMap::new(),
    };
    let resources = match index.asks_for_tags() {
        true => site.table(&topic::RESOURCE_STATE)?,
        false => BTreeMap::new(),
    };
    let resources = resources.into_iter().map(|(key, row)| (key, row.resource)).collect();
    Ok(matched(&index, rows, &accounts, &resources))
}

fn matched(
    index: &ExceptionIndex,
    rows: &BTreeMap<ComplianceKey, ComplianceState>,
    accounts: &BTreeMap<AccountKey, AccountState>,
    resources: &BTreeMap<ResourceKey, Resource>,
) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for (key, row) in rows.iter().filter(|(_, row)| row.verdict == Verdict::Fail) {
        let of = ResourceKey::new(&*key.account, &*key.region, &*row.resource_type, &*key.resource);
        let account = accounts.get(&AccountKey::new(&*key.account));
        let place = Place { account, resource: resources.get(&of) };
        for one in index.of(&key.requirement, &key.account) {
            if !used.contains(&one.id) && matches(one, key, row, place) {
                used.insert(one.id.clone());
            }
        }
    }
    used
}

/// Gives every exception with what it does, sorted as people read it.
fn listed(
    exceptions: Vec<Exception>,
    rows: &BTreeMap<ComplianceKey, ComplianceState>,
    now_ms: i64,
) -> Vec<Listed> {
    let mut credits: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows.values().filter(|row| row.credit == Credit::Live) {
        *credits.entry(row.exception.as_deref().unwrap_or_default()).or_default() += 1;
    }
    let list = |exception: Exception| Listed {
        phase: exception.phase(now_ms),
        credited: credits.get(&*exception.id).copied().unwrap_or(0),
        exception,
    };
    let mut all: Vec<_> = exceptions.into_iter().map(list).collect();
    all.sort_by_cached_key(|one| {
        let end_ms = one.exception.expires_ms.unwrap_or(i64::MAX);
        (one.phase, end_ms, one.exception.id.clone())
    });
    all
}

fn ends_by(one: &Listed, until_ms: i64) -> bool {
    let ends = one.exception.expires_ms.is_some_and(|end_ms| end_ms <= until_ms);
    ends && one.phase == ExceptionPhase::Live
}

fn as_json(one: &Listed) -> serde_json::Value {
    let Exception { id, accounts, requirements, resource, regions, tags, .. } = &one.exception;
    let Exception { reason, owner, approver, control, ticket, .. } = &one.exception;
    let Exception { asked_ms, approved_ms, starts_ms, expires_ms, renewal_ms, .. } = &one.exception;
    json!({
        "id": id,
        "state": one.exception.decided(),
        "phase": one.phase,
        "accounts": accounts,
        "requirements": requirements,
        "resource": resource,
        "regions": regions,
        "tags": tags,
        "reason": reason,
        "owner": owner,
        "approver": approver,
        "control": control,
        "ticket": ticket,
        "asked_ms": asked_ms,
        "approved_ms": approved_ms,
        "starts_ms": starts_ms,
        "expires_ms": expires_ms,
        "renewal_ms": renewal_ms,
        "credited": one.credited,
    })
}

fn as_line(one: &Listed) -> String {
    let Exception { id, owner, approver, ticket, .. } = &one.exception;
    let said = |what: &str, text: Option<&str>| match text {
        Some(text) if !text.is_empty() => format!("  {what} {}", text.escape_debug()),
        _ => String::new(),
    };
    // The register's text is outside data: a line break or an escape must not forge a line.
    format!(
        "{:<14}  {:<9}  {}  credits {}  {}{}{}{}",
        id.escape_debug().to_string(),
        one.phase,
        times(one),
        one.credited,
        covers(&one.exception).escape_debug(),
        said("owner", Some(owner)),
        said("by", approver.as_deref()),
        said("ticket", ticket.as_deref()),
    )
}

fn times(one: &Listed) -> String {
    let Exception { starts_ms, expires_ms, renewal_ms, .. } = one.exception;
    let mut told = Vec::new();
    if one.phase == ExceptionPhase::Waiting {
        told.extend(starts_ms.map(|ms| format!("from {}", moment(ms))));
    }
    told.push(expires_ms.map_or("without an end".to_owned(), |ms| format!("until {}", moment(ms))));
    told.extend(renewal_ms.map(|ms| format!("asked until {}", moment(ms))));
    told.join(" ")
}

/// Gives a time to the second: days begin and end on one.
fn moment(ms: i64) -> String {
    rfc3339(ms).replace(".000Z", "Z")
}

/// Says what an exception covers: requirement, resource, accounts, and what narrows them.
fn covers(exception: &Exception) -> String {
    let Exception { accounts, requirements, resource, regions, tags, .. } = exception;
    let any = |list: &[String], all: &str| match list {
        [one] if one == "*" => all.to_owned(),
        _ => list.join(", "),
    };
    let narrowed = |what: &str, list: &[String]| match list {
        [] => String::new(),
        _ => format!(" {what} {}", list.join(", ")),
    };
    format!(
        "{}: {resource} in {}{}{}",
        any(requirements, "every requirement"),
        any(accounts, "every account"),
        narrowed("region", regions),
        narrowed("with tag", tags),
    )
}

/// Says how many stand how, over all of them.
fn summary(all: &[Listed]) -> String {
    if all.is_empty() {
        return "there are no exceptions: the register has none, or was not read yet".to_owned();
    }
    let count = |phase| all.iter().filter(|one| one.phase == phase).count();
    let phases = ExceptionPhase::ALL.iter().map(|phase| format!("{} {phase}", count(*phase)));
    let credited: usize = all.iter().map(|one| one.credited).sum();
    let phases = phases.collect::<Vec<_>>().join(", ");
    format!("{} exceptions: {phases}; {credited} failing verdicts have credit", all.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01 in UTC milliseconds (`date -u -d 2026-01-01 +%s`).
    const T0: i64 = 1_767_225_600_000;

    fn exception(id: &str, expires_ms: Option<i64>) -> Exception {
        Exception {
            id: id.to_owned(),
            accounts: vec!["*".to_owned()],
            requirements: vec!["R1".to_owned()],
            resource: "b?".to_owned(),
            approved: true,
            owner: "ana".to_owned(),
            expires_ms,
            ..Exception::default()
        }
    }

    fn row(resource: &str, credited_by: Option<&str>) -> (ComplianceKey, ComplianceState) {
        let state = ComplianceState {
            resource_type: "T".into(),
            verdict: Verdict::Fail,
            source: "rule".into(),
            credit: if credited_by.is_some() { Credit::Live } else { Credit::None },
            exception: credited_by.map(str::to_owned),
            ..ComplianceState::default()
        };
        (ComplianceKey::new("R1", "1", "r", resource, ""), state)
    }

    #[test]
    fn a_line_says_how_it_stands_and_what_it_does() {
        let rows = BTreeMap::from([row("b1", Some("a")), row("b2", Some("a")), row("b3", None)]);
        let waiting = Exception {
            starts_ms: Some(T0 + DAY_MS),
            renewal_ms: Some(T0 + 9 * DAY_MS),
            accounts: vec!["unit:prod".into(), "1".into()],
            regions: vec!["eu-*".into()],
            tags: vec!["env=dev".into()],
            approver: Some("eve".into()),
            ticket: Some("RA\n17".into()),
            ..exception("b\u{1b}", Some(T0 + 3 * DAY_MS))
        };
        let all = listed(vec![waiting, exception("a", None)], &rows, T0);
        let words = |one| as_line(one).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            all.iter().map(words).collect::<Vec<_>>(),
            [
                "a live without an end credits 2 R1: b? in every account owner ana",
                "b\\u{1b} waiting from 2026-01-02T00:00:00Z until 2026-01-04T00:00:00Z asked until \
                 2026-01-10T00:00:00Z credits 0 R1: b? in unit:prod, 1 region eu-* with tag \
                 env=dev owner ana by eve ticket RA\\n17",
            ]
        );
        assert_eq!(
            summary(&all),
            "2 exceptions: 1 live, 1 waiting, 0 asked, 0 expired, 0 withdrawn, 0 rejected; \
             2 failing verdicts have credit"
        );
        assert!(summary(&[]).starts_with("there are no exceptions"));
        let told = as_json(&all[1]);
        assert_eq!((&told["state"], &told["phase"]), (&json!("approved"), &json!("waiting")));
        assert_eq!((&told["ticket"], &told["credited"]), (&json!("RA\n17"), &json!(0)));
    }

    #[test]
    fn what_ends_soon_comes_first_and_what_has_ended_does_not_expire() {
        let of = [("late", 40), ("soon", 10), ("over", -1), ("edge", 30)];
        let all = of.iter().map(|(id, days)| exception(id, Some(T0 + days * DAY_MS)));
        let asked = Exception { approved: false, ..exception("asked", Some(T0 + DAY_MS)) };
        let all =
            listed(all.chain([asked, exception("ever", None)]).collect(), &BTreeMap::new(), T0);
        let ids: Vec<_> = all.iter().map(|one| &*one.exception.id).collect();
        assert_eq!(ids, ["soon", "edge", "late", "ever", "asked", "over"]);
        let until_ms = T0 + 30 * DAY_MS;
        let soon = all.iter().filter(|one| ends_by(one, until_ms));
        assert_eq!(soon.map(|one| &*one.exception.id).collect::<Vec<_>>(), ["soon", "edge"]);
    }

    #[test]
    fn used_is_what_a_failing_row_matches_even_behind_another() {
        let by_unit = Exception { accounts: vec!["unit:prod".into()], ..exception("u", None) };
        let by_tag = Exception { tags: vec!["env".into()], ..exception("t", None) };
        let elsewhere = Exception { resource: "c".into(), ..exception("c", None) };
        let all = [exception("a", None), exception("behind", Some(0)), by_unit, by_tag, elsewhere];
        let mut index = ExceptionIndex::default();
        all.into_iter().for_each(|one| index.insert(one));
        let passing = |(key, row)| (key, ComplianceState { verdict: Verdict::Pass, ..row });
        let rows = BTreeMap::from([row("b1", Some("a")), passing(row("c", None))]);
        let ids = |accounts: &BTreeMap<_, _>, resources: &BTreeMap<_, _>| -> Vec<String> {
            matched(&index, &rows, accounts, resources).into_iter().collect()
        };
        assert_eq!(ids(&BTreeMap::new(), &BTreeMap::new()), ["a", "behind"]);
        let account = AccountState { units: vec!["prod".into()], ..AccountState::default() };
        let accounts = BTreeMap::from([(AccountKey::new("1"), account)]);
        let resource = Resource {
            provider: "aws".into(),
            account: "1".into(),
            region: "r".into(),
            resource_type: "T".into(),
            id: "b1".into(),
            name: String::new(),
            arn: String::new(),
            tags: BTreeMap::from([("env".into(), String::new())]),
            configuration: "{}".into(),
            supplementary: "{}".into(),
            errors: BTreeMap::new(),
            truncated: vec![],
            captured_ms: 0,
        };
        let resources = BTreeMap::from([(resource.key(), resource)]);
        assert_eq!(ids(&accounts, &resources), ["a", "behind", "t", "u"]);
    }
}
