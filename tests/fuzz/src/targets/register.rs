//! The company's registers: accounts, accepted risks, a mutelist of Prowler.

use std::{collections::BTreeSet, ops::RangeInclusive, sync::LazyLock};

use producer_register::{
    ExceptionOptions, Mutelist, Register, RegisterError, accounts, mutelist, risks,
};
use schemas::{Exception, Requirement, Severity};

use super::{USUAL, file, is_a_record, is_account};
use crate::Target;

/// The instants that a calendar has, in milliseconds: the years 1 to 9999, and a day around them,
/// since days are those of a zone.
const INSTANTS_MS: RangeInclusive<i64> = -62_135_683_200_000..=253_402_387_200_000;

const ACCOUNT_WORDS: &[&str] = &[
    "account",
    "Account ID",
    "account_id",
    "id",
    "name",
    "owner",
    "Owner",
    "executive",
    "third_party",
    "approved",
    "yes",
    "no",
    "111122223333",
    "11122223333",
    "accounts",
    ";",
    ",",
    "\"",
    "- ",
    ": ",
    "&a ",
    "*a",
    "<<: ",
    "|\n",
    "!!str ",
    "? ",
];

pub(super) const ACCOUNTS_CSV: Target = Target {
    name: "accounts-csv",
    run: |input| owners("accounts.csv", input),
    words: ACCOUNT_WORDS,
    runs: 800,
    ..USUAL
};

pub(super) const ACCOUNTS_JSON: Target = Target {
    name: "accounts-json",
    run: |input| owners("accounts.json", input),
    words: ACCOUNT_WORDS,
    runs: 800,
    ..USUAL
};

pub(super) const ACCOUNTS_YAML: Target = Target {
    name: "accounts-yaml",
    run: |input| owners("accounts.yaml", input),
    words: ACCOUNT_WORDS,
    runs: 800,
    // Aliases may say again what stands there once, up to a limit.
    bytes_per_byte: 1_000,
    ..USUAL
};

pub(super) const RISKS: Target = Target {
    name: "risks",
    run: exceptions,
    words: &[
        "Id",
        "Title",
        "Accounts",
        "Requirements",
        "ResourceId",
        "ExpirationDate",
        "Status",
        "Reason",
        "Owner",
        "Regions",
        "Tags",
        "value",
        "d",
        "results",
        "fields",
        "formFields",
        "Value",
        "LookupValue",
        "2026-12-31",
        "2026-12-31T00:00:00Z",
        "/Date(1766102400000)/",
        "12/31/2026",
        "9999-12-31",
        "Approved",
        "Pending",
        "0;#Approved",
        "unit:prod/shop",
        "tag:team=web",
        "*",
        "3;#S3-01;#7;#S3-02",
        "accountId",
        "requirementId",
        "updateRequested",
        "hidesResources",
        "rqrmntId_rsrceRegex",
        "payments (111122223333)",
    ],
    runs: 1_500,
    // An entry that is no more than a zero takes some six hundred, with what is wrong with it.
    bytes_per_byte: 400,
    ..USUAL
};

pub(super) const MUTELIST: Target = Target {
    name: "mutelist",
    run: muted,
    words: &[
        "Mutelist:\n",
        "Accounts:\n",
        "  \"*\":\n",
        "    Checks:\n",
        "Regions:",
        "Resources:",
        "Tags:",
        "Description:",
        "Exceptions:",
        "- \"*\"\n",
        "iam_user_mfa_enabled_console_access",
        "ec2_*",
        "a|b",
        "team=web|team=api",
        "^ci-.*$",
        "&a ",
        "*a",
        "<<: *a",
        ".*",
    ],
    // A rule is many exceptions, each with all that they share: at most a thousand of a rule, of
    // some ten thousand bytes each.
    bytes_min: 64 << 20,
    runs: 1_000,
    bytes_per_byte: 500,
    ..USUAL
};

fn owners(name: &str, input: &[u8]) {
    let Some(register) = read(accounts(&file(name, input))) else { return };
    let ids: BTreeSet<&str> = register.entries.iter().map(|one| &*one.account).collect();
    holds(&register, &ids);
    for entry in &register.entries {
        assert!(is_account(&entry.account), "{entry:?}");
        is_a_record(entry);
    }
}

fn exceptions(input: &[u8]) {
    let severities = [("S3-01", Severity::Critical), ("S3-02", Severity::Low)];
    let longest = serde_json::json!({"critical": "30d", "low": "400d"});
    let options = ExceptionOptions {
        zone: String::from("Europe/Berlin").try_into().expect("a zone"),
        longest: serde_json::from_value(longest).expect("limits"),
        severities: severities.map(|(id, severity)| (id.to_owned(), severity)).into(),
        ..ExceptionOptions::default()
    };
    if let Some(register) = read(risks(&file("risks.json", input), &options)) {
        of_exceptions(&register);
    }
}

fn muted(input: &[u8]) {
    static REQUIREMENTS: LazyLock<Vec<Requirement>> =
        LazyLock::new(|| producer_standard::shipped().requirements);
    let list = Mutelist {
        path: file("mutelist.yaml", input),
        expires: "2027-06-30".to_owned(),
        approved: Some("2026-11-24".to_owned()),
        owner: "ana@example.com".to_owned(),
        approver: None,
    };
    let read = read(mutelist(&list, &REQUIREMENTS, &ExceptionOptions::default()));
    let Some(register) = read else { return };
    of_exceptions(&register);
    assert!(register.entries.iter().all(|one| one.expires_ms.is_some()), "credit for ever");
}

fn of_exceptions(register: &Register<Exception>) {
    let ids: BTreeSet<&str> = register.entries.iter().map(|one| &*one.id).collect();
    holds(register, &ids);
    for entry in &register.entries {
        assert!(!entry.id.is_empty() && !entry.resource.is_empty(), "{entry:?}");
        assert!(!entry.requirements.is_empty(), "{entry:?}");
        for account in &entry.accounts {
            let selects = account == "*" || schemas::selects_by_place(account);
            assert!(selects || is_account(account), "{account:?}");
        }
        let times = [entry.expires_ms, entry.starts_ms, entry.approved_ms, entry.asked_ms];
        for ms in times.into_iter().chain([entry.renewal_ms]).flatten() {
            assert!(INSTANTS_MS.contains(&ms), "{ms} in {entry:?}");
        }
        is_a_record(entry);
    }
}

/// What holds of every register: each id once, and no broken one among those that are taken.
fn holds<T>(register: &Register<T>, ids: &BTreeSet<&str>) {
    assert_eq!(ids.len(), register.entries.len(), "an id is there twice");
    let both = register.broken.iter().find(|id| ids.contains(id.as_str()));
    assert_eq!(both, None, "it is broken, and taken");
    for problem in &register.problems {
        assert!(!problem.message.is_empty() && !problem.place.is_empty(), "{problem:?}");
    }
}

/// Gives the register; an error says what is wrong.
fn read<T>(read: Result<Register<T>, RegisterError>) -> Option<Register<T>> {
    match read {
        Ok(register) => {
            assert!(!register.entries.is_empty(), "an empty register would withdraw everything");
            Some(register)
        }
        Err(error) => {
            assert!(error.to_string().len() > "the register  is".len(), "{error:?}");
            None
        }
    }
}
