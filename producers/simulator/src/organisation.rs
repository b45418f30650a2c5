//! The organisation: payers, accounts, owners, executives and the foreign accounts around it.

use std::collections::BTreeMap;

use schemas::{AccountListing, AccountRegister, AccountStatus};

use crate::{Config, chance::Chance, names};

/// Accounts of one team, which one owner answers for.
const ACCOUNTS_OF_TEAM: usize = 4;
/// Accounts that one payer lists.
const ACCOUNTS_OF_PAYER: usize = 15;

/// A foreign account that the register knows.
pub(crate) struct ThirdParty {
    pub(crate) account: &'static str,
    pub(crate) name: &'static str,
    pub(crate) trust: Trust,
}

/// Whether a third party is approved.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Trust {
    Approved,
    /// Only in the second half of the simulated days.
    ApprovedLater,
    Refused,
}

/// The third parties of the register; no own account's id is above theirs.
pub(crate) const THIRD_PARTIES: [ThirdParty; 3] = [
    ThirdParty { account: "900000000001", name: "Backup Ltd", trust: Trust::Approved },
    ThirdParty { account: "900000000002", name: "Trial Analytics", trust: Trust::Refused },
    ThirdParty { account: "900000000003", name: "Cost Insight", trust: Trust::ApprovedLater },
];

/// Foreign accounts that nobody knows.
pub(crate) const STRANGERS: [&str; 3] = ["990000000009", "990000000027", "990000000081"];

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
    pub(crate) const DETAIL: u64 = 7;
    pub(crate) const SPEND: u64 = 8;
    pub(crate) const REPORT: u64 = 9;
    pub(crate) const COUNT: u64 = 10;
    pub(crate) const IDENTITY: u64 = 11;
    pub(crate) const TURN: u64 = 12;
    pub(crate) const RISK: u64 = 13;
}

impl Organisation {
    pub(crate) fn new(config: &Config) -> Self {
        Self { chance: Chance::new(config.seed), accounts: config.accounts, days: config.days }
    }

    /// Gives an account's id: twelve digits below every foreign one, no two the same.
    pub(crate) fn id(self, account: usize) -> String {
        // A step without a common factor with the range visits each number once.
        const RANGE: u64 = 800_000_000_000;
        const STEP: u64 = 618_033_989;
        let first = self.chance.below(RANGE, &[about::IDENTITY]);
        format!("{:012}", 100_000_000_000 + (first + account as u64 * STEP) % RANGE)
    }

    /// Tells whether it is this account's turn: that of one in `every`, whatever the seed, so that
    /// a small organisation has some of everything.
    pub(crate) fn is_turn(self, account: usize, what: u64, every: usize) -> bool {
        let first = self.chance.below(every as u64, &[about::TURN, what]) as usize;
        account % every == first
    }

    fn payers(self) -> usize {
        let least = if self.accounts >= 4 { 2 } else { 1 };
        (self.accounts / ACCOUNTS_OF_PAYER).max(least)
    }

    fn payer_number(self, account: usize) -> usize {
        account * self.payers() / self.accounts.max(1)
    }

    fn is_payer(self, account: usize) -> bool {
        account == 0 || self.payer_number(account - 1) != self.payer_number(account)
    }

    /// Gives the payer of an account: the first account of those that it lists.
    pub(crate) fn payer(self, account: usize) -> usize {
        (self.payer_number(account) * self.accounts).div_ceil(self.payers())
    }

    /// Gives the account's name at its provider, unique in the organisation.
    pub(crate) fn name(self, account: usize) -> String {
        if self.is_payer(account) {
            return names::payer(self.payer_number(account));
        }
        names::account(account / ACCOUNTS_OF_TEAM, account % ACCOUNTS_OF_TEAM)
    }

    /// Gives an account as its payer lists it.
    pub(crate) fn listing(self, account: usize) -> AccountListing {
        let name = self.name(account);
        AccountListing {
            provider: "aws".to_owned(),
            account: self.id(account),
            payer: self.id(self.payer(account)),
            email: format!("aws+{name}@example.com"),
            name,
            status: AccountStatus::Active,
            units: Vec::new(),
            tags: BTreeMap::new(),
            organisation: names::ORGANISATION.to_owned(),
        }
    }

    /// Gives an account as the register knows it on a day: now and then an owner changes, and some
    /// accounts have none.
    pub(crate) fn register(self, account: usize, day: usize) -> AccountRegister {
        let owners = self.accounts.div_ceil(ACCOUNTS_OF_TEAM).max(2);
        let moved = self.moves_on(account).is_some_and(|on| day >= on);
        let further =
            self.chance.below(owners as u64 - 1, &[about::OWNER, account as u64]) as usize;
        let owner = (account / ACCOUNTS_OF_TEAM + if moved { 1 + further } else { 0 }) % owners;
        let executive = names::executive(owner % (owners / 5).max(2));
        let owned = !self.is_turn(account, about::OWNER, 23);
        AccountRegister {
            account: self.id(account),
            name: None,
            owner: owned.then(|| format!("{}@example.com", names::owner(owner))),
            executive: owned.then(|| format!("{executive}@example.com")),
            third_party: false,
            approved: false,
        }
    }

    /// Gives a third party as the register knows it on a day.
    pub(crate) fn third_party(self, party: &ThirdParty, day: usize) -> AccountRegister {
        let later = party.trust == Trust::ApprovedLater && day >= self.half_time();
        AccountRegister {
            account: party.account.to_owned(),
            name: Some(party.name.to_owned()),
            owner: None,
            executive: None,
            third_party: true,
            approved: party.trust == Trust::Approved || later,
        }
    }

    /// Gives the day on which the register approves the third party that waits for it.
    pub(crate) fn half_time(self) -> usize {
        (self.days / 2).max(1)
    }

    /// Gives the day on which an account's owner changes, if ever: one account in twelve.
    pub(crate) fn moves_on(self, account: usize) -> Option<usize> {
        let moves = self.days > 2 && self.is_turn(account, about::MOVE, 12);
        let day = || self.chance.below(self.days as u64 - 1, &[about::MOVE, account as u64]);
        moves.then(|| 1 + day() as usize)
    }

    /// Tells whether the account's audit role is denied for good; that of one account is.
    pub(crate) fn is_denied(self, account: usize) -> bool {
        self.accounts > 4 && account == self.accounts / 3
    }

    /// Gives how likely something of this account is at fault, in hundredths.
    pub(crate) fn fault_percent(self, account: usize) -> u64 {
        3 + self.chance.below(36, &[about::QUALITY, account as u64])
    }
}
