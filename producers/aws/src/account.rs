//! One account during a scan: its clients, and answers that several collectors share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_types::SdkConfig;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::api::{CallError, Client, Endpoint, Endpoints, Limit, Model, Partition, Target};

/// A question whose answer several collectors use: it is asked once in a scan of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Question {
    /// The service, in botocore's words.
    pub(crate) service: &'static str,
    /// The operation; all its pages.
    pub(crate) operation: &'static str,
    /// The region.
    pub(crate) region: String,
    /// The parameters as JSON text.
    pub(crate) parameters: String,
}

type Answer = Arc<OnceCell<Result<Arc<Value>, Arc<CallError>>>>;

/// An account that the scan has a session in.
#[derive(Debug)]
pub(crate) struct Account {
    id: String,
    partition: Partition,
    role_arn: String,
    session: SdkConfig,
    model: Arc<Model>,
    endpoints: Endpoints,
    limit: Arc<Limit>,
    clients: Mutex<BTreeMap<(&'static str, String), Arc<Client>>>,
    answers: Mutex<BTreeMap<Question, Answer>>,
}

impl Account {
    pub(crate) fn new(
        id: String,
        partition: Partition,
        role_arn: String,
        session: SdkConfig,
        model: &Arc<Model>,
        endpoints: &Endpoints,
        limit: &Arc<Limit>,
    ) -> Self {
        Self {
            id,
            partition,
            role_arn,
            session,
            model: Arc::clone(model),
            endpoints: endpoints.clone(),
            limit: Arc::clone(limit),
            clients: Mutex::default(),
            answers: Mutex::default(),
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
        self.limit.at_once()
    }

    /// Gives the client of a service in a region.
    ///
    /// The service is one of the model's: the models's test asks for every one that a collector
    /// names.
    pub(crate) fn client(&self, service: &'static str, region: &str) -> Arc<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let service =
                self.model.service(service).expect("collectors call the model's services");
            let target = Target {
                account: self.id.clone(),
                region: region.to_owned(),
                endpoint: Endpoint::of(&service, self.partition, region, &self.endpoints),
            };
            Arc::new(Client::new(&self.session, &service, target, &self.limit))
        };
        Arc::clone(clients.entry((service, region.to_owned())).or_insert_with(make))
    }

    /// Gives the client of a global service.
    pub(crate) fn home(&self, service: &'static str) -> Arc<Client> {
        self.client(service, self.home_region())
    }

    /// Asks a question that several collectors have, all pages, once in a scan.
    pub(crate) async fn shared(
        &self,
        service: &'static str,
        operation: &'static str,
        region: &str,
        parameters: Value,
    ) -> Result<Arc<Value>, Arc<CallError>> {
        let (region, text) = (region.to_owned(), parameters.to_string());
        let question = Question { service, operation, region, parameters: text };
        let client = self.client(service, &question.region);
        let answer = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(question).or_default())
        };
        let ask = || async {
            let answer = client.call_all(operation, parameters).await;
            answer.map(Arc::new).map_err(Arc::new)
        };
        answer.get_or_init(ask).await.clone()
    }
}
