//! What documents say of their account and their requirement beside their own row. Pure.

use std::collections::BTreeMap;

use schemas::{AccountState, Requirement};
use serde_json::{Map, Value, json};

use crate::names::{hash_of_key, id};

/// What stands in for the mark of facts where nothing is known.
const NOTHING: &str = "-";

/// Fields that follow from an account, with a mark that tells them from others.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    /// Changes when a field does: documents with another mark are to be written anew.
    pub(crate) mark: String,
    fields: Vec<(&'static str, Value)>,
}

impl Facts {
    fn new(fields: Vec<(&'static str, Value)>) -> Self {
        let text = serde_json::to_vec(&fields).expect("fields are plain JSON");
        let mut mark = id(&hash_of_key(&text));
        mark.truncate(16);
        Self { mark, fields }
    }

    fn nothing(fields: &[&'static str]) -> Self {
        let fields = fields.iter().map(|field| (*field, Value::Null)).collect();
        Self { mark: NOTHING.to_owned(), fields }
    }
}

/// The fields of a document that follow from something else than its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// The account that it belongs to.
    Account,
    /// The requirement that it is about.
    Rule,
}

impl About {
    /// Gives the field that says what a document is about.
    pub(crate) fn id_field(self) -> &'static str {
        match self {
            About::Account => "cloud.account.id",
            About::Rule => "rule.id",
        }
    }

    /// Gives the field of the facts' mark.
    pub(crate) fn mark_field(self) -> &'static str {
        match self {
            About::Account => "scorecard.account_facts",
            About::Rule => "scorecard.rule_facts",
        }
    }

    fn fields(self) -> &'static [&'static str] {
        match self {
            About::Account => &ACCOUNT_FIELDS,
            About::Rule => &RULE_FIELDS,
        }
    }

    /// Writes facts over those that a document has.
    pub(crate) fn put(self, document: &mut Value, facts: Option<&Facts>) {
        let nothing;
        let facts = match facts {
            Some(facts) => facts,
            None => {
                nothing = Facts::nothing(self.fields());
                &nothing
            }
        };
        for (field, value) in &facts.fields {
            set(document, field, value.clone());
        }
        set(document, self.mark_field(), json!(facts.mark));
    }
}

const ACCOUNT_FIELDS: [&str; 5] = [
    "cloud.provider",
    "cloud.account.name",
    "scorecard.owner",
    "scorecard.executive",
    "scorecard.payer",
];

const RULE_FIELDS: [&str; 10] = [
    "rule.name",
    "rule.description",
    "rule.section",
    "rule.remediation",
    "rule.tags",
    "rule.benchmark.id",
    "rule.benchmark.name",
    "rule.benchmark.posture_type",
    "scorecard.severity",
    "scorecard.rule_weight",
];

/// Gives an account's facts.
pub(crate) fn of_account(account: &AccountState) -> Facts {
    let values = [
        json!(account.provider),
        json!(account.name),
        json!(account.owner),
        json!(account.executive),
        json!((!account.payer.is_empty()).then_some(&account.payer)),
    ];
    Facts::new(ACCOUNT_FIELDS.into_iter().zip(values).collect())
}

/// Gives a requirement's facts.
pub(crate) fn of_requirement(requirement: &Requirement) -> Facts {
    let values = [
        json!(requirement.title),
        json!(requirement.why),
        json!(requirement.resource_type),
        json!(requirement.remediation),
        json!(requirement.controls),
        json!("scorecard"),
        json!("Scorecard"),
        json!("cspm"),
        json!(requirement.severity),
        json!(requirement.weight),
    ];
    Facts::new(RULE_FIELDS.into_iter().zip(values).collect())
}

/// Sets a field by its dotted name; null takes it away.
pub(crate) fn set(document: &mut Value, field: &str, value: Value) {
    let Some(object) = document.as_object_mut() else { return };
    match field.split_once('.') {
        Some((parent, rest)) => {
            let parent = object.entry(parent).or_insert_with(|| Value::Object(Map::new()));
            set(parent, rest, value);
        }
        None if value.is_null() => drop(object.remove(field)),
        None => drop(object.insert(field.to_owned(), value)),
    }
}

/// Facts of one partition by what they are about: accounts' and requirements' ids.
pub(crate) type Known = BTreeMap<(About, String), Facts>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_replace_those_before_and_leave_nothing_behind() {
        let account = |owner: Option<&str>| AccountState {
            provider: "aws".to_owned(),
            name: "shop".to_owned(),
            owner: owner.map(str::to_owned),
            ..AccountState::default()
        };
        let (with, without) = (of_account(&account(Some("ann"))), of_account(&account(None)));
        assert_ne!(with.mark, without.mark);
        let mut document = json!({"cloud": {"account": {"id": "1"}}});
        About::Account.put(&mut document, Some(&with));
        assert_eq!(document["scorecard"]["owner"], "ann");
        assert_eq!(document["cloud"]["account"], json!({"id": "1", "name": "shop"}));
        About::Account.put(&mut document, Some(&without));
        assert_eq!(document["scorecard"].get("owner"), None);
        About::Account.put(&mut document, None);
        let left = json!({"cloud": {"account": {"id": "1"}}, "scorecard": {"account_facts": "-"}});
        assert_eq!(document, left);
    }
}
