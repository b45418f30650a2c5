//! Parameters of a file: their kinds, and where their values stand in its sentences.

use std::collections::BTreeMap;

use rules::{Parameter, Parameters};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use crate::Problem;
use crate::place::Source;

/// Bytes of a parameter's value, which each text that names it gets.
const VALUE_BYTES_MAX: usize = 4_000;

/// Bytes of a sentence with the values of its parameters: a record holds them all.
pub(crate) const FILLED_BYTES_MAX: usize = 64_000;

/// Reads the parameters of a file.
///
/// Errors: those that are no parameters.
pub(crate) fn read(
    source: &Source<'_>,
    fields: &BTreeMap<String, Spanned<Value>>,
) -> Result<Parameters, Vec<Problem>> {
    let (mut parameters, mut problems) = (Parameters::new(), Vec::new());
    for (name, field) in fields {
        match Parameter::of(field.value.clone()) {
            _ if !is_name(name) => {
                let message = format!("{name:?} can't be the name of a parameter");
                problems.push(source.problem(Some(field.defined), message));
            }
            Some(parameter) if parameter.value().to_string().len() > VALUE_BYTES_MAX => {
                let message = format!("{name} has more than {VALUE_BYTES_MAX} bytes");
                problems.push(source.problem(Some(field.defined), message));
            }
            Some(parameter) => {
                parameters.insert(name.clone(), parameter);
            }
            None => {
                let message = format!(
                    "{name} is no bool, int, double, string, or list of values of one such kind"
                );
                problems.push(source.problem(Some(field.defined), message));
            }
        }
    }
    if problems.is_empty() { Ok(parameters) } else { Err(problems) }
}

/// Tells whether rules can write a name.
pub(crate) fn is_name(text: &str) -> bool {
    text.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// Gives parameters as the topic `requirement` carries them.
pub(crate) fn json(parameters: &Parameters) -> String {
    let members = parameters.iter().map(|(name, one)| (name.clone(), one.value().clone()));
    Value::Object(members.collect::<Map<_, _>>()).to_string()
}

/// Why values can't be put into a sentence.
#[derive(Debug)]
pub(crate) enum Unfilled<'t> {
    /// It names what is no parameter.
    Unknown(&'t str),
    /// It would be longer than [`FILLED_BYTES_MAX`].
    TooLong,
}

/// Puts values in the place of `{param.NAME}`; ends where the sentence is too long.
pub(crate) fn fill<'t>(text: &'t str, parameters: &Parameters) -> Result<String, Unfilled<'t>> {
    let mut pieces = text.split("{param.");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').ok_or(Unfilled::Unknown(piece))?;
        let parameter = parameters.get(name).ok_or(Unfilled::Unknown(name))?;
        filled.push_str(&words(parameter.value()));
        filled.push_str(rest);
        if filled.len() > FILLED_BYTES_MAX {
            return Err(Unfilled::TooLong);
        }
    }
    Ok(filled)
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
