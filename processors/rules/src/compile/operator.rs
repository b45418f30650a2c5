//! Compiles operators.

use cel::common::ast::{IdedExpr, operators};

use super::{Compiled, Compiler};
use crate::node::{Arithmetic, Comparison, Literal, Node};

impl Compiler<'_> {
    pub(super) fn logic(&mut self, left: &IdedExpr, sign: &str, right: &IdedExpr) -> Compiled {
        let (left, left_place, site) = self.condition(left);
        let (right, right_place, _) = self.condition(right);
        let place = format!("{left_place} {sign} {right_place}");
        let node = match sign {
            "&&" => Node::And(left, right, site),
            _ => Node::Or(left, right, site),
        };
        Compiled { node, place }
    }

    pub(super) fn conditional(
        &mut self,
        condition: &IdedExpr,
        then: &IdedExpr,
        other: &IdedExpr,
    ) -> Compiled {
        let (condition, place, site) = self.condition(condition);
        let (then, other) = (self.compile(then), self.compile(other));
        let place = format!("{place} ? {} : {}", then.place, other.place);
        let (then, other) = (Box::new(then.node), Box::new(other.node));
        Compiled { node: Node::If { condition, then, other, site }, place }
    }

    pub(super) fn index(&mut self, operand: &IdedExpr, index: &IdedExpr) -> Compiled {
        let (operand, index) = (self.compile(operand), self.compile(index));
        let place = format!("{}[{}]", operand.place, index.place);
        let site = self.site(&place);
        let (operand, index) = (Box::new(operand.node), Box::new(index.node));
        Compiled { node: Node::Index { operand, index, site }, place }
    }

    pub(super) fn membership(&mut self, item: &IdedExpr, list: &IdedExpr) -> Compiled {
        let (item, list) = (self.compile(item), self.compile(list));
        let place = format!("{} in {}", item.place, list.place);
        let site = self.site(&place);
        let item = Box::new(item.node);
        let node = match literals(&list.node) {
            Some(literals) => Node::InLiterals { item, literals, site },
            None => Node::In { item, list: Box::new(list.node), site },
        };
        Compiled { node, place }
    }

    /// `"true" == true` is false in CEL and no error, so that a text from a report would turn a
    /// check round in silence; the bare member is unknown when it is no bool.
    pub(super) fn equality(
        &mut self,
        id: u64,
        left: &IdedExpr,
        sign: &str,
        right: &IdedExpr,
    ) -> Compiled {
        let (left, right) = (self.compile(left), self.compile(right));
        for side in [&left, &right] {
            if matches!(side.node, Node::Literal(Literal::Bool(_))) {
                self.error(id, format!("compare with {} by writing the bare value", side.place));
            }
        }
        let place = format!("{} {sign} {}", left.place, right.place);
        let site = self.site(&place);
        let (left, right) = (Box::new(left.node), Box::new(right.node));
        Compiled { node: Node::Equal { left, right, negated: sign == "!=", site }, place }
    }

    pub(super) fn comparison(
        &mut self,
        left: &IdedExpr,
        operator: Comparison,
        sign: &str,
        right: &IdedExpr,
    ) -> Compiled {
        let (left, right) = (self.compile_or_now(left), self.compile_or_now(right));
        let place = format!("{} {sign} {}", left.place, right.place);
        let site = self.site(&place);
        let (left, right) = (Box::new(left.node), Box::new(right.node));
        Compiled { node: Node::Compare { operator, left, right, site }, place }
    }

    pub(super) fn arithmetic(
        &mut self,
        left: &IdedExpr,
        operator: Arithmetic,
        sign: &str,
        right: &IdedExpr,
    ) -> Compiled {
        let (left, right) = (self.compile(left), self.compile(right));
        let place = format!("{} {sign} {}", left.place, right.place);
        let site = self.site(&place);
        let (left, right) = (Box::new(left.node), Box::new(right.node));
        Compiled { node: Node::Arithmetic { operator, left, right, site }, place }
    }
}

pub(super) fn comparison(name: &str) -> Option<(Comparison, &'static str)> {
    match name {
        operators::LESS => Some((Comparison::Less, "<")),
        operators::LESS_EQUALS => Some((Comparison::LessOrEqual, "<=")),
        operators::GREATER => Some((Comparison::Greater, ">")),
        operators::GREATER_EQUALS => Some((Comparison::GreaterOrEqual, ">=")),
        _ => None,
    }
}

pub(super) fn arithmetic(name: &str) -> Option<(Arithmetic, &'static str)> {
    match name {
        operators::ADD => Some((Arithmetic::Add, "+")),
        operators::SUBSTRACT => Some((Arithmetic::Subtract, "-")),
        operators::MULTIPLY => Some((Arithmetic::Multiply, "*")),
        operators::DIVIDE => Some((Arithmetic::Divide, "/")),
        operators::MODULO => Some((Arithmetic::Remainder, "%")),
        _ => None,
    }
}

fn literals(list: &Node) -> Option<Vec<Literal>> {
    let Node::List(items) = list else { return None };
    let literal = |item: &Node| match item {
        Node::Literal(literal) => Some(literal.clone()),
        _ => None,
    };
    items.iter().map(literal).collect()
}
