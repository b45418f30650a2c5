//! What the tests of the client share: a configuration with fixed keys, clients on it.

// Each test program uses its own part of this file.
#![allow(dead_code)]

pub(crate) mod server;
pub(crate) mod world;

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use producer_aws::api::{Budget, Client, Endpoint, Endpoints, Limit, Model, Partition, Target};

/// Tries of each call in these tests.
pub(crate) const ATTEMPTS: usize = 3;

/// Keys that moto takes.
pub(crate) fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "tests"))
}

/// A configuration as a session has it, with short pauses and limits.
pub(crate) fn config() -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS as u32)
        .with_initial_backoff(Duration::from_millis(1));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(20))
        .build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(credentials())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .identity_cache(IdentityCache::lazy().build())
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new())
        .retry_config(retries)
        .timeout_config(timeouts)
        .build()
}

/// A client of a service at an endpoint.
pub(crate) fn client(config: &SdkConfig, service: &str, region: &str, endpoint: &str) -> Client {
    let model = Model::embedded().expect("the embedded model is whole");
    let service = model.service(service).expect("the model has the service");
    let given = Endpoints { all: Some(endpoint.to_owned()), ..Endpoints::default() };
    let target = Target {
        // Retry quotas are shared by account: each server gets its own.
        account: endpoint.to_owned(),
        region: region.to_owned(),
        endpoint: Endpoint::of(&service, Partition::Aws, region, &given),
    };
    let limit = Arc::new(Limit::new(8, 1_000, &Budget::new(u64::MAX)));
    Client::new(config, &service, target, &limit)
}
