//! What is done besides following the log: the day's partition, a look for leftovers, workbooks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sink_frame::Failure;

use crate::encode::{self, Change, Rows};
use crate::names::{self, RESOURCES};
use crate::target::{Inventory, unreadable};
use crate::workbooks::{Folder, Seen};

/// What is done already, and what is being done.
#[derive(Default)]
pub(crate) struct Chores {
    /// The day that was last written, by partition.
    days: BTreeMap<i32, String>,
    day: Option<Day>,
    folder: Folder,
    /// Files whose changes are being made.
    settling: Option<Seen>,
}

/// A day's files on their way to the bucket.
struct Day {
    date: String,
    /// The partitions whose day this is.
    of: BTreeSet<i32>,
    /// Those among them that are not whole in the bucket.
    due: BTreeSet<i32>,
    /// Those among these whose files are still to be made.
    waiting: VecDeque<i32>,
    /// The day's files that were there at its beginning.
    there: Vec<String>,
    /// Objects of the inventory that rows stand for.
    objects: BTreeSet<String>,
    is_swept: bool,
    /// What says that partitions are whole: put when everything else is.
    marks: Vec<Change>,
}

impl Chores {
    /// Drops what was begun; it is due again.
    pub(crate) fn revoked(&mut self, partitions: &[i32]) {
        self.days.retain(|partition, _| !partitions.contains(partition));
        self.day = None;
        self.settling = None;
    }
}

impl Inventory<'_> {
    /// Gives the next lot of changes that are due; what the last call gave is in the bucket.
    pub(crate) fn chore(&mut self, owned: &BTreeSet<i32>) -> Result<Option<Vec<Change>>, Failure> {
        if self.chores.day.is_none() {
            self.chores.day = self.begin(owned)?;
        }
        // It is put back when its lot is made.
        if let Some(mut day) = self.chores.day.take() {
            let lot = self.lot(&mut day);
            if !matches!(lot, Ok(None)) {
                self.chores.day = Some(day);
                return lot;
            }
            let date = &day.date;
            self.chores.days.extend(day.of.iter().map(|partition| (*partition, date.clone())));
        }
        self.workbooks(owned)
    }

    /// Begins the day of partitions that have not had theirs; none when all had.
    fn begin(&self, owned: &BTreeSet<i32>) -> Result<Option<Day>, Failure> {
        let date = encode::date((self.settings.now_ms)());
        let has_had = |partition: &i32| self.chores.days.get(partition) == Some(&date);
        let of: BTreeSet<i32> = owned.iter().copied().filter(|one| !has_had(one)).collect();
        if of.is_empty() {
            return Ok(None);
        }
        let folder = names::day(&date);
        let there = self.bucket.list(&folder)?;
        let partitions = self.settings.log.partitions();
        let is_whole = |one: &i32| there.contains(&names::whole(&folder, *one, partitions));
        let due = of.iter().copied().filter(|one| self.settings.anew || !is_whole(one));
        let due: BTreeSet<i32> = due.collect();
        let waiting = due.iter().copied().collect();
        let (objects, is_swept, marks) = (BTreeSet::new(), due.is_empty(), Vec::new());
        Ok(Some(Day { date, of, due, waiting, there, objects, is_swept, marks }))
    }

    /// Gives the next lot of a day: each partition's files, then deletions of objects that no row
    /// stands for, then the marks; none when all is there.
    ///
    /// A tombstone deletes its object; the deletions are for those whose tombstones were compacted
    /// away while nobody read them.
    fn lot(&self, day: &mut Day) -> Result<Option<Vec<Change>>, Failure> {
        if let Some(&partition) = day.waiting.front() {
            let rows = self.rows(partition)?;
            let files = self.files(day, partition, &rows)?;
            day.objects.append(&mut encode::objects(&rows));
            day.waiting.pop_front();
            return Ok(Some(files));
        }
        if !day.is_swept {
            let left = self.leftovers(day)?;
            day.is_swept = true;
            return Ok(Some(left));
        }
        let marks = std::mem::take(&mut day.marks);
        Ok((!marks.is_empty()).then_some(marks))
    }

    /// Gives a partition's files of a day, and deletions of those that are no more.
    fn files(&self, day: &mut Day, partition: i32, rows: &Rows) -> Result<Vec<Change>, Failure> {
        if !self.settings.lake {
            return Ok(Vec::new());
        }
        let folder = names::day(&day.date);
        let made = encode::day(&folder, rows, &self.accounts, self.settings.codec);
        let made = made.map_err(unreadable)?;
        if made.unfit > 0 {
            tracing::warn!(partition, rows = made.unfit, "rows of the day can't be read");
        }
        let partitions = self.settings.log.partitions();
        day.marks.push(encode::whole(&folder, partition, partitions, made.rows));
        let is_old = |file: &&String| {
            let account = names::account_of_file(&folder, file);
            account.is_some_and(|account| self.partition(&account) == partition)
                && !made.keys.contains(*file)
        };
        let old = day.there.iter().filter(is_old).cloned().map(delete);
        Ok(made.files.into_iter().chain(old).collect())
    }

    /// Gives deletions of objects of the day's partitions that no row stands for.
    fn leftovers(&self, day: &Day) -> Result<Vec<Change>, Failure> {
        let is_left = |object: &String| {
            let account = names::account_of(object);
            account.is_some_and(|account| day.due.contains(&self.partition(&account)))
                && !day.objects.contains(object)
        };
        let there = self.bucket.list(RESOURCES)?;
        Ok(there.into_iter().filter(is_left).map(delete).collect())
    }

    fn workbooks(&mut self, owned: &BTreeSet<i32>) -> Result<Option<Vec<Change>>, Failure> {
        if let Some(files) = self.chores.settling.take() {
            self.chores.folder.settled(files);
        }
        // One member is enough for the folder, and partition 0 is always somebody's.
        let path = self.settings.workbooks.filter(|_| owned.contains(&0));
        let Some(path) = path.filter(|_| self.chores.folder.is_due()) else { return Ok(None) };
        let (changes, files) = self.chores.folder.changes(path, self.bucket)?;
        self.chores.settling = Some(files);
        Ok(Some(changes))
    }
}

fn delete(key: String) -> Change {
    Change::Delete { key }
}
