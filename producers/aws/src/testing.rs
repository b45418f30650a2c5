//! A made-up AWS for unit tests: a function gives the answers, what was sent is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use schemas::{Finding, Resource};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::account::Account;
use crate::api::{Budget, Endpoints, Limit, Model, Partition};
use crate::collectors::Collector;
use crate::scope::{Event, GLOBAL, Observer, Scope, UnitId, What};

/// A request as it would go on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Sent {
    /// The operation, which the JSON protocol names behind the last dot of a header.
    fn operation(&self) -> &str {
        let target = self.headers.get("x-amz-target").expect("JSON calls have a target");
        target.rsplit('.').next().expect("a split has a last part")
    }
}

/// A refusal in the JSON protocol.
pub(crate) fn refused(code: &str) -> (u16, Value) {
    (400, json!({"__type": code, "message": "m"}))
}

/// Status, headers and body.
pub(crate) type Reply = (u16, Vec<(&'static str, &'static str)>, String);

type Replies = dyn Fn(&Sent) -> Reply + Send + Sync;

/// The made-up AWS.
#[derive(Clone)]
pub(crate) struct FakeAws {
    replies: Arc<Replies>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl fmt::Debug for FakeAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeAws")
    }
}

impl FakeAws {
    pub(crate) fn new(replies: impl Fn(&Sent) -> Reply + Send + Sync + 'static) -> Self {
        Self { replies: Arc::new(replies), sent: Arc::default() }
    }

    /// An AWS of the JSON protocol: operation and parameters give status and answer.
    pub(crate) fn json(
        answers: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        Self::new(move |sent| {
            let parameters = serde_json::from_str(&sent.body).expect("the body is JSON");
            let (status, answer) = answers(sent.operation(), &parameters);
            (status, vec![], answer.to_string())
        })
    }

    /// The operations of the JSON protocol that were called so far, sorted.
    pub(crate) fn operations(&self) -> Vec<String> {
        let sent = self.sent();
        let mut operations: Vec<_> = sent.iter().map(|sent| sent.operation().into()).collect();
        operations.sort();
        operations
    }

    /// What was sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A configuration whose calls come here.
    pub(crate) fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        let token = Some("tok/+=".to_owned());
        let keys = Credentials::new("AKIDEXAMPLE", "wJalr", token, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .identity_cache(IdentityCache::lazy().build())
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .retry_config(RetryConfig::standard().with_max_attempts(1))
            .timeout_config(TimeoutConfig::disabled())
            .build()
    }

    /// An account whose calls come here.
    pub(crate) fn account(&self) -> Account {
        self.account_in(Partition::Aws)
    }

    /// An account of a partition whose calls come here.
    pub(crate) fn account_in(&self, partition: Partition) -> Account {
        let model = Arc::new(Model::embedded().expect("the embedded model is whole"));
        let limit = Arc::new(Limit::new(4, 1_000, &Budget::new(u64::MAX)));
        let (id, none) = ("111122223333".to_owned(), Endpoints::default());
        let role = format!("arn:aws:iam::{id}:role/Audit");
        Account::new(id, partition, role, self.config(), &model, &none, &limit)
    }
}

/// Runs a collector in one scope of the made-up account: what it saw, sorted by id and stamped at
/// 7, and how the scope ended (the number of resources, or `Code: message`). What a scanner told
/// is left out: see [`told`].
pub(crate) async fn collected(
    fake: &FakeAws,
    collector: &Collector,
    region: &str,
) -> (Vec<Resource>, Result<i64, String>) {
    collected_in(&fake.account(), collector, region).await
}

/// Runs a collector in the made-up account: what its scanner told, by check.
pub(crate) async fn told(fake: &FakeAws, collector: &Collector) -> Vec<Vec<Finding>> {
    let account = fake.account();
    let scope = Scope {
        account: account.id().to_owned(),
        region: GLOBAL.to_owned(),
        resource_type: collector.resource_type,
    };
    let (sender, mut receiver) = mpsc::channel(1000);
    let observer = Observer::new(UnitId { partition: 0, offset: 0 }, scope, sender);
    // How the scope ends is what `collected` gives.
    let _ = (collector.collect)(&account, &observer).await;
    drop(observer);
    let mut all = Vec::new();
    while let Some(report) = receiver.recv().await {
        if let What::Scope(_, Event::Told(mut told)) = report.what {
            told.findings.sort_by(|one, other| one.check.cmp(&other.check));
            all.push(told.findings);
        }
    }
    all
}

/// [`collected`] in an account that several collectors ask, or that is of another partition.
pub(crate) async fn collected_in(
    account: &Account,
    collector: &Collector,
    region: &str,
) -> (Vec<Resource>, Result<i64, String>) {
    let scope = Scope {
        account: account.id().to_owned(),
        region: region.to_owned(),
        resource_type: collector.resource_type,
    };
    let (sender, mut receiver) = mpsc::channel(1000);
    let unit = UnitId { partition: 0, offset: 0 };
    let observer = Observer::new(unit, scope, sender);
    let result = (collector.collect)(account, &observer).await;
    observer.end(result).await.expect("the receiver is there");
    let mut resources = Vec::new();
    let end = loop {
        let report = receiver.recv().await.expect("a scope has an end");
        let What::Scope(_, event) = report.what else {
            panic!("a collector does not end its unit")
        };
        match event {
            Event::Seen(document) => resources.push(document.stamp(7)),
            Event::Completed { count } => break Ok(count),
            Event::Failed { error } => break Err(error),
            Event::Told(_) => {}
            Event::Started => panic!("a collector does not start its scope"),
        }
    };
    resources.sort_by(|one, other| one.id.cmp(&other.id));
    (resources, end)
}

/// EC2's answer when it refuses.
pub(crate) fn ec2_error(status: u16, code: &str) -> Reply {
    let error = format!("<Error><Code>{code}</Code><Message>refused</Message></Error>");
    (status, vec![], format!("<Response><Errors>{error}</Errors></Response>"))
}

impl HttpConnector for FakeAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let headers = request.headers().iter();
        let sent = Sent {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into(),
        };
        let (status, headers, body) = (self.replies)(&sent);
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        let status = StatusCode::try_from(status).expect("tests name real statuses");
        let mut response = HttpResponse::new(status, SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}
