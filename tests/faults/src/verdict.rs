//! The common oracle of all rows: what the log, the groups, the stores and the sink must hold.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
};
use schemas::{Codec, ComplianceState, Verdict, topic};
use sink_workbook::{Past, render_all};
use stages::{AccountStage, RollupStage};
use stream::{Log, Record, Stage, Table, fold::Fold, snapshot, store::Stores, worker::caught_up};

use crate::{
    agree::{agree, timeless},
    judge::{self, Kind, Orders, Written},
    line::{Line, PARTITIONS},
    noted::{NOTES, Taking, takings},
    oracle::Oracle,
    site::Tables,
};

/// How long brokers may take to move the last stable offset after the last marker.
const STABLE_LIMIT: Duration = Duration::from_secs(60);

/// What a process says that throws its tables away, but for their age: the last tick comes years
/// later.
const REBUILDS: [&str; 3] =
    ["ahead of the group's position", "tables can't be rolled forward", "tables are damaged"];

/// Limit for one question.
const ASK: Duration = Duration::from_secs(20);

/// Who committed last, by stage and partition.
type Slots = BTreeMap<(String, i32), String>;

/// Judges a line that is quiet; its processes are ended first.
///
/// # Panics
/// When something is not as it must be: the kit keeps what brokers of a panicking test leave.
pub(crate) fn judge(line: &mut Line<'_>) -> Result<()> {
    let judged = judged(line);
    judged.map_err(|error| panic!("{error:#}"))
}

fn judged(line: &mut Line<'_>) -> Result<()> {
    line.end_all()?;
    is_stable(line)?;
    tables_were_rolled_forward(line)?;
    let codec = Codec::default();
    let (orders, last) = orders(line)?;
    let stores = open_stores(line, &last)?;
    let written = Written {
        log: &*line.log,
        prefix: &line.prefix,
        partitions: PARTITIONS,
        orders: &orders,
        stores: &stores,
    };
    let (accounts, sums) = judge::is_made_by_the_steps(&written);
    workbooks_show_the_tables(line, &codec, &accounts, &sums)?;
    is_the_oracles(line, &codec)
}

/// Judges a line whose processes note nothing or whose values no fold reads: by the groups, by open
/// transactions and by the independent oracle.
pub(crate) fn judge_tables(line: &mut Line<'_>, codec: &Codec) -> Result<()> {
    line.end_all()?;
    is_stable(line)?;
    let counted = topic::ALL.iter().map(|topic| judge::records(&*line.log, topic).len() as u64);
    line.round.tally.records = counted.sum();
    for kind in [Kind::Account, Kind::Rollup] {
        let done = caught_up(&*line.log, kind.name(), &kind.inputs(), None)?;
        ensure!(done, "the {} group has not committed the end of its input", kind.name());
    }
    is_the_oracles(line, codec)
}

/// The published tables are the independent oracle's, but for when something was first noticed.
pub(crate) fn is_the_oracles(line: &Line<'_>, codec: &Codec) -> Result<()> {
    let mut oracle = Oracle::run(&line.events);
    oracle.verdicts.values_mut().for_each(|row| row.since_ms = 0);
    agree(&timeless(tables(line, codec)?), &oracle);
    Ok(())
}

/// Each record of each input was taken once and in order; gives what was taken, and who did last.
fn orders(line: &mut Line<'_>) -> Result<(Orders, Slots)> {
    let takings = takings(&judge::records(&*line.log, NOTES))?;
    let (mut orders, mut last) = (Orders::new(), Slots::new());
    let counted = topic::ALL.iter().map(|topic| judge::records(&*line.log, topic).len() as u64);
    line.round.tally.records = counted.sum();
    for kind in [Kind::Account, Kind::Rollup] {
        let mut inputs: BTreeMap<(&str, i32), BTreeMap<i64, Record>> = BTreeMap::new();
        for record in kind.inputs().into_iter().flat_map(|topic| judge::records(&*line.log, topic))
        {
            let input = inputs.entry((record.topic.name, record.partition)).or_default();
            input.insert(record.offset, record);
        }
        for partition in 0..PARTITIONS {
            let of = (kind.name().to_owned(), partition);
            let nothing = Taking::default();
            let taking = takings.get(&of).unwrap_or(&nothing);
            for topic in kind.inputs() {
                let there = inputs.get(&(topic.name, partition)).into_iter().flatten();
                let there: Vec<i64> = there.map(|(offset, _)| *offset).collect();
                let taken = taking.records.iter().filter(|(of, _)| of == topic.name);
                let taken: Vec<i64> = taken.map(|(_, offset)| *offset).collect();
                let place = format!("{} of {}/{partition}", kind.name(), topic.name);
                ensure!(taken == there, "{place} took {taken:?}, there is {there:?}");
            }
            let records = taking
                .records
                .iter()
                .map(|(topic, offset)| inputs[&(topic.as_str(), partition)][offset].clone());
            orders.insert(of.clone(), records.collect());
            last.insert(of, taking.slot.clone());
        }
        let done = caught_up(&*line.log, kind.name(), &kind.inputs(), None)?;
        ensure!(done, "the {} group has not committed the end of its input", kind.name());
    }
    Ok((orders, last))
}

/// Opens the tables on disk of whoever committed last for each task.
fn open_stores(line: &Line<'_>, last: &Slots) -> Result<Vec<(Kind, i32, Stores)>> {
    let mut opened: BTreeMap<&str, Stores> = BTreeMap::new();
    let mut stores = Vec::new();
    for ((stage, partition), slot) in last {
        if slot.is_empty() {
            // It took nothing.
            continue;
        }
        let (process, _) = slot.rsplit_once('-').context("a slot is a process and a number")?;
        if !opened.contains_key(process) {
            opened.insert(process, Stores::open(&line.states[process])?);
        }
        let kind = if stage == Kind::Account.name() { Kind::Account } else { Kind::Rollup };
        stores.push((kind, *partition, opened[process].clone()));
    }
    Ok(stores)
}

/// No transaction is open: the last stable offset of each partition is its end.
fn is_stable(line: &Line<'_>) -> Result<()> {
    let client = |isolation: &str| -> Result<BaseConsumer> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &line.bootstrap).set("group.id", "faults-stable");
        Ok(config.set("isolation.level", isolation).create()?)
    };
    let (stable, whole) = (client("read_committed")?, client("read_uncommitted")?);
    let mut list = TopicPartitionList::new();
    for spec in topic::ALL {
        for partition in 0..PARTITIONS {
            list.add_partition_offset(&spec.full_name(&line.prefix), partition, Offset::End)?;
        }
    }
    let start = Instant::now();
    loop {
        let ends = |client: &BaseConsumer| -> Result<BTreeMap<(String, i32), Offset>> {
            let found = client.offsets_for_times(list.clone(), ASK)?;
            let found = found.elements().into_iter();
            Ok(found.map(|e| ((e.topic().to_owned(), e.partition()), e.offset())).collect())
        };
        let (whole, stable) = (ends(&whole)?, ends(&stable)?);
        if whole == stable {
            return Ok(());
        }
        let open = whole.iter().filter(|(of, end)| stable.get(*of) != Some(*end));
        ensure!(
            start.elapsed() < STABLE_LIMIT,
            "transactions are open for {STABLE_LIMIT:?}: {:?}",
            open.map(|(of, end)| (of, stable.get(of), end)).collect::<Vec<_>>()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Nobody threw tables away that were sound, by what processes said.
fn tables_were_rolled_forward(line: &Line<'_>) -> Result<()> {
    for entry in fs::read_dir(line.round.folder.path())? {
        let path = entry?.path();
        if line.may_rebuild || path.extension().is_none_or(|extension| extension != "err") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let said = text.lines().find(|line| REBUILDS.iter().any(|why| line.contains(why)));
        ensure!(said.is_none(), "{} says {}", path.display(), said.unwrap_or_default());
    }
    Ok(())
}

/// What readers of the tables see.
fn tables(line: &Line<'_>, codec: &Codec) -> Result<Tables> {
    let (log, prefix) = (&*line.log as &dyn Log, &line.prefix);
    Ok(Tables {
        accounts: snapshot::table(log, codec, prefix, &topic::ACCOUNT_STATE)?,
        resources: snapshot::table(log, codec, prefix, &topic::RESOURCE_STATE)?,
        trust: snapshot::table(log, codec, prefix, &topic::TRUST_STATE)?,
        verdicts: snapshot::table(log, codec, prefix, &topic::COMPLIANCE_STATE)?,
        scores: snapshot::table(log, codec, prefix, &topic::SCORE_STATE)?,
        shares: snapshot::table(log, codec, prefix, &topic::CONTRIBUTION)?,
        sums: snapshot::table(log, codec, prefix, &topic::ROLLUP_STATE)?,
    })
}

/// Workbooks of the log's tables are, byte by byte, those of the steps' tables.
fn workbooks_show_the_tables(
    line: &Line<'_>,
    codec: &Codec,
    accounts: &[Fold<AccountStage>],
    sums: &[Fold<RollupStage>],
) -> Result<()> {
    let read = sink_workbook::Tables::read(&*line.log, codec, &line.prefix)?;
    let verdicts = rows(accounts, &Table::published(topic::COMPLIANCE_STATE));
    // Workbooks do without what passes.
    let passes = |row: &ComplianceState| {
        !row.held && matches!(row.verdict, Verdict::Pass | Verdict::NotApplicable)
    };
    let made = sink_workbook::Tables {
        accounts: rows(accounts, &Table::published(topic::ACCOUNT_STATE)),
        compliance: verdicts.into_iter().filter(|(_, row)| !passes(row)).collect(),
        scores: rows(accounts, &Table::published(topic::SCORE_STATE)),
        rollups: rows(sums, &Table::published(topic::ROLLUP_STATE)),
        ..read.clone()
    };
    ensure!(read == made, "the workbooks' input is not what the steps make");
    let (one, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (shown, wanted) = (files(&read, one.path())?, files(&made, other.path())?);
    ensure!(shown == wanted, "workbooks differ: {:?}, {:?}", shown.keys(), wanted.keys());
    Ok(())
}

fn files(tables: &sink_workbook::Tables, out: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let written = render_all(tables, &Past::default(), out, &|_, _| {})?;
    let files = written.files.iter().map(|path| {
        let name = path.file_name().context("a file's name")?.to_string_lossy().into_owned();
        Ok((name, fs::read(path)?))
    });
    files.collect()
}

fn rows<S: Stage, K: schemas::Key, V: schemas::Value>(
    folds: &[Fold<S>],
    table: &Table<K, V>,
) -> BTreeMap<K, V> {
    folds.iter().flat_map(|fold| fold.table(table)).collect()
}
