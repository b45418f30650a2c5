//! By what a principal is known, and what it adds to its account's sum when that is foreign.
//!
//! Known is not approved: a vendor's account is known by name, and a rule that asks for known
//! accounts (`unknown_accounts`) still fails until the register approves it.

use std::{collections::BTreeMap, sync::LazyLock};

use rules::policy::{PrincipalKind as Named, identify};
use schemas::{Contribution, KnownBy, PrincipalKind, TrustState};

/// What the listing and the register say of an account, an organisation or a canonical id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is ours.
    Ours,
    /// It is a third party's, and approved.
    Approved,
}

/// Account ids and whose they are; see the file for where they come from.
static VENDORS: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("../vendors.tsv").lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('\t')).collect()
});

/// Gives the name of the vendor that an account is known to belong to.
pub fn vendor(account: &str) -> Option<&'static str> {
    VENDORS.get(account).copied()
}

/// Fills in what follows from a principal's name in an account.
pub fn recognise(
    row: &mut TrustState,
    account: &str,
    principal: &str,
    standing: impl Fn(&str) -> Option<Standing>,
) {
    let (named, of) = identify(principal);
    row.kind = kind(named);
    row.known_by = known_by(named, of.as_deref().unwrap_or(principal), account, standing);
    row.vendor = None;
    if row.known_by == KnownBy::Vendor {
        row.vendor = of.as_deref().and_then(vendor).map(str::to_owned);
    }
    row.known = row.known_by != KnownBy::Nobody;
    row.principal_account = of;
}

/// Tells by what a principal in an account is known; `id` is its account, or its name where it
/// lies in none.
fn known_by(
    named: Named,
    id: &str,
    account: &str,
    standing: impl Fn(&str) -> Option<Standing>,
) -> KnownBy {
    match named {
        Named::Public => return KnownBy::Nobody,
        Named::Service => return KnownBy::Service,
        // What has an ARN lies in an account; the others are built in.
        Named::Federated if id.contains('.') => return KnownBy::Service,
        _ => {}
    }
    match standing(id) {
        Some(Standing::Ours) => KnownBy::Organisation,
        _ if id == account => KnownBy::Organisation,
        Some(Standing::Approved) => KnownBy::Register,
        None if vendor(id).is_some() => KnownBy::Vendor,
        None => KnownBy::Nobody,
    }
}

/// Gives what a row adds to the sum of the foreign account that its principal lies in; none where
/// that account is ours.
pub fn foreign_share(row: &TrustState) -> Option<(&str, Contribution)> {
    let account = row.principal_account.as_deref()?;
    let share = Contribution {
        weight: None,
        score: None,
        total: row.resources,
        noncompliant: if row.known { 0 } else { row.resources },
        excepted: 0,
    };
    (row.known_by != KnownBy::Organisation).then_some((account, share))
}

fn kind(named: Named) -> PrincipalKind {
    match named {
        Named::Account | Named::Role | Named::User => PrincipalKind::Account,
        Named::Federated => PrincipalKind::Federated,
        Named::Public => PrincipalKind::Public,
        Named::Service => PrincipalKind::Service,
        Named::Canonical => PrincipalKind::Canonical,
        Named::Organisation => PrincipalKind::Organisation,
        Named::UniqueId | Named::Unclear => PrincipalKind::Other,
    }
}
