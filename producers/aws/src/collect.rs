//! Collects one account: opens a session, decides the scopes, runs the collectors in them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use crate::account::Account;
use crate::api::{Budget, Limit, Model, Partition};
use crate::collectors::{ALL, Collector, Coverage};
use crate::config::AuditRole;
use crate::scope::{CollectError, GLOBAL, Observer, Report, Scope};
use crate::session::Sessions;

/// What the tasks of all accounts share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) sessions: Sessions,
    pub(crate) model: Arc<Model>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) calls_per_second: u32,
    /// Regions from the configuration; empty means those enabled in each account.
    pub(crate) regions: Vec<String>,
    pub(crate) calls_max: usize,
}

/// One account to collect.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) account: String,
    pub(crate) role: AuditRole,
}

/// Collects an account; every scope of it ends in completed or failed, unless the scan has ended.
pub(crate) async fn collect(shared: &Shared, unit: Unit, sender: Sender<Report>) {
    let run = Run { shared, account: &unit.account, sender: &sender };
    let result = run.all(&unit.role).await;
    if result.is_ok() {
        // The scan may have ended meanwhile, then nobody waits for this.
        let _ = sender.send(Report::AccountDone(unit.account.clone())).await;
    }
}

struct Run<'a> {
    shared: &'a Shared,
    account: &'a str,
    sender: &'a Sender<Report>,
}

impl Run<'_> {
    async fn all(&self, role: &AuditRole) -> Result<(), CollectError> {
        let session = match self.shared.sessions.assume(role, self.account).await {
            Ok(session) => session,
            Err(error) => {
                return self.fail_everything(role.partition, &error.to_string()).await;
            }
        };
        let Shared { calls_max, calls_per_second, budget, .. } = self.shared;
        let limit = Limit::new(*calls_max, *calls_per_second, budget);
        let account = Account::new(
            self.account.to_owned(),
            role.partition,
            role.arn(self.account),
            session,
            &self.shared.model,
            self.shared.sessions.endpoints(),
            limit,
        );
        let (global, regional) = tokio::join!(self.global(&account), self.regional(&account));
        global.and(regional)
    }

    async fn global(&self, account: &Account) -> Result<(), CollectError> {
        let work = of(Coverage::Global).map(|collector| (collector, GLOBAL.to_owned()));
        self.run(account, work.collect()).await
    }

    async fn regional(&self, account: &Account) -> Result<(), CollectError> {
        match self.regions(account).await {
            Ok(regions) => {
                let work = regions.iter().flat_map(|region| {
                    of(Coverage::Regional).map(|collector| (collector, region.clone()))
                });
                self.run(account, work.collect()).await
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
        let client = account.home("ec2");
        enabled_regions(&client.call("DescribeRegions", json!({})).await?)
    }

    /// Runs collectors in their scopes, as many at once as the account may get calls.
    async fn run(
        &self,
        account: &Account,
        work: Vec<(&'static Collector, String)>,
    ) -> Result<(), CollectError> {
        // Boxed, because the compiler can't see that futures of a mapped stream are `Send`.
        let scopes = work.into_iter().map(|(c, region)| self.scope(account, c, region).boxed());
        let scopes: Vec<_> = scopes.collect();
        let scopes = stream::iter(scopes).buffer_unordered(account.calls_max());
        let results: Vec<_> = scopes.collect().await;
        results.into_iter().collect()
    }

    /// Runs one collector in one scope; a panic of a collector is the scope's failure.
    async fn scope(
        &self,
        account: &Account,
        collector: &Collector,
        region: String,
    ) -> Result<(), CollectError> {
        let observer = self.observer(collector, region);
        observer.start().await?;
        let collecting = AssertUnwindSafe((collector.collect)(account, &observer));
        let result = collecting.catch_unwind().await.unwrap_or_else(|_| {
            let message = format!("collector {} panicked", collector.id);
            Err(CollectError::Answer { code: "CollectorFault", message })
        });
        match result {
            Err(CollectError::Stopped) => Err(CollectError::Stopped),
            result => observer.end(result).await,
        }
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
        for collector in of(coverage) {
            for region in regions {
                let observer = self.observer(collector, region.clone());
                observer.start().await?;
                observer.fail(error.to_owned()).await?;
            }
        }
        Ok(())
    }

    fn observer(&self, collector: &Collector, region: String) -> Observer {
        let account = self.account.to_owned();
        let scope = Scope { account, region, resource_type: collector.resource_type };
        Observer::new(scope, self.sender.clone())
    }
}

fn of(coverage: Coverage) -> impl Iterator<Item = &'static Collector> {
    ALL.iter().filter(move |collector| collector.coverage == coverage)
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
    use crate::config::Config;
    use crate::scope::Event;
    use crate::testing::FakeAws;
    use tokio::sync::mpsc;

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

    #[tokio::test]
    async fn a_panic_is_the_failure_of_its_scope() {
        let config = json!({"role": "Audit", "payers": [{"account": "111122223333"}]});
        let config: Config = serde_json::from_value(config).expect("it is valid");
        let fake = FakeAws::new(|_| panic!("as a fault in a collector would"));
        let credentials = fake.config().credentials_provider();
        let shared = Shared {
            sessions: Sessions::prepare(&config, credentials).await,
            model: Arc::new(Model::embedded().expect("the embedded model is whole")),
            budget: Budget::new(u64::MAX),
            calls_per_second: 1_000,
            regions: vec![],
            calls_max: 1,
        };
        let (sender, mut reports) = mpsc::channel(8);
        let run = Run { shared: &shared, account: "111122223333", sender: &sender };
        let result = run.scope(&fake.account(), &ALL[0], "eu-west-1".to_owned()).await;
        assert!(result.is_ok(), "{result:?}");
        let report = reports.recv().await;
        assert!(matches!(report, Some(Report::Scope(_, Event::Started))), "{report:?}");
        let Some(Report::Scope(scope, Event::Failed { error })) = reports.recv().await else {
            panic!("the scope failed");
        };
        assert_eq!(error, "CollectorFault: collector ec2-security-groups panicked");
        assert_eq!(
            (scope.region.as_str(), scope.resource_type),
            ("eu-west-1", ALL[0].resource_type)
        );
    }
}
