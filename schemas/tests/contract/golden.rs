//! The golden files: today's schema of every topic's value, and what each release wrote.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use schemas::topic;

/// A schema file of one release.
pub(crate) struct Released {
    pub(crate) topic: String,
    /// The file below `avsc/`, for messages.
    pub(crate) path: String,
    pub(crate) schema: String,
}

/// Every schema file of every release.
pub(crate) fn released() -> Vec<Released> {
    let mut all = Vec::new();
    for version in names(&folder().join("released")) {
        for file in names(&folder().join("released").join(&version)) {
            let path = format!("released/{version}/{file}");
            all.push(Released {
                topic: topic_of(&file),
                schema: read(&folder().join(&path)),
                path,
            });
        }
    }
    all
}

/// Today's golden schema of a topic.
pub(crate) fn golden(name: &str) -> String {
    read(&folder().join(format!("{name}.avsc")))
}

#[test]
fn the_golden_files_are_todays_schemas() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wanted = BTreeSet::from(["released".to_owned()]);
    for (name, schema) in topic::value_schemas() {
        let file = format!("{name}.avsc");
        let path = folder().join(&file);
        if update {
            fs::write(&path, format!("{schema}\n")).expect("writing a golden file");
        }
        assert!(
            fs::read_to_string(&path).is_ok_and(|text| text == format!("{schema}\n")),
            "{file} differs from today's schema; see README.md, then UPDATE_EXPECT=1"
        );
        wanted.insert(file);
    }
    assert_eq!(names(&folder()), wanted, "files of topics that are gone");
}

#[test]
fn every_topic_was_released() {
    if std::env::var_os("UPDATE_RELEASED").is_some() {
        release();
    }
    let released: BTreeSet<String> = released().into_iter().map(|file| file.topic).collect();
    let today: BTreeSet<String> =
        topic::value_schemas().into_iter().map(|(name, _)| name.to_owned()).collect();
    assert!(released.is_superset(&today), "run once with UPDATE_RELEASED=1: {today:?}");
    for name in &released {
        assert!(topic::by_name(name).is_some(), "{name} is gone, its records may not be");
    }
}

/// Writes the files of this version: the schemas that no other release has already.
fn release() {
    let version = env!("CARGO_PKG_VERSION");
    let target = folder().join("released").join(version);
    let own = format!("released/{version}/");
    fs::create_dir_all(&target).expect("making the release's folder");
    let earlier: Vec<_> =
        released().into_iter().filter(|file| !file.path.starts_with(&own)).collect();
    for (name, schema) in topic::value_schemas() {
        let text = format!("{schema}\n");
        let known = earlier.iter().any(|r| r.topic == name && r.schema == text);
        if !known {
            fs::write(target.join(format!("{name}.avsc")), text).expect("writing a release");
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("avsc")
}

fn topic_of(file: &str) -> String {
    let name = file.strip_suffix(".avsc");
    name.unwrap_or_else(|| panic!("{file} is no schema")).to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("reading {}: {e}", path.display()))
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect()
}
