//! How fast and how much an account is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::error::Fault;

/// Calls that may still be made in a scan, shared by all its accounts.
#[derive(Debug)]
pub struct Budget {
    calls: u64,
    left: AtomicU64,
}

impl Budget {
    /// Makes a budget of a number of calls.
    pub fn new(calls: u64) -> Arc<Self> {
        Arc::new(Self { calls, left: AtomicU64::new(calls) })
    }

    /// How many calls were made.
    pub fn used(&self) -> u64 {
        self.calls - self.left.load(Ordering::Relaxed)
    }

    /// Takes one call; false when none is left.
    fn take(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// The limits of one account's calls: at the same time, a second and service, and in a scan.
///
/// AWS throttles by account, region and service; a limit by account and service is the stricter.
#[derive(Debug)]
pub struct Limit {
    at_once: usize,
    permits: Semaphore,
    /// The pause from one call of a service to the next.
    pause: Duration,
    /// When each service may be called next.
    next: Mutex<BTreeMap<String, Instant>>,
    budget: Arc<Budget>,
    calls: AtomicU64,
}

impl Limit {
    /// Makes limits: calls at once, calls a second of each service, and what is left of the scan.
    pub fn new(at_once: usize, per_second: u32, budget: &Arc<Budget>) -> Self {
        Self {
            at_once,
            permits: Semaphore::new(at_once),
            pause: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::default(),
            budget: Arc::clone(budget),
            calls: AtomicU64::new(0),
        }
    }

    /// How many calls may be under way at the same time.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// How many calls were let through.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Waits for the turn of a call; it is under way until the permit is dropped.
    ///
    /// # Errors
    /// When the scan's budget is used up.
    pub(super) async fn turn(&self, service: &str) -> Result<Option<SemaphorePermit<'_>>, Fault> {
        if !self.budget.take() {
            return Err(Fault::Budget);
        }
        self.wait(service).await;
        self.calls.fetch_add(1, Ordering::Relaxed);
        // The semaphore is never closed; if it were, calls would only lose their limit.
        Ok(self.permits.acquire().await.ok())
    }

    /// Waits until the service may be called, and books the moment after it for the next call.
    async fn wait(&self, service: &str) {
        let at = {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            let at = next.get(service).map_or(now, |next| (*next).max(now));
            next.insert(service.to_owned(), at + self.pause);
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_of_a_service_keep_their_pace() {
        let limit = Limit::new(100, 4, &Budget::new(100));
        let start = Instant::now();
        for _ in 0..9 {
            limit.turn("ec2").await.expect("the budget is large");
        }
        // Nine calls at four a second: the last one starts eight pauses after the first.
        assert_eq!(start.elapsed().as_secs(), 2);
        limit.turn("iam").await.expect("the budget is large");
        assert_eq!(start.elapsed().as_secs(), 2, "another service has a pace of its own");
        assert_eq!(limit.calls(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_spent_budget_refuses_every_account() {
        let budget = Budget::new(3);
        let (one, other) = (Limit::new(1, 1_000, &budget), Limit::new(1, 1_000, &budget));
        assert!(one.turn("s3").await.is_ok());
        assert!(other.turn("s3").await.is_ok());
        assert!(one.turn("s3").await.is_ok());
        assert!(matches!(one.turn("s3").await, Err(Fault::Budget)));
        assert!(matches!(other.turn("s3").await, Err(Fault::Budget)));
        assert_eq!((one.calls(), other.calls()), (2, 1), "what was refused was not called");
    }
}
