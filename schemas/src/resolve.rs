//! Reads what another writer's schema wrote as if ours had written it: Avro's schema resolution.

use std::{
    io::{self, Read},
    mem::discriminant,
};

use apache_avro::{
    Schema,
    reader::datum::GenericDatumReader,
    schema::{RecordSchema, ResolvedSchema, UnionSchema},
    types::Value,
};

use crate::bounded;

/// A schema that is not ours, ready to read with.
///
/// apache-avro 0.22 resolves nothing on its direct path to Rust types (it panics when asked to,
/// tells union members apart by position alone, and can't skip an enum), and its `Value::resolve`
/// does not look at the names of a union's records; hence this.
pub(crate) struct Foreign {
    reader: GenericDatumReader<'static>,
    schema: &'static Schema,
    names: ResolvedSchema<'static>,
}

/// The schema of one of our types with its names.
pub(crate) struct Ours {
    pub(crate) schema: &'static Schema,
    pub(crate) names: ResolvedSchema<'static>,
}

/// Why a foreign schema can't be read with.
pub(crate) enum Unfit {
    /// apache-avro does not take it.
    Avro(apache_avro::Error),
    /// It bounds nothing.
    Unbounded(String),
}

/// Why a foreign value can't be had.
pub(crate) enum Misfit {
    /// The bytes do not fit the schema that they name.
    Bytes(apache_avro::Error),
    /// The schema, or what it wrote here, can't become ours.
    Schema(String),
}

impl Foreign {
    pub(crate) fn new(schema: &'static Schema) -> Result<Self, Unfit> {
        let names = ResolvedSchema::new(schema).map_err(Unfit::Avro)?;
        bounded::check(schema, names.get_names()).map_err(Unfit::Unbounded)?;
        let reader = GenericDatumReader::builder(schema).build().map_err(Unfit::Avro)?;
        Ok(Self { reader, schema, names })
    }

    /// Reads one datum as a value of our schema; fields that it lacks are left out, for serde to
    /// default.
    ///
    /// Source: Avro 1.12 specification, "Schema Resolution"; of its promotions only int to long,
    /// as no value of ours holds a float or bytes.
    pub(crate) fn read(&self, body: &mut &[u8], ours: &Ours) -> Result<Value, Misfit> {
        let value = self.reader.read_value(&mut ToTheEnd(body)).map_err(Misfit::Bytes)?;
        let names = Names { theirs: &self.names, ours: &ours.names };
        names.fit(value, self.schema, ours.schema).map_err(Misfit::Schema)
    }
}

/// Bytes whose end is an error for who wants more.
///
/// apache-avro 0.22 takes the end of the bytes for null where a text, a flag or a union should be:
/// a list of a few bytes would then have as many items as it says.
struct ToTheEnd<'b, 'a>(&'b mut &'a [u8]);

impl Read for ToTheEnd<'_, '_> {
    fn read(&mut self, wanted: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() && !wanted.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the record ends too early"));
        }
        self.0.read(wanted)
    }
}

struct Names<'a> {
    theirs: &'a ResolvedSchema<'static>,
    ours: &'a ResolvedSchema<'static>,
}

impl Names<'_> {
    fn fit(&self, value: Value, theirs: &Schema, ours: &Schema) -> Result<Value, String> {
        let (theirs, ours) = (follow(theirs, self.theirs)?, follow(ours, self.ours)?);
        match (value, theirs, ours) {
            (Value::Union(at, inner), Schema::Union(union), _) => {
                let member = union.get_variant(at as usize).map_err(|error| error.to_string())?;
                self.fit(*inner, member, ours)
            }
            (value, _, Schema::Union(union)) => {
                let (at, member) = self.member(theirs, union)?;
                Ok(Value::Union(at, Box::new(self.fit(value, theirs, member)?)))
            }
            (Value::Record(values), Schema::Record(theirs), Schema::Record(ours))
                if theirs.name.name() == ours.name.name() =>
            {
                self.record(values, theirs, ours)
            }
            (Value::Enum(_, word), Schema::Enum(_), Schema::Enum(ours)) => {
                let known = |word: &String| ours.symbols.iter().position(|s| s == word);
                let default = || ours.default.as_ref().and_then(|d| Some((known(d)?, d.clone())));
                let found = known(&word).map(|at| (at, word.clone())).or_else(default);
                let (at, word) = found.ok_or_else(|| format!("{word:?} is no {}", ours.name))?;
                Ok(Value::Enum(at as u32, word))
            }
            (Value::Array(items), Schema::Array(theirs), Schema::Array(ours)) => {
                let fitted = items.into_iter().map(|v| self.fit(v, &theirs.items, &ours.items));
                Ok(Value::Array(fitted.collect::<Result<_, _>>()?))
            }
            (Value::Map(entries), Schema::Map(theirs), Schema::Map(ours)) => {
                let fitted = entries
                    .into_iter()
                    .map(|(key, v)| Ok((key, self.fit(v, &theirs.types, &ours.types)?)));
                Ok(Value::Map(fitted.collect::<Result<_, String>>()?))
            }
            (Value::Int(number), Schema::Int, Schema::Long) => Ok(Value::Long(number.into())),
            (value, theirs, ours) if ours.name().is_none() && same(theirs, ours) => Ok(value),
            (_, theirs, ours) => Err(format!("{} where {} is wanted", word(theirs), word(ours))),
        }
    }

    fn record(
        &self,
        values: Vec<(String, Value)>,
        theirs: &RecordSchema,
        ours: &RecordSchema,
    ) -> Result<Value, String> {
        let mut values: Vec<_> = values.into_iter().map(|(_, value)| Some(value)).collect();
        let mut fields = Vec::with_capacity(ours.fields.len());
        for field in &ours.fields {
            let names = || std::iter::once(&field.name).chain(&field.aliases);
            let at = names().find_map(|name| theirs.fields.iter().position(|f| f.name == *name));
            let Some(at) = at else { continue };
            if let Some(value) = values.get_mut(at).and_then(Option::take) {
                let fitted = self.fit(value, &theirs.fields[at].schema, &field.schema);
                let fitted = fitted.map_err(|why| format!("{}: {why}", field.name))?;
                fields.push((field.name.clone(), fitted));
            }
        }
        Ok(Value::Record(fields))
    }

    /// Finds the member of our union for one of their types: by kind and name, else by promotion.
    fn member<'s>(
        &self,
        theirs: &Schema,
        union: &'s UnionSchema,
    ) -> Result<(u32, &'s Schema), String> {
        let members = || (0..).zip(union.variants());
        let equal = members()
            .find(|(_, member)| follow(member, self.ours).is_ok_and(|member| same(theirs, member)));
        let promoted =
            || members().find(|(_, m)| matches!((theirs, m), (Schema::Int, Schema::Long)));
        equal.or_else(promoted).ok_or_else(|| format!("{} is not in the union", word(theirs)))
    }
}

/// Gives the type that a reference names.
fn follow<'s>(
    schema: &'s Schema,
    names: &'s ResolvedSchema<'static>,
) -> Result<&'s Schema, String> {
    match schema {
        Schema::Ref { name } => {
            names.get_names().get(name).copied().ok_or_else(|| format!("{name} is not declared"))
        }
        schema => Ok(schema),
    }
}

fn same(a: &Schema, b: &Schema) -> bool {
    let name = |schema: &Schema| schema.name().map(|name| name.name().to_owned());
    discriminant(a) == discriminant(b) && name(a) == name(b)
}

fn word(schema: &Schema) -> String {
    match schema.name() {
        Some(name) => name.to_string(),
        None => format!("{schema:?}").split(['(', '{']).next().unwrap_or_default().trim().into(),
    }
}
