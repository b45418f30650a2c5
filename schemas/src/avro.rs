//! Avro both ways: single-object encoding, and Confluent's wire format when a registry is there.

use std::{
    any::TypeId,
    cell::RefCell,
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use apache_avro::{
    AvroSchema, Schema,
    rabin::Rabin,
    reader::datum::GenericDatumReader,
    schema::{Name, ResolvedSchema},
    writer::datum::GenericDatumWriter,
};
use foldhash::fast::RandomState;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    released::RELEASED,
    resolve::{Foreign, Misfit, Ours, Unfit},
    topic::{self, TopicSpec},
};

/// A topic's value: a Rust type with an Avro schema of the same shape.
pub trait Value:
    Serialize
    + DeserializeOwned
    + AvroSchema
    + Clone
    + std::fmt::Debug
    + PartialEq
    + Send
    + Sync
    + 'static
{
}

impl<T> Value for T where
    T: Serialize
        + DeserializeOwned
        + AvroSchema
        + Clone
        + std::fmt::Debug
        + PartialEq
        + Send
        + Sync
        + 'static
{
}

/// What can go wrong between bytes and values.
#[derive(Debug, thiserror::Error)]
pub enum AvroError {
    /// The bytes start neither with single-object encoding's marker nor with the wire format's.
    #[error("not an Avro value: it starts with {0:02x?}")]
    Framing(Vec<u8>),
    /// No schema is known for this fingerprint (Rabin, as in the record).
    #[error("no schema with fingerprint {0:016x} is known")]
    UnknownFingerprint(u64),
    /// The wire format's schema id came without a registry to ask.
    #[error("schema id {0} can't be looked up: no schema registry is configured")]
    NoRegistry(u32),
    /// The registry does not answer or does not know: wait and try again, the record is no poison.
    #[error("the schema registry failed")]
    Registry(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The registry is sure that it has no such schema: the record is poison.
    #[error("the schema registry knows no schema {0}")]
    UnknownId(u32, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// The registry's schema is not an Avro schema.
    #[error("schema {0} of the registry can't be parsed")]
    BadSchema(u32, #[source] Box<apache_avro::Error>),
    /// A record of the registry's schema could be of any size or depth, however short it is.
    #[error("records of schema {0} of the registry are not read: {1}")]
    UnboundedSchema(u32, String),
    /// The bytes do not fit the schema, or the schema does not fit the type.
    #[error("the bytes do not fit the schema {schema}")]
    Datum {
        /// Name of the type that was wanted.
        schema: &'static str,
        /// The reason.
        #[source]
        source: Box<apache_avro::Error>,
    },
    /// The writer's schema, or what it wrote here, can't become the type.
    #[error("the writer's schema does not fit {schema}: {reason}")]
    Misfit {
        /// Name of the type that was wanted.
        schema: &'static str,
        /// Where, and what was there instead.
        reason: String,
    },
    /// Bytes are left after the value: the schema is not the one that wrote them.
    #[error("{bytes} bytes are left after a value of {schema}")]
    Trailing {
        /// Name of the type that was wanted.
        schema: &'static str,
        /// How many.
        bytes: usize,
    },
}

/// What a registry's error holds when the registry is sure that it knows no schema of the id.
///
/// Any other error means that waiting may help.
#[derive(Debug, thiserror::Error)]
#[error("no schema has the id {0}")]
pub struct UnknownSchema(pub u32);

impl AvroError {
    /// Tells whether waiting may mend it (the registry is down), so that the record is no poison.
    pub fn is_transient(&self) -> bool {
        matches!(self, AvroError::Registry(_))
    }
}

/// A schema registry as the codec needs it; the implementation does the I/O.
pub trait Registry: Send + Sync {
    /// Registers (or finds) the schema of a subject and gives its id.
    ///
    /// # Errors
    /// When the registry does not answer or refuses the schema.
    fn id_of(
        &self,
        subject: &str,
        schema: &str,
    ) -> Result<u32, Box<dyn std::error::Error + Send + Sync>>;

    /// Gives the schema of an id, as JSON text.
    ///
    /// # Errors
    /// [`UnknownSchema`] when the registry is sure that it has no such id; anything else when it
    /// does not answer.
    fn schema_of(&self, id: u32) -> Result<String, Box<dyn std::error::Error + Send + Sync>>;
}

/// Encodes and decodes values: single-object encoding without a registry, wire format with one.
#[derive(Clone, Default)]
pub struct Codec {
    registry: Option<Arc<Registered>>,
}

struct Registered {
    registry: Box<dyn Registry>,
    /// By fingerprint and topic: the topics of private tables hold several types.
    ids: Mutex<BTreeMap<u64, BTreeMap<String, u32>>>,
    schemas: Mutex<BTreeMap<u32, &'static Written>>,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.registry.is_some() { "Codec(registry)" } else { "Codec" })
    }
}

impl Codec {
    /// Makes a codec that writes the wire format with ids of this registry.
    pub fn with_registry(registry: impl Registry + 'static) -> Self {
        Self {
            registry: Some(Arc::new(Registered {
                registry: Box::new(registry),
                ids: Mutex::default(),
                schemas: Mutex::default(),
            })),
        }
    }

    /// Encodes a value for a topic (its full name decides the registry's subject).
    ///
    /// Shape: `C3 01`, 8 bytes Rabin fingerprint (little endian), datum; or `00`, 4 bytes schema id
    /// (big endian), datum. Errors: a registry that fails. Source: Avro 1.12 specification, "Single
    /// object encoding"; Confluent, "Wire format".
    ///
    /// # Errors
    /// [`AvroError::Registry`], or [`AvroError::Datum`] when the type and its schema disagree.
    pub fn encode<V: Value>(&self, topic: &str, value: &V) -> Result<Vec<u8>, AvroError> {
        self.write(|| topic.to_owned(), value)
    }

    /// Encodes as [`Codec::encode`] does, for a topic of this prefix.
    ///
    /// # Errors
    /// As [`Codec::encode`].
    pub fn encode_for<V: Value>(
        &self,
        topic: &TopicSpec,
        prefix: &str,
        value: &V,
    ) -> Result<Vec<u8>, AvroError> {
        self.write(|| topic.full_name(prefix), value)
    }

    /// Makes sure that values of this type can be encoded for a topic without asking anybody.
    ///
    /// # Errors
    /// [`AvroError::Registry`].
    pub fn ready<V: Value>(&self, topic: &TopicSpec, prefix: &str) -> Result<(), AvroError> {
        match &self.registry {
            None => Ok(()),
            Some(registered) => registered.id_of::<V>(&topic.full_name(prefix)).map(drop),
        }
    }

    /// Only a registry wants the topic's name: most values never ask for it.
    fn write<V: Value>(
        &self,
        topic: impl FnOnce() -> String,
        value: &V,
    ) -> Result<Vec<u8>, AvroError> {
        let shape = shape::<V>();
        let mut out = Vec::with_capacity(256);
        match &self.registry {
            None => {
                out.extend_from_slice(&SINGLE_OBJECT);
                out.extend_from_slice(&shape.fingerprint.to_le_bytes());
            }
            Some(registered) => {
                out.push(WIRE_FORMAT);
                out.extend_from_slice(&registered.id_of::<V>(&topic())?.to_be_bytes());
            }
        }
        shape.writer.write_ser(&mut out, value).map_err(|source| datum::<V>(source))?;
        Ok(out)
    }

    /// Decodes a value of either framing; a value of another schema is resolved to this type's.
    ///
    /// # Errors
    /// Every [`AvroError`]; only [`AvroError::is_transient`] ones are worth another try.
    pub fn decode<V: Value>(&self, bytes: &[u8]) -> Result<V, AvroError> {
        match bytes {
            [0xc3, 0x01, rest @ ..] if rest.len() >= 8 => {
                let (head, body) = rest.split_at(8);
                let fingerprint = u64::from_le_bytes(head.try_into().expect("split at eight"));
                let shape = shape::<V>();
                if shape.fingerprint == fingerprint {
                    return read_own::<V>(shape, body);
                }
                let foreign =
                    history(fingerprint).ok_or(AvroError::UnknownFingerprint(fingerprint))?;
                read_foreign::<V>(shape, foreign, body)
            }
            [WIRE_FORMAT, rest @ ..] if rest.len() >= 4 => {
                let (head, body) = rest.split_at(4);
                let id = u32::from_be_bytes(head.try_into().expect("split at four"));
                let registered = self.registry.as_ref().ok_or(AvroError::NoRegistry(id))?;
                let written = registered.schema_of(id)?;
                let shape = shape::<V>();
                if shape.fingerprint == written.fingerprint {
                    return read_own::<V>(shape, body);
                }
                read_foreign::<V>(shape, &written.foreign, body)
            }
            _ => Err(AvroError::Framing(bytes.iter().take(4).copied().collect())),
        }
    }
}

/// A schema of the registry.
struct Written {
    fingerprint: u64,
    foreign: Foreign,
}

impl Registered {
    /// Asks outside the lock: a registry that hangs holds up nobody whose id is known.
    fn id_of<V: Value>(&self, topic: &str) -> Result<u32, AvroError> {
        let fingerprint = shape::<V>().fingerprint;
        let ids = || self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = ids().get(&fingerprint).and_then(|topics| topics.get(topic)) {
            return Ok(*id);
        }
        let subject = subject::<V>(topic);
        let id = self.registry.id_of(&subject, &schema_json::<V>()).map_err(AvroError::Registry)?;
        ids().entry(fingerprint).or_default().insert(topic.to_owned(), id);
        Ok(id)
    }

    fn schema_of(&self, id: u32) -> Result<&'static Written, AvroError> {
        let schemas = || self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(written) = schemas().get(&id) {
            return Ok(written);
        }
        let text = self.registry.schema_of(id).map_err(|error| {
            if error.is::<UnknownSchema>() {
                AvroError::UnknownId(id, error)
            } else {
                AvroError::Registry(error)
            }
        })?;
        if text.len() > SCHEMA_BYTES_MAX {
            let reason = format!("it has more than {SCHEMA_BYTES_MAX} bytes");
            return Err(AvroError::UnboundedSchema(id, reason));
        }
        let bad = |source| AvroError::BadSchema(id, Box::new(source));
        // A process meets a handful of schemas in its life; they live as long as it does.
        let schema: &'static Schema = Box::leak(Box::new(Schema::parse_str(&text).map_err(bad)?));
        let foreign = Foreign::new(schema).map_err(|unfit| match unfit {
            Unfit::Avro(source) => bad(source),
            Unfit::Unbounded(reason) => AvroError::UnboundedSchema(id, reason),
        })?;
        let written = Written { fingerprint: fingerprint(schema), foreign };
        Ok(schemas().entry(id).or_insert_with(|| Box::leak(Box::new(written))))
    }
}

/// Gives the subject of a type in a topic: `<topic>-value`, or `<topic>-<record>` where a topic
/// holds several types.
///
/// Source: Confluent's `TopicNameStrategy` and `TopicRecordNameStrategy`.
fn subject<V: Value>(topic: &str) -> String {
    match shape::<V>().ours.schema.name() {
        Some(record) if topic::holds_several_types(topic) => format!("{topic}-{record}"),
        _ => format!("{topic}-value"),
    }
}

/// Gives the current schema of a type as JSON, pretty-printed (the golden files' form).
pub fn schema_json<V: AvroSchema>() -> String {
    serde_json::to_string_pretty(&V::get_schema()).expect("a schema is plain JSON")
}

const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];
const WIRE_FORMAT: u8 = 0x00;

/// No string or list is longer: sixteen times what the log takes as one record, so that broken
/// bytes can't ask for half of the memory (apache-avro's own limit is 512 MiB).
const ALLOCATION_BYTES_MAX: usize = 16 << 20;

/// Bytes of a registry's schema; ours have some thousand.
const SCHEMA_BYTES_MAX: usize = 256 << 10;

/// What is built once for each type: building a schema is far dearer than using it.
struct Shape {
    fingerprint: u64,
    ours: Ours,
    writer: GenericDatumWriter<'static>,
    reader: GenericDatumReader<'static>,
}

fn shape<V: Value>() -> &'static Shape {
    static SHAPES: LazyLock<Mutex<HashMap<TypeId, &'static Shape>>> = LazyLock::new(Mutex::default);
    thread_local! {
        static SEEN: RefCell<HashMap<TypeId, &'static Shape, RandomState>> = RefCell::default();
    }
    let id = TypeId::of::<V>();
    if let Some(shape) = SEEN.with_borrow(|seen| seen.get(&id).copied()) {
        return shape;
    }
    let mut shapes = SHAPES.lock().unwrap_or_else(PoisonError::into_inner);
    let shape = *shapes.entry(id).or_insert_with(|| Box::leak(Box::new(make_shape::<V>())));
    SEEN.with_borrow_mut(|seen| seen.insert(id, shape));
    shape
}

fn make_shape<V: Value>() -> Shape {
    // Only the first call in a process sets it, and nothing is read before a shape is made.
    apache_avro::util::max_allocation_bytes(ALLOCATION_BYTES_MAX);
    let schema: &'static Schema = Box::leak(Box::new(V::get_schema()));
    let names = ResolvedSchema::new(schema).expect("a derived schema resolves");
    Shape {
        fingerprint: fingerprint(schema),
        ours: Ours { schema, names },
        writer: GenericDatumWriter::builder(schema)
            .human_readable(false)
            .build()
            .expect("a derived schema resolves"),
        reader: GenericDatumReader::builder(schema)
            .human_readable(false)
            .build()
            .expect("a derived schema resolves"),
    }
}

fn fingerprint(schema: &Schema) -> u64 {
    let bytes = schema.fingerprint::<Rabin>().bytes;
    u64::from_le_bytes(bytes.try_into().expect("a Rabin fingerprint has eight bytes"))
}

/// Finds a schema that some release wrote, so that its records stay readable without a registry.
fn history(fingerprint_wanted: u64) -> Option<&'static Foreign> {
    static SCHEMAS: LazyLock<Vec<Schema>> = LazyLock::new(|| {
        let parse = |text: &&str| Schema::parse_str(text).expect("a test has parsed each of them");
        RELEASED.iter().map(parse).collect()
    });
    static HISTORY: LazyLock<BTreeMap<u64, Foreign>> = LazyLock::new(|| {
        let foreign = |schema| Foreign::new(schema).ok().expect("a test has read with each");
        SCHEMAS.iter().map(|schema| (fingerprint(schema), foreign(schema))).collect()
    });
    HISTORY.get(&fingerprint_wanted)
}

fn read_own<V: Value>(shape: &Shape, mut body: &[u8]) -> Result<V, AvroError> {
    let value = shape.reader.read_deser(&mut body).map_err(|source| datum::<V>(source))?;
    whole(value, body)
}

fn read_foreign<V: Value>(
    shape: &Shape,
    foreign: &Foreign,
    mut body: &[u8],
) -> Result<V, AvroError> {
    let value = foreign.read(&mut body, &shape.ours).map_err(|misfit| match misfit {
        Misfit::Bytes(source) => datum::<V>(source),
        Misfit::Schema(reason) => AvroError::Misfit { schema: std::any::type_name::<V>(), reason },
    })?;
    let value = apache_avro::from_value(&value).map_err(|source| datum::<V>(source))?;
    whole(value, body)
}

/// Gives the value when nothing of the record is left.
fn whole<V: Value>(value: V, left: &[u8]) -> Result<V, AvroError> {
    if left.is_empty() {
        return Ok(value);
    }
    Err(AvroError::Trailing { schema: std::any::type_name::<V>(), bytes: left.len() })
}

fn datum<V>(source: apache_avro::Error) -> AvroError {
    AvroError::Datum { schema: std::any::type_name::<V>(), source: Box::new(source) }
}

/// The schema of a map with string values, for sorted maps, which the derive does not know.
pub(crate) fn string_map(_: &mut HashSet<Name>, _: Option<&str>) -> Schema {
    Schema::map(Schema::String).build()
}
