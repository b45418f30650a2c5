//! Polls a consumer's queue through librdkafka's event interface.
//!
//! rdkafka's own `BaseConsumer::poll` drops what exactly-once reading needs: topic and offset of
//! the end-of-partition event. Only that offset says how far reading is past control markers and
//! aborted records, and that the end was reached. It also runs rebalances inside the poll, where a
//! commit is impossible. So this file talks to the C library; besides it only `describe.rs` does.
//!
//! What makes it sound: the queue belongs to a consumer that this type owns and that outlives it;
//! an event is destroyed once, after everything that points into it was copied; librdkafka's
//! handles may be used by any thread.
#![allow(unsafe_code)]

use std::{
    borrow::Cow,
    ffi::{CStr, CString, c_char, c_int, c_void},
    ptr,
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    bindings::{self as sys, rd_kafka_resp_err_t},
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaResult, RDKafkaErrorCode},
};
use schemas::headers::{Headers, name_of};

use super::{disturbed::Disturbances, topics::Names};
use crate::Record;

/// What a consumer's queue brought.
#[derive(Debug)]
pub(super) enum Event {
    /// A record of a topic that is ours.
    Record(Record),
    /// Reading reached what was the end of a partition at that time.
    End {
        topic: &'static str,
        partition: i32,
        /// The next offset, past markers and aborted records.
        offset: i64,
    },
    /// The group gives these partitions: `assign` must be called.
    Assign(Vec<(String, i32)>),
    /// The group takes everything away: `unassign` must be called, after a last commit.
    Revoke,
    /// Something failed; most of it mends itself.
    Failed { code: RDKafkaErrorCode, fatal: bool, reason: String },
    /// Nothing for us: a log line, statistics.
    Other,
}

/// A consumer that is polled for events.
pub(super) struct EventConsumer {
    // Fields drop in this order: the queue's handle must go before its consumer.
    queue: Queue,
    consumer: BaseConsumer,
    group: String,
    names: Names,
    headers: bool,
    disturbances: Disturbances,
}

pub(super) struct Queue(pub(super) *mut sys::rd_kafka_queue_t);

// SAFETY: a queue's handle is reference-counted by librdkafka, whose functions may be called from
// any thread; this type is never cloned.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the handle came from librdkafka, is counted for us, and is destroyed here only.
        unsafe { sys::rd_kafka_queue_destroy(self.0) }
    }
}

/// An event that is destroyed when it goes out of scope.
pub(super) struct Owned(pub(super) *mut sys::rd_kafka_event_t);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the event came from `rd_kafka_queue_poll` and is destroyed here only.
        unsafe { sys::rd_kafka_event_destroy(self.0) }
    }
}

impl EventConsumer {
    /// Makes a consumer; the configuration has a group, or librdkafka gives it no queue.
    pub(super) fn new(config: &ClientConfig, names: Names) -> KafkaResult<Self> {
        let consumer: BaseConsumer = config.create()?;
        // SAFETY: the client is alive; the queue's handle is kept and destroyed by `Queue`.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        assert!(!queue.is_null(), "a consumer with a group has a queue");
        let group = config.get("group.id").unwrap_or_default().to_owned();
        let disturbances = Disturbances::default();
        Ok(Self { queue: Queue(queue), consumer, group, names, headers: true, disturbances })
    }

    /// Says whether records come with their headers: to read them costs as much as all the rest.
    pub(super) fn with_headers(&mut self, headers: bool) {
        self.headers = headers;
    }

    /// Gives the group's name in Kafka: what a broker knows the consumer by.
    pub(super) fn group(&self) -> &str {
        &self.group
    }

    /// Gives what was told of disturbances.
    pub(super) fn disturbances(&self) -> &Disturbances {
        &self.disturbances
    }

    pub(super) fn consumer(&self) -> &BaseConsumer {
        &self.consumer
    }

    /// Waits for the next event; none when the time is over.
    pub(super) fn poll(&self, timeout: Duration) -> Option<Event> {
        // A part of a millisecond must not become a busy loop.
        let ms = timeout.as_nanos().div_ceil(1_000_000);
        let ms = c_int::try_from(ms).unwrap_or(c_int::MAX);
        // SAFETY: the queue is alive; a null event means that the time is over.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue.0, ms) };
        if event.is_null() {
            return None;
        }
        let event = Owned(event);
        // SAFETY: the event is alive until `event` is dropped; so for all calls below.
        let kind = unsafe { sys::rd_kafka_event_type(event.0) };
        Some(match kind {
            sys::RD_KAFKA_EVENT_FETCH => self.record(&event).unwrap_or(Event::Other),
            sys::RD_KAFKA_EVENT_ERROR => self.error(&event),
            sys::RD_KAFKA_EVENT_REBALANCE => rebalance(&event),
            sys::RD_KAFKA_EVENT_LOG => {
                log(&event);
                Event::Other
            }
            _ => Event::Other,
        })
    }

    /// Gives the high watermark that the last fetch of a partition told; none before that.
    pub(super) fn known_end(&self, topic: &str, partition: i32) -> Option<i64> {
        let topic = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client is alive, the name ends with a zero byte, both numbers are ours.
        let error = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                topic.as_ptr(),
                partition,
                &mut low,
                &mut high,
            )
        };
        let known = error == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0;
        known.then_some(high)
    }

    fn record(&self, event: &Owned) -> Option<Event> {
        // SAFETY: a fetch event holds one message, which lives as long as the event; all of it is
        // copied here. Names are zero-terminated, lengths are librdkafka's own.
        unsafe {
            let message = sys::rd_kafka_event_message_next(event.0).as_ref()?;
            if message.err != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Some(Event::Failed {
                    code: message.err.into(),
                    fatal: false,
                    reason: "a record could not be fetched".to_owned(),
                });
            }
            let topic = lossy(sys::rd_kafka_topic_name(message.rkt));
            let topic = self.names.spec(&topic)?;
            let value = !message.payload.is_null();
            Some(Event::Record(Record {
                topic,
                partition: message.partition,
                offset: message.offset,
                timestamp_ms: sys::rd_kafka_message_timestamp(message, ptr::null_mut()),
                key: bytes(message.key, message.key_len),
                value: value.then(|| bytes(message.payload, message.len)),
                headers: if self.headers { headers(message) } else { Headers::new() },
            }))
        }
    }

    fn error(&self, event: &Owned) -> Event {
        // SAFETY: the event is alive; the partition it gives is ours to destroy after copying.
        unsafe {
            let error = sys::rd_kafka_event_error(event.0);
            let place = sys::rd_kafka_event_topic_partition(event.0);
            let found = place.as_ref().map(|p| (text(p.topic), p.partition, p.offset));
            if !place.is_null() {
                sys::rd_kafka_topic_partition_destroy(place);
            }
            if error == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF {
                let end = found.and_then(|(name, partition, offset)| {
                    let topic = self.names.spec(&name)?.name;
                    Some(Event::End { topic, partition, offset })
                });
                return end.unwrap_or(Event::Other);
            }
            let reason = text(sys::rd_kafka_event_error_string(event.0));
            let fatal = sys::rd_kafka_event_error_is_fatal(event.0) != 0
                || error == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__FATAL;
            Event::Failed {
                code: error.into(),
                fatal,
                reason: match found {
                    Some((topic, partition, _)) => format!("{topic} [{partition}]: {reason}"),
                    None => reason,
                },
            }
        }
    }
}

fn rebalance(event: &Owned) -> Event {
    // SAFETY: the event is alive and owns the list, whose elements are copied.
    unsafe {
        if sys::rd_kafka_event_error(event.0)
            != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS
        {
            return Event::Revoke;
        }
        let list = sys::rd_kafka_event_topic_partition_list(event.0);
        let mut partitions = Vec::new();
        if let Some(list) = list.as_ref() {
            for index in 0..usize::try_from(list.cnt).unwrap_or(0) {
                let element = &*list.elems.add(index);
                partitions.push((text(element.topic), element.partition));
            }
        }
        Event::Assign(partitions)
    }
}

/// Hands a line of librdkafka's log on.
fn log(event: &Owned) {
    let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
    // SAFETY: the event is alive; both texts belong to it and are copied.
    let (facility, line) = unsafe {
        if sys::rd_kafka_event_log(event.0, &mut facility, &mut line, &mut level) != 0 {
            return;
        }
        (text(facility), text(line))
    };
    // Levels are syslog's: 3 and below are errors, 4 is a warning.
    match level {
        ..=3 => tracing::error!(facility, line, "librdkafka"),
        4 => tracing::warn!(facility, line, "librdkafka"),
        _ => tracing::debug!(facility, line, "librdkafka"),
    }
}

/// Copies a message's headers.
///
/// # Safety
/// The message is alive.
unsafe fn headers(message: &sys::rd_kafka_message_t) -> Headers {
    let mut list = ptr::null_mut();
    let mut headers = Headers::new();
    let none = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
    // SAFETY: the list belongs to the message; each name and value is copied before the next call.
    unsafe {
        if sys::rd_kafka_message_headers(message, &mut list) != none {
            return headers;
        }
        for index in 0.. {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            let found =
                sys::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut length);
            if found != none {
                break;
            }
            headers.push((name_of(&lossy(name)), bytes(value, length).into()));
        }
    }
    headers
}

/// Copies bytes; none where there are none.
///
/// # Safety
/// The pointer is null or points to that many bytes.
unsafe fn bytes(start: *const c_void, length: usize) -> Vec<u8> {
    if start.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) }.to_vec()
}

/// Copies a text.
///
/// # Safety
/// The pointer is null or points to a zero-terminated text.
unsafe fn text(start: *const c_char) -> String {
    // SAFETY: the caller's promise.
    unsafe { lossy(start) }.into_owned()
}

/// Gives a text where it stands.
///
/// # Safety
/// The pointer is null or points to a zero-terminated text that stays as long as it is used.
unsafe fn lossy<'a>(start: *const c_char) -> Cow<'a, str> {
    if start.is_null() {
        return Cow::Borrowed("");
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(start) }.to_string_lossy()
}
