//! Gathers what a parser read, entry by entry, into a register: problems, doubles, what is broken.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use crate::{Problem, Register};

/// One entry as it was read.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    /// Where it stands: a line of a table, or an entry of a list.
    pub(crate) place: String,
    /// Its id, where that much can be read.
    pub(crate) id: Option<String>,
    /// The entry, or why it can't be used.
    pub(crate) read: Result<T, String>,
    /// What was mended or ignored in it.
    pub(crate) notices: Vec<String>,
}

/// Gathers entries; `what` is what their id is called.
///
/// An id that is there twice with different content is broken: which is meant can't be told.
pub(crate) fn gather<T: PartialEq>(path: &Path, what: &str, entries: Vec<Entry<T>>) -> Register<T> {
    let mut register = Register::default();
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    let torn = torn(&entries);
    let file: Arc<Path> = path.into();
    for entry in entries {
        let Entry { place, id, read, notices } = entry;
        let mut note = |message: String, is_notice: bool| {
            let (file, place) = (Arc::clone(&file), place.clone());
            register.problems.push(Problem { file, place, message, is_notice });
        };
        let first = id.as_ref().and_then(|id| places.get(id).cloned());
        let is_torn = id.as_ref().is_some_and(|id| torn.contains(id));
        match (&id, first) {
            (Some(id), Some(first)) if is_torn => {
                let there = format!("{what} {id} is there twice, first in {first}");
                note(format!("{there}, and differs: neither is taken"), false);
                read.err().into_iter().for_each(|message| note(message, false));
                continue;
            }
            (Some(id), Some(first)) => {
                note(format!("{what} {id} is there twice, the same in {first}"), true);
                continue;
            }
            _ => notices.into_iter().for_each(|message| note(message, true)),
        }
        match read {
            Ok(value) if !is_torn => register.entries.push(value),
            Ok(_) => {}
            Err(message) => note(message, false),
        }
        match id {
            Some(id) => drop(places.insert(id, place)),
            None => register.anonymous = true,
        }
    }
    register.broken.extend(torn);
    register
}

/// Gives the ids that can't be used: broken, or there several times and not the same.
fn torn<T: PartialEq>(entries: &[Entry<T>]) -> BTreeSet<String> {
    let mut firsts: BTreeMap<&str, &Result<T, String>> = BTreeMap::new();
    let mut torn = BTreeSet::new();
    for entry in entries {
        let Some(id) = &entry.id else { continue };
        let first = firsts.entry(id).or_insert(&entry.read);
        if first.is_err() || entry.read != **first {
            torn.insert(id.clone());
        }
    }
    torn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(place: u32, id: Option<&str>, read: Result<u32, &str>) -> Entry<u32> {
        Entry {
            place: format!("line {place}"),
            id: id.map(str::to_owned),
            read: read.map_err(str::to_owned),
            notices: Vec::new(),
        }
    }

    #[test]
    fn of_two_that_differ_neither_is_taken() {
        let entries = vec![
            entry(1, Some("a"), Ok(1)),
            entry(2, Some("b"), Ok(1)),
            entry(3, Some("a"), Ok(2)),
            entry(4, Some("c"), Ok(1)),
            entry(5, Some("c"), Ok(1)),
            entry(6, Some("d"), Ok(1)),
            entry(7, Some("d"), Err("`x` is missing")),
            entry(8, None, Err("it is no object")),
        ];
        let register = gather(Path::new("f"), "id", entries);
        assert_eq!(register.entries, [1, 1], "b and c");
        assert_eq!(Vec::from_iter(&register.broken), ["a", "d"]);
        assert!(register.anonymous);
        let said: Vec<_> =
            register.problems.iter().map(|one| (one.to_string(), one.is_notice)).collect();
        let said: Vec<_> = said.iter().map(|(text, notice)| (text.as_str(), *notice)).collect();
        assert_eq!(
            said,
            [
                (
                    "f, line 3: id a is there twice, first in line 1, and differs: \
                     neither is taken",
                    false
                ),
                ("f, line 5: id c is there twice, the same in line 4", true),
                (
                    "f, line 7: id d is there twice, first in line 6, and differs: \
                     neither is taken",
                    false
                ),
                ("f, line 7: `x` is missing", false),
                ("f, line 8: it is no object", false),
            ]
        );
    }
}
