//! The bucket: puts, deletes and listings, each put encrypted and none with an access list.

use std::error::Error;
use std::time::{Duration, Instant};

use aws_config::BehaviorVersion;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::Region;
use futures::stream::{FuturesUnordered, StreamExt};
use sink_frame::{Delivery, Entry};
use tokio::runtime::Runtime;

use crate::encode::Change;
use crate::{Config, S3Error};

/// Where the bucket is when nobody says so.
const USUAL_REGION: &str = "us-east-1";

/// The metadata of an object that holds its body's SHA-256: an ETag is none when KMS encrypts.
const SHA256: &str = "sha256";

/// Time limits of a connection, one try, and all tries of a call.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);
const CALL_LIMIT: Duration = Duration::from_secs(45);

/// Tries of a call; what still fails then is tried again with the rest, later.
const ATTEMPTS_MAX: u32 = 3;

/// No call is begun after this long: whoever waits has a group to answer.
const ROUND_LIMIT: Duration = Duration::from_secs(20);

/// A bucket, with a runtime for the calls to it.
#[derive(Debug)]
pub struct Bucket {
    runtime: Runtime,
    client: Client,
    config: Config,
}

/// What became of some changes.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) put: u64,
    pub(crate) deleted: u64,
    pub(crate) delivery: Delivery<Change>,
}

impl Bucket {
    /// Prepares calls with the given credentials, or those of aws-config's default chain; makes
    /// none.
    ///
    /// # Errors
    /// [`S3Error::Runtime`].
    pub fn prepare(
        config: &Config,
        credentials: Option<SharedCredentialsProvider>,
    ) -> Result<Self, S3Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(S3Error::Runtime)?;
        let client = runtime.block_on(client(config, credentials));
        Ok(Self { runtime, client, config: config.clone() })
    }

    /// Makes changes, several at a time, until one fails or the round has taken long enough; the
    /// order among them is open.
    pub(crate) fn apply(&self, changes: Vec<Entry<Change>>) -> Round {
        let mut round = Round::default();
        let began = Instant::now();
        let mut waiting = changes.into_iter();
        self.runtime.block_on(async {
            let mut running = FuturesUnordered::new();
            loop {
                while running.len() < self.config.concurrency
                    && round.delivery.failure.is_none()
                    && began.elapsed() < ROUND_LIMIT
                    && let Some(entry) = waiting.next()
                {
                    running.push(async {
                        let done = self.make(&entry.item).await;
                        (entry, done)
                    });
                }
                let Some((entry, done)) = running.next().await else { break };
                round.take(entry, done);
            }
        });
        round.delivery.left.extend(waiting);
        round
    }

    /// Gives the keys below a folder.
    ///
    /// Source: `s3:ListObjectsV2`, a thousand keys a call.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<String>, S3Error> {
        let below = self.key(folder);
        let pages = self
            .client
            .list_objects_v2()
            .bucket(&self.config.bucket)
            .prefix(&below)
            .set_expected_bucket_owner(self.config.expected_bucket_owner.clone())
            .into_paginator()
            .send();
        let failed = |error| self.failed(format!("listing {below}"), error);
        self.runtime.block_on(async {
            let mut pages = pages;
            let mut keys = Vec::new();
            while let Some(page) = pages.next().await {
                let page = page.map_err(failed)?;
                let own = page.contents().iter().filter_map(|object| object.key());
                let own = own.filter_map(|key| key.strip_prefix(&self.config.prefix));
                keys.extend(own.map(str::to_owned));
            }
            Ok(keys)
        })
    }

    /// Makes sure that the bucket is there and lets itself be listed.
    ///
    /// # Errors
    /// [`S3Error::Call`] with what S3 said.
    ///
    /// Source: `s3:ListObjectsV2`, one key.
    pub fn check(&self) -> Result<(), S3Error> {
        let look = self
            .client
            .list_objects_v2()
            .bucket(&self.config.bucket)
            .prefix(&self.config.prefix)
            .max_keys(1)
            .set_expected_bucket_owner(self.config.expected_bucket_owner.clone())
            .send();
        let looked = self.runtime.block_on(look);
        looked.map(drop).map_err(|error| self.failed("looking into it".to_owned(), error))
    }

    /// Gives the SHA-256 that an object was put with; none when there is no such object.
    ///
    /// Source: `s3:HeadObject`.
    pub(crate) fn sha256(&self, key: &str) -> Result<Option<String>, S3Error> {
        let key = self.key(key);
        let head = self
            .client
            .head_object()
            .bucket(&self.config.bucket)
            .key(&key)
            .set_expected_bucket_owner(self.config.expected_bucket_owner.clone())
            .send();
        match self.runtime.block_on(head) {
            Ok(head) => Ok(head.metadata().and_then(|metadata| metadata.get(SHA256)).cloned()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
            Err(error) => Err(self.failed(format!("looking at {key}"), error)),
        }
    }

    async fn make(&self, change: &Change) -> Result<(), S3Error> {
        match change {
            Change::Put { key, body, content_type, sha256 } => {
                let key = self.key(key);
                let (encryption, kms_key_id) = match &self.config.kms_key_id {
                    Some(id) => (ServerSideEncryption::AwsKms, Some(id.clone())),
                    None => (ServerSideEncryption::Aes256, None),
                };
                let put = self
                    .client
                    .put_object()
                    .bucket(&self.config.bucket)
                    .key(&key)
                    .body(ByteStream::from(body.clone()))
                    .content_type(*content_type)
                    // One call of KMS serves many objects.
                    .set_bucket_key_enabled(kms_key_id.is_some().then_some(true))
                    .server_side_encryption(encryption)
                    .set_ssekms_key_id(kms_key_id)
                    .set_metadata(sha256.clone().map(|sha| [(SHA256.to_owned(), sha)].into()))
                    .set_expected_bucket_owner(self.config.expected_bucket_owner.clone());
                let put = put.send().await;
                put.map(drop).map_err(|error| self.failed(format!("putting {key}"), error))
            }
            Change::Delete { key } => {
                let key = self.key(key);
                let delete = self
                    .client
                    .delete_object()
                    .bucket(&self.config.bucket)
                    .key(&key)
                    .set_expected_bucket_owner(self.config.expected_bucket_owner.clone());
                let deleted = delete.send().await;
                deleted.map(drop).map_err(|error| self.failed(format!("deleting {key}"), error))
            }
        }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.config.prefix)
    }

    fn failed<E>(&self, attempted: String, error: SdkError<E>) -> S3Error
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        // The crate's own text of an answer is "service error": what S3 said is within it.
        let said = error.code().map(|code| match error.message() {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        });
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        let source = match (said, status) {
            (Some(said), _) => said.into(),
            (None, Some(status)) => format!("S3 answered with status {status}").into(),
            (None, None) => error.into(),
        };
        S3Error::Call { attempted, bucket: self.config.bucket.clone(), source }
    }
}

impl Round {
    fn take(&mut self, entry: Entry<Change>, done: Result<(), S3Error>) {
        match (done, &entry.item) {
            (Err(error), _) => return self.delivery.again(entry, error.into()),
            (Ok(()), Change::Put { .. }) => self.put += 1,
            (Ok(()), Change::Delete { .. }) => self.deleted += 1,
        }
        self.delivery.written(entry.record);
    }
}

async fn client(config: &Config, credentials: Option<SharedCredentialsProvider>) -> Client {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_LIMIT)
        .operation_attempt_timeout(ATTEMPT_LIMIT)
        .operation_timeout(CALL_LIMIT)
        .build();
    // The default chain would ask the machine's metadata service, over the network.
    let region = RegionProviderChain::first_try(config.region.clone().map(Region::new))
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
    if let Some(url) = &config.endpoint {
        builder = builder.endpoint_url(url).force_path_style(true);
    }
    Client::from_conf(builder.build())
}
