//! The work of every contender: findings, exceptions that come, expire and go, and time.
//!
//! A workload follows from its seed. It knows no contender: `ours` and `peer` write its events as
//! the records that their side reads.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::random::{Random, Zipf, coprime, scatter};

/// A minute in milliseconds.
pub(crate) const MINUTE_MS: i64 = 60_000;

/// Flips for each change of an exception.
const FLIPS_PER_EXCEPTION: u64 = 200;

/// Live exceptions, at most; fewer where there are few keys.
const EXCEPTIONS_MAX: u64 = 3_000;

/// How many keys there are, and how they divide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Accounts.
    pub(crate) accounts: u32,
    /// Checks, each of one requirement.
    pub(crate) checks: u16,
    /// Resources of each account under each check.
    pub(crate) resources: u32,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Subject {
    pub(crate) account: u32,
    pub(crate) check: u16,
    pub(crate) resource: u32,
}

/// Something that happens at a time, in UTC milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at_ms: i64,
    pub(crate) what: What,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A scanner found a resource in order, or not.
    Found { subject: Subject, fails: bool },
    /// All resources of an account have been told of for the first time.
    Loaded { account: u32 },
    /// A risk was accepted, until a full minute if it ends by itself.
    Excepted { id: u32, subject: Subject, expires_ms: Option<i64> },
    /// That was taken back.
    Withdrawn { id: u32, subject: Subject },
    /// A minute began.
    Tick { minute_ms: i64 },
    /// That minute ended an exception.
    Expired { subject: Subject },
}

impl What {
    /// Tells whether it is a record on every side: the figures count these.
    pub(crate) fn counts(&self) -> bool {
        !matches!(self, Self::Loaded { .. } | Self::Tick { .. })
    }
}

impl Shape {
    pub(crate) fn keys(&self) -> u64 {
        u64::from(self.accounts) * self.keys_per_account()
    }

    fn keys_per_account(&self) -> u64 {
        u64::from(self.checks) * u64::from(self.resources)
    }

    /// Gives the number of counts: of each requirement in each account.
    pub(crate) fn pairs(&self) -> usize {
        self.accounts as usize * usize::from(self.checks)
    }

    /// Gives a key's number.
    pub(crate) fn index(&self, subject: Subject) -> usize {
        self.pair(subject.account, subject.check) * self.resources as usize
            + subject.resource as usize
    }

    /// Gives the number of a requirement in an account.
    pub(crate) fn pair(&self, account: u32, check: u16) -> usize {
        account as usize * usize::from(self.checks) + usize::from(check)
    }

    pub(crate) fn subject(&self, key: u64) -> Subject {
        let (pair, resource) = (key / u64::from(self.resources), key % u64::from(self.resources));
        let (account, check) = (pair / u64::from(self.checks), pair % u64::from(self.checks));
        Subject {
            account: u32::try_from(account).expect("there are as many accounts as fit"),
            check: u16::try_from(check).expect("it is below the number of checks"),
            resource: u32::try_from(resource).expect("it is below the number of resources"),
        }
    }
}

/// Takes events.
pub(crate) type Sink<'s> = dyn FnMut(&Event) -> Result<()> + 's;

/// The generator and where it stands.
pub(crate) struct Workload {
    pub(crate) shape: Shape,
    random: Random,
    zipf: Zipf,
    fails: Vec<bool>,
    live: BTreeMap<u32, (Subject, Option<i64>)>,
    excepted: BTreeSet<Subject>,
    next_id: u32,
    minute_ms: i64,
    turns: u64,
}

impl Workload {
    pub(crate) fn new(shape: Shape, seed: u64) -> Self {
        let mut random = Random::new(seed);
        // Three of ten fail at first.
        let fails = (0..shape.keys()).map(|_| random.below(10) < 3).collect();
        Self {
            shape,
            random,
            zipf: Zipf::new(shape.keys()),
            fails,
            live: BTreeMap::new(),
            excepted: BTreeSet::new(),
            next_id: 1,
            minute_ms: 0,
            turns: 0,
        }
    }

    /// Tells of every key once, account by account, and accepts the first risks.
    pub(crate) fn load(&mut self, at_ms: i64, sink: &mut Sink<'_>) -> Result<()> {
        self.pass(at_ms, sink)?;
        for key in 0..self.shape.keys() {
            let subject = self.shape.subject(key);
            let fails = self.fails[self.shape.index(subject)];
            sink(&Event { at_ms, what: What::Found { subject, fails } })?;
            if (key + 1).is_multiple_of(self.shape.keys_per_account()) {
                sink(&Event { at_ms, what: What::Loaded { account: subject.account } })?;
            }
        }
        for _ in 0..self.exceptions() {
            self.accept(at_ms, sink)?;
        }
        Ok(())
    }

    /// Flips keys by Zipf's law, with what happens to exceptions, evenly over a span of time.
    pub(crate) fn flips(
        &mut self,
        count: u64,
        (from_ms, to_ms): (i64, i64),
        sink: &mut Sink<'_>,
    ) -> Result<()> {
        for number in 0..count {
            let share = (to_ms - from_ms) as f64 * (number as f64 / count as f64);
            let at_ms = from_ms + share as i64;
            self.pass(at_ms, sink)?;
            // The last events are flips, so that nothing is left to do after the last count.
            if number + 100 < count {
                self.except(at_ms, sink)?;
            }
            let key = self.zipf.draw(&mut self.random);
            self.flip(self.shape.subject(key), at_ms, sink)?;
        }
        Ok(())
    }

    /// Flips one key so that each count gets its turn before any gets the next: no two flips of a
    /// count fall together, so each is seen. Time passes before it.
    pub(crate) fn flip_in_turn(&mut self, at_ms: i64, sink: &mut Sink<'_>) -> Result<Subject> {
        self.pass(at_ms, sink)?;
        self.except(at_ms, sink)?;
        let pairs = self.shape.pairs() as u64;
        let pair = scatter(self.turns % pairs, coprime(pairs), pairs);
        self.turns += 1;
        let resources = u64::from(self.shape.resources);
        let subject = self.shape.subject(pair * resources + self.random.below(resources));
        self.flip(subject, at_ms, sink)?;
        Ok(subject)
    }

    /// Flips one key.
    pub(crate) fn flip(&mut self, subject: Subject, at_ms: i64, sink: &mut Sink<'_>) -> Result<()> {
        let fails = &mut self.fails[self.shape.index(subject)];
        *fails = !*fails;
        sink(&Event { at_ms, what: What::Found { subject, fails: *fails } })
    }

    fn exceptions(&self) -> u64 {
        (self.shape.keys() / 100).clamp(1, EXCEPTIONS_MAX)
    }

    /// Lets the minutes pass up to a time, and what they end.
    fn pass(&mut self, at_ms: i64, sink: &mut Sink<'_>) -> Result<()> {
        let minute_ms = at_ms - at_ms.rem_euclid(MINUTE_MS);
        if minute_ms <= self.minute_ms {
            return Ok(());
        }
        self.minute_ms = minute_ms;
        sink(&Event { at_ms: minute_ms, what: What::Tick { minute_ms } })?;
        let is_due = |at_ms: Option<i64>| at_ms.is_some_and(|at_ms| at_ms <= minute_ms);
        let due: Vec<u32> =
            self.live.iter().filter(|(_, row)| is_due(row.1)).map(|(id, _)| *id).collect();
        for id in due {
            let (subject, _) = self.live.remove(&id).expect("it was found there");
            self.excepted.remove(&subject);
            sink(&Event { at_ms: minute_ms, what: What::Expired { subject } })?;
        }
        Ok(())
    }

    /// Now and then accepts a risk, or takes that back where there are enough of them.
    fn except(&mut self, at_ms: i64, sink: &mut Sink<'_>) -> Result<()> {
        if self.random.below(FLIPS_PER_EXCEPTION) > 0 {
            return Ok(());
        }
        if (self.live.len() as u64) < self.exceptions() {
            return self.accept(at_ms, sink);
        }
        let from = u32::try_from(self.random.below(u64::from(self.next_id))).unwrap_or_default();
        let after = self.live.range(from..).next().or(self.live.iter().next());
        let Some((&id, &(subject, _))) = after else { return Ok(()) };
        self.live.remove(&id);
        self.excepted.remove(&subject);
        sink(&Event { at_ms, what: What::Withdrawn { id, subject } })
    }

    fn accept(&mut self, at_ms: i64, sink: &mut Sink<'_>) -> Result<()> {
        let subject = loop {
            let subject = self.shape.subject(self.random.below(self.shape.keys()));
            if self.excepted.insert(subject) {
                break subject;
            }
        };
        let minutes = i64::try_from(1 + self.random.below(5)).expect("it is small");
        let ends = self.random.below(2) == 0;
        let expires_ms = ends.then_some(self.minute_ms + minutes * MINUTE_MS);
        let id = self.next_id;
        self.next_id += 1;
        self.live.insert(id, (subject, expires_ms));
        sink(&Event { at_ms, what: What::Excepted { id, subject, expires_ms } })
    }
}
