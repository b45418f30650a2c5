//! A person at a shell: types a page's lines as they stand there, and looks at what comes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kit::http;
use kit::process::{self, Child};
use tempfile::TempDir;

use crate::pages;

/// Limit for a command to end, or to come to where it stays.
const LIMIT: Duration = Duration::from_secs(300);

/// How long a reader of a topic is waited for that has nothing to read.
const QUIET: Duration = Duration::from_secs(3);

/// What asks a process to end; Ctrl-C's is ignored by whatever a shell started in the background.
const SIGTERM: i32 = 15;

/// How a command is known to be at work that goes on for good.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    /// It says that it is ready, where its health is asked for.
    Ready,
    /// The page that it serves is there.
    Page,
    /// It has printed something, or has nothing to print.
    Output,
}

/// The shell with its folder.
pub(crate) struct Shell {
    folder: TempDir,
    /// What pages call something, and what it is called here.
    names: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    /// Lines that hold for all that comes after them.
    exports: String,
}

impl Shell {
    /// Makes a shell in an empty folder that finds `scorecard` and Kafka's `kafka-acls.sh`.
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let programs = folder.path().join("programs");
        fs::create_dir(&programs)?;
        symlink(env!("CARGO_BIN_EXE_scorecard"), programs.join("scorecard"))?;
        let acls = programs.join("kafka-acls.sh");
        fs::write(&acls, kit::java::script("org.apache.kafka.tools.AclCommand")?)?;
        fs::set_permissions(&acls, fs::Permissions::from_mode(0o755))?;
        let path = format!("{}:{}", programs.display(), std::env::var("PATH")?);
        let (names, variables, exports) = (Vec::new(), Vec::new(), String::new());
        let mut shell = Self { folder, names, variables, exports };
        shell.set("PATH", &path);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            shell.set(name, "test");
        }
        shell.set("AWS_EC2_METADATA_DISABLED", "true");
        Ok(shell)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a variable for all that is typed.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Says what is here for what pages name.
    pub(crate) fn call(&mut self, theirs: &str, here: &str) {
        self.names.push((theirs.to_owned(), here.to_owned()));
    }

    /// Types a line and waits until it has done what it is for; gives its standard output.
    ///
    /// # Errors
    /// When the command fails, does not come to an end or to work, or does not end when it is told.
    pub(crate) fn enter(&mut self, line: &str) -> Result<String> {
        if line.starts_with("export ") {
            self.exports += &format!("{line}\n");
            return Ok(String::new());
        }
        println!("$ {line}");
        let start = Instant::now();
        let done = self.run(line).with_context(|| format!("typed: {line}"));
        println!("  {:.1} s", start.elapsed().as_secs_f64());
        done
    }

    fn run(&self, line: &str) -> Result<String> {
        let Some(sign) = sign(line) else {
            let output = process::run(self.command(line), LIMIT)?;
            if let Some(file) = line.split(" > ").nth(1).and_then(|rest| rest.split(' ').next()) {
                let size = fs::metadata(self.folder().join(file))?.len();
                ensure!(size > 100, "{file} has {size} bytes");
            }
            return Ok(output);
        };
        let port = kit::ports::free();
        let mut command = self.command(line);
        if sign == Sign::Ready {
            command.env("SCORECARD__LISTEN", format!("127.0.0.1:{port}"));
        }
        let mut child = Child::spawn(command, self.folder(), "command")?;
        match sign {
            Sign::Ready => wait_until_ready(&mut child, port)?,
            Sign::Page => look_at_the_page(&mut child)?,
            Sign::Output => wait_for_output(&mut child),
        }
        end(child, sign)
    }

    /// Starts a process that stays while other lines are typed; it listens where pages say
    /// `127.0.0.1:9464`.
    ///
    /// # Errors
    /// When it does not become ready.
    pub(crate) fn beside(&mut self, line: &str) -> Result<Child> {
        let port = kit::ports::free();
        let address = format!("127.0.0.1:{port}");
        self.call("127.0.0.1:9464", &address);
        let mut command = self.command(line);
        command.env("SCORECARD__LISTEN", address);
        let mut child = Child::spawn(command, self.folder(), "beside")?;
        wait_until_ready(&mut child, port)?;
        Ok(child)
    }

    fn command(&self, line: &str) -> Command {
        let mut line = line.to_owned();
        for (theirs, here) in &self.names {
            line = line.replace(theirs, here);
        }
        // Signals reach the program itself, where nothing else is on the line.
        let exec = if line.contains(" | ") { "" } else { "exec " };
        let mut command = Command::new("bash");
        command.args(["-e", "-o", "pipefail", "-c", &format!("{}{exec}{line}", self.exports)]);
        command.current_dir(self.folder()).process_group(0);
        command.env_remove("SCORECARD_LOG").env_remove("AWS_PROFILE");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// By what a command that goes on for good is known to be at work; none for one that ends.
fn sign(line: &str) -> Option<Sign> {
    let words = pages::words(pages::ours(line)?);
    let is_once = words.iter().any(|word| word == "--once");
    match words[1].as_str() {
        "demo" | "serve" => Some(Sign::Page),
        "run" | "sink" if !is_once => Some(Sign::Ready),
        "top" if !is_once => Some(Sign::Output),
        "tap" => Some(Sign::Output),
        _ => None,
    }
}

fn wait_until_ready(child: &mut Child, port: u16) -> Result<()> {
    let ready = http::wait_until_ok(port, "/readyz", LIMIT, || child.is_running());
    ready.with_context(|| child.tail())
}

/// The page is where the command says, and has scores.
fn look_at_the_page(child: &mut Child) -> Result<()> {
    const BEFORE: &str = "http://127.0.0.1:";
    child.wait_for_output(BEFORE, LIMIT)?;
    let said = child.stdout() + &child.stderr();
    let after = said.split(BEFORE).nth(1).context("it was there")?;
    let port: String = after.chars().take_while(char::is_ascii_digit).collect();
    let (port, start) = (port.parse()?, Instant::now());
    loop {
        let page = http::request(port, "GET", "/", "", b"")?;
        let text = String::from_utf8_lossy(&page.body);
        ensure!(page.status == 200, "{}: {text}", page.head);
        // It has none until it has read the tables.
        let score = text.split(r#"data-live="score">"#).nth(1).unwrap_or_default();
        if score.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(());
        }
        ensure!(start.elapsed() < LIMIT, "no score: {score}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn wait_for_output(child: &mut Child) {
    let start = Instant::now();
    while child.is_running() && child.stdout().is_empty() && start.elapsed() < QUIET {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks a command, and all that is in its pipe, to end; it may have ended by itself. What only
/// looks may end by the signal, what works has to say that it ended well.
fn end(mut child: Child, sign: Sign) -> Result<String> {
    if child.is_running() {
        let group = format!("kill -s TERM -- -{}", child.pid());
        Command::new("bash").args(["-c", &group]).output()?;
    }
    let ended = child.wait(LIMIT)?;
    let is_cut_off = sign == Sign::Output && ended.status.signal() == Some(SIGTERM);
    let is_well = ended.status.success() || is_cut_off;
    ensure!(is_well, "{}\n{}\n{}", ended.status, ended.stdout, ended.stderr);
    Ok(ended.stdout)
}
