//! A small real stage: spends summed by account, joined with the register, with timers and a policy
//! that is worked off in pieces.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use schemas::{
    AccountKey, AccountListing, AccountRegister, AccountState, AccountStatus, Cause, ScanUnit,
    Spend, TickKey, TopicSpec,
    topic::{ACCOUNT_CHANGELOG, ACCOUNT_REGISTER, ACCOUNT_STATE, SCAN_UNIT, SPEND, TICK},
};
use stream::{Record, Stage, StepError, Table, TableSpec, View};

/// The register's entry under this account is a policy: its executive goes to every account.
pub(crate) const POLICY: &str = "all";

/// A spend in this currency closes its account: the row is deleted.
pub(crate) const CLOSE: &str = "CLOSE";
/// One in this currency is poison, found out after a row was written.
pub(crate) const BAD: &str = "BAD";
/// One in this currency panics while the switch is on.
pub(crate) const PANIC: &str = "PANIC";
/// One in this currency waits while the switch is on.
pub(crate) const WAIT: &str = "WAIT";

/// A timer fires this long after its spend.
pub(crate) const TIMER_MS: i64 = 90_000;

/// Rows that one piece of work rewrites.
const PIECE: usize = 3;

const TOTALS: Table<AccountKey, AccountState> = Table::published(ACCOUNT_STATE);
const REGISTER: Table<AccountKey, AccountRegister> = Table::private("register", ACCOUNT_CHANGELOG);
const TIMERS: Table<AccountKey, Spend> = Table::private("timers", ACCOUNT_CHANGELOG);
/// The last account that the policy was brought to; absent when all have it.
const CURSOR: Table<AccountKey, AccountListing> = Table::private("cursor", ACCOUNT_CHANGELOG);

/// What a test switches on and off.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    pub(crate) panic: AtomicBool,
    pub(crate) wait: AtomicBool,
    pub(crate) work_panics: AtomicBool,
}

/// The stage.
pub(crate) struct Tally {
    switches: Arc<Switches>,
}

impl Tally {
    pub(crate) fn new(switches: &Arc<Switches>) -> Self {
        Self { switches: switches.clone() }
    }

    fn spend(&self, view: &mut View<'_>, record: &Record) -> Result<(), StepError> {
        let (key, spend) = view.read(&SPEND, record)?;
        let spend = spend.ok_or_else(|| StepError::Poison { reason: "no value".to_owned() })?;
        match spend.currency.as_str() {
            PANIC if self.switches.panic.load(Ordering::SeqCst) => panic!("asked to"),
            WAIT if self.switches.wait.load(Ordering::SeqCst) => {
                return Err(StepError::Wait("the exchange is closed".into()));
            }
            CLOSE => return view.delete(&TOTALS, &key),
            _ => {}
        }
        let owner = view.get(&REGISTER, &key)?.and_then(|entry| entry.owner.clone());
        let policy = view.get(&REGISTER, &AccountKey::new(POLICY))?;
        let known = view.get(&TOTALS, &key)?;
        let count = known.as_ref().map_or(0, |row| row.payer.parse().unwrap_or(0)) + 1;
        let cents = known.and_then(|row| row.spend_cents).unwrap_or(0) + spend.cents;
        let row = AccountState {
            provider: "aws".to_owned(),
            account: key.account.clone(),
            payer: count.to_string(),
            name: key.account.clone(),
            status: AccountStatus::Active,
            owner: owner.clone(),
            executive: policy.and_then(|entry| entry.executive.clone()),
            listed: true,
            spend_cents: Some(cents),
            ..AccountState::default()
        };
        view.put(&TOTALS, &key, row)?;
        if spend.currency == BAD {
            return Err(StepError::Poison { reason: "a bad currency".to_owned() });
        }
        let due = view.at_ms() + TIMER_MS;
        let timer = AccountKey::new(format!("{due:015} {} {count}", key.account));
        view.put(&TIMERS, &timer, spend)?;
        view.emit(&SCAN_UNIT, &key, &event("spend", count, &key.account, owner))
    }

    fn tick(view: &mut View<'_>, record: &Record) -> Result<(), StepError> {
        let (key, _): (TickKey, _) = view.read(&TICK, record)?;
        for (timer, spend) in view.scan(&TIMERS, "", None, usize::MAX)? {
            let due: i64 = timer.account[..15].parse().unwrap_or(0);
            if due > key.minute_ms {
                break;
            }
            view.delete(&TIMERS, &timer)?;
            let account = AccountKey::new(&spend.account);
            view.emit(&SCAN_UNIT, &account, &event("timer", 0, &timer.account, None))?;
        }
        Ok(())
    }

    fn registered(view: &mut View<'_>, record: &Record) -> Result<(), StepError> {
        let (key, entry) = view.read(&ACCOUNT_REGISTER, record)?;
        match entry {
            Some(entry) => view.put(&REGISTER, &key, entry)?,
            None => view.delete(&REGISTER, &key)?,
        }
        if key.account == POLICY {
            view.put(&CURSOR, &key, cursor(view.cause(), view.at_ms()))?;
        }
        Ok(())
    }
}

impl Stage for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn inputs(&self) -> Vec<&'static TopicSpec> {
        vec![ACCOUNT_REGISTER.spec, SPEND.spec, TICK.spec]
    }

    fn tables(&self) -> Vec<TableSpec> {
        vec![TOTALS.spec, REGISTER.spec, TIMERS.spec, CURSOR.spec]
    }

    fn outputs(&self) -> Vec<&'static TopicSpec> {
        vec![SCAN_UNIT.spec]
    }

    fn step(&mut self, view: &mut View<'_>, record: &Record) -> Result<(), StepError> {
        match record.topic.name {
            "spend" => self.spend(view, record),
            "tick" => Self::tick(view, record),
            _ => Self::registered(view, record),
        }
    }

    fn work(&mut self, view: &mut View<'_>) -> Result<bool, StepError> {
        let key = AccountKey::new(POLICY);
        let Some(done) = view.get(&CURSOR, &key)? else {
            return Ok(false);
        };
        let mut done = Arc::unwrap_or_clone(done);
        // The work goes on in the name of the policy's record, whoever does it and when.
        let number = |text: &str| text.parse().unwrap_or(0);
        let (partition, offset) = (number(&done.payer) as i32, number(&done.name));
        let cause = Cause { topic: done.provider.clone(), partition, offset };
        view.act_for(cause, number(&done.email), "mail");
        assert!(!self.switches.work_panics.load(Ordering::SeqCst), "asked to in work");
        let executive = view.get(&REGISTER, &key)?.and_then(|entry| entry.executive.clone());
        let rows = view.scan(&TOTALS, "", Some(&done.account), PIECE)?;
        let last = rows.last().map(|(key, _)| key.account.clone());
        for (key, row) in rows {
            let executive = executive.clone();
            view.put(&TOTALS, &key, AccountState { executive, ..(*row).clone() })?;
            // Not idempotent: a piece that is done twice shows.
            view.emit(&SCAN_UNIT, &key, &event("policy", 0, &key.account, None))?;
        }
        match last {
            Some(last) => {
                done.account = last;
                view.put(&CURSOR, &key, done)?;
            }
            None => view.delete(&CURSOR, &key)?,
        }
        Ok(true)
    }
}

fn event(scan: &str, attempt: i32, account: &str, owner: Option<String>) -> ScanUnit {
    ScanUnit {
        scan: scan.to_owned(),
        attempt,
        account: account.to_owned(),
        region: owner.unwrap_or_default(),
        ..ScanUnit::default()
    }
}

fn cursor(cause: &Cause, at_ms: i64) -> AccountListing {
    AccountListing {
        provider: cause.topic.clone(),
        payer: cause.partition.to_string(),
        name: cause.offset.to_string(),
        email: at_ms.to_string(),
        ..AccountListing::default()
    }
}
