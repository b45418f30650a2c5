//! A network that cuts, delays, goes silent in one way, or delivers late, by a proxy.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use kit::{
    kafka::Kafka,
    proxy::{Kind, Proxy, Way},
};
use stream::watchdog;

use crate::{
    line::{BROKER, Line, Round},
    verdict::judge,
};

/// Limit for a request of a transaction to come by.
const CATCH_LIMIT: Duration = Duration::from_secs(60);

/// How long input comes while faults happen: longer than all of them take, which is two minutes
/// with the longest pauses, since a request is only caught while there is work.
const FEED: Duration = Duration::from_secs(150);

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nobody gets through, for less or for more than a session lasts.
    Cut(u64),
    /// Every connection ends once.
    Reset,
    /// Everything takes half a second longer.
    Slow,
    /// Half-open: what goes in one way is never heard.
    Silent(Way),
    /// The request that ends a transaction is lost with its connection.
    EndIsLost,
    /// It comes late: its sender has given up, and others have gone on.
    EndIsLate,
}

/// Row 4: the network fails in every way, in an order that the seed draws.
pub(crate) fn fails(round: &mut Round) -> Result<()> {
    let (_kafka, proxy, mut line) = line(round, 600)?;
    line.start(line.settings("a", 1))?;
    line.start(line.settings("b", 1))?;
    line.feed_for(FEED)?;
    let mut faults = vec![
        Fault::Cut(2),
        Fault::Cut(12),
        Fault::Reset,
        Fault::Slow,
        Fault::Silent(Way::Up),
        Fault::Silent(Way::Down),
        Fault::EndIsLost,
        Fault::EndIsLate,
        Fault::EndIsLate,
    ];
    while !faults.is_empty() {
        let fault = faults.remove(line.round.random.below(faults.len()));
        happens(fault, &proxy)?;
        line.round.tally.fault(&format!("{fault:?}"));
        // Long enough to be at work again at most times.
        thread::sleep(Duration::from_millis(500 + line.round.random.below(4_000) as u64));
    }
    line.settle()?;
    judge(&mut line)
}

fn happens(fault: Fault, proxy: &Proxy) -> Result<()> {
    let seconds = Duration::from_secs;
    match fault {
        Fault::Cut(time) => {
            proxy.cut();
            thread::sleep(seconds(time));
        }
        Fault::Reset => proxy.reset(),
        Fault::Slow => {
            proxy.delay(Duration::from_millis(500));
            thread::sleep(seconds(8));
        }
        Fault::Silent(way) => {
            proxy.silence(way);
            thread::sleep(seconds(8));
        }
        Fault::EndIsLost | Fault::EndIsLate => {
            proxy.trap(Kind::EndTxn);
            ensure!(proxy.has_caught(CATCH_LIMIT), "no transaction ended in {CATCH_LIMIT:?}");
            if fault == Fault::EndIsLost {
                proxy.drop_caught();
            } else {
                // Longer than a request may take: the commit's end is uncertain to its process.
                thread::sleep(seconds(18));
                proxy.release_caught();
            }
        }
    }
    proxy.heal();
    Ok(())
}

/// Row 1, between sending offsets and the commit: a process is killed while the request that ends
/// its transaction is under way, which then comes to nothing or gets through.
pub(crate) fn killed_at_the_end(round: &mut Round) -> Result<()> {
    let (_kafka, proxy, mut line) = line(round, 400)?;
    line.start(line.settings("a", 1))?;
    line.feed_for(Duration::from_secs(25))?;
    for _ in 0..4 {
        for kind in [Kind::TxnOffsetCommit, Kind::EndTxn] {
            proxy.trap(kind);
            ensure!(proxy.has_caught(CATCH_LIMIT), "no {kind:?} in {CATCH_LIMIT:?}");
            line.kill("a")?;
            line.round.tally.fault(&format!("death while {kind:?} is under way"));
            if line.round.random.chance(50) {
                proxy.drop_caught();
            } else {
                proxy.release_caught();
            }
        }
    }
    line.settle()?;
    judge(&mut line)
}

/// Row 5: the coordinator goes when offsets are sent to it, and stays away: the call hangs until
/// the watchdog ends the process; when all is well again, the next one goes on.
pub(crate) fn coordinator_gone(round: &mut Round) -> Result<()> {
    let (_kafka, proxy, mut line) = line(round, 200)?;
    line.start(line.settings("a", 1))?;
    line.feed_for(Duration::from_secs(10))?;
    proxy.trap(Kind::TxnOffsetCommit);
    ensure!(proxy.has_caught(CATCH_LIMIT), "no offsets were sent in {CATCH_LIMIT:?}");
    proxy.cut();
    line.round.tally.fault("the coordinator goes");
    let start = Instant::now();
    let limit = watchdog::LIMIT * 2;
    while line.process("a").ends().is_empty() {
        ensure!(start.elapsed() < limit, "nothing ended the process in {limit:?}");
        thread::sleep(Duration::from_millis(100));
    }
    let took = start.elapsed();
    let (end, last) = line.process("a").ends().remove(0);
    proxy.heal();
    let code = end.code();
    ensure!(code == Some(watchdog::EXIT_CODE), "it ended with {code:?} after {took:?}: {last}");
    line.settle()?;
    judge(&mut line)
}

fn line(round: &mut Round, steps: usize) -> Result<(Kafka, Proxy, Line<'_>)> {
    let (kafka, proxy) = Kafka::start_behind_a_proxy(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, steps)?;
    line.theirs = proxy.address();
    Ok((kafka, proxy, line))
}
