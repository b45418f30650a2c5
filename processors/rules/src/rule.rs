//! A compiled rule, and how it comes to its verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::compile::{Field, Shared, Template, expression, items_of};
use crate::machine::Machine;
use crate::node::{Node, Site};
use crate::related::{Related, Relation};
use crate::unknown::Unknown;
use crate::value::Val;
use crate::{CompileError, Context, Document, Judgement, RuleSource, Verdict};

/// How many parts one document may have. More is unknown: not judged in part.
const PARTS_MAX: usize = 100_000;
/// How long the evidence may be, in characters.
const EVIDENCE_CHARS_MAX: usize = 500;

/// A compiled rule; cheap to clone, and to share between threads.
#[derive(Clone, Debug)]
pub struct Rule {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    related: Vec<Related>,
    each: Option<Each>,
    applies: Option<(Node, Site)>,
    pass: (Node, Site),
    message: Template,
    sites: Vec<String>,
    uses_accounts: bool,
    uses_time: bool,
    parameters: BTreeSet<String>,
}

#[derive(Debug)]
struct Each {
    list: (Node, Site),
    part: (Node, Site),
}

impl Rule {
    /// Compiles a rule.
    ///
    /// Errors: every fault that can be found without a document, in all of the rule's texts:
    /// syntax, unknown names and functions, wrong counts of arguments, unsupported macros,
    /// unreadable patterns, conditions that are never true or false.
    pub fn compile(source: &RuleSource<'_>) -> Result<Rule, Vec<CompileError>> {
        let mut shared = Shared { sites: vec!["the rule".to_owned()], ..Shared::default() };
        let related = Related::compile_all(source, &mut shared);
        let field = |name, text, item, is_condition, may_use_time| Field {
            name,
            text,
            item,
            is_condition,
            may_use_time,
            parameters: source.parameters,
        };
        let mut item_place = None;
        let list = source.each.map(|(list, _)| {
            let list = expression(field("each", list, None, false, false), &mut shared);
            item_place = Some(items_of(&list.place));
            (list.node, list.site)
        });
        let item = item_place.as_deref();
        let each = source.each.zip(list).map(|((_, part), list)| {
            let part = expression(field("part", part, item, false, false), &mut shared);
            Each { list, part: (part.node, part.site) }
        });
        let mut condition = |name, text| {
            let compiled = expression(field(name, text, item, true, true), &mut shared);
            (compiled.node, compiled.site)
        };
        let applies = source.applies.map(|text| condition("applies", text));
        let pass = condition("pass", source.pass);
        let told = (shared.uses_accounts, shared.uses_time);
        let message = match source.message {
            Some(text) => Template::compile(field("message", text, item, false, true), &mut shared),
            None => Template::plain(&format!("does not hold: {}", source.pass.trim())),
        };
        let (uses_accounts, uses_time) = told;
        if shared.errors.is_empty() {
            let Shared { sites, parameters, .. } = shared;
            let inner = Inner {
                related,
                each,
                applies,
                pass,
                message,
                sites,
                uses_accounts,
                uses_time,
                parameters,
            };
            Ok(Rule { inner: Arc::new(inner) })
        } else {
            Err(shared.errors)
        }
    }

    /// Judges a document at an instant (UTC milliseconds).
    ///
    /// Shape: one judgement with an empty part; with `each` one for every item, none for an empty
    /// list, and one unknown with an empty part when the list itself is unknown.
    pub fn evaluate(
        &self,
        doc: &Document<'_>,
        context: &dyn Context,
        now_ms: i64,
    ) -> Vec<Judgement> {
        let mut machine = Machine::new(doc, context, now_ms);
        match &self.inner.each {
            None => vec![self.inner.judge(&mut machine, Val::Null, String::new())],
            Some(each) => self.inner.judge_each(each, &mut machine),
        }
    }

    /// Reads what a document, of the type that the relation at this place names, is found by, and
    /// what it gives.
    pub fn relation(&self, at: usize, doc: &Document<'_>) -> Relation {
        self.inner.related[at].of(&self.inner.sites, doc)
    }

    /// Reads the texts that a judged document looks for by its relation at this place.
    ///
    /// Errors: why they can't be told.
    pub fn wanted(&self, at: usize, doc: &Document<'_>) -> Result<Vec<String>, String> {
        self.inner.related[at].wanted(&self.inner.sites, doc)
    }

    /// Tells whether a verdict may change with the accounts that are known.
    pub fn depends_on_accounts(&self) -> bool {
        self.inner.uses_accounts
    }

    /// Tells whether a text of the rule uses a parameter.
    pub fn uses_parameter(&self, name: &str) -> bool {
        self.inner.parameters.contains(name)
    }

    /// Tells whether a verdict may change with time alone.
    pub fn depends_on_time(&self) -> bool {
        self.inner.uses_time
    }
}

impl Inner {
    fn judge_each<'a>(&'a self, each: &'a Each, machine: &mut Machine<'a>) -> Vec<Judgement> {
        machine.start(Val::Null);
        let items = match machine.items(&each.list) {
            Ok(items) => items,
            Err(unknown) => return vec![self.unknown(String::new(), &unknown, None)],
        };
        if items.len() > PARTS_MAX {
            return vec![too_many(items.len())];
        }
        let mut taken = Taken::default();
        let mut judgements = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            machine.start(item.clone());
            let judgement = match machine.part(&each.part) {
                Ok(part) => {
                    let part = taken.unique(part, at);
                    self.judge(machine, item, part)
                }
                Err(unknown) => {
                    let part = taken.unique(String::new(), at);
                    self.unknown(part, &unknown, None)
                }
            };
            judgements.push(judgement);
        }
        judgements
    }

    fn judge<'a>(&'a self, machine: &mut Machine<'a>, item: Val<'a>, part: String) -> Judgement {
        machine.start(item);
        let verdict = self.verdict(machine);
        let flips_at_ms = machine.flips_at_ms();
        match verdict {
            Err(unknown) => self.unknown(part, &unknown, flips_at_ms),
            Ok(verdict) => {
                let evidence = match verdict {
                    Verdict::Fail => cut(machine.fill(&self.message)),
                    _ => String::new(),
                };
                Judgement { part, verdict, evidence, flips_at_ms, rule_fault: false }
            }
        }
    }

    fn verdict<'a>(&'a self, machine: &mut Machine<'a>) -> Result<Verdict, Unknown> {
        if let Some(applies) = &self.applies
            && !machine.truth(applies)?
        {
            return Ok(Verdict::NotApplicable);
        }
        Ok(if machine.truth(&self.pass)? { Verdict::Pass } else { Verdict::Fail })
    }

    fn unknown(&self, part: String, unknown: &Unknown, flips_at_ms: Option<i64>) -> Judgement {
        Judgement {
            part,
            verdict: Verdict::Unknown,
            evidence: cut(unknown.reason(&self.sites)),
            flips_at_ms,
            rule_fault: unknown.is_fault(),
        }
    }
}

fn too_many(count: usize) -> Judgement {
    Judgement {
        part: String::new(),
        verdict: Verdict::Unknown,
        evidence: format!("{count} parts are more than {PARTS_MAX}"),
        flips_at_ms: None,
        rule_fault: true,
    }
}

/// The names of parts so far.
#[derive(Default)]
struct Taken {
    names: BTreeSet<String>,
    /// By name that was wanted again: the last number that it got.
    numbers: BTreeMap<String, usize>,
}

impl Taken {
    /// Gives a part a name of its own: `K`, then `K#2`; an item without a name is `#` and its
    /// place.
    fn unique(&mut self, name: String, at: usize) -> String {
        let name = if name.is_empty() { format!("#{}", at + 1) } else { name };
        if self.names.insert(name.clone()) {
            return name;
        }
        // Numbers before the last one are taken: a thousand parts of one name are no million tries.
        let number = self.numbers.entry(name.clone()).or_insert(1);
        loop {
            *number += 1;
            let numbered = format!("{name}#{number}");
            if self.names.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}

fn cut(mut text: String) -> String {
    // Characters are never more than bytes.
    if text.len() <= EVIDENCE_CHARS_MAX {
        return text;
    }
    if let Some((end, _)) = text.char_indices().nth(EVIDENCE_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}
