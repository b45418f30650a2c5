//! What `scorecard top` shows: two looks made into rows, as text and as JSON. Pure.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{InputLook, Look, StageLook};
use crate::serve::{ProcessView, SinkView, TaskView};

/// Everything that is shown.
#[derive(Debug, Serialize)]
pub(super) struct Screen {
    /// What is to be known about the rest.
    note: Option<String>,
    stages: Vec<StageRow>,
    processes: Vec<ProcessRow>,
}

/// A stage. Lag in offsets; rates in offsets a second.
#[derive(Debug, Serialize)]
struct StageRow {
    stage: String,
    lag: Option<i64>,
    rate: Option<f64>,
    inputs: Vec<InputRow>,
    tasks: Vec<TaskRow>,
}

/// One input of a stage, over all partitions.
#[derive(Debug, Serialize)]
struct InputRow {
    topic: String,
    lag: i64,
    rate: f64,
}

/// One partition of a stage.
#[derive(Clone, Debug, Default, Serialize)]
struct TaskRow {
    partition: i32,
    lag: Option<i64>,
    rate: Option<f64>,
    /// What it does, where a process says so.
    phase: Option<String>,
    /// While it restores: offsets read, and offsets to read.
    restored: Option<(i64, i64)>,
    dead: Option<u64>,
    tick_delay_ms: Option<i64>,
    /// The address of the process that has it.
    process: Option<String>,
}

/// A process that was asked.
#[derive(Debug, Serialize)]
struct ProcessRow {
    url: String,
    /// Why it did not answer.
    error: Option<String>,
    #[serde(flatten)]
    process: Option<ProcessView>,
}

impl Screen {
    /// Makes rows of the newer look; rates are what moved since the older one.
    pub(super) fn of(before: &Look, now: &Look, note: Option<&str>) -> Self {
        let seconds = now.at.duration_since(before.at).as_secs_f64().max(0.001);
        let mut stages = BTreeMap::new();
        for (order, stage) in now.stages.iter().flatten().enumerate() {
            let older = before.stages.iter().flatten().find(|other| other.name == stage.name);
            stages.insert((order, stage.name.to_owned()), StageRow::of(older, stage, seconds));
        }
        let mut stages: Vec<StageRow> = stages.into_values().collect();
        for (url, view) in &now.processes {
            let older = before.processes.iter().find(|(other, _)| other == url);
            let older = older.and_then(|(_, view)| view.as_ref().ok());
            for view in view.iter() {
                merge(&mut stages, url, view, older, seconds);
            }
        }
        let processes = now.processes.iter().map(|(url, view)| ProcessRow {
            url: url.clone(),
            error: view.as_ref().err().cloned(),
            process: view.as_ref().ok().cloned(),
        });
        Self { note: note.map(str::to_owned), stages, processes: processes.collect() }
    }

    /// Writes it as lines.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{:<8} {:>18} {:>10} {:>10}  {:<10} {:>9} {:>6} {:>8}  process\n",
            "stage", "input or task", "lag", "per s", "phase", "restored", "dead", "tick"
        );
        for stage in &self.stages {
            line(&mut text, &stage.stage, "all", stage.lag, stage.rate, "");
            for input in &stage.inputs {
                line(&mut text, "", &input.topic, Some(input.lag), Some(input.rate), "");
            }
            for task in &stage.tasks {
                line(
                    &mut text,
                    "",
                    &format!("task {}", task.partition),
                    task.lag,
                    task.rate,
                    &task.more(),
                );
            }
        }
        for row in &self.processes {
            row.write(&mut text);
        }
        if let Some(note) = &self.note {
            writeln!(text, "! {note}").expect("a text takes everything");
        }
        text
    }
}

impl StageRow {
    fn of(before: Option<&StageLook>, now: &StageLook, seconds: f64) -> Self {
        let older = |input: &InputLook| {
            let mut inputs = before.iter().flat_map(|stage| &stage.inputs);
            let same = |one: &&InputLook| {
                one.topic.name == input.topic.name && one.partition == input.partition
            };
            inputs.find(same).map_or(input.committed, |one| one.committed)
        };
        let mut inputs: Vec<InputRow> = Vec::new();
        let mut tasks: BTreeMap<i32, (i64, f64)> = BTreeMap::new();
        for input in &now.inputs {
            let lag = (input.end - input.committed).max(0);
            let rate = (input.committed - older(input)).max(0) as f64 / seconds;
            let topic = input.topic.name;
            if inputs.last().is_none_or(|last| last.topic != topic) {
                inputs.push(InputRow { topic: topic.to_owned(), lag: 0, rate: 0.0 });
            }
            if let Some(row) = inputs.last_mut() {
                row.lag += lag;
                row.rate += rate;
            }
            let task = tasks.entry(input.partition).or_default();
            *task = (task.0 + lag, task.1 + rate);
        }
        let tasks = tasks.into_iter().map(|(partition, (lag, rate))| TaskRow {
            partition,
            lag: Some(lag),
            rate: Some(rate),
            ..TaskRow::default()
        });
        let mut row = Self {
            stage: now.name.to_owned(),
            lag: None,
            rate: None,
            inputs,
            tasks: tasks.collect(),
        };
        row.sum();
        row
    }

    fn sum(&mut self) {
        let known: Vec<i64> = self.tasks.iter().filter_map(|task| task.lag).collect();
        self.lag = (!known.is_empty()).then(|| known.iter().sum());
        let rates: Vec<f64> = self.tasks.iter().filter_map(|task| task.rate).collect();
        self.rate = (!rates.is_empty()).then(|| rates.iter().sum());
    }
}

/// Adds what a process knows of its tasks to the rows.
fn merge(
    stages: &mut Vec<StageRow>,
    url: &str,
    view: &ProcessView,
    before: Option<&ProcessView>,
    seconds: f64,
) {
    for stage in &view.stages {
        let at = stages.iter().position(|row| row.stage == stage.name).unwrap_or_else(|| {
            let (stage, inputs, tasks) = (stage.name.clone(), Vec::new(), Vec::new());
            stages.push(StageRow { stage, lag: None, rate: None, inputs, tasks });
            stages.len() - 1
        });
        let older = before.and_then(|view| view.stages.iter().find(|one| one.name == stage.name));
        for task in &stage.tasks {
            let older = older
                .and_then(|one| one.tasks.iter().find(|other| other.partition == task.partition));
            stages[at].take(url, task, older, seconds);
        }
        stages[at].tasks.sort_by_key(|task| task.partition);
        stages[at].sum();
    }
}

impl StageRow {
    fn take(&mut self, url: &str, task: &TaskView, before: Option<&TaskView>, seconds: f64) {
        let at = self.tasks.iter().position(|row| row.partition == task.partition);
        let at = at.unwrap_or_else(|| {
            self.tasks.push(TaskRow { partition: task.partition, ..TaskRow::default() });
            self.tasks.len() - 1
        });
        let row = &mut self.tasks[at];
        // The process passes markers of transactions, which the log's positions can't.
        row.lag = task.lag.or(row.lag);
        let moved = before.map(|older| task.records.saturating_sub(older.records));
        row.rate = row.rate.or(moved.map(|records| records as f64 / seconds));
        row.phase = Some(task.phase.clone());
        row.restored = task.restored;
        row.dead = Some(task.dead);
        row.tick_delay_ms = task.tick_delay_ms;
        row.process = Some(url.to_owned());
    }
}

impl TaskRow {
    fn more(&self) -> String {
        let restored =
            self.restored.map(|(done, total)| format!("{} %", done * 100 / total.max(1)));
        let tick = self.tick_delay_ms.map(|ms| format!("{} s", ms / 1_000));
        let or_nothing = |text: Option<String>| text.unwrap_or_default();
        format!(
            "{:<10} {:>9} {:>6} {:>8}  {}",
            or_nothing(self.phase.clone()).escape_debug().to_string(),
            or_nothing(restored),
            or_nothing(self.dead.map(|dead| dead.to_string())),
            or_nothing(tick),
            or_nothing(self.process.clone()),
        )
    }
}

impl ProcessRow {
    fn write(&self, text: &mut String) {
        let said = match (&self.process, &self.error) {
            (Some(view), _) => {
                let memory = view.resident_bytes.map(|bytes| format!(", {} MiB", bytes >> 20));
                let ready = if view.missing.is_empty() { "ready" } else { "not ready" };
                let (command, version) = (view.command.escape_debug(), view.version.escape_debug());
                format!("{command} {version}, {ready}{}", memory.unwrap_or_default())
            }
            (None, error) => {
                format!("no answer: {}", error.as_deref().unwrap_or("").escape_debug())
            }
        };
        writeln!(text, "{}: {said}", self.url).expect("a text takes everything");
        for sink in self.process.iter().flat_map(|view| &view.sinks) {
            writeln!(text, "{}", sink_line(sink)).expect("a text takes everything");
        }
        for missing in self.process.iter().flat_map(|view| &view.missing) {
            writeln!(text, "! {}", missing.escape_debug()).expect("a text takes everything");
        }
    }
}

/// Says in a line how far a sink is.
fn sink_line(sink: &SinkView) -> String {
    let lag = sink.lag.map_or_else(|| "-".to_owned(), |lag| lag.to_string());
    let records = sink.records.iter().filter(|(_, count)| **count > 0);
    let records: Vec<_> =
        records.map(|(word, count)| format!("{count} {}", word.escape_debug())).collect();
    let records = if records.is_empty() { "no records".to_owned() } else { records.join(", ") };
    let seconds = sink.success_age_ms / 1_000;
    let waiting = sink.waiting.as_ref().map(|why| format!("; waiting: {}", why.escape_debug()));
    format!(
        "{}: lag {lag}, {records}, last success {seconds} s ago{}",
        sink.name.escape_debug(),
        waiting.unwrap_or_default()
    )
}

fn line(
    text: &mut String,
    stage: &str,
    what: &str,
    lag: Option<i64>,
    rate: Option<f64>,
    more: &str,
) {
    let lag = lag.map_or_else(|| "-".to_owned(), |lag| lag.to_string());
    let rate = rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}"));
    let line = format!("{stage:<8} {what:>18} {lag:>10} {rate:>10}  {more}");
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use schemas::topic::{OBSERVATION, TICK};

    use super::*;
    use crate::serve::StageView;

    fn stage(positions: [(i64, i64); 4]) -> StageLook {
        let places = [(TICK.spec, 0), (TICK.spec, 1), (OBSERVATION.spec, 0), (OBSERVATION.spec, 1)];
        let inputs = places.into_iter().zip(positions).map(|((topic, partition), (at, end))| {
            InputLook { topic, partition, committed: at, end }
        });
        StageLook { name: "account", inputs: inputs.collect() }
    }

    fn process(records: u64) -> ProcessView {
        let task = TaskView {
            partition: 1,
            phase: "running".to_owned(),
            restored: None,
            lag: Some(3),
            records,
            dead: 2,
            pending: false,
            tick_delay_ms: Some(31_000),
        };
        let restoring = TaskView {
            partition: 2,
            phase: "restoring".to_owned(),
            restored: Some((1, 4)),
            lag: None,
            records: 0,
            dead: 0,
            pending: true,
            tick_delay_ms: None,
        };
        let stage = StageView {
            name: "account".to_owned(),
            transactions: 1,
            aborts: 0,
            fencings: 0,
            tasks: vec![task, restoring],
        };
        ProcessView {
            command: "process".to_owned(),
            version: "1".to_owned(),
            started_ms: 0,
            resident_bytes: Some(5 << 20),
            missing: vec!["account/2: its tables are read".to_owned()],
            stages: vec![stage],
            sinks: vec![SinkView {
                name: "sink-s3".to_owned(),
                lag: Some(7),
                records: [("written".to_owned(), 5), ("dead".to_owned(), 0)].into(),
                success_age_ms: 61_500,
                waiting: Some("no\nroute".to_owned()),
            }],
        }
    }

    fn screen(with_log: bool) -> Screen {
        let start = Instant::now();
        let url = || "http://p".to_owned();
        let look = |seconds, stage: StageLook, records| Look {
            at: start + Duration::from_secs(seconds),
            stages: with_log.then(|| vec![stage]),
            processes: vec![(url(), Ok(process(records))), (url() + "2", Err("refused".into()))],
        };
        let before = look(0, stage([(5, 5), (5, 5), (10, 50), (20, 20)]), 100);
        let now = look(2, stage([(6, 6), (6, 6), (30, 50), (20, 25)]), 120);
        Screen::of(&before, &now, Some("a note"))
    }

    #[test]
    fn a_process_knows_better_than_the_log_and_the_log_knows_of_all() {
        let screen = screen(true);
        let account = &screen.stages[0];
        let inputs: Vec<_> = account.inputs.iter().map(|i| (&*i.topic, i.lag, i.rate)).collect();
        assert_eq!(inputs, [("tick", 0, 1.0), ("observation", 25, 10.0)]);
        let tasks: Vec<_> = account.tasks.iter().map(|t| (t.partition, t.lag, t.rate)).collect();
        assert_eq!(
            tasks,
            [(0, Some(20), Some(10.5)), (1, Some(3), Some(0.5)), (2, None, Some(0.0))]
        );
        assert_eq!((account.lag, account.rate), (Some(23), Some(11.0)));
        let json = serde_json::to_value(&screen).unwrap();
        assert_eq!(json["stages"][0]["tasks"][2]["restored"], serde_json::json!([1, 4]));
        assert_eq!(json["processes"][0]["command"], "process");
    }

    #[test]
    fn without_a_log_processes_tell_all() {
        let screen = screen(false);
        let tasks = &screen.stages[0].tasks;
        assert_eq!((tasks[0].partition, tasks[0].rate, tasks.len()), (1, Some(10.0), 2));
    }

    #[test]
    fn the_text_says_what_the_rows_say() {
        let text = screen(true).text();
        for expected in [
            "account                 all         23       11.0",
            "                observation         25       10.0",
            "running                   2     31 s  http://p",
            "restoring       25 %      0           http://p",
            "http://p: process 1, not ready, 5 MiB",
            "! account/2: its tables are read",
            "http://p2: no answer: refused",
            "! a note",
        ] {
            assert!(text.lines().any(|line| line.contains(expected)), "{expected:?} in:\n{text}");
        }
    }
}
