//! Turns the comprehensions, into which the parser unfolds CEL's macros, back into loops.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, operators};

use super::{Compiled, Compiler, LOOPS_MAX, is_name, items_of};
use crate::node::{Loop, LoopKind, Node};

/// Names that a loop's variable must not hide.
const RESERVED: [&str; 7] = ["r", "s", "doc", "item", "now", "param", "related"];

/// What a macro was, and the expressions that its author wrote.
enum Shape<'e> {
    Exists(&'e IdedExpr),
    All(&'e IdedExpr),
    ExistsOne(&'e IdedExpr),
    Collect { condition: Option<&'e IdedExpr>, value: &'e IdedExpr },
}

impl Compiler<'_> {
    pub(super) fn comprehension(&mut self, id: u64, macro_: &ComprehensionExpr) -> Compiled {
        let Some(shape) = shape(macro_) else {
            return self.error(id, "this macro is not supported");
        };
        let variable = self.variables.len();
        if variable == LOOPS_MAX {
            return self.error(id, format!("loops are nested deeper than {LOOPS_MAX}"));
        }
        let name = &macro_.iter_var;
        if RESERVED.contains(&name.as_str()) {
            return self.error(id, format!("'{name}' can't be the name of a loop's variable"));
        }
        let range = self.compile(&macro_.iter_range);
        self.variables.push((name.clone(), items_of(&range.place)));
        let (kind, body, word) = self.body(shape);
        self.variables.pop();
        let site = self.site(&range.place);
        let place = format!("{}.{word}(...)", range.place);
        let loop_ = Loop { kind, range: range.node, variable, body, site };
        Compiled { node: Node::Loop(Box::new(loop_)), place }
    }

    fn body(&mut self, shape: Shape<'_>) -> (LoopKind, Node, &'static str) {
        match shape {
            Shape::Exists(body) => (LoopKind::Exists, *self.condition(body).0, "exists"),
            Shape::All(body) => (LoopKind::All, *self.condition(body).0, "all"),
            Shape::ExistsOne(body) => (LoopKind::ExistsOne, *self.condition(body).0, "exists_one"),
            Shape::Collect { condition, value } => {
                let condition = condition.map(|condition| *self.condition(condition).0);
                let word = if condition.is_some() { "filter" } else { "map" };
                let value = self.compile(value).node;
                (LoopKind::Collect { condition }, value, word)
            }
        }
    }
}

/// Recognises what the parser's macros unfold into.
fn shape(macro_: &ComprehensionExpr) -> Option<Shape<'_>> {
    let Expr::Call(step) = &macro_.loop_step.expr else {
        return None;
    };
    let accumulator = macro_.accu_var.as_str();
    match (step.func_name.as_str(), step.args.as_slice()) {
        (operators::LOGICAL_OR, [before, body]) if is_name(before, accumulator) => {
            Some(Shape::Exists(body))
        }
        (operators::LOGICAL_AND, [before, body]) if is_name(before, accumulator) => {
            Some(Shape::All(body))
        }
        (operators::ADD, _) => {
            Some(Shape::Collect { condition: None, value: appended(step, accumulator)? })
        }
        (operators::CONDITIONAL, [condition, then, other]) if is_name(other, accumulator) => {
            let Expr::Call(then) = &then.expr else {
                return None;
            };
            match &macro_.accu_init.expr {
                Expr::List(_) => {
                    let value = appended(then, accumulator)?;
                    Some(Shape::Collect { condition: Some(condition), value })
                }
                _ => Some(Shape::ExistsOne(condition)),
            }
        }
        _ => None,
    }
}

/// Gives `x` of `accumulator + [x]`.
fn appended<'e>(call: &'e CallExpr, accumulator: &str) -> Option<&'e IdedExpr> {
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::ADD, [before, IdedExpr { expr: Expr::List(list), .. }])
            if is_name(before, accumulator) =>
        {
            list.elements.first()
        }
        _ => None,
    }
}
