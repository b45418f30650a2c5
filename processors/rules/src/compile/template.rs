//! Messages with `{expression}` in them.

use super::{Compiler, Field, SOURCE_CHARS_MAX, Shared};
use crate::node::Node;

/// A message, cut into what stands in it and what is filled in.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
}

/// A piece of a message.
#[derive(Debug)]
pub(crate) enum Piece {
    Text(String),
    Value(Node),
}

impl Template {
    /// Compiles a message. `{{` and `}}` stand for the braces themselves.
    pub(crate) fn compile(field: Field<'_>, shared: &mut Shared) -> Template {
        if field.text.chars().count() > SOURCE_CHARS_MAX {
            let limit = format!("the message is longer than {SOURCE_CHARS_MAX} characters");
            fault(field, 0, &limit, shared);
            return Template::plain("");
        }
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut at = 0;
        while let Some(next) = field.text[at..].chars().next() {
            let rest = &field.text[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                text.push(next);
                at += 2;
            } else if next == '{' {
                let Some(length) = expression_length(&rest[1..]) else {
                    fault(field, at, "this brace is never closed", shared);
                    break;
                };
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                let source = &rest[1..1 + length];
                pieces.push(Piece::Value(Compiler::run(field, at + 1, source, shared).node));
                at += length + 2;
            } else {
                if next == '}' {
                    fault(field, at, "write }} for a brace", shared);
                }
                text.push(next);
                at += next.len_utf8();
            }
        }
        pieces.push(Piece::Text(text));
        Template { pieces }
    }

    /// Makes a message in which nothing is filled in.
    pub(crate) fn plain(text: &str) -> Template {
        Template { pieces: vec![Piece::Text(text.to_owned())] }
    }
}

fn fault(field: Field<'_>, at: usize, message: &str, shared: &mut Shared) {
    let mut compiler = Compiler {
        field,
        base: at,
        info: Default::default(),
        variables: Vec::new(),
        depth: 0,
        shared,
    };
    compiler.error_at(0, message);
}

/// Gives how many bytes an expression takes up to the brace that closes it, past braces of its own
/// and texts in quotes.
fn expression_length(rest: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;
    let mut is_escaped = false;
    for (at, character) in rest.char_indices() {
        match (quote, character) {
            _ if is_escaped => is_escaped = false,
            (Some(_), '\\') => is_escaped = true,
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '{') => depth += 1,
            (None, '}') if depth == 0 => return Some(at),
            (None, '}') => depth -= 1,
            _ => {}
        }
    }
    None
}
