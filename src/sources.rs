//! What is read beside AWS: the standard, the registers and the outside sources of findings.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use producer_register::{Change, ExceptionOptions, Register};
use producer_standard::Standard;
use schemas::{
    AccountKey, AccountRegister, Exception, ExceptionKey, Key, Requirement, RequirementKey, Topic,
    Value, topic,
};
use stream::chain;

use crate::{config::Config, site::Site};

/// Reads all sources and publishes what differs; gives what is wrong with them in words.
///
/// What is wrong in one source stops none of the others: its last good version stays in force.
pub(crate) fn publish(site: &Site, config: &Config, at_ms: i64) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    match producer_standard::load(&config.standard) {
        Ok(standard) => {
            problems.extend(standard.problems.iter().map(ToString::to_string));
            publish_standard(site, standard, at_ms)?;
        }
        Err(error) => problems.push(chain(&error)),
    }
    if let Some(path) = &config.register.accounts {
        let read = producer_register::accounts(path);
        if let Some(read) = tell(read, &mut problems) {
            let key = |entry: &AccountRegister| AccountKey::new(&*entry.account);
            publish_entries(site, &topic::ACCOUNT_REGISTER, read, key, at_ms)?;
        }
    }
    if has_exceptions(config) {
        // A requirement whose file is broken just now is in force all the same.
        let in_force: Vec<_> = site.agreed(&topic::REQUIREMENT)?.into_values().flatten().collect();
        let read = exceptions(config, &in_force, &mut problems);
        let key = |entry: &Exception| ExceptionKey::new(&*entry.id);
        publish_entries(site, &topic::EXCEPTION, read, key, at_ms)?;
    }
    publish_findings(site, config, at_ms, &mut problems)?;
    Ok(problems)
}

/// Says what is wrong with the sources, without a log; no program is run.
pub(crate) fn check(config: &Config, now_ms: i64) -> Vec<String> {
    let mut problems = Vec::new();
    let requirements = match producer_standard::load(&config.standard) {
        Ok(standard) => {
            problems.extend(standard.problems.iter().map(ToString::to_string));
            standard.requirements
        }
        Err(error) => {
            problems.push(chain(&error));
            Vec::new()
        }
    };
    if let Some(path) = &config.register.accounts {
        tell(producer_register::accounts(path), &mut problems);
    }
    exceptions(config, &requirements, &mut problems);
    for findings in &config.findings {
        match findings.look(now_ms) {
            Ok(wrong) => problems.extend(wrong),
            Err(error) => problems.push(chain(&*error)),
        }
    }
    problems
}

/// Gives the standard that ships, which is whole.
pub(crate) fn shipped_standard() -> Result<Vec<Requirement>> {
    let shipped = producer_standard::shipped();
    match shipped.problems.first() {
        Some(problem) => bail!("in the standard that ships: {problem}"),
        None => Ok(shipped.requirements),
    }
}

fn publish_standard(site: &Site, standard: Standard, at_ms: i64) -> Result<()> {
    // A file that can't be read may be the one of any requirement: then none is withdrawn.
    let whole = standard.problems.is_empty();
    let of = |one: Requirement| (RequirementKey::new(&*one.id), one);
    let read = standard.requirements.into_iter().map(of).collect();
    replace(site, &topic::REQUIREMENT, read, "producer standard", |_| whole, at_ms)
}

fn has_exceptions(config: &Config) -> bool {
    config.register.risks.is_some() || config.register.mutelist.is_some()
}

/// Reads every register of exceptions as one; while one of them can't be read nothing is withdrawn.
fn exceptions(
    config: &Config,
    requirements: &[Requirement],
    problems: &mut Vec<String>,
) -> Register<Exception> {
    let severity = |one: &Requirement| (one.id.clone(), one.severity);
    let options = ExceptionOptions {
        columns: config.register.columns.clone(),
        zone: config.time_zone.clone(),
        longest: config.register.longest.clone(),
        severities: requirements.iter().map(severity).collect(),
    };
    let risks = config.register.risks.iter().map(|path| producer_register::risks(path, &options));
    let mutelist = config.register.mutelist.iter();
    let mutelist = mutelist.map(|list| producer_register::mutelist(list, requirements, &options));
    let mut all = Register::default();
    for read in risks.chain(mutelist) {
        match read {
            Ok(register) => all.join(register),
            Err(error) => {
                all.anonymous = true;
                problems.push(chain(&error));
            }
        }
    }
    problems.extend(all.problems.iter().map(ToString::to_string));
    all
}

fn publish_entries<K: Key, V: Value>(
    site: &Site,
    topic: &Topic<K, V>,
    register: Register<V>,
    key: fn(&V) -> K,
    at_ms: i64,
) -> Result<()> {
    let anonymous = register.anonymous;
    let broken: BTreeSet<String> =
        register.broken.iter().map(|id| schemas::key::join(&[id])).collect();
    let may_withdraw = |key: &K| !anonymous && !broken.contains(&key.encode());
    let read = register.entries.into_iter().map(|entry| (key(&entry), entry)).collect();
    replace(site, topic, read, "producer register", may_withdraw, at_ms)
}

/// Publishes what differs from what all partitions of the log agree on.
fn replace<K: Key, V: Value>(
    site: &Site,
    topic: &Topic<K, V>,
    read: BTreeMap<K, V>,
    role: &str,
    may_withdraw: impl Fn(&K) -> bool,
    at_ms: i64,
) -> Result<()> {
    let changes: Vec<Change<K, V>> =
        producer_register::plan(&site.agreed(topic)?, read, may_withdraw);
    producer_register::publish(&changes, topic, &mut site.publisher(role)?, at_ms)?;
    Ok(())
}

fn publish_findings(
    site: &Site,
    config: &Config,
    at_ms: i64,
    problems: &mut Vec<String>,
) -> Result<()> {
    for findings in &config.findings {
        match findings.read(at_ms) {
            Ok(reports) => {
                problems.extend(reports.problems.iter().map(ToString::to_string));
                let mut publisher = site.publisher("producer findings")?;
                producer_findings::publish(&reports, &mut publisher, at_ms)?;
            }
            Err(error) => problems.push(chain(&*error)),
        }
    }
    Ok(())
}

/// Notes what is wrong with a register; gives it when it can be used.
fn tell<T>(
    read: Result<Register<T>, producer_register::RegisterError>,
    problems: &mut Vec<String>,
) -> Option<Register<T>> {
    match read {
        Ok(register) => {
            problems.extend(register.problems.iter().map(ToString::to_string));
            Some(register)
        }
        Err(error) => {
            problems.push(chain(&error));
            None
        }
    }
}
