//! The outbox: what is planned, and how each message goes on. Pure.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use schemas::{MailKey, MailState, MailStatus};

/// How many messages of one report to one recipient are remembered.
const KEPT: usize = 8;

/// Attempts of which nobody knows whether the message arrived: with so many it is given up.
const UNCERTAIN_MAX: i64 = 2;

/// A message that is due, whoever knows of it already.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// Its key.
    pub key: MailKey,
    /// Whether it may be begun: one that is too old is only looked for.
    pub may_begin: bool,
}

/// A report to a recipient: messages that follow each other.
type Series = (String, String, String);

/// A row's change: the new value, or none for a tombstone.
pub(crate) type Change = (MailKey, Option<MailState>);

/// Messages as the log has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbox {
    rows: BTreeMap<MailKey, MailState>,
}

impl Outbox {
    /// Takes a row as it stands in the log.
    pub fn apply(&mut self, key: MailKey, state: Option<MailState>) {
        match state {
            Some(state) => drop(self.rows.insert(key, state)),
            None => drop(self.rows.remove(&key)),
        }
    }

    /// Gives the messages by key.
    pub fn rows(&self) -> &BTreeMap<MailKey, MailState> {
        &self.rows
    }

    /// Keeps the messages whose keys are wanted.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(&MailKey) -> bool) {
        self.rows.retain(|key, _| is_wanted(key));
    }

    /// Says what to write so that each series has its newest message and waits for no other:
    /// `due` are the newest ones of all series that there are.
    pub(crate) fn plan(&self, due: &BTreeSet<Due>, at_ms: i64) -> Vec<Change> {
        let mut series: BTreeMap<Series, Vec<(&MailKey, &MailState)>> = BTreeMap::new();
        for (key, state) in &self.rows {
            series.entry(series_of(key)).or_default().push((key, state));
        }
        let mut changes = Vec::new();
        for one in due {
            let known = match series.entry(series_of(&one.key)) {
                Entry::Vacant(_) => Vec::new(),
                Entry::Occupied(entry) => entry.remove(),
            };
            let newest = known.last().map(|(key, _)| &key.period);
            let begins = one.may_begin && newest.is_none_or(|period| *period < one.key.period);
            let end = known.len().saturating_sub(usize::from(!begins));
            changes.extend(known[..end].iter().filter_map(|(key, state)| {
                overtaken(state, at_ms).map(|state| ((*key).clone(), Some(state)))
            }));
            changes.extend(forgotten(&known, usize::from(begins)));
            if begins {
                let planned = MailStatus::Planned;
                let state =
                    MailState { status: planned, planned_ms: at_ms, ..MailState::default() };
                changes.push((one.key.clone(), Some(MailState { changed_ms: at_ms, ..state })));
            }
        }
        // Nobody gets these reports any more.
        for (key, state) in series.into_values().flatten() {
            changes.extend(unwanted(state, at_ms).map(|state| (key.clone(), Some(state))));
        }
        changes
    }

    /// Gives the messages that a process was sending when it died, as they go on.
    pub(crate) fn interrupted(&self, at_ms: i64) -> Vec<Change> {
        let sending = self.rows.iter().filter(|(_, state)| state.status == MailStatus::Sending);
        let why = "the process ended before the server answered";
        sending.map(|(key, state)| (key.clone(), Some(lost(state, why, at_ms)))).collect()
    }

    /// Gives the messages that wait to be sent, the oldest first.
    pub(crate) fn waiting(&self) -> Vec<&MailKey> {
        let planned = self.rows.iter().filter(|(_, state)| state.status == MailStatus::Planned);
        let mut planned: Vec<_> = planned.collect();
        planned.sort_by_key(|(key, state)| (state.planned_ms, *key));
        planned.into_iter().map(|(key, _)| key).collect()
    }

    /// Gives the figures that a series' last message told, of those that were sent.
    pub(crate) fn last_told(&self, key: &MailKey) -> Option<&str> {
        let same = self.rows.iter().filter(|(other, _)| series_of(other) == series_of(key));
        let mut sent = same.filter(|(_, state)| state.status == MailStatus::Sent);
        sent.next_back().map(|(_, state)| state.content.as_str())
    }
}

fn series_of(key: &MailKey) -> Series {
    (key.kind.clone(), key.id.clone(), key.recipient.clone())
}

/// Gives tombstones for a series' oldest messages, when so many more come.
fn forgotten(known: &[(&MailKey, &MailState)], more: usize) -> Vec<Change> {
    let count = (known.len() + more).saturating_sub(KEPT);
    known[..count.min(known.len())].iter().map(|(key, _)| ((*key).clone(), None)).collect()
}

fn overtaken(state: &MailState, at_ms: i64) -> Option<MailState> {
    superseded(state, "a later one is due", at_ms)
}

fn unwanted(state: &MailState, at_ms: i64) -> Option<MailState> {
    superseded(state, "nobody gets this report any more", at_ms)
}

/// Gives up a message that waits; none when there is nothing to give up.
fn superseded(state: &MailState, why: &str, at_ms: i64) -> Option<MailState> {
    if !matches!(state.status, MailStatus::Planned | MailStatus::Sending) {
        return None;
    }
    let last = state.answer.as_ref().map(|answer| format!("; before that: {answer}"));
    let why = why.to_owned() + &last.unwrap_or_default();
    Some(becomes(state, MailStatus::Superseded, &why, at_ms))
}

fn becomes(state: &MailState, status: MailStatus, answer: &str, at_ms: i64) -> MailState {
    let answer = Some(answer.to_owned());
    MailState { status, answer, changed_ms: at_ms, ..state.clone() }
}

/// The text is about to be handed over. A message keeps the id of its first attempt.
pub(crate) fn sending(state: &MailState, id: &str, content: &str, at_ms: i64) -> MailState {
    let message_id = if state.message_id.is_empty() { id } else { &state.message_id };
    MailState {
        status: MailStatus::Sending,
        message_id: message_id.to_owned(),
        content: content.to_owned(),
        attempts: state.attempts + 1,
        changed_ms: at_ms,
        ..state.clone()
    }
}

/// The server took it.
pub(crate) fn sent(state: &MailState, answer: &str, at_ms: i64) -> MailState {
    becomes(state, MailStatus::Sent, answer, at_ms)
}

/// The server refuses it for good.
pub(crate) fn failed(state: &MailState, answer: &str, at_ms: i64) -> MailState {
    becomes(state, MailStatus::Failed, answer, at_ms)
}

/// The server did not take it this time.
pub(crate) fn put_off(state: &MailState, answer: &str, at_ms: i64) -> MailState {
    becomes(state, MailStatus::Planned, answer, at_ms)
}

/// It tells nothing new.
pub(crate) fn unchanged(state: &MailState, at_ms: i64) -> MailState {
    becomes(state, MailStatus::Unchanged, "the figures are those of the last one", at_ms)
}

/// Nobody knows whether it arrived: it is repeated once, and then given up.
pub(crate) fn lost(state: &MailState, why: &str, at_ms: i64) -> MailState {
    let uncertain = state.uncertain + 1;
    let given_up = uncertain >= UNCERTAIN_MAX;
    let status = if given_up { MailStatus::Failed } else { MailStatus::Planned };
    let answer = format!("nobody knows whether it arrived: {why}");
    MailState { uncertain, ..becomes(state, status, &answer, at_ms) }
}

#[cfg(test)]
mod tests;
