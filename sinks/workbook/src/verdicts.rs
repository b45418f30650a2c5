//! Verdicts packed by account: millions of them take a tenth of the memory that they take as rows.

use std::collections::BTreeMap;
use std::fmt;

use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};
use schemas::{Codec, ComplianceKey, ComplianceState, Key, topic};

/// Bytes of an account's verdicts that are packed together. Rows of one account are alike: blocks
/// of this size shrink to a fourth, larger ones hardly more.
const BLOCK_BYTES: usize = 16 * 1024;

/// Verdicts with their keys; the last one that is put for a key stands.
#[derive(Clone, Default)]
pub struct Verdicts {
    accounts: BTreeMap<String, Packed>,
}

/// What was put and removed for one account, in its order.
#[derive(Clone, Default)]
struct Packed {
    blocks: Vec<Box<[u8]>>,
    open: Vec<u8>,
}

impl Verdicts {
    /// Puts a verdict, in the place of the one that its key had.
    pub fn insert(&mut self, key: &ComplianceKey, state: &ComplianceState) {
        let value = Codec::default().encode_for(topic::COMPLIANCE_STATE.spec, "", state);
        self.note(key, &value.expect("a verdict fits its own schema"));
    }

    /// Takes a key's verdict away, if it has one.
    pub fn remove(&mut self, key: &ComplianceKey) {
        if self.accounts.contains_key(&key.account) {
            self.note(key, &[]);
        }
    }

    /// Gives the verdicts of an account, by key.
    pub fn of(&self, account: &str) -> Vec<(ComplianceKey, ComplianceState)> {
        self.accounts.get(account).map(Packed::rows).unwrap_or_default()
    }

    /// Gives all verdicts, account by account.
    pub fn iter(&self) -> impl Iterator<Item = (ComplianceKey, ComplianceState)> {
        self.accounts.values().flat_map(Packed::rows)
    }

    /// Packs what was put last too: worth it when no more will come.
    pub(crate) fn seal(&mut self) {
        for packed in self.accounts.values_mut() {
            packed.seal();
            packed.blocks.shrink_to_fit();
        }
    }

    fn note(&mut self, key: &ComplianceKey, value: &[u8]) {
        if !self.accounts.contains_key(&key.account) {
            self.accounts.insert(key.account.clone(), Packed::default());
        }
        let packed = self.accounts.get_mut(&key.account).expect("it was just put there");
        put(&mut packed.open, key.encode().as_bytes());
        put(&mut packed.open, value);
        if packed.open.len() >= BLOCK_BYTES {
            packed.seal();
        }
    }
}

impl Packed {
    fn seal(&mut self) {
        if !self.open.is_empty() {
            let block = compress_prepend_size(&std::mem::take(&mut self.open));
            self.blocks.push(block.into_boxed_slice());
        }
    }

    fn rows(&self) -> Vec<(ComplianceKey, ComplianceState)> {
        let unpack = |block| decompress_size_prepended(block).expect("we packed it ourselves");
        let mut blocks: Vec<Vec<u8>> = self.blocks.iter().map(|block| unpack(block)).collect();
        blocks.push(self.open.clone());
        let mut last: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
        for block in &blocks {
            let mut rest = block.as_slice();
            while !rest.is_empty() {
                let (key, value) = (take(&mut rest), take(&mut rest));
                last.insert(key, value);
            }
        }
        let codec = Codec::default();
        let decode = |key, value| {
            let key = std::str::from_utf8(key).ok().and_then(ComplianceKey::decode);
            let state = codec.decode(value).expect("we encoded it ourselves");
            (key.expect("we wrote it ourselves"), state)
        };
        // A verdict has bytes; no bytes stand for one that was removed.
        let standing = last.into_iter().filter(|(_, value)| !value.is_empty());
        let mut rows: Vec<_> = standing.map(|(key, value)| decode(key, value)).collect();
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        rows
    }
}

/// Adds bytes with their number before them.
fn put(to: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a record is far below 4 GiB");
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(bytes);
}

/// Takes what [`put`] added.
fn take<'b>(from: &mut &'b [u8]) -> &'b [u8] {
    let (length, rest) = from.split_first_chunk().expect("every text has its length before it");
    let (bytes, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
    *from = rest;
    bytes
}

impl FromIterator<(ComplianceKey, ComplianceState)> for Verdicts {
    fn from_iter<I: IntoIterator<Item = (ComplianceKey, ComplianceState)>>(rows: I) -> Self {
        let mut verdicts = Self::default();
        rows.into_iter().for_each(|(key, state)| verdicts.insert(&key, &state));
        verdicts
    }
}

/// Verdicts are the same when their rows are, in whatever order they came.
impl PartialEq for Verdicts {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use schemas::Verdict;

    use super::*;

    fn key(n: usize) -> ComplianceKey {
        let account = ["111111111111", "222222222222"][n % 2];
        ComplianceKey::new(format!("r/{}", n % 7), account, "eu", format!("bucket-{n}"), "")
    }

    fn state(n: usize) -> ComplianceState {
        let evidence = format!("the bucket {n} has no policy that denies plain HTTP");
        ComplianceState { verdict: Verdict::Fail, evidence, ..ComplianceState::default() }
    }

    #[test]
    fn what_was_put_last_stands() {
        let (mut verdicts, mut rows) = (Verdicts::default(), BTreeMap::new());
        for round in 0..3 {
            for n in 0..500 {
                // Each round leaves some alone, changes some and removes some.
                if n % (round + 2) == 0 {
                    verdicts.insert(&key(n), &state(n + round));
                    rows.insert(key(n), state(n + round));
                } else if n % 5 == round {
                    verdicts.remove(&key(n));
                    rows.remove(&key(n));
                }
            }
            verdicts.seal();
        }
        for account in ["111111111111", "222222222222", "333333333333"] {
            let own = rows.iter().filter(|(key, _)| key.account == account);
            let own: Vec<_> = own.map(|(key, state)| (key.clone(), state.clone())).collect();
            assert_eq!(verdicts.of(account), own, "{account}");
        }
        let again: Verdicts = rows.into_iter().collect();
        assert_eq!(again, verdicts, "whatever came before");
        assert!(verdicts.accounts.values().all(|packed| packed.open.is_empty()));
    }

    #[test]
    fn rows_that_are_alike_are_small() {
        let row = |n: u64| {
            // Ids of resources do not follow from each other: multiplied by the golden ratio.
            let id = format!("sg-{:017x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 4);
            let state = ComplianceState {
                resource_type: "AWS::EC2::SecurityGroup".to_owned(),
                name: format!("web-{n}"),
                arn: format!("arn:aws:ec2:eu-west-1:111111111111:security-group/{id}"),
                evidence: format!("web-{n} opens port 22 to 0.0.0.0/0"),
                source: "rule".to_owned(),
                since_ms: 1_772_442_000_000 - n as i64 * 7_919_000,
                ..state(0)
            };
            (ComplianceKey::new("ec2-admin-ports", "111111111111", "eu-west-1", id, ""), state)
        };
        let mut verdicts: Verdicts = (0..4_000).map(row).collect();
        verdicts.seal();
        let blocks = verdicts.accounts.values().flat_map(|packed| &packed.blocks);
        let packed: usize = blocks.map(|block| block.len()).sum();
        assert!(packed < 4_000 * 60, "{packed} bytes");
    }
}
