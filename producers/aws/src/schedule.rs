//! The schedule: when scans begin by themselves.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::board::Board;
use crate::error::Error;
use crate::listing::Listed;
use crate::plan::Wanted;
use crate::scanner::Core;
use crate::summary::Summary;

/// A pause after no account could be listed or none asked.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// When scans begin by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Time from the start of one scan to the start of the next.
    pub interval: Duration,
    /// The span over which a scan's accounts begin.
    pub jitter: Duration,
}

/// Begins scheduled scans, and notices when they end.
pub(crate) struct Planner {
    schedule: Schedule,
    /// The accounts that are being listed.
    listing: Option<JoinHandle<Listed>>,
    /// The scan that was begun last; none once its end was told.
    running: Option<Summary>,
    /// When accounts may be listed again, after nothing could be planned.
    retry: Option<Instant>,
}

impl Planner {
    pub(crate) fn new(schedule: Schedule) -> Self {
        Self { schedule, listing: None, running: None, retry: None }
    }

    /// The scan that was begun last, while its end was not told; empty when there is none.
    pub(crate) fn scan(&self) -> &str {
        self.running.as_ref().map_or("", |running| &running.scan)
    }

    /// Begins to list accounts when a scan is due, and plans it once they are listed.
    pub(crate) fn plan_when_due(&mut self, core: &mut Core) -> Result<(), Error> {
        match self.listing.take() {
            Some(listing) if listing.is_finished() => {
                let listed = core.runtime.block_on(listing).unwrap_or_default();
                let jitter = self.schedule.jitter;
                let summary = core.plan(listed, &Wanted::default(), jitter, true)?;
                self.retry = (summary.planned == 0).then(|| Instant::now() + RETRY_AFTER);
                self.running = Some(summary);
            }
            None if self.may_list() && core.is_due(self.schedule) => {
                self.listing = Some(core.runtime.spawn(core.list()?));
            }
            listing => self.listing = listing,
        }
        Ok(())
    }

    fn may_list(&self) -> bool {
        self.retry.is_none_or(|retry| Instant::now() >= retry)
    }

    /// Takes a scan's summary once it has ended.
    pub(crate) fn ended(&mut self, board: &Board) -> Option<Summary> {
        let mut summary = self.running.take_if(|running| !running.is_open(board))?;
        summary.units = board.all(&summary.scan);
        Some(summary)
    }
}
