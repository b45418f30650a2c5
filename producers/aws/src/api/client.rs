//! Sends calls: AWS's runtime crates sign, retry, time out; the model says the rest.

use std::fmt;
use std::sync::Arc;

use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions, sigv4};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::endpoint::EndpointPrefix;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::config_bag::{ConfigBag, Layer};
use aws_types::region::{Region, SigningRegion};
use aws_types::{SdkConfig, SigningName};
use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use super::error::{CallError, Fault};
use super::limit::Limit;
use super::model::Service;
use super::paging::{self, Next};
use super::request::{self, Call};
use super::response::{self, Answer, Deserializer, Refusal};

/// Listings with more pages than this are taken to be endless. At 100 items a page that is a
/// million resources of one type in one region.
const PAGES_MAX: usize = 10_000;

/// The longest host label, and so the longest bucket that a host can name.
const HOST_LABEL_MAX: usize = 63;

/// Where a client's calls go and as whose they count.
#[derive(Clone, Debug)]
pub struct Target {
    /// The account, for retry quotas.
    pub account: String,
    /// The region.
    pub region: String,
    /// The URL and the signing region.
    pub endpoint: Endpoint,
}

/// Calls the operations of one service in one region with the credentials of one account.
pub struct Client {
    service: Arc<Service>,
    target: Target,
    operation: Operation<Call, Answer, Refusal>,
    limit: Arc<Limit>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} at {:?})", self.service.name, self.target)
    }
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// `config` brings credentials, HTTP client, retries and timeouts, and must have the first
    /// two; `limit` bounds how fast and how much is called.
    pub fn new(
        config: &SdkConfig,
        service: &Arc<Service>,
        target: Target,
        limit: &Arc<Limit>,
    ) -> Self {
        Self {
            operation: operation(config, service, &target),
            service: Arc::clone(service),
            target,
            limit: Arc::clone(limit),
        }
    }

    /// Makes one call; an answer in pages gives its first page.
    ///
    /// Shape: parameters and answer are JSON objects with the API's member names.
    ///
    /// # Errors
    /// When AWS refuses, can't be reached, or answers what can't be read.
    pub async fn call(&self, operation: &str, parameters: Value) -> Result<Value, CallError> {
        let page = self.page(operation, object(parameters)).await;
        page.map(Value::Object).map_err(|fault| self.error(operation, fault))
    }

    /// Makes as many calls as there are pages and joins their lists.
    ///
    /// # Errors
    /// As [`Client::call`]; a listing is whole or an error.
    pub async fn call_all(&self, operation: &str, parameters: Value) -> Result<Value, CallError> {
        let pages = self.pages(operation, object(parameters)).await;
        pages.map(Value::Object).map_err(|fault| self.error(operation, fault))
    }

    async fn pages(
        &self,
        operation: &str,
        mut parameters: Map<String, Value>,
    ) -> Result<Map<String, Value>, Fault> {
        let mut joined = self.page(operation, parameters.clone()).await?;
        let found = self.service.operations.get(operation);
        let Some(paging) = found.and_then(|operation| operation.paging.as_ref()) else {
            return Ok(joined);
        };
        let mut next = paging::next(paging, &joined);
        for _ in 1..PAGES_MAX {
            let Next::Page(tokens) = next else {
                paging::finish(paging, &mut joined);
                return Ok(joined);
            };
            let tokens = Map::from_iter(tokens);
            if paging.input.iter().all(|name| parameters.get(name) == tokens.get(name)) {
                return Err(Fault::Pages("a page names itself as the next"));
            }
            // A token that this page does not have must not be left over from the page before.
            parameters.retain(|name, _| !paging.input.contains(name));
            parameters.extend(tokens);
            let page = self.page(operation, parameters.clone()).await?;
            next = paging::next(paging, &page);
            paging::join(paging, &mut joined, page);
        }
        Err(Fault::Pages("the listing has no end"))
    }

    async fn page(
        &self,
        name: &str,
        parameters: Map<String, Value>,
    ) -> Result<Map<String, Value>, Fault> {
        let host_bucket = self.host_bucket(&parameters);
        let call = Call { operation: name.to_owned(), parameters, host_bucket };
        let raw = {
            let _permit = self.limit.turn(&self.service.name).await?;
            self.operation.invoke(call).await.map_err(fault)?
        };
        // The request was written, so the operation is known.
        let operation = &self.service.operations[name];
        response::read(&self.service, operation, &raw).map(object)
    }

    /// Decides whether the bucket of a call goes in the host, as AWS recommends.
    ///
    /// Dots would break TLS, and replaced endpoints know no bucket hosts.
    fn host_bucket(&self, parameters: &Map<String, Value>) -> Option<String> {
        let bucket = parameters.get("Bucket")?.as_str()?;
        let is_label = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let fits = !bucket.is_empty()
            && bucket.len() <= HOST_LABEL_MAX
            && bucket.bytes().all(is_label)
            && !self.target.endpoint.replaced;
        fits.then(|| bucket.to_owned())
    }

    fn error(&self, operation: &str, fault: Fault) -> CallError {
        CallError {
            service: self.service.name.clone(),
            operation: operation.to_owned(),
            region: self.target.region.clone(),
            fault: Box::new(fault),
        }
    }
}

/// Answers and parameters are objects; anything else has no members.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn fault(error: SdkError<Refusal, HttpResponse>) -> Fault {
    match error {
        SdkError::ServiceError(error) => error.into_err().into_fault(),
        SdkError::TimeoutError(_) => Fault::Timeout(error.into()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            Fault::Timeout(SdkError::<Refusal, HttpResponse>::DispatchFailure(failure).into())
        }
        SdkError::DispatchFailure(_) => Fault::Unreachable(error.into()),
        SdkError::ResponseError(_) => Fault::Broken(error.into()),
        _ => Fault::Request(error.into()),
    }
}

/// Puts AWS's runtime together for one service, region and account.
fn operation(
    config: &SdkConfig,
    service: &Arc<Service>,
    target: &Target,
) -> Operation<Call, Answer, Refusal> {
    let plugin = StaticRuntimePlugin::new()
        .with_config(settings(config, service, target).freeze())
        .with_runtime_components(components(config));
    let mut builder = Operation::builder()
        .service_name(service.name.clone())
        .operation_name("call")
        .endpoint_url(&target.endpoint.url)
        .http_client(config.http_client().expect("a session has an HTTP client"))
        .runtime_plugin(plugin);
    if let Some(version) = config.behavior_version() {
        builder = builder.behavior_version(version);
    }
    if let Some(retries) = config.retry_config() {
        builder = builder.standard_retry(retries);
    }
    if let Some(timeouts) = config.timeout_config() {
        builder = builder.timeout_config(timeouts.clone());
    }
    if let Some(sleep) = config.sleep_impl() {
        builder = builder.sleep_impl(sleep);
    }
    if let Some(time) = config.time_source() {
        builder = builder.time_source(time);
    }
    let protocol = service.protocol;
    let service = Arc::clone(service);
    builder
        .serializer(move |call: Call| request::write(&service, &call).map_err(BoxError::from))
        .deserializer_impl(Deserializer { protocol })
        .build()
}

fn settings(config: &SdkConfig, service: &Service, target: &Target) -> Layer {
    let mut signing = SigningOptions::default();
    if service.sign == "s3" {
        // S3 signs the path as it is sent, and wants the body's digest in a header.
        signing.double_uri_encode = false;
        signing.normalize_uri_path = false;
        signing.content_sha256_header = true;
    }
    let sigv4 = SigV4OperationSigningConfig { signing_options: signing, ..Default::default() };
    let region = Region::new(target.endpoint.signing_region.clone());

    let mut layer = Layer::new("scorecard");
    layer.store_put(SigningName::from(service.sign.clone()));
    layer.store_put(SigningRegion::from(region));
    layer.store_put(sigv4);
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(ApiMetadata::new("scorecard", env!("CARGO_PKG_VERSION")));
    // Retry quotas are shared by name: throttling in one account must not end retries in others.
    let quota = format!("{}/{}/{}", target.account, service.name, target.region);
    layer.store_put(RetryPartition::new(quota));
    if let Some(protection) = config.stalled_stream_protection() {
        layer.store_put(protection);
    }
    layer
}

fn components(config: &SdkConfig) -> RuntimeComponentsBuilder {
    let credentials = config.credentials_provider().expect("a session has credentials");
    let schemes = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
    RuntimeComponentsBuilder::new("scorecard")
        .with_auth_scheme(SharedAuthScheme::new(sigv4::SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)))
        .with_identity_cache(config.identity_cache())
        .with_identity_resolver(sigv4::SCHEME_ID, credentials)
        .with_retry_classifier(HttpStatusCodeClassifier::default())
        .with_retry_classifier(TransientErrorClassifier::<Refusal>::new())
        .with_retry_classifier(AwsErrorCodeClassifier::<Refusal>::new())
        .with_retry_classifier(ServiceClockSkewClassifier::<Refusal>::new())
        .with_interceptor(ServiceClockSkewInterceptor::new())
        .with_interceptor(ConnectionPoisoningInterceptor::new())
        .with_interceptor(UserAgentInterceptor::new())
        .with_interceptor(BucketHost)
}

/// Puts the bucket of a call in front of the endpoint's host.
#[derive(Debug)]
struct BucketHost;

#[dyn_dispatch_hint]
impl Intercept for BucketHost {
    fn name(&self) -> &'static str {
        "BucketHost"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let call = context.input().downcast_ref::<Call>();
        if let Some(bucket) = call.and_then(|call| call.host_bucket.as_ref()) {
            config.interceptor_state().store_put(EndpointPrefix::new(format!("{bucket}."))?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::{Endpoints, Partition};
    use super::super::limit::Budget;
    use super::super::model::Model;
    use super::*;
    use crate::testing::FakeAws;
    use serde_json::json;

    async fn send(fake: &FakeAws, service: &str, operation: &str, parameters: Value) -> CallError {
        let model = Model::embedded().expect("the embedded model is whole");
        let service = model.service(service).expect("the model has the service");
        let region = "eu-west-1";
        let endpoint = Endpoint::of(&service, Partition::Aws, region, &Endpoints::default());
        let target = Target { account: "1".into(), region: region.into(), endpoint };
        let limit = Arc::new(Limit::new(1, 1_000, &Budget::new(1_000)));
        let client = Client::new(&fake.config(), &service, target, &limit);
        client.call(operation, parameters).await.expect_err("the fake refuses everything")
    }

    #[tokio::test]
    async fn calls_go_where_aws_expects_them_and_are_signed_as_botocore_signs() {
        let fake = FakeAws::new(|_| (403, vec![], String::new()));
        let calls = [
            ("s3", "ListBuckets", json!({"ContinuationToken": "a/b+c= é*"})),
            ("s3", "GetBucketAcl", json!({"Bucket": "my-bucket"})),
            ("s3", "GetBucketPolicy", json!({"Bucket": "b.x_y", "ExpectedBucketOwner": "1"})),
            ("ec2", "DescribeSecurityGroups", json!({"GroupNames": ["x*y&é ~"]})),
            ("iam", "ListAccessKeys", json!({"UserName": "a+b=c@d", "Marker": "m/+="})),
            ("secretsmanager", "ListSecrets", json!({"MaxResults": 2})),
            ("opensearch", "ListDomainNames", json!({})),
        ];
        for (service, operation, parameters) in calls {
            let error = send(&fake, service, operation, parameters).await;
            assert_eq!(error.code(), "403", "{error:?}");
        }
        let sent = fake.sent();
        let uris: Vec<_> = sent.iter().map(|sent| sent.uri.as_str()).collect();
        assert_eq!(
            uris,
            [
                "https://s3.eu-west-1.amazonaws.com/?continuation-token=a%2Fb%2Bc%3D%20%C3%A9%2A",
                "https://my-bucket.s3.eu-west-1.amazonaws.com/?acl",
                "https://s3.eu-west-1.amazonaws.com/b.x_y?policy",
                "https://ec2.eu-west-1.amazonaws.com/",
                "https://iam.amazonaws.com/",
                "https://secretsmanager.eu-west-1.amazonaws.com/",
                "https://es.eu-west-1.amazonaws.com/2021-01-01/domain",
            ]
        );
        let requests = sent.iter().map(|sent| {
            json!({"method": sent.method, "uri": sent.uri, "headers": sent.headers,
                "body": sent.body})
        });
        let requests = Value::Array(requests.collect()).to_string();
        let checked = kit::python("producers/aws/tests/signatures.py", &[&requests]);
        let checked = checked.expect("botocore computes the same signatures");
        let expected = "s3 eu-west-1\ns3 eu-west-1\ns3 eu-west-1\nec2 eu-west-1\niam us-east-1\n\
            secretsmanager eu-west-1\nes eu-west-1\n";
        assert_eq!(checked, expected);
    }

    #[tokio::test]
    async fn a_misspelt_call_is_not_sent() {
        let fake = FakeAws::new(|_| (200, vec![], String::new()));
        for (operation, parameters) in [("ListBucket", json!({})), ("ListBuckets", json!({"X": 1}))]
        {
            let error = send(&fake, "s3", operation, parameters).await;
            assert_eq!(error.code(), "RequestNotMade", "{}", error.summary());
        }
        assert_eq!(fake.sent().len(), 0);
    }
}
