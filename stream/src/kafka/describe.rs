//! Asks Kafka for a topic's id, which no call of rdkafka gives.
//!
//! What makes it sound: everything made here is destroyed here, once, after what points into it was
//! copied; the client outlives the call; the collection of names and the options are copied by the
//! call that takes them.
#![allow(unsafe_code)]

use std::{
    ffi::{CString, c_char, c_int},
    time::Duration,
};

use rdkafka::{
    bindings::{self as sys, rd_kafka_resp_err_t, rd_kafka_t},
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};

use super::events::{Owned, Queue};

/// How much longer than the brokers' time librdkafka's own answer may take.
const SLACK: Duration = Duration::from_secs(2);

/// Gives a topic's id in hexadecimal digits; none when the topic is not there.
pub(super) fn topic_id(
    consumer: &BaseConsumer,
    topic: &str,
    timeout: Duration,
) -> KafkaResult<Option<String>> {
    let name = CString::new(topic).map_err(|_| failed(RDKafkaErrorCode::InvalidTopic))?;
    let client = consumer.client().native_ptr();
    // SAFETY: the client is alive, and `Queue` keeps and destroys the handle.
    let queue = Queue(unsafe { sys::rd_kafka_queue_new(client) });
    ask(client, &name, &queue, milliseconds(timeout));
    // SAFETY: the queue is alive; a null event means that the time is over.
    let event =
        unsafe { sys::rd_kafka_queue_poll(queue.0, milliseconds(timeout.saturating_add(SLACK))) };
    if event.is_null() {
        return Err(failed(RDKafkaErrorCode::OperationTimedOut));
    }
    match answer(&Owned(event)) {
        // Brokers before Kafka 2.8 know no ids.
        Ok([0, 0]) => Err(failed(RDKafkaErrorCode::UnsupportedVersion)),
        Ok([high, low]) => Ok(Some(format!("{high:016x}{low:016x}"))),
        Err(RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(None),
        Err(code) => Err(failed(code)),
    }
}

/// Sends the question; the answer comes to the queue.
fn ask(client: *mut rd_kafka_t, name: &CString, queue: &Queue, timeout_ms: c_int) {
    let mut names = [name.as_ptr()];
    let mut refusal: [c_char; 256] = [0; 256];
    // SAFETY: client, queue and name are alive; the collection and the options are destroyed once,
    // after the call that copies them.
    unsafe {
        let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = sys::rd_kafka_AdminOptions_new(client, operation);
        // A timeout that is refused leaves librdkafka's own, a minute.
        sys::rd_kafka_AdminOptions_set_request_timeout(
            options,
            timeout_ms,
            refusal.as_mut_ptr(),
            refusal.len(),
        );
        let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        sys::rd_kafka_DescribeTopics(client, topics, options, queue.0);
        sys::rd_kafka_TopicCollection_destroy(topics);
        sys::rd_kafka_AdminOptions_destroy(options);
    }
}

/// Reads the id of the one topic that was asked for, as two halves.
fn answer(event: &Owned) -> Result<[i64; 2], RDKafkaErrorCode> {
    let none = rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
    let foreign = RDKafkaErrorCode::BadMessage;
    // SAFETY: the event is alive and owns the result and all that it points to; an event of another
    // type gives no result.
    unsafe {
        let error = sys::rd_kafka_event_error(event.0);
        if error != none {
            return Err(error.into());
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0);
        if result.is_null() {
            return Err(foreign);
        }
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        if topics.is_null() || count != 1 {
            return Err(foreign);
        }
        let topic = *topics;
        let error = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(topic));
        if error != none {
            return Err(error.into());
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let (high, low) = (
            sys::rd_kafka_Uuid_most_significant_bits(id),
            sys::rd_kafka_Uuid_least_significant_bits(id),
        );
        Ok([high, low])
    }
}

fn milliseconds(time: Duration) -> c_int {
    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
}

fn failed(code: RDKafkaErrorCode) -> KafkaError {
    KafkaError::AdminOp(code)
}
