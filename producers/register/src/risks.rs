//! The risk register: accepted risks, from JSON as a SharePoint list exports it.
//!
//! Also the exclusions of antiope-scorecards (`accountId`, `requirementId`, `expirationDate`,
//! `status`).

use std::path::Path;

use schemas::Exception;
use serde_json::{Map, Value};

use crate::{
    Problem, Register,
    dates::expiry_ms,
    fields::{account_in, find, text, texts},
};

const ID: &[&str] = &["Id", "rqrmntId_rsrceRegex"];
const ACCOUNTS: &[&str] = &["Accounts", "Account", "AccountId", "AWSAccount"];
const REQUIREMENTS: &[&str] = &["Requirements", "Requirement", "RequirementId"];
const RESOURCE: &[&str] = &["ResourceId", "Resource", "AWSResourceID"];
const EXPIRY: &[&str] = &["ExpirationDate", "ExpiryDate", "Expires", "Expiration", "ExpiresOn"];
const STATUS: &[&str] = &["Status", "ApprovalStatus"];
const REASON: &[&str] = &["Reason", "Justification", "Description", "Title", "adminComments"];
const OWNER: &[&str] = &["Owner", "RequestedBy", "RiskOwner", "lastModifiedByUser"];

/// Stands for every account, requirement or resource.
const ANY: &str = "*";

/// Reads a register: a list, or one wrapped as SharePoint does (`value`, `d.results`).
pub(crate) fn parse(path: &Path, content: &str) -> Result<Register<Exception>, String> {
    let document: Value = serde_json::from_str(content).map_err(|error| error.to_string())?;
    let list = list_of(document).ok_or("it is no list of entries, nor is there one in it")?;
    let mut register = Register::default();
    let mut ids = std::collections::BTreeSet::new();
    for (index, value) in list.iter().enumerate() {
        let id = value.as_object().and_then(identify);
        let place = id.as_ref().map_or(format!("entry {}", index + 1), |id| format!("entry {id}"));
        let wrong = |message: String| Problem { file: path.to_owned(), place, message };
        let read = match (value.as_object(), &id) {
            (Some(_), Some(id)) if !ids.insert(id.clone()) => {
                Err(format!("the id {id} is there twice"))
            }
            (Some(entry), Some(id)) => exception(id, entry),
            (Some(_), None) => Err("`Id` is missing".to_owned()),
            (None, _) => Err("it is no object".to_owned()),
        };
        match (read, id) {
            (Ok(exception), _) => register.entries.push(exception),
            (Err(message), id) => {
                register.problems.push(wrong(message));
                match id {
                    Some(id) => drop(register.broken.insert(id)),
                    None => register.anonymous = true,
                }
            }
        }
    }
    Ok(register)
}

fn list_of(document: Value) -> Option<Vec<Value>> {
    match document {
        Value::Array(list) => Some(list),
        Value::Object(mut object) => {
            let inner = ["value", "d", "results"].iter().find_map(|name| object.remove(*name))?;
            list_of(inner)
        }
        _ => None,
    }
}

/// Gives an entry's id; exclusions without one are known by what they exclude.
fn identify(entry: &Map<String, Value>) -> Option<String> {
    let id = find(entry, ID).and_then(text).filter(|id| !id.is_empty())?;
    let account = find(entry, &["accountId"]).and_then(text);
    let is_exclusion = find(entry, &["rqrmntId_rsrceRegex"]).is_some();
    Some(account.filter(|_| is_exclusion).map_or(id.clone(), |account| format!("{account}#{id}")))
}

fn exception(id: &str, entry: &Map<String, Value>) -> Result<Exception, String> {
    let word = |names: &[&str]| find(entry, names).and_then(text).filter(|text| !text.is_empty());
    let expires_ms = match find(entry, EXPIRY).filter(|value| value.as_str() != Some("")) {
        None => None,
        Some(value) => {
            let text = text(value).ok_or("the expiry date is no text")?;
            Some(expiry_ms(&text).map_err(|reason| format!("the expiry date: {reason}"))?)
        }
    };
    Ok(Exception {
        id: id.to_owned(),
        accounts: accounts(entry)?,
        requirements: requirements(entry)?,
        resource: word(RESOURCE).unwrap_or_else(|| ANY.to_owned()),
        approved: approved(entry)?,
        reason: word(REASON).unwrap_or_default(),
        owner: word(OWNER).unwrap_or_default(),
        expires_ms,
    })
}

fn accounts(entry: &Map<String, Value>) -> Result<Vec<String>, String> {
    let named = listed(entry, ACCOUNTS, "account")?;
    if named.iter().any(|one| is_all(one)) {
        return Ok(vec![ANY.to_owned()]);
    }
    let id = |one: &String| account_in(one).ok_or(format!("account {one:?} names no account id"));
    named.iter().map(id).collect()
}

fn requirements(entry: &Map<String, Value>) -> Result<Vec<String>, String> {
    let named = listed(entry, REQUIREMENTS, "requirement")?;
    let all = named.iter().any(|one| is_all(one));
    Ok(if all { vec![ANY.to_owned()] } else { named })
}

/// Gives a list that must name something: an empty field may be a mistake, and "all" is written as
/// such.
fn listed(entry: &Map<String, Value>, names: &[&str], what: &str) -> Result<Vec<String>, String> {
    let value = find(entry, names).ok_or(format!("it names no {what}; `*` stands for all"))?;
    let named = texts(value).ok_or(format!("its {what} is neither text nor a lookup"))?;
    if named.is_empty() {
        Err(format!("it names no {what}; `*` stands for all"))
    } else {
        Ok(named)
    }
}

fn is_all(text: &str) -> bool {
    text == ANY || text.eq_ignore_ascii_case("all") || text.eq_ignore_ascii_case("all accounts")
}

/// Tells whether the risk was accepted. Being in the register is acceptance unless a status says
/// otherwise.
fn approved(entry: &Map<String, Value>) -> Result<bool, String> {
    let Some(value) = find(entry, STATUS) else { return Ok(true) };
    let word = text(value).ok_or("the status is no text")?;
    match word.to_lowercase().as_str() {
        "approved" | "accepted" | "active" | "0;#approved" => Ok(true),
        "pending" | "initial" | "requested" | "submitted" | "rejected" | "denied" | "draft"
        | "archived" | "withdrawn" | "expired" | "2;#pending" | "1;#rejected" => Ok(false),
        // SharePoint's own approval status as a number: 0 approved, 1 rejected, 2 pending.
        "0" => Ok(true),
        "1" | "2" | "3" => Ok(false),
        _ => Err(format!("the status {word:?} is unknown; write Approved, Pending or Rejected")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(document: Value) -> Register<Exception> {
        parse(Path::new("risks.json"), &document.to_string()).expect("a register")
    }

    #[test]
    fn a_sharepoint_list_is_read() {
        let register = read(json!({"value": [{
            "Id": 17, "Title": "SFTP partner",
            "Accounts": [{"Id": 1, "Value": "payments (111122223333)"},
                {"Id": 2, "Value": "222233334444"}],
            "Requirements": {"results": [{"Id": 4, "Value": "ec2-admin-ports"}]},
            "Resource ID": "sg-0abc*", "Expiration Date": "2026-12-31T00:00:00Z",
            "Approval_Status": "Approved",
            "RequestedBy": {"Title": "Ana", "Email": "ana@example.com"}
        }]}));
        assert_eq!(register.problems, []);
        assert_eq!(
            register.entries,
            [Exception {
                id: "17".into(),
                accounts: vec!["111122223333".into(), "222233334444".into()],
                requirements: vec!["ec2-admin-ports".into()],
                resource: "sg-0abc*".into(),
                approved: true,
                reason: "SFTP partner".into(),
                owner: "Ana".into(),
                expires_ms: Some(1_798_675_200_000),
            }]
        );
    }

    #[test]
    fn an_exclusion_of_antiope_is_read() {
        let register = read(json!([{
            "accountId": "123456789012", "requirementId": "CS03", "resourceId": "sg-0abc*",
            "type": "exception", "status": "initial", "expirationDate": "2026/12/31",
            "formFields": {"reason": "x"}, "adminComments": "RA-17",
            "rqrmntId_rsrceRegex": "CS03#sg-0abc*"
        }]));
        let entry = &register.entries[0];
        assert_eq!(entry.id, "123456789012#CS03#sg-0abc*");
        assert_eq!((entry.approved, &*entry.reason), (false, "RA-17"));
    }

    #[test]
    fn all_is_written_and_never_guessed() {
        let all = read(json!([{"Id": 1, "Account": "All", "Requirement": "*"}]));
        assert_eq!((&*all.entries[0].accounts[0], &*all.entries[0].requirements[0]), ("*", "*"));
        assert_eq!((&*all.entries[0].resource, all.entries[0].approved), ("*", true));
        let none = read(json!([{"Id": 1, "Account": [], "Requirement": "*"}]));
        assert_eq!(none.problems[0].message, "it names no account; `*` stands for all");
    }

    #[test]
    fn a_broken_entry_keeps_its_name() {
        let register = read(json!([
            {"Id": 1, "Account": "payments", "Requirement": "r"},
            {"Id": 2, "Account": "*", "Requirement": "r", "Expires": "03/04/2026"},
            {"Id": 3, "Account": "*", "Requirement": "r", "Status": "maybe"},
            {"Id": 4, "Account": "*", "Requirement": true},
            {"Id": 5, "Account": "*", "Requirement": "r"},
            {"Id": 5, "Account": "*", "Requirement": "r"},
            {"Account": "*"}, 7,
        ]));
        let said: Vec<_> = register.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "risks.json, entry 1: account \"payments\" names no account id",
                "risks.json, entry 2: the expiry date: \"03/04/2026\" may be 2026-03-04 or \
                 2026-04-03; write it as 2026-12-31",
                "risks.json, entry 3: the status \"maybe\" is unknown; write Approved, Pending or \
                 Rejected",
                "risks.json, entry 4: its requirement is neither text nor a lookup",
                "risks.json, entry 5: the id 5 is there twice",
                "risks.json, entry 7: `Id` is missing",
                "risks.json, entry 8: it is no object",
            ]
        );
        let broken: Vec<_> = register.broken.iter().map(String::as_str).collect();
        assert_eq!((broken, register.anonymous), (vec!["1", "2", "3", "4", "5"], true));
        assert_eq!(register.entries.len(), 1);
    }

    #[test]
    fn an_empty_register_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("risks.json");
        for text in ["", "[]", "{\"value\":[]}", "{}", "7", "[{"] {
            std::fs::write(&path, text).expect("a file");
            assert!(crate::risks(&path).is_err(), "{text:?}");
        }
        assert!(crate::risks(&folder.path().join("no.json")).is_err());
    }
}
