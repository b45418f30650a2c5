//! The operators: logic, equality, order, arithmetic, indexing and membership.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::{Evaluated, Machine, literal_value, not_a, unknown};
use crate::library::time::DAY_MS;
use crate::node::{Arithmetic, Comparison, Literal, Node, Site};
use crate::unknown::{Cause, Unknown};
use crate::value::{Days, Val, equal, order};

impl<'a> Machine<'a> {
    /// `&&` and `||`: one operand that is `decisive` decides, whatever is unknown beside it.
    #[inline]
    pub(super) fn logic(
        &mut self,
        left: &'a Node,
        right: &'a Node,
        site: Site,
        decisive: bool,
    ) -> Result<bool, Unknown> {
        let left = self.truth_at(left, site);
        if matches!(left, Ok(truth) if truth == decisive) {
            return left;
        }
        match (left, self.truth_at(right, site)) {
            (_, Ok(truth)) if truth == decisive => Ok(decisive),
            (Ok(_), right) => right,
            (Err(left), Err(right)) => Err(left.or(right)),
            (left, _) => left,
        }
    }

    pub(super) fn equality(
        &mut self,
        left: &'a Node,
        right: &'a Node,
        site: Site,
    ) -> Result<bool, Unknown> {
        // What a rule's text holds is short, and whole.
        if let Node::Literal(literal) = right {
            return self.among(left, std::slice::from_ref(literal), site);
        }
        let left = self.value(left)?;
        let right = self.value(right)?;
        self.charge(left.weight().min(right.weight()))?;
        self.want_whole(&left, site)?;
        self.want_whole(&right, site)?;
        Ok(equal(&left, &right))
    }

    pub(super) fn comparison(
        &mut self,
        operator: Comparison,
        left: &'a Node,
        right: &'a Node,
        site: Site,
    ) -> Result<bool, Unknown> {
        if let Some((left, right)) = self.integer(left).zip(self.integer(right)) {
            return Ok(operator.holds(left.cmp(&right)));
        }
        let (left, right) = (self.lazy(left)?, self.lazy(right)?);
        match (&left, &right) {
            (Val::Days(days), Val::Int(limit)) => {
                return Ok(self.compare_days(*days, operator, *limit));
            }
            (Val::Int(limit), Val::Days(days)) => {
                return Ok(self.compare_days(*days, operator.mirrored(), *limit));
            }
            (Val::Now, Val::Time(at)) => return Ok(self.compare_now(operator, *at)),
            (Val::Time(at), Val::Now) => return Ok(self.compare_now(operator.mirrored(), *at)),
            _ => {}
        }
        let (left, right) = (self.settle(left), self.settle(right));
        if let (Val::Str(left), Val::Str(right)) = (&left, &right) {
            self.charge_bytes(left.len().min(right.len()))?;
        }
        match order(&left, &right) {
            Some(ordering) => Ok(operator.holds(ordering)),
            None if matches!(left, Val::Null) => unknown(site, Cause::Null),
            None => unknown(site, not_a(&right, left.type_name())),
        }
    }

    /// Compares days with a limit, and notes when that changes. `age < n` and `age >= n` change
    /// when the nth day is full, `age <= n` and `age > n` a day later; `until` runs backwards.
    fn compare_days(&mut self, days: Days, operator: Comparison, limit: i64) -> bool {
        let limit_days = limit.saturating_add(i64::from(operator.splits_above()));
        let span_ms = limit_days.saturating_mul(DAY_MS);
        self.note_flip(if days.until {
            days.at_ms.saturating_sub(span_ms).saturating_add(1)
        } else {
            days.at_ms.saturating_add(span_ms)
        });
        operator.holds(self.count(days).cmp(&limit))
    }

    fn compare_now(&mut self, operator: Comparison, at_ms: i64) -> bool {
        self.note_flip(at_ms.saturating_add(i64::from(operator.splits_above())));
        operator.holds(self.now_ms.cmp(&at_ms))
    }

    pub(super) fn arithmetic(
        &mut self,
        operator: Arithmetic,
        left: &'a Node,
        right: &'a Node,
        site: Site,
    ) -> Evaluated<'a> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        match (&left, &right, operator) {
            (Val::Int(left), Val::Int(right), _) => match integers(operator, *left, *right) {
                Some(result) => Ok(Val::Int(result)),
                None => unknown(site, Cause::Unreadable("the result is no number".into())),
            },
            (Val::Double(left), Val::Double(right), _) if operator != Arithmetic::Remainder => {
                Ok(Val::Double(doubles(operator, *left, *right)))
            }
            (Val::Str(left), Val::Str(right), Arithmetic::Add) => {
                self.charge_bytes(left.len() + right.len())?;
                Ok(Val::Str(Cow::Owned(format!("{left}{right}"))))
            }
            (Val::Null, ..) => unknown(site, Cause::Null),
            _ if operator == Arithmetic::Add && !left.is_map() && !right.is_map() => {
                self.charge(left.cost() + right.cost())?;
                self.want_all_items(&left, site)?;
                self.want_all_items(&right, site)?;
                match (left.items(), right.items()) {
                    (Some(first), Some(second)) => {
                        Ok(Val::List(Rc::new(first.chain(second).collect())))
                    }
                    _ => unknown(site, not_a(&right, left.type_name())),
                }
            }
            _ => unknown(site, not_a(&right, left.type_name())),
        }
    }

    pub(super) fn negate(&mut self, operand: &'a Node, site: Site) -> Evaluated<'a> {
        match self.value(operand)? {
            Val::Int(number) => match number.checked_neg() {
                Some(number) => Ok(Val::Int(number)),
                None => unknown(site, Cause::Unreadable("the result is no number".into())),
            },
            Val::Double(number) => Ok(Val::Double(-number)),
            other => unknown(site, not_a(&other, "a number")),
        }
    }

    pub(super) fn index(
        &mut self,
        operand: &'a Node,
        index: &'a Node,
        site: Site,
    ) -> Evaluated<'a> {
        let (operand, index) = (self.value(operand)?, self.value(index)?);
        let found = match (&index, operand.is_map()) {
            (Val::Str(key), true) => self.member(&operand, key, site)?,
            (Val::Int(at), false) => {
                self.want_all_items(&operand, site)?;
                match (operand.items(), usize::try_from(*at)) {
                    (Some(mut items), Ok(at)) => items.nth(at),
                    (Some(_), Err(_)) => None,
                    (None, _) => return unknown(site, not_a(&operand, "a list")),
                }
            }
            _ if matches!(operand, Val::Null) => return unknown(site, Cause::Null),
            (_, true) => return unknown(site, not_a(&index, "a string")),
            (_, false) => return unknown(site, not_a(&index, "an int")),
        };
        found.map_or_else(|| unknown(site, Cause::Absent), Ok)
    }

    pub(super) fn membership(
        &mut self,
        item: &'a Node,
        list: &'a Node,
        site: Site,
    ) -> Result<bool, Unknown> {
        let (item, list) = (self.value(item)?, self.value(list)?);
        if list.is_map() {
            return match &item {
                Val::Str(key) => Ok(self.member(&list, key, site)?.is_some()),
                // CEL's maps may have such keys, JSON's have none.
                Val::Int(_) | Val::Double(_) | Val::Bool(_) => Ok(false),
                other => unknown(site, not_a(other, "a string")),
            };
        }
        self.charge(list.weight())?;
        self.want_whole(&item, site)?;
        self.want_whole(&list, site)?;
        match list.items() {
            Some(mut items) => Ok(items.any(|one| equal(&one, &item))),
            None => unknown(site, not_a(&list, "a list")),
        }
    }

    /// `item in [literals]`.
    pub(super) fn among(
        &mut self,
        item: &'a Node,
        literals: &'a [Literal],
        site: Site,
    ) -> Result<bool, Unknown> {
        if let Some(Value::String(text)) = self.place(item) {
            let is_text = |one: &Literal| matches!(one, Literal::Text(one) if **one == **text);
            return Ok(literals.iter().any(is_text));
        }
        let item = self.value(item)?;
        self.want_whole(&item, site)?;
        Ok(literals.iter().any(|literal| equal(&item, &literal_value(literal))))
    }

    pub(super) fn map(&mut self, members: &'a [(Node, Node)], site: Site) -> Evaluated<'a> {
        let mut map = BTreeMap::new();
        for (key, value) in members {
            let key = match self.value(key)? {
                Val::Str(key) => key.into_owned(),
                other => return unknown(site, not_a(&other, "a string")),
            };
            map.insert(key, self.value(value)?);
        }
        Ok(Val::Map(Rc::new(map)))
    }

    /// Evaluates what must be text.
    pub(super) fn text(&mut self, node: &'a Node, site: Site) -> Result<Cow<'a, str>, Unknown> {
        match self.value(node)? {
            Val::Str(text) => Ok(text),
            other => unknown(site, not_a(&other, "a string")),
        }
    }
}

fn integers(operator: Arithmetic, left: i64, right: i64) -> Option<i64> {
    match operator {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide => left.checked_div(right),
        Arithmetic::Remainder => left.checked_rem(right),
    }
}

fn doubles(operator: Arithmetic, left: f64, right: f64) -> f64 {
    match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    }
}
