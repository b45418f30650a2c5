//! Alerts on Kafka: a sink that is killed amid its work loses none, and names what it repeats.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use kit::hook::Hook;
use kit::mailpit::{Fault, Line, Mailpit};
use kit::process::Child;
use schemas::topic::{ALERT_STATE, SCORE_HISTORY, TICK, TRUST_STATE};
use schemas::{
    AlertKey, AlertState, Codec, PrincipalKind, SCORE_ONE, ScoreKey, ScoreState, ScoreStatus, Tick,
    TickKey, TrustKey, TrustState,
};
use serde_json::Value;
use stream::{Log, Publisher, snapshot};

use crate::site::Site;

const PARTITIONS: i32 = 3;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Limit for one thing to happen; a start and a join of the group are a few seconds of it.
const LIMIT: Duration = Duration::from_secs(60);

/// In the order in which they are told.
const RECIPIENTS: [&str; 2] = ["ciso@example.com", "soc@example.com"];

/// Kills while alerts are noted, each after one part more of those that are appended meanwhile.
const KILLS: usize = 4;
const PARTS: usize = KILLS + 1;
const PART_ALERTS: usize = 5;

/// Accounts whose scores fall, and accounts that trust foreign ones.
const SCORED: u32 = 3;
const TRUSTING: u32 = 7;

/// When a sink is killed that tells alerts.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The webhook has them and has not answered.
    Posted,
    /// The mail server has the first message and has not answered.
    Mailed,
    /// All have all of it, and the log may say so or not.
    Told,
}

/// How often posts and messages to each recipient came.
struct Times {
    posts: RangeInclusive<usize>,
    mails: [RangeInclusive<usize>; 2],
}

const ONCE: Times = Times { posts: 1..=1, mails: [1..=1, 1..=1] };

impl Moment {
    fn times(self) -> Times {
        match self {
            Self::Posted => Times { posts: 2..=2, ..ONCE },
            Self::Mailed => Times { posts: 2..=2, mails: [2..=2, 1..=1] },
            Self::Told => Times { posts: 1..=2, mails: [1..=2, 1..=2] },
        }
    }
}

/// What is to be told, whom it is told to, and the log between.
struct World {
    site: Site,
    log: Arc<dyn Log>,
    publisher: Publisher,
    hook: Hook,
    server: Mailpit,
    line: Line,
    now_ms: i64,
    starts: u32,
    /// Ids of the alerts that are to be told, and of those that were checked.
    expected: BTreeSet<String>,
    checked: BTreeSet<String>,
    /// Messages that were checked, by their ids.
    read: BTreeSet<String>,
}

impl World {
    fn new() -> Result<Self> {
        let site = Site::kafka("alerts", PARTITIONS)?;
        let (hook, server) = (Hook::start()?, Mailpit::start()?);
        let line = Line::start(server.smtp_port())?;
        let config = format!(
            "mail:\n  server: smtp://127.0.0.1:{}\n  from: Scores <scores@example.com>\n  \
             owners: {{cron: \"0 8 * * MON\"}}\n\
             alerts:\n  recipients: [{}]\n  webhook: {{url: \"{}\"}}\n  quiet_minutes: 0\n",
            line.port(),
            RECIPIENTS.join(", "),
            hook.url()
        );
        let mut file = std::fs::OpenOptions::new().append(true).open(site.file())?;
        file.write_all(config.as_bytes())?;
        let log = site.open()?;
        let publisher = Publisher::open(&*log, &Codec::default(), &site.prefix, "test")?;
        // Kafka takes no times of the future, and the log's time goes faster here.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let now_ms = i64::try_from(now.as_millis())? / HOUR_MS * HOUR_MS - 6 * HOUR_MS;
        let (expected, checked, read) = Default::default();
        let starts = 0;
        Ok(Self {
            site,
            log,
            publisher,
            hook,
            server,
            line,
            now_ms,
            starts,
            expected,
            checked,
            read,
        })
    }

    /// Lets some accounts trust foreign ones that nobody knows.
    fn trust(&mut self, foreign: Range<u32>) -> Result<()> {
        for number in foreign {
            let (account, foreign) = (account(number % TRUSTING), format!("9{number:011}"));
            let row = TrustState {
                kind: PrincipalKind::Account,
                principal_account: Some(foreign.clone()),
                resources: 1,
                ..TrustState::default()
            };
            let key = TrustKey::new(&*account, format!("arn:aws:iam::{foreign}:root"));
            self.publisher.put(&TRUST_STATE, &key, &row, self.now_ms)?;
            self.expected.insert(format!("trust/{account}/{foreign}/{}", self.now_ms));
        }
        Ok(self.publisher.flush()?)
    }

    /// Cuts the scores of some accounts.
    fn cut(&mut self, points: i64) -> Result<()> {
        for number in 0..SCORED {
            let row = ScoreState {
                status: ScoreStatus::Scored,
                score: Some(points * SCORE_ONE / 100),
                scopes: 1,
                scopes_collected: 1,
                oldest_ms: Some(self.now_ms),
                ..ScoreState::default()
            };
            let key = ScoreKey::new(account(number), "*");
            self.publisher.put(&SCORE_HISTORY, &key, &row, self.now_ms)?;
        }
        Ok(self.publisher.flush()?)
    }

    fn tick(&mut self) -> Result<()> {
        self.now_ms += MINUTE_MS;
        let minute_ms = self.now_ms;
        self.publisher.put(&TICK, &TickKey { minute_ms }, &Tick { minute_ms }, minute_ms)?;
        Ok(self.publisher.flush()?)
    }

    fn start(&mut self) -> Result<Child> {
        self.starts += 1;
        self.site.spawn(&["sink", "alert"], &format!("alert-{}", self.starts))
    }

    fn rows(&self) -> Result<BTreeMap<AlertKey, AlertState>> {
        Ok(snapshot::table(&*self.log, &Codec::default(), &self.site.prefix, &ALERT_STATE)?)
    }

    /// Counts offsets of the table, markers and open transactions included.
    fn written(&self) -> Result<i64> {
        Ok(self.log.ends(&[ALERT_STATE.spec])?.iter().map(|end| end.offset).sum())
    }

    /// Waits until every alert is noted.
    fn until_noted(&self, sink: &mut Child) -> Result<()> {
        self.until(sink, "noted", || Ok(self.rows()?.len() == self.expected.len()))
    }

    /// Lets time go on until every alert is told.
    fn until_told(&mut self, sink: &mut Child) -> Result<()> {
        let start = Instant::now();
        while !self.rows()?.values().all(|row| row.told_ms.is_some()) {
            ensure!(sink.is_running() && start.elapsed() < LIMIT, "not told: {}", sink.tail());
            self.tick()?;
            thread::sleep(Duration::from_millis(300));
        }
        Ok(())
    }

    fn until(
        &self,
        sink: &mut Child,
        what: &str,
        mut is_so: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        while !is_so()? {
            ensure!(sink.is_running() && start.elapsed() < LIMIT, "not {what}: {}", sink.tail());
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Appends alerts, lets a sink note them and tell them, kills it at a moment of that, and lets
    /// the next one go on.
    fn killed_at(&mut self, moment: Moment, foreign: Range<u32>) -> Result<()> {
        self.trust(foreign)?;
        let mut sink = self.start()?;
        self.until_noted(&mut sink)?;
        let all = self.server.messages()?.len() + RECIPIENTS.len();
        match moment {
            Moment::Posted => self.hook.holds(1),
            Moment::Mailed => self.line.fails(Fault::HoldsAnswer, 1),
            Moment::Told => {}
        }
        self.tick()?;
        match moment {
            Moment::Posted => ensure!(self.hook.has(1, LIMIT), "not posted: {}", sink.tail()),
            Moment::Mailed => {
                ensure!(self.line.has_failed(1, LIMIT), "not mailed: {}", sink.tail());
                // The server answers the line once it has the message: so long it has to be given.
                thread::sleep(Duration::from_millis(300));
            }
            Moment::Told => {
                self.until(&mut sink, "told", || Ok(self.server.messages()?.len() >= all))?;
            }
        }
        sink.kill9()?;
        self.last_tells()
    }

    /// Starts a sink that nobody disturbs, until all is told.
    fn last_tells(&mut self) -> Result<()> {
        let mut sink = self.start()?;
        self.until_noted(&mut sink)?;
        self.until_told(&mut sink)?;
        sink.kill9()
    }

    /// Holds what came since the last check against what was to be told: all of it in one post and
    /// one message, which may come twice and are the same then.
    fn check(&mut self, what: &str, times: &Times) -> Result<()> {
        let expected: BTreeSet<String> = self.expected.difference(&self.checked).cloned().collect();
        let posts = posts(&self.hook)?;
        let [(ids, count)] = &posts[..] else { bail!("{what}: not one post: {posts:?}") };
        ensure!(*ids == expected, "{what}: told {ids:?} instead of {expected:?}");
        ensure!(times.posts.contains(count), "{what}: posted {count} times");
        let mut mails = mails(&self.server)?;
        mails.retain(|id, _| !self.read.contains(id));
        ensure!(mails.len() == 1, "{what}: not one message: {mails:?}");
        for (id, counts) in mails {
            let fit = counts.iter().zip(&times.mails).all(|(count, times)| times.contains(count));
            ensure!(fit, "{what}: {id} came {counts:?} times");
            self.read.insert(id);
        }
        self.checked.extend(expected);
        Ok(())
    }
}

/// Gives the ids of the alerts of each post, and how often it came with the very same content.
fn posts(hook: &Hook) -> Result<Vec<(BTreeSet<String>, usize)>> {
    let mut posts: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for request in hook.take() {
        *posts.entry(request.body).or_default() += 1;
    }
    let ids = |(body, count): (Vec<u8>, usize)| {
        let events: Vec<Value> = serde_json::from_slice(&body)?;
        let ids = events.iter().map(|event| event["id"].as_str().map(str::to_owned));
        let ids: Option<Vec<String>> = ids.collect();
        let ids = ids.context("events have ids")?;
        let set: BTreeSet<String> = ids.iter().cloned().collect();
        ensure!(set.len() == ids.len(), "an alert is twice in {ids:?}");
        Ok((set, count))
    };
    posts.into_iter().map(ids).collect()
}

/// Gives how often each message came to each recipient, by its id: all have one text.
fn mails(server: &Mailpit) -> Result<BTreeMap<String, [usize; 2]>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (mut mails, mut texts) = (BTreeMap::new(), BTreeMap::new());
    for message in server.messages()? {
        let to = text(&message["To"][0]["Address"]);
        let to = RECIPIENTS.iter().position(|one| *one == to).context("one of both")?;
        let id = text(&message["MessageID"]);
        mails.entry(id.clone()).or_insert([0, 0])[to] += 1;
        let said = text(&server.message(&text(&message["ID"]))?["Text"]);
        let first = texts.entry(id.clone()).or_insert_with(|| said.clone());
        ensure!(*first == said && !said.is_empty(), "{id} says {first:?} and {said:?}");
    }
    Ok(mails)
}

fn account(number: u32) -> String {
    format!("{number:012}")
}

/// Kills a sink again and again while it notes alerts, which no tick lets it tell yet.
fn killed_while_noting(world: &mut World) -> Result<()> {
    world.cut(90)?;
    world.tick()?;
    world.site.run(&["sink", "alert", "--once"])?;
    let mut numbers = (0..).step_by(PART_ALERTS).map(|first| first..first + PART_ALERTS as u32);
    for kill in 1..=KILLS {
        let before = world.written()?;
        let mut sink = world.start()?;
        for part in 0..PARTS {
            world.trust(numbers.next().context("numbers have no end")?)?;
            if part == 0 {
                world.until(&mut sink, "at work", || Ok(world.written()? > before))?;
            }
            // It works on that part or the one before; nobody does on the next ones.
            if part == kill {
                sink.kill9()?;
            }
        }
    }
    // Who saw the scores of the hour before is gone; the next one tells that they fell.
    world.now_ms += HOUR_MS;
    world.cut(70)?;
    let at_ms = world.now_ms;
    world.expected.extend((0..SCORED).map(|number| format!("fall/{}/*/{at_ms}", account(number))));
    world.last_tells()
}

#[test]
fn a_sink_that_is_killed_tells_every_alert_and_names_what_it_repeats() -> Result<()> {
    let mut world = World::new()?;
    killed_while_noting(&mut world)?;
    world.check("killed while noting", &ONCE)?;
    let moments = [Moment::Posted, Moment::Mailed, Moment::Told, Moment::Told];
    for (moment, first) in moments.into_iter().zip((1_000..).step_by(10)) {
        world.killed_at(moment, first..first + 3)?;
        world.check(&format!("{moment:?}, {first}"), &moment.times())?;
    }
    // The table has each of them as told, and nothing else; nobody hears of them again.
    let id = |(key, row): (AlertKey, AlertState)| {
        let AlertKey { account, kind, subject } = key;
        ensure!(row.told_ms.is_some(), "{kind} of {account} is not told");
        Ok(format!("{kind}/{account}/{subject}/{}", row.since_ms))
    };
    let rows: BTreeSet<String> = world.rows()?.into_iter().map(id).collect::<Result<_>>()?;
    ensure!(rows == world.expected, "{rows:?}\ninstead of {:?}", world.expected);
    world.tick()?;
    let messages = world.server.messages()?.len();
    world.site.run(&["sink", "alert", "--once"])?;
    ensure!(world.hook.take().is_empty(), "posted again");
    ensure!(world.server.messages()?.len() == messages, "mailed again");
    Ok(())
}
