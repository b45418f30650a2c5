//! From a register's file to the table in the log: what changes is published, and nothing else.

use std::{collections::BTreeMap, path::Path};

use producer_register::{Change, ExceptionOptions, plan, publish, risks};
use schemas::{Codec, Exception, ExceptionKey, Key, topic};
use stream::{Publisher, local::LocalLog, snapshot};

const PREFIX: &str = "scorecard";

/// A log and a register's file.
struct Site {
    folder: tempfile::TempDir,
    log: LocalLog,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = LocalLog::open(folder.path().join("log"), 3, PREFIX).expect("a log");
        stream::Log::apply(&log).expect("topics");
        Self { folder, log }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("risks.json")
    }

    /// Publishes a file's register; gives what was put (`+`) and withdrawn (`-`), or the error.
    fn take(&self, text: &str) -> Result<Vec<String>, String> {
        std::fs::write(self.path(), text).expect("a file");
        self.publish(&self.path())
    }

    fn publish(&self, path: &Path) -> Result<Vec<String>, String> {
        let options = ExceptionOptions::default();
        let register = risks(path, &options).map_err(|error| error.to_string())?;
        let codec = Codec::default();
        let in_force = snapshot::agreed(&self.log, &codec, PREFIX, &topic::EXCEPTION);
        let read = register.entries.into_iter();
        let read = read.map(|one| (ExceptionKey::new(&*one.id), one)).collect();
        let (broken, anonymous) = (register.broken, register.anonymous);
        let may_withdraw = |key: &ExceptionKey| !anonymous && !broken.contains(&key.encode());
        let changes = plan(&in_force.expect("a table"), read, may_withdraw);
        let mut publisher =
            Publisher::open(&self.log, &codec, PREFIX, "producer register").expect("a publisher");
        publish(&changes, &topic::EXCEPTION, &mut publisher, 7).expect("durable");
        let word = |change: &Change<ExceptionKey, Exception>| match change {
            Change::Put(key, _) => format!("+{}", key.exception),
            Change::Withdraw(key) => format!("-{}", key.exception),
        };
        Ok(changes.iter().map(word).collect())
    }

    fn table(&self) -> BTreeMap<ExceptionKey, Exception> {
        snapshot::table(&self.log, &Codec::default(), PREFIX, &topic::EXCEPTION).expect("a table")
    }
}

fn entry(id: u32, requirement: &str) -> String {
    format!(r#"{{"Id": {id}, "Account": "*", "Requirement": "{requirement}"}}"#)
}

#[test]
fn a_register_is_published_by_what_differs() {
    let site = Site::new();
    let list = |entries: &[String]| format!("[{}]", entries.join(","));
    let first = list(&[entry(1, "a"), entry(2, "a"), entry(3, "a")]);
    assert_eq!(site.take(&first).expect("a register"), ["+1", "+2", "+3"]);
    assert_eq!(site.take(&first).expect("a register"), [""; 0], "the same again says nothing");

    // 1 is changed, 2 is broken and keeps its last good version, 3 is gone, 4 is new.
    let broken = r#"{"Id": 2, "Account": "*", "Requirement": "b", "Expires": "soon"}"#.to_owned();
    let second = list(&[entry(1, "b"), broken, entry(4, "a")]);
    assert_eq!(site.take(&second).expect("a register"), ["+1", "-3", "+4"]);
    let table = site.table();
    let rows = table.iter().map(|(key, row)| (&*key.exception, &*row.requirements[0]));
    assert_eq!(Vec::from_iter(rows), [("1", "b"), ("2", "a"), ("4", "a")]);

    // An entry without an id may be any of them: nothing is withdrawn.
    let anonymous = list(&[entry(1, "b"), r#"{"Account": "*"}"#.to_owned()]);
    assert_eq!(site.take(&anonymous).expect("a register"), [""; 0]);
    assert_eq!(site.table(), table);
}

#[test]
fn a_register_that_says_nothing_withdraws_nothing() {
    let site = Site::new();
    site.take(&format!("[{}]", entry(1, "a"))).expect("a register");
    let table = site.table();
    for text in ["", "[]", "{}", "[{\"Id\": 9}]", "[{\"Id\": 1, \"Account\": 5}]", "[{"] {
        site.take(text).expect_err(text);
    }
    std::fs::remove_file(site.path()).expect("the file");
    let error = site.publish(&site.path()).expect_err("the file is missing");
    assert!(error.starts_with("reading the register "), "{error}");
    assert_eq!(site.table(), table);
    assert_eq!(table.len(), 1);
}
