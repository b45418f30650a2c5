//! What a message says, before it has a form: title, figures, lists. Pure.

use schemas::{Severity, percent};
use sha2::{Digest as _, Sha256};
use sink_workbook::{Digest, Subject, moved};

use crate::letter::Attempt;

/// Characters of one cell: lists of a message are read at a glance, the workbook has the rest.
const CELL_MAX: usize = 120;

/// Names of accounts without data that are told.
const NAMES_MAX: usize = 10;

/// What a message says. Cells are outside data, cut and in one line, and not escaped.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The subject line.
    pub subject: String,
    /// The heading.
    pub title: String,
    /// What a mailbox shows beside the subject line.
    pub preheader: String,
    /// The score in words: `87.4%`, `N/A`, `not collected`.
    pub score: String,
    /// How it stands, with its mark and its letter.
    pub standing: String,
    /// Where it went, with an arrow; empty where no earlier score is kept.
    pub change: String,
    /// Other figures, with their labels.
    pub figures: Vec<(&'static str, String)>,
    /// What a reader has to know first.
    pub remarks: Vec<String>,
    /// Lists.
    pub sections: Vec<Section>,
    /// What stands at the end.
    pub footer: Vec<String>,
}

/// A list.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What it is, in a sentence.
    pub note: String,
    /// Headings of columns, and whether they hold numbers.
    pub columns: Vec<(&'static str, bool)>,
    /// Rows of cells.
    pub rows: Vec<Vec<String>>,
}

/// What a page tells besides a subject's figures.
#[derive(Clone, Debug, Default)]
pub struct Besides {
    /// For whom it was, when it goes elsewhere.
    pub redirected_from: Option<String>,
    /// How the workbook comes: attached, or where it is.
    pub workbook: String,
    /// Which attempt it is.
    pub attempt: Attempt,
    /// How a reader gets no more.
    pub unsubscribe: Option<String>,
}

impl Page {
    /// Lays out a subject's figures.
    pub fn of(digest: &Digest, besides: &Besides) -> Self {
        let score = digest.score.map_or_else(|| digest.standing.to_owned(), percent);
        let points = digest.score.zip(digest.before).map(|(now, before)| (now - before) * 100.0);
        let change = points.map(moved).unwrap_or_default();
        let standing = match digest.grade {
            Some(grade) => format!("{} ({grade})", digest.standing),
            None => digest.standing.to_owned(),
        };
        Self {
            subject: subject_line(digest, &score, &change, besides),
            title: title(&digest.subject),
            preheader: preheader(digest),
            standing,
            change: match digest.since_ms {
                Some(since_ms) if !change.is_empty() => format!("{change} since {}", day(since_ms)),
                _ => String::new(),
            },
            figures: figures(digest),
            remarks: remarks(digest, besides),
            sections: sections(digest),
            footer: footer(digest, besides),
            score,
        }
    }

    /// Drops the later half of each list: a message must stay below what mailboxes cut.
    pub(crate) fn halve(&mut self) {
        for section in &mut self.sections {
            let count = section.rows.len();
            if count > 1 {
                section.rows.truncate(count / 2);
                section.note.push_str(&format!(" {} more are in the workbook.", count - count / 2));
            }
        }
    }
}

/// Gives a hash of the figures that a digest tells; times are none of them.
pub(crate) fn content(digest: &Digest) -> String {
    let lowest = digest.lowest.iter().map(|line| (&line.id, line.score, line.open));
    let actions = digest.actions.iter().map(|one| (&one.requirement, &one.account, one.to_mend));
    let expiring = digest.expiring.iter().map(|one| (&one.id, one.expires_ms, one.credited));
    let executives = digest.executives.iter().map(|one| (&one.name, one.score));
    let counts = (digest.open, digest.accepted, digest.unknown, digest.accounts);
    let text = format!(
        "{:?} {:?} {counts:?} {:?} {:?} {:?} {:?} {:?}",
        digest.score,
        digest.standing,
        digest.not_collected,
        lowest.collect::<Vec<_>>(),
        actions.collect::<Vec<_>>(),
        expiring.collect::<Vec<_>>(),
        executives.collect::<Vec<_>>(),
    );
    hex(&Sha256::digest(text.as_bytes()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives a day of UTC.
pub(crate) fn day(at_ms: i64) -> String {
    moment(at_ms).strftime("%Y-%m-%d").to_string()
}

fn moment(at_ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default()
}

/// Gives outside data as one line that fits in a cell.
pub(crate) fn cell(text: &str) -> String {
    line(text, CELL_MAX)
}

/// Gives a text as one line of so many characters, without what could end a line or turn it.
pub(crate) fn line(text: &str, max: usize) -> String {
    // Separators of lines and paragraphs, embeddings, overrides and isolates of direction.
    let turns = |c: char| matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_unsafe = |c: char| c.is_control() || turns(c);
    let safe: String = text.chars().map(|c| if is_unsafe(c) { ' ' } else { c }).collect();
    let words: Vec<&str> = safe.split_whitespace().collect();
    let whole = words.join(" ");
    match whole.char_indices().nth(max) {
        None => whole,
        Some(_) => whole.chars().take(max - 1).chain(['…']).collect(),
    }
}

/// Gives a count with its noun.
fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn title(subject: &Subject) -> String {
    match subject {
        Subject::Owner(_) => "Your security scorecard".to_owned(),
        other => format!("Security scorecard: {}", line(&other.to_string(), 60)),
    }
}

fn subject_line(digest: &Digest, score: &str, change: &str, besides: &Besides) -> String {
    let about = match &digest.subject {
        Subject::Owner(_) => "Security scorecard".to_owned(),
        other => format!("Security scorecard of {}", line(&other.to_string(), 60)),
    };
    let change = if change.is_empty() { String::new() } else { format!(" {change}") };
    let news = match digest.newly_failing {
        0 => String::new(),
        newly => format!(", {newly} newly failing"),
    };
    let text = format!("{about}: {score}{change}{news}");
    match &besides.redirected_from {
        Some(whom) => format!("[for {}] {text}", line(whom, 80)),
        None => text,
    }
}

fn preheader(digest: &Digest) -> String {
    let mut parts = vec![format!("{} to fix", digest.open)];
    if digest.since_ms.is_some() {
        parts.push(format!("{} newly failing", digest.newly_failing));
        parts.push(format!("{} fixed", digest.fixed));
    }
    if !digest.expiring.is_empty() {
        let soon = digest.expiring.len();
        parts.push(format!("{} soon", count(soon, "exception expires", "exceptions expire")));
    }
    if !digest.not_collected.is_empty() {
        let missing = digest.not_collected.len();
        parts.push(format!("{} without data", count(missing, "account", "accounts")));
    }
    parts.join(", ")
}

fn figures(digest: &Digest) -> Vec<(&'static str, String)> {
    vec![
        ("To fix", digest.open.to_string()),
        ("Accepted", digest.accepted.to_string()),
        ("Not judged", digest.unknown.to_string()),
        ("Accounts", digest.accounts.to_string()),
    ]
}

fn remarks(digest: &Digest, besides: &Besides) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(whom) = &besides.redirected_from {
        remarks.push(format!("This is a test: the message would go to {}.", line(whom, 80)));
    }
    if besides.attempt.may_repeat {
        remarks.push(
            "You may have received this message before: the connection to the mail server was \
             lost while it was sent."
                .to_owned(),
        );
    }
    if !digest.not_collected.is_empty() {
        let mut names: Vec<String> =
            digest.not_collected.iter().take(NAMES_MAX).map(|name| cell(name)).collect();
        let more = digest.not_collected.len().saturating_sub(NAMES_MAX);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let accounts = count(digest.not_collected.len(), "account", "accounts");
        remarks.push(format!("No data of {accounts} ever came: {}.", names.join(", ")));
    }
    remarks
}

fn footer(digest: &Digest, besides: &Besides) -> Vec<String> {
    let at = moment(digest.at_ms).strftime("%Y-%m-%d %H:%M");
    let mut footer =
        vec![besides.workbook.clone(), format!("Figures of {at} UTC, sent by scorecard.")];
    footer.extend(besides.unsubscribe.as_ref().map(|to| format!("To get no more of these: {to}")));
    footer.retain(|line| !line.is_empty());
    footer
}

fn sections(digest: &Digest) -> Vec<Section> {
    let all = [changes(digest), actions(digest), expiring(digest), executives(digest)];
    let mut sections: Vec<Section> = all.into_iter().flatten().collect();
    sections.extend(lowest(digest));
    sections
}

fn changes(digest: &Digest) -> Option<Section> {
    if !matches!(digest.subject, Subject::Owner(_)) {
        return None;
    }
    let since_ms = digest.since_ms?;
    let note = format!(
        "{} newly failing, {} fixed, the gravest first.",
        digest.newly_failing, digest.fixed
    );
    let row = |one: &sink_workbook::Change| {
        let resource = if one.part.is_empty() {
            one.resource.clone()
        } else {
            format!("{}: {}", one.resource, one.part)
        };
        vec![
            one.kind.word().to_owned(),
            severity(one.severity),
            cell(&one.requirement),
            cell(&resource),
            cell(&one.account),
            cell(&one.cause),
        ]
    };
    Some(Section {
        title: format!("What changed since {}", day(since_ms)),
        note,
        columns: vec![
            ("Change", false),
            ("Severity", false),
            ("Requirement", false),
            ("Resource", false),
            ("Account", false),
            ("Why", false),
        ],
        rows: digest.changes.iter().map(row).collect(),
    })
}

fn actions(digest: &Digest) -> Option<Section> {
    let row = |one: &sink_workbook::NextAction| {
        vec![
            cell(&one.requirement),
            cell(&one.account),
            severity(one.severity),
            one.to_mend.to_string(),
            format!("+{:.2}", one.points),
            cell(&one.remediation),
        ]
    };
    Some(Section {
        title: "Next best actions".to_owned(),
        note: "Most points for the fewest resources.".to_owned(),
        columns: vec![
            ("Requirement", false),
            ("Account", false),
            ("Severity", false),
            ("To fix", true),
            ("Points", true),
            ("How", false),
        ],
        rows: digest.actions.iter().map(row).collect(),
    })
}

fn expiring(digest: &Digest) -> Option<Section> {
    let row = |one: &sink_workbook::Expiring| {
        vec![
            cell(&one.reason),
            cell(&one.id),
            day(one.expires_ms),
            one.days_left.to_string(),
            one.credited.to_string(),
        ]
    };
    if digest.expiring.is_empty() {
        return None;
    }
    Some(Section {
        title: "Exceptions that expire soon".to_owned(),
        note: "From that day on their resources count as non-compliant again.".to_owned(),
        columns: vec![
            ("Reason", false),
            ("Exception", false),
            ("Expires", false),
            ("Days left", true),
            ("Resources", true),
        ],
        rows: digest.expiring.iter().map(row).collect(),
    })
}

fn executives(digest: &Digest) -> Option<Section> {
    let row = |one: &sink_workbook::ExecutiveLine| {
        vec![
            cell(&one.name),
            one.score.map_or_else(String::new, percent),
            one.standing.to_owned(),
            (one.spend_cents / 100).to_string(),
        ]
    };
    if digest.executives.is_empty() {
        return None;
    }
    Some(Section {
        title: "Executives".to_owned(),
        note: "Their accounts' scores weighted by spend, the lowest first.".to_owned(),
        columns: vec![("Executive", false), ("Score", true), ("Standing", false), ("Spend", true)],
        rows: digest.executives.iter().map(row).collect(),
    })
}

fn lowest(digest: &Digest) -> Option<Section> {
    let row = |one: &sink_workbook::AccountLine| {
        vec![
            cell(&one.name),
            cell(&one.id),
            one.score.map_or_else(String::new, percent),
            one.standing.to_owned(),
            one.open.to_string(),
        ]
    };
    let shown = digest.lowest.len();
    let all = shown >= digest.accounts;
    let note = if all {
        "The lowest score first.".to_owned()
    } else {
        format!("The {shown} with the lowest scores; the workbook has all.")
    };
    Some(Section {
        title: "Accounts".to_owned(),
        note,
        columns: vec![
            ("Account", false),
            ("Id", false),
            ("Score", true),
            ("Standing", false),
            ("To fix", true),
        ],
        rows: digest.lowest.iter().map(row).collect(),
    })
}

fn severity(severity: Severity) -> String {
    severity.as_str().to_owned()
}

#[cfg(test)]
mod tests;
