//! What is done besides following the log: the day's partition, a look for leftovers, workbooks.

use std::collections::BTreeSet;

use crate::S3Error;
use crate::encode::{self, Change};
use crate::names::{self, RESOURCES};
use crate::session::{Session, unreadable};

impl Session<'_> {
    /// Does what is due; what is dropped on the way is due again.
    pub(crate) fn chores(&mut self) -> Result<(), S3Error> {
        let day = encode::date((self.sink.now_ms)());
        let due: BTreeSet<i32> =
            self.owned().iter().copied().filter(|p| self.days.get(p) != Some(&day)).collect();
        if !due.is_empty() && self.day(&day, due.clone())? {
            self.days.extend(due.into_iter().map(|partition| (partition, day.clone())));
        }
        // One member is enough for the folder, and partition 0 is always somebody's.
        if self.owned().contains(&0) && self.folder.is_due() {
            self.workbooks()?;
        }
        Ok(())
    }

    /// Writes the day's files of partitions, and deletes objects of theirs that no row stands for;
    /// false when that was dropped.
    ///
    /// A tombstone deletes its object; this finds those whose tombstones were compacted away while
    /// nobody read them.
    fn day(&mut self, day: &str, mut due: BTreeSet<i32>) -> Result<bool, S3Error> {
        let folder = names::day(day);
        let Some(there) = self.persist(|session| session.sink.bucket.list(&folder))? else {
            return Ok(false);
        };
        let partitions = self.sink.log.partitions();
        if !self.sink.anew {
            due.retain(|p| !there.contains(&names::whole(&folder, *p, partitions)));
        }
        let (mut objects, mut marks) = (BTreeSet::new(), Vec::new());
        for &partition in &due {
            let rows = self.rows(partition)?;
            objects.append(&mut encode::objects(&rows));
            if self.sink.lake {
                let made = self.persist(|session| {
                    let codec = session.sink.codec;
                    encode::day(&folder, &rows, &session.accounts, codec).map_err(unreadable)
                })?;
                let Some(made) = made else { return Ok(false) };
                if made.unfit > 0 {
                    tracing::warn!(partition, rows = made.unfit, "rows of the day can't be read");
                }
                marks.push(encode::whole(&folder, partition, partitions, made.rows));
                let mut changes = made.files;
                let is_old = |file: &&String| {
                    let account = names::account_of_file(&folder, file);
                    account.is_some_and(|account| self.partition(&account) == partition)
                        && !made.keys.contains(*file)
                };
                changes.extend(there.iter().filter(is_old).cloned().map(delete));
                if !self.settle(changes)? {
                    return Ok(false);
                }
            }
        }
        Ok(self.sweep(&due, &objects)? && self.settle(marks)?)
    }

    fn sweep(
        &mut self,
        swept: &BTreeSet<i32>,
        objects: &BTreeSet<String>,
    ) -> Result<bool, S3Error> {
        if swept.is_empty() {
            return Ok(true);
        }
        let there = self.persist(|session| session.sink.bucket.list(RESOURCES))?;
        let Some(there) = there else { return Ok(false) };
        let is_left = |object: &String| {
            let account = names::account_of(object);
            account.is_some_and(|account| swept.contains(&self.partition(&account)))
                && !objects.contains(object)
        };
        let left: Vec<Change> = there.into_iter().filter(is_left).map(delete).collect();
        self.settle(left)
    }

    fn workbooks(&mut self) -> Result<(), S3Error> {
        let Some(path) = self.sink.workbooks else { return Ok(()) };
        let bucket = self.sink.bucket;
        let found = self.persist(|session| session.folder.changes(path, bucket))?;
        let Some((changes, files)) = found else { return Ok(()) };
        if self.settle(changes)? {
            self.folder.settled(files);
        }
        Ok(())
    }
}

fn delete(key: String) -> Change {
    Change::Delete { key }
}
