//! Time: ticks move the task's clock, fire what is due, and cut the hourly history of scores.

use compliance::Parsed;
use schemas::{ComplianceKey, Key, ResourceKey, topic};
use stream::Record;

use super::{
    PIECE, Task,
    accounts::last_key,
    jobs::Work,
    poison,
    registers::EXCEPTION_TIMER,
    reports::AGE_TIMER,
    tables::{COMPLIANCE, RESOURCE, SCORE, TIMER, Timer, TimerKey},
    verdicts::VERDICT_TIMER,
};
use crate::Step;

pub(super) const CLOCK: &str = "clock";
const HOUR_MS: i64 = 3_600_000;

impl Task<'_, '_> {
    /// Takes a tick; one that does not move the clock on says nothing new.
    pub(super) fn tick(&mut self, record: &Record) -> Step {
        let (_, tick) = self.view.read(&topic::TICK, record)?;
        let minute_ms = tick.ok_or_else(|| poison("a tick can't be a tombstone"))?.minute_ms;
        let before = self.number(CLOCK)?;
        if minute_ms <= before {
            return Ok(());
        }
        self.set_number(CLOCK, minute_ms)?;
        let hour = before >= 0 && minute_ms / HOUR_MS > before / HOUR_MS;
        // Every timer up to the last tick was fired by it: what is due now comes after.
        let cursor = (before >= 0).then(|| TimerKey::end_of(before));
        self.push(Work::Timers { until_ms: minute_ms, hour, cursor })
    }

    /// Sets a timer, unless its time has passed for good: no later step knows an earlier time.
    pub(super) fn set_timer(&mut self, key: &TimerKey) -> Step {
        if key.at_ms() <= self.number(CLOCK)? {
            return Ok(());
        }
        self.view.put(&TIMER, key, Timer {})
    }

    /// Gives the time for rules and exceptions: the last tick, or the record's own time when that
    /// is later, so that a log without ticks ages nothing backwards.
    pub(super) fn now_ms(&self) -> Step<i64> {
        Ok(self.number(CLOCK)?.max(self.view.at_ms()))
    }

    /// Fires a piece of what is due; a new hour is cut after all that ended with the old one.
    pub(super) fn timers(
        &mut self,
        until_ms: i64,
        hour: bool,
        cursor: Option<String>,
    ) -> Step<Option<Work>> {
        if let Some(cursor) = self.fire(until_ms, cursor.as_deref())? {
            return Ok(Some(Work::Timers { until_ms, hour, cursor: Some(cursor) }));
        }
        if hour {
            self.push(Work::Cut { cursor: None })?;
        }
        Ok(None)
    }

    /// Fires up to a piece of timers; gives the key to go on after when more may be due.
    fn fire(&mut self, until_ms: i64, cursor: Option<&str>) -> Step<Option<String>> {
        let rows = self.view.scan(&TIMER, "", cursor, PIECE)?;
        let more = (rows.len() == PIECE).then(|| last_key(&rows)).flatten();
        for (key, _) in rows {
            if key.at_ms() > until_ms {
                return Ok(None);
            }
            self.view.delete(&TIMER, &key)?;
            match &*key.kind {
                EXCEPTION_TIMER => self.turn(&key.subject)?,
                VERDICT_TIMER => self.judge_again(&key.subject)?,
                AGE_TIMER => self.age_due(&key.subject)?,
                _ => {}
            }
        }
        Ok(more)
    }

    fn judge_again(&mut self, subject: &str) -> Step {
        let Some(key) = ComplianceKey::decode(subject) else {
            return Ok(());
        };
        let Some(row) = self.view.get(&COMPLIANCE, &key)? else {
            return Ok(());
        };
        let entry = self.standard()?.get(&key.requirement).cloned();
        let resource =
            ResourceKey::new(&*key.account, &*key.region, &*row.resource_type, key.resource);
        match (entry, self.view.get(&RESOURCE, &resource)?) {
            (Some(entry), Some(state)) => self.judge_by(&entry, &Parsed::of(&state.resource)),
            _ => Ok(()),
        }
    }

    /// Writes a piece of the hourly cut.
    pub(super) fn cut(&mut self, cursor: Option<String>) -> Step<Option<Work>> {
        let rows = self.view.scan(&SCORE, "", cursor.as_deref(), PIECE)?;
        for (key, score) in &rows {
            self.view.emit(&topic::SCORE_HISTORY, key, score)?;
        }
        Ok((rows.len() == PIECE).then(|| Work::Cut { cursor: last_key(&rows) }))
    }
}
