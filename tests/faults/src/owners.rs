//! The file of owners: who got and gave up which partition, in the order in which it happened.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) enum Line {
    /// A process starts; the one of that name before it is gone, with all that it had.
    Starts(String),
    /// Stage, slot, partitions: they are the worker's now.
    Got(String, String, Vec<i32>),
    /// Stage, slot, partitions: another may have them from here on.
    Gave(String, String, Vec<i32>),
}

/// The file, opened for adding lines.
#[derive(Clone)]
pub(crate) struct Owners(Arc<File>);

impl Owners {
    /// Opens the file; several processes may.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Ok(Self(Arc::new(file.context("opening the file of owners")?)))
    }

    /// Adds a line.
    pub(crate) fn note(&self, line: &Line) {
        if matches!(line, Line::Got(_, _, of) | Line::Gave(_, _, of) if of.is_empty()) {
            return;
        }
        let mut text = serde_json::to_string(line).expect("plain data");
        text.push('\n');
        // One call, in append mode: lines of several processes never mix.
        (&*self.0).write_all(text.as_bytes()).expect("the file of owners takes a line");
    }
}

/// Checks that nobody got what another had; gives how often partitions changed hands.
pub(crate) fn never_two(path: &Path) -> Result<u64> {
    let text = fs::read_to_string(path).context("reading the file of owners")?;
    let mut owners: BTreeMap<(String, i32), String> = BTreeMap::new();
    let mut moves = 0;
    for (at, line) in (1..).zip(text.lines()) {
        match serde_json::from_str(line)? {
            Line::Starts(process) => {
                // Slots are a process's name, a dash and a number.
                owners.retain(|_, slot| slot.rsplit_once('-').is_none_or(|(of, _)| of != process));
            }
            Line::Got(stage, slot, partitions) => {
                for partition in partitions {
                    let before = owners.insert((stage.clone(), partition), slot.clone());
                    ensure!(
                        before.is_none(),
                        "line {at}: {slot} got partition {partition} of {stage}, which {} had",
                        before.unwrap_or_default()
                    );
                    moves += 1;
                }
            }
            Line::Gave(stage, slot, partitions) => {
                for partition in partitions {
                    let of = (stage.clone(), partition);
                    if owners.get(&of).is_some_and(|owner| *owner == slot) {
                        owners.remove(&of);
                    }
                }
            }
        }
    }
    Ok(moves)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[Line]) -> Result<u64> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("owners");
        let owners = Owners::open(&path)?;
        lines.iter().for_each(|line| owners.note(line));
        never_two(&path)
    }

    #[test]
    fn two_owners_are_told() {
        let got = |slot: &str| Line::Got("account".into(), slot.into(), vec![0, 1]);
        let gave = |slot: &str| Line::Gave("account".into(), slot.into(), vec![1]);
        let one = Line::Got("account".into(), "b-0".into(), vec![1]);
        assert_eq!(check(&[got("a-0"), gave("a-0"), one.clone()]).unwrap(), 3);
        assert_eq!(check(&[got("a-0"), Line::Starts("a".into()), got("b-0")]).unwrap(), 4);
        let error = check(&[got("a-0"), one]).unwrap_err().to_string();
        assert!(error.contains("line 2: b-0 got partition 1 of account, which a-0 had"), "{error}");
        assert!(check(&[got("a-0"), Line::Starts("b".into()), got("b-0")]).is_err());
    }
}
