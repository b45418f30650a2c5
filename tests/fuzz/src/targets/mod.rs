//! The targets: one list, sorted by name.

mod answer;
mod avro;
mod finding;
mod key;
mod page;
mod policy;
mod register;
mod rule;
mod standard;

use std::{fmt::Debug, fs, path::PathBuf};

use schemas::{Codec, Value};
use tempfile::TempDir;

use crate::Target;

/// Every parser of outside input.
pub const ALL: &[Target] = &[
    register::ACCOUNTS_CSV,
    register::ACCOUNTS_JSON,
    register::ACCOUNTS_YAML,
    avro::OWN,
    avro::FOREIGN,
    answer::ANSWERS,
    finding::CLOUDSPLOIT,
    answer::CREDENTIAL_REPORT,
    finding::EXEC,
    key::KEYS,
    register::MUTELIST,
    page::PAGE,
    policy::POLICY,
    finding::PROWLER,
    register::RISKS,
    rule::RULE,
    finding::S3IMPORT,
    finding::SECURITYHUB,
    standard::STANDARD,
    policy::TRUST,
    finding::TRUSTEDADVISOR,
];

/// Bytes that a byte of input may take where a target says nothing else.
///
/// serde_json alone takes some hundred for the smallest objects: eight bytes of text (`{"a":0},`)
/// are a value and a node of a tree that has room for eleven members.
const BYTES_PER_BYTE: usize = 250;

/// What a target has that says nothing else.
const USUAL: Target = Target {
    name: "",
    run: |_| {},
    seeds: &[],
    words: &[],
    runs: 4_000,
    bytes_min: 4 << 20,
    bytes_per_byte: BYTES_PER_BYTE,
};

/// Bytes of a record that both logs take.
const RECORD_BYTES_MAX: usize = 1_000_000;

thread_local! {
    /// A folder that goes with the thread.
    static FOLDER: TempDir = tempfile::tempdir().expect("a folder");
}

/// Writes an input to a file, for what reads files.
fn file(name: &str, input: &[u8]) -> PathBuf {
    let path = FOLDER.with(|folder| folder.path().join(name));
    let parent = path.parent().expect("it lies in a folder");
    fs::create_dir_all(parent).expect("a folder");
    fs::write(&path, input).expect("a file");
    path
}

/// A value can be a record, and is the same when it is read again.
fn is_a_record<V: Value>(value: &V) {
    let bytes = Codec::default().encode("t", value).expect("a value can be written");
    assert!(bytes.len() <= RECORD_BYTES_MAX, "a record of {} bytes", bytes.len());
    let read = Codec::default().decode::<V>(&bytes).expect("what was written can be read");
    assert_eq!(&read, value);
}

/// The same input gives the same.
fn is_the_same<T: PartialEq + Debug>(one: &T, again: &T) {
    assert_eq!(one, again, "the same input gives something else");
}

/// An account's id: twelve digits.
fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
