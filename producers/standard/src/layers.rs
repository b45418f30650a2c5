//! Lays the layers of a standard on each other, and checks files against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use schemas::did_you_mean;

use crate::change::{self, Change};
use crate::check::{self, Checked, Claim};
use crate::file::Subject;
use crate::layer::{Layer, Text};
use crate::{Problem, StandardError, yaml};

/// Requirements in force without a fault, sorted by id, and the faults of all files.
pub(crate) type Read = (Vec<Checked>, Vec<Problem>);

/// Reads layers in order.
pub(crate) fn read(layers: &[Layer]) -> Result<Read, StandardError> {
    let mut laid = Laid::default();
    for layer in layers {
        laid.lay(layer.place(), layer.files()?);
    }
    let last = layers.last().map(Layer::place).unwrap_or(Path::new(""));
    Ok(laid.settle(last))
}

/// The layers so far.
#[derive(Default)]
struct Laid {
    /// In the order of layers and files.
    requirements: Vec<Checked>,
    /// Requirements whose file or change has a fault: what they were before stays in force.
    broken: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Laid {
    /// Lays a layer on the others: its requirements beside theirs, then its changes to theirs.
    fn lay(&mut self, place: &Path, files: Vec<(PathBuf, Text)>) {
        let earlier = self.requirements.len();
        let mut changes = Vec::new();
        let mut is_lost = files.is_empty();
        if is_lost {
            let message = "there is no requirement in this folder";
            self.problems.push(whole(place.to_owned(), message));
        }
        for (path, text) in files {
            match text {
                Ok(text) => is_lost |= self.file(&path, &text, earlier, &mut changes),
                Err(message) => {
                    self.problems.push(whole(path, message));
                    is_lost = true;
                }
            }
        }
        self.change(changes, earlier);
        // What can't be read, or is not there, may be the change of any of them.
        if is_lost {
            self.requirements.drain(..earlier);
        }
    }

    /// Reads a file of a layer; tells whether it does not even say what it is about.
    fn file(&mut self, path: &Path, text: &str, earlier: usize, changes: &mut Vec<Change>) -> bool {
        let Subject { id, change } = yaml::read(text).unwrap_or_default();
        let read = match change {
            Some(_) => change::check(path, text).map(|change| changes.push(change)),
            None => check::check(path, text).map(|one| self.keep(one, earlier)),
        };
        let Err(found) = read else { return false };
        self.problems.extend(found);
        let subject = change.or(id);
        let is_lost = subject.is_none();
        self.broken.extend(subject);
        is_lost
    }

    /// Keeps a requirement unless an earlier file has its id.
    fn keep(&mut self, checked: Checked, earlier: usize) {
        let id = &checked.requirement.id;
        let mut known = self.requirements.iter().enumerate();
        let Some((at, first)) = known.find(|(_, one)| one.requirement.id == *id) else {
            return self.requirements.push(checked);
        };
        let how = match at < earlier {
            true => format!("; write `change: {id}` to change it"),
            false => String::new(),
        };
        let message = format!("{} has the id {id} too{how}", first.place.file.display());
        self.problems.push(Problem { message, ..checked.place });
    }

    /// Makes a layer's changes to the requirements of earlier ones.
    fn change(&mut self, changes: Vec<Change>, earlier: usize) {
        let mut changed = BTreeMap::<String, PathBuf>::new();
        for change in changes {
            let (id, place) = (change.id.clone(), change.place.clone());
            let found = match changed.get(&id) {
                Some(first) => {
                    let message = format!("{} changes {id} too", first.display());
                    vec![Problem { message, ..place.clone() }]
                }
                None => self.change_one(change, earlier),
            };
            if !found.is_empty() {
                self.problems.extend(found);
                self.broken.insert(id.clone());
            }
            changed.entry(id).or_insert(place.file);
        }
    }

    fn change_one(&mut self, change: Change, earlier: usize) -> Vec<Problem> {
        let id = &change.id;
        let position = self.requirements.iter().position(|one| one.requirement.id == *id);
        let message = match position {
            Some(at) if at < earlier => return change.apply(&mut self.requirements[at]),
            Some(_) => format!("{id} is in the same layer; change its own file"),
            // Its own fault is told already.
            None if self.broken.contains(id) => return Vec::new(),
            None => {
                let known = self.requirements[..earlier].iter();
                let known = known.map(|one| one.requirement.id.as_str());
                format!("no earlier layer has a requirement {id}{}", did_you_mean(id, known))
            }
        };
        vec![Problem { message, ..change.place }]
    }

    /// Gives what is in force: what is switched off or broken is not, nor what claims a check that
    /// an earlier file claims alone.
    fn settle(self, last: &Path) -> Read {
        let Self { requirements, broken, mut problems } = self;
        let mut claims = Claims::default();
        let mut in_force = BTreeMap::new();
        for one in requirements {
            let id = one.requirement.id.clone();
            if !one.is_enabled || broken.contains(&id) {
                continue;
            }
            let disputes = claims.take(&id, &one.claims);
            if disputes.is_empty() {
                in_force.insert(id, one);
            }
            problems.extend(disputes);
        }
        if in_force.is_empty() && problems.is_empty() {
            problems.push(whole(last.to_owned(), "no requirement is in force"));
        }
        (in_force.into_values().collect(), problems)
    }
}

/// By source and check: the requirement that claims it, and whether it shares.
#[derive(Default)]
struct Claims(BTreeMap<(String, String), (String, bool)>);

impl Claims {
    /// Takes all checks for a requirement, or none; tells of those that another one has.
    fn take(&mut self, id: &str, claims: &[Claim]) -> Vec<Problem> {
        let disputes: Vec<Problem> =
            claims.iter().filter_map(|claim| self.dispute(claim)).collect();
        if disputes.is_empty() {
            for claim in claims {
                let (source, check) = claim.name();
                let check = (source.to_owned(), check.to_owned());
                self.0.entry(check).or_insert_with(|| (id.to_owned(), claim.shared));
            }
        }
        disputes
    }

    /// Tells of a check that another requirement has, unless both say that they share it.
    fn dispute(&self, claim: &Claim) -> Option<Problem> {
        let (source, check) = claim.name();
        let (first, shared) = self.0.get(&(source.to_owned(), check.to_owned()))?;
        let message = format!(
            "{first} claims check {check} of {source} too; where both shall, both say shared: true"
        );
        (!(claim.shared && *shared)).then(|| Problem { message, ..claim.place.clone() })
    }
}

/// Makes a problem of a file as a whole.
fn whole(file: PathBuf, message: impl Into<String>) -> Problem {
    Problem { file, line: 0, column: 0, message: message.into() }
}
