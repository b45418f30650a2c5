//! The report: what was judged, who said the same, and how long it took.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::agree::Agreement;
use super::contest::Contest;
use super::corpus::Corpus;
use super::timing::Lap;
use super::{Measured, native};
use crate::report::{Spread, head, line, round};

/// Everything that the report tells.
pub(crate) struct Figures<'a> {
    pub(crate) rounds: usize,
    pub(crate) accounts: usize,
    pub(crate) contest: &'a Contest,
    /// The simulator's documents, and those of the test cases.
    pub(crate) corpora: [&'a Corpus; 2],
    pub(crate) agreements: [Agreement; 2],
    pub(crate) measured: Measured,
}

/// Nanoseconds by lap and round, of one document or evaluation each.
pub(crate) struct Whole(BTreeMap<&'static str, Vec<f64>>);

/// The same of one rule.
pub(crate) struct OfRule {
    rule: usize,
    documents: usize,
    times: Whole,
}

impl Whole {
    pub(crate) fn of(laps: &[Lap<'_>]) -> Self {
        Self(laps.iter().map(|lap| (lap.name, lap.times.clone())).collect())
    }

    fn ns(&self, lap: &str) -> Spread {
        Spread::of(self.0[lap].clone())
    }

    /// Gives how many times as long one takes as the other, by what each round says.
    fn ratio(&self, one: &str, other: &str) -> Spread {
        Spread::of(self.0[one].iter().zip(&self.0[other]).map(|(one, other)| one / other).collect())
    }
}

impl OfRule {
    pub(crate) fn of(rule: usize, laps: &[Lap<'_>]) -> Self {
        Self { rule, documents: laps[0].count, times: Whole::of(laps) }
    }

    fn is_by_hand(&self) -> bool {
        self.times.0.contains_key("native")
    }
}

impl Figures<'_> {
    /// Gives the figures that are compared between commits.
    pub(crate) fn summary(&self) -> Value {
        let whole = &self.measured.whole[0];
        let rate = |lap: &str| (1e9 / whole.ns(lap).median).round() as u64;
        let [parse, convert, evaluate] = self.shares();
        json!({
            "evaluations_per_s": rate("ours"),
            "evaluations_per_s_from_text": rate("text"),
            "evaluations_per_s_cel_crate": rate("cel"),
            "time_vs_native": round(Some(self.of_twelve("native").median)),
            "time_vs_cel_crate": round(Some(whole.ratio("ours", "cel").median)),
            "share_parsing": round(Some(parse)),
            "share_converting": round(Some(convert)),
            "share_evaluating": round(Some(evaluate)),
        })
    }

    /// Gives everything as JSON.
    pub(crate) fn json(&self) -> Value {
        let times = |whole: &Whole| -> Value {
            whole.0.keys().map(|lap| ((*lap).to_owned(), json!(whole.ns(lap)))).collect()
        };
        let corpus = |at: usize| {
            let (corpus, agreement) = (self.corpora[at], &self.agreements[at]);
            json!({"name": corpus.name, "documents": corpus.samples.len(),
                "rules": corpus.rules().len(), "evaluations": corpus.evaluations(),
                "bytes": bytes(corpus), "verdicts": agreement.verdicts,
                "same_by_hand": agreement.native, "same_in_interpreter": agreement.interpreter,
                "interpreter_blind": agreement.blind, "ns": times(&self.measured.whole[at])})
        };
        let rules = self.measured.rules.iter().map(|one| {
            json!({"requirement": self.contest.id(one.rule), "documents": one.documents,
                "ns": times(&one.times)})
        });
        json!({"settings": self.settings(), "summary": self.summary(),
            "corpora": [corpus(0), corpus(1)], "rules": rules.collect::<Vec<_>>()})
    }

    /// Writes the report as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut to = String::from("# How fast rules are judged\n\n");
        line(&mut to, &format!("Made by `bench/run rules`; settings: `{}`.\n", self.settings()));
        line(&mut to, "One thread on core 1. `bench/README.md` says how.\n");
        head(&mut to, "figure | value");
        for (name, value) in self.summary().as_object().into_iter().flatten() {
            line(&mut to, &format!("| `{name}` | {value} |"));
        }
        self.what(&mut to);
        self.steps(&mut to);
        self.by_rule(&mut to);
        to
    }

    fn settings(&self) -> Value {
        json!({"accounts": self.accounts, "rounds": self.rounds})
    }

    /// Gives the parts of the time from text to verdicts: parsing, converting, evaluating.
    fn shares(&self) -> [f64; 3] {
        let (whole, corpus) = (&self.measured.whole[0], self.corpora[0]);
        let documents = corpus.samples.len() as f64;
        let evaluating = whole.ns("ours").median * corpus.evaluations() as f64;
        // A lap of evaluations makes each document's view once, as production does.
        let converting = whole.ns("convert").median * documents;
        let parts =
            [whole.ns("parse").median * documents, converting, (evaluating - converting).max(0.0)];
        parts.map(|part| part / parts.iter().sum::<f64>())
    }

    /// Gives how many times as long we take as another for all documents of the twelve rules.
    fn of_twelve(&self, other: &str) -> Spread {
        let twelve: Vec<_> = self.measured.rules.iter().filter(|one| one.is_by_hand()).collect();
        let sum = |lap: &str, round: usize| -> f64 {
            twelve.iter().map(|one| one.times.0[lap][round] * one.documents as f64).sum()
        };
        Spread::of((0..self.rounds).map(|at| sum("ours", at) / sum(other, at)).collect())
    }

    /// What is judged, and who said the same.
    fn what(&self, to: &mut String) {
        line(to, "\n## Documents\n");
        line(
            to,
            "An evaluation is one rule on one document of its type: the verdict of every part,",
        );
        line(to, "with the evidence of failures and the reason of what is unknown.\n");
        head(
            to,
            "documents | count | mean bytes | rules | evaluations | pass | fail | unknown | \
             not applicable | same by hand | same in the interpreter | it can't see",
        );
        for (corpus, agreement) in self.corpora.iter().zip(&self.agreements) {
            let [pass, fail, unknown, not_applicable] = agreement.verdicts;
            let count = corpus.samples.len();
            let row = format!(
                "| {} | {count} | {} | {} | {} | {pass} | {fail} | {unknown} | {not_applicable} | \
                 {} | {} | {} |",
                corpus.name,
                bytes(corpus) / count,
                corpus.rules().len(),
                corpus.evaluations(),
                agreement.native,
                agreement.interpreter,
                agreement.blind,
            );
            line(to, &row);
        }
        let [simulated, cases] = self.corpora.map(Corpus::rules);
        let missing: Vec<_> =
            cases.difference(&simulated).map(|&one| self.contest.id(one)).collect();
        let (count, ids) = (missing.len(), missing.join("`, `"));
        line(
            to,
            &format!("\nNo simulated document is of the type of {count} rules, which the cases"),
        );
        line(to, &format!("alone exercise: `{ids}`.\n"));
        let several = self.contest.about_several.join("`, `");
        line(to, &format!("Rules about several documents, which are left out: `{several}`.\n"));
        let without = self.contest.without_rule.join("`, `");
        line(to, &format!("Requirements without a rule, fed by outside checks: `{without}`."));
    }

    /// How long each step takes.
    fn steps(&self, to: &mut String) {
        const STEPS: [(&str, &str, &str); 6] = [
            ("parse", "parsing: two JSON texts to values", "document"),
            ("convert", "converting: the view that rules borrow", "document"),
            ("ours", "evaluating", "evaluation"),
            ("text", "all of it, one parse a document", "evaluation"),
            ("cel convert", "the `cel` crate: converting", "document"),
            ("cel", "the `cel` crate: evaluating", "evaluation"),
        ];
        line(to, "\n## Steps\n\nNanoseconds: median of the rounds (10th to 90th percentile).\n");
        head(to, "step | of one | simulator | test cases");
        for (lap, step, unit) in STEPS {
            let [simulated, cases] = self.measured.whole.each_ref().map(|one| told(one.ns(lap)));
            line(to, &format!("| {step} | {unit} | {simulated} | {cases} |"));
        }
        let [parse, convert, evaluate] = self.shares().map(|share| share * 100.0);
        line(
            to,
            &format!(
                "\nFrom text to all verdicts of a simulated document, with one parse: {parse:.1}% \
                 parsing, {convert:.2}% converting, {evaluate:.1}% evaluating."
            ),
        );
    }

    /// Each rule that simulated documents exercise.
    fn by_rule(&self, to: &mut String) {
        let twelve = self.of_twelve("native");
        let theirs = self.of_twelve("cel");
        line(
            to,
            "\n## Rules\n\nNanoseconds an evaluation over the simulator's documents: medians.\n",
        );
        head(to, "rule | documents | ours | by hand | ours / by hand | `cel` | ours / `cel`");
        for one in &self.measured.rules {
            let (id, times) = (self.contest.id(one.rule), &one.times);
            let (hand, ratio) = match one.is_by_hand() {
                true => (
                    format!("{:.0}", times.ns("native").median),
                    format!("{:.2}", times.ratio("ours", "native").median),
                ),
                false => ("".to_owned(), "".to_owned()),
            };
            let row = format!(
                "| {id} | {} | {:.0} | {hand} | {ratio} | {:.0} | {:.3} |",
                one.documents,
                times.ns("ours").median,
                times.ns("cel").median,
                times.ratio("ours", "cel").median,
            );
            line(to, &row);
        }
        let (count, low, high) = (native::RULES.len(), twelve.low, twelve.high);
        line(
            to,
            &format!(
                "\nThe {count} rules by hand together, each over all of its documents: ours take \
                 {:.2} ({low:.2} to {high:.2}) times as long as they, and {:.3} times as long as \
                 the interpreter.",
                twelve.median, theirs.median
            ),
        );
    }
}

fn bytes(corpus: &Corpus) -> usize {
    corpus.samples.iter().map(super::corpus::Sample::bytes).sum()
}

fn told(ns: Spread) -> String {
    format!("{:.0} ({:.0} to {:.0})", ns.median, ns.low, ns.high)
}
