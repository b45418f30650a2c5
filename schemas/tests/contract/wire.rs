//! The wire format of a schema registry, with a registry in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use apache_avro::AvroSchema;
use schemas::{AvroError, Codec, Registry, Spend, Tick};

use crate::{golden::golden, schema};

/// Gives the ten bytes that single-object encoding puts before a type's datum.
pub(crate) fn frame<V: AvroSchema>() -> Vec<u8> {
    let text = schemas::avro::schema_json::<V>();
    [&[0xc3, 0x01][..], &schema::fingerprint(&text).to_le_bytes()].concat()
}

#[derive(Default)]
struct Shelf {
    asked: Vec<String>,
    schemas: BTreeMap<u32, String>,
    is_down: bool,
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Shelf>>);

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Registry for Memory {
    fn id_of(&self, subject: &str, schema: &str) -> Result<u32, Failure> {
        let mut shelf = self.0.lock().expect("no holder panics");
        if shelf.is_down {
            return Err("down".into());
        }
        shelf.asked.push(subject.to_owned());
        let id = 258 + u32::try_from(shelf.schemas.len())?;
        shelf.schemas.insert(id, schema.to_owned());
        Ok(id)
    }

    fn schema_of(&self, id: u32) -> Result<String, Failure> {
        let mut shelf = self.0.lock().expect("no holder panics");
        if shelf.is_down {
            return Err("down".into());
        }
        shelf.asked.push(format!("id {id}"));
        shelf.schemas.get(&id).cloned().ok_or_else(|| "unknown".into())
    }
}

fn spend() -> Spend {
    Spend { account: "1".into(), cents: 250, currency: "USD".into(), captured_ms: 7 }
}

#[test]
fn ids_are_asked_once_and_written_big_endian() {
    let memory = Memory::default();
    let codec = Codec::with_registry(memory.clone());
    for _ in 0..3 {
        let bytes = codec.encode("scorecard.spend.v1", &spend()).expect("bytes");
        assert_eq!(bytes[..5], [0, 0, 0, 1, 2], "258, big-endian");
        assert_eq!(codec.decode::<Spend>(&bytes).expect("the value"), spend());
    }
    let shelf = memory.0.lock().expect("no holder panics");
    assert_eq!(shelf.asked, ["scorecard.spend.v1-value", "id 258"]);
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(json(&shelf.schemas[&258]), json(&golden("spend")));
}

#[test]
fn a_registry_that_is_down_is_waited_for() {
    let memory = Memory::default();
    let codec = Codec::with_registry(memory.clone());
    let bytes = codec.encode("scorecard.spend.v1", &spend()).expect("bytes");
    memory.0.lock().expect("no holder panics").is_down = true;
    assert_eq!(codec.decode::<Tick>(&bytes[..1]).map_err(|e| e.is_transient()), Err(false));
    let other = Codec::with_registry(memory.clone());
    let error = other.decode::<Spend>(&bytes).expect_err("the registry is down");
    assert!(error.is_transient(), "{error}");
    assert!(other.encode("t", &spend()).expect_err("down").is_transient());
}

#[test]
fn another_writers_schema_is_read_by_name() {
    // Fields in another order, one more, and one less than ours has.
    let memory = Memory::default();
    let theirs = r#"{"type": "record", "name": "scorecard.Tick", "fields": [
        {"name": "note", "type": "string"}, {"name": "minute_ms", "type": "long"}]}"#;
    memory.0.lock().expect("no holder panics").schemas.insert(9, theirs.to_owned());
    let codec = Codec::with_registry(memory);
    let bytes = [&[0, 0, 0, 0, 9][..], &[4, b'h', b'i'], &[14]].concat();
    assert_eq!(codec.decode::<Tick>(&bytes).expect("a tick"), Tick { minute_ms: 7 });
    let unknown = codec.decode::<Tick>(&[0, 0, 0, 0, 8, 2]).expect_err("no such id");
    assert!(matches!(unknown, AvroError::Registry(_)));
}
