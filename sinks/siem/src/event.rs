//! What all events have in common, and the record that carries one. Pure.

use std::borrow::Cow;

use schemas::{
    AccountKey, Cause, Codec, Key,
    headers::{Event, Headers, cloud_event_as},
    topic::{COMPLIANCE_CHANGE, RESOURCE_CHANGE, SIEM_EVENT},
};
use serde_json::{Map, Value, json};
use stream::{Outgoing, RECORD_BYTES_MAX, Record};

use crate::{
    Account, Config, Known, Splunk, finding, inventory,
    known::{Unfit, key},
};

/// The release of the Open Cybersecurity Schema Framework whose attributes are used.
pub const OCSF_VERSION: &str = "1.8.0";

/// Who makes events, as their headers say.
const SOURCE: &str = "/scorecard/sink-siem";

/// The most bytes of one text in an event: SIEMs cut or refuse large events.
pub(crate) const TEXT_BYTES_MAX: usize = 4_096;

/// An activity of a class.
pub(crate) struct Activity {
    pub(crate) category: (u32, &'static str),
    pub(crate) class: (u32, &'static str),
    pub(crate) id: u32,
    pub(crate) name: &'static str,
}

/// Where an event comes from.
pub(crate) struct Origin<'a> {
    pub(crate) record: &'a Record,
    pub(crate) at_ms: i64,
    pub(crate) cause: &'a Cause,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

/// Makes the event of a change; none when the change is none that a SIEM is told of.
///
/// # Errors
/// When the record can't be used; only [`Unfit::is_transient`] ones are worth another try.
pub fn event(
    record: &Record,
    known: &Known,
    config: &Config,
    codec: &Codec,
) -> Result<Option<Outgoing>, Unfit> {
    let value = || record.value.as_deref().ok_or(Unfit::Tombstone);
    let (event, account, at_ms) = match record.topic.name {
        name if name == COMPLIANCE_CHANGE.spec.name => {
            let (key, change) = (key(&record.key)?, codec.decode(value()?)?);
            (finding::event(record, &key, &change, known), key.account, change.at_ms)
        }
        name if name == RESOURCE_CHANGE.spec.name && config.inventory => {
            let (key, change) = (key(&record.key)?, codec.decode(value()?)?);
            (Some(inventory::event(record, &key, &change, known)), key.account, change.at_ms)
        }
        _ => return Ok(None),
    };
    let Some(event) = event else { return Ok(None) };
    let outgoing = Outgoing {
        topic: SIEM_EVENT,
        partition: record.partition,
        timestamp_ms: at_ms,
        key: AccountKey::new(account).encode().into_bytes(),
        value: Some(event.to_string().into_bytes()),
        headers: headers(&uid(record), at_ms, config.splunk.as_ref()),
    };
    // Texts of any length are cut before, but names and ids are not, and are quoted repeatedly.
    match bytes(&outgoing) {
        bytes if bytes > RECORD_BYTES_MAX => Err(Unfit::TooLarge(bytes)),
        _ => Ok(Some(outgoing)),
    }
}

fn bytes(record: &Outgoing) -> usize {
    let headers = record.headers.iter().map(|(name, value)| name.len() + value.len());
    headers.sum::<usize>() + record.key.len() + record.value.as_ref().map_or(0, Vec::len)
}

fn headers(uid: &str, time_ms: i64, splunk: Option<&Splunk>) -> Headers {
    let event = Event { id: uid, kind: SIEM_EVENT.name, source: SOURCE, time_ms };
    let mut headers = cloud_event_as(&event, "application/json");
    for (name, value) in splunk.into_iter().flat_map(Splunk::headers) {
        headers.push((Cow::Borrowed(name), Cow::Owned(value.as_bytes().to_vec())));
    }
    headers
}

/// The name of an event: the place of the change that it tells.
fn uid(record: &Record) -> String {
    format!("{}/{}/{}", record.topic.name, record.partition, record.offset)
}

/// Makes the attributes that every event has.
pub(crate) fn base(
    activity: &Activity,
    origin: &Origin<'_>,
    severity: (u32, &str),
    account: Option<&Account>,
    is_truncated: bool,
) -> Map<String, Value> {
    let (class_uid, class_name) = activity.class;
    let Value::Object(members) = object([
        ("activity_id", json!(activity.id)),
        ("activity_name", json!(activity.name)),
        ("category_uid", json!(activity.category.0)),
        ("category_name", json!(activity.category.1)),
        ("class_uid", json!(class_uid)),
        ("class_name", json!(class_name)),
        ("type_uid", json!(class_uid * 100 + activity.id)),
        ("type_name", json!(format!("{class_name}: {}", activity.name))),
        ("severity_id", json!(severity.0)),
        ("severity", json!(severity.1)),
        ("time", json!(origin.at_ms)),
        ("cloud", cloud(origin, account)),
        ("metadata", metadata(origin, is_truncated)),
    ]) else {
        unreachable!("an object was made");
    };
    members
}

fn metadata(origin: &Origin<'_>, is_truncated: bool) -> Value {
    object([
        ("version", json!(OCSF_VERSION)),
        ("profiles", json!(["cloud"])),
        ("uid", json!(uid(origin.record))),
        ("log_name", json!(origin.record.topic.name)),
        // All that one record of a producer caused has the same.
        ("correlation_uid", json!(origin.cause.to_string())),
        ("is_truncated", if is_truncated { json!(true) } else { Value::Null }),
        (
            "product",
            json!({
                "name": "scorecard",
                "vendor_name": "scorecard",
                "version": env!("CARGO_PKG_VERSION"),
            }),
        ),
    ])
}

fn cloud(origin: &Origin<'_>, account: Option<&Account>) -> Value {
    let provider = account.map_or("", |account| &account.provider);
    // The words and numbers are OCSF's own.
    let (provider, kind) = match provider {
        "aws" => ("AWS", Some((10, "AWS Account"))),
        "azure" => ("Azure", Some((13, "Azure Subscription"))),
        "gcp" => ("GCP", Some((11, "GCP Project"))),
        "" => ("Unknown", None),
        other => (other, None),
    };
    object([
        ("provider", json!(provider)),
        ("region", region(origin.region)),
        (
            "account",
            object([
                ("uid", json!(origin.account)),
                ("name", account.map_or(Value::Null, |account| text(&account.name))),
                ("type_id", json!(kind.map_or(0, |(id, _)| id))),
                ("type", json!(kind.map_or("Unknown", |(_, name)| name))),
            ]),
        ),
    ])
}

/// What has no region lies in none.
pub(crate) fn region(region: &str) -> Value {
    if region == "global" { Value::Null } else { text(region) }
}

/// Makes the resource that an event is about.
pub(crate) fn resource(id: &str, kind: &str, in_region: &str, account: Option<&Account>) -> Value {
    let owner = account.and_then(|account| account.owner.as_deref());
    let owner = owner.filter(|owner| !owner.is_empty()).map_or(Value::Null, |owner| {
        let address = if owner.contains('@') { json!(owner) } else { Value::Null };
        object([("name", json!(owner)), ("email_addr", address)])
    });
    object([
        ("uid", json!(id)),
        ("type", text(kind)),
        ("region", region(in_region)),
        ("owner", owner),
    ])
}

/// What an account is called in messages.
pub(crate) fn called<'a>(id: &'a str, account: Option<&'a Account>) -> &'a str {
    account.map(|account| &*account.name).filter(|name| !name.is_empty()).unwrap_or(id)
}

/// Makes an object of the members that say something.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    let members = members.into_iter().filter(|(_, value)| says(value));
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Gives a text; nothing when it is empty.
pub(crate) fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// Cuts a text to a number of bytes.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
