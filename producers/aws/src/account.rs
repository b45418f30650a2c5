//! One account during a scan: its clients, and answers that several collectors share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_types::SdkConfig;
use serde_json::{Value, json};
use tokio::sync::{OnceCell, Semaphore};

use crate::api::Model;
use crate::api::{CallError, Client, Endpoint, Endpoints, ModelError, Partition, Service, Target};

/// The services that collectors call.
#[derive(Debug)]
pub(crate) struct Services {
    ec2: Arc<Service>,
    iam: Arc<Service>,
    s3: Arc<Service>,
}

impl Services {
    pub(crate) fn load() -> Result<Self, ModelError> {
        let model = Model::embedded()?;
        Ok(Self {
            ec2: model.service("ec2")?,
            iam: model.service("iam")?,
            s3: model.service("s3")?,
        })
    }
}

/// An account that the scan has a session in.
#[derive(Debug)]
pub(crate) struct Account {
    id: String,
    partition: Partition,
    role_arn: String,
    session: SdkConfig,
    services: Arc<Services>,
    endpoints: Endpoints,
    limit: Arc<Semaphore>,
    calls_max: usize,
    clients: Mutex<BTreeMap<(&'static str, String), Arc<Client>>>,
    iam_details: OnceCell<Result<Arc<Value>, Arc<CallError>>>,
}

impl Account {
    pub(crate) fn new(
        id: String,
        partition: Partition,
        role_arn: String,
        session: SdkConfig,
        services: &Arc<Services>,
        endpoints: &Endpoints,
        calls_max: usize,
    ) -> Self {
        Self {
            id,
            partition,
            role_arn,
            session,
            services: Arc::clone(services),
            endpoints: endpoints.clone(),
            limit: Arc::new(Semaphore::new(calls_max)),
            calls_max,
            clients: Mutex::default(),
            iam_details: OnceCell::new(),
        }
    }

    /// The account's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The partition's name in ARNs.
    pub(crate) fn partition(&self) -> &'static str {
        self.partition.id()
    }

    /// The ARN of the role that the scan itself has assumed here.
    pub(crate) fn role_arn(&self) -> &str {
        &self.role_arn
    }

    /// The region that answers for the whole partition.
    pub(crate) fn home_region(&self) -> &'static str {
        self.partition.home_region()
    }

    /// How many calls the account may get at the same time; more work at once would only wait.
    pub(crate) fn calls_max(&self) -> usize {
        self.calls_max
    }

    /// Gives the EC2 client of a region.
    pub(crate) fn ec2(&self, region: &str) -> Arc<Client> {
        self.client("ec2", &self.services.ec2, region)
    }

    /// Gives the IAM client.
    pub(crate) fn iam(&self) -> Arc<Client> {
        self.client("iam", &self.services.iam, self.home_region())
    }

    /// Gives the S3 client of a region.
    pub(crate) fn s3(&self, region: &str) -> Arc<Client> {
        self.client("s3", &self.services.s3, region)
    }

    /// Gives all users and roles with their policies, asked for once in a scan.
    ///
    /// Source: `iam:GetAccountAuthorizationDetails`, all pages.
    pub(crate) async fn iam_details(&self) -> Result<Arc<Value>, Arc<CallError>> {
        let ask = || async {
            let parameters = json!({"Filter": ["User", "Role"], "MaxItems": 1000});
            let answer = self.iam().call_all("GetAccountAuthorizationDetails", parameters).await;
            answer.map(Arc::new).map_err(Arc::new)
        };
        self.iam_details.get_or_init(ask).await.clone()
    }

    fn client(&self, name: &'static str, service: &Arc<Service>, region: &str) -> Arc<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let target = Target {
                account: self.id.clone(),
                region: region.to_owned(),
                endpoint: Endpoint::of(service, self.partition, region, &self.endpoints),
            };
            Arc::new(Client::new(&self.session, service, target, &self.limit))
        };
        Arc::clone(clients.entry((name, region.to_owned())).or_insert_with(make))
    }
}
