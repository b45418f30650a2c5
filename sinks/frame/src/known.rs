//! How far a target reads what it has to remember of tables, when it takes partitions over.

use schemas::TopicSpec;
use stream::{Log, LogError, Position};

/// Gives the positions below which tables say what the target's system was written with: the
/// committed ones. Where nothing is committed nothing was written, and the newest rows save writing
/// everything twice.
///
/// # Errors
/// When the log can't tell its ends.
pub fn read_until(
    log: &dyn Log,
    committed: &[Position],
    tables: &[&'static TopicSpec],
) -> Result<Vec<Position>, LogError> {
    let ends = log.ends(tables)?;
    let of_table = committed.iter().filter(|one| tables.contains(&one.topic));
    let until = of_table.map(|position| {
        let is_same = |end: &&Position| Position { offset: position.offset, ..**end } == *position;
        let end = ends.iter().find(is_same).unwrap_or(position);
        if position.offset == 0 { *end } else { *position }
    });
    Ok(until.collect())
}
