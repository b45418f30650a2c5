//! Exceptions that are added, expire and are deleted around evaluation, in every interleaving.

use anyhow::{Result, ensure};
use kit::kafka::Kafka;
use schemas::{Codec, ComplianceKey, Credit, Exception, ExceptionState, Key as _, topic};
use stream::snapshot;

use crate::{
    build::{Event, MINUTE, Scan, Source, T0, exception, register, requirement, resource},
    line::{BROKER, Line, Round},
    verdict::{is_the_oracles, judge},
};

/// Accounts, each with an interleaving of its own.
const ACCOUNTS: usize = 120;

const BUCKET: &str = "Test::Bucket";

/// The requirement that every bucket fails.
const FAILED: &str = "R1";

/// When the exceptions that expire do so, and those that begin later begin.
const EXPIRY: i64 = T0 + 20 * MINUTE;

/// What an entry of the risk register becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// It holds for ever.
    Live,
    /// It expires while nothing else happens.
    Expires,
    /// It begins while nothing else happens.
    Begins,
    /// It has expired before.
    Expired,
    /// It is not approved.
    Unapproved,
    /// It is withdrawn.
    Withdrawn,
    /// It is deleted.
    Deleted,
}

/// One account's story: what its entry becomes, and whether step by step the entry or the scan is
/// next.
struct Story {
    account: String,
    entries: [Entry; 3],
    /// True where the entry is next: three of six.
    order: [bool; 6],
}

/// Row 11: accounts go through the interleavings of three changes of an exception and three records
/// of a scan, all at once and step by step; then time alone passes.
pub(crate) fn interleaved(round: &mut Round) -> Result<()> {
    let kafka = Kafka::start_with(BROKER)?;
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 0)?;
    line.start(line.settings("a", 1))?;
    let stories: Vec<Story> = (0..ACCOUNTS).map(|at| draw(&mut line, at)).collect();
    let row = requirement(FAILED, BUCKET, "!r.Public");
    line.add(Event { at_ms: T0, source: Source::Requirement(FAILED.into(), Some(row)) });
    for story in &stories {
        let row = register(&story.account, Some("ann"));
        line.add(Event { at_ms: T0, source: Source::Register(story.account.clone(), Some(row)) });
    }
    for step in 0..6 {
        for story in &stories {
            line.add(Event { at_ms: T0 + 1_000 * (step as i64 + 1), source: story.source(step) });
        }
        line.feed_all()?;
        // Every record of a step is taken before the next step's are there.
        line.quiet()?;
        line.round.tally.faults("step of an interleaving", ACCOUNTS as u64);
    }
    for minute in [10, 30] {
        let minute_ms = T0 + minute * MINUTE;
        line.add(Event { at_ms: minute_ms, source: Source::Tick(minute_ms) });
        line.feed_all()?;
        line.quiet()?;
        credits_are(&line, &stories, minute_ms)?;
        is_the_oracles(&line, &Codec::default())?;
    }
    line.settle()?;
    judge(&mut line)
}

/// Every story's credit follows from its last entry and the time alone, whatever the order was.
fn credits_are(line: &Line<'_>, stories: &[Story], now_ms: i64) -> Result<()> {
    let table = &topic::COMPLIANCE_STATE;
    let rows = snapshot::table(&*line.log, &Codec::default(), &line.prefix, table)?;
    for story in stories {
        let key = ComplianceKey::new(FAILED, &*story.account, "r1", "b", "");
        let found = rows.get(&key).map(|row| row.credit);
        let wanted = match story.entries[2] {
            Entry::Live => Credit::Live,
            Entry::Expires if now_ms < EXPIRY => Credit::Live,
            Entry::Begins if now_ms >= EXPIRY => Credit::Live,
            Entry::Expires | Entry::Begins | Entry::Expired => Credit::Lapsed,
            Entry::Unapproved | Entry::Withdrawn => Credit::Lapsed,
            Entry::Deleted => Credit::None,
        };
        let (entries, order) = (story.entries, story.order);
        ensure!(
            found == Some(wanted),
            "{} at {now_ms}: {found:?}, not {wanted:?}, after {entries:?} in order {order:?}",
            key.encode()
        );
    }
    Ok(())
}

fn draw(line: &mut Line<'_>, at: usize) -> Story {
    use Entry::{Begins, Deleted, Expired, Expires, Live, Unapproved, Withdrawn};
    let random = &mut line.round.random;
    let all = [Live, Expires, Begins, Expired, Unapproved, Withdrawn, Deleted];
    let entries = [(); 3].map(|()| random.pick(&all));
    // The first twenty accounts have each its own of the twenty orders; the others draw one.
    let orders: Vec<u32> = (0_u32..64).filter(|bits| bits.count_ones() == 3).collect();
    let bits = orders.get(at).copied().unwrap_or_else(|| random.pick(&orders));
    let order = std::array::from_fn(|step| bits & (1 << step) != 0);
    Story { account: format!("{:012}", 100_000 + at), entries, order }
}

impl Story {
    fn source(&self, step: usize) -> Source {
        let entry = self.order[step];
        let nth = self.order[..step].iter().filter(|other| **other == entry).count();
        if entry { self.entry(self.entries[nth]) } else { self.scan(nth) }
    }

    fn entry(&self, entry: Entry) -> Source {
        let id = format!("e-{}", self.account);
        let expires = match entry {
            Entry::Expires => Some(EXPIRY),
            Entry::Expired => Some(T0 - MINUTE),
            _ => None,
        };
        let row = Exception {
            accounts: vec![self.account.clone()],
            approved: entry != Entry::Unapproved,
            state: (entry == Entry::Withdrawn).then_some(ExceptionState::Withdrawn),
            starts_ms: (entry == Entry::Begins).then_some(EXPIRY),
            ..exception(&id, FAILED, "b", expires)
        };
        Source::Exception(id, (entry != Entry::Deleted).then_some(row))
    }

    fn scan(&self, nth: usize) -> Source {
        let scan = Scan::new(&self.account, BUCKET, "r1", "scan-1");
        match nth {
            0 => scan.start(),
            1 => scan.see(&resource(&self.account, "r1", BUCKET, "b", r#"{"Public":true}"#)),
            _ => scan.complete(1),
        }
    }
}
