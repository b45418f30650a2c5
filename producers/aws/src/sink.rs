//! Where a scan's records go.

use schemas::topic::{ACCOUNT_LISTING, OBSERVATION};
use schemas::{AccountKey, AccountListing, Observation};

/// Why a sink did not take a record.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Takes a scan's records in order; `at_ms` is when each was made, in UTC milliseconds.
pub trait Sink {
    /// Takes an account as its payer lists it.
    ///
    /// # Errors
    /// When the record can't be handed on; the scan ends.
    fn listing(&mut self, listing: &AccountListing, at_ms: i64) -> Result<(), SinkError>;

    /// Takes what was seen in a scope.
    ///
    /// # Errors
    /// When the record can't be handed on; the scan ends.
    fn observation(&mut self, observation: &Observation, at_ms: i64) -> Result<(), SinkError>;

    /// Waits until everything taken is durable.
    ///
    /// # Errors
    /// When some record was lost.
    fn flush(&mut self) -> Result<(), SinkError>;
}

impl Sink for stream::Publisher {
    fn listing(&mut self, listing: &AccountListing, at_ms: i64) -> Result<(), SinkError> {
        let key = AccountKey::new(&*listing.account);
        Ok(self.put(&ACCOUNT_LISTING, &key, listing, at_ms)?)
    }

    fn observation(&mut self, observation: &Observation, at_ms: i64) -> Result<(), SinkError> {
        let key = AccountKey::new(&*observation.account);
        Ok(self.put(&OBSERVATION, &key, observation, at_ms)?)
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        Ok(stream::Publisher::flush(self)?)
    }
}
