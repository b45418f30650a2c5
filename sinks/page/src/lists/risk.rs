//! Accepted risk, those who are trusted, and resources that answer a question.

use memchr::memmem::Finder;
use schemas::{Exception, KnownBy, ResourceKey, TrustKey, TrustState, selects_by_place};
use sink_workbook::Account;

use crate::html::words::thousands;
use crate::index::{Indexed, RANKS};
use crate::rows::Rows;
use crate::table::{Cell, Kind, List, columns, count, text, time};
use crate::tables::DAY_MS;
use crate::view::{Scope, View};
use crate::{links, routes::Parts};

/// Resources that a search gives; who finds more asks more closely.
const FOUND_MAX: usize = 1_000;

/// The risk register: live exceptions first, the next to expire first.
pub(crate) fn exceptions<'t>(view: View<'t>, _: &Parts) -> Option<List<'t>> {
    let of = columns(&[
        ("exception", "Exception", Kind::Text),
        ("phase", "Phase", Kind::Text),
        ("days_left", "Days left", Kind::Count),
        ("expires", "Expires", Kind::Time),
        ("credited", "Rows credited", Kind::Count),
        ("requirements", "Requirements", Kind::Text),
        ("accounts", "Accounts", Kind::Text),
        ("resource", "Resource", Kind::Text),
        ("reason", "Reason", Kind::Text),
        ("owner", "Asked by", Kind::Text),
        ("approver", "Approved by", Kind::Text),
    ]);
    let credited = |id: &str| {
        let accounts = view.tables.credited.get(id).into_iter().flatten();
        accounts.filter(|(id, _)| view.account(id).is_some()).map(|(_, rows)| rows).sum()
    };
    let now_ms = view.tables.at_ms;
    let mut all = view.exceptions();
    all.sort_by_key(|one| (one.phase(now_ms), one.expires_ms.unwrap_or(i64::MAX), &one.id));
    let mut table =
        List::new("exceptions", "Exceptions: live ones first, the next to expire first", of);
    table.empty = "The risk register is empty.";
    table.rows = all
        .into_iter()
        .map(|one| {
            let left = one.expires_ms.map(|end| (end - now_ms).div_euclid(DAY_MS));
            vec![
                text(&*one.id),
                text(one.phase(now_ms).to_string()),
                left.filter(|left| *left >= 0).map_or(crate::table::Value::Empty.into(), count),
                time(one.expires_ms),
                count(credited(&one.id)),
                text(one.requirements.join(", ")),
                text(covered(view, one)),
                text(&*one.resource),
                text(&*one.reason),
                text(&*one.owner),
                text(one.approver.as_deref().unwrap_or_default()),
            ]
        })
        .collect();
    Some(table)
}

/// Names what an exception covers; to an owner none of the accounts that are not his.
fn covered(view: View<'_>, exception: &Exception) -> String {
    let is_seen = |one: &&str| {
        let is_id = *one != "*" && !selects_by_place(one);
        *view.scope == Scope::All || !is_id || view.account(one).is_some()
    };
    let accounts = exception.accounts.iter().map(String::as_str).filter(is_seen);
    accounts.collect::<Vec<_>>().join(", ")
}

/// Who may act in the accounts: unknown principals first, the newest first.
pub(crate) fn trust<'t>(view: View<'t>, _: &Parts) -> Option<List<'t>> {
    let of = columns(&[
        ("known", "Known by", Kind::Text),
        ("principal", "Principal", Kind::Text),
        ("whose", "Whose", Kind::Text),
        ("account", "Account that trusts", Kind::Text),
        ("resources", "Resources", Kind::Count),
        ("through", "Through", Kind::Text),
        ("conditions", "Conditions", Kind::Text),
        ("since", "First seen", Kind::Time),
    ]);
    let mut found: Vec<_> = view
        .accounts()
        .flat_map(|account| {
            view.trust(&account.state.account).map(move |(key, state)| (account, key, state))
        })
        .filter(|(_, _, state)| state.resources > 0)
        .collect();
    found.sort_by_key(|(_, _, state)| {
        (state.known, state.known_by, std::cmp::Reverse(state.first_seen_ms))
    });
    let mut table = List::new("trust", "Who may act in the accounts: unknown principals first", of);
    table.empty = "No policy lets anybody in.";
    table.rows = Rows::of(found, |(account, key, state)| trusted(*account, key, state));
    Some(table)
}

fn trusted(account: Account<'_>, key: &TrustKey, state: &TrustState) -> Vec<Cell> {
    let names = state.through.iter().enumerate().map(|(at, key)| {
        let name = state.names.get(at).filter(|name| !name.is_empty());
        name.unwrap_or(key).as_str()
    });
    let names: Vec<&str> = names.collect();
    let conditions = state.conditions.iter().map(|one| format!("{} ({})", one.key, one.resources));
    let whose = state.vendor.as_deref().or(state.principal_account.as_deref());
    vec![
        text(known_words(state.known_by)),
        text(&*key.principal),
        text(whose.unwrap_or_default()),
        text(account.name()).to(links::account(&account.state.account)),
        count(state.resources),
        text(names.join(", ")),
        text(conditions.collect::<Vec<_>>().join(", ")),
        time((state.first_seen_ms > 0).then_some(state.first_seen_ms)),
    ]
}

/// Says by what somebody is known, with a mark for the eye.
fn known_words(by: KnownBy) -> &'static str {
    match by {
        KnownBy::Nobody => "■ unknown",
        KnownBy::Vendor => "▲ vendor, not approved",
        KnownBy::Organisation => "● organisation",
        KnownBy::Register => "● register",
        KnownBy::Service => "● service",
    }
}

/// Resources that answer a question, the best first: by id, name, ARN, address or tag.
pub(crate) fn search<'t>(view: View<'t>, parts: &Parts) -> Option<List<'t>> {
    let of = columns(&[
        ("name", "Resource", Kind::Text),
        ("id", "Id", Kind::Text),
        ("type", "Type", Kind::Text),
        ("account", "Account", Kind::Text),
        ("region", "Region", Kind::Text),
        ("found", "Found by", Kind::Text),
    ]);
    let wanted = parts.get("q").trim().to_lowercase();
    let mut table = List::new("search", "Resources that answer", of);
    table.empty = "No resource is found.";
    if wanted.is_empty() {
        table.empty = "Ask for an id, a name, an ARN, an IP address, or a tag as key=value.";
        return Some(table);
    }
    let found = best(view, &wanted);
    if found.all > FOUND_MAX {
        table.caption = format!(
            "The best {} of {} resources that answer; ask more closely for the others",
            thousands(FOUND_MAX as i64),
            thousands(found.all as i64)
        );
    }
    let whole = found.best.into_iter().flatten().take(FOUND_MAX).collect();
    table.rows = Rows::of(whole, move |(key, one): &(&ResourceKey, &Indexed)| {
        let name = if one.name.is_empty() { &key.id } else { &one.name };
        let account = view.account(&key.account);
        let whose = account.map_or(key.account.as_str(), |account| &account.state.name);
        vec![
            text(&**name).to(links::resource(key)),
            text(&*key.id),
            text(&*key.resource_type),
            text(whose).to(links::account(&key.account)),
            text(&*key.region),
            text(one.answer(&wanted)),
        ]
    });
    Some(table)
}

/// Resources that answer.
struct Found<'t> {
    /// How many there are.
    all: usize,
    /// By rank, each in the order of keys: more than are shown are not kept.
    best: [Vec<(&'t ResourceKey, &'t Indexed)>; RANKS],
}

/// Looks through all resources of the accounts that are seen.
fn best<'t>(view: View<'t>, wanted: &str) -> Found<'t> {
    let finder = Finder::new(wanted);
    let mut found = Found { all: 0, best: Default::default() };
    // Resources of an account lie together: whether it is seen is asked once.
    let (mut account, mut is_seen) = ("", false);
    for (key, one) in &view.tables.resources {
        let Some(rank) = one.rank(&finder) else { continue };
        if key.account != account {
            (account, is_seen) = (&key.account, view.account(&key.account).is_some());
        }
        if !is_seen {
            continue;
        }
        found.all += 1;
        let same = &mut found.best[rank];
        if same.len() < FOUND_MAX {
            same.push((key, one));
        }
    }
    found
}
