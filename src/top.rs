//! `scorecard top`: stages, tasks, lag and rates as they are now, from the log and from processes.

mod screen;

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use schemas::TopicSpec;
use stream::Log;

use self::screen::Screen;
use crate::{
    config::{Config, OptionalConfigFile},
    output::Form,
    pipeline::{STAGES, factory},
    serve::ProcessView,
    site::Site,
};

/// How long a process may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Time between the two looks of `--once`: rates need two.
const ONCE_INTERVAL: Duration = Duration::from_secs(1);

/// Shows stages, tasks, lag and rates as they are now
///
/// The log of the configuration alone tells committed positions, ends and rates, whatever runs.
/// What only a process knows (restores, dead letters, exact lag) comes from the addresses that it
/// listens at.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: OptionalConfigFile,
    /// Where a process listens, for example http://127.0.0.1:9464; any number of times
    #[arg(long, value_name = "URL")]
    url: Vec<String>,
    /// Look twice, a second apart, print, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    form: Form,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    interval: u64,
}

/// What one look found.
pub(super) struct Look {
    at: Instant,
    /// Stages as the log knows them; none without a log.
    stages: Option<Vec<StageLook>>,
    processes: Vec<(String, Result<ProcessView, String>)>,
}

/// A stage as the log knows it.
pub(super) struct StageLook {
    name: &'static str,
    inputs: Vec<InputLook>,
}

/// One input partition of a stage.
pub(super) struct InputLook {
    topic: &'static TopicSpec,
    partition: i32,
    committed: i64,
    end: i64,
}

/// What is looked at.
struct Sources {
    log: Source,
    urls: Vec<String>,
    agent: ureq::Agent,
}

/// Where positions come from.
enum Source {
    /// Nowhere: why is said.
    None(String),
    /// A log that others use at the same time.
    Shared(Site),
    /// A folder that no process had open: nothing moves in it.
    Still(Vec<StageLook>),
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!((1..=3_600).contains(&args.interval), "--interval: between 1 and 3600");
    let sources = Sources::open(args)?;
    let once = args.once || (args.url.is_empty() && matches!(sources.log, Source::Still(_)));
    let interval = if once { ONCE_INTERVAL } else { Duration::from_secs(args.interval) };
    let mut before = sources.look()?;
    loop {
        std::thread::sleep(interval);
        let now = sources.look()?;
        show(&Screen::of(&before, &now, sources.note()), args.form.is_json(), once)?;
        if once {
            return Ok(());
        }
        before = now;
    }
}

impl Sources {
    fn open(args: &Args) -> Result<Self> {
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_LIMIT));
        let agent = config.build().into();
        let urls: Vec<_> =
            args.url.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        let log = match args.config.read()? {
            Some(config) => Source::open(&config, args)?,
            None if urls.is_empty() => {
                bail!("look at what? Name a configuration by --config FILE, or processes by --url")
            }
            None => Source::None("no configuration is given: only processes are asked".to_owned()),
        };
        Ok(Self { log, urls, agent })
    }

    fn look(&self) -> Result<Look> {
        let at = Instant::now();
        let stages = match &self.log {
            Source::None(_) => None,
            Source::Shared(site) => Some(stages(&*site.log)?),
            Source::Still(stages) => Some(stages.iter().map(StageLook::again).collect()),
        };
        let processes = self.urls.iter().map(|url| (url.clone(), self.ask(url)));
        Ok(Look { at, stages, processes: processes.collect() })
    }

    fn ask(&self, url: &str) -> Result<ProcessView, String> {
        let answer = self.agent.get(format!("{url}/tasks")).call();
        let view = answer.and_then(|mut answer| answer.body_mut().read_json());
        view.map_err(|error| error.to_string())
    }

    fn note(&self) -> Option<&str> {
        match &self.log {
            Source::None(why) => Some(why),
            Source::Shared(_) => None,
            Source::Still(_) => Some("no process has the log open: nothing moves"),
        }
    }
}

impl Source {
    fn open(config: &Config, args: &Args) -> Result<Self> {
        if config.log.local.is_none() {
            return Ok(Source::Shared(Site::existing(config)?));
        }
        match Site::existing(config) {
            // It is closed again at once, so that it holds up nobody.
            Ok(site) => Ok(Source::Still(stages(&*site.log)?)),
            Err(error) if is_in_use(&error) && !args.url.is_empty() => {
                Ok(Source::None("another process has the local log: it is asked alone".to_owned()))
            }
            Err(error) if is_in_use(&error) => {
                Err(error.context("give the address where it listens with --url"))
            }
            Err(error) => Err(error),
        }
    }
}

impl StageLook {
    fn again(&self) -> Self {
        let inputs = self.inputs.iter().map(|input| InputLook { ..*input });
        Self { name: self.name, inputs: inputs.collect() }
    }
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(stream::LogError::InUse { .. }))
}

/// Asks the log where the stages' groups stand.
fn stages(log: &dyn Log) -> Result<Vec<StageLook>> {
    let mut stages = Vec::new();
    for name in STAGES {
        let stage = factory(name)?();
        let inputs = stage.inputs();
        let asked = "asking how far the stages are";
        let committed = log.committed(stage.name(), &inputs).context(asked)?;
        let ends = log.ends(&inputs).context(asked)?;
        // Both lists hold every partition of every input in the same order.
        let inputs = committed.iter().zip(&ends).map(|(at, end)| InputLook {
            topic: at.topic,
            partition: at.partition,
            committed: at.offset,
            end: end.offset,
        });
        stages.push(StageLook { name: stage.name(), inputs: inputs.collect() });
    }
    Ok(stages)
}

fn show(screen: &Screen, json: bool, once: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(screen)?)?;
        return Ok(out.flush()?);
    }
    let text = screen.text();
    if once || !out.is_terminal() {
        writeln!(out, "{text}")?;
    } else {
        // Each line wipes what stood there before: no flicker.
        write!(out, "\x1b[H{}\x1b[J", text.replace('\n', "\x1b[K\n"))?;
    }
    Ok(out.flush()?)
}
