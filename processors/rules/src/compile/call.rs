//! Compiles calls: the right function, the right number of arguments, literals read at load.

use cel::common::ast::{CallExpr, IdedExpr};
use regex::RegexBuilder;

use super::{Compiled, Compiler, PATTERNS_MAX, is_name};
use crate::library::{network, time};
use crate::node::{FUNCTIONS, Function, Literal, Node, Style};

/// How large a compiled pattern may be, in bytes.
const PATTERN_BYTES_MAX: usize = 256 << 10;

const MACROS: [(&str, &str); 6] = [
    ("all", "x.all(i, condition)"),
    ("exists", "x.exists(i, condition)"),
    ("exists_one", "x.exists_one(i, condition)"),
    ("filter", "x.filter(i, condition)"),
    ("has", "has(x.member)"),
    ("map", "x.map(i, value)"),
];

/// Tells whether a function's result can be true or false.
pub(super) fn may_be_bool(function: Function) -> bool {
    matches!(
        function,
        Function::Bool
            | Function::CidrContains
            | Function::Contains
            | Function::EndsWith
            | Function::Glob
            | Function::IsPublic
            | Function::KnownAccount
            | Function::OpenToAll
            | Function::StartsWith
            | Function::WorldOpen
    )
}

impl Compiler<'_> {
    pub(super) fn function(&mut self, id: u64, call: &CallExpr) -> Compiled {
        let name = call.func_name.as_str();
        let all: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        if let Some((_, form)) = MACROS.iter().find(|(known, _)| *known == name) {
            return self.error(id, format!("{name} is written {form}"));
        }
        if name == "matches" {
            return self.matches(id, call);
        }
        let Some(&(_, style, count, function)) =
            FUNCTIONS.iter().find(|(known, ..)| *known == name)
        else {
            let count = all.len();
            return self.error(id, format!("unknown function '{name}' with {count} argument(s)"));
        };
        match (style, call.target.is_some()) {
            (Style::Free, true) => {
                return self.error(id, format!("write {name}(x), not x.{name}()"));
            }
            (Style::Method, false) => {
                return self.error(id, format!("write x.{name}(), not {name}(x)"));
            }
            _ => {}
        }
        if all.len() != count {
            let given = all.len();
            return self.error(id, format!("{name} takes {count} argument(s), not {given}"));
        }
        self.known_function(name, function, &all)
    }

    fn known_function(&mut self, name: &str, function: Function, all: &[&IdedExpr]) -> Compiled {
        let is_age = matches!(function, Function::AgeDays | Function::DaysUntil);
        self.shared.uses_accounts |=
            matches!(function, Function::KnownAccount | Function::UnknownAccounts);
        let mut arguments = Vec::new();
        let mut places = Vec::new();
        for (at, argument) in all.iter().enumerate() {
            let compiled = match (is_age, at) {
                (true, 1) if !is_name(argument, "now") => {
                    self.error(argument.id, format!("the second argument of {name} is now"))
                }
                (true, 1) => self.compile_or_now(argument),
                _ => self.compile(argument),
            };
            arguments.push(compiled.node);
            places.push(compiled.place);
        }
        let place = format!("{name}({})", places.join(", "));
        let site = self.site(&place);
        self.check_literal(all[0].id, function, &arguments[0]);
        if let (Function::CidrContains, [Node::Literal(Literal::Text(outer)), _]) =
            (function, arguments.as_slice())
            && let Some(range) = network::Range::parse(outer)
        {
            let inner = Box::new(arguments.swap_remove(1));
            return Compiled { node: Node::InRange { range, inner, site }, place };
        }
        Compiled { node: Node::Call { function, arguments, site }, place }
    }

    fn check_literal(&mut self, id: u64, function: Function, first: &Node) {
        let Node::Literal(Literal::Text(text)) = first else {
            return;
        };
        let is_bad = match function {
            Function::CidrContains => network::Range::parse(text).is_none(),
            Function::AgeDays | Function::DaysUntil | Function::Timestamp => {
                time::parse(text).is_none()
            }
            _ => false,
        };
        if is_bad {
            self.error(id, format!("{text:?} can't be read"));
        }
    }

    /// Compiles a pattern once: at evaluation it would cost a thousand times more than a match.
    fn matches(&mut self, id: u64, call: &CallExpr) -> Compiled {
        let (Some(target), [pattern]) = (&call.target, call.args.as_slice()) else {
            return self.error(id, "matches is written x.matches(\"pattern\")");
        };
        let (text, literal) = (self.compile(target), self.compile(pattern));
        let Node::Literal(Literal::Text(source)) = &literal.node else {
            return self.error(pattern.id, "the pattern of matches must be a literal");
        };
        self.shared.patterns += 1;
        if self.shared.patterns > PATTERNS_MAX {
            return self.error(pattern.id, format!("a rule has at most {PATTERNS_MAX} patterns"));
        }
        match RegexBuilder::new(source).size_limit(PATTERN_BYTES_MAX).build() {
            Ok(compiled) => {
                let place = format!("{}.matches({})", text.place, literal.place);
                let site = self.site(&place);
                let (text, pattern) = (Box::new(text.node), Box::new(compiled));
                Compiled { node: Node::Matches { text, pattern, site }, place }
            }
            Err(error) => {
                let reason = error.to_string();
                let last = reason.lines().last().unwrap_or_default();
                self.error(pattern.id, format!("the pattern can't be read: {last}"))
            }
        }
    }
}
