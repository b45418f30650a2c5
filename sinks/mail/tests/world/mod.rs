//! A log with accounts and time, and the sink with a mail server of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kit::mailpit::Mailpit;
use schemas::topic::{ACCOUNT_STATE, MAIL_OUTBOX, SCORE_STATE, TICK};
use schemas::{
    AccountKey, AccountState, Codec, Key, MailState, MailStatus, ScoreKey, ScoreState, ScoreStatus,
    Tick, TickKey,
};
use serde_json::Value;
use sink_frame::{Frame, Progress};
use sink_mail::{Config, LIMITS, Mail, ROLE, Settings};
use stream::worker::Stop;
use stream::{Log, Publisher, snapshot};

pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// 2025-12-01T07:00:00Z, a Monday: eight o'clock in Berlin. Kafka takes no records of the future.
pub(crate) const MONDAY_MS: i64 = 1_764_572_400_000;

pub(crate) const PREFIX: &str = "test";

/// Owners each of whom has two accounts.
pub(crate) fn owners(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("owner{number}@example.com")).collect()
}

/// Everything that a run needs besides its log.
pub(crate) struct World<'a> {
    pub(crate) log: &'a dyn Log,
    pub(crate) codec: Codec,
}

impl<'a> World<'a> {
    /// Makes a world over a log with topics.
    pub(crate) fn new(log: &'a dyn Log) -> Self {
        Self { log, codec: Codec::default() }
    }

    fn publisher(&self) -> Result<Publisher> {
        Ok(Publisher::open(self.log, &self.codec, PREFIX, "test")?)
    }

    /// Writes two accounts for each owner, with so many failures of a hundred in each.
    pub(crate) fn accounts(&self, owners: &[String], failing: i64) -> Result<()> {
        let mut publisher = self.publisher()?;
        for (number, owner) in owners.iter().enumerate() {
            for twin in 0..2 {
                let id = format!("{:012}", 100 + 2 * number + twin);
                let state = AccountState {
                    account: id.clone(),
                    name: format!("account {id}"),
                    payer: "111111111111".to_owned(),
                    owner: Some(owner.clone()),
                    listed: true,
                    ..AccountState::default()
                };
                publisher.put(&ACCOUNT_STATE, &AccountKey::new(&id), &state, MONDAY_MS)?;
                let score = 1_000_000_000 - failing * 10_000_000;
                let state = ScoreState {
                    status: ScoreStatus::Scored,
                    score: Some(score),
                    weight: 1,
                    weighted_score: score,
                    total: 100,
                    noncompliant: failing,
                    scopes: 1,
                    scopes_collected: 1,
                    ..ScoreState::default()
                };
                publisher.put(&SCORE_STATE, &ScoreKey::new(&id, "*"), &state, MONDAY_MS)?;
            }
        }
        Ok(publisher.flush()?)
    }

    /// Writes one tick.
    pub(crate) fn tick(&self, minute_ms: i64) -> Result<()> {
        let mut publisher = self.publisher()?;
        publisher.put(&TICK, &TickKey { minute_ms }, &Tick { minute_ms }, minute_ms)?;
        Ok(publisher.flush()?)
    }

    /// Runs the sink to where nothing is left to do, or until patience ends.
    pub(crate) fn run(&self, config: &Config, patience: Duration) -> Result<Progress> {
        self.run_until(config, Some(patience), &Stop::new())
    }

    /// Runs the sink: once where there is patience, until it is stopped where there is none.
    pub(crate) fn run_until(
        &self,
        config: &Config,
        patience: Option<Duration>,
        stop: &Stop,
    ) -> Result<Progress> {
        let settings = Settings { log: self.log, codec: &self.codec, prefix: PREFIX, config };
        let frame = Frame {
            role: &ROLE,
            log: self.log,
            slot: "mail",
            limits: LIMITS,
            once: patience.is_some(),
            patience,
            tell: &|_| {},
        };
        Ok(frame.run(&mut Mail::new(settings), stop)?)
    }

    /// Gives the outbox by key.
    pub(crate) fn outbox(&self) -> Result<BTreeMap<String, MailState>> {
        let rows = snapshot::table(self.log, &self.codec, PREFIX, &MAIL_OUTBOX)?;
        Ok(rows.into_iter().map(|(key, state)| (key.encode(), state)).collect())
    }

    /// Makes sure that every message is as it must be, and gives how many there are.
    pub(crate) fn all_are(&self, status: MailStatus) -> Result<usize> {
        let outbox = self.outbox()?;
        let other = outbox.iter().find(|(_, state)| state.status != status);
        ensure!(other.is_none(), "not {status}: {other:?}");
        Ok(outbox.len())
    }
}

/// Settings for a server on this machine: owners on Monday at eight in Berlin.
pub(crate) fn config(port: u16, rest: &str) -> Result<Config> {
    let text = format!(
        r#"{{"server": "smtp://127.0.0.1:{port}", "from": "Scores <scores@example.com>",
            "owners": {{"cron": "0 8 * * MON", "time_zone": "Europe/Berlin"}}{rest}}}"#
    );
    let config: Config = serde_json::from_str(&text).context("reading settings")?;
    config.validate()?;
    Ok(config)
}

/// Gives how often each recipient got which message id.
pub(crate) fn received(server: &Mailpit) -> Result<BTreeMap<(String, String), usize>> {
    let mut received = BTreeMap::new();
    for message in server.messages()? {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let to = text(&message["To"][0]["Address"]);
        *received.entry((to, text(&message["MessageID"]))).or_default() += 1;
    }
    Ok(received)
}
