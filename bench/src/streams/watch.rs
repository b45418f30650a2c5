//! Watches a topic of counts as any reader of committed records does, and holds them against what
//! they must be.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use super::{fold::Counts, workload::Shape};

/// Reads a record of a contender's counts: account, check and counts, or none for other rows.
pub(crate) type ReadCounts = fn(&[u8], &[u8]) -> Result<Option<(u32, u16, Counts)>>;

/// A count as it was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) pair: usize,
    /// The time of the newest record behind it, in UTC milliseconds.
    pub(crate) at_ms: i64,
    pub(crate) at: Instant,
}

/// What was seen so far.
#[derive(Default)]
struct Board {
    rows: Vec<Option<Counts>>,
    expected: Vec<Counts>,
    differing: usize,
    updates: u64,
    last: Option<Instant>,
    /// When the last difference went away.
    right: Option<Instant>,
    /// Counts in the order in which they were seen, while somebody asks for them.
    seen: Option<Vec<Seen>>,
}

/// A reader of counts on its own thread.
pub(crate) struct Watch {
    board: Arc<Mutex<Board>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

/// How the counts stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Rows that are not what they must be.
    pub(crate) differing: usize,
    /// Records seen since the expectation was set.
    pub(crate) updates: u64,
    /// When the last of them was seen.
    pub(crate) last: Option<Instant>,
    /// When the last difference went away.
    pub(crate) right: Option<Instant>,
}

impl Watch {
    pub(crate) fn start(
        bootstrap: &str,
        topic: &str,
        partitions: i32,
        shape: Shape,
        read: ReadCounts,
    ) -> Result<Self> {
        let consumer = reader(bootstrap)?;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&list).context("reading counts")?;
        let rows = vec![None; shape.pairs()];
        let board = Arc::new(Mutex::new(Board { rows, ..Board::default() }));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (board.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match consumer.poll(Duration::from_millis(50)) {
                    Some(Ok(message)) => take(&shared, &message, shape, read)?,
                    // Such as a broker that answers late: the consumer goes on by itself.
                    Some(Err(error)) => eprintln!("the reader of counts is disturbed: {error}"),
                    None => {}
                }
            }
            Ok(())
        });
        Ok(Self { board, stop, thread: Some(thread) })
    }

    /// Says what the counts must come to from now on.
    pub(crate) fn expect(&self, expected: Vec<Counts>) {
        let mut board = self.lock();
        let differs = |(row, expected): &(&Option<Counts>, &Counts)| **row != Some(**expected);
        board.differing = board.rows.iter().zip(&expected).filter(differs).count();
        (board.expected, board.updates, board.last, board.right) = (expected, 0, None, None);
    }

    pub(crate) fn standing(&mut self) -> Result<Standing> {
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            self.join()?;
        }
        let Board { differing, updates, last, right, .. } = *self.lock();
        Ok(Standing { differing, updates, last, right })
    }

    /// Begins to keep what is seen, or gives what was kept.
    pub(crate) fn record(&self) -> Vec<Seen> {
        self.lock().seen.replace(Vec::new()).unwrap_or_default()
    }

    /// Stops, and says what went wrong if anything did.
    pub(crate) fn end(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.join()
    }

    fn join(&mut self) -> Result<()> {
        let thread = self.thread.take().context("the reader of counts has ended")?;
        thread.join().map_err(|_| anyhow!("the reader of counts panicked"))?
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn take(
    board: &Mutex<Board>,
    message: &rdkafka::message::BorrowedMessage<'_>,
    shape: Shape,
    read: ReadCounts,
) -> Result<()> {
    let at = Instant::now();
    let key = message.key().context("a count has a key")?;
    let Some(value) = message.payload() else { return Ok(()) };
    let Some((account, check, counts)) = read(key, value)? else { return Ok(()) };
    let pair = shape.pair(account, check);
    let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
    let before = board.rows[pair].replace(counts);
    board.updates += 1;
    board.last = Some(at);
    if let Some(expected) = board.expected.get(pair).copied() {
        match (before == Some(expected), counts == expected) {
            (false, true) => {
                board.differing -= 1;
                if board.differing == 0 {
                    board.right = Some(at);
                }
            }
            (true, false) => board.differing += 1,
            _ => {}
        }
    }
    if let Some(seen) = &mut board.seen {
        let at_ms = message.timestamp().to_millis().unwrap_or_default();
        seen.push(Seen { pair, at_ms, at });
    }
    Ok(())
}

/// Makes a consumer that reads what is committed, as soon as it is.
pub(crate) fn reader(bootstrap: &str) -> Result<BaseConsumer> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bench.reader")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "false")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.max.messages.kbytes", "16384")
        .create()
        .context("making a consumer")
}
