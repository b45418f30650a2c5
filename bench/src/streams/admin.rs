//! Topics, groups and positions on the broker.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use rdkafka::{
    ClientConfig, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
};

use super::feed::WAIT_MAX;

/// Makes topics.
pub(crate) fn make_topics(
    bootstrap: &str,
    names: &[String],
    partitions: i32,
    cleanup: &str,
) -> Result<()> {
    let topics = names.iter().map(|name| {
        NewTopic::new(name, partitions, TopicReplication::Fixed(1))
            .set("cleanup.policy", cleanup)
            .set("retention.ms", "-1")
            .set("delete.retention.ms", "604800000")
            .set("segment.bytes", "52428800")
    });
    let topics: Vec<NewTopic<'_>> = topics.collect();
    let admin = admin(bootstrap)?;
    let made = wait(admin.create_topics(&topics, &AdminOptions::new()))?;
    for result in made.context("making topics")? {
        result.map_err(|(name, code)| anyhow!("{name} was not made: {code}"))?;
    }
    Ok(())
}

/// Removes all topics of a prefix, so that their bytes don't fill the disk.
pub(crate) fn remove_topics(bootstrap: &str, prefix: &str) -> Result<()> {
    let reader = super::watch::reader(bootstrap)?;
    let names = topics(&reader, prefix)?;
    let names: Vec<&str> = names.keys().map(String::as_str).collect();
    let admin = admin(bootstrap)?;
    let removed = wait(admin.delete_topics(&names, &AdminOptions::new()))?;
    for result in removed.context("removing topics")? {
        result.map_err(|(name, code)| anyhow!("{name} was not removed: {code}"))?;
    }
    Ok(())
}

/// Gives the topics of a prefix with their numbers of partitions.
pub(crate) fn topics(reader: &BaseConsumer, prefix: &str) -> Result<BTreeMap<String, i32>> {
    let all = reader.fetch_metadata(None, WAIT_MAX).context("listing topics")?;
    let of_prefix =
        |name: &str| name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['.', '-']));
    let count = |topic: &rdkafka::metadata::MetadataTopic| {
        i32::try_from(topic.partitions().len()).context("counting partitions")
    };
    let topics = all.topics().iter().filter(|topic| of_prefix(topic.name()));
    topics.map(|topic| Ok((topic.name().to_owned(), count(topic)?))).collect()
}

/// The ends of topics by name and partition.
pub(crate) type Ends = BTreeMap<(String, i32), i64>;

/// Gives the ends of all topics of a prefix.
pub(crate) fn ends(reader: &BaseConsumer, prefix: &str) -> Result<Ends> {
    let mut ends = Ends::new();
    for (name, partitions) in topics(reader, prefix)? {
        for partition in 0..partitions {
            let (_, end) = reader
                .fetch_watermarks(&name, partition, WAIT_MAX)
                .with_context(|| format!("asking for the end of {name}"))?;
            ends.insert((name.clone(), partition), end);
        }
    }
    Ok(ends)
}

/// Gives how many offsets a group is behind in the partition where it is most, of those topics of a
/// prefix that it reads. A marker at the end counts as one.
pub(crate) fn behind(bootstrap: &str, group: &str, prefix: &str) -> Result<i64> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", group);
    let reader: BaseConsumer = config.create().context("making a consumer")?;
    let ends = ends(&reader, prefix)?;
    let mut list = TopicPartitionList::new();
    for (topic, partition) in ends.keys() {
        list.add_partition(topic, *partition);
    }
    let committed = reader.committed_offsets(list, WAIT_MAX).context("asking for positions")?;
    let behind = committed.elements().into_iter().filter_map(|one| {
        let end = ends.get(&(one.topic().to_owned(), one.partition()))?;
        Some(end - one.offset().to_raw().filter(|offset| *offset >= 0)?)
    });
    Ok(behind.max().unwrap_or(i64::MAX))
}

/// Tells whether a group has members and has given them their partitions.
pub(crate) fn is_stable(reader: &BaseConsumer, group: &str) -> Result<bool> {
    let groups = reader.fetch_group_list(Some(group), WAIT_MAX).context("asking for a group")?;
    Ok(groups.groups().iter().any(|one| one.name() == group && one.state() == "Stable"))
}

fn admin(bootstrap: &str) -> Result<AdminClient<DefaultClientContext>> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).create().context("connecting to make topics")
}

fn wait<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    Ok(runtime.context("making a runtime")?.block_on(future))
}
