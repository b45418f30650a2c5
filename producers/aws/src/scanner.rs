//! Scans: planned once, worked off by every process of the collectors' group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_credential_types::provider::SharedCredentialsProvider;
use schemas::topic::{ACCOUNT_LISTING, SCAN_UNIT, SPEND};
use schemas::{AccountKey, AccountStatus, Codec, ScanUnit};
use stream::{Log, Position, Publisher, Reader, Record, snapshot};
use tokio::runtime::Runtime;

use crate::api::Model;
use crate::board::{Board, has_ended, is_due};
use crate::collectors::{account_actions, session_policy};
use crate::config::Config;
use crate::error::Error;
use crate::group::{Session, log};
use crate::listed::changes;
use crate::listing::{Listed, list};
use crate::plan::{Begin, Wanted, scan_id, units};
use crate::redact::Redactor;
use crate::schedule::{Planner, Schedule};
use crate::session::Sessions;
use crate::summary::{Progress, Summary};
use crate::unit::Shared;

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// How often it is asked whether to stop while nothing else can be done than wait.
const STOP_LOOK_EVERY: Duration = Duration::from_millis(100);

/// Who is fenced sooner after joining has a twin that runs by the same name.
const FENCED_BY_TWIN: Duration = Duration::from_secs(60);

/// A scan that began earlier than this is not joined: it was left behind.
const JOIN_MS: i64 = 6 * 3_600_000;

/// Gives the time in UTC milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The log that a scan reads and writes.
#[derive(Clone)]
pub struct Outlet {
    /// The log.
    pub log: Arc<dyn Log>,
    /// How values are written.
    pub codec: Codec,
    /// What topics' names begin with.
    pub prefix: String,
}

/// This process's part in the collectors' group.
pub struct Scanner {
    core: Core,
}

/// What the scanner and its sessions work with.
pub(crate) struct Core {
    pub(crate) outlet: Outlet,
    pub(crate) config: Config,
    pub(crate) slot: String,
    pub(crate) clock: Clock,
    pub(crate) shared: Arc<Shared>,
    pub(crate) redactor: Redactor,
    pub(crate) runtime: Runtime,
    pub(crate) publisher: Publisher,
    board: Board,
    reader: Box<dyn Reader>,
}

impl Scanner {
    /// Prepares to scan; nothing is asked or written yet.
    ///
    /// `slot` names this process in the group, the same after a restart. Without `credentials`
    /// those of aws-config's default chain are taken.
    ///
    /// # Errors
    /// When the configuration can't be used, or the log can't be reached.
    pub fn open(
        outlet: Outlet,
        config: &Config,
        slot: &str,
        credentials: Option<SharedCredentialsProvider>,
        clock: Clock,
    ) -> Result<Self, Error> {
        config.validate()?;
        let key = config.digest_key.as_ref().map(|key| key.read("aws.digest_key")).transpose();
        let key = key.map_err(log("reading the key of digests"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("collectors")
            .build()
            .map_err(Error::Runtime)?;
        let sessions = runtime.block_on(Sessions::prepare(config, credentials));
        let shared = Arc::new(Shared {
            sessions,
            model: Arc::new(Model::embedded()?),
            regions: config.regions.clone(),
            concurrency: config.concurrency,
            policy: session_policy(&account_actions()),
            limit: Duration::from_millis(config.timeouts.unit_ms),
        });
        let Outlet { log: the_log, codec, prefix } = &outlet;
        let publisher = Publisher::open(&**the_log, codec, prefix, "producer aws");
        let from = |partition| Position { topic: SCAN_UNIT.spec, partition, offset: 0 };
        let from: Vec<_> = (0..the_log.partitions()).map(from).collect();
        let reader = the_log.reader(&from).map_err(log("reading units"))?;
        let core = Core {
            publisher: publisher.map_err(log("opening the producer"))?,
            redactor: Redactor::new(&config.secret_fields, key.as_deref()),
            config: config.clone(),
            slot: slot.to_owned(),
            clock,
            shared,
            runtime,
            board: Board::default(),
            reader,
            outlet,
        };
        Ok(Self { core })
    }

    /// Scans what is wanted once: plans it, and works until every unit of it has ended, in whatever
    /// process, or until `is_stopped`; none when that was before anything was planned.
    ///
    /// A scan of everything that is under way is not begun a second time, but helped to its end.
    /// What fails on the side of AWS is in the summary and in the observations.
    ///
    /// # Errors
    /// When nothing known is wanted, or the log can't be read or written.
    pub fn scan(
        &mut self,
        wanted: &Wanted,
        is_stopped: &dyn Fn() -> bool,
        tell: &dyn Fn(&Progress),
    ) -> Result<Option<Summary>, Error> {
        self.core.read_whole_board()?;
        let since_ms = (self.core.clock)() - JOIN_MS;
        let open = self.core.board.open_since(since_ms).map(str::to_owned);
        let mut summary = match open.filter(|_| wanted.is_everything()) {
            Some(scan) => Summary { scan, joined: true, ..Summary::default() },
            None => match self.begin(wanted, is_stopped)? {
                Some(summary) => summary,
                None => return Ok(None),
            },
        };
        let mut told = Instant::now();
        self.work(|session| {
            let goes_on = !is_stopped() && summary.is_open(&session.core().board);
            if told.elapsed() >= TELL_EVERY || !goes_on {
                told = Instant::now();
                tell(&progress(session, &summary.scan));
            }
            Ok(goes_on)
        })?;
        summary.units = self.core.board.all(&summary.scan);
        Ok(Some(summary))
    }

    /// Lists the accounts and plans a scan of what is wanted; none when it is stopped before.
    fn begin(
        &mut self,
        wanted: &Wanted,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Option<Summary>, Error> {
        check(wanted)?;
        let listing = self.core.list()?;
        let Some(listed) = self.core.runtime.block_on(unless(is_stopped, listing)) else {
            return Ok(None);
        };
        let unknown = wanted.accounts.iter().find(|account| !listed.has(account));
        if let (Some(account), true) = (unknown, listed.failed.is_empty()) {
            return Err(Error::Account(account.clone()));
        }
        self.core.plan(listed, wanted, Duration::ZERO, false).map(Some)
    }

    /// Works off units for good, and begins a scan of everything whenever its time has come and
    /// this process leads the group.
    ///
    /// # Errors
    /// When the log can't be read or written.
    pub fn keep_scanning(
        &mut self,
        schedule: Schedule,
        is_stopped: &dyn Fn() -> bool,
        tell: &dyn Fn(&Progress),
        ended: &dyn Fn(&Summary),
    ) -> Result<(), Error> {
        self.core.read_whole_board()?;
        let mut planner = Planner::new(schedule);
        let mut told = Instant::now();
        self.work(|session| {
            if session.leads() {
                planner.plan_when_due(session.core())?;
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                tell(&progress(session, planner.scan()));
                if let Some(summary) = planner.ended(&session.core().board) {
                    ended(&summary);
                }
            }
            Ok(!is_stopped())
        })
    }

    /// Works as a member of the group as long as `goes_on` says so after each pass.
    ///
    /// A member that lost touch with the group for a while is taken for replaced: it joins again.
    fn work(
        &mut self,
        mut goes_on: impl FnMut(&mut Session<'_>) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        loop {
            let joined = Instant::now();
            let mut session = Session::join(&mut self.core)?;
            let end = loop {
                match session.pass().and_then(|()| goes_on(&mut session)) {
                    Ok(true) => {}
                    end => break end,
                }
            };
            match end {
                Err(Error::Fenced { slot }) if joined.elapsed() >= FENCED_BY_TWIN => {
                    tracing::warn!(slot, "the group had given this collector up: joining again");
                }
                end => return end.map(|_| ()),
            }
        }
    }
}

fn check(wanted: &Wanted) -> Result<Vec<String>, Error> {
    wanted.collectors().map_err(|word| {
        let ids: Vec<_> = crate::collectors::ALL.iter().map(|collector| collector.id).collect();
        Error::Service { word, known: ids.join(", ") }
    })
}

fn progress(session: &mut Session<'_>, scan: &str) -> Progress {
    let mut progress = Progress { scan: scan.to_owned(), ..Progress::default() };
    for unit in session.core().board.units(scan) {
        progress.units_total += 1;
        progress.units_done += usize::from(has_ended(unit));
        progress.resources += unit.resources;
        progress.failed += unit.failed;
    }
    let (here, calls) = session.at_work();
    for unit in here.filter(|unit| unit.scan == scan) {
        progress.units_here += 1;
        progress.resources += unit.resources;
        progress.failed += unit.failed;
    }
    Progress { calls, ..progress }
}

impl Summary {
    /// Tells whether units of the scan are still to be ended. A scan without any is over.
    pub(crate) fn is_open(&self, board: &Board) -> bool {
        let planned = self.joined || self.planned > 0;
        planned && !board.has_ended(&self.scan)
    }
}

impl Core {
    /// Publishes what was listed, and the units of a scan.
    pub(crate) fn plan(
        &mut self,
        listed: Listed,
        wanted: &Wanted,
        jitter: Duration,
        scheduled: bool,
    ) -> Result<Summary, Error> {
        let collectors = check(wanted)?;
        let start_ms = (self.clock)();
        self.publish(&listed)?;
        let jitter_ms = i64::try_from(jitter.as_millis()).unwrap_or(i64::MAX);
        let begin = Begin { start_ms, jitter_ms, scheduled };
        let units = units(&listed.listings, wanted, &collectors, begin);
        for unit in &units {
            let key = AccountKey::new(&*unit.account);
            let put = self.publisher.put(&SCAN_UNIT, &key, unit, start_ms);
            put.map_err(log("planning a unit"))?;
        }
        self.publisher.flush().map_err(log("publishing the plan"))?;
        let suspended = listed.listings.iter().filter(|l| l.status == AccountStatus::Suspended);
        Ok(Summary {
            scan: scan_id(start_ms),
            planned: units.len(),
            accounts_suspended: suspended.map(|listing| listing.account.clone()).collect(),
            accounts_listed: listed.listings.len(),
            payers_failed: listed.failed,
            ..Summary::default()
        })
    }

    /// Prepares to list the accounts of every payer.
    pub(crate) fn list(&self) -> Result<impl Future<Output = Listed> + Send + use<>, Error> {
        let Outlet { log: the_log, codec, prefix } = &self.outlet;
        let known = snapshot::agreed(&**the_log, codec, prefix, &ACCOUNT_LISTING);
        let known = known.map_err(log("reading the accounts' listings"))?;
        let now_ms = (self.clock)();
        Ok(list(Arc::clone(&self.shared), self.config.clone(), known, now_ms))
    }

    /// Publishes what the listings changed, and the accounts' spend.
    fn publish(&mut self, listed: &Listed) -> Result<(), Error> {
        let now_ms = (self.clock)();
        for (key, listing) in changes(&listed.known, listed.answers()) {
            let put = match &listing {
                Some(listing) => self.publisher.put(&ACCOUNT_LISTING, &key, listing, now_ms),
                None => self.publisher.tombstone(&ACCOUNT_LISTING, &key, now_ms),
            };
            put.map_err(log("publishing an account's listing"))?;
        }
        for spend in &listed.spend {
            let key = AccountKey::new(&*spend.account);
            let put = self.publisher.put(&SPEND, &key, spend, now_ms);
            put.map_err(log("publishing an account's spend"))?;
        }
        Ok(())
    }

    pub(crate) fn is_due(&self, schedule: Schedule) -> bool {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let (interval_ms, unit_ms) = (millis(schedule.interval), self.config.timeouts.unit_ms);
        // Long enough for each of its units to be lost once and taken over.
        let patience_ms = interval_ms + millis(schedule.jitter) + 2 * unit_ms.cast_signed();
        is_due(&self.board, (self.clock)(), interval_ms, patience_ms)
    }

    /// Reads a record of `scan.unit`; one that can't be read asks for no work and is left alone.
    pub(crate) fn decode(&self, record: &Record) -> Option<ScanUnit> {
        let decoded = self.outlet.codec.decode(record.value.as_deref()?);
        decoded
            .inspect_err(|error| {
                let (partition, offset) = (record.partition, record.offset);
                tracing::error!(partition, offset, %error, "a record of scan.unit can't be read");
            })
            .ok()
    }

    /// Tells whether a unit is known to have ended.
    pub(crate) fn has_ended(&self, unit: &ScanUnit) -> bool {
        self.board.unit(&unit.scan, &unit.account).is_some_and(has_ended)
    }

    /// Takes what was written to `scan.unit` meanwhile.
    pub(crate) fn read_board(&mut self) -> Result<(), Error> {
        let records = self.reader.poll(Duration::ZERO).map_err(log("reading units"))?;
        for unit in records.iter().filter_map(|record| self.decode(record)).collect::<Vec<_>>() {
            self.board.take(unit);
        }
        self.board.forget_before((self.clock)() - JOIN_MS);
        Ok(())
    }

    /// Reads `scan.unit` up to its end as it is now.
    fn read_whole_board(&mut self) -> Result<(), Error> {
        let ends = self.outlet.log.ends(&[SCAN_UNIT.spec]).map_err(log("reading units"))?;
        loop {
            let at = self.reader.positions().map_err(log("reading units"))?;
            let behind = |end: &Position| {
                at.iter().any(|at| at.partition == end.partition && at.offset < end.offset)
            };
            if !ends.iter().any(behind) {
                return Ok(());
            }
            let records = self.reader.poll(TELL_EVERY).map_err(log("reading units"))?;
            for record in &records {
                if let Some(unit) = self.decode(record) {
                    self.board.take(unit);
                }
            }
        }
    }
}

/// Waits for work; gives none when it is told to stop before that has ended.
async fn unless<T>(is_stopped: &dyn Fn() -> bool, work: impl Future<Output = T>) -> Option<T> {
    let stopped = async {
        while !is_stopped() {
            tokio::time::sleep(STOP_LOOK_EVERY).await;
        }
    };
    tokio::select! {
        done = work => Some(done),
        () = stopped => None,
    }
}
