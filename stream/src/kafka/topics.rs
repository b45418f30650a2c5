//! Topics on Kafka: their names, what each needs, and making and changing them.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rdkafka::{
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigResource, ConfigSource, NewTopic,
        ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    consumer::Consumer as _,
    error::{KafkaError, RDKafkaErrorCode},
};
use schemas::{TopicSpec, topic};

use super::cluster::{Cluster, TIMEOUT};
use crate::{LogError, SettingChange, TopicPlan};

/// Limit for new topics to be seen with a leader for each partition.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);

/// Topics by their names in Kafka.
#[derive(Clone, Default)]
pub(super) struct Names {
    specs: Arc<BTreeMap<String, &'static TopicSpec>>,
}

impl Names {
    pub(super) fn of(prefix: &str, topics: impl IntoIterator<Item = &'static TopicSpec>) -> Self {
        let topics = topics.into_iter();
        let specs = topics.map(|spec| (spec.full_name(prefix), spec)).collect();
        Self { specs: Arc::new(specs) }
    }

    pub(super) fn spec(&self, full_name: &str) -> Option<&'static TopicSpec> {
        self.specs.get(full_name).copied()
    }

    pub(super) fn full_names(&self) -> Vec<&str> {
        self.specs.keys().map(String::as_str).collect()
    }
}

/// Says what each topic needs.
pub(super) fn plan(cluster: &Cluster) -> Result<Vec<TopicPlan>, LogError> {
    let counts = partition_counts(cluster)?;
    let full_name = |spec: &TopicSpec| spec.full_name(&cluster.prefix);
    let there: Vec<String> = topic::ALL
        .iter()
        .map(|spec| full_name(spec))
        .filter(|name| counts.contains_key(name))
        .collect();
    if let Some(missing) = topic::ALL.iter().find(|spec| !counts.contains_key(&full_name(spec))) {
        cluster.may_see(missing)?;
    }
    let settings = describe(cluster, &there)?;
    let plans = topic::ALL.iter().map(|spec| {
        let name = full_name(spec);
        let wanted = cluster.config.partitions;
        match counts.get(&name) {
            None => TopicPlan::Create(spec),
            Some(count) if *count != wanted => {
                TopicPlan::Refuse(spec, format!("has {count} partitions, not {wanted}"))
            }
            Some(_) => match changes(cluster, spec, settings.get(&name)) {
                changes if changes.is_empty() => TopicPlan::Keep(spec),
                changes => TopicPlan::Alter(spec, changes),
            },
        }
    });
    Ok(plans.collect())
}

/// Creates and alters topics as planned.
pub(super) fn apply(cluster: &Cluster) -> Result<Vec<TopicPlan>, LogError> {
    let plans = plan(cluster)?;
    let mut create = Vec::new();
    let mut alter = Vec::new();
    for plan in &plans {
        match plan {
            TopicPlan::Keep(_) => {}
            TopicPlan::Create(spec) => create.push(*spec),
            TopicPlan::Alter(spec, _) => alter.push(*spec),
            TopicPlan::Refuse(spec, why) => {
                return Err(cluster.topic_error(spec, why.clone()));
            }
        }
    }
    create_topics(cluster, &create)?;
    alter_topics(cluster, &alter)?;
    Ok(plans)
}

fn partition_counts(cluster: &Cluster) -> Result<BTreeMap<String, i32>, LogError> {
    let metadata = cluster.consumer().fetch_metadata(None, TIMEOUT);
    let metadata = metadata.map_err(|error| cluster.failed("listing topics", error))?;
    let counts = metadata.topics().iter().map(|topic| {
        let led = topic.partitions().iter().filter(|p| p.leader() >= 0);
        let count = if topic.error().is_some() { 0 } else { led.count() as i32 };
        (topic.name().to_owned(), count)
    });
    Ok(counts.collect())
}

fn changes(
    cluster: &Cluster,
    spec: &TopicSpec,
    is: Option<&BTreeMap<String, String>>,
) -> Vec<SettingChange> {
    let wanted = cluster.config.topic_settings(spec).into_iter();
    let changes = wanted.filter_map(|(name, wanted)| {
        let is = is.and_then(|is| is.get(name)).cloned().unwrap_or_default();
        (is != wanted).then(|| SettingChange { name: name.to_owned(), is, wanted })
    });
    changes.collect()
}

fn admin(cluster: &Cluster) -> Result<AdminClient<DefaultClientContext>, LogError> {
    let config = cluster.config.client(&format!("{}.topics", cluster.prefix))?;
    config.create().map_err(|error| cluster.failed("starting a client", error))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

/// Reads all settings of topics.
fn describe(
    cluster: &Cluster,
    names: &[String],
) -> Result<BTreeMap<String, BTreeMap<String, String>>, LogError> {
    let resources = describe_raw(cluster, names)?;
    let mut settings = BTreeMap::new();
    for (name, resource) in names.iter().zip(resources) {
        let entries = resource.entries.into_iter();
        let entries = entries.filter_map(|entry| Some((entry.name, entry.value?)));
        settings.insert(name.clone(), entries.collect());
    }
    Ok(settings)
}

fn describe_raw(cluster: &Cluster, names: &[String]) -> Result<Vec<ConfigResource>, LogError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let admin = admin(cluster)?;
    let specifiers: Vec<_> = names.iter().map(|n| ResourceSpecifier::Topic(n)).collect();
    let described = block_on(admin.describe_configs(&specifiers, &options()));
    let described = described.map_err(|error| cluster.failed("reading topics' settings", error))?;
    let mut resources = BTreeMap::new();
    for resource in described {
        let resource = resource
            .map_err(|code| cluster.failed("reading topics' settings", admin_error(code)))?;
        if let rdkafka::admin::OwnedResourceSpecifier::Topic(name) = &resource.specifier {
            resources.insert(name.clone(), resource);
        }
    }
    let found = names.iter().map(|name| {
        let resource = resources.remove(name);
        resource.ok_or_else(|| LogError::Topic {
            topic: name.clone(),
            problem: "does not tell its settings".to_owned(),
        })
    });
    found.collect()
}

fn create_topics(cluster: &Cluster, specs: &[&'static TopicSpec]) -> Result<(), LogError> {
    if specs.is_empty() {
        return Ok(());
    }
    let config = &cluster.config;
    let wanted: Vec<_> = specs
        .iter()
        .map(|spec| (spec.full_name(&cluster.prefix), config.topic_settings(spec)))
        .collect();
    let copies = || TopicReplication::Fixed(config.replication_factor);
    let topics = wanted.iter().map(|(name, settings)| {
        let topic = NewTopic::new(name, config.partitions, copies());
        let settings = settings.iter();
        settings.fold(topic, |topic, (name, value)| topic.set(name, value))
    });
    let topics: Vec<_> = topics.collect();
    let results = block_on(admin(cluster)?.create_topics(&topics, &options()));
    let results = results.map_err(|error| cluster.failed("making topics", error))?;
    for result in results {
        match result {
            // Another process may have been faster.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => {
                let attempted = format!("making topic {name}");
                return Err(cluster.failed(attempted, admin_error(code)));
            }
        }
    }
    settle(cluster, wanted.iter().map(|(name, _)| name))
}

/// Waits until new topics are seen whole.
fn settle<'a>(
    cluster: &Cluster,
    names: impl Iterator<Item = &'a String> + Clone,
) -> Result<(), LogError> {
    let start = Instant::now();
    loop {
        let counts = partition_counts(cluster)?;
        let wanted = cluster.config.partitions;
        let mut missing = names.clone().filter(|name| counts.get(*name) != Some(&wanted));
        let Some(name) = missing.next() else {
            return Ok(());
        };
        if start.elapsed() > SETTLE_LIMIT {
            return Err(LogError::Topic {
                topic: name.clone(),
                problem: "was made, but is not there yet".to_owned(),
            });
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Sets what differs. The call replaces all of a topic's own settings, so those go along.
fn alter_topics(cluster: &Cluster, specs: &[&'static TopicSpec]) -> Result<(), LogError> {
    if specs.is_empty() {
        return Ok(());
    }
    let names = specs.iter().map(|spec| spec.full_name(&cluster.prefix));
    let names: Vec<_> = names.collect();
    let mut settings = Vec::new();
    for (spec, resource) in specs.iter().zip(describe_raw(cluster, &names)?) {
        let own = resource.entries.into_iter();
        let own = own.filter(|entry| entry.source == ConfigSource::DynamicTopic);
        let own = own.filter_map(|entry| Some((entry.name, entry.value?)));
        let mut all: BTreeMap<String, String> = own.collect();
        let wanted = cluster.config.topic_settings(spec).into_iter();
        all.extend(wanted.map(|(name, value)| (name.to_owned(), value)));
        settings.push(all);
    }
    let configs = names.iter().zip(&settings).map(|(name, settings)| {
        let config = AlterConfig::new(ResourceSpecifier::Topic(name));
        let settings = settings.iter();
        settings.fold(config, |config, (name, value)| config.set(name, value))
    });
    let configs: Vec<_> = configs.collect();
    let results = block_on(admin(cluster)?.alter_configs(&configs, &options()));
    let results = results.map_err(|error| cluster.failed("changing topics", error))?;
    for result in results {
        if let Err((specifier, code)) = result {
            let attempted = format!("changing {specifier:?}");
            return Err(cluster.failed(attempted, admin_error(code)));
        }
    }
    Ok(())
}

fn admin_error(code: RDKafkaErrorCode) -> KafkaError {
    KafkaError::AdminOp(code)
}

/// Waits for a future on this thread: the admin client answers from a thread of its own.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
