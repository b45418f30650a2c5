//! The risk register: accepted risks, from JSON as a SharePoint list exports it.
//!
//! Also the list items of Microsoft Graph (`fields`), and the exclusions of antiope-scorecards
//! (`accountId`, `requirementId`, `expirationDate`, `status`).

use std::path::Path;

use schemas::Exception;
use serde_json::{Map, Value};

use crate::{
    Register, RiskColumns,
    dates::expiry_ms,
    fields::{account_in, find, plain, text, texts},
    gather::{Entry, gather},
};

/// Stands for every account, requirement or resource.
const ANY: &str = "*";

/// Reads a register: a list, or one wrapped as SharePoint does (`value`, `d.results`).
///
/// Shape: the text of a file → its entries and what is wrong with the others.
/// Errors: it is no JSON, or has no list.
pub(crate) fn parse(
    path: &Path,
    content: &str,
    columns: &RiskColumns,
) -> Result<Register<Exception>, String> {
    let document: Value = serde_json::from_str(content).map_err(|error| error.to_string())?;
    let list = list_of(document).ok_or("it is no list of entries, nor is there one in it")?;
    let list: Vec<_> = list.into_iter().map(members).collect();
    let with_status = list.iter().flatten().any(|entry| has(entry, &columns.status));
    let reader = Reader { columns, with_status };
    let entries = list.into_iter().enumerate().map(|(at, entry)| reader.entry(at + 1, entry));
    Ok(gather(path, "id", entries.collect()))
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

/// Gives an entry's members; Microsoft Graph keeps the list's columns in `fields`.
fn members(entry: Value) -> Option<Map<String, Value>> {
    let Value::Object(mut entry) = entry else { return None };
    if let Some(Value::Object(fields)) = entry.remove("fields") {
        entry.extend(fields);
    }
    Some(entry)
}

/// Reads entries of one register.
struct Reader<'a> {
    columns: &'a RiskColumns,
    /// Whether the register has a status at all. Where it has none, being in it is acceptance;
    /// where it has one, an entry without is not approved yet.
    with_status: bool,
}

impl Reader<'_> {
    fn entry(&self, number: usize, entry: Option<Map<String, Value>>) -> Entry<Exception> {
        let id = entry.as_ref().and_then(|entry| self.identify(entry));
        let place = match &id {
            Some(id) => format!("entry {number} (id {id})"),
            None => format!("entry {number}"),
        };
        let mut notices = Vec::new();
        let read = match (&entry, &id) {
            (Some(entry), Some(id)) => self.exception(id, entry, &mut notices),
            (Some(_), None) => Err("`Id` is missing".to_owned()),
            (None, _) => Err("it is no object".to_owned()),
        };
        Entry { place, id, read, notices }
    }

    /// Gives an entry's id; exclusions of antiope-scorecards are known by what they exclude.
    fn identify(&self, entry: &Map<String, Value>) -> Option<String> {
        let word = |names: &[&str]| find(entry, names).and_then(text).filter(|one| !one.is_empty());
        let id = find(entry, &self.columns.id).and_then(text).filter(|id| !id.is_empty());
        let is_exclusion = find(entry, &["rqrmntId_rsrceRegex"]).is_some() || id.is_none();
        let account = word(&["accountId"]);
        if let (true, Some(account)) = (is_exclusion, account) {
            let (requirement, resource) = (word(&["requirementId"]), word(&["resourceId"]));
            let subject = id.or_else(|| Some(format!("{}#{}", requirement?, resource?)))?;
            return Some(format!("{account}#{subject}"));
        }
        id
    }

    fn exception(
        &self,
        id: &str,
        entry: &Map<String, Value>,
        notices: &mut Vec<String>,
    ) -> Result<Exception, String> {
        let columns = self.columns;
        let word = |names: &[String]| find(entry, names).and_then(text).filter(|t| !t.is_empty());
        let form = find(entry, &["formFields"]).and_then(Value::as_object);
        let reason = form.and_then(|form| find(form, &columns.reason)).and_then(text);
        Ok(Exception {
            id: id.to_owned(),
            accounts: self.accounts(entry)?,
            requirements: self.requirements(entry)?,
            resource: self.resource(entry)?,
            approved: self.approved(entry, notices)?,
            reason: reason.or_else(|| word(&columns.reason)).unwrap_or_default(),
            owner: word(&columns.owner).unwrap_or_default(),
            expires_ms: self.expires_ms(entry)?,
        })
    }

    fn accounts(&self, entry: &Map<String, Value>) -> Result<Vec<String>, String> {
        let named = listed(entry, &self.columns.accounts, "account")?;
        if named.iter().any(|one| is_all(one)) {
            return Ok(vec![ANY.to_owned()]);
        }
        let id =
            |one: &String| account_in(one).ok_or(format!("account {one:?} names no account id"));
        named.iter().map(id).collect()
    }

    fn requirements(&self, entry: &Map<String, Value>) -> Result<Vec<String>, String> {
        let named = listed(entry, &self.columns.requirements, "requirement")?;
        let all = named.iter().any(|one| is_all(one));
        Ok(if all { vec![ANY.to_owned()] } else { named })
    }

    /// Gives the resource; none, or an empty one, is every resource. What can't be read is
    /// not: that would give credit to all for the sake of one.
    fn resource(&self, entry: &Map<String, Value>) -> Result<String, String> {
        let named = match find(entry, &self.columns.resource) {
            None => return Ok(ANY.to_owned()),
            Some(Value::Array(list)) if list.len() == 1 => text(&list[0]),
            Some(Value::Array(list)) if list.len() > 1 => {
                return Err(format!("it names {} resources; write an entry for each", list.len()));
            }
            Some(value) => text(value),
        };
        let named = named.ok_or("its resource is no text")?;
        Ok(if named.is_empty() || is_all(&named) { ANY.to_owned() } else { named })
    }

    fn expires_ms(&self, entry: &Map<String, Value>) -> Result<Option<i64>, String> {
        let Some(value) = find(entry, &self.columns.expires) else { return Ok(None) };
        let text = text(value).ok_or("the expiry date is no text")?;
        if text.is_empty() {
            return Ok(None);
        }
        expiry_ms(&text).map(Some).map_err(|reason| format!("the expiry date: {reason}"))
    }

    /// Tells whether the risk was accepted: only when the word says so.
    fn approved(
        &self,
        entry: &Map<String, Value>,
        notices: &mut Vec<String>,
    ) -> Result<bool, String> {
        let word = match find(entry, &self.columns.status) {
            None if self.with_status => String::new(),
            None => return Ok(true),
            Some(value) => text(value).ok_or("the status is no text")?,
        };
        // SharePoint's own approval status is a number, alone or before its word.
        let plain = word.to_lowercase();
        match plain.split_once(";#").map_or(&*plain, |(_, word)| word) {
            "approved" | "accepted" | "active" | "0" => Ok(true),
            "pending" | "initial" | "requested" | "submitted" | "rejected" | "denied" | "draft"
            | "archived" | "withdrawn" | "revoked" | "closed" | "expired" | "1" | "2" | "3" => {
                Ok(false)
            }
            "" => {
                notices.push("it has no status, others do: it gives no credit".to_owned());
                Ok(false)
            }
            _ => {
                let hint = "write Approved, Pending or Rejected";
                notices.push(format!("status {word:?} is not known and gives no credit; {hint}"));
                Ok(false)
            }
        }
    }
}

/// Gives a list that must name something: an empty field may be a mistake, and "all" is written as
/// such.
fn listed(entry: &Map<String, Value>, names: &[String], what: &str) -> Result<Vec<String>, String> {
    let value = find(entry, names).ok_or(format!("it names no {what}; `*` stands for all"))?;
    let named = texts(value).ok_or(format!("its {what} is neither text nor a lookup"))?;
    if named.is_empty() {
        Err(format!("it names no {what}; `*` stands for all"))
    } else {
        Ok(named)
    }
}

/// Tells whether an entry has a column, even an empty one.
fn has(entry: &Map<String, Value>, names: &[String]) -> bool {
    entry.keys().any(|name| names.iter().any(|wanted| plain(wanted) == plain(name)))
}

fn is_all(text: &str) -> bool {
    text == ANY || text.eq_ignore_ascii_case("all") || text.eq_ignore_ascii_case("all accounts")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(document: Value) -> Register<Exception> {
        let columns = RiskColumns::default();
        parse(Path::new("risks.json"), &document.to_string(), &columns).expect("a register")
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
    fn lists_come_wrapped_in_several_ways() {
        let entry = json!({"ID": 7, "Account": "*", "Requirement": "r", "ResourceId": ""});
        let graph = json!({"id": "7", "fields": {"Account": "*", "Requirement": "r"}});
        let one = read(json!([entry]));
        assert_eq!(one.entries[0].resource, "*");
        for wrapped in [
            json!({"value": [entry]}),
            json!({"d": {"results": [entry]}}),
            json!({"d": [entry]}),
            json!({"value": [graph]}),
        ] {
            assert_eq!(read(wrapped).entries, one.entries);
        }
    }

    #[test]
    fn an_exclusion_of_antiope_is_read() {
        let exclusion = |id: &str, status: &str| {
            json!({
                "accountId": "123456789012", "requirementId": "CS03", "resourceId": "sg-0abc*",
                "type": "exception", "status": status, "expirationDate": "2026/12/31",
                "formFields": {"reason": "SFTP partner"}, "adminComments": "RA-17",
                "lastModifiedByUser": "u@x", "updateRequested": {"expirationDate": "2027/03/31"},
                (id): "CS03#sg-0abc*"
            })
        };
        for name in ["rqrmntId_rsrceRegex", "somethingElse"] {
            let register = read(json!([exclusion(name, "initial")]));
            let expected = Exception {
                id: "123456789012#CS03#sg-0abc*".into(),
                accounts: vec!["123456789012".into()],
                requirements: vec!["CS03".into()],
                resource: "sg-0abc*".into(),
                approved: false,
                reason: "SFTP partner".into(),
                owner: "u@x".into(),
                expires_ms: Some(1_798_761_600_000),
            };
            assert_eq!((&*register.entries, &*register.problems), (&[expected][..], &[][..]));
        }
        assert!(read(json!([exclusion("x", "approved")])).entries[0].approved);
    }

    #[test]
    fn a_site_may_name_its_columns() {
        let columns = RiskColumns {
            accounts: vec!["Konto".into()],
            expires: vec!["Gültig bis".into()],
            ..RiskColumns::default()
        };
        let text = json!([{"Id": 1, "KONTO": "111122223333", "Requirement": "r", "Account": "*",
            "gültig_bis": "2026-12-31"}]);
        let register = parse(Path::new("r.json"), &text.to_string(), &columns).expect("a register");
        assert_eq!(register.entries[0].accounts, ["111122223333"]);
        assert_eq!(register.entries[0].expires_ms, Some(1_798_761_600_000));
    }

    #[test]
    fn all_is_written_and_never_guessed() {
        let all = read(json!([{"Id": 1, "Account": "All", "Requirement": "*", "Resource": "ALL"}]));
        assert_eq!((&*all.entries[0].accounts[0], &*all.entries[0].requirements[0]), ("*", "*"));
        assert_eq!((&*all.entries[0].resource, all.entries[0].approved), ("*", true));
        let none = read(json!([{"Id": 1, "Account": [], "Requirement": "*"}]));
        assert_eq!(none.problems[0].message, "it names no account; `*` stands for all");
        for (resource, expected) in [
            (json!(null), Ok("*")),
            (json!(""), Ok("*")),
            (json!([]), Err("its resource is no text")),
            (json!(["sg-1"]), Ok("sg-1")),
            (json!(["sg-1", "sg-2"]), Err("it names 2 resources; write an entry for each")),
            (json!(true), Err("its resource is no text")),
            (json!("=cmd|' /C calc'!A0"), Ok("=cmd|' /C calc'!A0")),
        ] {
            let entry =
                json!([{"Id": 1, "Account": "*", "Requirement": "r", "Resource": resource}]);
            let register = read(entry);
            let got = register.entries.first().map(|entry| &*entry.resource);
            assert_eq!(got.ok_or_else(|| &*register.problems[0].message), expected, "{resource}");
        }
    }

    #[test]
    fn only_a_word_that_says_so_approves() {
        let entry = |id: u64, status: Value| {
            let mut entry = json!({"Id": id, "Account": "*", "Requirement": "r"});
            entry["Status"] = status;
            entry
        };
        for (status, approved, notices) in [
            (json!("Approved"), true, 0),
            (json!(" APPROVED "), true, 0),
            (json!({"Id": 1, "Value": "Approved"}), true, 0),
            (json!("0;#Approved"), true, 0),
            (json!(0), true, 0),
            (json!("Pending"), false, 0),
            (json!("Rejected"), false, 0),
            (json!("1;#Rejected"), false, 0),
            (json!(2), false, 0),
            (json!("not approved"), false, 1),
            (json!("Approved?"), false, 1),
            (json!(""), false, 1),
            (json!(null), false, 1),
        ] {
            let register = read(json!([entry(1, status.clone())]));
            let got = (register.entries[0].approved, register.problems.len());
            assert_eq!(got, (approved, notices), "{status}");
            assert!(register.problems.iter().all(|problem| problem.is_notice));
        }
        let without = json!({"Id": 2, "Account": "*", "Requirement": "r"});
        assert!(read(json!([without])).entries[0].approved, "a register without a status");
        let mixed = read(json!([entry(1, json!("Approved")), without]));
        assert!(mixed.entries[0].approved && !mixed.entries[1].approved, "others have one");
        assert_eq!(
            mixed.problems[0].to_string(),
            "risks.json, entry 2 (id 2): it has no status, others do: it gives no credit"
        );
    }

    #[test]
    fn a_broken_entry_keeps_its_name() {
        let register = read(json!([
            {"Id": 1, "Account": "payments", "Requirement": "r"},
            {"Id": 2, "Account": "*", "Requirement": "r", "Expires": "03/04/2026"},
            {"Id": 3, "Account": "*", "Requirement": "r", "Expires": 1.5},
            {"Id": 4, "Account": "*", "Requirement": true},
            {"Id": 5, "Account": "*", "Requirement": "r"},
            {"Id": "5", "Account": "*", "Requirement": "s"},
            {"Account": "*"}, 7, {"Id": 9, "Account": "*", "Requirement": "r"},
        ]));
        let said: Vec<_> = register.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "risks.json, entry 1 (id 1): account \"payments\" names no account id",
                "risks.json, entry 2 (id 2): the expiry date: \"03/04/2026\" may be 2026-03-04 or \
                 2026-04-03; write it as 2026-12-31",
                "risks.json, entry 3 (id 3): the expiry date: \"1.5\" is no date; \
                 write it as 2026-12-31",
                "risks.json, entry 4 (id 4): its requirement is neither text nor a lookup",
                "risks.json, entry 6 (id 5): id 5 is there twice, first in entry 5 (id 5), and \
                 differs: neither is taken",
                "risks.json, entry 7: `Id` is missing",
                "risks.json, entry 8: it is no object",
            ]
        );
        let broken: Vec<_> = register.broken.iter().map(String::as_str).collect();
        assert_eq!((broken, register.anonymous), (vec!["1", "2", "3", "4", "5"], true));
        let taken: Vec<_> = register.entries.iter().map(|entry| &*entry.id).collect();
        assert_eq!(taken, ["9"]);
    }

    #[test]
    fn an_empty_register_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("risks.json");
        let deep = "[".repeat(100_000);
        let nested = format!("{}1{}", "{\"d\":".repeat(100_000), "}".repeat(100_000));
        for text in
            ["", "[]", "{\"value\":[]}", "{}", "7", "[{", &deep, &nested, "[7]", "[{\"Id\":1}]"]
        {
            std::fs::write(&path, text).expect("a file");
            assert!(crate::risks(&path).is_err(), "{:?}", &text[..text.len().min(20)]);
        }
        assert!(crate::risks(&folder.path().join("no.json")).is_err());
        std::fs::write(&path, "[{\"Id\":1},{\"Id\":2}]").expect("a file");
        let error = crate::risks(&path).expect_err("no entry is usable").to_string();
        let first = "first of 2: entry 1 (id 1): it names no account; `*` stands for all";
        assert!(error.ends_with(&format!("has no usable entry; {first}")), "{error}");
    }
}
