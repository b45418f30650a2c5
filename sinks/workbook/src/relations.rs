//! Trust in those whom nobody approved: who may act in the accounts.

use std::cmp::Reverse;

use schemas::{KnownBy, TrustKey, TrustState};

use crate::view::{AccountView, View};

/// A principal that may act in an account although nobody approved it.
pub(crate) struct RelationView<'v, 't> {
    /// The account that trusts.
    pub(crate) account: &'v AccountView<'t>,
    /// The principal.
    pub(crate) key: &'t TrustKey,
    /// Through what.
    pub(crate) state: &'t TrustState,
}

/// Gives the relations to those who are unknown, or known as vendors alone: unknown ones first, the
/// newest first.
pub(crate) fn of<'v, 't>(view: &'v View<'t>) -> Vec<RelationView<'v, 't>> {
    let mut relations: Vec<_> = view
        .accounts
        .iter()
        .flat_map(|account| {
            let id = account.state.account.as_str();
            let rows = view.tables.trust.range(TrustKey::new(id, "")..);
            rows.take_while(move |(key, _)| key.account == id)
                .filter(|(_, state)| is_unapproved(state))
                .map(move |(key, state)| RelationView { account, key, state })
        })
        .collect();
    relations.sort_by_key(|one| (one.state.known, Reverse(one.state.first_seen_ms)));
    relations
}

/// A vendor's account is recognised, which approves nothing.
fn is_unapproved(state: &TrustState) -> bool {
    state.resources > 0 && (!state.known || state.known_by == KnownBy::Vendor)
}

impl RelationView<'_, '_> {
    /// Says by what the principal is known.
    pub(crate) fn known(&self) -> String {
        match (&self.state.vendor, self.state.known) {
            (Some(vendor), _) => format!("▲ {vendor}, not approved"),
            (None, true) => "▲ a vendor, not approved".to_owned(),
            (None, false) => "■ unknown".to_owned(),
        }
    }

    /// Names the resources that let it in, as far as the row knows them.
    pub(crate) fn through(&self) -> String {
        let named = self.state.through.iter().enumerate().map(|(at, key)| {
            let name = self.state.names.get(at).filter(|name| !name.is_empty());
            name.unwrap_or(key).clone()
        });
        let names: Vec<String> = named.collect();
        let more = self.state.resources - names.len() as i64;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names.join(", "))
    }

    /// Names what is demanded of it.
    pub(crate) fn conditions(&self) -> String {
        let conditions = self.state.conditions.iter();
        let told = conditions.map(|one| format!("{} ({})", one.key, one.resources));
        told.collect::<Vec<_>>().join(", ")
    }
}
