//! The role as Terraform's HCL.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{DESCRIPTION, PAYER, Role, SESSION_SECONDS};

/// Gives a file that a module can take as it is; its variable `payer` tells accounts apart.
pub(super) fn text(role: &Role) -> String {
    let mut text = format!(
        r#"variable "payer" {{
  description = {payer}
  type        = bool
  default     = false
}}

resource "aws_iam_role" "scorecard" {{
  name                 = {name}
  path                 = {path}
  description          = {description}
  max_session_duration = {SESSION_SECONDS}
  assume_role_policy = {trust}
  tags = {{ application = "scorecard" }}
}}
"#,
        payer = literal(&json!(PAYER)),
        name = literal(&json!(role.name)),
        path = literal(&json!(role.path)),
        description = literal(&json!(DESCRIPTION)),
        trust = document(&role.trust),
    );
    for (name, policy, payer) in role.named() {
        let name = format!("scorecard_{}", name.to_lowercase());
        let (count, index) =
            if payer { ("var.payer ? 1 : 0", "[count.index]") } else { ("1", "[0]") };
        let made = write!(
            text,
            r#"
resource "aws_iam_policy" "{name}" {{
  count       = {count}
  name_prefix = "{name}_"
  description = {description}
  policy = {policy}
}}

resource "aws_iam_role_policy_attachment" "{name}" {{
  count      = {count}
  role       = aws_iam_role.scorecard.name
  policy_arn = aws_iam_policy.{name}{index}.arn
}}
"#,
            description = literal(&json!(DESCRIPTION)),
            policy = document(policy),
        );
        made.expect("a text takes all that is written to it");
    }
    text
}

/// Gives a policy as JSON inside of `jsonencode`: JSON's objects are HCL's too, and spaced as
/// `terraform fmt` does it.
fn document(policy: &Value) -> String {
    // What comes first in a line is its key.
    let spaced = |line: &str| line.replacen("\": ", "\" : ", 1);
    let lines: Vec<_> = format!("{policy:#}").lines().map(spaced).collect();
    format!("jsonencode({})", escape(&lines.join("\n  ")))
}

fn literal(text: &Value) -> String {
    escape(&text.to_string())
}

/// HCL reads `${` and `%{` in a text as the start of an expression.
fn escape(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Reads the policies back, and checks that quotes and braces close.
    pub(crate) fn read(role: &Role) -> Value {
        let text = text(role);
        let mut depth = 0_i32;
        for line in text.lines() {
            // Every second piece lies between quotes; no text here holds an escaped one.
            for outside in line.split('"').step_by(2) {
                depth += outside.matches(['{', '(', '[']).count() as i32;
                depth -= outside.matches(['}', ')', ']']).count() as i32;
                assert!(depth >= 0, "{line}");
            }
            assert_eq!(line.matches('"').count() % 2, 0, "{line}");
        }
        assert_eq!(depth, 0);
        let documents = text.split("jsonencode(").skip(1).map(|rest| {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            let document = values.next().unwrap().unwrap();
            assert!(rest[values.byte_offset()..].starts_with(")\n"), "{rest}");
            document
        });
        documents.collect()
    }

    #[test]
    fn nothing_in_a_text_is_an_expression() {
        let trusted = "arn:aws:iam::999988887777:role/a";
        let spend = producer_aws::SpendSource::None;
        let role = Role::new("Audit", trusted, Some("${file(\"x\")}%{if}"), spend).unwrap();
        let text = text(&role);
        assert!(text.contains("$${file(") && text.contains("%%{if}"));
        assert_eq!(text.matches("${").count(), text.matches("$${").count());
    }
}
