//! Verdicts: judged rows replace the rows that stood, with their changes, timers and votes.

use std::{collections::BTreeMap, sync::Arc};

use compliance::{Counts, Place, Rows, StandardEntry, count_rows, credit, settle, without_credit};
use schemas::{
    AccountKey, ComplianceChange, ComplianceKey, ComplianceState, Key, Resource, ResourceKey,
    Scoring, Standing, Verdict, topic,
};

use super::{
    Task,
    tables::{
        ACCOUNT, COMPLIANCE, RESOURCE, RowName, SUBJECT, SubjectKey, SubjectRow, TIMER, TimerKey,
    },
};
use crate::Step;

/// The kind of timers that judge a resource again.
pub(super) const VERDICT_TIMER: &str = "verdict";

/// Rows of one subject, whoever judged it.
pub(super) type Group = BTreeMap<ComplianceKey, Arc<ComplianceState>>;

impl Task<'_, '_> {
    /// Replaces a source's rows of a resource under a requirement by what was judged now.
    ///
    /// `mine` tells which of the resource's rows that stand are the source's own; `was` is the ARN
    /// that the resource had, by which they are found. Rows of other sources that name it by its id
    /// go along when it gets another ARN or name.
    pub(super) fn replace(
        &mut self,
        entry: &StandardEntry,
        resource: &Resource,
        was: &str,
        mine: impl Fn(&ComplianceKey, &ComplianceState) -> bool,
        judged: (&str, Rows),
    ) -> Step {
        let requirement = &entry.requirement;
        let subject = |arn: &str| subject(&row_key(&requirement.id, resource, ""), arn);
        let (from, to) = (subject(was), subject(&resource.arn));
        let mut groups = BTreeMap::from([(from.clone(), self.rows_of(&from)?)]);
        if from != to {
            groups.insert(to.clone(), self.rows_of(&to)?);
        }
        let count = |groups: &BTreeMap<SubjectKey, Group>| {
            let each = groups.values().map(|rows| count_group(requirement.scoring, rows));
            each.fold(Counts::default(), |sum, one| sum + one)
        };
        let before = count(&groups);
        let is_here = |key: &ComplianceKey, _: &mut Arc<ComplianceState>| {
            key.region == resource.region && key.resource == resource.id
        };
        let rows = groups.get_mut(&from).into_iter();
        let here: Group = rows.flat_map(|rows| rows.extract_if(.., is_here)).collect();
        let (own, others): (Group, Group) =
            here.clone().into_iter().partition(|(key, row)| mine(key, row));
        let (source, judged) = judged;
        let mut after = self.settled(&requirement.id, resource, source, &own, judged)?;
        for (key, row) in others {
            let row = self.called(&key, row, resource)?;
            after.insert(key, row);
        }
        for key in here.keys().chain(after.keys().filter(|key| !here.contains_key(*key))) {
            self.write_row(key, here.get(key), after.get(key))?;
        }
        groups.entry(to).or_default().extend(after);
        self.count(&resource.account, &requirement.id, count(&groups) + -before);
        Ok(())
    }

    /// Gives the rows that judgements come to, beside those that stood, with their credit.
    fn settled(
        &mut self,
        requirement: &str,
        resource: &Resource,
        source: &str,
        own: &Group,
        judged: Rows,
    ) -> Step<Group> {
        let by_part = own.iter().map(|(key, row)| (key.part.clone(), row.clone())).collect();
        let mut after = Group::new();
        for (part, row) in settle(&by_part, judged, resource, source, self.view.at_ms()) {
            let key = row_key(requirement, resource, &part);
            let row = self.with_credit(&key, row)?;
            after.insert(key, Arc::new(row));
        }
        Ok(after)
    }

    /// Calls a row's resource as it is called now; exceptions may go by that, and by its tags.
    fn called(
        &mut self,
        key: &ComplianceKey,
        row: Arc<ComplianceState>,
        resource: &Resource,
    ) -> Step<Arc<ComplianceState>> {
        let same = row.name == resource.name && row.arn == resource.arn;
        if same && !self.exceptions()?.asks_for_tags() {
            return Ok(row);
        }
        let (name, arn) = (resource.name.clone(), resource.arn.clone());
        let row = ComplianceState { name, arn, ..Arc::unwrap_or_clone(row) };
        Ok(Arc::new(self.with_credit(key, row)?))
    }

    /// Gives the credit of one row anew; the other rows of its subject count with it.
    pub(super) fn recredit(&mut self, key: &ComplianceKey, row: &Arc<ComplianceState>) -> Step {
        let after = Arc::new(self.with_credit(key, (**row).clone())?);
        if after == *row {
            return Ok(());
        }
        let Some(scoring) = self.standard()?.get(&key.requirement).map(|e| e.requirement.scoring)
        else {
            return Ok(());
        };
        let mut rows = self.rows_beside(key, row)?;
        let before = count_group(scoring, &rows);
        rows.insert(key.clone(), after.clone());
        let now = count_group(scoring, &rows);
        self.write_row(key, Some(row), Some(&after))?;
        self.count(&key.account, &key.requirement, now + -before);
        Ok(())
    }

    /// Takes a row away, as when its requirement no longer judges such resources.
    pub(super) fn drop_row(&mut self, key: &ComplianceKey, row: &Arc<ComplianceState>) -> Step {
        self.write_row(key, Some(row), None)
    }

    /// Writes a row with its change and its timer; nothing happens where nothing differs.
    fn write_row(
        &mut self,
        key: &ComplianceKey,
        before: Option<&Arc<ComplianceState>>,
        after: Option<&Arc<ComplianceState>>,
    ) -> Step {
        if before == after {
            return Ok(());
        }
        match after {
            Some(row) => self.view.put(&COMPLIANCE, key, row.clone())?,
            None => self.view.delete(&COMPLIANCE, key)?,
        }
        self.move_name(key, before, after)?;
        self.move_timer(key, before.and_then(|r| r.flips_ms), after.and_then(|r| r.flips_ms))?;
        let of = |row: Option<&Arc<ComplianceState>>| row.map(|row| standing(row));
        if of(before) == of(after) {
            return Ok(());
        }
        // What is gone is told as it last was.
        let row = after.or(before).map(|row| (**row).clone());
        let (before, after) = (of(before), of(after));
        let (at_ms, cause) = (self.view.at_ms(), self.view.cause().clone());
        let change = ComplianceChange { before, after, at_ms, cause, row };
        self.view.emit(&topic::COMPLIANCE_CHANGE, key, &change)
    }

    fn move_timer(&mut self, key: &ComplianceKey, from: Option<i64>, to: Option<i64>) -> Step {
        if from == to {
            return Ok(());
        }
        let timer = |at_ms| TimerKey::at(at_ms, VERDICT_TIMER, &key.encode());
        if let Some(at_ms) = from {
            self.view.delete(&TIMER, &timer(at_ms))?;
        }
        if let Some(at_ms) = to {
            self.set_timer(&timer(at_ms))?;
        }
        Ok(())
    }

    /// Gives all rows of a row's subject, itself among them.
    pub(super) fn rows_beside(&self, key: &ComplianceKey, row: &ComplianceState) -> Step<Group> {
        self.rows_of(&subject(key, &row.arn))
    }

    fn rows_of(&self, of: &SubjectKey) -> Step<Group> {
        let mut rows = Group::new();
        for name in self.view.get(&SUBJECT, of)?.iter().flat_map(|row| &row.rows) {
            let RowName { region, resource, part } = name;
            let key = ComplianceKey::new(&*of.requirement, &*of.account, region, resource, part);
            let row = self.view.get(&COMPLIANCE, &key)?;
            rows.extend(row.map(|row| (key, row)));
        }
        Ok(rows)
    }

    /// Notes under which subject a row is found, if it is there at all.
    fn move_name(
        &mut self,
        key: &ComplianceKey,
        before: Option<&Arc<ComplianceState>>,
        after: Option<&Arc<ComplianceState>>,
    ) -> Step {
        let [before, after] = [before, after].map(|row| row.map(|row| subject(key, &row.arn)));
        if before == after {
            return Ok(());
        }
        for (of, is_there) in [(before, false), (after, true)] {
            let Some(of) = of else { continue };
            let names = self.view.get(&SUBJECT, &of)?;
            let mut rows = names.map_or(Vec::new(), |row| row.rows.clone());
            let name = RowName {
                region: key.region.clone(),
                resource: key.resource.clone(),
                part: key.part.clone(),
            };
            match rows.binary_search(&name) {
                Err(at) if is_there => rows.insert(at, name),
                Ok(at) if !is_there => drop(rows.remove(at)),
                _ => {}
            }
            if rows.is_empty() {
                self.view.delete(&SUBJECT, &of)?;
            } else {
                self.view.put(&SUBJECT, &of, SubjectRow { rows })?;
            }
        }
        Ok(())
    }

    fn with_credit(&mut self, key: &ComplianceKey, row: ComplianceState) -> Step<ComplianceState> {
        // Most rows pass: nothing is looked up for them.
        if row.verdict != Verdict::Fail {
            return Ok(without_credit(row));
        }
        let now_ms = self.now_ms()?;
        let exceptions = self.exceptions()?;
        let (placed, tagged) = (exceptions.by_place().next().is_some(), exceptions.asks_for_tags());
        // Nor is what no exception asks for.
        let account = match placed {
            true => self.view.get(&ACCOUNT, &AccountKey::new(&*key.account))?,
            false => None,
        };
        let resource = match tagged {
            true => self.view.get(&RESOURCE, &resource_of(key, &row))?,
            false => None,
        };
        let resource = resource.as_deref().map(|state| &state.resource);
        let place = Place { account: account.as_deref(), resource };
        Ok(credit(key, row, place, self.exceptions()?, now_ms))
    }
}

/// Counts the votes of a subject.
pub(super) fn count_group(scoring: Scoring, rows: &Group) -> Counts {
    count_rows(scoring, rows.values().map(|row| &**row))
}

/// Gives what a row is about: sources that name a resource by its ARN mean the same.
fn subject(key: &ComplianceKey, arn: &str) -> SubjectKey {
    let ComplianceKey { requirement, account, region, resource, .. } = key;
    match arn {
        "" => SubjectKey::new(requirement, account, region, resource),
        arn => SubjectKey::new(requirement, account, "", arn),
    }
}

fn row_key(requirement: &str, resource: &Resource, part: &str) -> ComplianceKey {
    let Resource { account, region, id, .. } = resource;
    ComplianceKey::new(requirement, &**account, &**region, &**id, part)
}

/// Gives the resource that a row is about, as the inventory calls it.
fn resource_of(key: &ComplianceKey, row: &ComplianceState) -> ResourceKey {
    ResourceKey::new(&*key.account, &*key.region, &*row.resource_type, &*key.resource)
}

fn standing(row: &ComplianceState) -> Standing {
    Standing { verdict: row.verdict, credit: row.credit }
}
