//! A sink and its server: laps of ours and of the bare client, in pairs, each into empty tables.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use kit::recorder::{Recorder, Request};
use sink_frame::Role;

use super::bare::{Answer, Bare};
use super::ours::Lap;
use crate::site::Site;

/// A server that one of our sinks carries to.
pub(crate) trait Server {
    /// What it is called, in figures too.
    const NAME: &'static str;
    /// What it holds.
    const UNIT: &'static str;
    /// How many requests our sink has under way at a time.
    const CONCURRENCY: usize;
    /// What our sink is; each lap is a group of its own.
    const ROLE: Role;

    fn port(&self) -> u16;

    /// Empties it, and makes the tables anew.
    fn renew(&self) -> Result<()>;

    /// Runs our sink against the server, or what stands before it.
    fn carry(&self, url: &str, site: &Site, role: &'static Role) -> Result<Lap>;

    /// Gives how many there are by table, each counted once.
    fn held(&self) -> Result<BTreeMap<String, u64>>;

    /// Tells whether a request of our sink carries a part of a batch.
    fn is_batch(request: &Request) -> bool;

    /// Tells whether a request of our sink makes something that batches need.
    fn is_preparation(request: &Request) -> bool;

    /// Makes sure that everything that a request carried was taken.
    fn check(answer: &Answer) -> Result<()>;
}

/// What came of a contest.
pub(crate) struct Contest {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) concurrency: usize,
    /// Rows or documents of a lap.
    pub(crate) written: u64,
    pub(crate) requests: usize,
    pub(crate) bytes: usize,
    pub(crate) pairs: Vec<Pair>,
}

/// A lap of each.
pub(crate) struct Pair {
    pub(crate) ours: Lap,
    pub(crate) bare: f64,
}

/// Records what our sink sends, and then lets both send it in turns.
pub(crate) fn run<S: Server>(site: &Site, server: &S, rounds: usize) -> Result<Contest> {
    let url = format!("http://127.0.0.1:{}", server.port());
    let group = |what: &str| -> &'static Role {
        // A group's name lives as long as the process, as those of the sinks do.
        let name = format!("{}-{what}", S::ROLE.name).leak();
        Box::leak(Box::new(Role { name, ..S::ROLE }))
    };
    server.renew()?;
    let recorder = Recorder::start(server.port())?;
    let first = server.carry(&recorder.url(), site, group("recorded"))?;
    let held = server.held()?;
    let (batches, others): (Vec<_>, Vec<_>) = recorder.take().into_iter().partition(S::is_batch);
    // What our sink asked for twice because it was not sure is made once.
    let mut made = BTreeSet::new();
    let is_new = |request: &Request| made.insert(request.target.clone());
    let preparations = others.into_iter().filter(S::is_preparation);
    let preparations: Vec<_> = preparations.filter(is_new).collect();
    let prepare = Bare::new(&url, &preparations, 1)?;
    let bare = Bare::new(&url, &batches, S::CONCURRENCY)?;

    let ours = |round: usize| -> Result<Lap> {
        server.renew()?;
        let lap = server.carry(&url, site, group(&round.to_string()))?;
        // How many of a batch are overtaken in it hangs on where it was cut.
        let (is, was) = (lap.counts.records(), first.counts.records());
        ensure!(is == was, "{is} records were taken, {was} the first time: {:?}", lap.counts);
        ensure!(server.held()? == held, "our sink left something else than the first time");
        Ok(lap)
    };
    let theirs = || -> Result<f64> {
        server.renew()?;
        prepare.lap()?.1.iter().try_for_each(done)?;
        let (seconds, answers) = bare.lap()?;
        answers.iter().try_for_each(|one| done(one).and_then(|()| S::check(one)))?;
        ensure!(server.held()? == held, "the bare client left something else than our sink");
        Ok(seconds)
    };
    let pair = |round: usize| -> Result<Pair> {
        let pair = if round.is_multiple_of(2) {
            Pair { ours: ours(round)?, bare: theirs()? }
        } else {
            let bare = theirs()?;
            Pair { ours: ours(round)?, bare }
        };
        eprintln!("{}: {:?}, bare {:.3} s", S::NAME, pair.ours, pair.bare);
        Ok(pair)
    };
    // The first pair is of a server that is not warm: a JVM compiles what it runs often.
    pair(0).with_context(|| S::NAME)?;
    Ok(Contest {
        name: S::NAME,
        unit: S::UNIT,
        concurrency: S::CONCURRENCY,
        written: first.counts.written,
        requests: batches.len(),
        bytes: batches.iter().map(|request| request.body.len()).sum(),
        pairs: (1..=rounds).map(pair).collect::<Result<_>>().with_context(|| S::NAME)?,
    })
}

fn done(answer: &Answer) -> Result<()> {
    let text = || String::from_utf8_lossy(&answer.body[..answer.body.len().min(500)]);
    ensure!((200..300).contains(&answer.status), "status {}: {}", answer.status, text());
    Ok(())
}
