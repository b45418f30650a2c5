//! The standard as steps use it: requirements with compiled rules, found by what they judge.

use std::{collections::BTreeMap, sync::Arc};

use rules::{CompileError, Parameters, RelatedSource, Rule, RuleSource};
use schemas::{ComplianceKey, ComplianceState, RelatedText, Requirement, RuleText};

use crate::{RULE_SOURCE, part_of};

/// A requirement with its compiled rule.
#[derive(Clone, Debug)]
pub struct StandardEntry {
    /// The requirement.
    pub requirement: Requirement,
    /// Its rule: none when only outside checks feed it, an error's text when it does not compile.
    pub rule: Option<Result<Rule, String>>,
}

impl StandardEntry {
    /// Tells whether a verdict row may still be the requirement's: its rule or a check gives such
    /// rows.
    pub fn judges(&self, key: &ComplianceKey, row: &ComplianceState) -> bool {
        if row.source == RULE_SOURCE {
            return self.rule.is_some() && row.resource_type == self.requirement.resource_type;
        }
        let mut checks = self.requirement.checks.iter();
        checks.any(|mapping| part_of(&mapping.source, &mapping.check) == key.part)
    }

    /// Tells whether its rule asks which accounts are known.
    pub fn asks_for_accounts(&self) -> bool {
        matches!(&self.rule, Some(Ok(rule)) if rule.depends_on_accounts())
    }

    /// Gives what its rule asks about other resources, in the rule's order.
    pub fn relations(&self) -> &[RelatedText] {
        self.requirement.rule.as_ref().map_or(&[], |rule| &rule.related)
    }

    /// Tells whether its rule asks about other resources of a type.
    pub fn relates_to(&self, resource_type: &str) -> bool {
        self.relations().iter().any(|relation| relation.resource_type == resource_type)
    }

    /// Tells whether an outside check feeds it.
    pub fn is_fed_by(&self, source: &str, check: &str) -> bool {
        self.requirement.checks.iter().any(|m| m.source == source && m.check == check)
    }
}

/// All requirements in force.
#[derive(Clone, Debug, Default)]
pub struct Standard {
    entries: BTreeMap<String, Arc<StandardEntry>>,
}

impl Standard {
    /// Puts a requirement in force, in place of an older version of it.
    pub fn insert(&mut self, requirement: Requirement) {
        let rule = requirement.rule.as_ref().map(|text| {
            let parameters = rules::parameters(&requirement.parameters);
            let parameters = parameters.ok_or("its parameters can't be read")?;
            let told = |errors: Vec<CompileError>| {
                errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            };
            compile(text, &parameters).map_err(told)
        });
        let id = requirement.id.clone();
        self.entries.insert(id, Arc::new(StandardEntry { requirement, rule }));
    }

    /// Takes a requirement out of force.
    pub fn remove(&mut self, id: &str) {
        self.entries.remove(id);
    }

    /// Gives a requirement.
    pub fn get(&self, id: &str) -> Option<&Arc<StandardEntry>> {
        self.entries.get(id)
    }

    /// Gives all requirements, sorted by id.
    pub fn all(&self) -> impl Iterator<Item = &Arc<StandardEntry>> {
        self.entries.values()
    }

    /// Gives the requirements that concern resources of a type, with a rule or without, sorted by
    /// id.
    pub fn concerning<'a>(
        &'a self,
        resource_type: &'a str,
    ) -> impl Iterator<Item = &'a Arc<StandardEntry>> {
        self.all().filter(move |entry| entry.requirement.resource_type == resource_type)
    }

    /// Gives the requirements whose rules ask about resources of a type, sorted by id.
    pub fn relating_to<'a>(
        &'a self,
        resource_type: &'a str,
    ) -> impl Iterator<Item = &'a Arc<StandardEntry>> {
        self.all().filter(move |entry| entry.relates_to(resource_type))
    }

    /// Gives the requirements that an outside check feeds, sorted by id.
    pub fn fed_by<'a>(
        &'a self,
        source: &'a str,
        check: &'a str,
    ) -> impl Iterator<Item = &'a Arc<StandardEntry>> {
        self.all().filter(move |entry| entry.is_fed_by(source, check))
    }
}

/// Compiles a requirement's rule.
///
/// Errors: see [`Rule::compile`].
pub fn compile(text: &RuleText, parameters: &Parameters) -> Result<Rule, Vec<CompileError>> {
    if text.each.is_some() != text.part.is_some() {
        let (field, message) = ("each".to_owned(), "each and part belong together".to_owned());
        return Err(vec![CompileError { field, line: 1, column: 1, message }]);
    }
    let related: Vec<_> = text.related.iter().map(relation).collect();
    Rule::compile(&RuleSource {
        each: text.each.as_deref().zip(text.part.as_deref()),
        applies: text.applies.as_deref(),
        pass: &text.pass,
        message: text.message.as_deref(),
        related: &related,
        parameters: Some(parameters),
    })
}

fn relation(text: &RelatedText) -> RelatedSource<'_> {
    RelatedSource {
        name: &text.name,
        key: text.key.as_deref(),
        matches: text.matches.as_deref(),
        gives: text.gives.iter().map(|(member, text)| (&**member, &**text)).collect(),
    }
}
