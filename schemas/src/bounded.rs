//! Tells whether another writer's schema can be read with, in bounded memory and on a small stack.

use std::collections::BTreeMap;

use apache_avro::{
    Schema,
    schema::{DecimalSchema, InnerDecimalSchema, NamesRef, RecordSchema, UuidSchema},
};

/// How deep a foreign schema's types may lie in each other; ours lie less than ten deep. Reading
/// recurses.
pub(crate) const SCHEMA_DEPTH_MAX: usize = 24;

/// How deep its lists and maps may lie in each other; ours lie two deep. Each makes room for as
/// many items as it says it has, before they are read.
const LISTS_DEPTH_MAX: usize = 4;

/// Bytes of a value of fixed size: no record is longer.
const FIXED_BYTES_MAX: usize = 1_000_000;

/// Checks a schema that somebody else wrote.
///
/// A schema that refers to itself lets a record be as deep as it is long. A list whose items take
/// no bytes (null, a record without fields) may have millions of them in a record of ten bytes, and
/// so may fields. Members of a union are as they like: which one it is takes a byte.
/// Errors: what is wrong with it, in words.
pub(crate) fn check(schema: &Schema, names: &NamesRef<'_>) -> Result<(), String> {
    Checked { names, done: BTreeMap::new() }.size(schema, 0).map(drop)
}

/// What is known of a type.
#[derive(Clone, Copy)]
struct Size {
    /// Whether each of its values takes a byte at least.
    takes_bytes: bool,
    /// How many types lie in each other in it, itself among them.
    depth: usize,
    /// How many of them are lists or maps.
    lists: usize,
}

struct Checked<'a> {
    names: &'a NamesRef<'a>,
    /// Types with a name; none while one is looked at.
    done: BTreeMap<String, Option<Size>>,
}

impl Checked<'_> {
    fn size(&mut self, schema: &Schema, above: usize) -> Result<Size, String> {
        if above >= SCHEMA_DEPTH_MAX {
            return Err(format!("its types lie in each other deeper than {SCHEMA_DEPTH_MAX}"));
        }
        let Some(name) = schema.name().map(ToString::to_string) else {
            return self.anonymous(schema, above);
        };
        let size = match self.done.get(&name) {
            Some(None) => return Err(format!("{name} refers to itself")),
            Some(Some(size)) => *size,
            None => {
                self.done.insert(name.clone(), None);
                let size = self.named(schema, &name, above)?;
                self.done.insert(name, Some(size));
                size
            }
        };
        if above + size.depth > SCHEMA_DEPTH_MAX {
            return Err(format!("its types lie in each other deeper than {SCHEMA_DEPTH_MAX}"));
        }
        Ok(size)
    }

    fn named(&mut self, schema: &Schema, name: &str, above: usize) -> Result<Size, String> {
        match schema {
            Schema::Ref { name: of } => {
                let declared = self.names.get(of).copied();
                let declared = declared.ok_or_else(|| format!("{name} is not declared"))?;
                // It may not refer on: a declaration is no reference.
                if matches!(declared, Schema::Ref { .. }) {
                    return Err(format!("{name} is not declared"));
                }
                self.named(declared, name, above)
            }
            Schema::Record(record) => self.record(record, above),
            other => fixed(other),
        }
    }

    fn record(&mut self, record: &RecordSchema, above: usize) -> Result<Size, String> {
        let (mut depth, mut lists) = (1, 0);
        for field in &record.fields {
            let size = self.size(&field.schema, above + 1)?;
            if !size.takes_bytes {
                return Err(format!("values of {}.{} take no bytes", record.name, field.name));
            }
            depth = depth.max(1 + size.depth);
            lists = lists.max(size.lists);
        }
        Ok(Size { takes_bytes: !record.fields.is_empty(), depth, lists })
    }

    fn anonymous(&mut self, schema: &Schema, above: usize) -> Result<Size, String> {
        let inner = match schema {
            Schema::Array(list) => self.size(&list.items, above + 1)?,
            Schema::Map(map) => self.size(&map.types, above + 1)?,
            Schema::Union(union) => {
                let (mut depth, mut lists) = (1, 0);
                for member in union.variants() {
                    let size = self.size(member, above + 1)?;
                    depth = depth.max(1 + size.depth);
                    lists = lists.max(size.lists);
                }
                return Ok(Size { takes_bytes: true, depth, lists });
            }
            other => return fixed(other),
        };
        if !inner.takes_bytes && matches!(schema, Schema::Array(_)) {
            return Err("the items of a list take no bytes".to_owned());
        }
        let (depth, lists) = (1 + inner.depth, 1 + inner.lists);
        if lists > LISTS_DEPTH_MAX {
            return Err(format!("its lists lie in each other deeper than {LISTS_DEPTH_MAX}"));
        }
        Ok(Size { takes_bytes: true, depth, lists })
    }
}

/// Gives what is known of a type without parts.
fn fixed(schema: &Schema) -> Result<Size, String> {
    let size = match schema {
        Schema::Fixed(fixed) | Schema::Duration(fixed) => Some(fixed.size),
        Schema::Uuid(UuidSchema::Fixed(fixed)) => Some(fixed.size),
        Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Fixed(fixed), .. }) => {
            Some(fixed.size)
        }
        _ => None,
    };
    if let Some(bytes) = size.filter(|bytes| *bytes > FIXED_BYTES_MAX) {
        return Err(format!("a value of {bytes} bytes fits into no record"));
    }
    let takes_bytes = !matches!(schema, Schema::Null) && size != Some(0);
    Ok(Size { takes_bytes, depth: 1, lists: 0 })
}
