//! The configuration as a document: every value as it was written, with who said it, and what the
//! environment and the command line say instead.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::{self, Write},
};

use anyhow::{Context, Result, bail, ensure};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Options, Spanned};

/// Variables that begin so are keys of the configuration: `SCORECARD__LOG__LOCAL` is `log.local`.
const PREFIX: &str = "SCORECARD__";

/// A value, and who said it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// YAML in one line.
    Leaf(String),
    /// Values by key, in their order.
    Map(Vec<(String, Node)>),
    /// Values in their order.
    List(Vec<Node>),
}

/// Who said a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Origin {
    /// The file, in this line.
    Line(u64),
    /// This variable of the environment.
    Variable(String),
    /// The argument `--set`.
    Argument,
    /// Nobody: it is what goes without saying.
    Usual,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Variable(name) => f.write_str(name),
            Self::Argument => f.write_str("--set"),
            Self::Usual => f.write_str("default"),
        }
    }
}

/// Gives how YAML is read: `${NAME}` is the environment's, `${NAME:-text}` has another way out.
/// Errors tell the name and never what it stands for.
pub(crate) fn options(environment: &BTreeMap<String, String>) -> Options {
    let properties: HashMap<_, _> = environment.clone().into_iter().collect();
    Options::default().with_properties(properties)
}

/// Reads a file's text as a document.
///
/// # Errors
/// When it is no YAML, with the place.
pub(crate) fn parse(text: &str, environment: &BTreeMap<String, String>) -> Result<Node> {
    let tree: Spanned<Tree> = serde_saphyr::from_str_with_options(text, options(environment))?;
    Ok(node(tree, text))
}

/// What is set instead of the file: path, text, who says so.
pub(crate) type Override = (Vec<String>, String, Origin);

/// Reads a file's text as a document in which other things are set.
///
/// # Errors
/// When it is no YAML, or a list has no place of that number.
pub(crate) fn merged(
    text: &str,
    environment: &BTreeMap<String, String>,
    set: &[Override],
) -> Result<Node> {
    let mut document = parse(text, environment)?;
    for (path, text, origin) in set {
        document.set(path, text, origin)?;
    }
    Ok(document)
}

/// Lists what the environment and the arguments set, the arguments last.
///
/// # Errors
/// When an argument is not `KEY=VALUE`.
pub(crate) fn overrides(
    environment: &BTreeMap<String, String>,
    arguments: &[String],
) -> Result<Vec<Override>> {
    let variables = environment.iter().filter_map(|(name, value)| {
        let path = name.strip_prefix(PREFIX)?;
        let path = path.split("__").map(str::to_lowercase).collect();
        Some((path, value.clone(), Origin::Variable(name.clone())))
    });
    let mut all: Vec<_> = variables.collect();
    for argument in arguments {
        let (path, value) = split(argument)
            .with_context(|| format!("--set {argument:?}: is not KEY=VALUE, as log.local=./log"))?;
        all.push((path, value, Origin::Argument));
    }
    Ok(all)
}

/// Splits `a."b.c".0=value`; a key in quotation marks may hold dots.
fn split(argument: &str) -> Option<(Vec<String>, String)> {
    let (mut path, mut key, mut quoted) = (Vec::new(), String::new(), false);
    for (at, c) in argument.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => path.push(std::mem::take(&mut key)),
            '=' if !quoted => {
                path.push(key);
                let value = argument[at + 1..].to_owned();
                return path.iter().all(|key| !key.is_empty()).then_some((path, value));
            }
            _ => key.push(c),
        }
    }
    None
}

impl Node {
    /// Makes a value that is written in one line.
    pub(crate) fn leaf(text: &str, origin: Origin) -> Self {
        let text = text.trim();
        // What would not stand behind a key is put in quotation marks, as JSON, which is YAML.
        let is_flow = text.starts_with(['{', '[', '"', '\'']);
        let breaks = text.contains(['\n', '\r']) || text.contains(" #") || text.ends_with(':');
        let plain = !text.is_empty() && !breaks && (is_flow || !text.contains(": "));
        let text = if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() };
        Self { value: Value::Leaf(text), origin }
    }

    /// Sets one value; what is not there on the way to it is made.
    ///
    /// # Errors
    /// When a list has no such place.
    pub(crate) fn set(&mut self, path: &[String], text: &str, origin: &Origin) -> Result<()> {
        let Some((key, rest)) = path.split_first() else {
            *self = Self::leaf(text, origin.clone());
            return Ok(());
        };
        let empty = || Self { value: Value::Map(Vec::new()), origin: origin.clone() };
        if let Value::List(values) = &mut self.value {
            let index: usize = key
                .parse()
                .with_context(|| format!("{origin}: {key:?} is no place of a list: 0, 1, 2..."))?;
            let length = values.len();
            ensure!(index <= length, "{origin}: the list has {length} items, and none at {index}");
            if index == length {
                values.push(empty());
            }
            return values[index].set(rest, text, origin);
        }
        if let Value::Leaf(_) = &self.value {
            *self = empty();
        }
        let Value::Map(values) = &mut self.value else { bail!("{origin}: {key}: not a map") };
        let index = values.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            values.push((key.clone(), empty()));
            values.len() - 1
        });
        values[index].1.set(rest, text, origin)
    }

    /// Writes the document as YAML, with who said each value behind it where that is wanted.
    pub(crate) fn yaml(&self, with_origins: bool) -> String {
        let mut lines = Vec::new();
        self.lines(0, "", &mut lines);
        let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0).min(60);
        let mut text = String::new();
        for (line, origin) in lines {
            match origin.filter(|_| with_origins) {
                Some(origin) => writeln!(text, "{line:width$}  # {origin}"),
                None => writeln!(text, "{line}"),
            }
            .expect("a text takes whatever is written");
        }
        text
    }

    /// Gives the lines of a value that follows `lead` (`key:` or `-`).
    fn lines<'n>(
        &'n self,
        depth: usize,
        lead: &str,
        lines: &mut Vec<(String, Option<&'n Origin>)>,
    ) {
        let indent = "  ".repeat(depth);
        let below = if lead.is_empty() { depth } else { depth + 1 };
        let spaced = if lead.is_empty() { String::new() } else { format!("{lead} ") };
        match &self.value {
            Value::Leaf(text) => {
                lines.push((format!("{indent}{spaced}{text}"), Some(&self.origin)))
            }
            Value::Map(values) if values.is_empty() => {
                lines.push((format!("{indent}{spaced}{{}}"), Some(&self.origin)));
            }
            Value::List(values) if values.is_empty() => {
                lines.push((format!("{indent}{spaced}[]"), Some(&self.origin)));
            }
            Value::Map(values) => {
                if !lead.is_empty() {
                    lines.push((format!("{indent}{lead}"), None));
                }
                for (key, value) in values {
                    value.lines(below, &format!("{}:", key_text(key)), lines);
                }
            }
            Value::List(values) => {
                if !lead.is_empty() {
                    lines.push((format!("{indent}{lead}"), None));
                }
                for value in values {
                    value.lines(below, "-", lines);
                }
            }
        }
    }
}

/// Writes a key: as it is, or in quotation marks.
fn key_text(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let is_plain = key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(plain);
    if is_plain { key.to_owned() } else { serde_json::Value::from(key).to_string() }
}

fn node(tree: Spanned<Tree>, text: &str) -> Node {
    let (from, place) = (tree.referenced.line(), tree.defined.span());
    let origin = Origin::Line(from);
    let value = match tree.value {
        Tree::Map(values) => {
            Value::Map(values.into_iter().map(|(key, one)| (key, node(one, text))).collect())
        }
        Tree::List(values) => Value::List(values.into_iter().map(|one| node(one, text)).collect()),
        Tree::Leaf(read) => {
            // As it was written: what `${NAME}` stands for, and how a number looks, stays open.
            let bytes = place.byte_offset().zip(place.byte_len());
            let written =
                bytes.and_then(|(from, length)| text.get(from as usize..(from + length) as usize));
            let written =
                written.filter(|text| !text.contains('\n') && !text.starts_with(['|', '>']));
            return match written {
                Some(text) if !text.trim().is_empty() => {
                    Node { value: Value::Leaf(text.trim().to_owned()), origin }
                }
                _ => Node { value: Value::Leaf(read), origin },
            };
        }
    };
    Node { value, origin }
}

/// A YAML value; a leaf has the value read, as JSON.
enum Tree {
    Leaf(String),
    Map(Vec<(String, Spanned<Tree>)>),
    List(Vec<Spanned<Tree>>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(serde_json::Value::from(value).to_string()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf("null".to_owned()))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf("null".to_owned()))
    }

    fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<Tree, D::Error> {
        input.deserialize_any(Any)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            values.push(value);
        }
        Ok(Tree::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut values = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            values.push(entry);
        }
        Ok(Tree::Map(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    fn merged(text: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Result<String> {
        let environment = environment(variables);
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        let set = overrides(&environment, &arguments)?;
        Ok(super::merged(text, &environment, &set)?.yaml(false))
    }

    #[test]
    fn values_stay_as_they_were_written() {
        let text =
            "a: 0123\nb: '5'\nc: {d: [1, \"x,y\"], e: ~}\nf: ${F}\ng: |\n  two\n  lines\nh: []\n";
        let expected = "a: 0123\nb: '5'\nc:\n  d:\n    - 1\n    - \"x,y\"\n  e: ~\nf: ${F}\n\
                        g: \"two\\nlines\\n\"\nh: []\n";
        assert_eq!(merged(text, &[("F", "secret")], &[]).unwrap(), expected);
        assert_eq!(merged(expected, &[("F", "secret")], &[]).unwrap(), expected, "and again");
    }

    #[test]
    fn the_last_word_is_the_arguments() {
        let text = "a: {b: 1, c: 2}\nl: [x]\n";
        let variables =
            [("SCORECARD__A__B", "3"), ("SCORECARD__A__C", "4"), ("SCORECARD_LOG", "x")];
        let arguments = ["a.c=5", "l.1=y", "n.\"k.v\".m={o: p}", "t=a: b"];
        let expected = "a:\n  b: 3\n  c: 5\nl:\n  - x\n  - y\nn:\n  k.v:\n    m: {o: p}\n\
                        t: \"a: b\"\n";
        assert_eq!(merged(text, &variables, &arguments).unwrap(), expected);
    }

    #[test]
    fn what_can_not_be_set_is_told() {
        for (argument, told) in [
            ("a", "KEY=VALUE"),
            ("=1", "KEY=VALUE"),
            ("a..b=1", "KEY=VALUE"),
            ("l.x=1", "no place of a list"),
            ("l.5=1", "has 1 items"),
        ] {
            let error = format!("{:#}", merged("l: [x]\n", &[], &[argument]).unwrap_err());
            assert!(error.contains("--set") && error.contains(told), "{argument}: {error}");
        }
    }

    #[test]
    fn a_variable_that_is_missing_is_told_with_its_place() {
        let error = format!("{:#}", merged("a: 1\nb: ${NOPE}\n", &[], &[]).unwrap_err());
        assert!(error.contains("line 2") && error.contains("NOPE"), "{error}");
    }
}
