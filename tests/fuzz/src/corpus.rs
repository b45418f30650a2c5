//! The corpus of a target: files of its own, files of other tests, and inputs that are made.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Target, mutate, ugly};

/// Seeds above this length are run as they are, and not changed: most changes would be lost in
/// them.
const CHANGED_BYTES_MAX: usize = 20_000;

/// A seed.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Where it is from.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
    /// Whether it is one that every target has.
    pub is_ugly: bool,
}

/// All seeds of a target, in a stable order.
#[derive(Debug)]
pub struct Corpus {
    target: &'static Target,
    /// The seeds.
    pub seeds: Vec<Seed>,
}

impl Corpus {
    /// Reads the corpus of a target.
    ///
    /// # Panics
    /// When a file that the target names is not there.
    pub fn of(target: &'static Target) -> Self {
        let mut files = files(&folder(target));
        for path in target.seeds {
            let path = root().join(path);
            assert!(path.exists(), "{}: no such seed", path.display());
            files.extend(self::files(&path));
        }
        let read = |path: PathBuf| Seed {
            bytes: fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
            name: path.strip_prefix(root()).unwrap_or(&path).display().to_string(),
            is_ugly: false,
        };
        let mut seeds: Vec<Seed> = files.into_iter().map(read).collect();
        seeds.extend(ugly::all());
        Self { target, seeds }
    }

    /// Gives the input of a place in the short run: the seeds in their order, then what is made of
    /// them from the numbers 0, 1, 2, and so on.
    pub fn input(&self, place: u64) -> Vec<u8> {
        let made = place.checked_sub(self.seeds.len() as u64);
        match made {
            None => self.seeds[place as usize].bytes.clone(),
            Some(number) => {
                let (own, ugly) = (self.changed(false), self.changed(true));
                mutate::mutated(number, &own, &ugly, self.target.words)
            }
        }
    }

    /// Names what is at a place of the short run.
    pub fn name(&self, place: u64) -> String {
        let made = place.checked_sub(self.seeds.len() as u64);
        match made {
            None => format!("corpus file {}", self.seeds[place as usize].name),
            Some(number) => format!("seed {number}"),
        }
    }

    /// Writes the seeds to a folder, each to a file.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut numbered = self.seeds.iter().enumerate();
        numbered
            .try_for_each(|(at, seed)| fs::write(folder.join(format!("seed-{at:04}")), &seed.bytes))
    }

    /// Gives the seeds that others are made of: the ugly ones, or the target's own.
    fn changed(&self, is_ugly: bool) -> Vec<&[u8]> {
        let wanted =
            |seed: &&Seed| seed.is_ugly == is_ugly && seed.bytes.len() <= CHANGED_BYTES_MAX;
        self.seeds.iter().filter(wanted).map(|seed| &*seed.bytes).collect()
    }
}

/// Gives the folder of a target's own files.
pub fn folder(target: &Target) -> PathBuf {
    root().join("tests/fuzz/corpus").join(target.name)
}

/// Gives the repository's root.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Names of files in golden cases that are no input.
const NO_INPUT: [&str; 2] = ["expected", "options"];

/// Gives a file, or those below a folder that are input, sorted by path.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    // A target without files of its own has no folder.
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let is_input = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        !NO_INPUT.iter().any(|other| name.starts_with(other))
    };
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_input).collect();
    entries.sort();
    entries.iter().flat_map(|entry| files(entry)).collect()
}
