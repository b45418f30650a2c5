//! The short run: the corpus and a fixed number of mutated inputs, in a child process.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Target, corpus::Corpus, shrink};

/// One input may take this long; the bounds of `check` end it before, unless it stands still.
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// Time between two looks at a child.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Lines of a child's last words that are told.
const WORDS_LINES_MAX: usize = 12;

/// An input that failed.
#[derive(Debug)]
pub struct Failure {
    target: &'static str,
    /// Which input it is.
    name: String,
    /// How the child ended, and its last words.
    end: String,
    /// The input as a file, and how many bytes it has; a shorter one that fails, too.
    file: PathBuf,
    bytes: usize,
    was: usize,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, name, end, file, bytes, was } = self;
        let file = file.display();
        writeln!(f, "target {target}, {name}: {end}")?;
        writeln!(f, "  input: {file} ({bytes} of {was} bytes)")?;
        writeln!(f, "  again: cargo run -p fuzz -- replay {target} {file}")?;
        write!(f, "  when mended, keep it: mv {file} tests/fuzz/corpus/{target}/")
    }
}

/// What is run of a target.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The first number of which an input is made; the corpus is run when it is 0.
    pub from: u64,
    /// How many inputs are made.
    pub runs: u64,
}

/// Runs a target in child processes of a program (`fuzz`), and keeps what failed in a folder.
///
/// # Errors
/// The first input that failed.
///
/// # Panics
/// When no child can be started, or one ends before its first input.
pub fn run(
    target: &'static Target,
    plan: Plan,
    program: &Path,
    kept: &Path,
) -> Result<(), Box<Failure>> {
    let corpus = Corpus::of(target);
    let seeds = corpus.seeds.len() as u64;
    let first = if plan.from == 0 { 0 } else { seeds + plan.from };
    let end = seeds + plan.from + plan.runs;
    let folder = tempfile::tempdir().expect("a folder");
    let (notes, words) = (folder.path().join("notes"), folder.path().join("words"));
    let mut command = Command::new(program);
    command.args(["work", target.name, &first.to_string(), &end.to_string()]).arg(&notes);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(fs::File::create(&words).expect("a file"));
    // What a child that aborts leaves behind goes with this folder.
    command.env("TMPDIR", folder.path());
    // The message tells more than where it came from, which `replay` shows.
    command.env("RUST_BACKTRACE", "0");
    let mut child = command.spawn().expect("the program starts");
    let ended = wait(&mut child, &notes);
    if ended.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let words = fs::read_to_string(words).unwrap_or_default();
    let Some(place) = noted(&notes) else { panic!("{}: {ended:?}: {words}", target.name) };
    Err(Box::new(failed(target, &corpus, place, &told(ended, &words), (program, kept))))
}

/// Waits for a child's end; none when it stood still and was ended.
fn wait(child: &mut Child, notes: &Path) -> Option<ExitStatus> {
    let (mut last, mut since) = (None, Instant::now());
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        let now = noted(notes);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if since.elapsed() > STUCK_AFTER {
            // It may have ended meanwhile, which is as well.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Gives the place that a child noted last.
fn noted(notes: &Path) -> Option<u64> {
    let bytes = fs::read(notes).ok()?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// Says how a child ended: most panics say all in their last lines.
fn told(ended: Option<ExitStatus>, words: &str) -> String {
    let end = match ended {
        None => format!("it stood still for {} s", STUCK_AFTER.as_secs()),
        Some(status) => status.to_string(),
    };
    let lines: Vec<&str> = words.lines().collect();
    let last = &lines[lines.len().saturating_sub(WORDS_LINES_MAX)..];
    format!("{end}\n    {}", last.join("\n    "))
}

fn failed(
    target: &'static Target,
    corpus: &Corpus,
    place: u64,
    end: &str,
    (program, kept): (&Path, &Path),
) -> Failure {
    let input = corpus.input(place);
    let name = corpus.name(place);
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let stem: String = name.chars().map(plain).collect();
    fs::create_dir_all(kept).expect("a folder");
    let file = kept.join(format!("{}-{stem}", target.name));
    let shorter = shrink::shortest(&input, &file, |file| fails(program, target, file));
    fs::write(&file, &shorter).expect("a file");
    let (bytes, was, end) = (shorter.len(), input.len(), end.to_owned());
    Failure { target: target.name, name, end, file, bytes, was }
}

/// Tells whether an input fails, in a child of its own.
fn fails(program: &Path, target: &Target, file: &Path) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(program);
    command.args(["replay", target.name]).arg(file).env("TMPDIR", folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().expect("the program starts");
    !status.success()
}
