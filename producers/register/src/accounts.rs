//! The accounts register: owner, executive, name and approved third parties, from CSV, JSON or
//! YAML.

use std::{collections::BTreeSet, path::Path};

use schemas::AccountRegister;
use serde_json::{Map, Value};

use crate::{
    Register,
    fields::{account_id, find, plain, text, yes},
    gather::{Entry, gather},
    is_short, yaml,
};

const ACCOUNT: &[&str] = &["account", "account_id", "id"];
const NAME: &[&str] = &["name", "account_name"];
const OWNER: &[&str] = &["owner", "owner_email", "account_owner"];
const EXECUTIVE: &[&str] = &["executive", "exec_sponsor", "exec_sponsor_email"];
const THIRD_PARTY: &[&str] = &["third_party"];
const APPROVED: &[&str] = &["approved"];

/// Columns of a table, and bytes of a column's name, which each of its cells gets.
const COLUMNS_MAX: usize = 1_000;
const COLUMN_BYTES_MAX: usize = 256;

/// Every column that is read.
const KNOWN: &[&[&str]] = &[ACCOUNT, NAME, OWNER, EXECUTIVE, THIRD_PARTY, APPROVED];

/// Reads a register; the file's ending tells its form.
///
/// Shape: the text of a file → its entries and what is wrong with the others.
/// Errors: it is not what its ending says.
pub(crate) fn parse(path: &Path, content: &str) -> Result<Register<AccountRegister>, String> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let (mut told, mut entries) = (BTreeSet::new(), Vec::new());
    // Of a table only one row at a time is in memory with its columns' names.
    let mut take = |row| entries.push(read(row, &mut told));
    match ending.to_lowercase().as_str() {
        "csv" => csv_rows(content, take)?,
        "json" => {
            let document = serde_json::from_str(content).map_err(|error| error.to_string())?;
            list_rows(document)?.into_iter().for_each(&mut take);
        }
        "yaml" | "yml" => list_rows(yaml::parse(content)?)?.into_iter().for_each(&mut take),
        other => return Err(format!("its ending {other:?} is none of csv, json, yaml")),
    }
    Ok(gather(path, "account", entries))
}

/// A row with its place, its members, and what is wrong with it as a whole.
struct Row {
    place: String,
    members: Map<String, Value>,
    fault: Option<String>,
}

fn csv_rows(content: &str, mut take: impl FnMut(Row)) -> Result<(), String> {
    let head = content.lines().next().unwrap_or_default();
    let semicolons = head.matches(';').count() > head.matches(',').count();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(content.as_bytes());
    let names = reader.headers().map_err(|error| error.to_string())?.clone();
    if names.len() > COLUMNS_MAX {
        return Err(format!("it has more than {COLUMNS_MAX} columns"));
    }
    if let Some(at) = names.iter().position(|name| name.len() > COLUMN_BYTES_MAX) {
        return Err(format!(
            "the name of column {} has more than {COLUMN_BYTES_MAX} bytes",
            at + 1
        ));
    }
    let mut seen = BTreeSet::new();
    if let Some(double) = names.iter().find(|name| !name.is_empty() && !seen.insert(plain(name))) {
        return Err(format!("two columns are called {double:?}"));
    }
    let (mut line, mut counted) = (1, 0);
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        // The reader's own line numbers are off by one where lines end in CR and LF.
        let from = record.position().map_or(0, csv::Position::byte) as usize;
        let skipped = content[from..].bytes().take_while(|byte| b"\r\n".contains(byte)).count();
        let between = &content.as_bytes()[counted..from + skipped];
        line += between.iter().filter(|byte| **byte == b'\n').count();
        counted = from + skipped;
        if record.iter().all(str::is_empty) {
            continue;
        }
        let cells = names.iter().zip(record.iter()).filter(|(name, _)| !name.is_empty());
        take(Row {
            place: format!("line {line}"),
            members: cells.map(|(name, cell)| (name.to_owned(), Value::from(cell))).collect(),
            // More or fewer cells: a comma too many, or a file that was cut off. Which cell belongs
            // to which column can't be told.
            fault: (record.len() != names.len())
                .then(|| format!("it has {} cells, the header {}", record.len(), names.len())),
        });
    }
    Ok(())
}

fn list_rows(document: Value) -> Result<Vec<Row>, String> {
    let list = match document {
        Value::Array(list) => list,
        Value::Object(mut wrapped) => match wrapped.remove("accounts") {
            Some(Value::Array(list)) => list,
            _ => return Err("it is neither a list of accounts nor has it a list `accounts`".into()),
        },
        _ => return Err("it is no list of accounts".into()),
    };
    let row = |(index, value): (usize, Value)| {
        let (members, fault) = match value {
            Value::Object(members) => (members, None),
            _ => (Map::new(), Some("it is no object".to_owned())),
        };
        Row { place: format!("entry {}", index + 1), members, fault }
    };
    Ok(list.into_iter().enumerate().map(row).collect())
}

/// Reads a row; `told` are the unknown columns that were named before.
fn read(row: Row, told: &mut BTreeSet<String>) -> Entry<AccountRegister> {
    let Row { place, members, fault } = row;
    let found = find(&members, ACCOUNT).and_then(text).filter(|text| !text.is_empty());
    let id = found.as_deref().and_then(account_id);
    let mut notices = Vec::new();
    let known = |name: &str| KNOWN.iter().flat_map(|names| *names).any(|one| plain(one) == name);
    for name in members.keys().filter(|name| !known(&plain(name))) {
        if told.insert(name.clone()) {
            notices.push(format!("column {name:?} is not known and was ignored"));
        }
    }
    if let Some((id, true)) = &id {
        notices.push(format!("account id was filled up to {id}"));
    }
    let id = id.map(|(id, _)| id);
    let read = match (fault, &id, found) {
        (Some(fault), ..) => Err(fault),
        (None, Some(id), _) => entry(id, &members),
        (None, None, Some(text)) => Err(format!("account {text:?} is no id of twelve digits")),
        (None, None, None) => Err("`account` is missing".to_owned()),
    };
    Entry { place, id, read, notices }
}

fn entry(account: &str, row: &Map<String, Value>) -> Result<AccountRegister, String> {
    let word = |names: &[&str]| -> Result<Option<String>, String> {
        let Some(value) = find(row, names) else { return Ok(None) };
        let text = text(value).ok_or_else(|| format!("`{}` is no text", names[0]))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    };
    let flag = |names: &[&str]| -> Result<bool, String> {
        let Some(value) = find(row, names) else { return Ok(false) };
        yes(value).ok_or_else(|| format!("`{}` is neither yes nor no", names[0]))
    };
    let (name, owner, executive) = (word(NAME)?, word(OWNER)?, word(EXECUTIVE)?);
    is_short([&name, &owner, &executive].into_iter().flatten())?;
    Ok(AccountRegister {
        name,
        owner,
        executive,
        third_party: flag(THIRD_PARTY)?,
        approved: flag(APPROVED)?,
        account: account.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(content: &str) -> Register<AccountRegister> {
        parse(Path::new("a.csv"), content).expect("a table")
    }

    fn said(register: &Register<AccountRegister>) -> Vec<String> {
        register.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_table_of_accounts_is_read() {
        let register = csv("Account ID,Name,Owner,Executive,Third_Party,Approved,Notes\r\n\
             111122223333,\"payments, prod\",ana@example.com,vp@example.com,,,x\r\n\
             \r\n\
             ,,,,,,\r\n\
             999988887777,\"Backup\r\n\"\"Ltd\"\"\",,,yes,YES,\r\n\
             222233334444,=1+1,@sum,,,,\r\n");
        assert_eq!(
            said(&register),
            ["a.csv, line 2: column \"Notes\" is not known and was ignored"]
        );
        assert!(register.problems[0].is_notice && register.broken.is_empty());
        let [own, foreign, formula] = &register.entries[..] else { panic!("three entries") };
        assert_eq!(own.name.as_deref(), Some("payments, prod"));
        assert_eq!((own.owner.as_deref(), own.third_party), (Some("ana@example.com"), false));
        assert!(foreign.third_party && foreign.approved && foreign.owner.is_none());
        assert_eq!(foreign.name.as_deref(), Some("Backup\r\n\"Ltd\""));
        let kept = (formula.name.as_deref(), formula.owner.as_deref());
        assert_eq!(kept, (Some("=1+1"), Some("@sum")), "text is data");
    }

    #[test]
    fn semicolons_and_lost_zeros_are_mended() {
        let register = csv("account;owner\n11122223333;a\n");
        assert_eq!(register.entries[0].account, "011122223333");
        assert_eq!(said(&register), ["a.csv, line 2: account id was filled up to 011122223333"]);
        assert!(register.problems[0].is_notice);
    }

    #[test]
    fn what_is_wrong_names_its_line_and_the_rest_is_taken() {
        let register = csv("account,owner,approved\n1.1E+11,a,\n111122223333,b,perhaps\n\
             222233334444,c,\n222233334444,d,\n333344445555,e,yes,more\n,f,\n444455556666,g,\n\
             444455556666,g,\n555566667777");
        assert_eq!(
            said(&register),
            [
                "a.csv, line 2: account \"1.1E+11\" is no id of twelve digits",
                "a.csv, line 3: `approved` is neither yes nor no",
                "a.csv, line 5: account 222233334444 is there twice, first in line 4, and differs: \
                 neither is taken",
                "a.csv, line 6: it has 4 cells, the header 3",
                "a.csv, line 7: `account` is missing",
                "a.csv, line 9: account 444455556666 is there twice, the same in line 8",
                "a.csv, line 10: it has 1 cells, the header 3",
            ]
        );
        let taken: Vec<_> = register.entries.iter().map(|entry| &*entry.account).collect();
        assert_eq!(taken, ["444455556666"]);
        assert!(register.anonymous, "a row without an id: nothing may be withdrawn");
        let broken = ["111122223333", "222233334444", "333344445555", "555566667777"];
        assert_eq!(Vec::from_iter(&register.broken), broken);
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        for (content, expected) in [
            ("account\n1x\n\n2x\n", ["line 2", "line 4"]),
            ("account\r\n1x\r\n\r\n2x\r\n", ["line 2", "line 4"]),
            ("account,name\r\n1x,\"a\r\nb\"\r\n2x,c", ["line 2", "line 4"]),
            ("\r\naccount\r\n1x\r\n2x", ["line 3", "line 4"]),
        ] {
            let places: Vec<_> = csv(content).problems.into_iter().map(|one| one.place).collect();
            assert_eq!(places, expected, "{content:?}");
        }
    }

    #[test]
    fn json_and_yaml_say_the_same() {
        let json = r#"[{"account":"111122223333","owner":"a"},{"account":12},7]"#;
        let json = parse(Path::new("a.json"), json).expect("a list");
        let yaml = "accounts:\n  - {account: '111122223333', owner: a}\n  - {account: 12}\n  - 7\n";
        let yaml = parse(Path::new("a.YAML"), yaml).expect("a list");
        assert_eq!(json.entries, yaml.entries);
        assert_eq!(json.entries.len(), 2, "a number gets its zeros back");
    }

    #[test]
    fn an_id_without_quotes_is_not_another_number() {
        // YAML 1.1 reads a number with a leading zero as an octal one; digits are digits.
        for (text, expected) in [
            ("- account: 012345670123", "012345670123"),
            ("- account: 111122223333", "111122223333"),
            ("- account: 0777", "000000000777"),
        ] {
            let register = parse(Path::new("a.yml"), text).expect("a list");
            let got: Vec<_> = register.entries.iter().map(|entry| &*entry.account).collect();
            assert_eq!(got, [expected], "{text}: {:?}", register.problems);
        }
    }

    #[test]
    fn members_of_another_type_are_wrong() {
        let text = r#"[{"account":"111122223333","owner":{"a":1}},{"account":[1]},
            {"account":"222233334444","third_party":2},{"account":1e15},{"account":-5},
            {"account":"333344445555","owner":null,"name":7,"approved":1}]"#;
        let register = parse(Path::new("a.json"), text).expect("a list");
        assert_eq!(
            said(&register),
            [
                "a.json, entry 1: `owner` is no text",
                "a.json, entry 2: `account` is missing",
                "a.json, entry 3: `third_party` is neither yes nor no",
                "a.json, entry 4: account \"1000000000000000\" is no id of twelve digits",
                "a.json, entry 5: account \"-5\" is no id of twelve digits",
            ]
        );
        assert_eq!(register.entries.len(), 1);
        assert_eq!(
            (register.entries[0].name.as_deref(), register.entries[0].approved),
            (Some("7"), true)
        );
    }

    #[test]
    fn what_is_no_register_is_refused_as_a_whole() {
        let deep = "[".repeat(100_000);
        for (name, text) in [
            ("a.json", "{}"),
            ("a.json", "7"),
            ("a.json", "["),
            ("a.json", &deep),
            ("a.json", r#"[{"account": 1e999}]"#),
            ("a.yaml", &deep),
            ("a.yaml", "a: b: c"),
            ("a.yaml", "- &a [*a, *b]"),
            ("a.txt", "x"),
            ("a", "x"),
            ("a.csv", "account,owner,Owner\n111122223333,a,b\n"),
        ] {
            assert!(
                parse(Path::new(name), text).is_err(),
                "{name} {}",
                &text[..text.len().min(20)]
            );
        }
    }

    #[test]
    fn a_file_that_is_missing_or_says_nothing_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("accounts.csv");
        let error = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("a file");
            let error = crate::accounts(&path).expect_err("it can't be used").to_string();
            error.replace(&path.display().to_string(), "FILE")
        };
        let empty = "the register FILE is empty; nothing was withdrawn";
        for text in ["", "\u{feff}", " \n", "account,owner\n", "account,owner\r\n,\r\n"] {
            assert_eq!(error(text.as_bytes()), empty, "{text:?}");
        }
        assert_eq!(
            error(b"konto,owner\n111122223333,a\n222233334444,b\n"),
            "the register FILE has no usable entry; first of 2: line 2: `account` is missing"
        );
        assert_eq!(error(b"account\n\xff\n"), "parsing the register FILE: it is not UTF-8");
        let missing = crate::accounts(&folder.path().join("no.csv"));
        assert!(matches!(missing, Err(crate::RegisterError::Read { .. })), "{missing:?}");
        std::fs::write(&path, "\u{feff}account,owner\r\n111122223333,a\r\n").expect("a file");
        let register = crate::accounts(&path).expect("a register with a byte order mark");
        assert_eq!((register.entries.len(), register.problems.len()), (1, 0));
    }
}
