//! The explanation in words that a person reads.

use std::fmt::Write;

use compliance::explain::{Explained, Explanation, Judged, Missed, Score};
use schemas::{Credit, ScoreStatus, Scoring, Verdict, headers::rfc3339, percent};

use crate::{
    output::{line, plain},
    summary::age,
};

/// Gives the text.
pub(super) fn text(of: &Explanation) -> String {
    let mut text = String::new();
    let owner = of.owner.as_deref().unwrap_or("nobody that the register knows");
    line(&mut text, &format!("{} {}, owned by {}", of.account, plain(&of.name), plain(owner)));
    match &of.score {
        None => line(&mut text, "it is not scored: it is suspended, or left its organisation"),
        Some(score) => line(&mut text, &account_words(score, of.at_ms)),
    }
    for one in &of.requirements {
        line(&mut text, "");
        requirement(&mut text, one, of.at_ms);
    }
    text
}

fn account_words(score: &Score, now_ms: i64) -> String {
    let seen = coverage_words(score, now_ms);
    match score.score {
        Some(value) => format!(
            "score {} = Σ weight · score / Σ weight over its requirements, Σ weight {}; {seen}",
            percent(value),
            score.weight
        ),
        None => format!("{}; {seen}", status_words(score.status)),
    }
}

fn requirement(text: &mut String, one: &Explained, now_ms: i64) {
    let Explained { requirement, title, severity, .. } = one;
    line(text, &format!("{requirement} ({severity}) {}", plain(title)));
    for because in &one.changes {
        line(text, &format!("  changed from what ships: {}", plain(because)));
    }
    line(text, &format!("  {}", score_words(one)));
    line(text, &format!("  {}", coverage_words(&one.score, now_ms)));
    for verdict in &one.verdicts {
        judged(text, verdict, now_ms);
    }
}

/// Says how a requirement's score comes about, in the numbers that were counted.
fn score_words(one: &Explained) -> String {
    let Score { total, noncompliant, excepted, expired, unknown, weight, .. } = one.score;
    let mut words = match one.score.score {
        Some(score) => format!(
            "score {} = 1 - ({noncompliant} noncompliant - {excepted} excepted) / {total} {}",
            percent(score),
            votes_word(one.scoring, total)
        ),
        None => status_words(one.score.status).to_owned(),
    };
    if unknown > 0 {
        let _ = write!(words, ", {unknown} could not be judged");
    }
    if expired > 0 {
        let _ = write!(words, ", {expired} with an exception that gives no credit any more");
    }
    if one.scoring == Scoring::Penalty {
        words.push_str("; a penalty, not part of the account's score");
    } else if one.score.score.is_some() {
        let _ = write!(words, "; weight {weight}, costs {:.2} points", one.costs * 100.0);
    }
    words
}

/// What was counted, for so many of them.
fn votes_word(scoring: Scoring, total: i64) -> &'static str {
    match scoring {
        Scoring::Resources if total == 1 => "resource",
        Scoring::Findings | Scoring::Penalty if total == 1 => "finding",
        Scoring::Resources => "resources",
        Scoring::AllOrNothing => "account",
        Scoring::Summary => "resources by the source's count",
        Scoring::Findings | Scoring::Penalty => "findings",
    }
}

fn status_words(status: ScoreStatus) -> &'static str {
    match status {
        ScoreStatus::Scored => "scored",
        ScoreStatus::NotApplicable => "no score: nothing here that it concerns",
        ScoreStatus::NotCollected => "no score: nothing that it needs was ever collected",
    }
}

fn coverage_words(score: &Score, now_ms: i64) -> String {
    let mut words = format!("{} of {} scopes collected", score.scopes_collected, score.scopes);
    if let Some(at_ms) = score.oldest_ms {
        let _ = write!(words, ", the oldest data is {} old", age(now_ms - at_ms));
    }
    words
}

fn judged(text: &mut String, one: &Judged, now_ms: i64) {
    let called = if one.name.is_empty() { &one.resource } else { &one.name };
    let mut head = format!("  {} {}", verdict_word(one.verdict), plain(called));
    if *called != one.resource {
        let _ = write!(head, " ({})", plain(&one.resource));
    }
    let _ = write!(head, " in {}", plain(&one.region));
    if !one.part.is_empty() {
        let _ = write!(head, ", part {}", plain(&one.part));
    }
    let _ = write!(head, ", by {}, for {}", plain(&one.source), age(now_ms - one.since_ms));
    line(text, &head);
    if !one.evidence.is_empty() {
        line(text, &format!("       {}", plain(&one.evidence)));
    }
    if one.held {
        line(text, "       held: newer data could not tell");
    }
    if one.stale {
        line(
            text,
            "       stale: its source has told nothing for long; a fresh source goes before",
        );
    }
    if let Some(words) = exception_words(one) {
        line(text, &format!("       {words}"));
    }
    for near in &one.missed {
        let Missed { exception, phase, part } = near;
        let id = plain(exception);
        line(
            text,
            &format!("       exception {id} ({phase}) just misses it: its {part} is another"),
        );
    }
    if let Some(moved) = &one.last {
        let before = match (moved.before, moved.credit_before) {
            (None, _) => "was new".to_owned(),
            (Some(verdict), Some(Credit::None) | None) => format!("was {verdict}"),
            (Some(verdict), Some(credit)) => format!("was {verdict} with {credit} credit"),
        };
        let at = rfc3339(moved.at_ms);
        line(text, &format!("       {before} until {at}: {}", moved.cause));
    }
}

fn exception_words(one: &Judged) -> Option<String> {
    let id = one.exception.as_deref()?;
    let reason = one.exception_reason.as_deref().unwrap_or_default();
    let phase = one.exception_phase.map_or(String::new(), |phase| format!(" ({phase})"));
    let until = match (one.credit, one.exception_expires_ms) {
        (Credit::Live, Some(end)) => format!("counts until {}", rfc3339(end)),
        (Credit::Live, None) => "counts, and does not expire".to_owned(),
        (_, Some(end)) => format!("gives no credit{phase}; it ends {}", rfc3339(end)),
        (_, None) => format!("gives no credit{phase}"),
    };
    Some(format!("exception {} {until}: {}", plain(id), plain(reason)))
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "????",
        Verdict::NotApplicable => "N/A ",
    }
}
