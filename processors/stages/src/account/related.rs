//! Relations: rules that ask about other resources of the account, judged again when those change.
//!
//! Both sides are indexed by the text at which they meet: resources that are found by it, with what
//! they tell, and judged resources that look for it. Whenever what stands at a text changes, who
//! looks for it is judged again.

use std::{collections::BTreeMap, sync::Arc};

use compliance::{Parsed, StandardEntry, found_by, incomplete, looked_for};
use rules::Related;
use schemas::{AccountKey, RelatedText, Resource, ResourceKey, TypeCoverage, key};
use serde_json::Value;
use stream::Table;

use super::{
    PIECE, Task,
    jobs::{Work, page_end},
    tables::{ACCOUNT, FOUND, FoundRow, LOOKING, Looking, RESOURCE, RelationKey},
};
use crate::Step;

/// How many resources a rule can be told of. Where there are more, it is told nothing.
const RELATED_MAX: usize = 1_000;
/// Stands for the text of a resource that could not be told by what it is found.
const UNCLEAR: &str = "?";

type FoundRows = BTreeMap<RelationKey, FoundRow>;

impl Task<'_, '_> {
    /// Moves a resource among those that are found; who looks for what changed is judged again.
    pub(super) fn move_found(
        &mut self,
        before: Option<&Parsed<'_>>,
        after: Option<&Parsed<'_>>,
    ) -> Step {
        let Some(one) = before.or(after) else { return Ok(()) };
        for entry in self.relating_to(&one.resource().resource_type)? {
            let rows = |one: Option<&Parsed<'_>>| one.map(|one| found_rows(&entry, one));
            let (from, to) = (rows(before).unwrap_or_default(), rows(after).unwrap_or_default());
            for key in from.keys().chain(to.keys().filter(|key| !from.contains_key(*key))) {
                match to.get(key) {
                    row if row == from.get(key) => continue,
                    Some(row) => self.view.put(&FOUND, key, row.clone())?,
                    None => self.view.delete(&FOUND, key)?,
                }
                self.judge_lookers(key)?;
            }
        }
        Ok(())
    }

    /// Enters a resource among those that a requirement's rule finds, which is new itself.
    pub(super) fn enter_found(&mut self, entry: &StandardEntry, other: &Parsed<'_>) -> Step {
        for (key, row) in found_rows(entry, other) {
            self.view.put(&FOUND, &key, row)?;
        }
        Ok(())
    }

    /// Moves a judged resource among those that look for others.
    pub(super) fn move_looking(
        &mut self,
        entry: &StandardEntry,
        before: Option<&Parsed<'_>>,
        after: Option<&Parsed<'_>>,
    ) -> Step {
        let keys = |one: Option<&Parsed<'_>>| one.map(|one| looking(entry, one));
        let (from, to) = (keys(before).unwrap_or_default(), keys(after).unwrap_or_default());
        for key in from.iter().filter(|key| !to.contains(key)) {
            self.view.delete(&LOOKING, key)?;
        }
        for key in to.iter().filter(|key| !from.contains(key)) {
            self.view.put(&LOOKING, key, Looking {})?;
        }
        Ok(())
    }

    /// Gives what each relation of a requirement's rule finds for a resource.
    pub(super) fn related(&self, entry: &StandardEntry, judged: &Parsed<'_>) -> Step<Vec<Related>> {
        let relations = entry.relations().iter().zip(looked_for(entry, judged));
        let related = relations.map(|(relation, wanted)| {
            let place = [&*entry.requirement.id, &*judged.resource().account, &*relation.name];
            let wanted = match wanted {
                Err(reason) => return Ok(lacking(reason)),
                Ok(wanted) => wanted,
            };
            match self.why_lacking(&place, relation)? {
                Some(reason) => Ok(lacking(reason)),
                None => self.items(&place, &wanted),
            }
        });
        related.collect()
    }

    fn why_lacking(&self, place: &[&str; 3], relation: &RelatedText) -> Step<Option<String>> {
        let account = self.view.get(&ACCOUNT, &AccountKey::new(place[1]))?;
        let of_type = |one: &&TypeCoverage| one.resource_type == relation.resource_type;
        let coverage = account.as_ref().and_then(|state| state.coverage.iter().find(of_type));
        if !coverage.is_some_and(is_whole) {
            return Ok(Some(incomplete(relation)));
        }
        let unclear = key::prefix(&[place[0], place[1], place[2], UNCLEAR]);
        let rows = self.view.scan(&FOUND, &unclear, None, 1)?;
        let reason = |key: &RelationKey| {
            format!("what {} in {} belongs to could not be told", key.id, key.region)
        };
        Ok(rows.first().map(|(key, _)| reason(key)))
    }

    fn items(&self, place: &[&str; 3], wanted: &[String]) -> Step<Related> {
        let mut items: BTreeMap<(String, String), Value> = BTreeMap::new();
        for text in wanted {
            let prefix = key::prefix(&[place[0], place[1], place[2], &known(text)]);
            for (key, row) in self.view.scan(&FOUND, &prefix, None, RELATED_MAX + 1)? {
                let item = serde_json::from_str(&row.item).unwrap_or_default();
                items.insert((key.region, key.id), item);
            }
        }
        if items.len() > RELATED_MAX {
            return Ok(lacking(format!("there are more than {RELATED_MAX}")));
        }
        Ok(Related { items: Value::Array(items.into_values().collect()), lacking: None })
    }

    /// Judges who looks for what stands at a key; everyone when that could not be told.
    fn judge_lookers(&mut self, at: &RelationKey) -> Step {
        let mut parts = vec![&*at.requirement, &*at.account, &*at.relation];
        if at.text != UNCLEAR {
            parts.push(&at.text);
        }
        self.push(Work::Related { prefix: key::prefix(&parts), cursor: None })
    }

    /// Judges all of an account that ask about a type.
    pub(super) fn judge_askers(&mut self, account: &str, resource_type: &str) -> Step {
        for entry in self.relating_to(resource_type)? {
            let prefix = key::prefix(&[&entry.requirement.id, account]);
            self.push(Work::Related { prefix, cursor: None })?;
        }
        Ok(())
    }

    /// Judges a piece of those that look for something.
    pub(super) fn related_piece(
        &mut self,
        prefix: String,
        cursor: Option<String>,
    ) -> Step<Option<Work>> {
        let rows = self.view.scan(&LOOKING, &prefix, cursor.as_deref(), PIECE)?;
        for (key, _) in &rows {
            let RelationKey { requirement, account, region, id, .. } = key;
            let Some(entry) = self.standard()?.get(requirement).cloned() else { continue };
            let kind = &*entry.requirement.resource_type;
            let judged = ResourceKey::new(&**account, &**region, kind, &**id);
            if let Some(state) = self.view.get(&RESOURCE, &judged)? {
                self.judge_by(&entry, &Parsed::of(&state.resource))?;
            }
        }
        Ok(page_end(&rows).map(|cursor| Work::Related { prefix, cursor: Some(cursor) }))
    }

    /// Takes one side of a requirement's relations away, a piece at a time; gives the key to go on
    /// after.
    pub(super) fn leave<V: schemas::Value>(
        &mut self,
        side: &Table<RelationKey, V>,
        requirement: &str,
        cursor: Option<&str>,
    ) -> Step<Option<String>> {
        let rows = self.view.scan(side, &key::prefix(&[requirement]), cursor, PIECE)?;
        for (key, _) in &rows {
            self.view.delete(side, key)?;
        }
        Ok(page_end(&rows))
    }

    fn relating_to(&mut self, resource_type: &str) -> Step<Vec<Arc<StandardEntry>>> {
        Ok(self.standard()?.relating_to(resource_type).cloned().collect())
    }
}

/// Tells whether every scope of a type that was begun has told all at least once.
pub(super) fn is_whole(coverage: &TypeCoverage) -> bool {
    coverage.scopes > 0 && coverage.collected == coverage.scopes
}

fn lacking(reason: String) -> Related {
    Related { items: Value::Array(Vec::new()), lacking: Some(reason) }
}

fn known(text: &str) -> String {
    format!("={text}")
}

fn relation_key(
    entry: &StandardEntry,
    relation: &str,
    text: &str,
    resource: &Resource,
) -> RelationKey {
    let Resource { account, region, id, .. } = resource;
    RelationKey::new(&*entry.requirement.id, &**account, relation, text, &**region, &**id)
}

fn found_rows(entry: &StandardEntry, other: &Parsed<'_>) -> FoundRows {
    let mut rows = FoundRows::new();
    for found in found_by(entry, other) {
        let texts = match found.keys {
            Err(_) => vec![UNCLEAR.to_owned()],
            Ok(keys) => keys.iter().map(|key| known(key)).collect(),
        };
        let row = FoundRow { item: found.item.to_string() };
        for text in texts {
            rows.insert(relation_key(entry, found.relation, &text, other.resource()), row.clone());
        }
    }
    rows
}

fn looking(entry: &StandardEntry, judged: &Parsed<'_>) -> Vec<RelationKey> {
    let relations = entry.relations().iter().zip(looked_for(entry, judged));
    let of = |(relation, wanted): (&RelatedText, Result<Vec<String>, String>)| {
        let texts = wanted.unwrap_or_default();
        let key =
            |text: String| relation_key(entry, &relation.name, &known(&text), judged.resource());
        texts.into_iter().map(key).collect::<Vec<_>>()
    };
    relations.flat_map(of).collect()
}
