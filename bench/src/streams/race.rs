//! One contender on one workload: its topics, its process, what is fed to it, and its counts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{
    admin,
    contender::{Contender, LOOK_EVERY, Setting},
    feed::{Feed, Translate},
    fold::{Counts, Known},
    process,
    watch::{Standing, Watch},
    workload::{Event, Sink, Workload},
};

/// A contender that shows nothing for so long, and has taken all, is done, right or wrong.
const QUIET: Duration = Duration::from_secs(10);

/// Nothing may take longer than this before its first output.
const STUCK: Duration = Duration::from_secs(180);

/// One stretch of work that a contender took, from the moment when it could be seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stretch {
    /// Findings and changes of exceptions: the same for every contender.
    pub(crate) records: u64,
    /// Records that its side of the work came to.
    pub(crate) inputs: u64,
    /// Until the last count was right.
    pub(crate) seconds: f64,
    /// CPU of its process.
    pub(crate) cpu_seconds: f64,
    /// CPU of the broker.
    pub(crate) broker_cpu_seconds: f64,
    /// Counts that it wrote.
    pub(crate) counts: u64,
    /// Rows of its counts that are not what they must be.
    pub(crate) differing: usize,
}

impl Stretch {
    pub(crate) fn per_second(&self) -> f64 {
        self.records as f64 / self.seconds
    }

    pub(crate) fn cpu_per_million(&self) -> f64 {
        self.cpu_seconds / self.records as f64 * 1e6
    }

    pub(crate) fn broker_cpu_per_million(&self) -> f64 {
        self.broker_cpu_seconds / self.records as f64 * 1e6
    }
}

/// A contender at work.
pub(crate) struct Race {
    pub(crate) contender: Contender,
    pub(crate) workload: Workload,
    pub(crate) watch: Watch,
    pub(crate) feed: Feed,
    pub(crate) work: Work,
    broker: u32,
}

/// Events on their way: counted, folded and translated.
pub(crate) struct Work {
    known: Known,
    translate: Box<dyn Translate>,
    records: u64,
    inputs: u64,
}

impl Race {
    /// Makes the topics; the contender does not run yet.
    pub(crate) fn new(contender: Contender, seed: u64, broker: u32) -> Result<Self> {
        let setting = &contender.setting;
        let (topic, read) = contender.counts();
        let shape = setting.shape;
        let watch = Watch::start(&setting.bootstrap, &topic, setting.partitions, shape, read)?;
        let feed = Feed::open(&setting.bootstrap, &format!("{}.generator", setting.prefix))?;
        let translate = contender.translate();
        let work = Work { known: Known::default(), translate, records: 0, inputs: 0 };
        Ok(Self { workload: Workload::new(shape, seed), contender, watch, feed, work, broker })
    }

    /// Appends the first load, and lets the contender take it from its start on.
    pub(crate) fn load(&mut self, at_ms: i64) -> Result<Stretch> {
        self.feed.begin()?;
        for record in self.work.translate.first(at_ms)? {
            self.feed.send(&record)?;
        }
        self.append(|workload, sink| workload.load(at_ms, sink))?;
        self.contender.start()?;
        self.contender.wait_until_up()?;
        self.show()
    }

    /// Appends a stretch of flips, and lets the contender take it.
    pub(crate) fn flips(&mut self, count: u64, span: (i64, i64)) -> Result<Stretch> {
        self.feed.begin()?;
        self.append(|workload, sink| workload.flips(count, span, sink))?;
        self.show()
    }

    fn append(
        &mut self,
        make: impl FnOnce(&mut Workload, &mut Sink<'_>) -> Result<()>,
    ) -> Result<()> {
        (self.work.records, self.work.inputs) = (0, 0);
        let (work, feed) = (&mut self.work, &self.feed);
        make(&mut self.workload, &mut |event| work.append(event, feed))?;
        self.feed.drain()
    }

    /// Shows what was appended, and waits until the contender's counts say so.
    fn show(&mut self) -> Result<Stretch> {
        self.watch.expect(self.expected());
        let pid = self.contender.pid()?;
        let before = (process::cpu_seconds(pid)?, process::cpu_seconds(self.broker)?);
        let from = Instant::now();
        self.feed.commit()?;
        let (standing, to) = self.wait(from)?;
        let after = (process::cpu_seconds(pid)?, process::cpu_seconds(self.broker)?);
        Ok(Stretch {
            records: self.work.records,
            inputs: self.work.inputs,
            seconds: to.duration_since(from).as_secs_f64(),
            cpu_seconds: after.0 - before.0,
            broker_cpu_seconds: after.1 - before.1,
            counts: standing.updates,
            differing: standing.differing,
        })
    }

    /// Waits until all counts are right, or nothing comes any more.
    pub(crate) fn wait(&mut self, from: Instant) -> Result<(Standing, Instant)> {
        let mut asked = from;
        loop {
            let standing = self.watch.standing()?;
            if standing.differing == 0 {
                return Ok((standing, standing.right.unwrap_or_else(Instant::now)));
            }
            match standing.last {
                Some(last) if last.elapsed() > QUIET && asked.elapsed() > QUIET => {
                    if self.contender.has_taken_all()? {
                        return Ok((standing, last));
                    }
                    asked = Instant::now();
                    if last.elapsed() > STUCK {
                        bail!("{} takes no more", self.contender.kind.name());
                    }
                }
                None if from.elapsed() > STUCK => {
                    bail!("{} wrote nothing in {STUCK:?}", self.contender.kind.name())
                }
                _ => {}
            }
            self.contender.pid()?;
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Gives the rows that are wrong once everything is taken.
    pub(crate) fn differing(&mut self) -> Result<usize> {
        self.watch.expect(self.expected());
        Ok(self.wait(Instant::now())?.0.differing)
    }

    /// Gives the CPU that the running contender has used.
    pub(crate) fn cpu_seconds(&mut self) -> Result<f64> {
        process::cpu_seconds(self.contender.pid()?)
    }

    /// Gives what the counts must be after all that was appended.
    fn expected(&self) -> Vec<Counts> {
        self.work.known.counts(&self.workload.shape)
    }

    /// Ends the contender and the reader.
    pub(crate) fn end(mut self) -> Result<()> {
        self.contender.kill().context("ending a contender")?;
        self.watch.end()?;
        let Setting { bootstrap, prefix, .. } = &self.contender.setting;
        admin::remove_topics(bootstrap, prefix)
    }
}

impl Work {
    pub(crate) fn append(&mut self, event: &Event, feed: &Feed) -> Result<()> {
        self.known.take(event);
        let mut to = Vec::new();
        self.translate.add(event, &mut to)?;
        self.records += u64::from(event.what.counts());
        self.inputs += to.len() as u64;
        to.iter().try_for_each(|record| feed.send(record))
    }
}
