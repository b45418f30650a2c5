//! Relations: which other documents a rule asks about, and what each of them tells it.

use serde_json::{Map, Value};

use crate::compile::{Field, Shared, expression};
use crate::machine::Machine;
use crate::node::{Node, Site};
use crate::{Context, Document, Parameters, RelatedSource, RuleSource};

/// What one document is found by, and what it tells those that look for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// The texts that it is found by; why not, when they can't be told.
    pub keys: Result<Vec<String>, String>,
    /// The members of its item; those that can't be told are absent.
    pub gives: Map<String, Value>,
}

/// A compiled relation.
#[derive(Debug)]
pub(crate) struct Related {
    key: Option<(Node, Site)>,
    matches: Option<(Node, Site)>,
    gives: Vec<(String, (Node, Site))>,
}

impl Related {
    /// Compiles a rule's relations; their names and members are known to its other texts then.
    pub(crate) fn compile_all(rule: &RuleSource<'_>, shared: &mut Shared) -> Vec<Related> {
        let sources = rule.related.iter();
        let compile = |source| Related::compile(source, rule.parameters, shared);
        let compiled = sources.clone().map(compile).collect();
        shared.related = sources
            .map(|one| (one.name.to_owned(), one.gives.iter().map(|g| g.0.to_owned()).collect()))
            .collect();
        compiled
    }

    fn compile(
        source: &RelatedSource<'_>,
        parameters: Option<&Parameters>,
        shared: &mut Shared,
    ) -> Related {
        let name = source.name;
        let mut side = |field: String, text| {
            let (item, is_condition, may_use_time) = (None, false, false);
            let field = Field { name: &field, text, item, parameters, is_condition, may_use_time };
            let asked = std::mem::take(&mut shared.uses_accounts);
            let compiled = expression(field, shared);
            if std::mem::replace(&mut shared.uses_accounts, asked) {
                let message = "which accounts are known can't decide what is related".to_owned();
                let (field, line, column) = (field.name.to_owned(), 1, 1);
                shared.errors.push(crate::CompileError { field, line, column, message });
            }
            (compiled.node, compiled.site)
        };
        Related {
            key: source.key.map(|text| side(format!("related.{name}.key"), text)),
            matches: source.matches.map(|text| side(format!("related.{name}.matches"), text)),
            gives: source
                .gives
                .iter()
                .map(|(member, text)| {
                    let field = format!("related.{name}.gives.{member}");
                    ((*member).to_owned(), side(field, text))
                })
                .collect(),
        }
    }

    /// Reads what another document is found by, and what it gives.
    pub(crate) fn of(&self, sites: &[String], doc: &Document<'_>) -> Relation {
        let mut machine = Machine::new(doc, &Nobody, 0);
        let keys = texts(self.key.as_ref(), sites, &mut machine);
        let mut gives = Map::new();
        for (member, (node, _)) in &self.gives {
            machine.start(crate::value::Val::Null);
            if let Ok(value) = machine.value(node) {
                gives.insert(member.clone(), value.to_json().into_owned());
            }
        }
        Relation { keys, gives }
    }

    /// Reads what the judged document looks for.
    pub(crate) fn wanted(
        &self,
        sites: &[String],
        doc: &Document<'_>,
    ) -> Result<Vec<String>, String> {
        texts(self.matches.as_ref(), sites, &mut Machine::new(doc, &Nobody, 0))
    }
}

/// The world of relations: they depend on nothing but their documents.
struct Nobody;

impl Context for Nobody {
    fn is_known_account(&self, _: &str) -> bool {
        false
    }
}

/// Gives texts, each once and in order; without an expression there is one, which is empty.
fn texts<'a>(
    expression: Option<&'a (Node, Site)>,
    sites: &[String],
    machine: &mut Machine<'a>,
) -> Result<Vec<String>, String> {
    let Some(expression) = expression else {
        return Ok(vec![String::new()]);
    };
    let mut texts = machine.texts(expression).map_err(|unknown| unknown.reason(sites))?;
    texts.sort();
    texts.dedup();
    Ok(texts)
}
