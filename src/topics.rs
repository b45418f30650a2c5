//! `scorecard topics`: what topics there are, and making them.

use anyhow::{Result, bail};
use clap::Subcommand;
use stream::TopicPlan;

use crate::{acls, config::ConfigFile, output::say, site::Site};

/// Lists, plans and makes the topics
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists every topic: key, value, clean-up policy and writer
    List,
    /// Shows what `apply` would do; changes nothing
    Plan(ConfigFile),
    /// Creates missing topics and sets settings that differ; safe to repeat
    Apply(ConfigFile),
    /// Prints the least access control lists of each role on Kafka; asks nobody
    ///
    /// A process of `scorecard run` needs what collect, clock, account, rollup and render need.
    Acls(acls::Args),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::List => list(),
        Command::Acls(args) => acls::run(args),
        Command::Plan(file) => {
            let config = file.read()?;
            print(&Site::connect(&config)?.log.plan()?, &config.prefix, "would be")
        }
        Command::Apply(file) => {
            let config = file.read()?;
            let plan = Site::connect(&config)?.log.apply()?;
            print(&plan, &config.prefix, "was")?;
            if let Some(refused) = plan.iter().find(|one| matches!(one, TopicPlan::Refuse(..))) {
                bail!("{}", describe(refused, &config.prefix));
            }
            Ok(())
        }
    }
}

fn list() -> Result<()> {
    say!("{:<20} {:<42} {:<14} {:<15} value", "topic", "key", "cleanup", "writer")?;
    for topic in schemas::topic::ALL {
        let cleanup = topic.cleanup.to_string();
        say!(
            "{:<20} {:<42} {:<14} {:<15} {}",
            topic.name,
            topic.key,
            cleanup,
            topic.writer,
            topic.value
        )?;
    }
    Ok(())
}

fn print(plan: &[TopicPlan], prefix: &str, tense: &str) -> Result<()> {
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
