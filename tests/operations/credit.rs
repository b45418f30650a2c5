//! Exceptions move scores of a running pipeline on Kafka, and nothing else has to happen for it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use schemas::{
    Codec, Exception, ExceptionKey, ExceptionState, ScoreKey, ScoreState, Tick, TickKey,
    topic::{EXCEPTION, SCORE_STATE, TICK},
};
use stream::{Publisher, snapshot};

use crate::site::{Process, Site};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Limit for one change to come through; it takes far less than a second when all is well.
const LIMIT: Duration = Duration::from_secs(60);

/// A running pipeline, and what is written to it.
struct Pipeline {
    site: Site,
    process: Process,
    publisher: Publisher,
    of: ScoreKey,
    now_ms: i64,
}

impl Pipeline {
    fn scores(&self) -> Result<Vec<(ScoreKey, ScoreState)>> {
        let log = self.site.open()?;
        let rows = snapshot::table(&*log, &Codec::default(), &self.site.prefix, &SCORE_STATE)?;
        Ok(rows.into_iter().collect())
    }

    fn score(&self, requirement: &str) -> Result<ScoreState> {
        let of = ScoreKey::new(&*self.of.account, requirement);
        let rows = self.scores()?;
        let row = rows.into_iter().find(|(key, _)| *key == of);
        row.map(|(_, score)| score).context("it is scored")
    }

    fn except(&mut self, row: &Exception) -> Result<()> {
        self.publisher.put(&EXCEPTION, &ExceptionKey::new(&*row.id), row, self.now_ms)?;
        Ok(self.publisher.flush()?)
    }

    fn tick(&mut self, minute_ms: i64) -> Result<()> {
        self.now_ms = minute_ms;
        self.publisher.put(&TICK, &TickKey { minute_ms }, &Tick { minute_ms }, minute_ms)?;
        Ok(self.publisher.flush()?)
    }

    /// Waits until so many failures of the requirement have credit; gives the time that it took.
    fn wait_for(&mut self, excepted: i64) -> Result<Duration> {
        let start = Instant::now();
        let requirement = self.of.requirement.clone();
        while self.score(&requirement)?.excepted != excepted {
            ensure!(self.process.child.is_running(), "it ended: {}", self.process.child.tail());
            if start.elapsed() > LIMIT {
                bail!("{excepted} excepted: not after {LIMIT:?}: {:?}", self.score(&requirement)?);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(start.elapsed())
    }
}

#[test]
fn granting_expiry_and_withdrawal_move_a_running_pipeline() -> Result<()> {
    let site = Site::kafka("credit", 2)?;
    site.fill(3, 1)?;
    let mut process = site.start(&["process"], "process")?;
    process.wait_for_rest(2)?;
    let log = site.open()?;
    let publisher = Publisher::open(&*log, &Codec::default(), &site.prefix, "producer register")?;
    drop(log);
    let now_ms = jiff::Timestamp::now().as_millisecond() / MINUTE_MS * MINUTE_MS;
    let of = ScoreKey::new("", "");
    let mut pipeline = Pipeline { site, process, publisher, of, now_ms };
    // What ages by itself has aged before anything is measured.
    pipeline.tick(now_ms + HOUR_MS - 2 * MINUTE_MS)?;
    pipeline.process.wait_for_rest(2)?;
    let failing = |(key, score): &(ScoreKey, ScoreState)| {
        key.requirement != "*" && score.noncompliant > 0 && score.excepted == 0
    };
    let (of, before) = pipeline.scores()?.into_iter().find(failing).context("something fails")?;
    pipeline.of = of.clone();
    let whole = pipeline.score("*")?;

    let live = Exception {
        id: "RA-1".into(),
        accounts: vec![of.account.clone()],
        requirements: vec![of.requirement.clone()],
        resource: "*".into(),
        approved: true,
        state: Some(ExceptionState::Approved),
        reason: "accepted".into(),
        expires_ms: Some(now_ms + HOUR_MS),
        ..Exception::default()
    };
    pipeline.except(&live)?;
    let granted = pipeline.wait_for(before.noncompliant)?;
    assert_eq!(pipeline.score(&of.requirement)?.score, Some(schemas::SCORE_ONE));
    ensure!(pipeline.score("*")?.score > whole.score, "the account's score moves with it");
    // The minute before it ends changes nothing; the tick of its end does, without any traffic.
    pipeline.tick(now_ms + HOUR_MS - MINUTE_MS)?;
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(pipeline.score(&of.requirement)?.excepted, before.noncompliant);
    pipeline.tick(now_ms + HOUR_MS)?;
    let expired = pipeline.wait_for(0)?;
    let after = pipeline.score(&of.requirement)?;
    assert_eq!((after.score, after.expired), (before.score, before.noncompliant));
    assert_eq!(pipeline.score("*")?.score, whole.score);

    let renewed = Exception { expires_ms: Some(now_ms + 30 * 24 * HOUR_MS), ..live };
    pipeline.except(&renewed)?;
    pipeline.wait_for(before.noncompliant)?;
    pipeline.except(&Exception { state: Some(ExceptionState::Withdrawn), ..renewed })?;
    let withdrawn = pipeline.wait_for(0)?;
    assert_eq!(pipeline.score(&of.requirement)?.score, before.score);
    eprintln!(
        "granted after {granted:?}, expired after {expired:?}, withdrawn after {withdrawn:?}"
    );
    pipeline.process.end()
}
