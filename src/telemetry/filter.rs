//! Which spans there are: our own, where anybody wants them.

use std::sync::atomic::{AtomicBool, Ordering};

use stream::span::TARGET;
use tracing::{Metadata, level_filters::LevelFilter, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter};

/// Whether anybody wants spans: a log that may be written within them, or a collector.
static ARE_WANTED: AtomicBool = AtomicBool::new(false);

/// Lets spans through that are our own, whatever is logged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnSpans;

/// Makes spans from now on.
pub(crate) fn want() {
    if !ARE_WANTED.swap(true, Ordering::Relaxed) {
        tracing::callsite::rebuild_interest_cache();
    }
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET && ARE_WANTED.load(Ordering::Relaxed)
}

impl<S> Filter<S> for OwnSpans {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        is_own(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_own(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let are_wanted = ARE_WANTED.load(Ordering::Relaxed);
        Some(if are_wanted { LevelFilter::INFO } else { LevelFilter::OFF })
    }
}
