//! The last tab: where the figures come from, in words.

use crate::changes::ChangeKind;
use crate::score::{GOOD, GRADES, POOR};
use crate::sheet::{Cell, Row, Sheet, Tint};
use crate::style::Style;
use crate::text::{counted, moment, thousands};
use crate::view::{SumCheck, View};
use crate::{Subject, names};

pub(super) const NAME: &str = "About";

/// Accounts without data that are named one by one.
const MISSING_MAX: usize = 200;

/// Lays out the explanations.
pub(super) fn sheet(view: &View<'_>) -> Sheet {
    let mut sheet = Sheet::new(NAME, Tint::Overview, vec![30.0, 110.0]);
    sheet.push(Row::of_height(30.0, vec![Cell::text("About this workbook", Style::Title)]));
    sheet.push(Row::blank());
    // What fits on one page is printed on one.
    sheet.pages_high = u16::from(view.accounts.len() <= 20);
    section(&mut sheet, "Made of", &made_of(view));
    section(&mut sheet, "How scores are made", &formulas(view));
    section(&mut sheet, "Words and marks", &words());
    section(&mut sheet, "Not collected", &missing(view));
    section(&mut sheet, "Cut", &cuts(view));
    sheet
}

type Line = (String, String);

fn pair(label: &str, text: impl Into<String>) -> Line {
    (label.to_owned(), text.into())
}

fn section(sheet: &mut Sheet, title: &str, lines: &[Line]) {
    sheet.push(Row::of_height(22.0, vec![Cell::text(title, Style::Section).over(2)]));
    for (label, text) in lines {
        sheet.push(Row::new(vec![
            Cell::text(label, Style::Strong),
            Cell::wrapped(text, Style::Text, Style::Line),
        ]));
    }
    sheet.push(Row::blank());
}

fn made_of(view: &View<'_>) -> Vec<Line> {
    let subject = match view.subject {
        Subject::Owner(_) => "Owner",
        Subject::Enterprise | Subject::Payer(_) => "Accounts of",
    };
    vec![
        pair(subject, view.subject.to_string()),
        pair("Time of the data", format!("{} UTC", moment(view.at_ms))),
        pair("Software", concat!("scorecard ", env!("CARGO_PKG_VERSION"))),
        pair("Accounts", thousands(view.accounts.len() as i64)),
        pair("Requirements", thousands(view.requirements.len() as i64)),
        pair("Standard", standard(view)),
        pair(
            "Oldest data",
            match view.oldest_ms() {
                Some(ms) => format!("collected {} UTC", moment(ms)),
                None => "none was ever collected".to_owned(),
            },
        ),
        pair("Compared with", compared_with(view)),
        pair(
            "Sum over the accounts",
            match view.sum_check {
                SumCheck::Agrees => {
                    "taken from the roll-up; the accounts' own figures add up to it"
                }
                SumCheck::Differs => {
                    "taken from the roll-up, which had not caught up: the accounts' own figures \
                     add up to something else"
                }
                SumCheck::NoRollup => "added up from the accounts' own figures",
            },
        ),
        pair("Times", "All times are UTC."),
        pair(
            "Print",
            "Accounts' tabs are printed up to the column How to mend; ids and types are on the \
             screen.",
        ),
    ]
}

/// Says which standard it is: two workbooks with one fingerprint were judged by the same texts.
fn standard(view: &View<'_>) -> String {
    let texts = &view.tables.requirements;
    let json: String = texts
        .values()
        .map(|text| serde_json::to_string(text).expect("requirements are texts and numbers"))
        .collect();
    let changed = texts.values().filter(|text| !text.changes.is_empty()).count() as i64;
    let changed = match changed {
        0 => "as it ships".to_owned(),
        n => format!("{} changed by the company", counted(n, "requirement", "requirements")),
    };
    format!("fingerprint {:016x}, {changed}", names::digest(&json))
}

fn compared_with(view: &View<'_>) -> String {
    let weeks = view.past.weeks.len() as i64;
    match &view.past.since {
        Some(since) => format!(
            "{} UTC; the tab {} has {}",
            moment(since.at_ms),
            super::trend::NAME,
            counted(weeks, "week", "weeks")
        ),
        None => "nothing: the log keeps no score of an earlier time".to_owned(),
    }
}

fn grades() -> String {
    let bands = GRADES.iter().map(|(letter, from)| match *from {
        0.0 => format!("{letter} below that"),
        from => format!("{letter} from {:.0} %", from * 100.0),
    });
    format!("Of the score as it is shown: {}.", bands.collect::<Vec<_>>().join(", "))
}

fn formulas(view: &View<'_>) -> Vec<Line> {
    let mut lines = vec![
        pair(
            "Requirement in an account",
            "1 − (non-compliant − accepted) ÷ total. Total is what passes and what fails; \
             accepted is what fails and has a live exception. A requirement for the whole account \
             is 100 % or 0 %.",
        ),
        pair(
            "Account score",
            "The mean of the requirements' scores, weighted by each requirement's risk weight. \
             Requirements without a score are left out.",
        ),
        pair(
            "Risk-weighted score",
            "The owner's score: the sum of weight × score over all requirements of all his \
             accounts, divided by the sum of those weights.",
        ),
        pair("Grade", grades()),
        pair(
            "Trend",
            "The score less the one that the same accounts had together at the earlier time, in \
             points; each account counts by the weights that it had then. Accounts without a score \
             then are left out of the earlier one. Earlier scores are those of the last hour \
             before.",
        ),
        pair(
            "Resources in order",
            "1 − (non-compliant − accepted) ÷ total over all votes of all his accounts: every \
             resource counts the same under every requirement, whatever the risk.",
        ),
        pair(
            "All, mean",
            "In the scores: the plain mean of the accounts' scores under one requirement.",
        ),
        pair(
            "Points",
            "How much the risk-weighted score grows when the resources are mended: weight × (1 − \
             score) ÷ sum of weights × 100. Actions are sorted by points for each resource.",
        ),
        pair(
            "Penalty points",
            "Open failures × weight, for requirements that are scored so. Lower is better. They \
             are in no score.",
        ),
        pair(
            "Votes",
            "As a rule one resource has one vote under one requirement, however many findings it \
             has. A requirement may let every finding vote, or take its counts from an outside \
             source.",
        ),
    ];
    if *view.subject == Subject::Enterprise {
        lines.push(pair(
            "Executive's score",
            "The mean of the accounts' scores, weighted by spend. Earlier scores are weighted by \
             today's spend, so that they move by scores alone.",
        ));
    }
    lines
}

fn words() -> Vec<Line> {
    let (good, poor) = (GOOD * 100.0, POOR * 100.0);
    vec![
        pair("● good", format!("A score of {good:.0} % or more, as it is shown.")),
        pair("▲ fair", format!("A score of {poor:.0} % or more, below {good:.0} %.")),
        pair("■ poor", format!("A score below {poor:.0} %.")),
        pair("✓   !   ✗", format!("In the scores: exactly 100 %; below 100 %; below {poor:.0} %.")),
        pair("*", "Some region was never collected: the score stands for the rest."),
        pair("↑ ↓ →", "The score went up, went down, or stayed within a twentieth of a point."),
        pair(
            ChangeKind::NewlyFailing.word(),
            "Fails without credit, and did not fail at the earlier time.",
        ),
        pair(ChangeKind::Lapsed.word(), "Fails still, and its exception gives no credit any more."),
        pair(ChangeKind::NotJudged.word(), "Was judged then, and can't be now. It is not mended."),
        pair(ChangeKind::Credited.word(), "Fails, and a live exception gives it credit now."),
        pair(ChangeKind::Fixed.word(), "Failed then, and is in order, not concerned or gone now."),
        pair("N/A", "There is nothing that the requirement could judge."),
        pair("not collected", "No data ever came. It is not a pass, and it is in no score."),
        pair(
            "Could not be judged",
            "The resource is known, but data was missing or a rule failed. It counts on neither \
             side.",
        ),
        pair("Italic", "Non-compliant with a live exception: credited until the day it expires."),
        pair(
            "Red italic",
            "Non-compliant with an exception that is not live (expired, not begun, not approved): \
             no credit.",
        ),
        pair(
            "Names of resources",
            "Lead to the provider's console where the type is known: sign in to the account first.",
        ),
        pair(
            "all, partly, stale, none",
            "Of a resource type: every region was collected; some were; all were, but the last \
             scan failed and older data stands; none ever was.",
        ),
        pair(
            "Colours",
            "The darker, the worse: the scale can be told apart in grey print and with any colour \
             vision.",
        ),
    ]
}

fn missing(view: &View<'_>) -> Vec<Line> {
    let missing: Vec<_> = view.accounts.iter().filter(|account| !account.is_collected()).collect();
    if missing.is_empty() {
        return vec![pair("None", "Data came from every account.")];
    }
    let mut lines: Vec<Line> = missing
        .iter()
        .take(MISSING_MAX)
        .map(|account| {
            let remarks = account.remarks();
            let why = if remarks.is_empty() { "never tried" } else { &remarks };
            pair(&account.state.name, format!("{}: {why}", account.state.account))
        })
        .collect();
    let more = missing.len().saturating_sub(MISSING_MAX);
    if more > 0 {
        lines.push(pair("and more", format!("{} more accounts", thousands(more as i64))));
    }
    lines
}

fn cuts(view: &View<'_>) -> Vec<Line> {
    let rows_max = view.limits.rows_max;
    let mut lines = Vec::new();
    let tabs = view.accounts.len() - view.shown().len();
    if tabs > 0 {
        lines.push(pair("Tabs", format!("{} accounts have none", thousands(tabs as i64))));
    }
    for account in view.shown() {
        let cut = account.rows.failing.len().saturating_sub(rows_max)
            + account.rows.unknown.len().saturating_sub(rows_max);
        if cut > 0 {
            let text = format!("{} rows are not shown", thousands(cut as i64));
            lines.push(pair(&account.sheet, text));
        }
    }
    let exceptions = view.exceptions.len().saturating_sub(rows_max);
    if exceptions > 0 {
        let text = format!("{} rows are not shown", thousands(exceptions as i64));
        lines.push(pair(NAME, text));
    }
    if lines.is_empty() {
        lines.push(pair("Nothing", "Every row is in this workbook."));
    }
    lines
}
