//! `scorecard topics acls`: the least rights of each role on Kafka, for `kafka-acls.sh` or as JSON.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use schemas::{TopicSpec, topic};
use serde_json::{Value, json};
use stream::acls::{Needs, arguments};

use crate::{
    config::{Config, OptionalConfigFile},
    output,
    pipeline::{STAGES, factory},
    replay, reshard, sink,
};

/// What `acls` is told.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: OptionalConfigFile,
    /// Whom a role runs as; `User:scorecard-ROLE` when absent
    #[arg(long, value_name = "ROLE=User:NAME")]
    principal: Vec<String>,
    /// How to print them
    #[arg(long, value_enum, default_value_t = Format::Commands)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Command lines of Kafka's own tool
    Commands,
    /// One list of objects
    Json,
}

/// A role with its place in the configuration: what it is called, and what it does.
#[derive(Debug)]
struct Role {
    name: String,
    /// The command that runs it.
    command: String,
    needs: Needs,
}

/// The writers whose records `collect` appends, as topics name them.
const COLLECTED: [&str; 4] =
    ["producer aws", "producer findings", "producer register", "producer standard"];

/// Those among them that compare their source with what the log holds already.
const COMPARED: [&str; 2] = ["producer register", "producer standard"];

/// What the collectors of a scan tell each other: its units, and the accounts last listed.
const SHARED: [&TopicSpec; 2] = [topic::ACCOUNT_LISTING.spec, topic::SCAN_UNIT.spec];

const CLOCK: &str = "producer clock";

/// What workbooks are made of.
const RENDERED: [&TopicSpec; 10] = [
    topic::TICK.spec,
    topic::ACCOUNT_STATE.spec,
    topic::TRUST_STATE.spec,
    topic::COMPLIANCE_STATE.spec,
    topic::SCORE_STATE.spec,
    topic::ROLLUP_STATE.spec,
    topic::REQUIREMENT.spec,
    topic::EXCEPTION.spec,
    topic::SCORE_HISTORY.spec,
    topic::COMPLIANCE_CHANGE.spec,
];

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    output::write(printed(config.as_ref(), &args.principal, args.format)?)
}

fn printed(config: Option<&Config>, principals: &[String], format: Format) -> Result<String> {
    let prefix = config.map_or("scorecard", |config| &config.prefix);
    let kafka = config.map(|config| config.log.kafka.as_ref());
    let bootstrap = match kafka {
        None => "$BOOTSTRAP",
        Some(Some(kafka)) => &kafka.bootstrap,
        Some(None) => bail!("a local log has no access control: log.kafka names no brokers"),
    };
    let roles = roles()?;
    let principals = principals_of(&roles, principals)?;
    match format {
        Format::Commands => Ok(commands(&roles, &principals, prefix, bootstrap)),
        Format::Json => {
            let rights = roles.iter().flat_map(|role| objects(role, &principals, prefix));
            Ok(format!("{:#}\n", Value::Array(rights.collect())))
        }
    }
}

/// Lists every role, in the order of the data's flow.
fn roles() -> Result<Vec<Role>> {
    let role = |name: &str, command: &str, needs| Role {
        name: name.to_owned(),
        command: command.to_owned(),
        needs,
    };
    let makes = Needs { makes: topic::ALL.to_vec(), ..Needs::default() };
    let collect = Needs {
        reads: [written_by(&COMPARED), SHARED.to_vec()].concat(),
        writes: written_by(&COLLECTED),
        group: Some(producer_aws::GROUP.to_owned()),
        ..Needs::default()
    };
    let clock =
        Needs { reads: written_by(&[CLOCK]), writes: written_by(&[CLOCK]), ..Needs::default() };
    let mut roles = vec![
        role("topics", "scorecard topics apply", makes),
        role("collect", "scorecard collect", collect),
        role("clock", "scorecard clock", clock),
    ];
    let mut inputs = Vec::new();
    for name in STAGES {
        let stage = factory(name)?();
        inputs.extend(stage.inputs());
        let needs = Needs::of_stage(&*stage, stage.name().to_owned());
        roles.push(role(name, &format!("scorecard process --stage {name}"), needs));
    }
    let render = Needs { reads: RENDERED.to_vec(), ..Needs::default() };
    roles.push(role("render", "scorecard render", render));
    roles.extend(sinks());
    inputs.retain(|topic| topic.is_source());
    let sources = inputs.clone();
    let letters = Needs { reads: vec![topic::DEADLETTER], writes: inputs, ..Needs::default() };
    roles.push(role("dlq", "scorecard dlq", letters));
    let groups: Vec<String> = STAGES.iter().map(|&name| name.to_owned()).collect();
    let top = Needs { watches: groups.clone(), ..Needs::default() };
    roles.push(role("top", "scorecard top", top));
    let sinks = sink::all().map(|(role, _)| role.name.to_owned());
    let watches = groups.iter().cloned().chain(sinks).collect();
    let page = Needs { reads: sink_page::reads(), watches, ..Needs::default() };
    roles.push(role("serve", "scorecard serve", page));
    let reads = [sources, replay::tables(&[])?].concat();
    roles.push(role(
        "replay",
        "scorecard replay",
        Needs { reads, watches: groups, ..Needs::default() },
    ));
    let carried = reshard::sources();
    let source = Needs { reads: carried.clone(), ..Needs::default() };
    roles.push(role("reshard", "scorecard reshard, where it reads", source));
    let target = Needs {
        reads: carried.clone(),
        writes: carried,
        makes: topic::ALL.to_vec(),
        ..Needs::default()
    };
    roles.push(role("reshard-target", "scorecard reshard, where it writes", target));
    Ok(roles)
}

/// Gives the sinks: each follows its inputs, and some look things up besides.
fn sinks() -> impl Iterator<Item = Role> {
    sink::all().map(|(role, looked_up)| {
        let mut needs = of_sink(role);
        needs.reads.extend(looked_up);
        let command = format!("scorecard {}", role.name.replace('-', " "));
        Role { name: role.name.to_owned(), command, needs }
    })
}

/// Gives what a sink does: it follows its inputs as a group, and writes outputs and dead letters.
fn of_sink(role: &sink_frame::Role) -> Needs {
    Needs {
        reads: role.inputs.to_vec(),
        writes: [role.outputs, &[topic::DEADLETTER]].concat(),
        group: Some(role.name.to_owned()),
        ..Needs::default()
    }
}

fn written_by(writers: &[&str]) -> Vec<&'static TopicSpec> {
    topic::ALL.iter().copied().filter(|topic| writers.contains(&topic.writer)).collect()
}

/// Gives the principal of each role.
fn principals_of(roles: &[Role], given: &[String]) -> Result<BTreeMap<String, String>> {
    let usual =
        roles.iter().map(|role| (role.name.clone(), format!("User:scorecard-{}", role.name)));
    let mut principals: BTreeMap<_, _> = usual.collect();
    for one in given {
        let (role, principal) = one
            .split_once('=')
            .with_context(|| format!("--principal {one:?}: must be ROLE=User:NAME"))?;
        ensure!(
            principal
                .split_once(':')
                .is_some_and(|(kind, name)| !kind.is_empty() && !name.is_empty()),
            "--principal {one:?}: {principal:?} must be a kind and a name, for example User:name"
        );
        let Some(known) = principals.get_mut(role) else {
            let names: Vec<_> = roles.iter().map(|role| role.name.as_str()).collect();
            bail!("--principal {one:?}: unknown role {role:?}; there are: {}", names.join(", "));
        };
        *known = principal.to_owned();
    }
    Ok(principals)
}

fn commands(
    roles: &[Role],
    principals: &BTreeMap<String, String>,
    prefix: &str,
    bootstrap: &str,
) -> String {
    let mut text =
        "# admin.properties: how somebody who may alter access control lists logs in\n".to_owned();
    let bootstrap =
        if bootstrap.starts_with('$') { format!("\"{bootstrap}\"") } else { quoted(bootstrap) };
    for role in roles {
        write!(text, "\n# {}: {}\n", role.name, role.command).expect("a text takes everything");
        let principal = quoted(&principals[&role.name]);
        for rights in arguments(&role.needs.acls(prefix)) {
            let rights: Vec<_> = rights.iter().map(|word| quoted(word)).collect();
            writeln!(
                text,
                "kafka-acls.sh --bootstrap-server {bootstrap} --command-config admin.properties \
                 --add --allow-principal {principal} {}",
                rights.join(" ")
            )
            .expect("a text takes everything");
        }
    }
    text
}

/// Gives a word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:,/=@".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn objects(role: &Role, principals: &BTreeMap<String, String>, prefix: &str) -> Vec<Value> {
    let rights = role.needs.acls(prefix).into_iter();
    let objects = rights.map(|acl| {
        json!({
            "role": role.name,
            "principal": principals[&role.name],
            "permission": "Allow",
            "resource_type": acl.resource.word(),
            "name": acl.name,
            "pattern": acl.pattern.word(),
            "operation": acl.operation.word(),
        })
    });
    objects.collect()
}

#[cfg(test)]
mod tests;
