//! Reads the reports below a prefix of an S3 bucket.

use std::error::Error;
use std::time::Duration;

use aws_config::{
    BehaviorVersion, environment::region::EnvironmentVariableRegionProvider,
    meta::region::RegionProviderChain, profile::ProfileFileRegionProvider,
};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::region::Region;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    FindingsError, Options, Reports, Source,
    input::{Found, REPORT_BYTES_MAX, REPORTS_MAX, is_report, too_long, too_many},
    read::take,
    regions::distrust_parts,
};

/// Where the bucket is when nobody says so.
const USUAL_REGION: &str = "us-east-1";

/// Time limits of a connection, one try, and all tries of a call; a body is watched for standing
/// still.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);
const CALL_LIMIT: Duration = Duration::from_secs(90);

/// Tries of a call.
const ATTEMPTS_MAX: u32 = 4;

/// Where reports lie in S3.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The bucket.
    pub bucket: String,
    /// What the reports' keys begin with.
    #[serde(default)]
    pub prefix: String,
    /// The bucket's region; the environment's or the profile's when absent.
    #[serde(default)]
    pub region: Option<String>,
    /// The account that must own the bucket: S3 refuses every call when another one does.
    #[serde(default)]
    pub expected_bucket_owner: Option<String>,
    /// An endpoint that replaces AWS's own; the bucket is then named in the path.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// A call that failed: what S3 said of it.
type Said = Box<dyn Error + Send + Sync>;

/// Reads the reports below a prefix, in the order of their keys.
///
/// Calls are made with the given credentials, or those of aws-config's default chain. An object
/// that can't be had is a failed report. Source: `s3:ListObjectsV2`, `s3:GetObject`.
///
/// # Errors
/// When the bucket can't be listed, or holds no report or too many below the prefix.
pub fn read_bucket(
    source: &Source,
    bucket: &Bucket,
    credentials: Option<SharedCredentialsProvider>,
    options: &Options,
) -> Result<Reports, FindingsError> {
    let place = format!("s3://{}/{}", bucket.bucket, bucket.prefix);
    let failed = |error: Said| FindingsError::Bucket {
        source_id: source.id,
        place: place.clone(),
        source: error,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.into()))?;
    let client = runtime.block_on(client(bucket, credentials));
    let keys = runtime.block_on(keys(&client, bucket, source.id)).map_err(failed)?;
    if keys.is_empty() {
        return Err(FindingsError::Empty { source_id: source.id, path: place.into() });
    }
    let mut all = Reports::default();
    // One after another, so that only one is in memory.
    for key in keys {
        let found = runtime.block_on(get(&client, bucket, &key));
        take(source, &found, options, &mut all);
    }
    distrust_parts(&mut all, place.as_ref());
    Ok(all)
}

async fn keys(client: &Client, bucket: &Bucket, source: &str) -> Result<Vec<String>, Said> {
    let listing = client
        .list_objects_v2()
        .bucket(&bucket.bucket)
        .prefix(&bucket.prefix)
        .set_expected_bucket_owner(bucket.expected_bucket_owner.clone());
    let mut pages = listing.into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(said)?;
        let found = page.contents().iter().filter_map(|object| object.key());
        keys.extend(found.filter(|key| is_report(key.as_ref(), source)).map(str::to_owned));
        if keys.len() > REPORTS_MAX {
            return Err(too_many().into());
        }
    }
    keys.sort();
    Ok(keys)
}

async fn get(client: &Client, bucket: &Bucket, key: &str) -> Found {
    let path = format!("s3://{}/{key}", bucket.bucket).into();
    let object = client
        .get_object()
        .bucket(&bucket.bucket)
        .key(key)
        .set_expected_bucket_owner(bucket.expected_bucket_owner.clone())
        .send();
    let mut object = match object.await {
        Ok(object) => object,
        Err(error) => {
            let reason = format!("it can't be read: {}", said(error));
            return Found { path, at_ms: None, bytes: Err(reason) };
        }
    };
    let at_ms = object.last_modified().and_then(|time| time.to_millis().ok());
    let mut bytes = Vec::new();
    while let Some(piece) = object.body.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => {
                let reason = format!("it can't be read to its end: {error}");
                return Found { path, at_ms, bytes: Err(reason) };
            }
        }
        if bytes.len() as u64 > REPORT_BYTES_MAX {
            return Found { path, at_ms, bytes: Err(too_long(REPORT_BYTES_MAX)) };
        }
    }
    Found { path, at_ms, bytes: Ok(bytes) }
}

/// Gives what S3 said: the crate's own text of an answer is only "service error".
fn said<E>(error: SdkError<E>) -> Said
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    match (error.code(), error.message(), status) {
        (Some(code), Some(message), _) => format!("{code}: {message}").into(),
        (Some(code), None, _) => code.into(),
        (None, _, Some(status)) => format!("S3 answered with status {status}").into(),
        (None, _, None) => error.into(),
    }
}

async fn client(bucket: &Bucket, credentials: Option<SharedCredentialsProvider>) -> Client {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_LIMIT)
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .operation_timeout(CALL_LIMIT)
        .build();
    // The default chain would ask the machine's metadata service, over the network.
    let region = RegionProviderChain::first_try(bucket.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new())
        .or_else(Region::new(USUAL_REGION));
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(region)
        .sleep_impl(TokioSleep::new())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
        .timeout_config(timeouts);
    if let Some(credentials) = credentials {
        loader = loader.credentials_provider(credentials);
    }
    let mut builder = aws_sdk_s3::config::Builder::from(&loader.load().await);
    if let Some(url) = &bucket.endpoint {
        builder = builder.endpoint_url(url).force_path_style(true);
    }
    Client::from_conf(builder.build())
}
