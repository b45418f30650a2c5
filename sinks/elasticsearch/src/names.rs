//! Names of indices and aliases, ids and versions of documents. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemas::headers::rfc3339;
use sha2::{Digest, Sha256};

/// Bits of a version that are the offset; above them stands which life of the topic it is.
const OFFSET_BITS: u32 = 48;

/// A kind of documents: each has an index of its own, histories one a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Resources,
    Accounts,
    Compliance,
    Scores,
    Trust,
    Rollups,
    Changes,
    ScoreHistory,
}

impl Kind {
    pub(crate) const ALL: [Kind; 8] = [
        Kind::Resources,
        Kind::Accounts,
        Kind::Compliance,
        Kind::Scores,
        Kind::Trust,
        Kind::Rollups,
        Kind::Changes,
        Kind::ScoreHistory,
    ];

    /// Gives its name within indices and aliases, and in the list of fields.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Resources => "resources",
            Kind::Accounts => "accounts",
            Kind::Compliance => "compliance",
            Kind::Scores => "scores",
            Kind::Trust => "trust",
            Kind::Rollups => "rollups",
            Kind::Changes => "changes",
            Kind::ScoreHistory => "score-history",
        }
    }

    /// Tells whether its documents are events: made once and never changed.
    pub(crate) fn is_history(self) -> bool {
        matches!(self, Kind::Changes | Kind::ScoreHistory)
    }

    /// Gives the kinds that are current state.
    pub(crate) fn states() -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| !kind.is_history())
    }

    /// Gives the kinds that are histories.
    pub(crate) fn histories() -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| kind.is_history())
    }

    /// Gives the sets of fields that it shares with others, besides those of all.
    pub(crate) fn shared_fields(self) -> &'static [&'static str] {
        match self {
            Kind::Resources => &["resource"],
            Kind::Compliance | Kind::Changes => &["resource", "rule", "verdict"],
            Kind::Scores | Kind::ScoreHistory => &["rule", "score"],
            Kind::Rollups => &["score"],
            Kind::Accounts | Kind::Trust => &[],
        }
    }
}

/// Names that begin with the configured prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    prefix: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// Gives the alias that people search: of current state it leaves out what is deleted.
    pub(crate) fn people(&self, kind: Kind) -> String {
        format!("{}-{}", self.prefix, kind.name())
    }

    /// Gives the alias of current state that is written, and holds what is deleted too.
    pub(crate) fn all(&self, kind: Kind) -> String {
        format!("{}-all", self.people(kind))
    }

    /// Gives the index of current state.
    pub(crate) fn index(&self, kind: Kind) -> String {
        first(&self.people(kind))
    }

    /// Gives the alias that the events of a month are written to; its index ends in a number.
    pub(crate) fn month(&self, kind: Kind, at_ms: i64) -> String {
        let month: String = rfc3339(at_ms).chars().take_while(|c| *c != 'T').collect();
        let month = month.rsplit_once('-').map_or("", |(month, _)| month).replace('-', ".");
        format!("{}-{month}", self.people(kind))
    }

    /// Gives the alias by which Kibana's own page of findings knows ours.
    ///
    /// Source: Kibana reads `security_solution-*.misconfiguration_latest`.
    pub(crate) fn findings(&self) -> String {
        format!("security_solution-{}.misconfiguration_latest", self.prefix)
    }

    /// Gives the small index of what the sink remembers: lives of topics, times of sweeps.
    pub(crate) fn control(&self) -> String {
        format!("{}-control", self.prefix)
    }

    /// Gives the name of the template of a kind, or of what all kinds have in common.
    pub(crate) fn template(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// Gives the pattern of a kind's indices.
    pub(crate) fn pattern(&self, kind: Kind) -> String {
        format!("{}-*", self.people(kind))
    }
}

/// Gives the first index behind an alias; an index that was copied has the next number.
pub(crate) fn first(alias: &str) -> String {
    format!("{alias}-000001")
}

/// A document's id, as bytes.
pub(crate) type Hash = [u8; 32];

/// Hashes a row's key: an id has at most 512 bytes, and keys may be longer.
pub(crate) fn hash_of_key(key: &[u8]) -> Hash {
    Sha256::digest(key).into()
}

/// Hashes an event's place in the log.
pub(crate) fn hash_of_place(topic: &str, life: &str, partition: i32, offset: i64) -> Hash {
    Sha256::digest(format!("{topic}/{life}/{partition}/{offset}")).into()
}

/// Writes an id.
pub(crate) fn id(hash: &Hash) -> String {
    URL_SAFE_NO_PAD.encode(hash)
}

/// Reads an id; none when it is not one of ours.
pub(crate) fn hash_of(id: &str) -> Option<Hash> {
    URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()
}

/// Gives a document's version: a later life of the topic beats every offset of those before.
pub(crate) fn version(epoch: u16, offset: i64) -> i64 {
    i64::from(epoch) << OFFSET_BITS | offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hashes_that_can_be_read_back() {
        let hash = hash_of_key(b"abc");
        // `printf abc | sha256sum`, by way of `basenc --base64url`.
        assert_eq!(id(&hash), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
        assert_eq!(hash_of(&id(&hash)), Some(hash));
        assert_eq!(hash_of("x"), None);
        let places = [("t", "a", 1, 2), ("t", "b", 1, 2), ("t", "a", 2, 1), ("u", "a", 1, 2)];
        let hashes = places.map(|(topic, life, p, o)| hash_of_place(topic, life, p, o));
        assert!((0..4).all(|i| (0..i).all(|j| hashes[i] != hashes[j])));
    }

    #[test]
    fn a_later_life_beats_every_offset() {
        assert!(version(1, 0) > 0 && version(1, 1) > version(1, 0));
        assert!(version(2, 0) > version(1, (1 << OFFSET_BITS) - 1));
        assert!(version(0x7fff, (1 << OFFSET_BITS) - 1) > version(0x7fff, 0));
    }

    #[test]
    fn events_lie_in_their_own_month() {
        let names = Names::new("sc");
        assert_eq!(names.month(Kind::Changes, 1_764_547_199_999), "sc-changes-2025.11");
        assert_eq!(names.month(Kind::Changes, 1_764_547_200_000), "sc-changes-2025.12");
        assert_eq!(names.index(Kind::Scores), "sc-scores-000001");
        assert_eq!(names.findings(), "security_solution-sc.misconfiguration_latest");
    }
}
