//! `scorecard render`: workbooks from the tables as they are, or as they were.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use schemas::headers::rfc3339;
use sink_workbook::{Form, Order, Owner, Past, Subject, Tables, Written, render_order};

use crate::{config::ConfigFile, instant::instant, progress::Teller, site::Site};

/// Renders workbooks from the tables in the log
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// The folder to write to; the configuration's when absent
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    whose: Whose,
    /// As it was at this instant (RFC 3339) or the beginning of this day: scores and verdicts from
    /// their histories; names, owners, spend, coverage and trust are those of now
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<i64>,
    /// The form to write; may be given several times
    #[arg(long = "form", value_name = "xlsx|csv|json|html", default_value = "xlsx")]
    forms: Vec<Form>,
}

/// Whose workbooks; with one of these only its files are written, and none is removed.
#[derive(clap::Args)]
struct Whose {
    /// The workbook of one owner; `unassigned` is who has the accounts without one
    #[arg(long = "owner", value_name = "NAME")]
    owners: Vec<String>,
    /// The workbook of one payer
    #[arg(long = "payer", value_name = "ID")]
    payers: Vec<String>,
    /// The enterprise's workbook
    #[arg(long)]
    enterprise: bool,
    /// Everybody's, which is the default
    #[arg(long, conflicts_with_all = ["owners", "payers", "enterprise"])]
    all: bool,
}

impl Whose {
    /// Gives whose workbooks are meant; none for everybody's.
    fn subjects(&self) -> Option<Vec<Subject>> {
        let enterprise = self.enterprise.then_some(Subject::Enterprise).into_iter();
        let payers = self.payers.iter().cloned().map(Subject::Payer);
        let owners = self.owners.iter().map(|name| Subject::Owner(Owner::called(name)));
        let subjects: Vec<Subject> = enterprise.chain(payers).chain(owners).collect();
        (!self.all && !subjects.is_empty()).then_some(subjects)
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let site = Site::open(&config)?;
    let out = args.out.as_ref().unwrap_or(&config.workbooks);
    let (tables, past) = match args.at {
        None => read(&site)?,
        Some(at_ms) => read_at(&site, at_ms)?,
    };
    let order = Order { subjects: args.whose.subjects(), forms: args.forms.clone() };
    render_ordered(&tables, &past, &order, out, &Teller::new())?;
    Ok(())
}

/// How far back "what changed" reaches: a week.
const CHANGES_MS: i64 = 7 * 86_400_000;

/// Reads the tables that workbooks are made of, and what came before them.
pub(crate) fn read(site: &Site) -> Result<(Tables, Past)> {
    let Site { log, codec, prefix } = site;
    let tables = Tables::read(&**log, codec, prefix).context("reading the tables")?;
    with_past(site, tables)
}

/// Reads the tables as they were at a time, and what came before them.
fn read_at(site: &Site, at_ms: i64) -> Result<(Tables, Past)> {
    let Site { log, codec, prefix } = site;
    let tables = Tables::read_at(&**log, codec, prefix, at_ms).context("reading the tables")?;
    let tables = tables.with_context(|| {
        format!("--at: the log keeps no scores of {} or the day before", rfc3339(at_ms))
    })?;
    ensure!(
        tables.at_ms >= at_ms,
        "--at: {} is later than the tables, which are of {}",
        rfc3339(at_ms),
        rfc3339(tables.at_ms)
    );
    with_past(site, tables)
}

fn with_past(site: &Site, tables: Tables) -> Result<(Tables, Past)> {
    let Site { log, codec, prefix } = site;
    let past = Past::read(&**log, codec, prefix, &tables, tables.at_ms - CHANGES_MS);
    Ok((tables, past.context("reading the scores and changes of earlier weeks")?))
}

/// Renders everybody's workbooks into a folder.
pub(crate) fn render(tables: &Tables, past: &Past, out: &Path, teller: &Teller) -> Result<Written> {
    render_ordered(tables, past, &Order::default(), out, teller)
}

fn render_ordered(
    tables: &Tables,
    past: &Past,
    order: &Order,
    out: &Path,
    teller: &Teller,
) -> Result<Written> {
    let tell = |done, total| teller.step(&format!("rendering workbooks: {done} of {total}"));
    let written = render_order(tables, past, order, out, &tell)?;
    teller.done(&format!(
        "workbooks in {}: {} written, {} unchanged, {} removed",
        out.display(),
        written.written,
        written.unchanged,
        written.removed
    ));
    Ok(written)
}
