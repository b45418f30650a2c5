//! Tells that reading is disturbed: at once, and then once in a while, since librdkafka says it
//! anew many times a second as long as a broker is away.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;

/// Time from one telling of a disturbance to the next.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// What a consumer told of disturbances.
#[derive(Default)]
pub(super) struct Disturbances(Mutex<Vec<Told>>);

struct Told {
    code: Code,
    at: Instant,
    /// How often it came since.
    kept_back: u64,
}

impl Disturbances {
    /// Writes a line to the log, unless one of the same kind was written a moment ago.
    pub(super) fn tell(&self, code: Code, reason: &str) {
        if let Some(kept_back) = self.note(code, Instant::now()) {
            tracing::warn!(%code, reason, kept_back, "reading from Kafka is disturbed");
        }
    }

    /// Notes a disturbance; when it is to be told, gives how many were kept back before.
    fn note(&self, code: Code, now: Instant) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(told) = all.iter_mut().find(|told| told.code == code) else {
            all.push(Told { code, at: now, kept_back: 0 });
            return Some(0);
        };
        if now.duration_since(told.at) < TELL_EVERY {
            told.kept_back += 1;
            return None;
        }
        told.at = now;
        Some(std::mem::take(&mut told.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_at_once_and_then_once_in_a_while() {
        let (all, start) = (Disturbances::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(all.note(Code::AllBrokersDown, at(0)), Some(0));
        assert_eq!(all.note(Code::BrokerTransportFailure, at(1)), Some(0));
        for ms in 2..100 {
            assert_eq!(all.note(Code::AllBrokersDown, at(ms)), None);
        }
        assert_eq!(all.note(Code::AllBrokersDown, at(30_000)), Some(98));
        assert_eq!(all.note(Code::AllBrokersDown, at(30_001)), None);
        assert_eq!(all.note(Code::BrokerTransportFailure, at(60_000)), Some(0));
    }
}
