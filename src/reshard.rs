//! `scorecard reshard`: carries every event to another number of partitions.

mod feed;
mod place;
mod plan;
mod verify;

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use schemas::{Cleanup, TopicSpec, topic};
use stream::{Outgoing, Position, Writer};

use self::{
    feed::Merge,
    place::{carried, targets},
    plan::{Plan, Totals},
};
use crate::{
    config::{Config, ConfigFile},
    output::Form,
    progress::Teller,
    site::Site,
};

/// Records between two notes of how far it is.
const NOTE_RECORDS: u64 = 20_000;

/// Records in one append.
const APPEND_RECORDS: usize = 1_000;

/// Whoever wrote before may still have records on their way.
const SETTLE: Duration = Duration::from_secs(1);

/// Carries every event to topics with another number of partitions
///
/// Appends what the producers wrote to new topics, in the order of its times, each record where
/// its account now belongs. The source is only read. Run again, it goes on where it was, or carries
/// what came since; the stages then make the tables anew from the new topics.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Partitions of the new topics
    #[arg(long, value_name = "N")]
    partitions: i32,
    /// The prefix of the new topics, on the same Kafka
    #[arg(long, value_name = "PREFIX", required_unless_present = "config_to")]
    to: Option<String>,
    /// The configuration of the new log
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    config_to: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
}

/// Where records go.
struct Target {
    site: Site,
    /// The log and prefix in words: the plan's own target.
    name: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!((1..=1_000).contains(&args.partitions), "--partitions: between 1 and 1000");
    let config = args.config.read()?;
    let teller = Teller::new();
    let source = Site::existing(&config)?;
    let target = Target::open(args, &config)?;
    let file = config.state.join(format!("reshard-{}.json", target.site.prefix));
    let mut plan = begin(&source, &target, &file)?;
    carry(&source, &target.site, &mut plan, &file, &teller)?;
    let rows = verify::all(&source, &target.site, &plan, &teller)?;
    plan.verified(&file)?;
    verify::print(&rows, args.form.is_json())?;
    let left = plan.left(&source)?;
    if left > 0 {
        teller.done(&format!("{left} offsets came to the source meanwhile: run it again"));
    }
    Ok(())
}

impl Target {
    fn open(args: &Args, config: &Config) -> Result<Self> {
        let (site, name) = match (&args.to, &args.config_to) {
            (Some(prefix), _) => {
                ensure!(
                    config.log.local.is_none(),
                    "--to: a local log has one number of partitions: name another with --config-to"
                );
                let name = named(config, prefix);
                (Site::connect_as(config, prefix, args.partitions)?, name)
            }
            (None, Some(path)) => {
                let to = ConfigFile::at(path).read()?;
                let (given, configured) = (args.partitions, to.partitions());
                ensure!(
                    given == configured,
                    "--partitions says {given}, {} says {configured}",
                    path.display()
                );
                (Site::connect_as(&to, &to.prefix, given)?, named(&to, &to.prefix))
            }
            (None, None) => bail!("either --to or --config-to"),
        };
        ensure!(name != named(config, &config.prefix), "the target is the source");
        site.log.apply().context("making the target's topics")?;
        Ok(Self { site, name })
    }
}

/// Names a log and a prefix in words.
fn named(config: &Config, prefix: &str) -> String {
    let log = match (&config.log.local, &config.log.kafka) {
        (Some(dir), _) => dir.display().to_string(),
        (None, kafka) => kafka.as_ref().map(|one| one.bootstrap.clone()).unwrap_or_default(),
    };
    format!("{prefix} on {log}")
}

/// Finds the plan that was begun, or begins one into a target that is empty.
fn begin(source: &Site, target: &Target, file: &Path) -> Result<Plan> {
    let there = settled(&target.site)?;
    let Some(mut plan) = Plan::read(file)? else {
        ensure!(
            there.values().all(|ends| ends.iter().all(|end| *end == 0)),
            "the target holds records, and {} does not say how they came there: delete the \
             target's topics, or choose another",
            file.display()
        );
        let plan = Plan::new(source, &target.site, &target.name)?;
        plan.write(file)?;
        return Ok(plan);
    };
    let partitions = target.site.log.partitions();
    ensure!(
        plan.target == target.name && plan.partitions == partitions,
        "{} is of another target ({}, {} partitions): move it away",
        file.display(),
        plan.target,
        plan.partitions
    );
    let written = topic::ALL
        .iter()
        .find(|topic| !topic.is_source() && !is_history(topic) && sum(&there, topic) > 0);
    if let Some(topic) = written {
        bail!("stages have begun at the target ({} holds records): it is in use", topic.name);
    }
    plan.extend(source, file)?;
    Ok(plan)
}

fn sum(totals: &Totals, topic: &TopicSpec) -> i64 {
    totals.get(topic.name).map_or(0, |ends| ends.iter().sum())
}

/// Whether a topic holds what stages told of changes.
fn is_history(topic: &TopicSpec) -> bool {
    topic.cleanup == Cleanup::DeleteLong && topic.writer.ends_with(" stage")
}

/// Gives the target's ends when nothing is on its way any more.
fn settled(target: &Site) -> Result<Totals> {
    let mut before = plan::totals(&target.log.ends(topic::ALL)?);
    loop {
        if before.values().flatten().all(|end| *end == 0) {
            return Ok(before);
        }
        std::thread::sleep(SETTLE);
        let now = plan::totals(&target.log.ends(topic::ALL)?);
        if now == before {
            return Ok(now);
        }
        before = now;
    }
}

/// Appends everything up to the plan's end that the target does not have.
fn carry(
    source: &Site,
    target: &Site,
    plan: &mut Plan,
    file: &Path,
    teller: &Teller,
) -> Result<()> {
    let from = plan.positions()?;
    let to = plan.end()?;
    let mut carrier = Carrier::new(target, plan)?;
    let left: i64 = to.iter().zip(&from).map(|(to, from)| to.offset - from.offset).sum();
    let mut merge = Merge::new(&*source.log, &from, &to);
    let (mut done, mut noted, mut told) = (0_u64, 0_u64, Instant::now());
    while let Some(record) = merge.next()? {
        done += 1;
        if carried(&record, plan.horizon(record.topic, record.partition)) {
            for partition in targets(&record, plan.partitions) {
                carrier.put(Outgoing { partition, ..record.clone().into() })?;
            }
        }
        if done - noted >= NOTE_RECORDS {
            noted = done;
            carrier.flush()?;
            plan.note(&merge.positions(), &carrier.covered(), file)?;
        }
        if told.elapsed() > Duration::from_millis(200) {
            told = Instant::now();
            teller.step(&format!("carrying: {done} of {left} offsets"));
        }
    }
    carrier.finish()?;
    plan.note(&merge.positions(), &carrier.covered(), file)?;
    teller.done(&format!("carried {done} records to {}", plan.target));
    Ok(())
}

/// Appends in batches, leaving out what an earlier attempt appended.
struct Carrier {
    writer: Box<dyn Writer>,
    batch: Vec<Outgoing>,
    /// The target's ends, with what is appended.
    ends: Totals,
    /// Records by topic and partition that the target has beyond the plan's note.
    skip: BTreeMap<(&'static str, i32), i64>,
}

impl Carrier {
    fn new(target: &Site, plan: &Plan) -> Result<Self> {
        let ends = plan::totals(&target.log.ends(topic::ALL)?);
        let mut skip = BTreeMap::new();
        for topic in topic::ALL {
            let noted = plan.noted(topic);
            for (partition, end) in ends[topic.name].iter().enumerate() {
                let more = end - noted.get(partition).copied().unwrap_or(0);
                let place = format!("{}/{partition}", topic.full_name(&target.prefix));
                ensure!(more >= 0, "{place} lost records: delete the target's topics");
                // The last value of a key counts there: it is written once more. Compaction may
                // have taken from the source what was counted.
                if more > 0 && topic.cleanup != Cleanup::Compact {
                    skip.insert((topic.name, partition as i32), more);
                }
            }
        }
        let writer = target.log.writer("reshard")?;
        Ok(Self { writer, batch: Vec::new(), ends, skip })
    }

    fn put(&mut self, record: Outgoing) -> Result<()> {
        let place = (record.topic.name, record.partition);
        if let Some(left) = self.skip.get_mut(&place).filter(|left| **left > 0) {
            *left -= 1;
            return Ok(());
        }
        let ends = self.ends.get_mut(place.0).context("every topic has ends")?;
        ends[record.partition as usize] += 1;
        self.batch.push(record);
        if self.batch.len() >= APPEND_RECORDS {
            self.writer.append(std::mem::take(&mut self.batch))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.append(std::mem::take(&mut self.batch))?;
        Ok(self.writer.flush()?)
    }

    /// Gives the target's ends without what an earlier attempt appended and this one has not come
    /// to.
    fn covered(&self) -> Totals {
        let mut covered = self.ends.clone();
        for ((topic, partition), left) in &self.skip {
            if let Some(ends) = covered.get_mut(*topic) {
                ends[*partition as usize] -= left;
            }
        }
        covered
    }

    fn finish(&mut self) -> Result<()> {
        self.flush()?;
        match self.skip.iter().find(|(_, left)| **left > 0) {
            None => Ok(()),
            Some(((topic, partition), left)) => bail!(
                "the target's {topic}/{partition} holds {left} records that are not from here: \
                 delete the target's topics and begin anew"
            ),
        }
    }
}

/// Lists the topics that are carried, in the order in which a task takes equal times.
pub(crate) fn sources() -> Vec<&'static TopicSpec> {
    let of_account = [
        topic::TICK.spec,
        topic::ACCOUNT_LISTING.spec,
        topic::ACCOUNT_REGISTER.spec,
        topic::REQUIREMENT.spec,
        topic::EXCEPTION.spec,
        topic::SPEND.spec,
    ];
    let mut all = VecDeque::from(of_account);
    for topic in topic::ALL {
        let ours = topic.is_source() || is_history(topic);
        if ours && !all.iter().any(|one| one.name == topic.name) {
            all.push_back(topic);
        }
    }
    all.into()
}

/// Gives the positions of the sources that are read: of a broadcast topic one copy.
fn once(positions: Vec<Position>) -> Vec<Position> {
    let kept = positions.into_iter();
    kept.filter(|at| at.partition == 0 || !place::is_broadcast(at.topic)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(timestamp_ms: i64) -> Outgoing {
        Outgoing {
            topic: topic::OBSERVATION.spec,
            partition: 1,
            timestamp_ms,
            key: b"1".to_vec(),
            value: None,
            headers: Vec::new(),
        }
    }

    #[test]
    fn what_an_earlier_attempt_appended_is_left_out_and_not_noted_before_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::local(&folder.path().join("log"), 2).unwrap();
        let place = ("observation", 1);
        // Two records are there that no note knows of.
        site.log.writer("before").unwrap().append(vec![observation(1), observation(2)]).unwrap();
        let mut carrier = Carrier {
            writer: site.log.writer("test").unwrap(),
            batch: Vec::new(),
            ends: plan::totals(&site.log.ends(topic::ALL).unwrap()),
            skip: BTreeMap::from([(place, 2)]),
        };
        let covered = |carrier: &Carrier| carrier.covered()[place.0][1];
        let mut seen = Vec::new();
        for ms in 1..=3 {
            seen.push(covered(&carrier));
            carrier.put(observation(ms)).unwrap();
        }
        carrier.finish().unwrap();
        seen.push(covered(&carrier));
        assert_eq!(seen, [0, 1, 2, 3]);
        let records = stream::snapshot::records(&*site.log, topic::OBSERVATION.spec).unwrap();
        let times: Vec<_> = records.iter().map(|record| record.timestamp_ms).collect();
        assert_eq!(times, [1, 2, 3]);
        carrier.skip.insert(place, 1);
        let error = carrier.finish().unwrap_err().to_string();
        assert!(error.contains("observation/1 holds 1 records that are not from here"), "{error}");
    }
}
