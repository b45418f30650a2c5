//! Names of sheets and files: safe for Excel and every file system, unique, and stable.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::UNASSIGNED;
use crate::{Form, Owner, Subject, text};

/// Excel's limit for a sheet's name, in UTF-16 units.
const SHEET_UNITS_MAX: usize = 31;

/// Bytes of an owner's name in a file's name: file systems end at 255, with room for what is added.
const SLUG_BYTES_MAX: usize = 120;

/// What the files of owners' and payers' workbooks start with.
const OWNER_PREFIX: &str = "owner-";
const PAYER_PREFIX: &str = "payer-";

/// What the enterprise's file is called, before its ending.
const ENTERPRISE: &str = "enterprise";

/// Gives each account (id, name) the name of its sheet, in the order of the accounts.
///
/// An account's sheet is called as the account. Where the name is taken, or several accounts share
/// it, each of them gets its id behind the name.
pub(crate) fn sheet_names(accounts: &[(&str, &str)], taken: &[&str]) -> Vec<String> {
    let mut used: BTreeSet<String> = taken.iter().map(|name| name.to_lowercase()).collect();
    // Excel keeps this name for itself.
    used.insert("history".to_owned());
    let mut shared: BTreeMap<String, usize> = BTreeMap::new();
    for (id, name) in accounts {
        *shared.entry(plain(id, name).to_lowercase()).or_default() += 1;
    }
    let mut names = Vec::with_capacity(accounts.len());
    for (id, name) in accounts {
        let plain = plain(id, name);
        let folded = plain.to_lowercase();
        let name = if shared[&folded] == 1 && !used.contains(&folded) {
            plain
        } else {
            with_id(id, &plain, &used)
        };
        used.insert(name.to_lowercase());
        names.push(name);
    }
    names
}

/// Gives the account's name as a sheet may be called, or its id when nothing is left of it.
fn plain(id: &str, name: &str) -> String {
    let name = allowed(name);
    if name.is_empty() { allowed(id) } else { name }
}

fn with_id(id: &str, plain: &str, used: &BTreeSet<String>) -> String {
    let id = text::short(&allowed(id), 20);
    for n in 1_u32.. {
        let tail = match n {
            1 => format!(" {id}"),
            _ => format!(" {id} {n}"),
        };
        let room = SHEET_UNITS_MAX.saturating_sub(tail.encode_utf16().count());
        let name = format!("{}{tail}", text::prefix(plain, room).trim_end());
        let name = text::prefix(name.trim(), SHEET_UNITS_MAX).to_owned();
        if !used.contains(&name.to_lowercase()) {
            return name;
        }
    }
    unreachable!("a workbook has fewer sheets than there are numbers")
}

/// Replaces what Excel forbids in a sheet's name and cuts it at its limit.
fn allowed(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| match c {
            '[' | ']' | ':' | '*' | '?' | '/' | '\\' => '-',
            _ if c.is_control() => '-',
            _ => c,
        })
        .collect();
    let trim = |text: &str| text.trim_matches(|c: char| c == '\'' || c.is_whitespace()).to_owned();
    trim(&text::short(&trim(&safe), SHEET_UNITS_MAX))
}

/// Gives the name of a workbook's file: `owner-ann@example.com.xlsx`, `payer-111111111111.xlsx` or
/// `enterprise.xlsx`.
///
/// It depends on the subject alone, so that it stays when others come and go. Where letters had to
/// be replaced, a digest of the whole name keeps two owners apart, also on file systems that ignore
/// case.
pub fn file_name(subject: &Subject) -> String {
    Form::Xlsx.entry(subject)
}

/// Gives what the names of a subject's files begin with, before their endings.
pub(crate) fn stem(subject: &Subject) -> String {
    match subject {
        Subject::Enterprise => ENTERPRISE.to_owned(),
        Subject::Payer(payer) => named(PAYER_PREFIX, payer, &[]),
        Subject::Owner(Owner::Unassigned) => format!("{OWNER_PREFIX}{UNASSIGNED}"),
        Subject::Owner(Owner::Named(owner)) => named(OWNER_PREFIX, owner, &[UNASSIGNED]),
    }
}

/// Tells whether it is something that [`stem`] gives.
pub(crate) fn is_stem(stem: &str) -> bool {
    stem == ENTERPRISE || [OWNER_PREFIX, PAYER_PREFIX].iter().any(|one| stem.starts_with(one))
}

fn named(prefix: &str, id: &str, taken: &[&str]) -> String {
    let slug: String = id
        .to_lowercase()
        .chars()
        .map(|c| match c {
            'a'..='z' | '0'..='9' | '@' | '.' | '_' | '-' | '+' => c,
            _ => '_',
        })
        .take(SLUG_BYTES_MAX)
        .collect();
    if slug == *id && !taken.contains(&id) {
        format!("{prefix}{slug}")
    } else {
        format!("{prefix}{slug}~{:016x}", digest(id))
    }
}

/// FNV-1a, 64 bits. Source: RFC 9923.
pub(crate) fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_are_called_as_their_accounts() {
        let accounts = [
            ("1", "payments"),
            ("2", "Summary"),
            ("3", "shared"),
            ("4", "SHARED"),
            ("5", "a/b:c*d?[e]\\f"),
            ("6", "'quoted'"),
            ("7", " ' "),
            ("8", "a-name-that-is-much-longer-than-a-sheet-may-be-called"),
            ("9", "History"),
        ];
        let names = sheet_names(&accounts, &["Summary"]);
        assert_eq!(
            names,
            [
                "payments",
                "Summary 2",
                "shared 3",
                "SHARED 4",
                "a-b-c-d--e--f",
                "quoted",
                "7",
                "a-name-that-is-much-longer-tha…",
                "History 9"
            ]
        );
    }

    #[test]
    fn colliding_names_stay_apart_and_short() {
        let long = "🦀".repeat(40);
        let ids: Vec<String> = (0..300).map(|n| format!("{n:012}")).collect();
        let mut accounts: Vec<(&str, &str)> =
            ids.iter().map(|id| (id.as_str(), long.as_str())).collect();
        // An account that is called as the way out of another's collision.
        let way_out = format!("{} {}", "🦀".repeat(9), ids[0]);
        accounts.push(("x", &way_out));
        let names = sheet_names(&accounts, &[]);
        let folded: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), accounts.len());
        assert!(names.iter().all(|name| name.encode_utf16().count() <= 31));
    }

    #[test]
    fn files_are_called_as_their_owners() {
        let named = |id: &str| file_name(&Subject::Owner(Owner::Named(id.to_owned())));
        assert_eq!(named("ann@example.com"), "owner-ann@example.com.xlsx");
        let unassigned = Subject::Owner(Owner::Unassigned);
        assert_eq!(file_name(&unassigned), "owner-unassigned.xlsx");
        assert_eq!(file_name(&Subject::Enterprise), "enterprise.xlsx");
        let payer = Subject::Payer("111111111111".to_owned());
        assert_eq!(file_name(&payer), "payer-111111111111.xlsx");
        let is_ours = |name: &&str| Form::Xlsx.is_entry(name);
        let ours = ["owner-a.xlsx", "payer-1.xlsx", "enterprise.xlsx"];
        assert!(ours.iter().all(is_ours));
        let others = ["enterprise-2025.xlsx", "owner-a.xlsx.bak", "notes.xlsx", "owner-a.html"];
        assert!(!others.iter().any(is_ours));
        let odd = ["unassigned", "Ann@example.com", "ANN@example.com", "../x", "a/b", "a\\b", "ä"];
        let long = "x".repeat(400);
        let names: BTreeSet<String> = odd.iter().copied().chain([&*long]).map(named).collect();
        assert_eq!(names.len(), odd.len() + 1, "two owners share no file");
        for name in &names {
            assert!(!name.contains(['/', '\\']) && name.len() < 200, "{name}");
            assert!(name.contains('~'), "{name} can't be mistaken for another owner's");
        }
        // Expected value: Python, the loop of RFC 9923 over b"\xc3\xa4".
        assert!(names.contains("owner-_~0ac21207b7181582.xlsx"), "{names:?}");
    }
}
