//! The functions. Each takes whole parts of the document, and is unknown on what it can't read.

use std::borrow::Cow;

use super::{Evaluated, Machine, not_a, unknown};
use crate::library::network::Range;
use crate::library::{glob, network, time};
use crate::node::{Function, Node, Site};
use crate::policy::{self, PolicyError};
use crate::unknown::{Cause, Unknown};
use crate::value::{Days, Val};

/// What reading a policy costs, in steps: some 10 us, and more where it is long.
const POLICY_STEPS: usize = 200;

/// Bytes of a policy that is text, which is parsed, in the time of a step.
const POLICY_BYTES_A_STEP: usize = 8;

impl<'a> Machine<'a> {
    pub(super) fn call(
        &mut self,
        function: Function,
        arguments: &'a [Node],
        site: Site,
    ) -> Evaluated<'a> {
        match (function, arguments) {
            (Function::AgeDays, [at, _]) => self.days(at, site, false),
            (Function::DaysUntil, [at, _]) => self.days(at, site, true),
            (Function::CidrContains, [outer, inner]) => {
                let outer = self.range(outer, site)?;
                self.in_range(&outer, inner, site).map(Val::Bool)
            }
            (Function::Glob, [text, pattern]) => {
                let (text, pattern) = (self.text(text, site)?, self.text(pattern, site)?);
                // It may go back in the pattern for each character of the text.
                self.charge_bytes(text.len().saturating_mul(1 + pattern.len()))?;
                Ok(Val::Bool(glob::matches(&text, &pattern)))
            }
            (Function::Contains | Function::StartsWith | Function::EndsWith, [text, part]) => {
                let (text, part) = (self.text(text, site)?, self.text(part, site)?);
                self.charge_bytes(text.len() + part.len())?;
                Ok(Val::Bool(match function {
                    Function::Contains => text.contains(&*part),
                    Function::StartsWith => text.starts_with(&*part),
                    _ => text.ends_with(&*part),
                }))
            }
            (_, [argument]) => {
                let value = self.value(argument)?;
                self.unary(function, value, site)
            }
            _ => unreachable!("the compiler checked how many arguments {function:?} has"),
        }
    }

    fn unary(&mut self, function: Function, value: Val<'a>, site: Site) -> Evaluated<'a> {
        if let Val::Str(text) = &value {
            self.charge_bytes(text.len())?;
        }
        match function {
            Function::AsList => Ok(as_list(value)),
            Function::Lower => changed(value, site, str::to_lowercase),
            Function::LowerAscii => changed(value, site, str::to_ascii_lowercase),
            Function::Size => {
                self.want_all_items(&value, site)?;
                match value.size() {
                    Some(size) => Ok(Val::Int(i64::try_from(size).unwrap_or(i64::MAX))),
                    None => unknown(site, not_a(&value, "a list, a map or a string")),
                }
            }
            Function::Bool => truth(value, site),
            Function::Int | Function::Double => number(function, value, site),
            Function::Text => match value {
                Val::Str(_) => Ok(value),
                Val::Bool(_) | Val::Int(_) | Val::Double(_) | Val::Time(_) => {
                    Ok(Val::Str(Cow::Owned(value.to_text())))
                }
                other => unknown(site, not_a(&other, "a plain value")),
            },
            Function::Timestamp => instant(&value, site).map(Val::Time),
            Function::WorldOpen => self.world_open(value, site),
            Function::KnownAccount => match &value {
                Val::Str(id) if policy::is_account_id(id) => {
                    Ok(Val::Bool(self.context.is_known_account(id)))
                }
                Val::Str(id) => unreadable(site, format!("{id:?} is no account")),
                other => unknown(site, not_a(other, "a string")),
            },
            _ => self.on_policy(function, value, site),
        }
    }

    fn on_policy(&mut self, function: Function, value: Val<'a>, site: Site) -> Evaluated<'a> {
        let text = if let Val::Str(text) = &value { text.len() / POLICY_BYTES_A_STEP } else { 0 };
        self.charge(POLICY_STEPS + text + value.weight())?;
        self.want_whole(&value, site)?;
        let context = self.context;
        let json = value.to_json();
        let result = match function {
            Function::IsPublic => policy::is_public(&json).map(Val::Bool),
            Function::OpenToAll => policy::is_open_to_all(&json).map(Val::Bool),
            Function::TrustedAccounts => policy::trusted_accounts(&json).map(Val::texts),
            Function::UnknownAccounts => {
                policy::unknown_accounts(&json, |id| context.is_known_account(id)).map(Val::texts)
            }
            _ => statements(json),
        };
        result.or_else(|error| unreadable(site, error.to_string()))
    }

    fn world_open(&mut self, value: Val<'a>, site: Site) -> Evaluated<'a> {
        let Some(permissions) = value.items().filter(|_| !value.is_map()) else {
            return unknown(site, not_a(&value, "a list"));
        };
        self.charge(value.weight())?;
        self.want_whole(&value, site)?;
        match network::world_open(permissions.map(|permission| permission.to_json())) {
            Ok(is_open) => Ok(Val::Bool(is_open)),
            Err(reason) => unreadable(site, reason),
        }
    }

    fn days(&mut self, at: &'a Node, site: Site, until: bool) -> Evaluated<'a> {
        let value = self.value(at)?;
        let at_ms = instant(&value, site)?;
        Ok(Val::Days(Days { at_ms, until }))
    }

    pub(super) fn in_range(
        &mut self,
        outer: &Range,
        inner: &'a Node,
        site: Site,
    ) -> Result<bool, Unknown> {
        let inner = self.range(inner, site)?;
        Ok(outer.contains(&inner))
    }

    fn range(&mut self, node: &'a Node, site: Site) -> Result<Range, Unknown> {
        let text = self.text(node, site)?;
        match Range::parse(&text) {
            Some(range) => Ok(range),
            None => unreadable(site, format!("{text:?} is no range of addresses")),
        }
    }
}

/// Gives a list as it is, and anything else as the only item of one: AWS's policies have both.
fn as_list(value: Val<'_>) -> Val<'_> {
    if value.items().is_some() && !value.is_map() {
        return value;
    }
    Val::List(std::rc::Rc::new(vec![value]))
}

/// Gives statements borrowed from the document where the policy is an object of it.
fn statements<'a>(policy: Cow<'a, serde_json::Value>) -> Result<Val<'a>, PolicyError> {
    let items = match policy {
        Cow::Borrowed(policy) => policy::statements(policy)?
            .into_iter()
            .map(|statement| match statement {
                Cow::Borrowed(statement) => Val::of(statement),
                Cow::Owned(statement) => Val::owned(statement),
            })
            .collect(),
        Cow::Owned(policy) => policy::statements(&policy)?
            .into_iter()
            .map(|statement| Val::owned(statement.into_owned()))
            .collect(),
    };
    Ok(Val::List(std::rc::Rc::new(items)))
}

fn unreadable<T>(site: Site, reason: String) -> Result<T, Unknown> {
    unknown(site, Cause::Unreadable(reason.into()))
}

fn changed<'a>(value: Val<'a>, site: Site, change: impl Fn(&str) -> String) -> Evaluated<'a> {
    match value {
        Val::Str(text) => Ok(Val::Str(Cow::Owned(change(&text)))),
        other => unknown(site, not_a(&other, "a string")),
    }
}

/// Reads the truth from a text, as reports write it. Source: CEL's standard definitions.
fn truth<'a>(value: Val<'a>, site: Site) -> Evaluated<'a> {
    match &value {
        Val::Bool(_) => Ok(value),
        Val::Str(text) => match &**text {
            "1" | "t" | "true" | "TRUE" | "True" => Ok(Val::Bool(true)),
            "0" | "f" | "false" | "FALSE" | "False" => Ok(Val::Bool(false)),
            _ => unreadable(site, format!("{text:?} is neither true nor false")),
        },
        other => unknown(site, not_a(other, "a bool or a string")),
    }
}

fn number<'a>(function: Function, value: Val<'a>, site: Site) -> Evaluated<'a> {
    match (function, &value) {
        (Function::Int, Val::Int(_)) | (Function::Double, Val::Double(_)) => Ok(value),
        (Function::Double, Val::Int(number)) => Ok(Val::Double(*number as f64)),
        (_, Val::Str(text)) => {
            let parsed = match function {
                Function::Int => text.parse().ok().map(Val::Int),
                _ => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Val::Double),
            };
            parsed.map_or_else(|| unreadable(site, format!("{text:?} is no number")), Ok)
        }
        _ => unknown(site, not_a(&value, "a number or a string")),
    }
}

fn instant(value: &Val<'_>, site: Site) -> Result<i64, Unknown> {
    match value {
        Val::Time(ms) => Ok(*ms),
        Val::Str(text) => match time::parse(text) {
            Some(ms) => Ok(ms),
            None => unreadable(site, format!("{text:?} is no instant")),
        },
        other => unknown(site, not_a(other, "a timestamp")),
    }
}
