//! The sink: plans what is due, sends what waits, and notes in the log what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemas::topic::{
    ACCOUNT_STATE, COMPLIANCE_CHANGE, COMPLIANCE_STATE, EXCEPTION, MAIL_OUTBOX, REQUIREMENT,
    ROLLUP_STATE, SCORE_HISTORY, SCORE_STATE, TICK, TRUST_STATE,
};
use schemas::{Codec, Key, MailKey, MailState, TopicSpec, partition_of};
use sink_frame::{Encoded, Failure, Limits, Role, Row, Table, Target};
use sink_workbook::{Digest, Past, Subject, Tables, lay_out, render, subjects};
use stream::span::{FAILED, Traced};
use stream::{Log, LogError, Position, Record, snapshot};

use crate::letter::{Attempt, Letter, Report};
use crate::outbox::{self, Change, Outbox};
use crate::post::{Answer, Post};
use crate::wait::Waits;
use crate::{Config, Due, HOUR_MS, Kind, MailError, Roster, roster, schedule, spans};

/// What the sink follows: time. All else it reads when it is due.
const INPUTS: [&TopicSpec; 1] = [TICK.spec];

const OUTPUTS: [&TopicSpec; 1] = [MAIL_OUTBOX.spec];

/// The sink among the processes that share the log.
pub const ROLE: Role =
    Role { name: "sink-mail", inputs: &INPUTS, outputs: &OUTPUTS, pinned: false };

/// What the sink reads besides: the outbox, and what reports are made of.
pub const READ: [&TopicSpec; 10] = [
    MAIL_OUTBOX.spec,
    ACCOUNT_STATE.spec,
    TRUST_STATE.spec,
    COMPLIANCE_STATE.spec,
    COMPLIANCE_CHANGE.spec,
    SCORE_STATE.spec,
    SCORE_HISTORY.spec,
    ROLLUP_STATE.spec,
    REQUIREMENT.spec,
    EXCEPTION.spec,
];

/// Ticks are many, small, and all but the last one are of no interest.
pub const LIMITS: Limits = Limits { records: 100_000, bytes: 16 << 20, linger: Duration::ZERO };

/// How old tables may be that a report is made of, in the log's time: sending takes a while.
const TABLES_AGE_MAX_MS: i64 = 600_000;

/// Where reports that nobody sent since look back to.
const WEEK_MS: i64 = 7 * 24 * HOUR_MS;

/// Where the sink reads and what it is told.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// The log.
    pub log: &'a dyn Log,
    /// How values are read and written.
    pub codec: &'a Codec,
    /// What topics' names begin with.
    pub prefix: &'a str,
    /// What the configuration says of mail.
    pub config: &'a Config,
}

/// Mail as a target of the frame.
pub struct Mail<'a> {
    settings: Settings<'a>,
    outbox: Outbox,
    /// The last tick.
    at_ms: Option<i64>,
    /// Whether ticks may have come that this process did not read: before its start, or while it
    /// waited for something.
    is_stale: bool,
    /// The slots whose reports are planned, of each kind; none when that has to be looked at.
    planned: Option<Vec<Option<i64>>>,
    /// The last tick at which they were looked at.
    looked_at: Option<i64>,
    edition: Option<Edition>,
    post: Post<'a>,
    /// What the server was offered and the log says is being sent.
    offered: Option<(MailKey, Letter, Traced)>,
    waits: Waits,
    effects: BTreeMap<&'static str, u64>,
}

/// A row of the outbox.
type OutboxRow = Row<MailKey, MailState>;

impl<'a> Mail<'a> {
    /// Makes the target; nothing is read and no connection made yet.
    pub fn new(settings: Settings<'a>) -> Self {
        Self {
            settings,
            outbox: Outbox::default(),
            at_ms: None,
            is_stale: true,
            planned: None,
            looked_at: None,
            edition: None,
            post: Post::new(settings.config),
            offered: None,
            waits: Waits::default(),
            effects: BTreeMap::new(),
        }
    }

    fn partition(&self, key: &MailKey) -> i32 {
        partition_of(&key.partition_key(), self.settings.log.partitions())
    }

    /// Reads the time anew where ticks may have passed.
    fn look_at_the_clock(&mut self) -> Result<(), LogError> {
        if self.is_stale {
            let Settings { log, codec, prefix, .. } = self.settings;
            self.at_ms = self.at_ms.max(sink_workbook::last_tick(log, codec, prefix)?);
            self.is_stale = false;
        }
        Ok(())
    }

    /// Says what to write for reports that are due since the last look.
    fn plan(&mut self, at_ms: i64, owned: &BTreeSet<i32>) -> Result<Vec<Change>, Failure> {
        if self.looked_at == Some(at_ms) && self.planned.is_some() {
            return Ok(Vec::new());
        }
        let config = self.settings.config;
        let kinds = [Kind::Enterprise, Kind::Payer, Kind::Owner];
        let newest = |kind: Kind| kind.schedule(config).and_then(|one| one.newest(at_ms));
        let slots: Vec<Option<i64>> = kinds.into_iter().map(newest).collect();
        let mut changes = Vec::new();
        if self.planned.as_ref() != Some(&slots) {
            let Settings { log, codec, prefix, .. } = self.settings;
            let accounts = snapshot::table(log, codec, prefix, &ACCOUNT_STATE)?;
            let roster = Roster::of(config, &Tables { accounts, ..Tables::default() });
            if !roster.skipped.is_empty() {
                let reports = roster.skipped.len();
                tracing::warn!(reports, "nobody gets these: `scorecard mail plan` says which");
            }
            let mut due = roster.due(config, at_ms);
            due.retain(|one: &Due| owned.contains(&self.partition(&one.key)));
            changes = self.outbox.plan(&due, at_ms);
        }
        (self.planned, self.looked_at) = (Some(slots), Some(at_ms));
        Ok(changes)
    }

    /// Goes on with the first message that may be tried now: gives what is to be noted of it.
    fn send_next(&mut self, at_ms: i64) -> Result<Option<Change>, Failure> {
        let waiting: Vec<MailKey> = self.outbox.waiting().into_iter().cloned().collect();
        let Some(key) = waiting.iter().find(|key| self.waits.left(key).is_zero()) else {
            self.edition = None;
            return self.put_off_all(&waiting);
        };
        let state = self.outbox.rows()[key].clone();
        let size_max = self.post.connect().map_err(|error| self.broken(error))?;
        let Some(letter) = self.letter(key, &state, size_max, at_ms)? else {
            let why = "there are no such accounts any more";
            return Ok(Some((key.clone(), Some(outbox::failed(&state, why, at_ms)))));
        };
        let is_new = self.outbox.last_told(key) != Some(&*letter.content);
        if self.settings.config.only_if_changed && !is_new && state.uncertain == 0 {
            return Ok(Some((key.clone(), Some(outbox::unchanged(&state, at_ms)))));
        }
        let traced = spans::delivery(key, &state, letter.bytes.len());
        let offered = traced.span().in_scope(|| self.post.offer(&letter.from, &letter.to));
        let next = match offered {
            Err(error) => {
                traced.end(FAILED);
                return Err(self.broken(error));
            }
            Ok(Some(answer)) => self.answered(key, &state, answer, at_ms, traced),
            Ok(None) => {
                let sending = outbox::sending(&state, &letter.message_id, &letter.content, at_ms);
                self.offered = Some((key.clone(), letter, traced));
                sending
            }
        };
        Ok(Some((key.clone(), Some(next))))
    }

    /// All messages that there are wait for another try; none when there are none.
    fn put_off_all(&mut self, waiting: &[MailKey]) -> Result<Option<Change>, Failure> {
        let Some(next) = waiting.iter().min_by_key(|key| self.waits.left(key)) else {
            self.post.hang_up();
            return Ok(None);
        };
        let answer = self.outbox.rows()[next].answer.clone().unwrap_or_default();
        let error = MailError::PutOff { count: waiting.len(), answer };
        self.is_stale = true;
        Err(Failure::Again { error: error.into(), after: Some(self.waits.left(next)) })
    }

    /// Writes a message's letter; none when its subject is gone.
    fn letter(
        &mut self,
        key: &MailKey,
        state: &MailState,
        size_max: Option<usize>,
        at_ms: i64,
    ) -> Result<Option<Letter>, Failure> {
        let Settings { log, codec, prefix, config } = self.settings;
        let is_fresh = |one: &Edition| at_ms - one.tables.at_ms <= TABLES_AGE_MAX_MS;
        let mut edition = match self.edition.take().filter(is_fresh) {
            Some(edition) => edition,
            None => Edition::read(log, codec, prefix)?,
        };
        let made = (|| {
            let subject = roster::subject(key).filter(|subject| edition.has(subject));
            let (Some(subject), Ok(recipient)) = (subject, key.recipient.parse()) else {
                return Ok(None);
            };
            let slot_ms = schedule::slot_of(&key.period).unwrap_or(at_ms);
            let (digest, workbook) = edition.report(self.settings, &subject, slot_ms)?;
            let attempt = Attempt { number: state.attempts + 1, may_repeat: state.uncertain > 0 };
            let message_id = &state.message_id;
            let (digest, workbook, recipient) = (&digest, &workbook, &recipient);
            let report = Report { digest, workbook, recipient, slot_ms, attempt, message_id };
            Letter::write(config, &report, attach_max(size_max)).map(Some)
        })();
        self.edition = Some(edition);
        made.map_err(|error: MailError| self.broken(error))
    }

    /// Says how a message goes on after an answer of the server.
    fn answered(
        &mut self,
        key: &MailKey,
        state: &MailState,
        answer: Answer,
        at_ms: i64,
        traced: Traced,
    ) -> MailState {
        let (word, next) = match answer {
            Answer::Taken(said) => ("sent", outbox::sent(state, &said, at_ms)),
            Answer::Refused(said) => ("failed", outbox::failed(state, &said, at_ms)),
            Answer::PutOff(said) => ("put off", outbox::put_off(state, &said, at_ms)),
            Answer::Lost(said) => ("lost", outbox::lost(state, &said, at_ms)),
        };
        *self.effects.entry(word).or_default() += 1;
        if matches!(word, "put off" | "lost") {
            self.waits.put_off(key);
        } else {
            self.waits.forget(key);
        }
        if word != "sent" {
            let (message, answer) = (key.encode(), next.answer.as_deref().unwrap_or_default());
            let _within = traced.span().enter();
            tracing::warn!(message, status = %next.status, answer, "a message was not taken");
        }
        traced.end(word);
        next
    }

    /// What stands in the way of all messages.
    fn broken(&mut self, error: MailError) -> Failure {
        self.is_stale = true;
        error.into()
    }

    /// Remembers changes, and makes them rows that are to be noted in the log.
    fn noted(&mut self, changes: Vec<Change>) -> Vec<OutboxRow> {
        let at_ms = self.at_ms.unwrap_or_default();
        for (key, state) in changes.iter().cloned() {
            self.outbox.apply(key, state);
        }
        let row = |(key, value): Change| {
            let attempts = value.as_ref().map_or(0, |state| state.attempts);
            let status = value.as_ref().map_or("forgotten", |state| state.status.as_str());
            let id = format!("{}/{attempts}/{status}", key.encode());
            Row { key, value, id, at_ms }
        };
        changes.into_iter().map(row).collect()
    }

    /// Reads the outbox of these partitions.
    fn read(&mut self, partitions: &BTreeSet<i32>) -> Result<(), Failure> {
        let Settings { log, codec, prefix, .. } = self.settings;
        let rows = snapshot::table(log, codec, prefix, &MAIL_OUTBOX)?;
        self.forget(partitions);
        for (key, state) in rows {
            if partitions.contains(&self.partition(&key)) {
                self.outbox.apply(key, Some(state));
            }
        }
        Ok(())
    }

    /// Drops what is known of partitions, and what was about to be sent.
    fn forget(&mut self, partitions: &BTreeSet<i32>) {
        let count = self.settings.log.partitions();
        let of = |key: &MailKey| partition_of(&key.partition_key(), count);
        self.outbox.retain(|key| !partitions.contains(&of(key)));
        if self.offered.take().is_some() {
            self.post.hang_up();
        }
        self.planned = None;
    }
}

impl<'a> Target for Mail<'a> {
    type Item = OutboxRow;
    type Courier = Table<'a, MailKey, MailState>;

    fn courier(&self) -> Self::Courier {
        let Settings { log, codec, prefix, .. } = self.settings;
        let (partitions, source) = (log.partitions(), "/scorecard/sink/mail");
        Table { topic: &MAIL_OUTBOX, codec, prefix, partitions, source }
    }

    fn assigned(&mut self, positions: &[Position]) -> Result<(), Failure> {
        self.read(&positions.iter().map(|position| position.partition).collect())
    }

    fn revoked(&mut self, partitions: &[i32]) {
        self.forget(&partitions.iter().copied().collect());
    }

    /// Takes ticks: a tick's record has the minute as its time.
    fn encode(&mut self, records: &[Record]) -> Result<Encoded<OutboxRow>, Failure> {
        let mut encoded = Encoded::default();
        for (index, record) in records.iter().enumerate() {
            self.at_ms = self.at_ms.max(Some(record.timestamp_ms));
            encoded.skipped(index);
        }
        Ok(encoded)
    }

    /// Hands over the text that the log says is being sent.
    fn follow_up(&mut self) -> Result<Option<Vec<OutboxRow>>, Failure> {
        let (Some((key, letter, traced)), Some(at_ms)) = (self.offered.take(), self.at_ms) else {
            return Ok(None);
        };
        let answer = traced.span().in_scope(|| self.post.hand(&letter.bytes));
        let state = self.outbox.rows()[&key].clone();
        let next = self.answered(&key, &state, answer, at_ms, traced);
        Ok(Some(self.noted(vec![(key, Some(next))])))
    }

    fn chores(&mut self, owned: &BTreeSet<i32>) -> Result<Option<Vec<OutboxRow>>, Failure> {
        self.look_at_the_clock()?;
        let Some(at_ms) = self.at_ms else { return Ok(None) };
        let mut changes = self.plan(at_ms, owned)?;
        if changes.is_empty() {
            changes = self.outbox.interrupted(at_ms);
        }
        if changes.is_empty() {
            changes.extend(self.send_next(at_ms)?);
        }
        Ok((!changes.is_empty()).then(|| self.noted(changes)))
    }

    fn effects(&self) -> Vec<(&'static str, u64)> {
        self.effects.iter().map(|(word, count)| (*word, *count)).collect()
    }
}

/// Gives the largest workbook that fits in a message that a server takes: base64 and line breaks
/// add three eighths, and the rest of a message needs its place.
fn attach_max(size_max: Option<usize>) -> usize {
    const REST: usize = 300_000;
    size_max.map_or(usize::MAX, |size| size.saturating_sub(REST) / 11 * 8)
}

/// The tables of one time, and what reports of each kind look back to.
pub struct Edition {
    tables: Tables,
    subjects: BTreeSet<Subject>,
    pasts: BTreeMap<(Kind, i64), Past>,
}

impl Edition {
    /// Reads the tables as they are now.
    ///
    /// # Errors
    /// When the log can't be reached or holds what can't be decoded.
    pub fn read(log: &dyn Log, codec: &Codec, prefix: &str) -> Result<Self, LogError> {
        let tables = Tables::read(log, codec, prefix)?;
        let subjects = subjects(&tables).into_iter().collect();
        Ok(Self { tables, subjects, pasts: BTreeMap::new() })
    }

    /// Gives the tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Tells whether there are accounts of a subject.
    pub fn has(&self, subject: &Subject) -> bool {
        self.subjects.contains(subject)
    }

    /// Makes a subject's figures, with what changed since the slot before, and its workbook.
    ///
    /// # Errors
    /// When the log can't be read, or the workbook not be made.
    pub fn report(
        &mut self,
        settings: Settings<'_>,
        subject: &Subject,
        slot_ms: i64,
    ) -> Result<(Digest, Vec<u8>), MailError> {
        let Settings { log, codec, prefix, config } = settings;
        let (kind, tables) = (Kind::of(subject), &self.tables);
        let past = match self.pasts.entry((kind, slot_ms)) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let before = kind.schedule(config).and_then(|one| one.before(slot_ms));
                let since_ms = before.unwrap_or(slot_ms - WEEK_MS);
                place.insert(Past::read(log, codec, prefix, tables, since_ms)?)
            }
        };
        let limits = sink_workbook::Limits::default();
        let digest = sink_workbook::digest(tables, past, subject, &limits);
        Ok((digest, render(&lay_out(tables, past, subject))?))
    }
}
