//! Every topic, once: its name, key, value, clean-up policy, placement and writer.

use std::{fmt, marker::PhantomData};

use crate::{
    AccountKey, AccountListing, AccountRegister, AccountState, AlertKey, AlertState, AvroError,
    Codec, ComplianceChange, ComplianceKey, ComplianceState, Contribution, ContributionKey,
    Exception, ExceptionKey, Key, MailKey, MailState, Observation, Report, Requirement,
    RequirementKey, ResourceChange, ResourceKey, ResourceState, RollupKey, RollupState, ScanUnit,
    ScoreKey, ScoreState, Spend, Tick, TickKey, TrustKey, TrustState, Value,
};

/// What the log does with old records of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cleanup {
    /// Keeps the last record of each key; a tombstone removes the key.
    Compact,
    /// Removes records by age: the event store keeps them for the configured retention.
    Delete,
    /// As `Delete`, with the long retention of histories.
    DeleteLong,
}

impl fmt::Display for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cleanup::Compact => "compact",
            Cleanup::Delete => "delete",
            Cleanup::DeleteLong => "delete, long",
        })
    }
}

/// Which partitions a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// One partition, by the key's partitioning part (account, or sum).
    Keyed,
    /// Every partition gets a copy: what concerns all accounts.
    Broadcast,
    /// The partition of the record that caused it (changelogs and dead letters).
    Local,
}

/// The facts of a topic, without its types.
#[derive(Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Noun and kind, for example `resource.state`; `full_name` adds prefix and version.
    pub name: &'static str,
    /// The key's parts, as people read them.
    pub key: &'static str,
    /// What the value holds, in a few words.
    pub value: &'static str,
    /// The clean-up policy.
    pub cleanup: Cleanup,
    /// Which partitions a record goes to.
    pub placement: Placement,
    /// The one writer.
    pub writer: &'static str,
}

impl TopicSpec {
    /// Gives the name in the log: `<prefix>.<name>.v1`.
    pub fn full_name(&self, prefix: &str) -> String {
        format!("{prefix}.{}.v1", self.name)
    }

    /// Tells whether producers write it: what they wrote is what everything else is made of.
    pub fn is_source(&self) -> bool {
        self.writer.starts_with("producer")
    }
}

/// A topic with the types of its key and value.
pub struct Topic<K, V> {
    /// The topic's facts.
    pub spec: &'static TopicSpec,
    types: PhantomData<fn() -> (K, V)>,
}

impl<K: Key, V: Value> Topic<K, V> {
    const fn new(spec: &'static TopicSpec) -> Self {
        Self { spec, types: PhantomData }
    }
}

impl<K, V> Clone for Topic<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Topic<K, V> {}

impl<K, V> fmt::Debug for Topic<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.spec.name)
    }
}

use Cleanup::{Compact, Delete, DeleteLong};
use Placement::{Broadcast, Keyed, Local};

macro_rules! topics {
    ($($(#[$doc:meta])* $id:ident: $k:ty => $v:ty = ($name:literal, $key:literal, $value:literal,
        $cleanup:expr, $placement:expr, $writer:literal);)+) => {
        $($(#[$doc])*
        pub const $id: Topic<$k, $v> = Topic::new(&TopicSpec {
            name: $name,
            key: $key,
            value: $value,
            cleanup: $cleanup,
            placement: $placement,
            writer: $writer,
        });)+

        /// All typed topics in the order of the data's flow.
        const TYPED: &[&TopicSpec] = &[$($id.spec),+];

        /// Gives the names and the current Avro schemas of all typed topics' values.
        pub fn value_schemas() -> Vec<(&'static str, String)> {
            vec![$(($name, crate::avro::schema_json::<$v>())),+]
        }

        /// Decodes a typed topic's value and gives it as JSON, its members named as in the schema;
        /// none for topics whose values are not Avro of one type.
        ///
        /// # Errors
        /// As [`Codec::decode`].
        pub fn typed_json(
            topic: &TopicSpec,
            codec: &Codec,
            value: &[u8],
        ) -> Result<Option<serde_json::Value>, AvroError> {
            Ok(match topic.name {
                $($name => Some(json_of(&codec.decode::<$v>(value)?)),)+
                _ => None,
            })
        }
    };
}

topics! {
    /// Accounts as their payer's organisation lists them.
    ACCOUNT_LISTING: AccountKey => AccountListing = ("account.listing", "account",
        "account as its payer's organisation lists it", Compact, Broadcast, "producer aws");
    /// Owners, executives, names and approvals of third parties.
    ACCOUNT_REGISTER: AccountKey => AccountRegister = ("account.register", "account",
        "owner, executive, name, approval of third parties", Compact, Broadcast,
        "producer register");
    /// What collectors saw, scope by scope.
    OBSERVATION: AccountKey => Observation = ("observation", "account",
        "scope started, resource observed, scope completed, scope failed", Delete, Keyed,
        "producer aws");
    /// Units of collection work that collectors share.
    SCAN_UNIT: AccountKey => ScanUnit = ("scan.unit", "account",
        "one unit of work as it is planned, and as it ends: account, scan, attempt, status",
        Delete, Keyed, "producer aws");
    /// Reports of outside scanners, finding by finding.
    REPORT: AccountKey => Report = ("report", "account",
        "report started, finding, report completed, report failed", Delete, Keyed,
        "producer findings");
    /// The security standard.
    REQUIREMENT: RequirementKey => Requirement = ("requirement", "requirement",
        "requirement with its rules, weight, mapping of outside checks", Compact, Broadcast,
        "producer standard");
    /// The risk register.
    EXCEPTION: ExceptionKey => Exception = ("exception", "exception",
        "one entry of the risk register", Compact, Broadcast, "producer register");
    /// Estimated charges.
    SPEND: AccountKey => Spend = ("spend", "account", "estimated charges of the period",
        Compact, Keyed, "producer aws");
    /// Time.
    TICK: TickKey => Tick = ("tick", "minute", "UTC minute", Delete, Broadcast,
        "producer clock");
    /// Accounts with everything known about them.
    ACCOUNT_STATE: AccountKey => AccountState = ("account.state", "account",
        "listing, register, spend and coverage", Compact, Keyed, "account stage");
    /// The inventory.
    RESOURCE_STATE: ResourceKey => ResourceState = ("resource.state",
        "account/region/type/id", "the current document", Compact, Keyed, "account stage");
    /// The inventory's history.
    RESOURCE_CHANGE: ResourceKey => ResourceChange = ("resource.change",
        "account/region/type/id", "created, updated (with the difference), deleted", DeleteLong,
        Keyed, "account stage");
    /// Who may act in an account.
    TRUST_STATE: TrustKey => TrustState = ("trust.state", "account/principal",
        "who may act in this account, through what, known or not", Compact, Keyed,
        "account stage");
    /// Verdicts and credit.
    COMPLIANCE_STATE: ComplianceKey => ComplianceState = ("compliance.state",
        "requirement/account/region/resource/part",
        "verdict, credit, evidence, exception, since when", Compact, Keyed, "account stage");
    /// The verdicts' history.
    COMPLIANCE_CHANGE: ComplianceKey => ComplianceChange = ("compliance.change",
        "requirement/account/region/resource/part",
        "the transition, its row and its cause (topic, partition, offset)", DeleteLong, Keyed,
        "account stage");
    /// Counts and scores of each account.
    SCORE_STATE: ScoreKey => ScoreState = ("score.state",
        "account/requirement and account/*",
        "total, noncompliant, excepted, expired, unknown, coverage, data age, score", Compact,
        Keyed, "account stage");
    /// The scores' hourly cut.
    SCORE_HISTORY: ScoreKey => ScoreState = ("score.history",
        "account/requirement and account/*", "the hourly cut", DeleteLong, Keyed,
        "account stage");
    /// Each account's share in the sums over accounts.
    CONTRIBUTION: ContributionKey => Contribution = ("contribution",
        "kind/id/account/requirement", "what one account adds to one sum", Compact, Keyed,
        "account stage");
    /// The sums over accounts.
    ROLLUP_STATE: RollupKey => RollupState = ("rollup.state", "kind/id",
        "owners, executives, payers, the enterprise, and each foreign account with who trusts it",
        Compact, Keyed, "rollup stage");
    /// What people should hear of soon.
    ALERT_STATE: AlertKey => AlertState = ("alert.state", "account/kind/subject",
        "unknown accounts that are trusted, scores that fell, accounts not collected; told when",
        Compact, Keyed, "sink alert");
    /// Messages and what became of them.
    MAIL_OUTBOX: MailKey => MailState = ("mail.outbox", "kind/id/period/recipient",
        "a message: planned, sending, sent or failed, with the server's answer", Compact, Keyed,
        "sink mail");
}

fn json_of<V: Value>(value: &V) -> serde_json::Value {
    serde_json::to_value(value).expect("values have text keys and no floats that JSON lacks")
}

/// The account stage's private tables, as `table/key`: what a task must restore and nobody else
/// reads.
pub const ACCOUNT_CHANGELOG: &TopicSpec = &TopicSpec {
    name: "account.changelog",
    key: "table/key",
    value: "private tables of the account stage",
    cleanup: Compact,
    placement: Local,
    writer: "account stage",
};

/// The roll-up stage's private tables, as `table/key`.
pub const ROLLUP_CHANGELOG: &TopicSpec = &TopicSpec {
    name: "rollup.changelog",
    key: "table/key",
    value: "private tables of the rollup stage",
    cleanup: Compact,
    placement: Local,
    writer: "rollup stage",
};

/// What SIEMs read: findings and changes of the inventory as OCSF events in JSON, not Avro.
pub const SIEM_EVENT: &TopicSpec = &TopicSpec {
    name: "siem.event",
    key: "account",
    value: "a finding or a resource's change as an OCSF event, in JSON",
    cleanup: DeleteLong,
    placement: Keyed,
    writer: "sink siem",
};

/// Records that could not be read: the bytes as they were, the reason in headers.
pub const DEADLETTER: &TopicSpec = &TopicSpec {
    name: "deadletter",
    key: "source key",
    value: "the bytes, and in headers where from, why, when",
    cleanup: DeleteLong,
    placement: Local,
    writer: "whoever met it",
};

/// All topics: the typed ones, the events for SIEMs, the changelogs and the dead letters.
pub const ALL: &[&TopicSpec] = &{
    let mut all = [DEADLETTER; TYPED.len() + 4];
    let mut i = 0;
    while i < TYPED.len() {
        all[i] = TYPED[i];
        i += 1;
    }
    all[i] = SIEM_EVENT;
    all[i + 1] = ACCOUNT_CHANGELOG;
    all[i + 2] = ROLLUP_CHANGELOG;
    all
};

/// Tells whether a topic, by its name in the log, holds values of several types: changelogs do.
pub(crate) fn holds_several_types(full_name: &str) -> bool {
    [ACCOUNT_CHANGELOG, ROLLUP_CHANGELOG].iter().any(|spec| {
        let prefix = full_name.strip_suffix(".v1").and_then(|n| n.strip_suffix(spec.name));
        prefix.is_some_and(|prefix| prefix.ends_with('.'))
    })
}

/// Finds a topic by noun and kind.
pub fn by_name(name: &str) -> Option<&'static TopicSpec> {
    ALL.iter().find(|spec| spec.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_versioned() {
        let names: BTreeSet<_> = ALL.iter().map(|t| t.full_name("scorecard")).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(names.contains("scorecard.resource.state.v1"));
        assert_eq!(by_name("tick").map(|t| t.cleanup), Some(Cleanup::Delete));
    }
}
