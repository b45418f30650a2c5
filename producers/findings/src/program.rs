//! Runs a program of the user's own and takes what it prints as a report.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use schemars::JsonSchema;
use serde::Deserialize;
use stream::secret::Secret;

use crate::{
    Options, Reports, arn,
    read::{Origin, report_id, text},
    sources::{Parsed, exec},
    split::Home,
};

/// The variable that tells a program which account it is run for.
const ACCOUNT_VARIABLE: &str = "SCORECARD_ACCOUNT";

/// Bytes of standard error that a failure tells, from its end.
const COMPLAINT_BYTES_MAX: usize = 2_000;

/// Time between two looks at a running program.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long the output of a program that has ended may take to end, too.
const GRACE: Duration = Duration::from_secs(5);

/// A program that prints findings as JSON lines.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Its file.
    pub program: PathBuf,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Its environment: these variables and no others.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Variables whose values are secret.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// The accounts it is run for, one after another; once, when there is none.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Seconds after which it and all that it started is ended.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// Bytes that it may print.
    #[serde(default = "default_output")]
    pub output_bytes_max: u64,
}

fn default_timeout() -> u64 {
    300
}

fn default_output() -> u64 {
    64 << 20
}

impl Program {
    /// Says what is wrong with the settings, if something is.
    ///
    /// # Errors
    /// In words.
    pub fn validate(&self) -> Result<(), String> {
        if self.timeout_seconds == 0 || self.output_bytes_max == 0 {
            return Err("`timeout_seconds` and `output_bytes_max` must be at least 1".to_owned());
        }
        match self.accounts.iter().find(|account| !arn::is_account(account)) {
            Some(account) => Err(format!("account {account:?} is no id of twelve digits")),
            None => Ok(()),
        }
    }
}

/// Runs a program once, or once for each of its accounts, and reads what it prints as reports of
/// `source`.
///
/// Whatever goes wrong (it can't be started, does not end in time, ends with another exit code than
/// 0, prints too much or no JSON) is a failed report.
pub fn run(source: &str, program: &Program, options: &Options) -> Reports {
    let mut all = Reports::default();
    if program.accounts.is_empty() {
        let account = options.account.as_deref();
        take(source, program, (account, &program.program), options, &mut all);
    }
    for account in &program.accounts {
        let mut run = program.program.clone().into_os_string();
        run.push(format!(" for {account}"));
        take(source, program, (Some(account), run.as_ref()), options, &mut all);
    }
    all
}

/// Runs a program for an account and takes its report; problems go by the name of the run.
fn take(
    source: &str,
    program: &Program,
    (account, run): (Option<&str>, &Path),
    options: &Options,
    all: &mut Reports,
) {
    take_printed(source, (account, run), print(program, account), options, all);
}

/// Reads what a program of the user's printed, whoever ran it; problems go by the name of the run.
pub fn read_printed(source: &str, run: &Path, printed: &[u8], options: &Options) -> Reports {
    let mut all = Reports::default();
    let account = options.account.as_deref();
    take_printed(source, (account, run), Ok(printed.to_vec()), options, &mut all);
    all
}

fn take_printed(
    source: &str,
    (account, run): (Option<&str>, &Path),
    printed: Result<Vec<u8>, String>,
    options: &Options,
    all: &mut Reports,
) {
    let origin = Origin {
        source,
        path: run,
        report: report_id(options.now_ms, printed.as_deref().unwrap_or_default()),
        home: Home { given: account, in_name: None },
        partial: options.partial,
    };
    let parsed = printed.and_then(|bytes| parse(&bytes));
    all.take(&origin, parsed);
}

fn parse(printed: &[u8]) -> Result<Parsed, String> {
    exec::parse(text(printed)?)
}

/// Runs the program to its end and gives what it printed, or why that counts for nothing.
fn print(program: &Program, account: Option<&str>) -> Result<Vec<u8>, String> {
    let mut child = start(program, account)?;
    let is_full = Arc::new(AtomicBool::new(false));
    let output = child.stdout.take().map(|pipe| {
        let (is_full, max) = (Arc::clone(&is_full), program.output_bytes_max);
        aside(move || head(pipe, max, &is_full))
    });
    let complaint = child.stderr.take().map(|pipe| aside(move || tail(pipe)));
    let limit = Duration::from_secs(program.timeout_seconds);
    let end = end(&mut child, limit, &is_full);
    // What it left running in its group was ended: only a process that went its own way can keep
    // the pipes open, and is not waited for.
    let whole = |from: Option<Receiver<Vec<u8>>>| from?.recv_timeout(GRACE).ok();
    let (output, complaint) = (whole(output), whole(complaint).unwrap_or_default());
    // It may have ended by itself after it printed too much.
    let end = if is_full.load(Ordering::SeqCst) { End::Full } else { end };
    match end {
        End::Code(0) => output.ok_or_else(|| "its output can't be read to its end".to_owned()),
        end => Err(format!("{}{}", end.reason(program), words(&complaint))),
    }
}

fn start(program: &Program, account: Option<&str>) -> Result<Child, String> {
    let mut command = Command::new(&program.program);
    command.args(&program.arguments).env_clear().envs(&program.environment);
    for (name, secret) in &program.secrets {
        command.env(name, secret.read(name).map_err(|error| error.to_string())?);
    }
    command.envs(account.map(|account| (ACCOUNT_VARIABLE, account)));
    // A group of its own, so that all it starts can be ended with it.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command.spawn().map_err(|error| format!("it can't be started: {error}"))
}

/// How a program ended.
enum End {
    Code(i32),
    Signal(i32),
    Late,
    Full,
    Lost(io::Error),
}

impl End {
    fn reason(&self, program: &Program) -> String {
        match self {
            End::Code(code) => format!("it ended with exit code {code}"),
            End::Signal(signal) => format!("it was ended by signal {signal}"),
            End::Late => format!("it did not end within {} s", program.timeout_seconds),
            End::Full => format!("it printed more than {} bytes", program.output_bytes_max),
            End::Lost(error) => format!("it can't be waited for: {error}"),
        }
    }
}

/// Waits for a program's end, and ends it and its group when it must not go on.
fn end(child: &mut Child, limit: Duration, is_full: &AtomicBool) -> End {
    let stopped = wait(child, limit, is_full);
    // The program is not reaped yet, so the group's id is still its own. A group that is gone
    // already is what is wanted.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let status = child.wait();
    match (stopped, status) {
        (Some(end), _) => end,
        (None, Ok(status)) => of_status(status),
        (None, Err(error)) => End::Lost(error),
    }
}

/// Waits until the program has ended by itself (none), or must be.
fn wait(child: &Child, limit: Duration, is_full: &AtomicBool) -> Option<End> {
    let deadline = Instant::now() + limit;
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::Pid(Pid::from_child(child)), look) {
            Ok(None) => {}
            Ok(Some(_)) => return None,
            Err(error) => return Some(End::Lost(error.into())),
        }
        if is_full.load(Ordering::SeqCst) {
            return Some(End::Full);
        }
        if Instant::now() >= deadline {
            return Some(End::Late);
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn of_status(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, signal) => End::Signal(signal.unwrap_or_default()),
    }
}

/// Reads in a thread of its own, and sends what was read to its end.
fn aside(read: impl FnOnce() -> io::Result<Vec<u8>> + Send + 'static) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    // Nobody listens any more when the program was given up.
    thread::spawn(move || read().map(|bytes| send.send(bytes)));
    receive
}

/// Reads the beginning of an output, and says when there is more.
fn head(pipe: impl Read, max: u64, is_full: &AtomicBool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    is_full.store(bytes.len() as u64 > max, Ordering::SeqCst);
    Ok(bytes)
}

/// Reads an output to its end and keeps the last of it.
fn tail(mut pipe: impl Read) -> io::Result<Vec<u8>> {
    let (mut kept, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        let count = match pipe.read(&mut piece) {
            Ok(0) => return Ok(kept),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        kept.extend_from_slice(&piece[..count]);
        kept.drain(..kept.len().saturating_sub(COMPLAINT_BYTES_MAX));
    }
}

/// Makes one line of what a program complained of.
fn words(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let plain = text.replace(char::is_control, " ");
    let plain = plain.trim();
    if plain.is_empty() { String::new() } else { format!(": {plain}") }
}
