//! The contest: each contender writes the same rows in a process of its own, in turns.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use calamine::{Data, Reader, Xlsx, open_workbook};
use serde::{Deserialize, Serialize};
use sink_workbook::{Model, Subject, render};

use super::rows;
use crate::process;

const PEER: &str = "bench/peers/workbook.py";

/// Limit of one contender's sheet.
const LIMIT: Duration = Duration::from_secs(1_800);

/// Who writes; the first is ours, the others are modes of the peer.
pub(crate) const CONTENDERS: [&str; 4] = ["ours", "openpyxl", "openpyxl-write-only", "xlsxwriter"];

/// What a contender took for one file. CPU is user and system time of its process.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Lap {
    /// CPU seconds of reading the rows and dropping them.
    reading_s: f64,
    /// CPU seconds of reading and writing.
    whole_s: f64,
    /// Most resident memory.
    peak_bytes: u64,
}

impl Lap {
    /// CPU seconds of writing alone.
    fn writing_s(&self) -> f64 {
        self.whole_s - self.reading_s
    }
}

/// What the contenders took for one sheet: medians of the rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) writing_s: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) file_bytes: u64,
    laps: Vec<Lap>,
}

/// One sheet.
#[derive(Debug, Serialize)]
pub(crate) struct Held {
    pub(crate) requirements: usize,
    pub(crate) cells: usize,
    /// Cells that are not empty, the same in every contender's file.
    pub(crate) same_cells: usize,
    pub(crate) figures: BTreeMap<&'static str, Figures>,
}

/// Has all contenders write a sheet, and compares what they wrote.
pub(crate) fn hold(
    python: &Path,
    rows: &Path,
    requirements: usize,
    cells: usize,
    rounds: usize,
) -> Result<Held> {
    let file = |contender: &str| rows.with_file_name(format!("{contender}.xlsx"));
    let mut laps: BTreeMap<&str, Vec<Lap>> = BTreeMap::new();
    for round in 0..rounds {
        // Each round begins with another one.
        for at in 0..CONTENDERS.len() {
            let contender = CONTENDERS[(round + at) % CONTENDERS.len()];
            eprintln!("{cells} cells by {contender}, round {}", round + 1);
            laps.entry(contender).or_default().push(lap(
                contender,
                python,
                rows,
                &file(contender),
            )?);
        }
    }
    let files = CONTENDERS.map(file);
    let same_cells = same(&files)?;
    let mut figures = BTreeMap::new();
    for (contender, file) in CONTENDERS.into_iter().zip(&files) {
        let laps = laps.remove(contender).unwrap_or_default();
        let mut writing: Vec<f64> = laps.iter().map(Lap::writing_s).collect();
        writing.sort_by(f64::total_cmp);
        let mut peaks: Vec<u64> = laps.iter().map(|lap| lap.peak_bytes).collect();
        peaks.sort_unstable();
        let (writing_s, peak_bytes) = (writing[rounds / 2], peaks[rounds / 2]);
        let file_bytes = std::fs::metadata(file)?.len();
        figures.insert(contender, Figures { writing_s, peak_bytes, file_bytes, laps });
    }
    Ok(Held { requirements, cells, same_cells, figures })
}

fn lap(contender: &str, python: &Path, rows: &Path, out: &Path) -> Result<Lap> {
    let mut command = if contender == CONTENDERS[0] {
        let mut command = process::pinned(std::env::current_exe()?);
        command.arg("workbook-writer");
        command
    } else {
        let mut command = process::pinned(python);
        command.args([PEER, contender]);
        command
    };
    command.arg(rows).arg(out);
    let printed = kit::process::run(command, LIMIT)?;
    serde_json::from_str(&printed).with_context(|| format!("{contender} printed {printed:?}"))
}

/// Writes the rows as a workbook of one sheet, alone in a process
#[derive(clap::Args)]
pub(crate) struct WriterArgs {
    rows: PathBuf,
    out: PathBuf,
}

/// Writes as users get it: rows into a sheet, the sheet into bytes, the bytes into a file.
pub(crate) fn write(args: &WriterArgs) -> Result<()> {
    let pid = std::process::id();
    let cpu = || process::cpu_seconds(pid);
    let start = cpu()?;
    ensure!(rows::read(&args.rows)? > 0, "there are no rows");
    let read = cpu()?;
    let sheets = vec![rows::sheet(&args.rows)?];
    let model = Model { subject: Subject::Enterprise, at_ms: 1_772_442_000_000, sheets };
    std::fs::write(&args.out, render(&model)?)?;
    let whole_s = cpu()? - read;
    let lap = Lap { reading_s: read - start, whole_s, peak_bytes: process::memory(pid)?.peak };
    println!("{}", serde_json::to_string(&lap)?);
    Ok(())
}

/// Openpyxl writes sixteen digits of a number, which is a bit less than there is.
fn is_same(one: &Data, other: &Data) -> bool {
    match (one, other) {
        (Data::Float(one), Data::Float(other)) => (one - other).abs() <= 1e-15 * one.abs(),
        _ => one == other,
    }
}

/// Counts the cells that are not empty, and makes sure that all files hold the same.
fn same(files: &[PathBuf]) -> Result<usize> {
    let mut first: Option<calamine::Range<Data>> = None;
    for file in files {
        let mut book: Xlsx<_> = open_workbook(file)?;
        let cells = book.worksheet_range("Scores")?;
        let Some(first) = &first else {
            first = Some(cells);
            continue;
        };
        for (row, column, cell) in first.used_cells() {
            let other = cells.get((row, column)).unwrap_or(&Data::Empty);
            ensure!(
                is_same(cell, other),
                "{}: {row}, {column}: {cell:?}, {other:?}",
                file.display()
            );
        }
        let (ours, theirs) = (first.used_cells().count(), cells.used_cells().count());
        ensure!(ours == theirs, "{} holds {theirs} cells, not {ours}", file.display());
    }
    Ok(first.map_or(0, |cells| cells.used_cells().count()))
}
