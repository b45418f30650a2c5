//! `related.NAME`: a list whose items have the members that the relation gives.

use super::{Compiled, Compiler};
use crate::node::Node;

impl Compiler<'_> {
    /// Compiles `related.NAME`.
    pub(super) fn related(&mut self, id: u64, name: &str, is_test: bool) -> Compiled {
        if is_test {
            return self.error(id, format!("related.{name} is always there"));
        }
        let known = &self.shared.related;
        let Some(at) = known.iter().position(|(one, _)| one == name) else {
            let names: Vec<_> = known.iter().map(|(name, _)| name.as_str()).collect();
            let message = match names.as_slice() {
                [] => format!("unknown name 'related.{name}': the rule says of nothing related"),
                names => format!("unknown name 'related.{name}'; known: {}", names.join(", ")),
            };
            return self.error(id, message);
        };
        let place = format!("related.{name}");
        Compiled { node: Node::Related(at, self.site(&place)), place }
    }

    /// Checks that an item of a related list may be asked for a member.
    ///
    /// Errors: it never has one of that name; `has()`, since all are there or unknown.
    pub(super) fn related_member(
        &self,
        of: &str,
        member: &str,
        is_test: bool,
    ) -> Result<(), String> {
        let item = of.strip_prefix("related.").and_then(|rest| rest.strip_suffix(']'));
        let Some((name, index)) = item.and_then(|rest| rest.split_once('[')) else {
            return Ok(());
        };
        let Some((_, members)) = self.shared.related.iter().find(|(known, _)| known == name) else {
            return Ok(());
        };
        if index.contains('.') {
            return Ok(());
        }
        if !members.iter().any(|known| known == member) {
            return Err(format!("related.{name} gives no '{member}'"));
        }
        if is_test {
            return Err(format!("{of}.{member} is always there, or unknown"));
        }
        Ok(())
    }
}
