//! The `cel` crate's own interpreter over the same documents and rules.
//!
//! It is used the way its documentation has it: a context with the functions, a scope of it with
//! the converted document, a scope of that for each item. Functions are those of our language.

use std::collections::HashMap;
use std::sync::Arc;

use cel::extractors::This;
use cel::objects::{Key, Map};
use cel::{ExecutionError, Program, Value as CelValue};
use rules::{Context as _, Verdict, functions, policy};
use schemas::RuleText;
use serde_json::{Value, json};

use super::corpus::{Known, Sample};

/// What holds functions and variables; it borrows a parent.
pub(crate) type Scope<'a> = cel::Context<'a, 'static>;

type Answer = Result<CelValue, ExecutionError>;

/// A rule's expressions, compiled by the crate.
pub(crate) struct Programs {
    /// The rule's parameters; none when it has none.
    param: Option<CelValue>,
    each: Option<(Program, Program)>,
    applies: Option<Program>,
    pass: Program,
}

impl Programs {
    /// Compiles a rule; `parameters` is the JSON object that its requirement carries.
    pub(crate) fn compile(rule: &RuleText, parameters: &str) -> anyhow::Result<Self> {
        let parameters: Value = serde_json::from_str(parameters)?;
        let has_any = parameters.as_object().is_some_and(|all| !all.is_empty());
        let program = |text: &String| Program::compile(text);
        let each = match (&rule.each, &rule.part) {
            (Some(list), Some(part)) => Some((program(list)?, program(part)?)),
            _ => None,
        };
        let applies = rule.applies.as_ref().map(program).transpose()?;
        let param = has_any.then(|| to_cel(&parameters));
        Ok(Self { param, each, applies, pass: program(&rule.pass)? })
    }

    /// Judges a document; the verdicts in the order of its parts, each with the part's name.
    pub(crate) fn judge(&self, scope: &Scope<'_>) -> Vec<(String, Verdict)> {
        let Some(param) = &self.param else {
            return self.judge_in(scope);
        };
        let mut inner = scope.new_inner_scope();
        inner.add_variable_from_value("param", param.clone());
        self.judge_in(&inner)
    }

    fn judge_in(&self, scope: &Scope<'_>) -> Vec<(String, Verdict)> {
        let Some((list, part)) = &self.each else {
            return vec![(String::new(), self.verdict(scope))];
        };
        let Ok(CelValue::List(items)) = list.execute(scope) else {
            return vec![(String::new(), Verdict::Unknown)];
        };
        let judge = |item: &CelValue| {
            let mut inner = scope.new_inner_scope();
            inner.add_variable_from_value("item", item.clone());
            match part.execute(&inner) {
                Ok(CelValue::String(part)) => ((*part).clone(), self.verdict(&inner)),
                _ => (String::new(), Verdict::Unknown),
            }
        };
        items.iter().map(judge).collect()
    }

    fn verdict(&self, scope: &Scope<'_>) -> Verdict {
        match self.applies.as_ref().map(|applies| truth(applies, scope)) {
            Some(Some(false)) => Verdict::NotApplicable,
            Some(None) => Verdict::Unknown,
            _ => match truth(&self.pass, scope) {
                Some(true) => Verdict::Pass,
                Some(false) => Verdict::Fail,
                None => Verdict::Unknown,
            },
        }
    }
}

/// An error is what the language calls unknown.
fn truth(program: &Program, scope: &Scope<'_>) -> Option<bool> {
    match program.execute(scope) {
        Ok(CelValue::Bool(truth)) => Some(truth),
        _ => None,
    }
}

/// Converts a document into variables: all of it, since the crate borrows nothing.
pub(crate) fn convert<'a>(root: &'a Scope<'a>, sample: &Sample) -> Scope<'a> {
    let resource = &sample.resource;
    let doc = json!({"account": resource.account, "region": resource.region, "id": resource.id,
        "name": resource.name, "arn": resource.arn, "tags": resource.tags});
    let mut scope = root.new_inner_scope();
    scope.add_variable_from_value("doc", to_cel(&doc));
    scope.add_variable_from_value("r", to_cel(&sample.configuration));
    scope.add_variable_from_value("s", to_cel(&sample.supplementary));
    scope.add_variable_from_value("now", sample.now_ms);
    scope
}

/// Makes a context with the functions that the standard calls.
pub(crate) fn root(known: &Known) -> anyhow::Result<Scope<'static>> {
    let mut root = cel::Context::default();
    let (first, second) = (known.clone(), known.clone());
    root.add_function("age_days", |at: CelValue, now: i64| days(&at, |ms| (ms, now)))?;
    root.add_function("days_until", |at: CelValue, now: i64| days(&at, |ms| (now, ms)))?;
    root.add_function("world_open", |list: CelValue| world_open(&list))?;
    root.add_function("as_list", |value: CelValue| match value {
        list @ CelValue::List(_) => list,
        alone => CelValue::List(Arc::new(vec![alone])),
    })?;
    root.add_function("statements", |policy: CelValue| {
        let policy = to_json(&policy);
        let statements = policy::statements(&policy).ok();
        answer(statements.map(|all| all.into_iter().map(|one| one.into_owned()).collect()))
    })?;
    root.add_function("open_to_all", |policy: CelValue| {
        answer(policy::is_open_to_all(&to_json(&policy)).ok().map(Value::from))
    })?;
    root.add_function("unknown_accounts", move |policy: CelValue| {
        let unknown = policy::unknown_accounts(&to_json(&policy), |id| first.is_known_account(id));
        answer(unknown.ok().map(Value::from))
    })?;
    root.add_function("known_account", move |id: CelValue| {
        let id = text(&id).filter(|id| policy::is_account_id(id));
        answer(id.map(|id| json!(second.is_known_account(id))))
    })?;
    root.add_function("glob", |of: CelValue, pattern: CelValue| {
        let pair = text(&of).zip(text(&pattern));
        answer(pair.map(|(text, pattern)| json!(functions::glob(text, pattern))))
    })?;
    root.add_function("lower", |of: CelValue| {
        answer(text(&of).map(|text| json!(text.to_lowercase())))
    })?;
    // The crate's own, left out of our build with its feature, compiles at each call too.
    root.add_function("matches", |This(text): This<Arc<String>>, pattern: Arc<String>| {
        let pattern = regex::Regex::new(&pattern);
        answer(pattern.ok().map(|pattern| json!(pattern.is_match(&text))))
    })?;
    Ok(root)
}

fn answer(value: Option<Value>) -> Answer {
    value.map(|value| to_cel(&value)).ok_or_else(|| ExecutionError::function_error("f", "unread"))
}

fn text(value: &CelValue) -> Option<&str> {
    match value {
        CelValue::String(text) => Some(text),
        _ => None,
    }
}

fn days(at: &CelValue, ends: impl Fn(i64) -> (i64, i64)) -> Answer {
    let at_ms = text(at).and_then(rules::parse_instant);
    answer(at_ms.map(|at_ms| {
        let (from_ms, to_ms) = ends(at_ms);
        json!(functions::whole_days(from_ms, to_ms))
    }))
}

fn world_open(value: &CelValue) -> Answer {
    match value {
        CelValue::List(items) => {
            answer(functions::world_open(items.iter().map(to_json)).ok().map(Value::from))
        }
        _ => answer(None),
    }
}

fn to_cel(json: &Value) -> CelValue {
    match json {
        Value::Null => CelValue::Null,
        Value::Bool(truth) => CelValue::Bool(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(int) => CelValue::Int(int),
            None => CelValue::Float(number.as_f64().unwrap_or(f64::MAX)),
        },
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(members) => {
            let map: HashMap<Key, CelValue> = members
                .iter()
                .map(|(key, value)| (Key::String(Arc::new(key.clone())), to_cel(value)))
                .collect();
            CelValue::Map(Map { map: Arc::new(map) })
        }
    }
}

fn to_json(value: &CelValue) -> Value {
    match value {
        CelValue::Bool(truth) => json!(truth),
        CelValue::Int(number) => json!(number),
        CelValue::Float(number) => json!(number),
        CelValue::String(text) => json!(**text),
        CelValue::List(items) => items.iter().map(to_json).collect(),
        CelValue::Map(map) => {
            let member = |(key, value): (&Key, &CelValue)| match key {
                Key::String(key) => Some(((**key).clone(), to_json(value))),
                _ => None,
            };
            map.map.iter().filter_map(member).collect()
        }
        _ => Value::Null,
    }
}
