//! `scorecard replay`: rebuilds the tables from the source topics and compares.

mod compare;
mod cut;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use schemas::{Cleanup, TopicSpec, topic};
use serde::Serialize;

use self::{
    compare::Comparison,
    cut::{Cut, Lost},
};
use crate::{
    config::{Config, ConfigFile},
    output::{Form, say},
    pipeline::{Pipeline, STAGES, factory},
    progress::Teller,
    site::Site,
};

/// Rebuilds the tables from the source topics and compares them with those in the log
///
/// Copies what the stages have taken into a scratch log, runs the stages over it, and compares the
/// last value of each key by bytes. The log itself is only read. The stages must be at rest.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// Only this table, for example score.state; any number of times; all when absent
    #[arg(long, value_name = "TABLE")]
    table: Vec<String>,
    /// Also writes the rebuilt rows into new topics under this prefix, in the same log
    #[arg(long, value_name = "PREFIX")]
    into: Option<String>,
    /// The folder of the scratch log, kept afterwards; a temporary one when absent
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Worker threads of each stage
    #[arg(long, value_name = "N", default_value_t = 1)]
    workers: usize,
    #[command(flatten)]
    form: Form,
}

/// What a replay found.
#[derive(Serialize)]
struct Findings {
    /// Source records that were replayed.
    records: u64,
    /// What of the sources the log no longer holds.
    lost: Vec<Lost>,
    tables: Vec<Comparison>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(args.workers > 0, "--workers: must be at least 1");
    let tables = tables(&args.table)?;
    let config = args.config.read()?;
    if let Some(into) = &args.into {
        ensure!(*into != config.prefix, "--into: {into:?} is the prefix of the tables themselves");
    }
    let temporary = tempfile::tempdir().context("making a folder for the scratch log")?;
    let folder = args.scratch.as_deref().unwrap_or(temporary.path());
    let teller = Teller::new();
    let site = Site::existing(&config)?;
    let (scratch, mut findings) = rebuild(&site, folder, args.workers, &teller, |cut| {
        teller.done(&format!("copying {} source records", cut.records()));
    })?;
    let Rebuilt { scratch, cut } = scratch;
    for table in &tables {
        let tell = |partition| teller.step(&format!("comparing {}/{partition}", table.name));
        findings.tables.push(compare::table(&site, &cut, &scratch, table, &tell)?);
    }
    let moved = !cut.is_now(&site)?;
    drop(site);
    if let Some(into) = &args.into {
        write_into(&config, into, &scratch, &tables, &teller)?;
    }
    print(&findings, moved, args.form.is_json())
}

/// What the stages made anew, and of what.
struct Rebuilt {
    scratch: Site,
    cut: Cut,
}

fn rebuild(
    site: &Site,
    folder: &Path,
    workers: usize,
    teller: &Teller,
    begin: impl FnOnce(&Cut),
) -> Result<(Rebuilt, Findings)> {
    let cut = Cut::at_rest(site, &|text| teller.step(text))?;
    begin(&cut);
    let dir = folder.join("log");
    ensure!(!dir.exists(), "{} holds a log already: a replay begins with none", dir.display());
    let scratch = Site::scratch(&dir, site)?;
    let total = cut.records();
    let copied = cut.copy(site, &scratch, &|done| {
        teller.step(&format!("copying: {done} of {total} records"));
    })?;
    let state = folder.join("state");
    let mut pipeline = Pipeline::start(&scratch, STAGES, &state, workers, "replay")?;
    let caught_up = pipeline.catch_up(&scratch, &mut |taken| {
        teller.step(&format!("processing: {taken} records taken"));
    });
    pipeline.finish().and(caught_up)?;
    teller.done(&format!("replayed {} source records", copied.records));
    let findings = Findings { records: copied.records, lost: copied.lost, tables: Vec::new() };
    Ok((Rebuilt { scratch, cut }, findings))
}

/// Gives the published tables, or those of them that are named.
pub(crate) fn tables(names: &[String]) -> Result<Vec<&'static TopicSpec>> {
    let mut all: Vec<&'static TopicSpec> = Vec::new();
    for stage in STAGES {
        let stage = factory(stage)?();
        let own = stage.tables().into_iter().filter(|table| table.published);
        all.extend(own.map(|table| table.topic));
        let outputs = stage.outputs().into_iter();
        all.extend(outputs.filter(|output| output.cleanup == Cleanup::Compact));
    }
    if names.is_empty() {
        return Ok(all);
    }
    let named = names.iter().map(|name| {
        let found = all.iter().find(|table| table.name == name);
        found.copied().with_context(|| {
            let names: Vec<_> = all.iter().map(|table| table.name).collect();
            format!("--table: there is no table {name:?}; there are: {}", names.join(", "))
        })
    });
    named.collect()
}

/// Writes the rebuilt rows into new topics of the same log.
fn write_into(
    config: &Config,
    prefix: &str,
    scratch: &Site,
    tables: &[&'static TopicSpec],
    teller: &Teller,
) -> Result<()> {
    let target = Site::connect_as(config, prefix, config.partitions())?;
    target.log.apply()?;
    let ends = target.log.ends(topic::ALL)?;
    if let Some(end) = ends.iter().find(|end| end.offset > 0) {
        let topic = end.topic.full_name(prefix);
        bail!("--into: {topic} is not empty: choose a prefix that nobody uses");
    }
    let mut written = 0;
    let mut writer = target.log.writer("replay")?;
    for table in tables {
        compare::rows(scratch, table, &mut |rows| {
            written += rows.len();
            teller.step(&format!("writing {}: {written} rows", table.name));
            Ok(writer.append(rows)?)
        })?;
    }
    writer.flush()?;
    teller.done(&format!("wrote {written} rows into topics {prefix}.*"));
    Ok(())
}

fn print(findings: &Findings, moved: bool, json: bool) -> Result<()> {
    let differing: u64 = findings.tables.iter().map(Comparison::differing).sum();
    if json {
        say!("{}", serde_json::to_string(findings)?)?;
    } else {
        compare::print(&findings.tables)?;
        for lost in &findings.lost {
            say!("! {lost}")?;
        }
    }
    if moved {
        eprintln!("! the stages took records meanwhile: rows that changed since may differ");
    }
    if differing == 0 {
        return Ok(());
    }
    let reason = if findings.lost.is_empty() {
        ""
    } else {
        ", which is no fault where the log no longer holds all that made them"
    };
    bail!("{differing} rows differ{reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_table_is_compared() {
        let all = tables(&[]).unwrap();
        let written = topic::ALL.iter().filter(|spec| {
            let of_stage = spec.writer.ends_with(" stage");
            of_stage && spec.cleanup == Cleanup::Compact && !spec.name.ends_with(".changelog")
        });
        let mut names: Vec<_> = all.iter().map(|table| table.name).collect();
        let mut expected: Vec<_> = written.map(|spec| spec.name).collect();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
        let one = tables(&["score.state".to_owned()]).unwrap();
        assert_eq!(one, [topic::SCORE_STATE.spec]);
        let error = tables(&["score".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("there are: account.state,"), "{error}");
    }
}
