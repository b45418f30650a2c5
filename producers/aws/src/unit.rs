//! One unit of work: opens a session in an account, decides the scopes, runs collectors in them.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::stream::span::Traced;
use futures::{FutureExt, StreamExt, stream};
use schemas::{ScanUnit, UnitStatus};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;
use tracing::Instrument;

use crate::account::Account;
use crate::api::{Budget, Limit, Model, Partition};
use crate::collectors::{ALL, Collector, Coverage};
use crate::config::{AuditRole, Concurrency};
use crate::scope::{CollectError, GLOBAL, Observer, Report, Scope, UnitId, What};
use crate::session::Sessions;
use crate::spans;

/// What the units of all accounts share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sessions: Sessions,
    pub(crate) model: Arc<Model>,
    /// Regions from the configuration; empty means those enabled in each account.
    pub(crate) regions: Vec<String>,
    pub(crate) concurrency: Concurrency,
    /// What sessions in accounts may do.
    pub(crate) policy: String,
    /// How long a unit may take.
    pub(crate) limit: Duration,
}

/// How a unit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnitEnd {
    pub(crate) status: UnitStatus,
    /// Calls that were made in the account.
    pub(crate) calls: u64,
    /// Why the account could not be entered, or that time ran out.
    pub(crate) error: Option<String>,
}

/// A unit with what it takes to work it off.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) id: UnitId,
    pub(crate) unit: ScanUnit,
    pub(crate) role: AuditRole,
    pub(crate) budget: Arc<Budget>,
}

/// Collects a unit; every scope of it ends in completed or failed, unless nobody listens any more.
pub(crate) async fn collect(shared: Arc<Shared>, work: Work, sender: Sender<Report>) {
    let run = Run::new(&shared, &work, &sender);
    let ended = match tokio::time::timeout(shared.limit, run.all()).await {
        Ok(ended) => ended,
        Err(_) => run.time_out().await,
    };
    if let Ok(end) = ended {
        // The process may be ending, then nobody waits for this.
        let _ = sender.send(Report { unit: work.id, what: What::Ended(end) }).await;
    }
}

struct Run<'a> {
    shared: &'a Shared,
    work: &'a Work,
    sender: &'a Sender<Report>,
    collectors: Vec<&'static Collector>,
    limit: Arc<Limit>,
    /// Scopes that have not ended, with the spans of those that were started.
    open: Mutex<BTreeMap<Scope, Option<Traced>>>,
}

impl<'a> Run<'a> {
    fn new(shared: &'a Shared, work: &'a Work, sender: &'a Sender<Report>) -> Self {
        let is_wanted = |c: &&Collector| work.unit.collectors.iter().any(|id| id == c.id);
        let Concurrency { calls, calls_per_second, .. } = shared.concurrency;
        Self {
            shared,
            work,
            sender,
            collectors: ALL.iter().filter(is_wanted).collect(),
            limit: Arc::new(Limit::new(calls, calls_per_second, &work.budget)),
            open: Mutex::default(),
        }
    }

    async fn all(&self) -> Result<UnitEnd, CollectError> {
        let (role, id) = (&self.work.role, &self.work.unit.account);
        let session = match self.shared.sessions.assume(role, id, &self.shared.policy).await {
            Ok(session) => session,
            Err(error) => {
                let error = error.to_string();
                self.fail_everything(role.partition, &error).await?;
                return Ok(self.end(UnitStatus::Failed, Some(error)));
            }
        };
        let account = Account::new(
            id.clone(),
            role.partition,
            role.arn(id),
            session,
            &self.shared.model,
            self.shared.sessions.endpoints(),
            &self.limit,
        );
        let (global, regional) = tokio::join!(self.global(&account), self.regional(&account));
        global.and(regional)?;
        Ok(self.end(UnitStatus::Completed, None))
    }

    fn end(&self, status: UnitStatus, error: Option<String>) -> UnitEnd {
        UnitEnd { status, calls: self.limit.calls(), error }
    }

    async fn global(&self, account: &Account) -> Result<(), CollectError> {
        let work = self.of(Coverage::Global).map(|collector| (collector, GLOBAL.to_owned()));
        self.run(account, work.collect(), account.calls_max()).await
    }

    async fn regional(&self, account: &Account) -> Result<(), CollectError> {
        if self.of(Coverage::Regional).next().is_none() {
            return Ok(());
        }
        // A region that hangs must not hold all calls of the account.
        let at_once = (account.calls_max() / 2).max(1);
        match self.regions(account).await {
            Ok(regions) => {
                let all = regions.iter().map(|region| {
                    let work = self.of(Coverage::Regional).map(|c| (c, region.clone()));
                    self.run(account, work.collect(), at_once).boxed()
                });
                let results = futures::future::join_all(all.collect::<Vec<_>>()).await;
                results.into_iter().collect()
            }
            Err(error) => {
                let regions = [account.home_region().to_owned()];
                self.fail(Coverage::Regional, &regions, &error.summary()).await
            }
        }
    }

    /// Gives the regions to collect: the configured ones, or those that the account has enabled.
    ///
    /// Source: `ec2:DescribeRegions`.
    async fn regions(&self, account: &Account) -> Result<Vec<String>, CollectError> {
        if !self.shared.regions.is_empty() {
            return Ok(self.shared.regions.clone());
        }
        enabled_regions(&account.home("ec2").call("DescribeRegions", json!({})).await?)
    }

    /// Runs collectors in their scopes, `at_once` of them at the same time.
    async fn run(
        &self,
        account: &Account,
        work: Vec<(&'static Collector, String)>,
        at_once: usize,
    ) -> Result<(), CollectError> {
        for (collector, region) in &work {
            self.open().insert(self.scope(collector, region), None);
        }
        // Boxed, because the compiler can't see that futures of a mapped stream are `Send`.
        let scopes = work.into_iter().map(|(c, region)| self.one(account, c, region).boxed());
        let scopes: Vec<_> = scopes.collect();
        let scopes = stream::iter(scopes).buffer_unordered(at_once);
        let results: Vec<_> = scopes.collect().await;
        results.into_iter().collect()
    }

    /// Runs one collector in one scope, within its span.
    async fn one(
        &self,
        account: &Account,
        collector: &Collector,
        region: String,
    ) -> Result<(), CollectError> {
        let observer = self.observer(self.scope(collector, &region));
        let traced = spans::scan(&self.work.unit, observer.scope());
        let span = traced.span().clone();
        self.open().insert(observer.scope().clone(), Some(traced));
        self.scan(account, collector, &observer).instrument(span).await
    }

    /// Scans a scope that is open; a panic of a collector is the scope's failure.
    async fn scan(
        &self,
        account: &Account,
        collector: &Collector,
        observer: &Observer,
    ) -> Result<(), CollectError> {
        observer.start().await?;
        let collecting = AssertUnwindSafe((collector.collect)(account, observer));
        let result = collecting.catch_unwind().await.unwrap_or_else(|_| {
            let message = format!("collector {} panicked", collector.id);
            Err(CollectError::Answer { code: "CollectorFault", message })
        });
        if matches!(result, Err(CollectError::Stopped)) {
            return result;
        }
        // Before the report: a time-out meanwhile must not end the scope once more.
        let traced = self.open().remove(observer.scope()).flatten();
        if let Some(traced) = traced {
            spans::ended(traced, &result, observer.count());
        }
        observer.end(result).await
    }

    /// Fails every scope of the account. Where the regions are not configured they can't be
    /// learned either: then the home region stands for them.
    async fn fail_everything(&self, partition: Partition, error: &str) -> Result<(), CollectError> {
        self.fail(Coverage::Global, &[GLOBAL.to_owned()], error).await?;
        let home = [partition.home_region().to_owned()];
        let regions = match self.shared.regions.as_slice() {
            [] => &home[..],
            regions => regions,
        };
        self.fail(Coverage::Regional, regions, error).await
    }

    async fn fail(
        &self,
        coverage: Coverage,
        regions: &[String],
        error: &str,
    ) -> Result<(), CollectError> {
        for collector in self.of(coverage) {
            for region in regions {
                let observer = self.observer(self.scope(collector, region));
                observer.start().await?;
                observer.fail(error.to_owned()).await?;
            }
        }
        Ok(())
    }

    /// Fails what has not ended when the unit's time is over.
    async fn time_out(&self) -> Result<UnitEnd, CollectError> {
        let seconds = self.shared.limit.as_secs();
        let error = format!("UnitTimeout: the account was not collected within {seconds} s");
        let open = std::mem::take(&mut *self.open());
        for (scope, started) in open {
            let observer = self.observer(scope);
            match started {
                Some(traced) => traced.end("timed_out"),
                None => observer.start().await?,
            }
            observer.fail(error.clone()).await?;
        }
        Ok(self.end(UnitStatus::TimedOut, Some(error)))
    }

    fn of(&self, coverage: Coverage) -> impl Iterator<Item = &'static Collector> {
        self.collectors.iter().copied().filter(move |collector| collector.coverage == coverage)
    }

    fn scope(&self, collector: &Collector, region: &str) -> Scope {
        Scope {
            account: self.work.unit.account.clone(),
            region: region.to_owned(),
            resource_type: collector.resource_type,
        }
    }

    fn observer(&self, scope: Scope) -> Observer {
        Observer::new(self.work.id, scope, self.sender.clone())
    }

    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<Scope, Option<Traced>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads which regions an account can use, sorted; AWS leaves out the others, some servers do not.
fn enabled_regions(answer: &Value) -> Result<Vec<String>, CollectError> {
    let list = answer["Regions"].as_array().ok_or_else(|| CollectError::missing("Regions"))?;
    let enabled = list.iter().filter(|region| region["OptInStatus"] != "not-opted-in");
    let names = enabled.map(|region| {
        let name = region["RegionName"].as_str().map(str::to_owned);
        name.ok_or_else(|| CollectError::missing("RegionName"))
    });
    let mut names = names.collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err(CollectError::missing("enabled region"));
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::tests::unit;
    use crate::collectors::{account_actions, session_policy};
    use crate::config::Config;
    use crate::scope::Event;
    use crate::testing::FakeAws;
    use tokio::sync::mpsc::{self, Receiver};

    const ID: UnitId = UnitId { partition: 0, offset: 7 };

    #[test]
    fn regions_that_are_not_enabled_are_left_out() {
        let region = |name: &str, status: &str| json!({"RegionName": name, "OptInStatus": status});
        let answer = json!({"Regions": [
            region("us-east-1", "opt-in-not-required"),
            region("ap-east-1", "not-opted-in"),
            region("af-south-1", "opted-in"),
        ]});
        let found = enabled_regions(&answer).ok();
        assert_eq!(found, Some(vec!["af-south-1".to_owned(), "us-east-1".to_owned()]));
        assert!(enabled_regions(&json!({"Regions": []})).is_err());
        assert!(enabled_regions(&json!({})).is_err());
    }

    async fn shared(fake: &FakeAws, limit: Duration) -> Arc<Shared> {
        let config = json!({"role": "Audit", "payers": [{"account": "111122223333"}]});
        let config: Config = serde_json::from_value(config).expect("it is valid");
        let credentials = fake.config().credentials_provider();
        Arc::new(Shared {
            sessions: Sessions::prepare(&config, credentials).await,
            model: Arc::new(Model::embedded().expect("the embedded model is whole")),
            regions: vec!["eu-west-1".to_owned()],
            concurrency: config.concurrency,
            policy: session_policy(&account_actions()),
            limit,
        })
    }

    fn work(collectors: &[&str]) -> Work {
        let mut unit = unit(0, "111122223333", UnitStatus::Planned, false);
        unit.collectors = collectors.iter().map(|id| (*id).to_owned()).collect();
        let role = AuditRole {
            name: "Audit".into(),
            external_id: None,
            session_name: "scorecard".into(),
            partition: Partition::Aws,
        };
        Work { id: ID, unit, role, budget: Budget::new(1_000) }
    }

    async fn story(mut reports: Receiver<Report>) -> Vec<String> {
        let mut story = Vec::new();
        while let Some(Report { unit, what }) = reports.recv().await {
            assert_eq!(unit, ID);
            story.push(match what {
                What::Scope(scope, Event::Started) => format!("{} started", scope.resource_type),
                What::Scope(_, Event::Seen(_)) => "seen".to_owned(),
                What::Scope(_, Event::Told(told)) => format!("{} told", told.source),
                What::Scope(_, Event::Completed { count }) => format!("completed {count}"),
                What::Scope(_, Event::Failed { error }) => format!("failed {error}"),
                What::Ended(end) => format!("{}", end.status),
            });
        }
        story
    }

    #[tokio::test]
    async fn a_panic_is_the_failure_of_its_scope() {
        let fake = FakeAws::new(|_| panic!("as a fault in a collector would"));
        let (sender, reports) = mpsc::channel(8);
        let shared = shared(&fake, Duration::from_secs(60)).await;
        let work = work(&["ec2-security-groups"]);
        let run = Run::new(&shared, &work, &sender);
        let collector = run.collectors[0];
        let result = run.one(&fake.account(), collector, "eu-west-1".to_owned()).await;
        assert!(result.is_ok(), "{result:?}");
        drop(sender);
        let expected = [
            "AWS::EC2::SecurityGroup started",
            "failed CollectorFault: collector ec2-security-groups panicked",
        ];
        assert_eq!(story(reports).await, expected);
    }

    #[tokio::test]
    async fn a_unit_whose_time_is_over_fails_what_is_open_and_what_never_began() {
        let fake = FakeAws::new(|_| (200, vec![], String::new()));
        let (sender, reports) = mpsc::channel(8);
        let shared = shared(&fake, Duration::from_secs(3)).await;
        let work = work(&["ec2-security-groups", "s3-buckets"]);
        let run = Run::new(&shared, &work, &sender);
        let regional = run.scope(run.collectors[0], "eu-west-1");
        let global = run.scope(run.collectors[1], GLOBAL);
        run.observer(regional.clone()).start().await.expect("somebody listens");
        let traced = spans::scan(&work.unit, &regional);
        run.open().extend([(regional, Some(traced)), (global, None)]);
        let end = run.time_out().await.expect("somebody listens");
        let error = "UnitTimeout: the account was not collected within 3 s";
        assert_eq!(end.error.as_deref(), Some(error));
        assert_eq!((end.status, end.calls), (UnitStatus::TimedOut, 0));
        drop(sender);
        let expected = [
            "AWS::EC2::SecurityGroup started".to_owned(),
            format!("failed {error}"),
            "AWS::S3::Bucket started".to_owned(),
            format!("failed {error}"),
        ];
        assert_eq!(story(reports).await, expected);
    }
}
