//! One suite for every log: what holds on `local` must hold on Apache Kafka, by the same functions.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod batches;
mod brokers;
mod fencing;
mod groups;
mod harness;
mod kafka_only;
mod local_only;
mod notes;
mod reading;
mod records;
mod tables;
mod topics;

/// Makes one test of each function for each log.
macro_rules! suite {
    ($($module:ident::$test:ident),+ $(,)?) => {
        mod local {
            $(#[test]
            fn $test() {
                crate::$module::$test(&crate::harness::local());
            })+
        }

        mod kafka {
            $(#[test]
            fn $test() {
                crate::$module::$test(&crate::harness::kafka());
            })+
        }
    };
}

suite! {
    batches::a_commit_is_seen_whole_with_its_positions,
    batches::positions_alone_can_be_committed,
    batches::records_alone_can_be_committed,
    batches::many_small_commits_keep_their_order,
    batches::a_large_commit_is_seen_whole,
    fencing::a_zombie_of_the_same_slot_is_fenced,
    fencing::a_restarted_member_goes_on_where_it_committed,
    groups::a_lone_member_gets_everything,
    groups::two_members_share_and_one_takes_over,
    groups::groups_do_not_disturb_each_other,
    groups::a_paused_partition_waits_and_others_flow,
    groups::resume_reads_again_from_the_committed_positions,
    notes::a_note_comes_back_to_whoever_resumes,
    notes::a_note_lasts_until_the_next_commit_of_its_position,
    notes::notes_have_a_limit,
    reading::records_come_in_the_order_of_each_partition,
    reading::reading_starts_where_it_was_told,
    reading::reading_starts_where_a_time_begins,
    reading::positions_reach_the_ends_past_markers,
    reading::a_waiting_reader_is_woken,
    reading::the_end_of_an_input_is_known,
    records::every_field_survives,
    records::large_records_pass_and_larger_ones_are_refused,
    tables::the_last_record_of_each_key_survives,
    topics::topics_are_planned_applied_and_checked,
    topics::an_incarnation_names_one_topic,
    topics::what_is_not_there_is_an_error,
}
