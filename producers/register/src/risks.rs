//! The risk register: accepted risks, from JSON as a SharePoint list exports it.
//!
//! Also the list items of Microsoft Graph (`fields`), and the exclusions of antiope-scorecards
//! (`accountId`, `requirementId`, `expirationDate`, `status`).

use std::path::Path;

use schemas::{Exception, ExceptionState, key};
use serde_json::{Map, Value};

use crate::{
    ExceptionOptions, Register, RiskColumns, Zone,
    fields::{account_in, find, plain, text, texts},
    gather::{Entry, gather},
    is_short,
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
    options: &ExceptionOptions,
) -> Result<Register<Exception>, String> {
    let document: Value = serde_json::from_str(content).map_err(|error| error.to_string())?;
    let list = list_of(document).ok_or("it is no list of entries, nor is there one in it")?;
    let list: Vec<_> = list.into_iter().map(members).collect();
    let columns = &options.columns;
    let with_status = list.iter().flatten().any(|entry| has(entry, &columns.status));
    let reader = Reader { options, columns, with_status };
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
    options: &'a ExceptionOptions,
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
        let form = find(entry, &["formFields"]).and_then(Value::as_object);
        let word = |names: &[String]| {
            let of_form = form.and_then(|form| find(form, names)).and_then(text);
            let of_form = of_form.filter(|text| !text.is_empty());
            of_form.or_else(|| find(entry, names).and_then(text).filter(|text| !text.is_empty()))
        };
        let state = self.state(entry, notices)?;
        let is_approved = state == ExceptionState::Approved;
        if find(entry, &["hidesResources"]) == Some(&Value::Bool(true)) {
            notices.push("`hidesResources` is not taken over: what fails stays to be seen".into());
        }
        let mut dated = |names: &[String], what: &str| {
            optional_ms(entry, names, what, &self.options.zone, notices)
        };
        let mut exception = Exception {
            id: id.to_owned(),
            accounts: self.accounts(entry)?,
            requirements: self.requirements(entry)?,
            resource: self.resource(entry)?,
            approved: is_approved,
            reason: word(&columns.reason).unwrap_or_default(),
            owner: word(&columns.owner).unwrap_or_default(),
            expires_ms: self.moment(entry, &columns.expires, "expiry date", Zone::expiry_ms)?,
            regions: self.regions(entry)?,
            tags: self.tags(entry)?,
            state: Some(state),
            approver: word(&columns.approver),
            control: word(&columns.control),
            ticket: word(&columns.ticket),
            asked_ms: dated(&columns.asked, "date of the request"),
            approved_ms: dated(&columns.approved, "date of the approval").filter(|_| is_approved),
            starts_ms: self.moment(entry, &columns.starts, "start date", Zone::start_ms)?,
            renewal_ms: None,
        };
        is_short(texts_of(&exception))?;
        exception.renewal_ms = self.renewal(entry, &exception, notices);
        let ExceptionOptions { longest, severities, zone, .. } = self.options;
        longest.cut(&mut exception, severities, zone, notices);
        Ok(exception)
    }

    /// Gives the later end that is asked for; until it is approved the old one holds.
    fn renewal(
        &self,
        entry: &Map<String, Value>,
        exception: &Exception,
        notices: &mut Vec<String>,
    ) -> Option<i64> {
        let wanted = find(entry, &["updateRequested"]).and_then(Value::as_object);
        let (of, names) = match wanted {
            Some(wanted) => (wanted, &self.columns.expires),
            None => (entry, &self.columns.renewal),
        };
        let end_ms =
            find(of, names).and_then(text).filter(|text| !text.is_empty()).map(|text| {
                self.options
                    .zone
                    .expiry_ms(&text)
                    .map_err(|reason| format!("the renewal: {reason}"))
            })?;
        let end_ms = end_ms.map_err(|reason| notices.push(reason)).ok()?;
        Some(end_ms).filter(|end_ms| Some(*end_ms) != exception.expires_ms)
    }

    fn accounts(&self, entry: &Map<String, Value>) -> Result<Vec<String>, String> {
        let named = listed(entry, &self.columns.accounts, "account")?;
        if named.iter().any(|one| is_all(one)) {
            return Ok(vec![ANY.to_owned()]);
        }
        named.iter().map(|one| selector(one)).collect()
    }

    /// Gives the regions; none is every region.
    fn regions(&self, entry: &Map<String, Value>) -> Result<Vec<String>, String> {
        let Some(value) = find(entry, &self.columns.regions) else { return Ok(Vec::new()) };
        let named = texts(value).ok_or("its regions are neither text nor a lookup")?;
        Ok(if named.iter().any(|one| is_all(one)) { Vec::new() } else { named })
    }

    /// Gives the tags that the resource must have; in a list each is taken as it stands, since
    /// values may hold commas.
    fn tags(&self, entry: &Map<String, Value>) -> Result<Vec<String>, String> {
        let Some(value) = find(entry, &self.columns.tags) else { return Ok(Vec::new()) };
        let named = match value {
            Value::Array(list) => list.iter().map(text).collect(),
            other => texts(other),
        };
        named.ok_or_else(|| "its tags are neither text nor a list".to_owned())
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

    /// Reads a date that credit hangs on.
    fn moment(
        &self,
        entry: &Map<String, Value>,
        names: &[String],
        what: &str,
        read: impl Fn(&Zone, &str) -> Result<i64, String>,
    ) -> Result<Option<i64>, String> {
        let Some(value) = find(entry, names) else { return Ok(None) };
        let text = text(value).ok_or_else(|| format!("the {what} is no text"))?;
        if text.is_empty() {
            return Ok(None);
        }
        let read = read(&self.options.zone, &text);
        read.map(Some).map_err(|reason| format!("the {what}: {reason}"))
    }

    /// Tells what was decided: a risk is accepted only when the word says so.
    fn state(
        &self,
        entry: &Map<String, Value>,
        notices: &mut Vec<String>,
    ) -> Result<ExceptionState, String> {
        let word = match find(entry, &self.columns.status) {
            None if self.with_status => String::new(),
            None => return Ok(ExceptionState::Approved),
            Some(value) => text(value).ok_or("the status is no text")?,
        };
        // SharePoint's own approval status is a number, alone or before its word.
        let plain = word.to_lowercase();
        let state = state_of(plain.split_once(";#").map_or(&*plain, |(_, word)| word));
        let notice = match state {
            Some(_) => None,
            None if word.is_empty() => {
                Some("it has no status, others do: it gives no credit".to_owned())
            }
            None => {
                let hint = "write Approved, Pending, Rejected or Withdrawn";
                Some(format!("status {word:?} is not known and gives no credit; {hint}"))
            }
        };
        notices.extend(notice);
        Ok(state.unwrap_or(ExceptionState::Asked))
    }
}

/// Gives the texts of an exception.
fn texts_of(exception: &Exception) -> impl Iterator<Item = &String> {
    let Exception { id, accounts, requirements, resource, reason, owner, regions, tags, .. } =
        exception;
    let Exception { approver, control, ticket, .. } = exception;
    let lists = [accounts, requirements, regions, tags].into_iter().flatten();
    let optional = [approver, control, ticket].into_iter().flatten();
    [id, resource, reason, owner].into_iter().chain(lists).chain(optional)
}

/// Gives what a word means, or a number of SharePoint's moderation; none when it is not known.
fn state_of(word: &str) -> Option<ExceptionState> {
    Some(match word {
        // A renewal that is asked for takes nothing away: the old end holds.
        "approved"
        | "accepted"
        | "active"
        | "approvedpendingchanges"
        | "renewal requested"
        | "0" => ExceptionState::Approved,
        "pending" | "initial" | "requested" | "asked" | "submitted" | "draft" | "2" | "3" => {
            ExceptionState::Asked
        }
        "rejected" | "denied" | "1" => ExceptionState::Rejected,
        "archived" | "withdrawn" | "revoked" | "closed" | "expired" => ExceptionState::Withdrawn,
        _ => return None,
    })
}

/// Reads an account: an id, or `unit:` or `tag:` with what stands for many.
fn selector(named: &str) -> Result<String, String> {
    if let Some(path) = named.strip_prefix("unit:") {
        let path = path.trim_matches('/');
        let whole = key::split(path).is_some_and(|names| names.iter().all(|one| !one.is_empty()));
        let wrong = || {
            format!("{named:?} is no path of units such as unit:prod/shop; `%` in a name is `%25`")
        };
        return whole.then(|| format!("unit:{path}")).ok_or_else(wrong);
    }
    if let Some(tag) = named.strip_prefix("tag:") {
        let wrong = || format!("{named:?} names no tag");
        return (!tag.is_empty()).then(|| named.to_owned()).ok_or_else(wrong);
    }
    account_in(named).ok_or_else(|| format!("account {named:?} names no account id"))
}

/// Reads a date that nothing but a limit hangs on: one that can't be read is told, and absent.
fn optional_ms(
    entry: &Map<String, Value>,
    names: &[String],
    what: &str,
    zone: &Zone,
    notices: &mut Vec<String>,
) -> Option<i64> {
    let text = find(entry, names).and_then(text).filter(|text| !text.is_empty())?;
    let read = zone.start_ms(&text);
    read.map_err(|reason| notices.push(format!("the {what}: {reason}"))).ok()
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
