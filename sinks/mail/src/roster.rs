//! Who gets which report, and who gets none and why. Pure.

use std::collections::BTreeSet;
use std::fmt;

use lettre::Address;
use schemas::MailKey;
use sink_workbook::{Owner, Subject, Tables, subjects};

use crate::outbox::Due;
use crate::schedule::{self, period};
use crate::{Config, Schedule};

/// Kinds of reports; each has a schedule of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// About all accounts.
    Enterprise,
    /// About a payer's accounts.
    Payer,
    /// About an owner's accounts.
    Owner,
}

impl Kind {
    /// Gives the kind of a subject's reports.
    pub fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Enterprise => Kind::Enterprise,
            Subject::Payer(_) => Kind::Payer,
            Subject::Owner(_) => Kind::Owner,
        }
    }

    /// Gives the schedule of this kind; none when it is not sent.
    pub fn schedule(self, config: &Config) -> Option<&Schedule> {
        match self {
            Kind::Enterprise => config.enterprise.as_ref().map(|listed| &listed.schedule),
            Kind::Payer => config.payers.as_ref().map(|listed| &listed.schedule),
            Kind::Owner => config.owners.as_ref(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Enterprise => "enterprise",
            Kind::Payer => "payer",
            Kind::Owner => "owner",
        })
    }
}

/// A report and who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub subject: Subject,
    /// Who gets it.
    pub recipient: Address,
}

impl Entry {
    /// Gives the key of the message that is due at a slot.
    pub fn key(&self, slot_ms: i64) -> MailKey {
        let (kind, id) = (Kind::of(&self.subject).to_string(), id(&self.subject));
        MailKey::new(kind, id, period(slot_ms), self.recipient.to_string())
    }
}

/// A report that nobody gets, or not that recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// What it is about.
    pub subject: Subject,
    /// The address, where there is one.
    pub recipient: Option<String>,
    /// Why.
    pub why: &'static str,
}

/// Who gets which report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// One entry a message.
    pub entries: Vec<Entry>,
    /// Whom nothing is sent to.
    pub skipped: Vec<Skipped>,
}

impl Roster {
    /// Reads the roster from the configuration and the accounts; other tables are not looked at.
    pub fn of(config: &Config, tables: &Tables) -> Self {
        let mut roster = Self::default();
        for subject in subjects(tables) {
            if Kind::of(&subject).schedule(config).is_some() {
                roster.add(config, &subject);
            }
        }
        roster
    }

    fn add(&mut self, config: &Config, subject: &Subject) {
        let (addresses, none) = addresses(config, subject);
        let skipped = |recipient, why| Skipped { subject: subject.clone(), recipient, why };
        if addresses.is_empty() {
            self.skipped.push(skipped(None, none));
        }
        for recipient in addresses {
            if config.envelope(&recipient).is_none() {
                let why = "its domain is not among allowed_domains";
                self.skipped.push(skipped(Some(recipient.to_string()), why));
            } else {
                self.entries.push(Entry { subject: subject.clone(), recipient });
            }
        }
    }

    /// Gives what is due at a moment: each entry's newest slot.
    pub fn due(&self, config: &Config, at_ms: i64) -> BTreeSet<Due> {
        let due = |entry: &Entry| {
            let slot_ms = Kind::of(&entry.subject).schedule(config)?.newest(at_ms)?;
            let may_begin = !schedule::is_missed(slot_ms, at_ms, config.late_hours);
            Some(Due { key: entry.key(slot_ms), may_begin })
        };
        self.entries.iter().filter_map(due).collect()
    }
}

/// Gives who gets a subject's report, and why nobody does when nobody does.
fn addresses(config: &Config, subject: &Subject) -> (Vec<Address>, &'static str) {
    match subject {
        Subject::Enterprise => {
            let listed = config.enterprise.as_ref().map(|listed| listed.recipients.clone());
            (listed.unwrap_or_default(), "the configuration names no recipients")
        }
        Subject::Payer(payer) => {
            let listed = config.payers.as_ref().and_then(|listed| listed.recipients.get(payer));
            (listed.cloned().unwrap_or_default(), "the configuration names no recipients")
        }
        Subject::Owner(Owner::Unassigned) => (Vec::new(), "these accounts have no owner"),
        Subject::Owner(Owner::Named(owner)) => {
            let address = owner.trim().parse().ok();
            (address.into_iter().collect(), "the owner's name in the register is no address")
        }
    }
}

fn id(subject: &Subject) -> &str {
    match subject {
        Subject::Enterprise => "all",
        Subject::Payer(payer) => payer,
        Subject::Owner(Owner::Named(owner)) => owner,
        Subject::Owner(Owner::Unassigned) => "",
    }
}

/// Reads a subject from a message's key; none when a later release wrote it.
pub(crate) fn subject(key: &MailKey) -> Option<Subject> {
    match key.kind.as_str() {
        "enterprise" => Some(Subject::Enterprise),
        "payer" => Some(Subject::Payer(key.id.clone())),
        "owner" => Some(Subject::Owner(Owner::Named(key.id.clone()))),
        _ => None,
    }
}
