//! Changes of resources as Cloud Resources Inventory Info (class 5023). Pure.

use schemas::{ChangeKind, Difference, ResourceChange, ResourceKey};
use serde_json::{Value, json};
use stream::Record;

use crate::{
    Known,
    event::{Activity, Origin, base, called, cut, object, region, resource},
};

/// The most differences of one event, and the most bytes of a path or a value in it. Whoever needs
/// more finds it in `resource.change`, at the place that `metadata.uid` names.
const DIFFERENCES_MAX: usize = 100;
const VALUE_BYTES_MAX: usize = 1_024;

/// What was collected, not what an account's own log told.
const COLLECT: Activity = Activity {
    category: (5, "Discovery"),
    class: (5023, "Cloud Resources Inventory Info"),
    id: 2,
    name: "Collect",
};

/// Makes the event of a change.
pub(crate) fn event(
    record: &Record,
    key: &ResourceKey,
    change: &ResourceChange,
    known: &Known,
) -> Value {
    let account = known.accounts.get(&key.account);
    let origin = Origin {
        record,
        at_ms: change.at_ms,
        cause: &change.cause,
        account: &key.account,
        region: &key.region,
    };
    let is_cut = change.differences.len() > DIFFERENCES_MAX
        || change.differences.iter().take(DIFFERENCES_MAX).any(is_long)
        || change.first_trusted.len() > DIFFERENCES_MAX;
    let mut event = base(&COLLECT, &origin, (1, "Informational"), account, is_cut);
    let words = match change.kind {
        ChangeKind::Created => "Created",
        ChangeKind::Updated => "Updated",
        ChangeKind::Deleted => "Deleted",
    };
    let place = called(&key.account, account);
    let differences = change.differences.iter().take(DIFFERENCES_MAX);
    let first_trusted: Vec<_> = change.first_trusted.iter().take(DIFFERENCES_MAX).collect();
    let resource = resource(&key.id, &key.resource_type, &key.region, account);
    let members = [
        ("message", json!(format!("{words}: {} {} in {place}", key.resource_type, key.id))),
        ("region", region(&key.region)),
        ("resources", json!([resource])),
        (
            "unmapped",
            object([
                ("change", json!(change.kind)),
                ("differences", differences.map(difference).collect()),
                ("first_trusted", json!(first_trusted)),
                ("executive", json!(account.and_then(|one| one.executive.as_deref()))),
            ]),
        ),
    ];
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    event.extend(members.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(event)
}

fn difference(difference: &Difference) -> Value {
    let value = |text: &String| json!(cut(text, VALUE_BYTES_MAX));
    object([
        ("path", value(&difference.path)),
        ("before", difference.before.as_ref().map_or(Value::Null, value)),
        ("after", difference.after.as_ref().map_or(Value::Null, value)),
    ])
}

fn is_long(difference: &Difference) -> bool {
    let long = |text: &str| text.len() > VALUE_BYTES_MAX;
    long(&difference.path)
        || difference.before.as_deref().is_some_and(long)
        || difference.after.as_deref().is_some_and(long)
}
