//! Credentials: the process's own, and those of the audit role in each account.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use stream::chain;

use crate::api::{Endpoints, bound};
use crate::config::{AuditRole, Config};

/// Renewing a role's credentials may take some tries of STS.
const RENEWAL_LIMIT: Duration = Duration::from_secs(60);

/// Opens sessions in accounts.
#[derive(Debug)]
pub(crate) struct Sessions {
    base: SdkConfig,
    endpoints: Endpoints,
}

/// Why an account's role could not be assumed: `Code: message`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct AssumeError(String);

impl Sessions {
    /// Prepares sessions with the given credentials, or those of aws-config's default chain.
    pub(crate) async fn prepare(
        config: &Config,
        credentials: Option<SharedCredentialsProvider>,
    ) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(config.timeouts.connect_ms))
            .operation_attempt_timeout(Duration::from_millis(config.timeouts.attempt_ms))
            .operation_timeout(Duration::from_millis(config.timeouts.call_ms))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(Bounded(http))
            .region(own_region(config))
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::standard().with_max_attempts(config.max_attempts))
            .timeout_config(timeouts);
        if let Some(credentials) = credentials {
            loader = loader.credentials_provider(credentials);
        }
        let base = loader.load().await;
        let mut endpoints = config.endpoints();
        // AWS's own variable for the same thing.
        endpoints.all = endpoints.all.or_else(|| base.endpoint_url().map(str::to_owned));
        Self { base, endpoints }
    }

    /// Gives the endpoints that replace AWS's own.
    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Assumes the audit role in an account.
    ///
    /// The role is assumed with the process's own credentials, not with the payer's: chained
    /// sessions end after an hour, and each account then trusts one principal. The session renews
    /// itself, and may do no more than its `policy` allows, whatever the role does. Source:
    /// `sts:AssumeRole`, called once here and again at each expiry.
    pub(crate) async fn assume(
        &self,
        role: &AuditRole,
        account: &str,
        policy: &str,
    ) -> Result<SdkConfig, AssumeError> {
        let region = Region::new(role.partition.home_region());
        let mut builder = self.base.to_builder().region(region);
        if let Some(url) = self.endpoints.replacing("sts") {
            builder = builder.endpoint_url(url);
        }
        let config = builder.build();
        let mut assume = AssumeRoleProvider::builder(role.arn(account))
            .session_name(&role.session_name)
            .policy(policy)
            .configure(&config);
        if let Some(id) = &role.external_id {
            assume = assume.external_id(id);
        }
        let provider = assume.build().await;
        let first = provider.provide_credentials().await.map_err(|error| refusal(&error))?;
        let primed = Primed { first: Mutex::new(Some(first)), provider };
        let cache = IdentityCache::lazy().load_timeout(RENEWAL_LIMIT).build();
        let session = config
            .to_builder()
            .credentials_provider(SharedCredentialsProvider::new(primed))
            .identity_cache(cache);
        Ok(session.build())
    }
}

/// A client whose answers are bounded: AWS's typed crates take a body of any length.
#[derive(Debug)]
struct Bounded(SharedHttpClient);

/// A connector of such a client.
#[derive(Debug)]
struct BoundedConnector(SharedHttpConnector);

impl HttpClient for Bounded {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.0.http_connector(settings, components);
        SharedHttpConnector::new(BoundedConnector(inner))
    }
}

impl HttpConnector for BoundedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            bound(&mut answer);
            Ok(answer)
        })
    }
}

/// Gives the region of the process's own credentials: the environment's, the profile's, or the
/// partition's home. The default chain would ask the machine's metadata service, over the network.
fn own_region(config: &Config) -> RegionProviderChain {
    RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(Region::new(config.partition.home_region()))
}

/// A role whose first credentials were already asked for, so that a refusal shows at once.
#[derive(Debug)]
struct Primed {
    first: Mutex<Option<Credentials>>,
    provider: AssumeRoleProvider,
}

impl ProvideCredentials for Primed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        match first {
            Some(credentials) => future::ProvideCredentials::ready(Ok(credentials)),
            None => self.provider.provide_credentials(),
        }
    }
}

/// Finds STS's code and message behind the provider's error.
fn refusal(error: &CredentialsError) -> AssumeError {
    let cause = error.source();
    let cause = cause.and_then(|e| e.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>());
    let answer = cause.and_then(|cause| cause.as_service_error());
    AssumeError(match answer.and_then(|answer| Some((answer.code()?, answer.message()?))) {
        Some((code, message)) => format!("{code}: {message}"),
        None => format!("RoleNotAssumed: {}", chain(error)),
    })
}
