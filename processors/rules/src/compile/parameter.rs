//! Puts the values of parameters in the place of their names.

use serde_json::Value;

use super::{Compiled, Compiler};
use crate::node::{Literal, Node};

impl Compiler<'_> {
    /// Compiles `param.NAME` as if its value stood there.
    pub(super) fn parameter(&mut self, id: u64, name: &str, is_test: bool) -> Compiled {
        let parameters = self.field.parameters;
        let Some(parameter) = parameters.and_then(|parameters| parameters.get(name)) else {
            return self.error(id, format!("there is no parameter '{name}'"));
        };
        if is_test {
            return self.error(id, format!("param.{name} is always there"));
        }
        self.shared.parameters.insert(name.to_owned());
        Compiled { node: constant(parameter.value()), place: format!("param.{name}") }
    }
}

fn constant(value: &Value) -> Node {
    Node::Literal(match value {
        Value::Bool(truth) => Literal::Bool(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(int) => Literal::Int(int),
            None => Literal::Double(number.as_f64().expect("a parameter is no larger number")),
        },
        Value::String(text) => Literal::Text(text.as_str().into()),
        Value::Array(items) => return Node::List(items.iter().map(constant).collect()),
        Value::Null | Value::Object(_) => Literal::Null,
    })
}
