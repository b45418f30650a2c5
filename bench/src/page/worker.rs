//! Reads the log as `scorecard serve` does, and asks the page while it follows.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use schemas::{Codec, RollupKey, RollupState, SCORE_ONE, ScoreKey, ScoreState, ScoreStatus, topic};
use serde_json::{Value, json};
use sink_page::{Config, Live, Page, Pipeline, Scope};
use stream::secret::Secret;
use stream::{Log, Publisher, local::LocalLog, worker::Stop};

use super::ask::{self, Asker, Known, middle};
use crate::process;
use crate::site::{PARTITIONS, PREFIX};
use crate::workbook::{AT_MS, owner};

/// How long reading the log may take.
const READING: Duration = Duration::from_secs(1_200);

/// How often a change is made and waited for.
const CHANGES: i64 = 9;

/// How long the page is asked while it is busy.
const BUSY: Duration = Duration::from_secs(10);

/// The token of who sees everything, and of the owner with the most accounts.
const TOKENS: [&str; 2] = ["a token for everybody's", "a token for one owner's"];

/// Asks the page of a log, alone in a process
#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    #[arg(long)]
    log: PathBuf,
    #[arg(long)]
    rounds: usize,
}

/// Asks, and prints what it took.
pub(crate) fn work(args: &WorkerArgs) -> Result<()> {
    let mib = |bytes: u64| bytes / (1 << 20);
    let memory = || process::memory(std::process::id());
    let (start, stop) = (Instant::now(), Stop::new());
    let log: Arc<dyn Log> = Arc::new(LocalLog::open(&args.log, PARTITIONS, PREFIX)?);
    let ask = Box::new(|| Ok(Pipeline { lags: vec![("account".to_owned(), 0)], dead: 0 }));
    let live = Live::start(log.clone(), Codec::default(), ask, stop.clone())?;
    let page = page(&live)?;
    let everybody = Asker { page: &page, token: Some(TOKENS[0]) };
    wait(&everybody, "/search", "The tables are being read", false)?;
    let (loaded_s, loaded) = (start.elapsed().as_secs_f64(), memory()?);
    wait(&everybody, "/", "● read", true)?;
    let (past_s, past) = (start.elapsed().as_secs_f64(), memory()?);
    let known = Known::of(&everybody)?;
    let change = change(&log, &everybody, &known.account)?;
    let addresses = ask::all(&everybody, &known, args.rounds)?;
    let asked = memory()?;
    let one = Asker { page: &page, token: Some(TOKENS[1]) };
    let mut owners = Vec::new();
    for (address, form) in [("/", "html"), ("/accounts", "html"), ("/exceptions", "html")] {
        owners.push(one.time(address, address, form, args.rounds)?);
    }
    let figures = json!({"loaded_s": loaded_s, "past_s": past_s,
        "loaded_mib": mib(loaded.now), "loaded_peak_mib": mib(loaded.peak),
        "past_mib": mib(past.now), "asked_peak_mib": mib(asked.peak),
        "cpu_seconds": process::cpu_seconds(std::process::id())?,
        "change": change, "event": event(&page), "addresses": addresses, "owner": owners,
        "busy": busy(&log, &everybody, &known.account)?,
        "peak_mib": mib(memory()?.peak)});
    println!("{figures}");
    stop.stop();
    Ok(())
}

/// Makes the page, with a token for who sees everything and one for an owner.
fn page(live: &Arc<Live>) -> Result<Page> {
    let folder = tempfile::tempdir()?;
    let mut secrets = Vec::new();
    for (at, token) in TOKENS.iter().enumerate() {
        let path = folder.path().join(at.to_string());
        std::fs::write(&path, token)?;
        secrets.push(Secret::File(path));
    }
    let [all, one] = <[Secret; 2]>::try_from(secrets).ok().context("there are two tokens")?;
    let owners = [(owner(0), one)].into();
    let config = Config { token: Some(all), owners, ..Config::default() };
    Ok(Page::new(live.clone(), &config, config.listen)?)
}

/// Waits until a page holds words, or holds them no more.
fn wait(asker: &Asker<'_>, target: &str, words: &str, is_wanted: bool) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < READING {
        let answer = asker.get(target);
        if String::from_utf8_lossy(&answer.body).contains(words) == is_wanted {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    bail!("{target} is not as it should be: {words}")
}

/// Changes an account's score and the sum over all, and waits until answers are right.
fn change(log: &Arc<dyn Log>, asker: &Asker<'_>, account: &str) -> Result<Value> {
    let mut publisher = Publisher::open(&**log, &Codec::default(), PREFIX, "bench")?;
    let (mut accounts, mut sums) = (Vec::new(), Vec::new());
    for n in 1..=CHANGES {
        let share = SCORE_ONE * n / 10;
        let score = ScoreState { weighted_score: 100 * share, ..whole(share) };
        publisher.put(&topic::SCORE_STATE, &ScoreKey::new(account, "*"), &score, AT_MS)?;
        publisher.flush()?;
        let wanted = |json: &Value| json["score"]["score"].as_f64() == Some(n as f64 / 10.0);
        accounts.push(until(asker, &format!("/explain/{account}"), wanted)?);
        let sum =
            RollupState { weight: 100, weighted_score: 100 * share, ..RollupState::default() };
        publisher.put(&topic::ROLLUP_STATE, &RollupKey::new("enterprise", "all"), &sum, AT_MS)?;
        publisher.flush()?;
        let wanted = |json: &Value| json["score"].as_f64() == Some(n as f64 / 10.0);
        sums.push(until(asker, "/", wanted)?);
    }
    let ((account_ms, account_max), (sum_ms, sum_max)) = (middle(accounts), middle(sums));
    Ok(json!({"account_p50_ms": account_ms, "account_max_ms": account_max,
        "overview_p50_ms": sum_ms, "overview_max_ms": sum_max}))
}

fn whole(share: i64) -> ScoreState {
    ScoreState {
        status: ScoreStatus::Scored,
        score: Some(share),
        weight: 100,
        total: 10,
        scopes: 100,
        scopes_collected: 100,
        ..ScoreState::default()
    }
}

/// Gives the milliseconds until a program's answer is as wanted.
fn until(asker: &Asker<'_>, target: &str, wanted: impl Fn(&Value) -> bool) -> Result<f64> {
    let start = Instant::now();
    while !wanted(&asker.json(target)?) {
        if start.elapsed() > Duration::from_secs(60) {
            bail!("{target} does not change: {}", asker.json(target)?);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(start.elapsed().as_secs_f64() * 1_000.0)
}

/// Gives the milliseconds that the figures of a hundred open pages take, of everybody's accounts,
/// for the page that asks first and for all others together.
fn event(page: &Page) -> Value {
    let ask = |pages: usize| {
        let start = Instant::now();
        for _ in 0..pages {
            page.event(&Scope::All, None);
        }
        start.elapsed().as_secs_f64() * 1_000.0
    };
    // What was told before is too old by then.
    std::thread::sleep(Duration::from_secs(2));
    json!({"first_ms": ask(1), "other_99_ms": ask(99)})
}

/// Asks for an account while the log grows and others save the largest tables.
fn busy(log: &Arc<dyn Log>, asker: &Asker<'_>, account: &str) -> Result<Value> {
    let is_over = AtomicBool::new(false);
    let (saved, failed) = (Mutex::new(0), Mutex::new(None));
    let mut took = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                asker.get("/heat?format=xlsx");
                *saved.lock().expect("nobody panics with it") += 1;
            }
        });
        scope.spawn(|| {
            let changes = || -> Result<()> {
                let mut publisher = Publisher::open(&**log, &Codec::default(), PREFIX, "bench")?;
                while !is_over.load(Ordering::Relaxed) {
                    for _ in 0..20 {
                        let key = ScoreKey::new(account, "*");
                        let score = whole(SCORE_ONE / 2);
                        publisher.put(&topic::SCORE_STATE, &key, &score, AT_MS)?;
                    }
                    publisher.flush()?;
                    std::thread::sleep(Duration::from_millis(100));
                }
                Ok(())
            };
            *failed.lock().expect("nobody panics with it") = changes().err();
        });
        let start = Instant::now();
        while start.elapsed() < BUSY {
            let began = Instant::now();
            asker.get(&format!("/account/{account}"));
            took.push(began.elapsed().as_secs_f64() * 1_000.0);
            std::thread::sleep(Duration::from_millis(20));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    if let Some(error) = failed.into_inner().expect("nobody panics with it") {
        return Err(error);
    }
    let answers = took.len();
    let (p50_ms, max_ms) = middle(took);
    let saved = saved.into_inner().expect("nobody panics with it");
    Ok(json!({"answers": answers, "p50_ms": p50_ms, "max_ms": max_ms, "saved": saved}))
}
