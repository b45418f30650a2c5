//! Child processes with captured output, time limits and `kill -9`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Time between two looks at a child or its output.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Bytes of each output stream that an error message shows, from the end.
const TAIL_BYTES: usize = 4_000;

/// What a child left behind when it ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended; killed children have no exit code.
    pub status: ExitStatus,
    /// Its whole standard output, with invalid UTF-8 replaced.
    pub stdout: String,
    /// Its whole standard error, with invalid UTF-8 replaced.
    pub stderr: String,
}

/// A running child process; killed with `kill -9` on drop.
///
/// It is killed too when the test process dies in any way: a second small process (the guard)
/// waits for the end of a pipe that only the test process holds open.
#[derive(Debug)]
pub struct Child {
    child: process::Child,
    guard: process::Child,
    what: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Child {
    /// Starts `command` without input; its output goes to `NAME.out` and `NAME.err` in `folder`.
    ///
    /// # Errors
    /// When the files cannot be made or the program cannot be started.
    pub fn spawn(command: Command, folder: &Path, name: &str) -> Result<Self> {
        Self::start(command, folder, name, None)
    }

    /// [`Child::spawn`]; when the test process dies, the guard removes `folder` too, unless the
    /// environment has `SCORECARD_KEEP`. For servers that live as long as the test process.
    ///
    /// # Errors
    /// As [`Child::spawn`].
    pub fn spawn_in_own_folder(command: Command, folder: &Path, name: &str) -> Result<Self> {
        let swept = std::env::var_os("SCORECARD_KEEP").is_none().then_some(folder);
        Self::start(command, folder, name, swept)
    }

    fn start(
        mut command: Command,
        folder: &Path,
        name: &str,
        swept: Option<&Path>,
    ) -> Result<Self> {
        let stdout = folder.join(format!("{name}.out"));
        let stderr = folder.join(format!("{name}.err"));
        let create = |path: &Path| {
            File::create(path).with_context(|| format!("creating {}", path.display()))
        };
        let what = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(create(&stdout)?)
            .stderr(create(&stderr)?)
            .spawn()
            .with_context(|| format!("starting {what}"))?;
        let guard = match spawn_guard(child.id(), swept) {
            Ok(guard) => guard,
            Err(error) => {
                child.kill().and_then(|()| child.wait()).context("ending an unguarded child")?;
                return Err(error);
            }
        };
        Ok(Self { child, guard, what, stdout, stderr })
    }

    /// The child's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells whether the child has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until the child ends, at most `limit`.
    ///
    /// # Errors
    /// When it still runs after `limit` (it is killed then); the message shows its last output.
    pub fn wait(mut self, limit: Duration) -> Result<Finished> {
        match self.wait_exit(limit)? {
            Some(status) => Ok(Finished { status, stdout: self.stdout(), stderr: self.stderr() }),
            None => bail!("{} still runs after {limit:?}\n{}", self.what, self.tail()),
        }
    }

    /// Waits until `needle` stands in the standard output or error, at most `limit`.
    ///
    /// # Errors
    /// When the child ends before, or after `limit`; the message shows its last output.
    pub fn wait_for_output(&mut self, needle: &str, limit: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let running = self.is_running();
            if self.stdout().contains(needle) || self.stderr().contains(needle) {
                return Ok(());
            }
            if !running {
                bail!("{} ended without saying {needle:?}\n{}", self.what, self.tail());
            }
            if start.elapsed() > limit {
                bail!("{} did not say {needle:?} in {limit:?}\n{}", self.what, self.tail());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Sends a signal by its short name, such as `TERM`, `STOP` or `CONT`.
    ///
    /// # Errors
    /// When the child has ended already.
    pub fn signal(&mut self, name: &str) -> Result<()> {
        if !self.is_running() {
            bail!("{} has ended: no SIG{name} sent\n{}", self.what, self.tail());
        }
        let pid = self.pid().to_string();
        let status = Command::new("sh")
            .args(["-c", r#"kill -s "$1" "$2""#, "sh", name, &pid])
            .status()
            .context("starting sh to send a signal")?;
        if !status.success() {
            bail!("sending SIG{name} to {} (process {pid}) failed", self.what);
        }
        Ok(())
    }

    /// Ends the child at once, as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn kill9(&mut self) -> Result<()> {
        self.end_guard();
        self.child.kill().with_context(|| format!("killing {}", self.what))?;
        self.child.wait().with_context(|| format!("waiting for {}", self.what))?;
        Ok(())
    }

    /// Asks the child to end (SIGTERM) and waits for it, at most `limit`.
    ///
    /// # Errors
    /// When it ended before, or still runs after `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal("TERM")?;
        match self.wait_exit(limit)? {
            Some(status) => Ok(status),
            None => bail!("{} ignores SIGTERM for {limit:?}\n{}", self.what, self.tail()),
        }
    }

    /// Everything that the child has written to its standard output so far.
    pub fn stdout(&self) -> String {
        read_lossy(&self.stdout)
    }

    /// Everything that the child has written to its standard error so far.
    pub fn stderr(&self) -> String {
        read_lossy(&self.stderr)
    }

    /// The end of both outputs, for error messages.
    pub fn tail(&self) -> String {
        format!(
            "standard output ends with:\n{}\nstandard error ends with:\n{}",
            last(&self.stdout()),
            last(&self.stderr())
        )
    }

    /// Waits for the end; `None` when `limit` has passed.
    fn wait_exit(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let start = Instant::now();
        loop {
            let ended = self.child.try_wait();
            if let Some(status) = ended.with_context(|| format!("waiting for {}", self.what))? {
                self.end_guard();
                return Ok(Some(status));
            }
            if start.elapsed() > limit {
                return Ok(None);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Ends the guard, whose only work is over; failing means that it has ended by itself.
    fn end_guard(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end_guard();
        // An error means that the child has ended: there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `command` to its end, at most `limit`, and returns its standard output.
///
/// # Errors
/// When it cannot be started, fails or takes longer; the message shows its output.
pub fn run(command: Command, limit: Duration) -> Result<String> {
    let folder = tempfile::tempdir().context("making a folder for captured output")?;
    let what = format!("{command:?}");
    let finished = Child::spawn(command, folder.path(), "run")?.wait(limit)?;
    if !finished.status.success() {
        bail!(
            "{what} failed with {}\n{}\n{}",
            finished.status,
            last(&finished.stdout),
            last(&finished.stderr)
        );
    }
    Ok(finished.stdout)
}

/// Starts a shell that ends `pid`, and then removes the folder `swept`, when this process is gone.
///
/// The start time (field 22 of `/proc/PID/stat`) tells the child from a later process that was
/// given the same id. The trap lets Ctrl-C reach the test process and not the guard.
fn spawn_guard(pid: u32, swept: Option<&Path>) -> Result<process::Child> {
    let script = r#"
        trap '' INT TERM HUP
        started() { cut -d ' ' -f 22 "/proc/$1/stat" 2>/dev/null; }
        first=$(started "$1")
        read -r _
        [ "$(started "$1")" = "$first" ] && kill -9 "$1"
        tries=0
        while kill -0 "$1" && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
        [ -z "$2" ] || rm -rf "$2"
    "#;
    Command::new("sh")
        .args(["-c", script, "sh", &pid.to_string()])
        .arg(swept.unwrap_or(Path::new("")))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the guard of a child process")
}

fn read_lossy(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn last(text: &str) -> &str {
    let mut from = text.len().saturating_sub(TAIL_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_exit_code_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let child = Child::spawn(shell("echo one; echo two >&2; exit 3"), folder.path(), "x");
        let finished = child.unwrap().wait(Duration::from_secs(10)).unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("one\n", "two\n"));
    }

    #[test]
    fn a_child_that_hangs_is_an_error_and_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let child = Child::spawn(shell("echo begun; exec sleep 1000"), folder.path(), "x").unwrap();
        let pid = child.pid();
        let error = child.wait(Duration::from_millis(300)).unwrap_err().to_string();
        assert!(error.contains("still runs") && error.contains("begun"), "{error}");
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn output_can_be_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut child =
            Child::spawn(shell("sleep 0.1; echo ready; exec sleep 1000"), folder.path(), "x")
                .unwrap();
        child.wait_for_output("ready", Duration::from_secs(10)).unwrap();
        assert!(child.is_running());
        child.kill9().unwrap();
        assert!(!child.is_running());
        let error = child.wait_for_output("never", Duration::from_secs(10)).unwrap_err();
        assert!(error.to_string().contains("ended without saying"), "{error}");
    }

    #[test]
    fn the_guard_ends_the_child_and_sweeps_when_its_parent_is_gone() {
        let folder = tempfile::tempdir().unwrap().keep();
        let mut child = shell("exec sleep 1000").spawn().unwrap();
        let mut guard = spawn_guard(child.id(), Some(&folder)).unwrap();
        assert!(folder.exists());
        // Closing our end of the pipe is what the death of the test process does.
        drop(guard.stdin.take());
        assert!(!child.wait().unwrap().success());
        assert!(guard.wait().unwrap().success());
        assert!(!folder.exists());
    }

    #[test]
    fn a_failing_command_shows_what_it_said() {
        let error = run(shell("echo because >&2; exit 1"), Duration::from_secs(10)).unwrap_err();
        assert!(error.to_string().contains("because"), "{error}");
        assert_eq!(run(shell("echo fine"), Duration::from_secs(10)).unwrap(), "fine\n");
    }
}
