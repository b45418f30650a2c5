//! The accounts register: owner, executive, name and approved third parties, from CSV, JSON or
//! YAML.

use std::{collections::BTreeMap, path::Path};

use schemas::AccountRegister;
use serde_json::{Map, Value};

use crate::{
    Problem, Register,
    fields::{account_id, find, text, yes},
};

/// Reads a register; the file's ending tells its form.
pub(crate) fn parse(path: &Path, content: &str) -> Result<Register<AccountRegister>, String> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let rows = match ending.to_lowercase().as_str() {
        "csv" => csv_rows(content)?,
        "json" => list_rows(serde_json::from_str(content).map_err(|error| error.to_string())?)?,
        "yaml" | "yml" => {
            list_rows(serde_saphyr::from_str(content).map_err(|error| error.to_string())?)?
        }
        other => return Err(format!("its ending {other:?} is none of csv, json, yaml")),
    };
    let mut register = Register::default();
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for (place, row) in rows {
        let wrong =
            |message: String| Problem { file: path.to_owned(), place: place.clone(), message };
        match row.and_then(|row| entry(&row)) {
            Ok((entry, mended)) => {
                if let Some(first) = places.get(&entry.account) {
                    let account = &entry.account;
                    let message = format!("account {account} is listed twice, first in {first}");
                    register.problems.push(wrong(message));
                    continue;
                }
                if mended {
                    let message = format!("account id was filled up to {}", entry.account);
                    register.problems.push(wrong(message));
                }
                places.insert(entry.account.clone(), place);
                register.entries.push(entry);
            }
            Err((account, message)) => {
                register.problems.push(wrong(message));
                match account {
                    Some(account) => drop(register.broken.insert(account)),
                    None => register.anonymous = true,
                }
            }
        }
    }
    Ok(register)
}

/// Why a row can't be used, with the account's id where that much can be read.
type Broken = (Option<String>, String);

/// A row with its place, or why there is none.
type Row = (String, Result<Map<String, Value>, Broken>);

fn csv_rows(content: &str) -> Result<Vec<Row>, String> {
    let head = content.lines().next().unwrap_or_default();
    let semicolons = head.matches(';').count() > head.matches(',').count();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(content.as_bytes());
    let names = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        let place = format!("line {}", record.position().map_or(0, csv::Position::line));
        let cells = names.iter().zip(record.iter());
        let row: Map<String, Value> = cells
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(name, cell)| (name.to_owned(), Value::from(cell)))
            .collect();
        let row = if record.len() > names.len() {
            let account = find(&row, ACCOUNT).and_then(text).and_then(|t| account_id(&t));
            let message = format!("it has {} cells, the header {}", record.len(), names.len());
            Err((account.map(|(id, _)| id), message))
        } else {
            Ok(row)
        };
        rows.push((place, row));
    }
    Ok(rows)
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
        let row = match value {
            Value::Object(row) => Ok(row),
            _ => Err((None, "it is no object".to_owned())),
        };
        (format!("entry {}", index + 1), row)
    };
    Ok(list.into_iter().enumerate().map(row).collect())
}

const ACCOUNT: &[&str] = &["account", "account_id", "id"];

fn entry(row: &Map<String, Value>) -> Result<(AccountRegister, bool), Broken> {
    let id = find(row, ACCOUNT).and_then(text).ok_or((None, "`account` is missing".to_owned()))?;
    let (account, mended) =
        account_id(&id).ok_or((None, format!("account {id:?} is no id of twelve digits")))?;
    let word = |names: &[&str]| -> Result<Option<String>, Broken> {
        let Some(value) = find(row, names) else { return Ok(None) };
        let wrong = || (Some(account.clone()), format!("`{}` is no text", names[0]));
        Ok(Some(text(value).ok_or_else(wrong)?).filter(|text| !text.is_empty()))
    };
    let flag = |name: &str| -> Result<bool, Broken> {
        let Some(value) = find(row, &[name]) else { return Ok(false) };
        yes(value).ok_or_else(|| (Some(account.clone()), format!("`{name}` is neither yes nor no")))
    };
    let entry = AccountRegister {
        name: word(&["name", "account_name"])?,
        owner: word(&["owner", "owner_email", "account_owner"])?,
        executive: word(&["executive", "exec_sponsor", "exec_sponsor_email"])?,
        third_party: flag("third_party")?,
        approved: flag("approved")?,
        account: account.clone(),
    };
    Ok((entry, mended))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(content: &str) -> Register<AccountRegister> {
        parse(Path::new("a.csv"), content).expect("a table")
    }

    #[test]
    fn a_table_of_accounts_is_read() {
        let register = csv("Account ID,Name,Owner,Executive,Third_Party,Approved,Notes\r\n\
             111122223333,\"payments, prod\",ana@example.com,vp@example.com,,,x\r\n\
             \r\n\
             999988887777,Backup Ltd,,,yes,YES,\r\n");
        assert_eq!(register.problems, []);
        let [own, foreign] = &register.entries[..] else { panic!("two entries") };
        assert_eq!(own.name.as_deref(), Some("payments, prod"));
        assert_eq!((own.owner.as_deref(), own.third_party), (Some("ana@example.com"), false));
        assert!(foreign.third_party && foreign.approved && foreign.owner.is_none());
    }

    #[test]
    fn semicolons_and_lost_zeros_are_mended() {
        let register = csv("account;owner\n11122223333;a\n");
        assert_eq!(register.entries[0].account, "011122223333");
        let said: Vec<_> = register.problems.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["a.csv, line 2: account id was filled up to 011122223333"]);
    }

    #[test]
    fn what_is_wrong_names_its_line_and_the_rest_is_taken() {
        let register = csv("account,owner,approved\n1.1E+11,a,\n111122223333,b,perhaps\n\
             222233334444,c,\n222233334444,d,\n333344445555,e,yes,more\n,f,\n");
        let said: Vec<_> = register.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "a.csv, line 2: account \"1.1E+11\" is no id of twelve digits",
                "a.csv, line 3: `approved` is neither yes nor no",
                "a.csv, line 5: account 222233334444 is listed twice, first in line 4",
                "a.csv, line 6: it has 4 cells, the header 3",
                "a.csv, line 7: `account` is missing",
            ]
        );
        assert_eq!(register.entries.len(), 1);
        assert!(register.anonymous, "a row without an id: nothing may be withdrawn");
        assert!(
            register.broken.contains("111122223333") && register.broken.contains("333344445555")
        );
    }

    #[test]
    fn json_and_yaml_say_the_same() {
        let json = r#"[{"account":"111122223333","owner":"a"},{"account":12},7]"#;
        let json = parse(Path::new("a.json"), json).expect("a list");
        let yaml = "accounts:\n  - {account: '111122223333', owner: a}\n  - {account: 12}\n  - 7\n";
        let yaml = parse(Path::new("a.yaml"), yaml).expect("a list");
        assert_eq!(json.entries, yaml.entries);
        assert_eq!(json.entries.len(), 2, "a number gets its zeros back");
        for (name, text) in [("a.json", "{}"), ("a.json", "7"), ("a.txt", "x"), ("a.json", "[")] {
            assert!(parse(Path::new(name), text).is_err(), "{name} {text}");
        }
    }
}
