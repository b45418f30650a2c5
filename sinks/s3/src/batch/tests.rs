//! A batch changes each object once, by its newest record, and loses no record in silence.

use schemas::Resource;
use schemas::topic::{ACCOUNT_STATE, RESOURCE_STATE};

use super::*;
use crate::encode::tests::{resource, row};

fn record(offset: i64, key: Vec<u8>, value: Option<Vec<u8>>) -> Record {
    let topic = RESOURCE_STATE.spec;
    Record { topic, partition: 3, offset, timestamp_ms: 0, key, value, headers: Vec::new() }
}

fn seen(offset: i64, resource: &Resource) -> Record {
    let (key, value) = row(resource);
    record(offset, key, Some(value))
}

fn account(offset: i64, id: &str, name: Option<&str>) -> Record {
    let state = name.map(|name| AccountState {
        provider: "aws".to_owned(),
        account: id.to_owned(),
        name: name.to_owned(),
        ..AccountState::default()
    });
    let topic = ACCOUNT_STATE.spec;
    let encode = |state| Codec::default().encode(&topic.full_name("test"), &state).unwrap();
    Record { topic, ..record(offset, id.as_bytes().to_vec(), state.map(encode)) }
}

fn work(records: &[Record], accounts: &AccountNames) -> Batch {
    batch(records, accounts, &Codec::default()).unwrap()
}

#[test]
fn only_the_newest_row_of_a_key_counts() {
    let old = resource("1", "a");
    let new = Resource { name: "new".to_owned(), ..old.clone() };
    let (gone, _) = row(&resource("1", "b"));
    let (back, _) = row(&resource("1", "c"));
    let records = [
        seen(0, &old),
        seen(1, &resource("1", "b")),
        record(2, back, None),
        seen(3, &new),
        record(4, gone, None),
        seen(5, &resource("1", "c")),
    ];
    let names = AccountNames::new();
    let put = |resource: &Resource| {
        let (key, value) = row(resource);
        encode::change(&key, Some(&value), &names, &Codec::default()).unwrap()
    };
    let delete = Change::Delete { key: "Resources/iam/role/b.1.global.json".to_owned() };
    let changes = work(&records, &names).changes;
    let expected = [(3, put(&new)), (4, delete), (5, put(&resource("1", "c")))];
    assert_eq!(changes, expected);
}

#[test]
fn documents_have_the_names_of_their_own_batch() {
    let known = AccountNames::from(["1", "2", "3"].map(|id| (id.to_owned(), format!("old {id}"))));
    let records = [
        seen(0, &resource("1", "a")),
        seen(1, &resource("2", "a")),
        seen(2, &resource("3", "a")),
        account(0, "1", Some("new 1")),
        account(1, "2", Some("old 2")),
        account(2, "3", None),
    ];
    let batch = work(&records, &known);
    let renamed = [("1".to_owned(), Some("new 1".to_owned())), ("3".to_owned(), None)];
    assert_eq!(batch.renamed, BTreeMap::from(renamed));
    let names = batch.changes.iter().map(|(_, change)| match change {
        Change::Put { body, .. } => {
            let document: serde_json::Value = serde_json::from_slice(body).unwrap();
            document["awsAccountName"].as_str().unwrap().to_owned()
        }
        Change::Delete { key } => panic!("{key}"),
    });
    assert_eq!(names.collect::<Vec<_>>(), ["new 1", "old 2", "3"]);
}

#[test]
fn what_can_not_be_read_is_a_dead_letter() {
    let (key, _) = row(&resource("1", "a"));
    let records = [
        record(7, key, Some(b"rubbish".to_vec())),
        record(8, b"no key".to_vec(), None),
        seen(9, &resource("1", "b")),
    ];
    let batch = work(&records, &AccountNames::new());
    assert_eq!(batch.changes.len(), 1);
    let told: Vec<_> = batch
        .settled
        .dead_records()
        .map(|(record, reason)| (record, reason.split(':').next().unwrap()))
        .collect();
    assert_eq!(told, [(0, "decoding the value"), (1, "not a key of this topic")]);
}
