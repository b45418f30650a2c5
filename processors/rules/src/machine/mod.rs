//! Evaluates expressions over one document, with three values: true, false and unknown.

mod budget;
mod call;
mod loops;
mod operator;

use std::borrow::Cow;
use std::rc::Rc;

use serde_json::Value;

use self::budget::{DOCUMENT_STEPS_MAX, STEPS_MAX};
use crate::compile::{LOOPS_MAX, Piece, Template};
use crate::cuts::Cuts;
use crate::library::time::{DAY_MS, whole_days};
use crate::node::{Literal, LoopKind, Name, Node, Site};
use crate::unknown::{Cause, Unknown};
use crate::value::{Days, Val};
use crate::{Context, Document, Related};

/// What most messages take, so that they are made in one go.
const MESSAGE_BYTES: usize = 128;

/// Errors of these names say that the tags were not read.
const TAG_CALLS: [&str; 3] = ["Tagging", "Tags", "tags"];

/// How deep texts may lie in lists where many are wanted: a list of lists.
const LISTS_MAX: usize = 2;

type Evaluated<'a> = Result<Val<'a>, Unknown>;

/// What an evaluation reads, and what it keeps count of.
pub(crate) struct Machine<'a> {
    document: &'a Document<'a>,
    context: &'a dyn Context,
    now_ms: i64,
    cuts: Cuts<'a>,
    /// Whether every call was answered and nothing was cut off: then nothing is hidden.
    is_whole: bool,
    item: Val<'a>,
    variables: [Val<'a>; LOOPS_MAX],
    steps_left: usize,
    /// Steps of all that are left for the verdicts after this one.
    all_left: usize,
    flips_at_ms: Option<i64>,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(
        document: &'a Document<'a>,
        context: &'a dyn Context,
        now_ms: i64,
    ) -> Machine<'a> {
        Machine {
            document,
            context,
            now_ms,
            cuts: Cuts::of(document),
            is_whole: document.errors.is_empty() && document.truncated.is_empty(),
            item: Val::Null,
            variables: [const { Val::Null }; LOOPS_MAX],
            steps_left: STEPS_MAX,
            all_left: DOCUMENT_STEPS_MAX - STEPS_MAX,
            flips_at_ms: None,
        }
    }

    /// Starts the next verdict: a full budget, as far as the document's reaches, and nothing known
    /// of time.
    pub(crate) fn start(&mut self, item: Val<'a>) {
        self.item = item;
        self.all_left += self.steps_left;
        self.steps_left = STEPS_MAX.min(self.all_left);
        self.all_left -= self.steps_left;
        self.flips_at_ms = None;
    }

    /// Gives the earliest instant after now at which a comparison met since the start changes.
    pub(crate) fn flips_at_ms(&self) -> Option<i64> {
        self.flips_at_ms
    }

    /// Evaluates a field that must be true or false.
    pub(crate) fn truth(&mut self, (node, site): &'a (Node, Site)) -> Result<bool, Unknown> {
        self.truth_at(node, *site)
    }

    /// Evaluates an expression.
    pub(crate) fn value(&mut self, node: &'a Node) -> Evaluated<'a> {
        let value = self.lazy(node)?;
        Ok(self.settle(value))
    }

    /// Evaluates what must be a list (or a map, for its keys).
    pub(crate) fn items(
        &mut self,
        (node, site): &'a (Node, Site),
    ) -> Result<Vec<Val<'a>>, Unknown> {
        let list = self.value(node)?;
        self.want_all_items(&list, *site)?;
        match list.items() {
            Some(items) => Ok(items.collect()),
            None => unknown(*site, not_a(&list, "a list")),
        }
    }

    /// Evaluates what must be a text, a list of texts, or a list of such lists.
    pub(crate) fn texts(&mut self, (node, site): &'a (Node, Site)) -> Result<Vec<String>, Unknown> {
        let value = self.value(node)?;
        let mut texts = Vec::new();
        self.gather(&value, *site, LISTS_MAX, &mut texts)?;
        Ok(texts)
    }

    fn gather(
        &self,
        value: &Val<'a>,
        site: Site,
        lists: usize,
        texts: &mut Vec<String>,
    ) -> Result<(), Unknown> {
        self.want_all_items(value, site)?;
        match (value, value.items()) {
            (Val::Str(_) | Val::Int(_), _) => texts.push(value.to_text()),
            (_, Some(mut items)) if lists > 0 && !value.is_map() => {
                items.try_for_each(|item| self.gather(&item, site, lists - 1, texts))?;
            }
            _ => return unknown(site, not_a(value, "a string")),
        }
        Ok(())
    }

    /// Evaluates the name of a part.
    pub(crate) fn part(&mut self, (node, site): &'a (Node, Site)) -> Result<String, Unknown> {
        match self.value(node)? {
            part @ (Val::Str(_) | Val::Int(_) | Val::Bool(_)) => Ok(part.to_text()),
            other => unknown(*site, not_a(&other, "a string")),
        }
    }

    /// Fills a message in; what is unknown is a question mark.
    pub(crate) fn fill(&mut self, template: &'a Template) -> String {
        let mut text = String::with_capacity(MESSAGE_BYTES);
        for piece in &template.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Value(node) => match self.value(node).and_then(|v| self.priced(v)) {
                    Ok(Val::Str(value)) => text.push_str(&value),
                    Ok(value) => text.push_str(&value.to_text()),
                    Err(_) => text.push('?'),
                },
            }
        }
        text
    }

    fn truth_at(&mut self, node: &'a Node, site: Site) -> Result<bool, Unknown> {
        self.step()?;
        match node {
            Node::Has { operand, field, site } => self.has(operand, field, *site),
            Node::And(left, right, site) => self.logic(left, right, *site, false),
            Node::Or(left, right, site) => self.logic(left, right, *site, true),
            Node::Not(operand, site) => self.truth_at(operand, *site).map(|truth| !truth),
            Node::Equal { left, right, negated, site } => {
                self.equality(left, right, *site).map(|equal| equal != *negated)
            }
            Node::Compare { operator, left, right, site } => {
                self.comparison(*operator, left, right, *site)
            }
            Node::In { item, list, site } => self.membership(item, list, *site),
            Node::InLiterals { item, literals, site } => self.among(item, literals, *site),
            Node::Matches { text, pattern, site } => {
                let text = self.text(text, *site)?;
                self.charge_bytes(text.len())?;
                Ok(pattern.is_match(&text))
            }
            Node::InRange { range, inner, site } => self.in_range(range, inner, *site),
            Node::Loop(loop_) if loop_.decides() => match loop_.kind {
                LoopKind::All => self.find(loop_, false),
                LoopKind::ExistsOne => self.find_one(loop_),
                _ => self.find(loop_, true),
            },
            _ => self.truth_of(node, site),
        }
    }

    /// Evaluates what is no condition in its form, as [`Self::truth_at`] does.
    #[inline(never)]
    fn truth_of(&mut self, node: &'a Node, site: Site) -> Result<bool, Unknown> {
        if let Some(Value::Bool(truth)) = self.place(node) {
            return Ok(*truth);
        }
        let value = self.datum(node)?;
        match self.settle(value) {
            Val::Bool(truth) => Ok(truth),
            other => unknown(site, Cause::WrongType(other.type_name(), "a bool")),
        }
    }

    /// Evaluates an expression, and leaves what depends on time open for a comparison.
    fn lazy(&mut self, node: &'a Node) -> Evaluated<'a> {
        self.step()?;
        self.datum(node)
    }

    /// Finds where in the document a path of members leads, which is what rules do most. None for
    /// anything but a path, and for one whose end can't be told: `datum` says why.
    fn place(&self, node: &Node) -> Option<&'a Value> {
        match node {
            Node::Select { operand, field, .. } => {
                let of = match &**operand {
                    Node::Variable(depth) => self.variables[*depth].as_json()?,
                    other => self.place(other)?,
                };
                match of {
                    Value::Object(members) if self.is_whole || self.hidden(of, field).is_none() => {
                        members.get(&**field)
                    }
                    _ => None,
                }
            }
            Node::Variable(depth) => self.variables[*depth].as_json(),
            Node::Name(Name::Configuration) => Some(self.document.configuration),
            Node::Name(Name::Supplementary) => Some(self.document.supplementary),
            Node::Name(Name::Item) => self.item.as_json(),
            _ => None,
        }
    }

    /// Gives a whole number that lies in the document, in a variable or in the rule.
    fn integer(&self, node: &Node) -> Option<i64> {
        match node {
            Node::Literal(Literal::Int(number)) => Some(*number),
            Node::Variable(depth) => match self.variables[*depth] {
                Val::Int(number) => Some(number),
                _ => None,
            },
            Node::Select { .. } => self.place(node)?.as_i64(),
            _ => None,
        }
    }

    /// Evaluates an expression that may be anything.
    fn datum(&mut self, node: &'a Node) -> Evaluated<'a> {
        match node {
            Node::Literal(literal) => Ok(literal_value(literal)),
            Node::Name(name) => self.name(*name),
            Node::Tags(site) => self.tags(*site),
            Node::Related(at, site) => self.related(*at, *site),
            Node::Variable(depth) => Ok(self.variables[*depth].clone()),
            Node::Select { operand, field, site } => match self.place(node) {
                Some(json) => Ok(Val::of(json)),
                None => self.select(operand, field, *site),
            },
            Node::Index { operand, index, site } => self.index(operand, index, *site),
            Node::List(nodes) => {
                let values: Result<Vec<_>, _> = nodes.iter().map(|node| self.value(node)).collect();
                Ok(Val::List(Rc::new(values?)))
            }
            Node::Map { members, site } => self.map(members, *site),
            Node::If { condition, then, other, site } => {
                let chosen = if self.truth_at(condition, *site)? { then } else { other };
                self.value(chosen)
            }
            Node::Arithmetic { operator, left, right, site } => {
                self.arithmetic(*operator, left, right, *site)
            }
            Node::Negate(operand, site) => self.negate(operand, *site),
            Node::Call { function, arguments, site } => self.call(*function, arguments, *site),
            Node::Loop(loop_) if !loop_.decides() => self.collect(loop_),
            Node::Has { .. }
            | Node::And(..)
            | Node::Or(..)
            | Node::Not(..)
            | Node::Equal { .. }
            | Node::Compare { .. }
            | Node::In { .. }
            | Node::InLiterals { .. }
            | Node::Matches { .. }
            | Node::InRange { .. }
            | Node::Loop(_) => self.truth_at(node, 0).map(Val::Bool),
        }
    }

    /// Gives a member that can't be found as [`Self::place`] does, or why there is none.
    fn select(&mut self, operand: &'a Node, field: &str, site: Site) -> Evaluated<'a> {
        let operand = self.value(operand)?;
        match self.member(&operand, field, site)? {
            Some(value) => Ok(value),
            None => unknown(site, Cause::Absent),
        }
    }

    fn has(&mut self, operand: &'a Node, field: &str, site: Site) -> Result<bool, Unknown> {
        if let Some(Value::Object(members)) = self.place(operand)
            && self.is_whole
        {
            return Ok(members.contains_key(field));
        }
        let operand = self.value(operand)?;
        Ok(self.member(&operand, field, site)?.is_some())
    }

    fn tags(&self, site: Site) -> Evaluated<'a> {
        let errors = &self.document.errors;
        match TAG_CALLS.iter().find_map(|call| errors.get(*call)) {
            Some(error) => unknown(site, Cause::FailedCall(error.as_str().into())),
            None => Ok(Val::Tags(self.document.tags)),
        }
    }

    fn related(&self, at: usize, site: Site) -> Evaluated<'a> {
        match self.document.related.get(at) {
            None => unknown(site, Cause::Absent),
            Some(Related { lacking: Some(reason), .. }) => {
                unknown(site, Cause::Unreadable(reason.as_str().into()))
            }
            Some(related) => Ok(Val::of(&related.items)),
        }
    }

    fn name(&self, name: Name) -> Evaluated<'a> {
        let document = self.document;
        let text = |text: &'a str| Ok(Val::Str(Cow::Borrowed(text)));
        match name {
            Name::Configuration => Ok(Val::of(document.configuration)),
            Name::Supplementary => Ok(Val::of(document.supplementary)),
            Name::Item => Ok(self.item.clone()),
            Name::Now => Ok(Val::Now),
            Name::Account => text(document.account),
            Name::Region => text(document.region),
            Name::Id => text(document.id),
            Name::Label => text(document.name),
            Name::Arn => text(document.arn),
        }
    }

    /// Gives a member: none when the document says that there is none.
    fn member(&self, of: &Val<'a>, key: &str, site: Site) -> Result<Option<Val<'a>>, Unknown> {
        match of {
            Val::Json(json) => match self.hidden(json, key) {
                Some(cause) => unknown(site, cause),
                None => match json {
                    Value::Object(members) => Ok(members.get(key).map(Val::of)),
                    _ => unknown(site, Cause::WrongType("a member of a list", "a member of a map")),
                },
            },
            Val::Tags(_) | Val::Map(_) => Ok(of.member(key)),
            Val::Null => unknown(site, self.null_cause(key)),
            other => unknown(site, Cause::WrongType(member_of(other), "a member of a map")),
        }
    }

    /// Where `s` as a whole is null, a failed call is still the better reason.
    fn null_cause(&self, key: &str) -> Cause {
        match self.document.errors.get(key) {
            Some(error) if self.document.supplementary.is_null() => {
                Cause::FailedCall(error.as_str().into())
            }
            _ => Cause::Null,
        }
    }

    /// Tells why a member can't be known, whatever stands there.
    fn hidden(&self, of: &Value, key: &str) -> Option<Cause> {
        if std::ptr::eq(of, self.document.supplementary)
            && let Some(error) = self.document.errors.get(key)
        {
            return Some(Cause::FailedCall(error.as_str().into()));
        }
        self.cuts.has(of, key).then_some(Cause::CutOff)
    }

    /// Fails when a part of a value is not known that a function or `==` would look into.
    fn want_whole(&self, value: &Val<'a>, site: Site) -> Result<(), Unknown> {
        match value {
            _ if self.is_whole => Ok(()),
            Val::Json(json) => {
                if std::ptr::eq(*json, self.document.supplementary)
                    && let Some(error) = self.document.errors.values().next()
                {
                    return unknown(site, Cause::FailedCall(error.as_str().into()));
                }
                if self.cuts.touches(json) { unknown(site, Cause::CutOff) } else { Ok(()) }
            }
            Val::List(items) => items.iter().try_for_each(|item| self.want_whole(item, site)),
            Val::Map(members) => members.values().try_for_each(|one| self.want_whole(one, site)),
            _ => Ok(()),
        }
    }

    /// Fails when a list or map lacks items or keys that were cut off or not read.
    fn want_all_items(&self, value: &Val<'a>, site: Site) -> Result<(), Unknown> {
        let Val::Json(json) = value else {
            return Ok(());
        };
        if self.is_whole {
            return Ok(());
        }
        if std::ptr::eq(*json, self.document.supplementary) {
            return self.want_whole(value, site);
        }
        if self.cuts.shorten(json) { unknown(site, Cause::CutOff) } else { Ok(()) }
    }

    /// Turns what was left open for a comparison into a plain value that changes at the next day.
    fn settle(&mut self, value: Val<'a>) -> Val<'a> {
        match value {
            Val::Days(days) => {
                let count = self.count(days);
                self.note_flip(if days.until {
                    days.at_ms.saturating_sub(count.saturating_mul(DAY_MS)).saturating_add(1)
                } else {
                    days.at_ms.saturating_add((count + 1).saturating_mul(DAY_MS))
                });
                Val::Int(count)
            }
            other => other,
        }
    }

    fn count(&self, days: Days) -> i64 {
        if days.until {
            whole_days(self.now_ms, days.at_ms)
        } else {
            whole_days(days.at_ms, self.now_ms)
        }
    }

    fn note_flip(&mut self, at_ms: i64) {
        if at_ms > self.now_ms {
            self.flips_at_ms = Some(self.flips_at_ms.map_or(at_ms, |before| before.min(at_ms)));
        }
    }
}

fn unknown<T>(site: Site, cause: Cause) -> Result<T, Unknown> {
    Err(Unknown { site, cause: Box::new(cause) })
}

/// A null is missing data; any other wrong type is the rule's fault.
fn not_a(value: &Val<'_>, wanted: &'static str) -> Cause {
    match value {
        Val::Null => Cause::Null,
        other => Cause::WrongType(other.type_name(), wanted),
    }
}

fn member_of(value: &Val<'_>) -> &'static str {
    match value.type_name() {
        "a string" => "a member of a string",
        "a list" => "a member of a list",
        _ => "a member of a plain value",
    }
}

fn literal_value(literal: &Literal) -> Val<'_> {
    match literal {
        Literal::Null => Val::Null,
        Literal::Bool(truth) => Val::Bool(*truth),
        Literal::Int(number) => Val::Int(*number),
        Literal::Double(number) => Val::Double(*number),
        Literal::Text(text) => Val::Str(Cow::Borrowed(text)),
    }
}
