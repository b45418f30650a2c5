//! A mutelist of Prowler as exceptions: with an owner and an end, for which it has no place.
//!
//! Source: Prowler's documentation, "Mutelist", and `prowler/lib/mutelist/`. What decides there by
//! accident (a part of a name, the order of rules, the last of two keys) is told and not copied.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use schemas::{Exception, ExceptionState, Requirement, glob, key};
use serde::Deserialize;

use crate::{
    ExceptionOptions, Problem, Register,
    fields::account_id,
    gather::{Entry, gather},
    patterns::globs,
    tree::{self, Node},
};

/// Checks in a standard's mappings are of this source.
const SOURCE: &str = "prowler";

/// What the list has been called.
const ROOTS: [&str; 3] = ["Mutelist", "Mute List", "Allowlist"];

/// Exceptions that one rule may become: each resource with each choice of tags is one.
const EXCEPTIONS_MAX: usize = 1_000;

/// Exceptions that a list may become.
const LIST_EXCEPTIONS_MAX: usize = 20_000;

/// Regions of a rule, each of whose exceptions has all; AWS has some forty.
const REGIONS_MAX: usize = 100;

/// Tags of a rule; AWS takes 50 of a resource.
const TAGS_MAX: usize = 50;

/// Bytes of a check's pattern, of a name, and of a description, which each exception of a rule has.
const CHECK_BYTES_MAX: usize = 512;
const NAME_BYTES_MAX: usize = 2_048;
const DESCRIPTION_BYTES_MAX: usize = 2_000;

/// A mutelist, and what it does not say itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mutelist {
    /// The file.
    pub path: PathBuf,
    /// The last day on which what it mutes has credit.
    pub expires: String,
    /// The day on which it was approved: longest durations are counted from it.
    #[serde(default)]
    pub approved: Option<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// Who approved it.
    #[serde(default)]
    pub approver: Option<String>,
}

/// Reads a list.
///
/// Shape: the text of a file → an exception for each rule, resource and choice of tags, and what
/// could not be taken over, with its place.
/// Errors: it is no mutelist, or the day on which it ends is none.
pub(crate) fn parse(
    path: &Path,
    content: &str,
    list: &Mutelist,
    requirements: &[Requirement],
    options: &ExceptionOptions,
) -> Result<Register<Exception>, String> {
    let named = |reason| format!("the day that its configuration names: {reason}");
    let approved = list.approved.as_deref().map(|day| options.zone.start_ms(day));
    let base = Exception {
        approved: true,
        state: Some(ExceptionState::Approved),
        owner: list.owner.clone(),
        approver: list.approver.clone(),
        expires_ms: Some(options.zone.expiry_ms(&list.expires).map_err(named)?),
        approved_ms: approved.transpose().map_err(named)?,
        ..Exception::default()
    };
    let document = tree::parse(content)?;
    let feeds = feeds(requirements);
    let (entries, problems) = (Vec::new(), Vec::new());
    let mut reader = Reader { path, options, base, feeds, entries, problems };
    reader.list(&document)?;
    let mut register = gather(path, "id", reader.entries);
    register.problems.extend(reader.problems);
    Ok(register)
}

/// Gives the requirements that each check feeds.
fn feeds(requirements: &[Requirement]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut feeds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for requirement in requirements {
        for mapping in requirement.checks.iter().filter(|mapping| mapping.source == SOURCE) {
            feeds.entry(&mapping.check).or_default().insert(&requirement.id);
        }
    }
    feeds
}

/// Reads the rules of one list.
struct Reader<'a> {
    path: &'a Path,
    options: &'a ExceptionOptions,
    /// What all exceptions have in common.
    base: Exception,
    feeds: BTreeMap<&'a str, BTreeSet<&'a str>>,
    entries: Vec<Entry<Exception>>,
    problems: Vec<Problem>,
}

/// A rule in our words.
struct Rule {
    resources: Vec<String>,
    regions: Vec<String>,
    /// Choices of tags: each is an exception of its own.
    tags: Vec<Vec<String>>,
    reason: String,
    notices: Vec<String>,
}

impl Reader<'_> {
    fn list(&mut self, document: &Node) -> Result<(), String> {
        let members = document.members().unwrap_or_default();
        let Some((_, root)) = members.iter().find(|(key, _)| ROOTS.contains(&&**key)) else {
            return Err("it has no `Mutelist`".to_owned());
        };
        for (key, accounts) in self.members(root, "Mutelist") {
            if key != "Accounts" {
                self.tell("Mutelist", format!("{key:?} is not known and was ignored"));
                continue;
            }
            for (account, node) in self.members(accounts, "Accounts") {
                self.account(account, node);
            }
        }
        Ok(())
    }

    fn account(&mut self, account: &str, node: &Node) {
        let place = format!("account {account:?}");
        let id = match account {
            "*" => Some("*".to_owned()),
            _ => account_id(account).map(|(id, _)| id),
        };
        let Some(id) = id else {
            return self
                .tell(&place, "it is no id of twelve digits: nothing of it is taken".into());
        };
        for (key, checks) in self.members(node, &place) {
            if key != "Checks" {
                self.tell(&place, format!("{key:?} is not known and was ignored"));
                continue;
            }
            for (check, rule) in self.members(checks, &place) {
                let place = format!("{place}, check {check:?}");
                match self.rule(&id, check, rule) {
                    Ok((requirements, read)) => self.add(&place, &id, check, &requirements, read),
                    Err(reason) => self.tell(&place, format!("{reason}: the rule is not taken")),
                }
            }
        }
    }

    /// Gives the members of a map, and tells what is no map and which keys are repeated: Prowler
    /// would take the last of them, here all are read.
    fn members<'n>(&mut self, node: &'n Node, place: &str) -> Vec<(&'n str, &'n Node)> {
        let Some(members) = node.members() else {
            self.tell(place, "it holds no keys: nothing of it is taken".to_owned());
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        for (key, _) in members.iter().filter(|(key, _)| !seen.insert(key)) {
            self.tell(place, format!("{key:?} is there more than once; each is read"));
        }
        members.iter().map(|(key, node)| (&**key, node)).collect()
    }

    /// Reads a rule: all of it, or nothing. What narrows a rule must not be lost on the way.
    fn rule(&self, account: &str, check: &str, node: &Node) -> Result<(Vec<String>, Rule), String> {
        let members = node.members().ok_or("it is no rule")?;
        let requirements = self.requirements(check)?;
        let reason = format!("muted in Prowler for account {account}");
        let mut rule = Rule {
            resources: Vec::new(),
            regions: Vec::new(),
            tags: vec![Vec::new()],
            reason,
            notices: Vec::new(),
        };
        let mut seen = BTreeSet::new();
        for (key, value) in members {
            if !seen.insert(&**key) {
                return Err(format!("`{key}` is there twice"));
            }
            let texts = || value.texts().ok_or_else(|| format!("its `{key}` is no list of texts"));
            match &**key {
                // No region's name is a part of another one's: there is nothing to tell.
                "Regions" => rule.regions = patterns(&texts()?, &mut Vec::new())?,
                "Resources" => rule.resources = patterns(&texts()?, &mut rule.notices)?,
                "Tags" => rule.tags = tags(&texts()?)?,
                "Description" => rule.reason = texts()?.join(" "),
                "Exceptions" if is_empty(value) => {}
                "Exceptions" => return Err("it has `Exceptions`, which have no place here".into()),
                _ => return Err(format!("`{key}` is not known")),
            }
        }
        if rule.resources.is_empty() || rule.regions.is_empty() {
            return Err("it names no `Resources` or no `Regions`".to_owned());
        }
        if rule.regions.len() > REGIONS_MAX {
            return Err(format!("it names more than {REGIONS_MAX} regions"));
        }
        if rule.reason.len() > DESCRIPTION_BYTES_MAX {
            return Err(format!("its description has more than {DESCRIPTION_BYTES_MAX} bytes"));
        }
        let exceptions = rule.resources.len() * rule.tags.len();
        if exceptions > EXCEPTIONS_MAX {
            return Err(format!("it would be more than {EXCEPTIONS_MAX} exceptions"));
        }
        if self.entries.len() + exceptions > LIST_EXCEPTIONS_MAX {
            return Err(format!("the list would be more than {LIST_EXCEPTIONS_MAX} exceptions"));
        }
        Ok((requirements, rule))
    }

    /// Gives the requirements that a check, or all checks of a pattern, feed.
    fn requirements(&self, check: &str) -> Result<Vec<String>, String> {
        if check.len() > CHECK_BYTES_MAX {
            return Err(format!("the check has more than {CHECK_BYTES_MAX} bytes"));
        }
        let wanted = globs(check)?.any;
        let named = |one: &&str| wanted.iter().any(|pattern| glob(pattern, one));
        let fed = self.feeds.iter().filter(|(one, _)| named(one)).flat_map(|(_, of)| of);
        let fed: BTreeSet<String> = fed.map(|id| (*id).to_owned()).collect();
        if fed.is_empty() {
            return Err("no requirement is fed by such a check".to_owned());
        }
        Ok(fed.into_iter().collect())
    }

    fn add(
        &mut self,
        place: &str,
        account: &str,
        check: &str,
        requirements: &[String],
        rule: Rule,
    ) {
        let everywhere = rule.regions.iter().any(|region| region == "*");
        let regions = if everywhere { Vec::new() } else { rule.regions };
        let mut notices = rule.notices;
        for resource in &rule.resources {
            for tags in &rule.tags {
                let parts = ["mutelist", account, check, resource];
                let parts: Vec<&str> =
                    parts.into_iter().chain(tags.iter().map(|tag| &**tag)).collect();
                let mut exception = Exception {
                    id: key::join(&parts),
                    accounts: vec![account.to_owned()],
                    requirements: requirements.to_vec(),
                    resource: resource.clone(),
                    regions: regions.clone(),
                    tags: tags.clone(),
                    reason: rule.reason.clone(),
                    ..self.base.clone()
                };
                let ExceptionOptions { longest, severities, zone, .. } = self.options;
                longest.cut(&mut exception, severities, zone, &mut notices);
                self.entries.push(Entry {
                    place: place.to_owned(),
                    id: Some(exception.id.clone()),
                    read: Ok(exception),
                    notices: std::mem::take(&mut notices),
                });
            }
        }
    }

    fn tell(&mut self, place: &str, message: String) {
        let (file, place) = (self.path.into(), place.to_owned());
        self.problems.push(Problem { file, place, message, is_notice: false });
    }
}

/// Reads patterns, one of which must fit; says where Prowler's would fit more.
fn patterns(texts: &[&str], notices: &mut Vec<String>) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    let mut wider = Vec::new();
    for text in texts {
        if text.len() > NAME_BYTES_MAX {
            return Err(format!("a name has more than {NAME_BYTES_MAX} bytes"));
        }
        let globs = globs(text)?;
        all.extend(globs.any);
        wider.extend(globs.was_wider.then(|| format!("{text:?}")));
    }
    if !wider.is_empty() {
        let wider = wider.join(", ");
        let message = "stand for whole names here; Prowler mutes what holds them, too";
        notices.push(format!("{wider} {message}"));
    }
    let mut seen = BTreeSet::new();
    all.retain(|one| seen.insert(one.clone()));
    Ok(all)
}

/// Reads tags, all of which must be there: each choice among their alternatives is a list of its
/// own. `KEY=*` asks for the key.
fn tags(texts: &[&str]) -> Result<Vec<Vec<String>>, String> {
    let mut choices = vec![Vec::new()];
    if texts.len() > TAGS_MAX {
        return Err(format!("it names more than {TAGS_MAX} tags"));
    }
    for text in texts {
        if text.len() > NAME_BYTES_MAX {
            return Err(format!("a tag has more than {NAME_BYTES_MAX} bytes"));
        }
        let alternatives: Vec<String> = globs(text)?.any;
        if alternatives.iter().any(|one| one == "*") {
            continue;
        }
        if choices.len() * alternatives.len() > EXCEPTIONS_MAX {
            return Err(format!("its tags would be more than {EXCEPTIONS_MAX} exceptions"));
        }
        let mut next = Vec::new();
        for choice in &choices {
            for one in &alternatives {
                let tag = one.strip_suffix("=*").unwrap_or(one);
                if tag.contains('*') {
                    return Err(format!("tag {text:?} is not one in full"));
                }
                next.push([&choice[..], &[tag.to_owned()]].concat());
            }
        }
        choices = next;
    }
    Ok(choices)
}

/// Tells whether nothing is named in it, however deep.
fn is_empty(node: &Node) -> bool {
    match node {
        Node::Nothing => true,
        Node::Text(text) => text.is_empty(),
        Node::List(items) => items.iter().all(is_empty),
        Node::Map(members) => members.iter().all(|(_, node)| is_empty(node)),
    }
}
