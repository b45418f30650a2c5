//! Before anything is timed, everybody must say the same of every document.

use anyhow::{Result, ensure};
use rules::{Judgement, Verdict};

use super::contest::Contest;
use super::corpus::{Corpus, Sample};
use super::interpreter;

/// What was compared.
#[derive(Default)]
pub(crate) struct Agreement {
    /// Verdicts of ours by kind: pass, fail, unknown, not applicable.
    pub(crate) verdicts: [usize; 4],
    /// Evaluations that the interpreter gave the same verdicts for.
    pub(crate) interpreter: usize,
    /// Evaluations that it did not, for it knows nothing of failed calls and parts cut off.
    pub(crate) blind: usize,
    /// Evaluations that the rules by hand gave the same verdicts for.
    pub(crate) native: usize,
}

/// Compares all verdicts on a corpus.
///
/// # Errors
/// At the first that differs, other than for a reason that is known.
pub(crate) fn check(contest: &Contest, corpus: &Corpus) -> Result<Agreement> {
    let root = interpreter::root(&corpus.known)?;
    let mut agreement = Agreement::default();
    for sample in &corpus.samples {
        let scope = interpreter::convert(&root, sample);
        for &rule in &sample.rules {
            let ours = contest.ours(rule, sample, &corpus.known);
            for one in &ours {
                agreement.verdicts[one.verdict as usize] += 1;
            }
            agreement.native += by_hand(contest, rule, sample, corpus, &ours)?;
            let theirs = contest.programs[rule].judge(&scope);
            if is_same(&ours, &theirs) {
                agreement.interpreter += 1;
                continue;
            }
            ensure!(
                !sample.is_whole(),
                "{} on {:?}:\nours {ours:?}\ninterpreter {theirs:?}",
                contest.id(rule),
                sample.resource
            );
            agreement.blind += 1;
        }
    }
    Ok(agreement)
}

/// Compares verdicts in order, and the names of parts but for those that we had to number.
fn is_same(ours: &[Judgement], theirs: &[(String, Verdict)]) -> bool {
    let same = |(one, (part, verdict)): (&Judgement, &(String, Verdict))| {
        one.verdict == *verdict && (one.part == *part || one.part.contains('#'))
    };
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(same)
}

/// Compares with the rule by hand where there is one; gives how many were compared.
fn by_hand(
    contest: &Contest,
    rule: usize,
    sample: &Sample,
    corpus: &Corpus,
    ours: &[Judgement],
) -> Result<usize> {
    let Some(native) = contest.natives[rule] else { return Ok(0) };
    let theirs = native(&sample.document(), &corpus.known, sample.now_ms);
    let same = |(one, other): (&Judgement, &Judgement)| {
        let told = one.verdict != Verdict::Fail || one.evidence == other.evidence;
        (&one.part, one.verdict) == (&other.part, other.verdict) && told
    };
    ensure!(
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(same),
        "{} on {:?}:\nours {ours:?}\nby hand {theirs:?}",
        contest.id(rule),
        sample.resource
    );
    Ok(1)
}
