//! The wire format with a registry in memory: ids, subjects, and what happens when it is down.

use std::{
    error::Error,
    sync::{Arc, Mutex},
};

use apache_avro::AvroSchema;
use schemas::{AvroError, Codec, Registry, ScoreState, Spend, Tick, UnknownSchema, topic};
use serde::{Deserialize, Serialize};

/// A registry in memory; its clones share one state.
#[derive(Clone, Default)]
pub(crate) struct InMemory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    down: bool,
    /// Subject and schema; the id is the place above [`FIRST_ID`].
    schemas: Vec<(String, String)>,
    registrations: usize,
    lookups: usize,
}

/// Its bytes differ, so that their order shows.
const FIRST_ID: u32 = 0x0102_0304;

impl InMemory {
    /// Registers another writer's schema and gives what its records begin with.
    pub(crate) fn foreign(&self, schema: &str) -> Vec<u8> {
        let id = self.id_of("foreign-value", schema).unwrap();
        [&[0][..], &id.to_be_bytes()].concat()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Registry for InMemory {
    fn id_of(&self, subject: &str, schema: &str) -> Result<u32, Box<dyn Error + Send + Sync>> {
        let mut state = self.state();
        state.registrations += 1;
        if state.down {
            return Err("connection refused".into());
        }
        let entry = (subject.to_owned(), schema.to_owned());
        let known = state.schemas.iter().position(|known| *known == entry);
        let at = known.unwrap_or_else(|| {
            state.schemas.push(entry);
            state.schemas.len() - 1
        });
        Ok(FIRST_ID + at as u32)
    }

    fn schema_of(&self, id: u32) -> Result<String, Box<dyn Error + Send + Sync>> {
        let mut state = self.state();
        state.lookups += 1;
        if state.down {
            return Err("connection refused".into());
        }
        let at = id.checked_sub(FIRST_ID).map(|at| at as usize);
        let found = at.and_then(|at| state.schemas.get(at));
        found.map(|(_, schema)| schema.clone()).ok_or_else(|| UnknownSchema(id).into())
    }
}

const TICK: Tick = Tick { minute_ms: -2 };

#[test]
fn a_record_begins_with_the_id_and_the_registry_is_asked_once() {
    let registry = InMemory::default();
    let codec = Codec::with_registry(registry.clone());
    let name = topic::TICK.spec.full_name("acme");
    for _ in 0..3 {
        // Zero, the id (big-endian), then -2 in zigzag.
        assert_eq!(codec.encode(&name, &TICK).unwrap(), [0, 1, 2, 3, 4, 3]);
    }
    assert_eq!(registry.state().registrations, 1);
    let [(subject, schema)] = &registry.state().schemas[..] else { panic!("one schema") };
    assert_eq!(subject, "acme.tick.v1-value");
    assert_eq!(*schema, schemas::avro::schema_json::<Tick>());
}

#[test]
fn a_reader_asks_once_for_each_id() {
    let registry = InMemory::default();
    let bytes = Codec::with_registry(registry.clone()).encode("t", &TICK).unwrap();
    let reader = Codec::with_registry(registry.clone());
    for _ in 0..3 {
        assert_eq!(reader.clone().decode::<Tick>(&bytes).unwrap(), TICK);
    }
    assert_eq!(registry.state().lookups, 1);
    // What was written without a registry stays readable.
    let bytes = Codec::default().encode("t", &TICK).unwrap();
    assert_eq!(reader.decode::<Tick>(&bytes).unwrap(), TICK);
}

#[test]
fn topics_and_types_have_subjects_of_their_own() {
    let registry = InMemory::default();
    let codec = Codec::with_registry(registry.clone());
    let row = ScoreState {
        status: schemas::ScoreStatus::Scored,
        score: Some(1),
        weight: 2,
        weighted_score: 2,
        total: 3,
        noncompliant: 0,
        excepted: 0,
        expired: 0,
        unknown: 0,
        scopes: 1,
        scopes_collected: 1,
        oldest_ms: None,
    };
    // A changelog holds the private tables of a stage, whose types differ.
    let changelog = topic::ACCOUNT_CHANGELOG.full_name("scorecard");
    let score = codec.encode(&topic::SCORE_STATE.spec.full_name("scorecard"), &row).unwrap();
    let private = codec.encode(&changelog, &row).unwrap();
    let tick = codec.encode(&changelog, &TICK).unwrap();
    assert_eq!(codec.decode::<ScoreState>(&score).unwrap(), row);
    assert_eq!(codec.decode::<ScoreState>(&private).unwrap(), row);
    assert_eq!(codec.decode::<Tick>(&tick).unwrap(), TICK);
    let state = registry.state();
    let subjects: Vec<_> = state.schemas.iter().map(|(subject, _)| subject.as_str()).collect();
    let expected = [
        "scorecard.score.state.v1-value",
        "scorecard.account.changelog.v1-scorecard.ScoreState",
        "scorecard.account.changelog.v1-scorecard.Tick",
    ];
    assert_eq!(subjects, expected);
}

#[test]
fn a_registry_that_is_down_is_waited_for() {
    let registry = InMemory::default();
    let bytes = Codec::with_registry(registry.clone()).encode("t", &TICK).unwrap();
    let codec = Codec::with_registry(registry.clone());
    registry.state().down = true;
    let error = codec.encode("t", &TICK).unwrap_err();
    assert!(matches!(error, AvroError::Registry(_)) && error.is_transient(), "{error:?}");
    let error = codec.decode::<Tick>(&bytes).unwrap_err();
    assert!(matches!(error, AvroError::Registry(_)) && error.is_transient(), "{error:?}");
    registry.state().down = false;
    assert_eq!(codec.encode("t", &TICK).unwrap(), bytes);
    assert_eq!(codec.decode::<Tick>(&bytes).unwrap(), TICK);
    // What is known needs no registry any more.
    registry.state().down = true;
    assert_eq!(codec.encode("t", &TICK).unwrap(), bytes);
    assert_eq!(codec.decode::<Tick>(&bytes).unwrap(), TICK);
}

#[test]
fn what_no_waiting_mends_is_poison() {
    let registry = InMemory::default();
    let codec = Codec::with_registry(registry.clone());
    let error = codec.decode::<Tick>(&[0, 0, 0, 0, 9, 2]).unwrap_err();
    assert!(matches!(error, AvroError::UnknownId(9, _)) && !error.is_transient(), "{error:?}");
    let broken = registry.foreign("{\"type\":\"recor\"}");
    let error = codec.decode::<Tick>(&[&broken[..], &[2]].concat()).unwrap_err();
    assert!(matches!(error, AvroError::BadSchema(FIRST_ID, _)), "{error:?}");
    assert!(!error.is_transient());
    let error = Codec::default().decode::<Tick>(&[0, 1, 2, 3, 4, 2]).unwrap_err();
    assert!(matches!(error, AvroError::NoRegistry(FIRST_ID)), "{error:?}");
    assert!(!error.is_transient());
}

/// A later release's spend: renamed, wider, with a field of its own.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "other")]
#[serde(rename = "Spend")]
struct LaterSpend {
    #[avro(default = "\"none\"")]
    #[serde(default = "no_budget")]
    budget: String,
    #[serde(alias = "cents")]
    hundredths: i64,
    account: String,
}

fn no_budget() -> String {
    "none".to_owned()
}

#[test]
fn another_writer_may_order_and_rename() {
    let registry = InMemory::default();
    let codec = Codec::with_registry(registry.clone());
    let spend = Spend {
        account: "1".to_owned(),
        cents: i64::MIN,
        currency: "USD".to_owned(),
        captured_ms: 5,
    };
    let bytes = codec.encode("spend", &spend).unwrap();
    let later: LaterSpend = codec.decode(&bytes).unwrap();
    let expected =
        LaterSpend { budget: no_budget(), hundredths: i64::MIN, account: "1".to_owned() };
    assert_eq!(later, expected, "an alias of the reader, a default, another order");
    // The other way round a field without default is missing.
    let bytes = codec.encode("spend", &expected).unwrap();
    let error = codec.decode::<Spend>(&bytes).unwrap_err();
    assert!(matches!(error, AvroError::Datum { .. }) && !error.is_transient(), "{error:?}");
}
