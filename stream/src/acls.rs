//! The least rights that a role needs on Kafka, as access control lists. Pure.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{TopicSpec, topic::DEADLETTER};

use crate::Stage;

/// What a right is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// A transactional id.
    TransactionalId,
}

/// How a right's name is compared with the resource's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// It is the resource's name.
    Literal,
    /// The resource's name begins with it.
    Prefixed,
}

/// What may be done. Kafka takes `Read` and `Write` to hold `Describe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Setting a topic's settings.
    AlterConfigs,
    /// Making a topic.
    Create,
    /// Seeing that it is there, its partitions, its ends.
    Describe,
    /// Reading a topic's settings.
    DescribeConfigs,
    /// Reading records, or taking part in a group.
    Read,
    /// Writing records, or using a transactional id.
    Write,
}

/// One right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    /// What it is about.
    pub resource: Resource,
    /// How the name is compared.
    pub pattern: Pattern,
    /// The resource's name, or its beginning.
    pub name: String,
    /// What may be done.
    pub operation: Operation,
}

impl Resource {
    /// Gives the word of `kafka-acls.sh` for it, without dashes.
    pub fn word(self) -> &'static str {
        match self {
            Resource::Topic => "topic",
            Resource::Group => "group",
            Resource::TransactionalId => "transactional-id",
        }
    }
}

impl Pattern {
    /// Gives the word of `kafka-acls.sh` for it.
    pub fn word(self) -> &'static str {
        match self {
            Pattern::Literal => "literal",
            Pattern::Prefixed => "prefixed",
        }
    }
}

impl Operation {
    /// Gives the word of `kafka-acls.sh` for it.
    pub fn word(self) -> &'static str {
        match self {
            Operation::AlterConfigs => "AlterConfigs",
            Operation::Create => "Create",
            Operation::Describe => "Describe",
            Operation::DescribeConfigs => "DescribeConfigs",
            Operation::Read => "Read",
            Operation::Write => "Write",
        }
    }
}

/// What a role does with the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// Topics whose records it reads.
    pub reads: Vec<&'static TopicSpec>,
    /// Topics that it writes.
    pub writes: Vec<&'static TopicSpec>,
    /// Topics that it makes and changes.
    pub makes: Vec<&'static TopicSpec>,
    /// The group that its members join and commit for, without the log's prefix.
    pub group: Option<String>,
    /// Groups whose positions it looks at.
    pub watches: Vec<String>,
}

impl Needs {
    /// Gives what the workers of a stage do: they read inputs, restore tables, and write outputs,
    /// tables and dead letters in transactions of the group.
    pub fn of_stage(stage: &dyn Stage, group: String) -> Self {
        let tables: Vec<_> = stage.tables().iter().map(|table| table.topic).collect();
        Self {
            reads: [stage.inputs(), tables.clone()].concat(),
            writes: [stage.outputs(), tables, vec![DEADLETTER]].concat(),
            makes: Vec::new(),
            group: Some(group),
            watches: Vec::new(),
        }
    }

    /// Gives the rights; names begin with the log's prefix.
    ///
    /// Every process checks all topics when it starts, so it may see all names and settings below
    /// the prefix, but no record; and its readers use a group's name that nobody joins.
    pub fn acls(&self, prefix: &str) -> BTreeSet<Acl> {
        use Operation::{AlterConfigs, Create, Describe, DescribeConfigs, Read, Write};
        let mut acls = BTreeSet::new();
        let mut add = |resource, pattern, name: String, operation| {
            acls.insert(Acl { resource, pattern, name, operation });
        };
        let below = format!("{prefix}.");
        add(Resource::Topic, Pattern::Prefixed, below.clone(), Describe);
        add(Resource::Topic, Pattern::Prefixed, below, DescribeConfigs);
        add(Resource::Group, Pattern::Literal, format!("{prefix}.reader"), Describe);
        let of_topics = [
            (&self.reads, Read),
            (&self.writes, Write),
            (&self.makes, Create),
            (&self.makes, AlterConfigs),
        ];
        for (topics, operation) in of_topics {
            for topic in topics {
                add(Resource::Topic, Pattern::Literal, topic.full_name(prefix), operation);
            }
        }
        for group in &self.watches {
            add(Resource::Group, Pattern::Literal, format!("{prefix}.{group}"), Describe);
        }
        if let Some(group) = &self.group {
            add(Resource::Group, Pattern::Literal, format!("{prefix}.{group}"), Read);
            // Each slot has a transactional id of its own.
            let ids = format!("{prefix}.{group}.");
            add(Resource::TransactionalId, Pattern::Prefixed, ids, Write);
        }
        acls
    }
}

/// Gives the arguments of `kafka-acls.sh` that name rights, without those that say where and whose:
/// one list for each set of operations on the same kind of resource.
pub fn arguments(acls: &BTreeSet<Acl>) -> Vec<Vec<String>> {
    let mut operations: BTreeMap<(Resource, Pattern, &str), Vec<Operation>> = BTreeMap::new();
    for acl in acls {
        let named = operations.entry((acl.resource, acl.pattern, &acl.name)).or_default();
        named.push(acl.operation);
    }
    let mut names: BTreeMap<(Resource, Pattern, Vec<Operation>), Vec<&str>> = BTreeMap::new();
    for ((resource, pattern, name), operations) in operations {
        names.entry((resource, pattern, operations)).or_default().push(name);
    }
    let lists = names.into_iter().map(|((resource, pattern, operations), names)| {
        let mut list = vec!["--resource-pattern-type".to_owned(), pattern.word().to_owned()];
        for operation in operations {
            list.extend(["--operation".to_owned(), operation.word().to_owned()]);
        }
        for name in names {
            list.extend([format!("--{}", resource.word()), name.to_owned()]);
        }
        list
    });
    lists.collect()
}

#[cfg(test)]
mod tests {
    use schemas::topic::{REPORT, RESOURCE_STATE, TICK};

    use super::*;

    fn lines(needs: &Needs) -> Vec<String> {
        arguments(&needs.acls("p")).iter().map(|list| list.join(" ")).collect()
    }

    const ALL_MAY: [&str; 2] = [
        "--resource-pattern-type prefixed --operation Describe --operation DescribeConfigs \
         --topic p.",
        "--resource-pattern-type literal --operation Describe --group p.reader",
    ];

    #[test]
    fn each_need_becomes_the_right_that_kafka_asks_for() {
        let none = Needs::default();
        let reads = Needs { reads: vec![TICK.spec, REPORT.spec], ..none.clone() };
        let writes = Needs { writes: vec![TICK.spec], ..none.clone() };
        let both = Needs { reads: vec![TICK.spec], ..writes.clone() };
        let makes = Needs { makes: vec![TICK.spec], ..none.clone() };
        let group = Needs { group: Some("g".to_owned()), ..none.clone() };
        let literal = "--resource-pattern-type literal";
        let cases = [
            (none, vec![]),
            (reads, vec!["--operation Read --topic p.report.v1 --topic p.tick.v1"]),
            (writes, vec!["--operation Write --topic p.tick.v1"]),
            (both, vec!["--operation Read --operation Write --topic p.tick.v1"]),
            (makes, vec!["--operation AlterConfigs --operation Create --topic p.tick.v1"]),
            (group, vec!["--operation Read --group p.g"]),
        ];
        for (needs, expected) in cases {
            let ids = "--resource-pattern-type prefixed --operation Write --transactional-id p.g.";
            let own = expected.iter().map(|end| format!("{literal} {end}"));
            let own = own.chain(needs.group.is_some().then(|| ids.to_owned()));
            let all: BTreeSet<_> = own.chain(ALL_MAY.map(str::to_owned)).collect();
            let lines = lines(&needs);
            assert_eq!(lines.iter().cloned().collect::<BTreeSet<_>>(), all);
            assert_eq!(lines.len(), all.len(), "no command is there twice");
        }
    }

    #[test]
    fn a_group_that_is_watched_may_be_seen_and_not_joined() {
        let needs = Needs { watches: vec!["g".to_owned()], ..Needs::default() };
        let groups = "--resource-pattern-type literal --operation Describe --group p.g";
        let lines: BTreeSet<_> = lines(&needs).into_iter().collect();
        let expected = [ALL_MAY[0].to_owned(), format!("{groups} --group p.reader")];
        assert_eq!(lines, BTreeSet::from(expected));
    }

    #[test]
    fn a_topic_that_is_named_twice_is_one_right() {
        let topics = vec![RESOURCE_STATE.spec, RESOURCE_STATE.spec];
        let needs = Needs { reads: topics, ..Needs::default() };
        let once = Needs { reads: vec![RESOURCE_STATE.spec], ..Needs::default() };
        assert_eq!(needs.acls("p"), once.acls("p"));
    }
}
