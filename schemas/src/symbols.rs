//! Closed sets of words: a Rust enum with its Avro enum and the symbol that stands for new words.

/// Declares an enum of words with its Avro form.
///
/// The derive of apache-avro 0.22 refuses documented variants and knows no default symbol, which
/// old readers need for words of newer writers; hence this.
#[macro_export]
macro_rules! symbols {
    ($(#[$doc:meta])* $name:ident default $default:literal {
        $($(#[$vdoc:meta])* $variant:ident = $symbol:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize,
        )]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $symbol)] $variant),+
        }

        impl $name {
            /// Every word in its order.
            pub const ALL: &[$name] = &[$($name::$variant),+];

            /// Gives the word as it is written.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $symbol),+ }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::read_symbol(deserializer, stringify!($name), &[$($symbol),+], $default)
                    .map(|index| Self::ALL[index])
            }
        }

        /// The word that stands for one that this release does not know.
        impl Default for $name {
            fn default() -> Self {
                let mut all = Self::ALL.iter().copied();
                all.find(|word| word.as_str() == $default).expect("the default is one of the words")
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl apache_avro::AvroSchemaComponent for $name {
            fn get_schema_in_ctxt(
                named: &mut std::collections::HashSet<apache_avro::schema::Name>,
                _: Option<&str>,
            ) -> apache_avro::Schema {
                let name = concat!("scorecard.", stringify!($name));
                $crate::symbols_schema(named, name, &[$($symbol),+], $default)
            }

            fn get_record_fields_in_ctxt(
                _: &mut std::collections::HashSet<apache_avro::schema::Name>,
                _: Option<&str>,
            ) -> Option<Vec<apache_avro::schema::RecordField>> {
                None
            }
        }
    };
}
use std::collections::HashSet;

use apache_avro::{
    Schema,
    schema::{EnumSchema, Name},
};
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, VariantAccess, Visitor};

/// Makes the Avro enum, or a reference to it where the schema names it already.
#[doc(hidden)]
pub fn symbols_schema(
    named: &mut HashSet<Name>,
    name: &str,
    symbols: &[&str],
    default: &str,
) -> Schema {
    let name = Name::new(name).expect("a Rust type's name is an Avro name");
    if !named.insert(name.clone()) {
        return Schema::Ref { name };
    }
    let symbols = symbols.iter().map(|s| (*s).to_owned()).collect();
    Schema::Enum(
        EnumSchema::builder().name(name).symbols(symbols).default(default.to_owned()).build(),
    )
}

/// Reads a word as its place among the symbols.
///
/// In Avro a word that this release does not know is the default: a newer writer may have more. In
/// what people write (YAML, JSON) it is an error.
#[doc(hidden)]
pub fn read_symbol<'de, D: Deserializer<'de>>(
    deserializer: D,
    name: &'static str,
    symbols: &'static [&'static str],
    default: &str,
) -> Result<usize, D::Error> {
    let default = symbols.iter().position(|symbol| *symbol == default);
    let default = default.filter(|_| !deserializer.is_human_readable());
    deserializer.deserialize_enum(name, symbols, Words { symbols, default })
}

/// Reads a word: first as an enum's variant, then as the variant's identifier.
#[derive(Clone, Copy)]
struct Words {
    symbols: &'static [&'static str],
    default: Option<usize>,
}

impl<'de> Visitor<'de> for Words {
    type Value = usize;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "one of {}", self.symbols.join(", "))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<usize, A::Error> {
        let (index, variant) = data.variant_seed(self)?;
        variant.unit_variant()?;
        Ok(index)
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<usize, E> {
        let known = self.symbols.iter().position(|symbol| *symbol == word);
        known.or(self.default).ok_or_else(|| E::unknown_variant(word, self.symbols))
    }
}

impl<'de> DeserializeSeed<'de> for Words {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}
