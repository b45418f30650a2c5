//! The workbooks: files of a folder whose bytes are not the bucket's yet.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use crate::encode::Change;
use crate::names::{self, WORKBOOKS};
use crate::{Bucket, S3Error};

/// How often the folder is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// What workbooks of owners and payers begin with: such objects are ours to delete.
const OWNED: [&str; 2] = ["owner-", "payer-"];

/// What all workbooks end with.
const ENDING: &str = ".xlsx";

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Size and time of each file, as when the bucket was last seen to hold it.
pub(crate) type Seen = BTreeMap<String, (u64, SystemTime)>;

/// What is known of the folder.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    looked: Option<Instant>,
    seen: Option<Seen>,
}

impl Folder {
    /// Tells whether it is time to look.
    pub(crate) fn is_due(&self) -> bool {
        self.looked.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL)
    }

    /// Gives what has to change in the bucket, and what `settled` shall hear when it has.
    pub(crate) fn changes(
        &mut self,
        folder: &Path,
        bucket: &Bucket,
    ) -> Result<(Vec<Change>, Seen), S3Error> {
        let files = files(folder)?;
        let mut changes = Vec::new();
        let before = self.seen.as_ref();
        let is_new = |(name, facts): &(&String, &(u64, SystemTime))| {
            before.is_none_or(|seen| seen.get(*name) != Some(*facts))
        };
        for (name, _) in files.iter().filter(is_new) {
            let path = folder.join(name);
            let body = fs::read(&path).map_err(file("reading", &path))?;
            let sha256 = names::hex(&Sha256::digest(&body));
            let key = names::workbook(name);
            if bucket.sha256(&key)?.as_ref() != Some(&sha256) {
                let sha256 = Some(sha256);
                changes.push(Change::Put { key, body, content_type: XLSX, sha256 });
            }
        }
        if before.is_none_or(|seen| !seen.keys().eq(files.keys())) {
            changes.extend(vanished(&files, &bucket.list(WORKBOOKS)?));
        }
        self.looked = Some(Instant::now());
        Ok((changes, files))
    }

    /// Hears that the bucket holds these files.
    pub(crate) fn settled(&mut self, files: Seen) {
        self.seen = Some(files);
    }
}

/// Gives the deletions of owners' workbooks that the folder no longer has; none when it has no such
/// file at all: a folder that is empty by mistake deletes nothing.
fn vanished(files: &Seen, objects: &[String]) -> Vec<Change> {
    let is_owned =
        |name: &str| name.ends_with(ENDING) && OWNED.iter().any(|begin| name.starts_with(begin));
    if !files.keys().any(|name| is_owned(name)) {
        return Vec::new();
    }
    let there: Vec<String> = files.keys().map(|name| names::workbook(name)).collect();
    let gone = objects.iter().filter(|object| {
        object.strip_prefix(WORKBOOKS).is_some_and(is_owned) && !there.contains(object)
    });
    gone.map(|key| Change::Delete { key: key.clone() }).collect()
}

/// Lists the folder's workbooks; one that is not there has none.
fn files(folder: &Path) -> Result<Seen, S3Error> {
    let mut files = Seen::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        entries => entries.map_err(file("listing", folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(file("listing", folder))?;
        let path = entry.path();
        let facts = fs::metadata(&path).map_err(file("looking at", &path))?;
        let name = entry.file_name();
        // Excel keeps a `~$` file beside a workbook that is open.
        let name = name.to_str().filter(|name| name.ends_with(ENDING) && !name.starts_with('~'));
        if let Some(name) = name.filter(|_| facts.is_file()) {
            let modified = facts.modified().map_err(file("looking at", &path))?;
            files.insert(name.to_owned(), (facts.len(), modified));
        }
    }
    Ok(files)
}

fn file(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> S3Error {
    let path = path.to_owned();
    move |source| S3Error::File { attempted, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(names: &[&str]) -> Seen {
        names.iter().map(|name| ((*name).to_owned(), (1, SystemTime::UNIX_EPOCH))).collect()
    }

    #[test]
    fn only_owners_workbooks_go_and_never_all_of_them() {
        let objects: Vec<String> =
            ["owner-a.xlsx", "payer-1.xlsx", "owner-b!20c.xlsx", "notes.xlsx", "owner-x/y"]
                .map(|name| format!("{WORKBOOKS}{name}"))
                .to_vec();
        let gone = vanished(&seen(&["owner-b c.xlsx", "other.xlsx"]), &objects);
        let delete = |name: &str| Change::Delete { key: format!("workbooks/{name}") };
        assert_eq!(gone, ["owner-a.xlsx", "payer-1.xlsx"].map(delete));
        assert_eq!(vanished(&seen(&["other.xlsx"]), &objects), []);
    }
}
