//! Relations: by what a resource is found, what it looks for, and what that comes to.

use std::collections::{BTreeMap, BTreeSet};

use rules::Related;
use schemas::{RelatedText, Resource};
use serde_json::Value;

use crate::{Parsed, Standard, StandardEntry};

/// By what a resource is found under one relation of a requirement, and what it tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<'a> {
    /// The relation's name.
    pub relation: &'a str,
    /// The texts that it is found by; why not, when they can't be told.
    pub keys: Result<Vec<String>, String>,
    /// Its item in the list: a JSON object.
    pub item: Value,
}

/// Reads by what a resource is found, in the order of the rule's relations; those about other types
/// are left out.
pub fn found_by<'a>(entry: &'a StandardEntry, other: &Parsed<'_>) -> Vec<Found<'a>> {
    let Some(Ok(rule)) = &entry.rule else { return Vec::new() };
    let relations = entry.relations().iter().enumerate();
    let mine =
        relations.filter(|(_, relation)| relation.resource_type == other.resource().resource_type);
    let found = |(at, relation): (usize, &'a RelatedText)| {
        let (keys, gives) = match other.document(&[]) {
            Ok(document) => {
                let read = rule.relation(at, &document);
                (read.keys, read.gives)
            }
            Err(reason) => (Err(reason), serde_json::Map::new()),
        };
        Found { relation: &relation.name, keys, item: Value::Object(gives) }
    };
    mine.map(found).collect()
}

/// Reads the texts that a judged resource looks for, one result for each of the rule's relations.
pub fn looked_for(entry: &StandardEntry, judged: &Parsed<'_>) -> Vec<Result<Vec<String>, String>> {
    let Some(Ok(rule)) = &entry.rule else { return Vec::new() };
    let count = entry.relations().len();
    if count == 0 {
        return Vec::new();
    }
    match judged.document(&[]) {
        Ok(document) => (0..count).map(|at| rule.wanted(at, &document)).collect(),
        Err(reason) => vec![Err(reason); count],
    }
}

/// Says that a list may lack items since not every scope of their type was collected.
pub fn incomplete(relation: &RelatedText) -> String {
    format!("not every {} of the account was collected", relation.resource_type)
}

/// Items by region and id.
type Items = BTreeMap<(String, String), Value>;

/// What resources are found by, all of them at hand.
#[derive(Debug, Default)]
pub struct Relatives {
    /// Items by requirement, account and relation, then by key, region and id.
    items: BTreeMap<[String; 3], BTreeMap<String, Items>>,
    /// Why some resource of a relation can't be found by anything.
    unclear: BTreeMap<[String; 3], String>,
    /// Accounts with the types that were collected.
    collected: BTreeSet<(String, String)>,
}

impl Relatives {
    /// Notes that all resources of a type in an account are at hand.
    pub fn collected(&mut self, account: &str, resource_type: &str) {
        self.collected.insert((account.to_owned(), resource_type.to_owned()));
    }

    /// Notes a resource for all rules that may ask about it.
    pub fn add(&mut self, standard: &Standard, other: &Resource) {
        let parsed = Parsed::of(other);
        for entry in standard.relating_to(&other.resource_type) {
            for found in found_by(entry, &parsed) {
                let of = place(entry, &other.account, found.relation);
                match found.keys {
                    Err(reason) => drop(self.unclear.insert(of, reason)),
                    Ok(keys) => {
                        let by_key = self.items.entry(of).or_default();
                        let name = (other.region.clone(), other.id.clone());
                        for key in keys {
                            let items = by_key.entry(key).or_default();
                            items.insert(name.clone(), found.item.clone());
                        }
                    }
                }
            }
        }
    }

    /// Gives what each relation of a requirement's rule finds for a resource.
    pub fn of(&self, entry: &StandardEntry, judged: &Parsed<'_>) -> Vec<Related> {
        let wanted = looked_for(entry, judged);
        let judged = judged.resource();
        let related = entry.relations().iter().zip(wanted).map(|(relation, wanted)| {
            let of = place(entry, &judged.account, &relation.name);
            let whole = (judged.account.clone(), relation.resource_type.clone());
            let lacking = match &wanted {
                Err(reason) => Some(reason.clone()),
                Ok(_) if !self.collected.contains(&whole) => Some(incomplete(relation)),
                Ok(_) => self.unclear.get(&of).cloned(),
            };
            let by_key = self.items.get(&of);
            let found = wanted.iter().flatten().filter_map(|key| by_key?.get(key));
            // One that is found by two keys is one.
            let items: Items = found.flat_map(|items| items.clone()).collect();
            Related { items: Value::Array(items.into_values().collect()), lacking }
        });
        related.collect()
    }
}

fn place(entry: &StandardEntry, account: &str, relation: &str) -> [String; 3] {
    [&entry.requirement.id, account, relation].map(str::to_owned)
}
