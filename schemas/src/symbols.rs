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
            serde::Serialize, serde::Deserialize,
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
