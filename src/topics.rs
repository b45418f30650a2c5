//! `scorecard topics`: what topics there are, and making them.

use anyhow::{Result, bail};
use clap::Subcommand;
use schemas::{TopicSpec, topic};
use serde_json::json;
use stream::{SettingChange, TopicPlan};

use crate::{
    acls,
    config::ConfigFile,
    output::{Form, say},
    site::Site,
};

/// Lists, plans and makes the topics
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists every topic: key, value, clean-up policy and writer
    List(Form),
    /// Shows what `apply` would do; changes nothing
    Plan(OfALog),
    /// Creates missing topics and sets settings that differ; safe to repeat
    Apply(OfALog),
    /// Prints the least access control lists of each role on Kafka; asks nobody
    ///
    /// A process of `scorecard run` needs what collect, clock, account, rollup and render need.
    Acls(acls::Args),
}

#[derive(clap::Args)]
struct OfALog {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::List(form) => list(*form),
        Command::Acls(args) => acls::run(args),
        Command::Plan(args) => {
            let config = args.config.read()?;
            print(&Site::connect(&config)?.log.plan()?, &config.prefix, "would be", args.form)
        }
        Command::Apply(args) => {
            let config = args.config.read()?;
            let plan = Site::connect(&config)?.log.apply()?;
            print(&plan, &config.prefix, "was", args.form)?;
            if let Some(refused) = plan.iter().find(|one| matches!(one, TopicPlan::Refuse(..))) {
                bail!("{}", describe(refused, &config.prefix));
            }
            Ok(())
        }
    }
}

fn list(form: Form) -> Result<()> {
    if !form.is_json() {
        row("topic", "key", "cleanup", "writer", "value")?;
    }
    for TopicSpec { name, key, value, cleanup, writer, .. } in topic::ALL {
        let cleanup = cleanup.to_string();
        if form.is_json() {
            let is = json!({"topic": name, "key": key, "cleanup": cleanup, "writer": writer,
                "value": value});
            say!("{is}")?;
        } else {
            row(name, key, &cleanup, writer, value)?;
        }
    }
    Ok(())
}

fn row(topic: &str, key: &str, cleanup: &str, writer: &str, value: &str) -> Result<()> {
    say!("{topic:<20} {key:<42} {cleanup:<14} {writer:<15} {value}")
}

fn print(plan: &[TopicPlan], prefix: &str, tense: &str, form: Form) -> Result<()> {
    if form.is_json() {
        return plan.iter().try_for_each(|one| say!("{}", object(one, prefix)));
    }
    for one in plan {
        match one {
            TopicPlan::Keep(_) => {}
            TopicPlan::Create(topic) => say!("{} {tense} created", topic.full_name(prefix))?,
            TopicPlan::Alter(topic, changes) => {
                for change in changes {
                    say!(
                        "{}: {} {tense} set from {} to {}",
                        topic.full_name(prefix),
                        change.name,
                        change.is,
                        change.wanted
                    )?;
                }
            }
            TopicPlan::Refuse(..) => say!("{}", describe(one, prefix))?,
        }
    }
    let kept = plan.iter().filter(|one| matches!(one, TopicPlan::Keep(_))).count();
    say!("{kept} of {} topics needed nothing", plan.len())
}

/// What a topic needs, for programs: `nothing`, `create`, `settings` (with each that differs), or
/// `refused` (with the reason).
fn object(plan: &TopicPlan, prefix: &str) -> serde_json::Value {
    match plan {
        TopicPlan::Keep(topic) => {
            json!({"topic": topic.full_name(prefix), "needs": "nothing"})
        }
        TopicPlan::Create(topic) => {
            json!({"topic": topic.full_name(prefix), "needs": "create"})
        }
        TopicPlan::Alter(topic, changes) => {
            let change =
                |one: &SettingChange| json!({"name": one.name, "is": one.is, "wanted": one.wanted});
            let changes: Vec<_> = changes.iter().map(change).collect();
            json!({"topic": topic.full_name(prefix), "needs": "settings", "settings": changes})
        }
        TopicPlan::Refuse(topic, why) => {
            json!({"topic": topic.full_name(prefix), "needs": "refused", "why": why})
        }
    }
}

/// Says in words what a topic needs.
pub(crate) fn describe(plan: &TopicPlan, prefix: &str) -> String {
    match plan {
        TopicPlan::Keep(topic) => format!("topic {} is as it must be", topic.full_name(prefix)),
        TopicPlan::Create(topic) => format!("topic {} is missing", topic.full_name(prefix)),
        TopicPlan::Alter(topic, changes) => {
            let names: Vec<_> = changes.iter().map(|change| change.name.as_str()).collect();
            format!("topic {} differs in {}", topic.full_name(prefix), names.join(", "))
        }
        TopicPlan::Refuse(topic, why) => format!("topic {}: {why}", topic.full_name(prefix)),
    }
}
