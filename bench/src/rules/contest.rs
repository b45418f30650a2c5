//! The rules that ship in each contender's form, and the laps that are timed.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use compliance::{Parsed, Standard, StandardEntry};
use rules::{Judgement, Rule};

use super::corpus::{Corpus, Known, Sample, parse};
use super::interpreter::{self, Programs, Scope};
use super::native::{self, Native};
use super::timing::Lap;

/// Every rule that ships, thrice; all lists have the same order.
pub(crate) struct Contest {
    pub(crate) entries: Vec<Arc<StandardEntry>>,
    rules: Vec<Rule>,
    pub(crate) programs: Vec<Programs>,
    pub(crate) natives: Vec<Option<Native>>,
    /// Requirements without a rule, which only outside checks feed.
    pub(crate) without_rule: Vec<String>,
    /// Requirements whose rule asks about other documents, which are left out.
    pub(crate) about_several: Vec<String>,
}

impl Contest {
    /// Compiles the standard that ships.
    pub(crate) fn new() -> Result<Self> {
        let shipped = producer_standard::shipped();
        ensure!(
            shipped.problems.is_empty(),
            "the standard is not in order: {:?}",
            shipped.problems
        );
        let mut standard = Standard::default();
        shipped.requirements.into_iter().for_each(|one| standard.insert(one));
        let (ruled, without): (Vec<_>, Vec<_>) =
            standard.all().cloned().partition(|entry| entry.rule.is_some());
        let (entries, several): (Vec<_>, Vec<_>) =
            ruled.into_iter().partition(|entry| entry.relations().is_empty());
        let rules = entries.iter().map(|entry| match &entry.rule {
            Some(Ok(rule)) => Ok(rule.clone()),
            other => anyhow::bail!("{} has no rule: {other:?}", entry.requirement.id),
        });
        let programs = entries.iter().map(|entry| {
            let text = entry.requirement.rule.as_ref().context("a rule has a text")?;
            Programs::compile(text, &entry.requirement.parameters)
        });
        let native =
            |id: &str| native::RULES.iter().find(|(of, _)| *of == id).map(|(_, rule)| *rule);
        Ok(Self {
            rules: rules.collect::<Result<_>>()?,
            programs: programs.collect::<Result<_>>()?,
            natives: entries.iter().map(|entry| native(&entry.requirement.id)).collect(),
            without_rule: ids(&without),
            about_several: ids(&several),
            entries,
        })
    }

    /// Names a rule by its requirement.
    pub(crate) fn id(&self, rule: usize) -> &str {
        &self.entries[rule].requirement.id
    }

    /// Judges a document by a rule.
    pub(crate) fn ours(&self, rule: usize, sample: &Sample, known: &Known) -> Vec<Judgement> {
        self.rules[rule].evaluate(&sample.document(), known, sample.now_ms)
    }
}

fn ids(entries: &[Arc<StandardEntry>]) -> Vec<String> {
    entries.iter().map(|entry| entry.requirement.id.clone()).collect()
}

/// Gives the laps over all rules of a corpus, a document after the other.
pub(crate) fn whole<'a>(
    contest: &'a Contest,
    corpus: &'a Corpus,
    root: &'a Scope<'a>,
    scopes: &'a [Scope<'a>],
) -> Vec<Lap<'a>> {
    let samples = || corpus.samples.iter();
    let parsing = move || samples().for_each(|sample| drop(black_box(parse(&sample.resource))));
    let converting = move || {
        for sample in samples() {
            black_box(sample.document());
        }
    };
    let ours = move || {
        for sample in samples() {
            let document = black_box(sample.document());
            for &rule in &sample.rules {
                let rule = &contest.rules[rule];
                black_box(rule.evaluate(&document, &corpus.known, sample.now_ms));
            }
        }
    };
    let text = move || {
        for sample in samples() {
            let parsed = Parsed::of(black_box(&sample.resource));
            for &rule in &sample.rules {
                let (entry, known) = (&contest.entries[rule], &corpus.known);
                black_box(compliance::judge(entry, &parsed, &[], known, sample.now_ms));
            }
        }
    };
    let their_converting = move || {
        samples().for_each(|sample| drop(black_box(interpreter::convert(root, sample))));
    };
    let theirs = move || {
        for (sample, scope) in samples().zip(scopes) {
            for &rule in &sample.rules {
                black_box(contest.programs[rule].judge(scope));
            }
        }
    };
    let (documents, all) = (corpus.samples.len(), corpus.evaluations());
    vec![
        Lap::new("parse", documents, parsing),
        Lap::new("convert", documents, converting),
        Lap::new("ours", all, ours),
        Lap::new("text", all, text),
        Lap::new("cel convert", documents, their_converting),
        Lap::new("cel", all, theirs),
    ]
}

/// Gives the laps of one rule over all documents that it applies to: ours, by hand if there is one,
/// the interpreter.
pub(crate) fn single<'a>(
    contest: &'a Contest,
    corpus: &'a Corpus,
    scopes: &'a [Scope<'a>],
    rule: usize,
) -> Vec<Lap<'a>> {
    let pairs = corpus.samples.iter().zip(scopes);
    let pairs: Vec<_> = pairs.filter(|(sample, _)| sample.rules.contains(&rule)).collect();
    let (count, other_pairs, known) = (pairs.len(), pairs.clone(), &corpus.known);
    let hand_pairs = pairs.clone();
    let ours = move || {
        for (sample, _) in &pairs {
            black_box(contest.ours(rule, sample, known));
        }
    };
    let theirs = move || {
        for (_, scope) in &other_pairs {
            black_box(contest.programs[rule].judge(scope));
        }
    };
    let mut laps = vec![Lap::new("ours", count, ours), Lap::new("cel", count, theirs)];
    if let Some(native) = contest.natives[rule] {
        laps.push(Lap::new("native", count, move || {
            for (sample, _) in &hand_pairs {
                black_box(native(&sample.document(), known, sample.now_ms));
            }
        }));
    }
    laps
}
