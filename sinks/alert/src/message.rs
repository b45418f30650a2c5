//! What people and programs are told: one message for all alerts that are due. Pure.

use std::collections::BTreeMap;

use schemas::{AccountState, AlertKey, AlertState, SCORE_ONE, headers::rfc3339, percent};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::watch::{FALL, HOUR_MS, SILENCE, TRUST};

/// Lines of one kind at most; more are counted.
const LINES_MAX: usize = 50;

/// Characters of a name at most.
const NAME_CHARS_MAX: usize = 80;

/// An alert that is due, with what is known of its account.
#[derive(Clone, Debug)]
pub struct Due<'a> {
    /// Which it is.
    pub key: &'a AlertKey,
    /// Since when, and what.
    pub state: &'a AlertState,
    /// The account; none where the log has no row of it.
    pub account: Option<&'a AccountState>,
}

/// A message about alerts.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Follows from the alerts: the same ones make the same id.
    pub id: String,
    /// What there is, in one line.
    pub subject: String,
    /// The alerts as text, for people.
    pub text: String,
    /// The alerts as CloudEvents 1.0 in JSON, for programs: one each.
    pub events: Vec<Value>,
}

impl Message {
    /// Makes the message about alerts; `source` names the log that they come from.
    pub fn about(source: &str, due: &[Due<'_>], now_ms: i64) -> Self {
        let mut by_kind: BTreeMap<&str, Vec<&Due<'_>>> = BTreeMap::new();
        for one in due {
            by_kind.entry(&one.key.kind).or_default().push(one);
        }
        let of = |kind| by_kind.get(kind).map_or(&[][..], Vec::as_slice);
        let kinds = [
            (of(TRUST), "unknown account trusted", "unknown accounts trusted"),
            (of(FALL), "score fell", "scores fell"),
            (of(SILENCE), "account not collected", "accounts not collected"),
        ];
        let (mut words, mut text) = (Vec::new(), String::new());
        for (alerts, one, many) in kinds.into_iter().filter(|(alerts, ..)| !alerts.is_empty()) {
            let noun = if alerts.len() == 1 { one } else { many };
            words.push(format!("{} {noun}", alerts.len()));
            text += &format!("{} {noun}\n\n", alerts.len());
            for alert in alerts.iter().take(LINES_MAX) {
                text += &format!("- {}\n", line(alert, now_ms));
            }
            if alerts.len() > LINES_MAX {
                text += &format!("- and {} more\n", alerts.len() - LINES_MAX);
            }
            text.push('\n');
        }
        let ids: Vec<String> = due.iter().map(id).collect();
        let hash = Sha256::digest(ids.join("\n"));
        let hash: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let events = due.iter().zip(ids).map(|(one, id)| event(source, one, id)).collect();
        Self { id: format!("scorecard.alert.{hash}"), subject: words.join(", "), text, events }
    }
}

/// Names an alert: the same after a crash, another when it happens again.
fn id(due: &Due<'_>) -> String {
    let AlertKey { account, kind, subject } = due.key;
    format!("{kind}/{account}/{subject}/{}", due.state.since_ms)
}

fn line(due: &Due<'_>, now_ms: i64) -> String {
    let who = who(due);
    let Due { key, state, .. } = due;
    let text = |value: &Option<String>| shown(value.as_deref().unwrap_or("?"));
    match key.kind.as_str() {
        TRUST => format!(
            "{who} trusts account {}, which nobody knows: {} through {}",
            key.subject,
            text(&state.principal),
            text(&state.through)
        ),
        FALL => format!(
            "{who} fell from {} to {} within an hour, at {}",
            points(state.score_before),
            points(state.score),
            rfc3339(state.since_ms)
        ),
        _ => format!(
            "{who} has not been collected in full for {} hours, since {}",
            (now_ms - state.since_ms) / HOUR_MS,
            rfc3339(state.since_ms)
        ),
    }
}

/// Names the account and who answers for it.
fn who(due: &Due<'_>) -> String {
    let Some(account) = due.account else {
        return due.key.account.clone();
    };
    let owner = account.owner.as_deref().map_or("nobody's".to_owned(), shown);
    format!("{} {} ({owner})", due.key.account, shown(&account.name))
}

/// Cuts what comes from outside, and makes it one line.
fn shown(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(NAME_CHARS_MAX).collect()
}

fn points(score: Option<i64>) -> String {
    percent(score.unwrap_or(0) as f64 / SCORE_ONE as f64)
}

/// Source: CloudEvents 1.0.2, JSON event format.
fn event(source: &str, due: &Due<'_>, id: String) -> Value {
    let Due { key, state, account } = due;
    let fraction = |score: Option<i64>| score.map(|score| score as f64 / SCORE_ONE as f64);
    let mut data = json!({
        "account": key.account,
        "name": account.map(|account| &account.name),
        "owner": account.and_then(|account| account.owner.as_ref()),
        "since": rfc3339(state.since_ms),
    });
    match key.kind.as_str() {
        TRUST => {
            data["foreign_account"] = json!(key.subject);
            data["principal"] = json!(state.principal);
            data["through"] = json!(state.through);
        }
        FALL => {
            data["score_before"] = json!(fraction(state.score_before));
            data["score"] = json!(fraction(state.score));
        }
        _ => {}
    }
    json!({
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": format!("scorecard.alert.{}.v1", key.kind),
        "subject": key.account,
        "time": rfc3339(state.since_ms),
        "datacontenttype": "application/json",
        "data": data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_tells_each_alert_and_counts_what_is_too_much() {
        let account = AccountState {
            name: "shop\r\nBcc: x".to_owned(),
            owner: Some("ann@example.com".to_owned()),
            ..AccountState::default()
        };
        let since_ms = 1_764_572_400_000;
        let fall = AlertState {
            since_ms,
            score_before: Some(930_000_000),
            score: Some(700_000_000),
            ..AlertState::default()
        };
        let trust = AlertState {
            since_ms,
            principal: Some("arn:aws:iam::999999999999:root".to_owned()),
            through: Some("111111111111/aws-global/AWS::IAM::Role/admin".to_owned()),
            ..AlertState::default()
        };
        let silence = AlertState { since_ms, ..AlertState::default() };
        let silent: Vec<AlertKey> =
            (0..60).map(|n| AlertKey::new(format!("{n:012}"), SILENCE, "*")).collect();
        let (a, b) = (
            AlertKey::new("111111111111", FALL, "*"),
            AlertKey::new("111111111111", TRUST, "999999999999"),
        );
        let mut due = vec![
            Due { key: &a, state: &fall, account: Some(&account) },
            Due { key: &b, state: &trust, account: Some(&account) },
        ];
        due.extend(silent.iter().map(|key| Due { key, state: &silence, account: None }));
        let message = Message::about("/scorecard/test", &due, since_ms + 25 * HOUR_MS);
        assert_eq!(
            message.subject,
            "1 unknown account trusted, 1 score fell, 60 accounts not collected"
        );
        for line in [
            "- 111111111111 shop  Bcc: x (ann@example.com) trusts account 999999999999, which \
             nobody knows: arn:aws:iam::999999999999:root through \
             111111111111/aws-global/AWS::IAM::Role/admin",
            "- 111111111111 shop  Bcc: x (ann@example.com) fell from 93.0 % to 70.0 % within an \
             hour, at 2025-12-01T07:00:00.000Z",
            "- 000000000049 has not been collected in full for 25 hours, since \
             2025-12-01T07:00:00.000Z",
            "- and 10 more",
        ] {
            assert!(message.text.lines().any(|one| one == line), "{line}\n{}", message.text);
        }
        assert_eq!(message.text.lines().filter(|line| line.starts_with("- 0")).count(), 50);
        assert_eq!(message.events.len(), 62, "programs get all");
        assert_eq!(message.events[0]["id"], "fall/111111111111/*/1764572400000");
        assert_eq!(message.events[0]["data"]["score"], 0.7);
        assert_eq!(message.events[1]["type"], "scorecard.alert.trust.v1");
        assert_eq!(message.id, Message::about("/other", &due, since_ms).id);
    }
}
