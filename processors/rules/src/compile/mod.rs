//! Turns the text of an expression into [`Node`]s, and finds every fault that can be found
//! without a document.

mod call;
mod comprehension;
mod operator;
mod parameter;
mod related;
mod template;

use std::collections::BTreeSet;

use cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, MapExpr, SelectExpr, SourceInfo, operators,
};
use cel::parser::Parser;

use crate::node::{Literal, Name, Node, Site};
use crate::{CompileError, Parameters};

pub(crate) use template::{Piece, Template};

/// How deep loops may lie inside each other.
pub(crate) const LOOPS_MAX: usize = 8;
/// How deep an expression's tree may be: evaluation and the parser recurse.
const DEPTH_MAX: usize = 60;
/// How long an expression may be, in characters: a person must be able to read it.
const SOURCE_CHARS_MAX: usize = 4_000;
/// How much of an expression a reason repeats, in characters.
const PLACE_CHARS_MAX: usize = 120;
/// How much of it stands for a loop's variable, in characters: the text of a loop within a loop
/// would be the product of both.
const VARIABLE_CHARS_MAX: usize = 500;
/// How many faults of a rule are told.
const ERRORS_MAX: usize = 100;
/// How many patterns a rule may have: each is a machine of its own.
pub(crate) const PATTERNS_MAX: usize = 20;

/// What the expressions of a rule share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The texts that [`Site`]s stand for.
    pub(crate) sites: Vec<String>,
    pub(crate) errors: Vec<CompileError>,
    pub(crate) uses_accounts: bool,
    pub(crate) uses_time: bool,
    /// The relations' names, each with the members of its items.
    pub(crate) related: Vec<(String, Vec<String>)>,
    /// The parameters that are used.
    pub(crate) parameters: BTreeSet<String>,
    /// How many patterns there are so far.
    pub(crate) patterns: usize,
}

/// Which of a rule's texts is compiled, and what it may say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'s> {
    pub(crate) name: &'s str,
    pub(crate) text: &'s str,
    /// Where `item` lies, as a path; none where there is no item.
    pub(crate) item: Option<&'s str>,
    /// Whether the result must be true or false.
    pub(crate) is_condition: bool,
    /// Whether `now` may be used.
    pub(crate) may_use_time: bool,
    pub(crate) parameters: Option<&'s Parameters>,
}

/// Compiles a field that is one expression.
pub(crate) fn expression(field: Field<'_>, shared: &mut Shared) -> Expression {
    let Compiled { node, place } = Compiler::run(field, 0, field.text, shared);
    shared.sites.push(shortened(&place));
    Expression { node, site: (shared.sites.len() - 1) as Site, place }
}

/// A compiled field.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) node: Node,
    /// Where it is to blame when the whole of it has the wrong type.
    pub(crate) site: Site,
    pub(crate) place: String,
}

/// A node, and the text that it stands for.
#[derive(Debug)]
struct Compiled {
    node: Node,
    place: String,
}

struct Compiler<'s> {
    field: Field<'s>,
    /// Where the expression starts in the field's text, in bytes.
    base: usize,
    info: SourceInfo,
    /// The variables of the loops around: name and path.
    variables: Vec<(String, String)>,
    depth: usize,
    shared: &'s mut Shared,
}

impl<'s> Compiler<'s> {
    fn run(field: Field<'s>, base: usize, source: &'s str, shared: &'s mut Shared) -> Compiled {
        let mut compiler = Compiler {
            field,
            base,
            info: SourceInfo::default(),
            variables: Vec::new(),
            depth: 0,
            shared,
        };
        if source.chars().count() > SOURCE_CHARS_MAX {
            let limit = format!("the expression is longer than {SOURCE_CHARS_MAX} characters");
            compiler.error_at(0, limit);
            return placeholder();
        }
        match Parser::default().parse_with_source_info(source) {
            Ok((expression, info)) => {
                compiler.info = info;
                let compiled = compiler.compile(&expression);
                if field.is_condition {
                    compiler.want_condition(&compiled, expression.id);
                }
                compiled
            }
            Err(errors) => {
                for error in errors.errors {
                    compiler.error_at(offset_of(source, error.pos), error.msg);
                }
                placeholder()
            }
        }
    }

    fn compile(&mut self, expression: &IdedExpr) -> Compiled {
        if self.depth >= DEPTH_MAX {
            let limit = format!("the expression is nested deeper than {DEPTH_MAX}");
            return self.error(expression.id, limit);
        }
        self.depth += 1;
        let compiled = match &expression.expr {
            Expr::Literal(literal) => self.literal(expression.id, literal),
            Expr::Ident(name) => self.name(expression.id, name),
            Expr::Select(select) if is_name(&select.operand, "doc") => {
                self.document_field(expression.id, &select.field, select.test)
            }
            Expr::Select(select) if is_name(&select.operand, "param") => {
                self.parameter(expression.id, &select.field, select.test)
            }
            Expr::Select(select) if is_name(&select.operand, "related") => {
                self.related(expression.id, &select.field, select.test)
            }
            Expr::Select(select) => self.select(expression.id, select),
            Expr::List(list) => self.list(&list.elements),
            Expr::Map(map) => self.map(expression.id, map),
            Expr::Comprehension(loop_) => self.comprehension(expression.id, loop_),
            Expr::Call(call) => self.call(expression.id, call),
            Expr::Struct(_) => self.error(expression.id, "messages are not supported"),
            Expr::Unspecified => self.error(expression.id, "an expression is missing"),
        };
        self.depth -= 1;
        compiled
    }

    fn literal(&mut self, id: u64, literal: &LiteralValue) -> Compiled {
        let literal = match literal {
            LiteralValue::Null => Literal::Null,
            LiteralValue::Boolean(truth) => Literal::Bool(*truth.inner()),
            LiteralValue::Int(number) => Literal::Int(*number.inner()),
            LiteralValue::Double(number) => Literal::Double(*number.inner()),
            LiteralValue::String(text) => Literal::Text(text.inner().into()),
            LiteralValue::UInt(_) => return self.error(id, "unsigned numbers are not supported"),
            LiteralValue::Bytes(_) => return self.error(id, "bytes are not supported"),
        };
        let place = match &literal {
            Literal::Null => "null".to_owned(),
            Literal::Bool(truth) => truth.to_string(),
            Literal::Int(number) => number.to_string(),
            Literal::Double(number) => number.to_string(),
            Literal::Text(text) => format!("{text:?}"),
        };
        Compiled { node: Node::Literal(literal), place }
    }

    fn name(&mut self, id: u64, name: &str) -> Compiled {
        let depth = self.variables.iter().rposition(|(variable, _)| variable == name);
        if let Some(depth) = depth {
            let place = self.variables[depth].1.clone();
            return Compiled { node: Node::Variable(depth), place };
        }
        let known = |name, place: &str| Compiled { node: Node::Name(name), place: place.into() };
        match (name, self.field.item) {
            ("r", _) => known(Name::Configuration, "r"),
            ("s", _) => known(Name::Supplementary, "s"),
            ("item", Some(place)) => known(Name::Item, place),
            ("item", None) => self.error(id, "item is only known in the texts of a rule with each"),
            ("param", _) => self.error(id, "param can't stand alone; write param.NAME"),
            ("doc", _) => self.error(id, "doc can't stand alone; write doc.account or the like"),
            ("related", _) => self.error(id, "related can't stand alone; write related.NAME"),
            ("now", _) => self.error(
                id,
                "now can only be compared by <, <=, > or >=, or be an argument of age_days or \
                 days_until",
            ),
            _ => self.error(id, format!("unknown name '{name}'")),
        }
    }

    fn document_field(&mut self, id: u64, field: &str, is_test: bool) -> Compiled {
        let name = match field {
            "account" => Name::Account,
            "region" => Name::Region,
            "id" => Name::Id,
            "name" => Name::Label,
            "arn" => Name::Arn,
            "tags" => {
                let place = "doc.tags".to_owned();
                return Compiled { node: Node::Tags(self.site(&place)), place };
            }
            _ => return self.error(id, format!("unknown name 'doc.{field}'")),
        };
        if is_test {
            return self.error(id, format!("doc.{field} is always there"));
        }
        Compiled { node: Node::Name(name), place: format!("doc.{field}") }
    }

    fn select(&mut self, id: u64, select: &SelectExpr) -> Compiled {
        let operand = self.compile(&select.operand);
        let field = &select.field;
        if let Err(message) = self.related_member(&operand.place, field, select.test) {
            return self.error(id, message);
        }
        let place = format!("{}.{field}", operand.place);
        let site = self.site(&place);
        let (operand, field) = (Box::new(operand.node), field.as_str().into());
        if select.test {
            let node = Node::Has { operand, field, site };
            return Compiled { node, place: format!("has({place})") };
        }
        Compiled { node: Node::Select { operand, field, site }, place }
    }

    fn list(&mut self, elements: &[IdedExpr]) -> Compiled {
        let (nodes, places) = self.compile_all(elements);
        Compiled { node: Node::List(nodes), place: format!("[{}]", places.join(", ")) }
    }

    fn map(&mut self, id: u64, map: &MapExpr) -> Compiled {
        let mut members = Vec::new();
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return self.error(id, "messages are not supported");
            };
            members.push((self.compile(&entry.key).node, self.compile(&entry.value).node));
        }
        let place = "{...}".to_owned();
        let site = self.site(&place);
        Compiled { node: Node::Map { members, site }, place }
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Compiled {
        let name = call.func_name.as_str();
        match (name, call.args.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => self.logic(left, "&&", right),
            (operators::LOGICAL_OR, [left, right]) => self.logic(left, "||", right),
            (operators::LOGICAL_NOT, [operand]) => {
                let (node, place, site) = self.condition(operand);
                Compiled { node: Node::Not(node, site), place: format!("!{place}") }
            }
            (operators::NEGATE, [operand]) => {
                let operand = self.compile(operand);
                let place = format!("-{}", operand.place);
                let site = self.site(&place);
                Compiled { node: Node::Negate(Box::new(operand.node), site), place }
            }
            (operators::CONDITIONAL, [condition, then, other]) => {
                self.conditional(condition, then, other)
            }
            (operators::INDEX, [operand, index]) => self.index(operand, index),
            (operators::IN, [item, list]) => self.membership(item, list),
            (operators::EQUALS, [left, right]) => self.equality(id, left, "==", right),
            (operators::NOT_EQUALS, [left, right]) => self.equality(id, left, "!=", right),
            (_, [left, right]) => match (operator::comparison(name), operator::arithmetic(name)) {
                (Some((operator, sign)), _) => self.comparison(left, operator, sign, right),
                (_, Some((operator, sign))) => self.arithmetic(left, operator, sign, right),
                _ => self.function(id, call),
            },
            _ => self.function(id, call),
        }
    }

    /// Compiles `now` where it may stand, and anything else as ever.
    fn compile_or_now(&mut self, expression: &IdedExpr) -> Compiled {
        if !is_name(expression, "now") || self.variables.iter().any(|(name, _)| name == "now") {
            return self.compile(expression);
        }
        if !self.field.may_use_time {
            return self.error(
                expression.id,
                "time can't decide which parts there are, or what is related",
            );
        }
        self.shared.uses_time = true;
        Compiled { node: Node::Name(Name::Now), place: "now".to_owned() }
    }

    fn compile_all(&mut self, expressions: &[IdedExpr]) -> (Vec<Node>, Vec<String>) {
        let compiled = expressions.iter().map(|expression| self.compile(expression));
        compiled.map(|compiled| (compiled.node, compiled.place)).unzip()
    }

    /// Compiles what must be true or false. The site is for when it is neither.
    fn condition(&mut self, expression: &IdedExpr) -> (Box<Node>, String, Site) {
        let compiled = self.compile(expression);
        self.want_condition(&compiled, expression.id);
        let site = self.site(&compiled.place);
        (Box::new(compiled.node), compiled.place, site)
    }

    fn want_condition(&mut self, compiled: &Compiled, id: u64) {
        let is_never_bool = match &compiled.node {
            Node::Literal(literal) => !matches!(literal, Literal::Bool(_)),
            Node::Name(name) => !matches!(name, Name::Item),
            Node::List(_) | Node::Map { .. } | Node::Negate(..) | Node::Arithmetic { .. } => true,
            Node::Call { function, .. } => !call::may_be_bool(*function),
            _ => false,
        };
        if is_never_bool && self.shared.errors.is_empty() {
            self.error(id, format!("{} is never true or false", shortened(&compiled.place)));
        }
    }

    fn site(&mut self, place: &str) -> Site {
        self.shared.sites.push(shortened(place));
        (self.shared.sites.len() - 1) as Site
    }

    fn error(&mut self, id: u64, message: impl Into<String>) -> Compiled {
        let offset = self.info.offset_for(id).map_or(0, |(start, _)| start as usize);
        self.error_at(offset, message);
        placeholder()
    }

    /// Notes an error at a place of the expression, in bytes.
    fn error_at(&mut self, offset: usize, message: impl Into<String>) {
        if self.shared.errors.len() >= ERRORS_MAX {
            return;
        }
        let text = self.field.text;
        let before = &text[..text.floor_char_boundary(self.base + offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.shared.errors.push(CompileError {
            field: self.field.name.to_owned(),
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            message: message.into(),
        });
    }
}

/// Stands for what can't be compiled; a rule with an error is never run.
fn placeholder() -> Compiled {
    Compiled { node: Node::Literal(Literal::Null), place: "?".to_owned() }
}

/// Turns the parser's line (from 1) and column (in characters, from 1) into an offset in bytes.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let lines_before = usize::try_from(line - 1).unwrap_or(0);
    let mut lines = source.split_inclusive('\n');
    let before: usize = lines.by_ref().take(lines_before).map(str::len).sum();
    let columns_before = usize::try_from(column - 1).unwrap_or(0);
    let within = lines.next().unwrap_or_default().chars().take(columns_before);
    before + within.map(char::len_utf8).sum::<usize>()
}

fn is_name(expression: &IdedExpr, wanted: &str) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == wanted)
}

fn shortened(place: &str) -> String {
    cut(place, PLACE_CHARS_MAX)
}

/// Gives where the items of a list lie, as a path.
pub(crate) fn items_of(list: &str) -> String {
    format!("{}[]", cut(list, VARIABLE_CHARS_MAX))
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
