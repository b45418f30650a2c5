//! Names of objects: Antiope's folders, reversible, and of one resource each. Pure.

use std::fmt::Write as _;

use schemas::ResourceKey;
use sha2::{Digest, Sha256};

/// The folder of the inventory.
pub(crate) const RESOURCES: &str = "Resources/";

/// The folder of the days' partitions.
pub(crate) const LAKE: &str = "lake/resources/";

/// The folder of the owners' workbooks.
pub(crate) const WORKBOOKS: &str = "workbooks/";

/// Bytes of the configured prefix: with the limits below, keys end at S3's 1,024.
pub(crate) const PREFIX_BYTES_MAX: usize = 100;

/// Bytes of an escaped resource type, id, and account or region.
const TYPE_BYTES_MAX: usize = 200;
const ID_BYTES_MAX: usize = 480;
const PLACE_BYTES_MAX: usize = 100;

/// Begins an escape: of the characters that S3 calls safe, the one that ids never hold.
const ESCAPE: char = '!';

/// Begins the digest of a part that was too long; no escape does, since its digits are upper case.
const DIGEST: &str = "!h";

/// Hexadecimal digits of a digest.
const DIGEST_DIGITS: usize = 64;

const SUFFIX: &str = ".json";

/// Gives the object of a resource: `Resources/SERVICE/TYPE/ID.ACCOUNT.REGION.json`.
pub(crate) fn object(key: &ResourceKey) -> String {
    let mut name = format!("{RESOURCES}{}/", folder(&key.resource_type));
    // A dot ends the id: the account and the region hold none.
    name += &bounded(&key.id, "-_.", ID_BYTES_MAX);
    for place in [&key.account, &key.region] {
        name.push('.');
        name += &bounded(place, "-_", PLACE_BYTES_MAX);
    }
    name + SUFFIX
}

/// Gives the account that an object of the inventory belongs to; none when it is no such object.
pub(crate) fn account_of(object: &str) -> Option<String> {
    let stem = object.strip_prefix(RESOURCES)?.strip_suffix(SUFFIX)?;
    let (_, stem) = stem.rsplit_once('/')?;
    let (id_and_account, _) = stem.rsplit_once('.')?;
    unescape(id_and_account.rsplit_once('.')?.1)
}

/// Gives the folder of a day, as query engines find partitions; the day is `YYYY-MM-DD`.
pub(crate) fn day(day: &str) -> String {
    format!("{LAKE}dt={day}/")
}

/// Gives the object of an account's rows on a day.
pub(crate) fn lake_file(day_folder: &str, account: &str) -> String {
    format!("{day_folder}account={}/resources.jsonl.gz", bounded(account, "-_", PLACE_BYTES_MAX))
}

/// Gives the account of an object in a day's folder; none when it holds no account's rows.
pub(crate) fn account_of_file(day_folder: &str, object: &str) -> Option<String> {
    let account = object.strip_prefix(day_folder)?.strip_prefix("account=")?;
    unescape(account.split_once('/')?.0)
}

/// Gives the object that says that a partition's rows of a day are whole. Query engines take no
/// object whose name begins with an underscore for data.
pub(crate) fn whole(day_folder: &str, partition: i32, partitions: i32) -> String {
    format!("{day_folder}_whole-{partition}-of-{partitions}")
}

/// Gives the object of a workbook, which is called as its file.
pub(crate) fn workbook(file_name: &str) -> String {
    format!("{WORKBOOKS}{}", bounded(file_name, "-_.@+", ID_BYTES_MAX))
}

/// Gives Antiope's folder of a type (`AWS::S3::Bucket` is `s3/bucket`); types of another form get
/// one that no such type has.
fn folder(resource_type: &str) -> String {
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric());
    let parts: Vec<&str> = resource_type.split("::").filter(word).collect();
    match parts.as_slice() {
        ["AWS", service, kind]
            if resource_type.len() <= TYPE_BYTES_MAX
                && resource_type == ["AWS", service, kind].join("::") =>
        {
            format!("{service}/{kind}").to_ascii_lowercase()
        }
        _ => format!("_/{}", bounded(resource_type, "-_", TYPE_BYTES_MAX)),
    }
}

/// Escapes a part; one that is too long keeps its beginning and ends with the digest of the whole.
fn bounded(part: &str, plain: &str, bytes_max: usize) -> String {
    let mut escaped = escape(part, plain);
    if escaped.len() > bytes_max {
        escaped.truncate(bytes_max - DIGEST.len() - DIGEST_DIGITS);
        escaped.push_str(DIGEST);
        escaped.push_str(&hex(&Sha256::digest(part.as_bytes())));
    }
    escaped
}

/// Writes bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a text takes everything");
    }
    text
}

/// Keeps ASCII letters, digits and the characters in `plain`, and writes every other byte as `!XX`.
fn escape(part: &str, plain: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        let letter = char::from(byte);
        if letter.is_ascii_alphanumeric() || plain.contains(letter) {
            text.push(letter);
        } else {
            write!(text, "{ESCAPE}{byte:02X}").expect("a text takes everything");
        }
    }
    text
}

/// Reads what `escape` wrote; none when it did not, or the part was too long to be kept.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once(ESCAPE) {
        bytes.extend_from_slice(plain.as_bytes());
        let digits = escaped.get(..2)?;
        if digits.bytes().any(|c| !matches!(c, b'0'..=b'9' | b'A'..=b'F')) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &escaped[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
