//! What rows and cuts make of the table of alerts. Pure.

use std::collections::BTreeMap;

use schemas::{AlertKey, AlertState, PrincipalKind, ScoreKey, ScoreState, TrustKey, TrustState};

use crate::Config;

pub(crate) const TRUST: &str = "trust";
pub(crate) const FALL: &str = "fall";
pub(crate) const SILENCE: &str = "silence";

/// What alerts of a whole account are about.
const ALL: &str = "*";

pub(crate) const HOUR_MS: i64 = 3_600_000;

/// How far apart two cuts are at most that are an hour apart: a tick may be late.
const CUTS_APART_MAX_MS: i64 = HOUR_MS * 3 / 2;

/// Billionths of a point: scores are billionths of 1, and points hundredths.
const POINT: i64 = schemas::SCORE_ONE / 100;

/// How long a fall or a foreign account is news: after that nobody is woken.
const NEWS_MS: i64 = 24 * HOUR_MS;

/// A row's change: the new value, or none for a tombstone.
pub type Change = (AlertKey, Option<AlertState>);

/// The table of alerts, and the last cut of each account's score.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    rows: BTreeMap<AlertKey, AlertState>,
    /// Time and score by account.
    cuts: BTreeMap<String, (i64, Option<i64>)>,
}

impl Watch {
    /// Takes a row as it stands in the log.
    pub fn apply(&mut self, (key, state): Change) {
        match state {
            Some(state) => drop(self.rows.insert(key, state)),
            None => drop(self.rows.remove(&key)),
        }
    }

    /// Keeps what is known of the accounts that are wanted.
    pub fn retain(&mut self, mut is_wanted: impl FnMut(&str) -> bool) {
        self.rows.retain(|key, _| is_wanted(&key.account));
        self.cuts.retain(|account, _| is_wanted(account));
    }

    /// Says what a row of trust changes: an account that nobody knows is told of at its first
    /// sight, unless it is known by the time that somebody is told.
    pub fn trust(&self, key: &TrustKey, row: Option<&TrustState>, at_ms: i64) -> Vec<Change> {
        let unknown = row.filter(|row| !row.known && row.kind == PrincipalKind::Account);
        let Some((row, foreign)) =
            unknown.and_then(|row| Some((row, row.principal_account.as_ref()?)))
        else {
            // Of what was told nothing is taken back.
            let is_its = |(alert, state): &(&AlertKey, &AlertState)| {
                alert.account == key.account
                    && alert.kind == TRUST
                    && state.told_ms.is_none()
                    && state.principal.as_ref() == Some(&key.principal)
            };
            let untold = self.rows.iter().filter(is_its);
            return untold.map(|(alert, _)| (alert.clone(), None)).collect();
        };
        let alert = AlertKey::new(&*key.account, TRUST, &**foreign);
        if self.rows.contains_key(&alert) {
            return Vec::new();
        }
        let state = AlertState {
            since_ms: at_ms,
            principal: Some(key.principal.clone()),
            through: row.through.first().cloned(),
            ..AlertState::default()
        };
        vec![(alert, Some(state))]
    }

    /// Says what the cut of an account's score changes, and remembers it.
    pub fn cut(
        &mut self,
        config: &Config,
        key: &ScoreKey,
        row: Option<&ScoreState>,
        at_ms: i64,
    ) -> Vec<Change> {
        if key.requirement != ALL {
            return Vec::new();
        }
        let score = row.and_then(|row| row.score);
        let before = self.cuts.insert(key.account.clone(), (at_ms, score));
        let mut changes = self.silence(&key.account, row, at_ms);
        let Some((score, (before_ms, Some(score_before)))) = score.zip(before) else {
            return changes;
        };
        let alert = AlertKey::new(&*key.account, FALL, ALL);
        let is_fall = score_before - score > i64::from(config.fall_points) * POINT
            && (1..=CUTS_APART_MAX_MS).contains(&(at_ms - before_ms));
        // A cut that is read again says what is known.
        if is_fall && self.rows.get(&alert).is_none_or(|known| known.since_ms < at_ms) {
            let state = AlertState {
                since_ms: at_ms,
                score_before: Some(score_before),
                score: Some(score),
                ..AlertState::default()
            };
            changes.push((alert, Some(state)));
        }
        changes
    }

    /// Notes since when an account was not collected, and forgets it when it is.
    fn silence(&self, account: &str, row: Option<&ScoreState>, at_ms: i64) -> Vec<Change> {
        let alert = AlertKey::new(account, SILENCE, ALL);
        let known = self.rows.get(&alert);
        let since_ms = match row {
            // It is scored no more: it left, or is suspended.
            None => None,
            Some(row) if row.scopes_collected == 0 => Some(known.map_or(at_ms, |row| row.since_ms)),
            // An hour without data is usual: a scan is every half of it.
            Some(row) => row.oldest_ms.filter(|oldest_ms| at_ms - oldest_ms > 2 * HOUR_MS),
        };
        match (known, since_ms) {
            (None, None) => Vec::new(),
            (Some(_), None) => vec![(alert, None)],
            (Some(known), Some(since_ms)) if known.since_ms == since_ms => Vec::new(),
            // It was collected in between, and is silent again.
            (_, Some(since_ms)) => {
                vec![(alert, Some(AlertState { since_ms, ..AlertState::default() }))]
            }
        }
    }

    /// Gives the alerts that are to be told now, and those that are too old to be told.
    pub fn due(&self, config: &Config, now_ms: i64) -> (Vec<Change>, Vec<Change>) {
        let silent_ms = i64::from(config.silence_hours) * HOUR_MS;
        let untold = self.rows.iter().filter(|(_, state)| state.told_ms.is_none());
        let ripe = untold
            .filter(|(key, state)| key.kind != SILENCE || now_ms - state.since_ms >= silent_ms)
            .map(|(key, state)| (key.clone(), Some(state.clone())));
        ripe.partition(|(key, state)| {
            let since_ms = state.as_ref().map_or(0, |state| state.since_ms);
            key.kind == SILENCE || now_ms - since_ms <= NEWS_MS
        })
    }

    /// Tells whether the last message is long enough ago.
    pub fn may_tell(&self, config: &Config, now_ms: i64) -> bool {
        let quiet_ms = i64::from(config.quiet_minutes) * 60_000;
        let last = self.rows.values().filter_map(|state| state.told_ms).max();
        last.is_none_or(|told_ms| now_ms - told_ms >= quiet_ms)
    }
}

/// Notes that alerts were told.
pub(crate) fn told(changes: Vec<Change>, now_ms: i64) -> Vec<Change> {
    let told = |state: AlertState| AlertState { told_ms: Some(now_ms), ..state };
    changes.into_iter().map(|(key, state)| (key, state.map(told))).collect()
}

#[cfg(test)]
mod tests {
    use schemas::{SCORE_ONE, ScoreStatus};

    use super::*;

    const OURS: &str = "111111111111";

    fn config() -> Config {
        serde_json::from_str(r#"{"webhook": {"url": "https://a"}}"#).unwrap()
    }

    fn take(watch: &mut Watch, changes: Vec<Change>) -> usize {
        let count = changes.len();
        changes.into_iter().for_each(|change| watch.apply(change));
        count
    }

    fn row(known: bool) -> TrustState {
        TrustState {
            kind: PrincipalKind::Account,
            principal_account: Some("999999999999".to_owned()),
            known,
            through: vec!["role".to_owned()],
            ..TrustState::default()
        }
    }

    fn score(points: i64) -> ScoreState {
        ScoreState {
            status: ScoreStatus::Scored,
            score: Some(points * SCORE_ONE / 100),
            scopes: 2,
            scopes_collected: 2,
            ..ScoreState::default()
        }
    }

    #[test]
    fn a_foreign_account_is_told_once_and_not_when_it_is_known_in_time() {
        let (mut watch, config) = (Watch::default(), config());
        let key = TrustKey::new(OURS, "arn:aws:iam::999999999999:root");
        let other = TrustKey::new(OURS, "arn:aws:iam::999999999999:user/x");
        assert_eq!(take(&mut watch.clone(), watch.trust(&key, Some(&row(true)), 5)), 0);
        let seen = watch.trust(&key, Some(&row(false)), 5);
        assert_eq!(take(&mut watch, seen), 1);
        assert!(watch.trust(&other, Some(&row(false)), 6).is_empty(), "the same account");
        let mut recognised = watch.clone();
        let changes = recognised.trust(&key, Some(&row(true)), 7);
        assert_eq!(take(&mut recognised, changes), 1);
        assert!(recognised.due(&config, 8).0.is_empty());
        let (due, late) = watch.due(&config, 8);
        assert_eq!((due.len(), late.len()), (1, 0));
        take(&mut watch, told(due, 8));
        assert!(watch.due(&config, 9).0.is_empty());
        assert!(watch.trust(&key, None, 9).is_empty(), "what was told stays");
        assert!(watch.trust(&key, Some(&row(false)), 10).is_empty(), "and is not told again");
        assert!(!watch.may_tell(&config, 8 + HOUR_MS - 1) && watch.may_tell(&config, 8 + HOUR_MS));
    }

    #[test]
    fn a_score_falls_by_more_than_so_many_points_from_one_hour_to_the_next() {
        let (mut watch, config) = (Watch::default(), config());
        let key = ScoreKey::new(OURS, "*");
        let mut at_ms = 0;
        let mut falls = Vec::new();
        for (points, hours) in [(90, 1), (80, 1), (69, 1), (69, 1), (40, 3), (50, 1), (39, 1)] {
            at_ms += hours * HOUR_MS;
            let changes = watch.cut(&config, &key, Some(&score(points)), at_ms);
            if take(&mut watch, changes) > 0 {
                falls.push(points);
            }
        }
        // Ten points are not more than ten, and three hours are not one.
        assert_eq!(falls, [69, 39]);
        let again = watch.cut(&config, &key, Some(&score(39)), at_ms);
        assert!(again.is_empty());
        assert!(watch.cut(&config, &ScoreKey::new(OURS, "r"), Some(&score(0)), at_ms).is_empty());
        let (due, late) = watch.due(&config, at_ms + NEWS_MS + 1);
        assert_eq!((due.len(), late.len()), (0, 1), "nobody is woken a day later");
    }

    #[test]
    fn an_account_that_is_not_collected_for_a_day_is_told_until_it_is() {
        let (mut watch, config) = (Watch::default(), config());
        let key = ScoreKey::new(OURS, "*");
        let old = |hours: i64| ScoreState { oldest_ms: Some(hours * HOUR_MS), ..score(90) };
        for hour in 1..30 {
            let changes = watch.cut(&config, &key, Some(&old(1)), hour * HOUR_MS);
            take(&mut watch, changes);
            let due = watch.due(&config, hour * HOUR_MS).0.len();
            assert_eq!(due, usize::from(hour >= 25), "hour {hour}");
        }
        let (due, _) = watch.due(&config, 30 * HOUR_MS);
        take(&mut watch, told(due, 30 * HOUR_MS));
        let changes = watch.cut(&config, &key, Some(&old(1)), 31 * HOUR_MS);
        assert!(changes.is_empty(), "told once");
        let changes = watch.cut(&config, &key, Some(&old(32)), 32 * HOUR_MS);
        assert_eq!(changes, [(AlertKey::new(OURS, SILENCE, "*"), None)]);
        take(&mut watch, changes);
        // One that never was is counted from its first cut.
        let never = ScoreState { scopes_collected: 0, score: None, ..score(0) };
        for hour in 33..58 {
            let changes = watch.cut(&config, &key, Some(&never), hour * HOUR_MS);
            take(&mut watch, changes);
            assert_eq!(watch.due(&config, hour * HOUR_MS).0.len(), usize::from(hour >= 57));
        }
        let gone = watch.cut(&config, &key, None, 58 * HOUR_MS);
        assert_eq!(gone, [(AlertKey::new(OURS, SILENCE, "*"), None)]);
    }
}
