//! A collector that is down, refuses or never answers: the work is done as without one, and it is
//! told once.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use kit::otlp::{Collector, Mood};
use schemas::topic;

use crate::site::Site;

/// What the log says, once.
const LOST: &str = "spans are not taken, and lost until they are";

/// What it says at its end when nobody answers.
const LATE: &str = "the collector did not take the last spans in time";

/// What the end of a process waits for the last spans (5 s), and something for a loaded machine; an
/// export alone may take 10 s.
const END_MAX: Duration = Duration::from_secs(9);

/// Exports after each span, so that many fail.
fn telling(site: &Site, arguments: &[&str]) -> Result<(String, Duration)> {
    let mut command = site.command(arguments);
    command.env("OTEL_BSP_SCHEDULE_DELAY", "20").env("SCORECARD_LOG", "info");
    let begun = Instant::now();
    let done = command.output()?;
    let told = String::from_utf8(done.stderr)?;
    ensure!(done.status.success(), "{told}");
    Ok((told, begun.elapsed()))
}

/// What a sink says at its end.
fn result(told: &str) -> &str {
    told.lines().rfind(|line| line.starts_with("siem: ")).unwrap_or("nothing")
}

#[test]
fn the_work_does_not_wait_for_a_collector_in_trouble() -> Result<()> {
    // The same log each time, so that the same must come of it.
    let site = Site::new()?;
    site.configure("")?;
    site.fill()?;
    site.process(&[])?;
    let run = |site: &Site| -> Result<(String, Duration, i64)> {
        let copy = site.folder().join("kept");
        if !copy.exists() {
            copy_folder(&site.folder().join("log"), &copy)?;
        }
        fs::remove_dir_all(site.folder().join("log"))?;
        copy_folder(&copy, &site.folder().join("log"))?;
        let (told, took) = telling(site, &["sink", "siem", "--once"])?;
        Ok((told, took, site.count(&[topic::SIEM_EVENT])?))
    };
    site.configure("siem: {}\n")?;
    let (told, alone, events) = run(&site)?;
    let usual = result(&told).to_owned();
    ensure!(events > 0 && usual.contains("events told"), "{told}");
    ensure!(!told.contains(LOST), "{told}");

    let closed = format!("telemetry: {{url: \"http://127.0.0.1:{}\"}}\n", kit::ports::free());
    let asked = site.telemetry();
    for (what, telemetry, mood) in [
        ("down", &closed, Mood::Takes),
        ("refusing", &asked, Mood::Refuses(503)),
        ("not letting us in", &asked, Mood::Refuses(401)),
        ("hanging", &asked, Mood::Hangs),
    ] {
        site.collector.set(mood);
        site.configure(&format!("siem: {{}}\n{telemetry}"))?;
        let (told, took, told_events) = run(&site)?;
        assert_eq!((result(&told), told_events), (&*usual, events), "{what}: {told}");
        ensure!(took < alone + END_MAX, "{what}: it took {took:?}");
        // A call that never ends has not failed when the process does.
        let (said, other) = if mood == Mood::Hangs { (LATE, LOST) } else { (LOST, LATE) };
        let times = [said, other].map(|words| told.matches(words).count());
        assert_eq!(times, [1, 0], "{what}: {told}");
        let asked = site.collector.take().len();
        ensure!((asked > 0) == (what != "down"), "{what}: asked {asked} times");
    }
    Ok(())
}

#[test]
fn a_process_ends_in_time_when_the_collector_never_answers() -> Result<()> {
    let site = Site::new()?;
    site.collector.set(Mood::Hangs);
    site.fill()?;
    let (finished, took) = site.process(&[])?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    ensure!(took < END_MAX, "the end took {took:?}");
    ensure!(!site.collector.take().is_empty(), "the collector was asked");
    Ok(())
}

#[test]
fn trouble_is_told_once_and_so_is_its_end() -> Result<()> {
    let site = Site::new()?;
    site.collector.set(Mood::Refuses(503));
    let mut command = site.command(&["serve", "--page", "127.0.0.1:0"]);
    command.env("OTEL_BSP_SCHEDULE_DELAY", "20").env("SCORECARD_LOG", "info");
    let mut child = kit::process::Child::spawn(command, site.folder(), "serve")?;
    let port = crate::site::told_port(&mut child, "the page is at http://127.0.0.1:")?;
    let ask = |collector: &Collector, requests: usize| -> Result<()> {
        for _ in 0..requests {
            collector.take();
            kit::http::request(port, "GET", "/accounts", "", b"")?;
            collector.wait_for(1, Duration::from_secs(30))?;
        }
        Ok(())
    };
    ask(&site.collector, 3)?;
    child.wait_for_output(LOST, Duration::from_secs(30))?;
    site.collector.set(Mood::Takes);
    ask(&site.collector, 2)?;
    child.wait_for_output("spans are taken again", Duration::from_secs(30))?;
    child.signal("TERM")?;
    let finished = child.wait(2 * END_MAX)?;
    ensure!(finished.status.success(), "{}", finished.stderr);
    for said in [LOST, "spans are taken again", "status 503"] {
        assert_eq!(finished.stderr.matches(said).count(), 1, "{said}: {}", finished.stderr);
    }
    Ok(())
}

#[test]
fn a_secret_that_is_missing_is_told_before_the_work() -> Result<()> {
    let site = Site::new()?;
    fs::remove_file(site.folder().join("otlp.token"))?;
    let finished = site.run(&["process"])?;
    ensure!(!finished.status.success(), "{}", finished.stderr);
    ensure!(finished.stderr.contains("telemetry.headers.authorization"), "{}", finished.stderr);
    Ok(())
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&path, &to)?;
        } else {
            fs::copy(&path, &to)?;
        }
    }
    Ok(())
}
