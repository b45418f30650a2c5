//! The sink: notes alerts in their table, and tells what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::{Address, Message as Letter};
use schemas::topic::{ACCOUNT_STATE, ALERT_STATE, SCORE_HISTORY, TICK, TRUST_STATE};
use schemas::{
    AccountKey, AlertKey, AlertState, Codec, Key, ScoreKey, ScoreState, TopicSpec, TrustKey,
    TrustState, partition_of,
};
use sink_frame::{Encoded, Failure, Limits, Role, Row, Table, Target, chain};
use sink_mail::{Answer as Said, Post};
use stream::{Log, LogError, Position, Record, snapshot};

use crate::message::{Due, Message};
use crate::watch::{Change, HOUR_MS, told};
use crate::webhook::{Answer, Hook};
use crate::{Config, Watch};

/// What the sink follows.
const INPUTS: [&TopicSpec; 3] = [TICK.spec, TRUST_STATE.spec, SCORE_HISTORY.spec];

const OUTPUTS: [&TopicSpec; 1] = [ALERT_STATE.spec];

/// The sink among the processes that share the log.
pub const ROLE: Role =
    Role { name: "sink-alert", inputs: &INPUTS, outputs: &OUTPUTS, pinned: false };

/// What the sink reads besides: what it noted, and names of accounts.
pub const READ: [&TopicSpec; 2] = [ALERT_STATE.spec, ACCOUNT_STATE.spec];

/// How large batches are.
pub const LIMITS: Limits = Limits { records: 10_000, bytes: 16 << 20, linger: Duration::ZERO };

/// How far back cuts are read at a start: the last one is an hour old at most.
const LOOK_BACK_MS: i64 = 3 * HOUR_MS;

/// Where the sink reads and what it is told.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// The log.
    pub log: &'a dyn Log,
    /// How values are read and written.
    pub codec: &'a Codec,
    /// What topics' names begin with.
    pub prefix: &'a str,
    /// What the configuration says of alerts.
    pub config: &'a Config,
    /// The mail server; none where nobody is told by mail.
    pub mail: Option<&'a sink_mail::Config>,
}

/// Alerts as a target of the frame.
pub struct Alerts<'a> {
    settings: Settings<'a>,
    watch: Watch,
    /// The last tick.
    at_ms: Option<i64>,
    hook: Option<Hook<'a>>,
    post: Option<Post<'a>>,
    /// Whom the message of this id was brought to already.
    reached: (String, BTreeSet<String>),
    effects: BTreeMap<&'static str, u64>,
}

/// A row of the table.
type AlertRow = Row<AlertKey, AlertState>;

/// What a record says.
enum Seen {
    Tick,
    Trust(TrustKey, Option<TrustState>),
    Cut(ScoreKey, Option<ScoreState>),
}

/// Why a record can't be used.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("the key is not one of its topic")]
    Key,
    #[error("the value can't be read")]
    Value(#[from] schemas::AvroError),
}

impl<'a> Alerts<'a> {
    /// Makes the target; nothing is read and no connection made yet.
    ///
    /// # Errors
    /// When the certificates of the webhook's authority can't be read.
    pub fn new(settings: Settings<'a>) -> Result<Self, LogError> {
        let hook = settings.config.webhook.as_ref().map(Hook::new).transpose()?;
        Ok(Self {
            settings,
            watch: Watch::default(),
            at_ms: None,
            hook,
            post: settings.mail.map(Post::new),
            reached: (String::new(), BTreeSet::new()),
            effects: BTreeMap::new(),
        })
    }

    fn partition(&self, account: &str) -> i32 {
        partition_of(&AccountKey::new(account).partition_key(), self.settings.log.partitions())
    }

    /// Forgets what is known of partitions.
    fn forget(&mut self, partitions: &[i32]) {
        let count = self.settings.log.partitions();
        let of = |account: &str| partition_of(&AccountKey::new(account).partition_key(), count);
        self.watch.retain(|account| !partitions.contains(&of(account)));
    }

    /// Reads the cuts before these positions, as far as the next ones are compared with them.
    fn look_back(&mut self, positions: &[Position]) -> Result<(), Failure> {
        let Settings { log, codec, prefix, config, .. } = self.settings;
        let Some(tick_ms) = sink_workbook::last_tick(log, codec, prefix)? else { return Ok(()) };
        let to: Vec<Position> = positions
            .iter()
            .filter(|at| at.topic.name == SCORE_HISTORY.spec.name)
            .copied()
            .collect();
        let mut from = log.begins(&[SCORE_HISTORY.spec], tick_ms - LOOK_BACK_MS)?;
        from.retain(|begin| to.iter().any(|end| end.partition == begin.partition));
        let watch = &mut self.watch;
        snapshot::between::<Failure>(log, &from, &to, |records| {
            for record in &records {
                // What can't be read is a dead letter already.
                if let Ok(Seen::Cut(key, row)) = seen(record, codec) {
                    watch.cut(config, &key, row.as_ref(), record.timestamp_ms);
                }
            }
            Ok(())
        })
    }

    /// Remembers changes, and makes them rows that are to be noted in the log.
    fn noted(&mut self, changes: Vec<Change>) -> Vec<AlertRow> {
        let at_ms = self.at_ms.unwrap_or_default();
        changes.iter().for_each(|change| self.watch.apply(change.clone()));
        let row = |(key, value): Change| {
            let since_ms = value.as_ref().map_or(0, |state| state.since_ms);
            let id = format!("{}/{since_ms}", key.encode());
            Row { key, value, id, at_ms }
        };
        changes.into_iter().map(row).collect()
    }

    /// Tells alerts to everybody who is to hear of them.
    fn tell(&mut self, due: &[Change], now_ms: i64) -> Result<(), Failure> {
        let Settings { log, codec, prefix, config, .. } = self.settings;
        let accounts = snapshot::table(log, codec, prefix, &ACCOUNT_STATE)?;
        let due: Vec<Due<'_>> = due
            .iter()
            .filter_map(|(key, state)| {
                let account = accounts.get(&AccountKey::new(&*key.account));
                Some(Due { key, state: state.as_ref()?, account })
            })
            .collect();
        let message = Message::about(&format!("/{prefix}/alerts"), &due, now_ms);
        if self.reached.0 != message.id {
            self.reached = (message.id.clone(), BTreeSet::new());
        }
        if let Some(hook) = &self.hook
            && !self.reached.1.contains("webhook")
        {
            match hook.post(&message.events)? {
                Answer::Taken => self.count("posted"),
                Answer::Refused(said) => self.refused("the webhook", &said),
            }
            self.reached.1.insert("webhook".to_owned());
        }
        for recipient in &config.recipients {
            self.mail(recipient, &message, now_ms)?;
        }
        Ok(())
    }

    /// Sends a message to one address, unless it has it already.
    fn mail(&mut self, recipient: &Address, message: &Message, now_ms: i64) -> Result<(), Failure> {
        let name = recipient.to_string();
        let (Some(mail), false) = (self.settings.mail, self.reached.1.contains(&name)) else {
            return Ok(());
        };
        let Some(to) = mail.envelope(recipient) else {
            self.refused(&name, "its domain is not among allowed_domains");
            self.reached.1.insert(name);
            return Ok(());
        };
        let letter = letter(mail, &to, message, now_ms).map_err(Failure::stop)?;
        let Some(post) = &mut self.post else { return Ok(()) };
        post.connect()?;
        let answer = match post.offer(&mail.from.email, &to)? {
            Some(answer) => answer,
            None => post.hand(&letter.formatted()),
        };
        match answer {
            Said::Taken(_) => self.count("mailed"),
            Said::Refused(said) => self.refused(&name, &said),
            Said::PutOff(said) | Said::Lost(said) => {
                return Err(Failure::again(format!("mailing alerts to {name}: {said}")));
            }
        }
        self.reached.1.insert(name);
        Ok(())
    }

    fn count(&mut self, word: &'static str) {
        *self.effects.entry(word).or_default() += 1;
    }

    /// Who refuses for good is not asked again.
    fn refused(&mut self, who: &str, said: &str) {
        tracing::error!(who, said, "alerts were refused: they are in the table alert.state");
        self.count("refused");
    }
}

/// Writes the mail: text alone, which every mail program and pager shows.
fn letter(
    mail: &sink_mail::Config,
    to: &Address,
    message: &Message,
    now_ms: i64,
) -> Result<Letter, lettre::error::Error> {
    let at = Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
    let id = format!("<{}@{}>", message.id, mail.from.email.domain());
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    Letter::builder()
        .from(mail.from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(format!("Alert: {}", message.subject))
        .date(SystemTime::UNIX_EPOCH + at)
        .message_id(Some(id))
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .singlepart(
            SinglePart::builder().header(ContentType::TEXT_PLAIN).body(message.text.clone()),
        )
}

fn seen(record: &Record, codec: &Codec) -> Result<Seen, Unfit> {
    let key = std::str::from_utf8(&record.key).map_err(|_| Unfit::Key)?;
    let value = record.value.as_deref();
    Ok(match record.topic.name {
        name if name == TRUST_STATE.spec.name => {
            let key = Key::decode(key).ok_or(Unfit::Key)?;
            Seen::Trust(key, value.map(|bytes| codec.decode(bytes)).transpose()?)
        }
        name if name == SCORE_HISTORY.spec.name => {
            let key = Key::decode(key).ok_or(Unfit::Key)?;
            Seen::Cut(key, value.map(|bytes| codec.decode(bytes)).transpose()?)
        }
        _ => Seen::Tick,
    })
}

impl<'a> Target for Alerts<'a> {
    type Item = AlertRow;
    type Courier = Table<'a, AlertKey, AlertState>;

    fn courier(&self) -> Self::Courier {
        let Settings { log, codec, prefix, .. } = self.settings;
        let (partitions, source) = (log.partitions(), "/scorecard/sink/alert");
        Table { topic: &ALERT_STATE, codec, prefix, partitions, source }
    }

    fn assigned(&mut self, positions: &[Position]) -> Result<(), Failure> {
        let partitions: Vec<i32> = positions.iter().map(|position| position.partition).collect();
        self.forget(&partitions);
        let Settings { log, codec, prefix, .. } = self.settings;
        let rows = snapshot::table(log, codec, prefix, &ALERT_STATE)?;
        let own =
            rows.into_iter().filter(|(key, _)| partitions.contains(&self.partition(&key.account)));
        let own: Vec<(AlertKey, _)> = own.collect();
        own.into_iter().for_each(|(key, state)| self.watch.apply((key, Some(state))));
        self.look_back(positions)
    }

    fn revoked(&mut self, partitions: &[i32]) {
        self.forget(partitions);
    }

    fn encode(&mut self, records: &[Record]) -> Result<Encoded<AlertRow>, Failure> {
        let codec = self.settings.codec;
        let all: Vec<_> = records.iter().map(|record| seen(record, codec)).collect();
        // Nothing is remembered before it is sure that nothing is tried again.
        let passes = |error: &Unfit| matches!(error, Unfit::Value(error) if error.is_transient());
        if let Some(Err(error)) = all.iter().find(|one| one.as_ref().is_err_and(passes)) {
            return Err(Failure::again(chain(error)));
        }
        let mut encoded = Encoded::default();
        for (index, (record, seen)) in records.iter().zip(all).enumerate() {
            let at_ms = record.timestamp_ms;
            let changes = match seen {
                Err(error) => {
                    encoded.dead(index, chain(&error));
                    continue;
                }
                Ok(Seen::Tick) => {
                    self.at_ms = self.at_ms.max(Some(at_ms));
                    Vec::new()
                }
                Ok(Seen::Trust(key, row)) => self.watch.trust(&key, row.as_ref(), at_ms),
                Ok(Seen::Cut(key, row)) => {
                    self.watch.cut(self.settings.config, &key, row.as_ref(), at_ms)
                }
            };
            if changes.is_empty() {
                encoded.skipped(index);
            }
            for row in self.noted(changes) {
                encoded.item(index, row);
            }
        }
        Ok(encoded)
    }

    /// Tells what is due, once everything is read that could take it back.
    fn chores(&mut self, _: &BTreeSet<i32>) -> Result<Option<Vec<AlertRow>>, Failure> {
        let Some(now_ms) = self.at_ms else { return Ok(None) };
        let (due, late) = self.watch.due(self.settings.config, now_ms);
        if due.is_empty() && late.is_empty() || !self.watch.may_tell(self.settings.config, now_ms) {
            return Ok(None);
        }
        if !due.is_empty() {
            self.tell(&due, now_ms)?;
        }
        *self.effects.entry("told").or_default() += due.len() as u64;
        Ok(Some(self.noted(told([due, late].concat(), now_ms))))
    }

    fn effects(&self) -> Vec<(&'static str, u64)> {
        self.effects.iter().map(|(word, count)| (*word, *count)).collect()
    }
}
