//! The worker on every log: exact tables through crashes, aborts, fencing and rebalances.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod crashes;
mod exact;
mod faults;
mod faulty;
mod harness;
mod killed;
mod rebalance;
mod restores;
mod tally;

/// Makes one test of each function for a log.
macro_rules! suite {
    ($log:ident: $($module:ident::$test:ident),+ $(,)?) => {
        $(#[test]
        fn $test() {
            crate::$module::$test(&mut crate::harness::$log());
        })+
    };
}

/// Makes one test of each function for each log.
macro_rules! suites {
    ($($tests:tt)+) => {
        mod local {
            suite! { local: $($tests)+ }
        }
        mod kafka {
            suite! { kafka: $($tests)+ }
        }
    };
}

suites! {
    crashes::a_death_anywhere_leaves_exact_tables,
    exact::bytes_end_a_transaction,
    exact::catching_up_is_told_by_positions_and_pending_work,
    exact::input_that_comes_while_it_runs_is_counted_once,
    exact::pending_work_goes_on_without_input,
    exact::small_buffers_and_transactions_change_nothing,
    exact::the_smallest_timestamp_is_next,
    exact::the_tables_and_events_equal_the_fold,
    faults::a_fenced_worker_joins_again,
    faults::a_panic_ends_the_worker_and_names_the_record,
    faults::a_step_that_waits_holds_up_only_its_task,
    faults::a_zombie_leaves_no_trace,
    faults::aborted_transactions_leave_no_trace,
    faults::a_worker_that_is_always_fenced_ends,
    faults::panicking_work_ends_the_worker,
    faults::poison_goes_to_the_dead_letters_once,
    rebalance::two_workers_share_and_take_over,
    rebalance::workers_come_and_go_under_load,
    restores::a_stale_store_is_rolled_forward,
    restores::a_store_of_another_log_is_rebuilt,
    restores::a_store_that_missed_work_is_rolled_forward,
    restores::an_empty_folder_is_filled_from_the_log,
    restores::an_old_store_is_rebuilt,
    restores::lost_positions_are_an_error,
}

/// What the log has no part in.
mod stores {
    suite! { local: restores::a_damaged_store_is_rebuilt }
}
