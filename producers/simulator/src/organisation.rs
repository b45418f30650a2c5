//! The organisation: payers, accounts, owners and executives.

use schemas::{AccountListing, AccountRegister, AccountStatus};

use crate::{Config, chance::Chance};

const TEAMS: &[&str] = &[
    "payments",
    "checkout",
    "search",
    "identity",
    "data-lake",
    "mobile",
    "logistics",
    "ads",
    "support",
    "billing",
    "risk",
    "video",
    "catalog",
    "messaging",
    "partners",
    "research",
];
const STAGES: &[&str] = &["prod", "staging", "dev", "sandbox"];
const PEOPLE: &[&str] = &[
    "ana.silva",
    "ben.okafor",
    "chiara.rossi",
    "dmitri.volkov",
    "emma.larsen",
    "farid.haddad",
    "grace.chen",
    "hugo.martin",
    "ines.costa",
    "jonas.weber",
    "kavya.nair",
    "liam.byrne",
];
const EXECUTIVES: &[&str] = &["nora.fischer", "omar.diaz", "priya.shah", "quentin.moreau"];

/// A foreign account that the register approves, and one that it knows and does not approve.
pub(crate) const THIRD_PARTIES: [(&str, &str, bool); 2] =
    [("900000000001", "Backup Ltd", true), ("900000000002", "Trial Analytics", false)];

/// A foreign account that nobody knows.
pub(crate) const STRANGER: &str = "990000000009";

/// What does not change of the organisation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Organisation {
    pub(crate) chance: Chance,
    pub(crate) accounts: usize,
    pub(crate) days: usize,
}

/// What is decided by hashing starts with one of these.
pub(crate) mod about {
    pub(crate) const OWNER: u64 = 1;
    pub(crate) const MOVE: u64 = 2;
    pub(crate) const QUALITY: u64 = 3;
    pub(crate) const FAULT: u64 = 4;
    pub(crate) const LIFE: u64 = 5;
    pub(crate) const OUTAGE: u64 = 6;
    pub(crate) const KEY: u64 = 7;
    pub(crate) const TRUST: u64 = 8;
    pub(crate) const SPEND: u64 = 9;
    pub(crate) const REPORT: u64 = 10;
    pub(crate) const COUNT: u64 = 11;
    pub(crate) const DENIED: u64 = 12;
}

impl Organisation {
    pub(crate) fn new(config: &Config) -> Self {
        Self { chance: Chance::new(config.seed), accounts: config.accounts, days: config.days }
    }

    /// Gives an account's id.
    pub(crate) fn id(self, account: usize) -> String {
        format!("{:012}", 100_000_000_000 + account as u64 * 1_111)
    }

    /// Gives the payer of an account: one for each fifteen accounts, at least two of more than
    /// three.
    pub(crate) fn payer(self, account: usize) -> String {
        let payers = (self.accounts / 15).max(if self.accounts > 3 { 2 } else { 1 });
        self.id(account % payers)
    }

    fn name(self, account: usize) -> String {
        let stage = STAGES[account % STAGES.len()];
        let team = TEAMS[account / STAGES.len() % TEAMS.len()];
        match account / (STAGES.len() * TEAMS.len()) {
            0 => format!("{team}-{stage}"),
            round => format!("{team}-{stage}-{}", round + 1),
        }
    }

    /// Gives an account as its payer lists it.
    pub(crate) fn listing(self, account: usize) -> AccountListing {
        let name = self.name(account);
        AccountListing {
            provider: "aws".to_owned(),
            account: self.id(account),
            payer: self.payer(account),
            email: format!("aws+{name}@example.com"),
            name,
            status: AccountStatus::Active,
        }
    }

    /// Gives an account as the register knows it on a day: now and then an owner changes.
    pub(crate) fn register(self, account: usize, day: usize) -> AccountRegister {
        let moved = self.moves_on(account).is_some_and(|on| day >= on);
        let owners = (self.accounts / 4).clamp(2, 1_000) as u64;
        let owner = self.chance.below(owners, &[about::OWNER, (account / 3) as u64, moved.into()]);
        let person = PEOPLE[owner as usize % PEOPLE.len()];
        let number = match owner as usize / PEOPLE.len() {
            0 => String::new(),
            round => (round + 1).to_string(),
        };
        let executive = EXECUTIVES[owner as usize % EXECUTIVES.len()];
        AccountRegister {
            account: self.id(account),
            name: None,
            owner: Some(format!("{person}{number}@example.com")),
            executive: Some(format!("{executive}@example.com")),
            third_party: false,
            approved: false,
        }
    }

    /// Gives the day on which an account's owner changes, if ever.
    pub(crate) fn moves_on(self, account: usize) -> Option<usize> {
        let parts = [about::MOVE, account as u64];
        let moves = self.days > 2 && self.chance.happens(8, &parts);
        moves
            .then(|| 1 + self.chance.below(self.days as u64 - 1, &[parts[0], parts[1], 1]) as usize)
    }

    /// Tells whether the account's audit role is denied for good.
    pub(crate) fn is_denied(self, account: usize) -> bool {
        let denied = self.chance.below(self.accounts as u64, &[about::DENIED]) as usize;
        self.accounts > 4 && account == denied
    }

    /// Gives how likely something of this account is at fault, in hundredths.
    pub(crate) fn fault_percent(self, account: usize) -> u64 {
        4 + self.chance.below(26, &[about::QUALITY, account as u64])
    }
}
