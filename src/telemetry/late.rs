//! What becomes of spans before and after the configuration is read: they have ids from the start,
//! and are recorded and exported from then on, if it says so.

use std::{sync::OnceLock, time::Duration};

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, Status, TraceId, TraceState},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{
        BatchSpanProcessor, Sampler, SamplingDecision, SamplingResult, ShouldSample, Span,
        SpanData, SpanProcessor,
    },
};
use stream::span::FAILED;

/// What exports spans of this process; nothing does before it is set.
pub(super) static EXPORT: OnceLock<Export> = OnceLock::new();

/// What exports spans.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) processor: BatchSpanProcessor,
    pub(super) sampler: Sampler,
}

/// Decides which traces are recorded.
#[derive(Clone, Debug)]
pub(super) struct LateSampler;

impl ShouldSample for LateSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        match EXPORT.get() {
            Some(export) => {
                export.sampler.should_sample(parent, trace, name, kind, attributes, links)
            }
            None => SamplingResult {
                decision: SamplingDecision::Drop,
                attributes: Vec::new(),
                trace_state: TraceState::default(),
            },
        }
    }
}

/// Hands recorded spans on.
#[derive(Debug)]
pub(super) struct LateProcessor;

impl SpanProcessor for LateProcessor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        if let Some(export) = EXPORT.get() {
            told(&mut span);
            export.processor.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        EXPORT.get().map_or(Ok(()), |export| export.processor.force_flush())
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        EXPORT.get().map_or(Ok(()), |export| export.processor.shutdown_with_timeout(limit))
    }
}

/// Says in OpenTelemetry's words what spans say in ours: work that failed is an error, a request is
/// served and named by what it asks for.
///
/// Source: OpenTelemetry's semantic conventions for HTTP spans.
fn told(span: &mut SpanData) {
    let attribute = |key: &str| {
        let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
        found.map(|attribute| attribute.value.to_string())
    };
    let status = attribute("http.response.status_code").and_then(|status| status.parse().ok());
    let is_broken = status.is_some_and(|status: u16| status >= 500);
    if is_broken || attribute("outcome").is_some_and(|outcome| outcome == FAILED) {
        span.status = Status::error("");
    }
    if let Some(method) = attribute("http.request.method") {
        let method = if method == "_OTHER" { "HTTP".to_owned() } else { method };
        let name = match attribute("http.route") {
            Some(route) => format!("{method} {route}"),
            None => method,
        };
        (span.name, span.span_kind) = (name.into(), SpanKind::Server);
    }
}
