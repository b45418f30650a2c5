//! `scorecard mail`: looks at what would be sent, at what was, and at a message before it is.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use schemas::topic::{ACCOUNT_STATE, MAIL_OUTBOX};
use schemas::{Key, MailKey, MailState};
use serde_json::{Value, json};
use sink_mail::{
    Attempt, Config as MailConfig, Edition, Entry, Kind, Letter, Report, Roster, Settings, Skipped,
    period,
};
use sink_workbook::{Owner, Subject, Tables, file_name, last_tick};

use crate::{
    config::{Config, ConfigFile},
    output::{self, Form, plain},
    site::Site,
};

/// Looks at mail: who gets which report when, what was sent, and a message before it is sent
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes a report's message, its page and the picture of the score as files; sends nothing
    ///
    /// Whatever address the report would go to, and whether it is due, plays no part.
    Preview(Preview),
    /// Lists who gets which report, when the newest was due, and what became of it
    Plan(Listing),
    /// Lists messages with what became of them and what the server said
    Outbox(Listing),
}

#[derive(clap::Args)]
struct Preview {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    whose: Whose,
    /// The folder to write to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// An owner's report, by the name in the register
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// The enterprise's report
    #[arg(long)]
    enterprise: bool,
    /// A payer's report
    #[arg(long, value_name = "ACCOUNT")]
    payer: Option<String>,
}

#[derive(clap::Args)]
struct Listing {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Preview(args) => preview(args),
        Command::Plan(args) => plan(args),
        Command::Outbox(args) => outbox(args),
    }
}

fn mail(config: &Config) -> Result<&MailConfig> {
    config.mail.as_ref().context("the configuration has no `mail`: say who gets what when")
}

fn preview(args: &Preview) -> Result<()> {
    let config = args.config.read()?;
    let (mail, site) = (mail(&config)?, Site::existing(&config)?);
    let subject = match (&args.whose.owner, &args.whose.payer) {
        (Some(owner), _) => Subject::Owner(Owner::Named(owner.clone())),
        (None, Some(payer)) => Subject::Payer(payer.clone()),
        (None, None) => Subject::Enterprise,
    };
    let mut edition = Edition::read(&*site.log, &site.codec, &site.prefix)?;
    ensure!(edition.has(&subject), "there are no accounts of {}", plain(&subject.to_string()));
    let at_ms = edition.tables().at_ms;
    let schedule = Kind::of(&subject).schedule(mail);
    let slot_ms = schedule.and_then(|one| one.newest(at_ms)).unwrap_or(at_ms);
    let settings =
        Settings { log: &*site.log, codec: &site.codec, prefix: &site.prefix, config: mail };
    let (digest, workbook) = edition.report(settings, &subject, slot_ms)?;
    // Nobody has to be reachable for a look.
    let recipient = Roster::of(mail, edition.tables()).entries.into_iter();
    let mut recipient =
        recipient.filter(|entry| entry.subject == subject).map(|entry| entry.recipient);
    let recipient = recipient.next_back().unwrap_or_else(|| mail.from.email.clone());
    let (digest, workbook, recipient) = (&digest, &workbook, &recipient);
    let attempt = Attempt { number: 1, may_repeat: false };
    let report = Report { digest, workbook, recipient, slot_ms, attempt, message_id: "" };
    write(&args.out, &subject, &Letter::write(mail, &report, usize::MAX)?)
}

/// Writes a message's files and says where they are.
fn write(out: &Path, subject: &Subject, letter: &Letter) -> Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("making the folder {}", out.display()))?;
    let name = file_name(subject);
    let stem = name.trim_end_matches(".xlsx");
    let picture = format!("{stem}.png");
    // In a file the picture lies beside the page; in the message it is a part of it.
    let page = letter.html.replace("cid:score", &picture);
    for (file, bytes) in [
        (format!("{stem}.eml"), letter.bytes.as_slice()),
        (format!("{stem}.html"), page.as_bytes()),
        (picture, letter.picture.as_slice()),
    ] {
        let path = out.join(file);
        std::fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        output::say!("{}", path.display())?;
    }
    Ok(())
}

fn plan(args: &Listing) -> Result<()> {
    let config = args.config.read()?;
    let (mail, site) = (mail(&config)?, Site::existing(&config)?);
    let Some(at_ms) = last_tick(&*site.log, &site.codec, &site.prefix)? else {
        bail!("the log has no tick: run `scorecard clock`, without which nothing is due");
    };
    let accounts = site.table(&ACCOUNT_STATE)?;
    let known = site.table(&MAIL_OUTBOX)?;
    let roster = Roster::of(mail, &Tables { accounts, ..Tables::default() });
    for entry in &roster.entries {
        let slot_ms = Kind::of(&entry.subject).schedule(mail).and_then(|one| one.newest(at_ms));
        let state = slot_ms.and_then(|slot_ms| known.get(&entry.key(slot_ms)));
        planned(entry, slot_ms, state, args.form.is_json())?;
    }
    roster.skipped.iter().try_for_each(|one| skipped(one, args.form.is_json()))
}

fn planned(
    entry: &Entry,
    slot_ms: Option<i64>,
    state: Option<&MailState>,
    is_json: bool,
) -> Result<()> {
    let (subject, recipient) = (entry.subject.to_string(), entry.recipient.to_string());
    let due = slot_ms.map(period);
    let status = state.map_or("not planned", |state| state.status.as_str());
    if is_json {
        return output::say!(
            "{}",
            json!({ "subject": subject, "recipient": recipient, "due": due, "status": status })
        );
    }
    let due = due.unwrap_or_else(|| "never".to_owned());
    output::say!("{due:<17}  {status:<11}  {}  {}", plain(&recipient), plain(&subject))
}

fn skipped(one: &Skipped, is_json: bool) -> Result<()> {
    let (subject, recipient) = (one.subject.to_string(), one.recipient.as_deref());
    if is_json {
        return output::say!(
            "{}",
            json!({ "subject": subject, "recipient": recipient, "skipped": one.why })
        );
    }
    let whom = recipient.map(|to| format!("{}  ", plain(to))).unwrap_or_default();
    output::say!("{:<17}  {:<11}  {whom}{}: {}", "-", "nobody", plain(&subject), one.why)
}

fn outbox(args: &Listing) -> Result<()> {
    let config = args.config.read()?;
    let rows = Site::existing(&config)?.table(&MAIL_OUTBOX)?;
    rows.iter().try_for_each(|(key, state)| message(key, state, args.form.is_json()))
}

fn message(key: &MailKey, state: &MailState, is_json: bool) -> Result<()> {
    if is_json {
        let mut line = serde_json::to_value(state).context("telling of a message")?;
        line["key"] = Value::String(key.encode());
        return output::say!("{line}");
    }
    let answer = state.answer.as_deref().map(plain).unwrap_or_default();
    let repeat = if state.uncertain > 0 { " (may have arrived before)" } else { "" };
    output::say!(
        "{}  {:<10}  {}  {}/{}  {answer}{repeat}",
        key.period,
        state.status.as_str(),
        plain(&key.recipient),
        plain(&key.kind),
        plain(&key.id)
    )
}
