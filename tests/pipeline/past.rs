//! What the log of a site remembers of the weeks before its first run, as processors wrote it.

use std::fs;

use anyhow::{Context, Result};
use schemas::{
    Cause, ComplianceChange, ComplianceKey, ComplianceState, Credit, SCORE_ONE, ScoreKey,
    ScoreState, ScoreStatus, Standing, Verdict, topic,
};
use serde::Deserialize;

use crate::site::{Site, now_ms};
use kit::organisation::Organisation;

const DAY_MS: i64 = 86_400_000;

/// How long before a week's end its last hourly cut was: the test takes less than the rest of the
/// hour.
const CUT_BEFORE_MS: i64 = 30 * 60_000;

/// What `past.json` tells, the oldest first.
#[derive(Deserialize)]
struct Past {
    scores: Vec<Scored>,
    turns: Vec<Turned>,
}

/// An account's own score some weeks ago.
#[derive(Deserialize)]
struct Scored {
    weeks: i64,
    account: String,
    weight: i64,
    score: Option<f64>,
}

/// A verdict that turned some days ago.
#[derive(Deserialize)]
struct Turned {
    key: [String; 5],
    days: i64,
    before: Option<(Verdict, Credit)>,
    after: Option<(Verdict, Credit)>,
    name: String,
    arn: String,
    resource_type: String,
    cause: String,
}

/// Writes what is remembered into the log of a site that never ran, and beside its configuration.
pub(crate) fn remember(world: &Organisation, site: &Site) -> Result<()> {
    world.write_past(&site.folder())?;
    let text = fs::read_to_string(site.folder().join("past.json"))?;
    let past: Past = serde_json::from_str(&text).context("reading past.json")?;
    let mut publisher = site.publisher("past")?;
    let now_ms = now_ms()?;
    for one in &past.scores {
        let at_ms = now_ms - 7 * one.weeks * DAY_MS - CUT_BEFORE_MS;
        let key = ScoreKey::new(&*one.account, "*");
        publisher.put(&topic::SCORE_HISTORY, &key, &one.state(), at_ms)?;
    }
    for one in &past.turns {
        let at_ms = now_ms - one.days * DAY_MS;
        publisher.put(&topic::COMPLIANCE_CHANGE, &one.key(), &one.change(at_ms)?, at_ms)?;
    }
    Ok(publisher.flush()?)
}

impl Scored {
    fn state(&self) -> ScoreState {
        let score = self.score.map(|score| (score * SCORE_ONE as f64).round() as i64);
        let status = if score.is_some() { ScoreStatus::Scored } else { ScoreStatus::NotCollected };
        let (weight, weighted_score) = (self.weight, self.weight * score.unwrap_or(0));
        ScoreState { status, score, weight, weighted_score, ..ScoreState::default() }
    }
}

impl Turned {
    fn key(&self) -> ComplianceKey {
        let [requirement, account, region, resource, part] = &self.key;
        ComplianceKey::new(requirement, account, region, resource, part)
    }

    fn change(&self, at_ms: i64) -> Result<ComplianceChange> {
        let mut cause = self.cause.split('/');
        let mut next = || cause.next().context("a cause is TOPIC/PARTITION/OFFSET");
        let (topic, partition, offset) = (next()?.to_owned(), next()?.parse()?, next()?.parse()?);
        let standing = |one: Option<(Verdict, Credit)>| {
            one.map(|(verdict, credit)| Standing { verdict, credit })
        };
        Ok(ComplianceChange {
            before: standing(self.before),
            after: standing(self.after),
            at_ms,
            cause: Cause { topic, partition, offset },
            row: Some(ComplianceState {
                name: self.name.clone(),
                arn: self.arn.clone(),
                resource_type: self.resource_type.clone(),
                ..ComplianceState::default()
            }),
        })
    }
}
