//! What an error of a transaction means. Pure.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// How an attempt to commit ended.
#[derive(Debug)]
pub(super) enum End {
    /// Kafka said so.
    Committed,
    /// It has to be aborted, and can be tried again.
    Abort,
    /// It has to be aborted, and would fail again: Kafka refuses a record.
    Refused(KafkaError),
    /// The producer or the member was replaced by another.
    Fenced,
    /// Nobody knows; `committing` tells whether it may have been committed.
    Uncertain { committing: bool, error: KafkaError },
}

/// Classifies the error of a transactional call; `committing` when it was the commit itself.
pub(super) fn of_transaction(error: KafkaError, committing: bool) -> End {
    let KafkaError::Transaction(inner) = &error else {
        return End::Uncertain { committing, error };
    };
    // librdkafka may give up on a commit that Kafka has done all the same: its answer to "must be
    // aborted" is no answer to "was it committed".
    if committing && inner.txn_requires_abort() {
        return End::Uncertain { committing, error };
    }
    // A transaction that Kafka timed out ends with a new epoch: aborting mends that. If it was
    // another producer instead, the abort will say so.
    if inner.txn_requires_abort() && inner.code() == Code::InvalidProducerEpoch {
        return End::Abort;
    }
    if is_fencing(inner.code()) {
        return End::Fenced;
    }
    if inner.txn_requires_abort() && !inner.is_fatal() {
        return if is_lasting(inner.code()) { End::Refused(error) } else { End::Abort };
    }
    End::Uncertain { committing, error }
}

/// Classifies the error of a record that was not taken or not delivered.
pub(super) fn of_delivery(error: KafkaError) -> End {
    let code = error.rdkafka_error_code();
    match code {
        Some(code) if is_fencing(code) && code != Code::InvalidProducerEpoch => End::Fenced,
        Some(
            Code::MessageSizeTooLarge
            | Code::InvalidMessage
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::InvalidTopic
            | Code::PolicyViolation
            | Code::TopicAuthorizationFailed,
        ) => End::Refused(error),
        _ => End::Abort,
    }
}

fn is_fencing(code: Code) -> bool {
    matches!(
        code,
        Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::TransactionCoordinatorFenced
            | Code::FencedInstanceId
            | Code::IllegalGeneration
            | Code::UnknownMemberId
    )
}

/// Whether a broker refuses us, or we refuse it: what people have to mend.
pub(super) fn is_refusal(code: Code) -> bool {
    matches!(code, Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL)
}

/// Whether an error of a question or of reading stays until people do something about it.
pub(super) fn is_lasting(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::InvalidTopic
            | Code::InvalidArgument
            | Code::InconsistentGroupProtocol
            | Code::UnsupportedVersion
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_records_are_not_tried_again_and_lost_ones_are() {
        let of = |code| of_delivery(KafkaError::MessageProduction(code));
        assert!(matches!(of(Code::InvalidTimestamp), End::Refused(_)));
        assert!(matches!(of(Code::MessageSizeTooLarge), End::Refused(_)));
        assert!(matches!(of(Code::MessageTimedOut), End::Abort));
        assert!(matches!(of(Code::InvalidProducerEpoch), End::Abort));
        assert!(matches!(of(Code::ProducerFenced), End::Fenced));
    }

    #[test]
    fn an_error_without_details_is_uncertain() {
        let error = KafkaError::Flush(Code::OperationTimedOut);
        let end = of_transaction(error, true);
        assert!(matches!(end, End::Uncertain { committing: true, .. }));
    }
}
