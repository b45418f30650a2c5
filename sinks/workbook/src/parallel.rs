//! The same work on many things, on all cores, with results in their order.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Makes something of each item on as many threads as there are cores; the calling thread hears
/// each time how many are done.
///
/// # Errors
/// What `make` gave for the first item that failed; nothing new is begun after a failure.
pub(crate) fn map<T: Sync, R: Send, E: Send>(
    items: &[T],
    make: impl Fn(&T) -> Result<R, E> + Sync,
    mut heard: impl FnMut(usize),
) -> Result<Vec<R>, E> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, results) = mpsc::channel();
    let work = |sender: mpsc::Sender<(usize, Result<R, E>)>| {
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return };
            let result = make(item);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            // Nobody listens only when the calling thread has panicked.
            let _ = sender.send((at, result));
        }
    };
    thread::scope(|scope| {
        for sender in std::iter::repeat_n(sender, workers) {
            scope.spawn(|| work(sender));
        }
        let mut made = Vec::with_capacity(items.len());
        for result in results {
            made.push(result);
            heard(made.len());
        }
        made.sort_by_key(|(at, _)| *at);
        made.into_iter().map(|(_, result)| result).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..200).collect();
        let mut heard = Vec::new();
        let slow_first = |n: &u64| {
            thread::sleep(std::time::Duration::from_micros(200 - n));
            Ok::<_, ()>(n * n)
        };
        let squares = map(&items, slow_first, |done| heard.push(done)).unwrap();
        assert_eq!(squares, items.iter().map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(heard, (1..=200).collect::<Vec<_>>());
        assert_eq!(map(&[], |n: &u64| Ok::<_, ()>(*n), |_| {}), Ok(vec![]));
    }

    #[test]
    fn the_first_failure_is_told_and_ends_it() {
        let begun = AtomicUsize::new(0);
        let items: Vec<usize> = (0..10_000).collect();
        let fail = |n: &usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            if *n < 5 { Ok(()) } else { Err(*n) }
        };
        let error = map(&items, fail, |_| {}).unwrap_err();
        assert_eq!(error, 5);
        assert!(begun.into_inner() < 1_000);
    }
}
