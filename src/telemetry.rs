//! Spans: their ids, which the log shows, and their way to a collector where one is configured.
//!
//! A span has its ids from the start of the process on. Once the configuration is read, [`start`]
//! lets spans be recorded too, and exported by a thread of their own, which nothing else waits
//! for; [`finish`] gives what is left a few seconds.

mod client;
mod config;
mod filter;
mod late;

use std::time::Duration;

use anyhow::{Context as _, Result};
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanId, TraceContextExt, TraceId, TracerProvider},
};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkError,
    trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, SpanProcessor},
};
use tracing::Subscriber;
use tracing_subscriber::{Layer, registry::LookupSpan};

use client::{CALL_LIMIT, Client};
pub(crate) use config::Config;
pub(crate) use filter::{OwnSpans, want};
use late::{EXPORT, Export, LateProcessor, LateSampler};

/// What the process calls itself.
const SERVICE: &str = "scorecard";

/// How long the end of the process waits until the last spans are taken.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Makes what gives spans their ids and hands them on.
pub(crate) fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let provider = SdkTracerProvider::builder()
        .with_sampler(LateSampler)
        .with_span_processor(LateProcessor)
        // What the process is goes with the exporter, when it is known.
        .with_resource(Resource::builder_empty().build())
        .build();
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(SERVICE))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
}

/// Gives the ids of the span in which the calling thread is.
pub(crate) fn ids() -> Option<(TraceId, SpanId)> {
    Context::map_current(|context| {
        let span = context.span();
        let ids = span.span_context();
        ids.is_valid().then(|| (ids.trace_id(), ids.span_id()))
    })
}

/// Exports spans from now on where the configuration says so; `slot` is this process's name among
/// others.
///
/// # Errors
/// When a header or a certificate can't be read. A collector that does not answer is no error.
pub(crate) fn start(config: Option<&Config>, slot: &str) -> Result<()> {
    let Some(config) = config else { return Ok(()) };
    let client = Client::new(config).context("telemetry")?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(config.traces_url())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(CALL_LIMIT)
        .with_retry_policy(RetryPolicy::recommended())
        .build()
        .context("telemetry: making the exporter")?;
    let mut processor = BatchSpanProcessor::builder(exporter).build();
    processor.set_resource(&resource(slot));
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.sample)));
    // A process has one configuration: who comes second changes nothing.
    if EXPORT.set(Export { processor, sampler }).is_ok() {
        want();
    }
    Ok(())
}

/// Says what the process is.
fn resource(slot: &str) -> Resource {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    Resource::builder()
        .with_service_name(SERVICE)
        .with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", format!("{slot}/{host}")),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ])
        .build()
}

/// Lets the last spans go, for a few seconds at most.
pub(crate) fn finish() {
    let Some(export) = EXPORT.get() else { return };
    // Any other failure is told by the client.
    if let Err(OTelSdkError::Timeout(_)) = export.processor.shutdown_with_timeout(FLUSH_LIMIT) {
        let limit_s = FLUSH_LIMIT.as_secs();
        tracing::warn!(limit_s, "the collector did not take the last spans in time");
    }
}

/// Asks a collector to take an export without spans; gives the status of its answer.
///
/// # Errors
/// When nobody answers, or not with a success.
pub(crate) fn try_out(config: &Config) -> Result<u16> {
    Client::new(config)?.try_out()
}
