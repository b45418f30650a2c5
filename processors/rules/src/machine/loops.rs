//! The loops: `exists`, `all`, `exists_one`, `filter` and `map`.

use std::rc::Rc;

use serde_json::Value;

use super::{Evaluated, Machine, not_a, unknown};
use crate::node::{Loop, LoopKind};
use crate::unknown::Unknown;
use crate::value::{Items, Val};

impl<'a> Machine<'a> {
    /// Gives what a loop runs over.
    fn range_of(&mut self, loop_: &'a Loop) -> Result<Items<'a>, Unknown> {
        if self.is_whole
            && let Some(Value::Array(items)) = self.place(&loop_.range)
        {
            self.step()?;
            return Ok(Items::Array(items.iter()));
        }
        let range = self.value(&loop_.range)?;
        self.want_all_items(&range, loop_.site)?;
        match range.items() {
            Some(items) => Ok(items),
            None => unknown(loop_.site, not_a(&range, "a list")),
        }
    }

    /// Looks for an item whose body is `decisive`; it decides, whatever is unknown beside it.
    pub(super) fn find(&mut self, loop_: &'a Loop, decisive: bool) -> Result<bool, Unknown> {
        let mut open: Option<Unknown> = None;
        for item in self.range_of(loop_)? {
            self.variables[loop_.variable] = item;
            match self.truth_at(&loop_.body, loop_.site) {
                Ok(truth) if truth == decisive => return Ok(decisive),
                Ok(_) => {}
                Err(unknown) => {
                    open = Some(match open {
                        Some(first) => first.or(unknown),
                        None => unknown,
                    });
                }
            }
        }
        open.map_or(Ok(!decisive), Err)
    }

    /// Tells whether the body holds for exactly one item.
    pub(super) fn find_one(&mut self, loop_: &'a Loop) -> Result<bool, Unknown> {
        let mut count = 0;
        for item in self.range_of(loop_)? {
            self.variables[loop_.variable] = item;
            count += u32::from(self.truth_at(&loop_.body, loop_.site)?);
        }
        Ok(count == 1)
    }

    /// Collects the body of each item that satisfies the condition, if there is one.
    pub(super) fn collect(&mut self, loop_: &'a Loop) -> Evaluated<'a> {
        let condition = match &loop_.kind {
            LoopKind::Collect { condition } => condition.as_ref(),
            _ => None,
        };
        let mut collected = Vec::new();
        for item in self.range_of(loop_)? {
            self.variables[loop_.variable] = item;
            let wanted = match condition {
                Some(condition) => self.truth_at(condition, loop_.site)?,
                None => true,
            };
            if wanted {
                collected.push(self.value(&loop_.body)?);
            }
        }
        Ok(Val::List(Rc::new(collected)))
    }
}
