//! A workbook as one HTML page: no script, nothing from elsewhere, a section for each sheet.

use rust_xlsxwriter::Color;

use super::shown;
use crate::Model;
use crate::format::SCALE;
use crate::sheet::{Area, Cell, Content, Row, Sheet};
use crate::style::Style;
use crate::text::{moment, thousands};

const CSS: &str = include_str!("page.css");

/// Rows of a sheet on the page. A browser with all of a large account's stands still.
const ROWS_MAX: usize = 2_000;

/// Writes the page.
pub(super) fn page(model: &Model) -> Vec<u8> {
    let title = escaped(&format!("Cloud security scorecard: {}", model.subject));
    let mut to = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n"
    );
    let names: Vec<&str> = model.sheets.iter().map(|sheet| sheet.name.as_str()).collect();
    to.push_str("<nav aria-label=\"Sheets\">\n");
    for (at, name) in names.iter().enumerate() {
        to.push_str(&format!("<a href=\"#s{at}\">{}</a>\n", escaped(name)));
    }
    to.push_str("</nav>\n<main>\n");
    for (at, sheet) in model.sheets.iter().enumerate() {
        to.push_str(&format!("<section id=\"s{at}\">\n"));
        Page { to: &mut to, sheet, names: &names, caption: sheet.name.clone(), open: false }.add();
        to.push_str("</section>\n");
    }
    let at = moment(model.at_ms);
    to.push_str(&format!(
        "</main>\n<footer>scorecard, as of {at} UTC</footer>\n</body>\n</html>\n"
    ));
    to.into_bytes()
}

/// What a row is on the page.
#[derive(PartialEq)]
enum Kind {
    /// Nothing but space.
    Gap,
    /// Text between tables.
    Prose,
    /// A row of a table.
    Table,
}

/// A sheet on its way to the page.
struct Page<'p> {
    to: &'p mut String,
    sheet: &'p Sheet,
    names: &'p [&'p str],
    /// What the next table is about.
    caption: String,
    /// Whether a table has begun.
    open: bool,
}

impl Page<'_> {
    fn add(mut self) {
        for (at, row) in (0..).zip(self.sheet.rows.iter()).take(ROWS_MAX) {
            match kind(&row) {
                Kind::Gap => self.close(),
                Kind::Prose => {
                    self.close();
                    row.cells.iter().for_each(|cell| self.prose(cell));
                }
                Kind::Table => self.row(at, &row),
            }
        }
        self.close();
        let all = self.sheet.rows.len();
        if all > ROWS_MAX {
            let (shown, all) = (thousands(ROWS_MAX as i64), thousands(all as i64));
            let text = format!("⚠ Cut: the first {shown} of {all} rows; the workbook has all.");
            self.to.push_str(&format!("<p class=\"warning\">{text}</p>\n"));
        }
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.to.push_str("</table></div>\n");
        }
    }

    fn prose(&mut self, cell: &Cell) {
        let text = shown::text(cell);
        let (tag, class) = match cell.style {
            _ if text.is_empty() => return,
            Style::Title => ("h2", "title"),
            Style::Section => ("h3", "section"),
            style => ("p", class(style)),
        };
        if matches!(cell.style, Style::Title | Style::Section) {
            self.caption.clone_from(&text);
        }
        let content = self.content(cell, &text);
        self.to.push_str(&format!("<{tag} class=\"{class}\">{content}</{tag}>\n"));
    }

    fn row(&mut self, at: u32, row: &Row) {
        if !std::mem::replace(&mut self.open, true) {
            let caption = escaped(&self.caption);
            self.to.push_str(&format!("<div><table><caption>{caption}</caption>\n"));
        }
        self.to.push_str("<tr>");
        let (mut column, margin) = (0, margin(row));
        for cell in &row.cells {
            if column >= margin {
                self.cell(at, column, cell);
            }
            column += cell.columns;
        }
        self.to.push_str("</tr>\n");
    }

    fn cell(&mut self, row: u32, column: u16, cell: &Cell) {
        let text = shown::text(cell);
        let (tag, scope) = match cell.style {
            Style::Heading | Style::HeadingNumber | Style::HeadingTurned | Style::CardLabel => {
                ("th", " scope=\"col\"")
            }
            _ => ("td", ""),
        };
        let over = match cell.columns {
            1 => String::new(),
            columns => format!(" colspan=\"{columns}\""),
        };
        let scored = self.sheet.scored.iter().any(|area| holds(area, row, column));
        let fill = match cell.content {
            Content::Number(value) if scored => format!(" style=\"background:{}\"", color(value)),
            _ => String::new(),
        };
        let (class, content) = (class(cell.style), self.content(cell, &text));
        let filled = if fill.is_empty() { "" } else { " filled" };
        let open = format!("<{tag}{scope}{over} class=\"{class}{filled}\"{fill}>");
        self.to.push_str(&format!("{open}{content}</{tag}>"));
    }

    /// Gives the text, as a link where the cell leads somewhere.
    fn content(&self, cell: &Cell, text: &str) -> String {
        let text = escaped(text);
        let address = match &cell.content {
            Content::Link { sheet, .. } => {
                let place = self.names.iter().position(|name| name == sheet);
                place.map(|place| format!("#s{place}"))
            }
            Content::Console { link, .. } => Some(escaped(link)).filter(|link| is_web(link)),
            _ => None,
        };
        match address {
            Some(address) => format!("<a href=\"{address}\" rel=\"noreferrer\">{text}</a>"),
            None => text,
        }
    }
}

/// Links are made of escaped parts behind this; nothing else is ever followed.
fn is_web(link: &str) -> bool {
    link.starts_with("https://")
}

fn kind(row: &Row) -> Kind {
    let of = |cell: &Cell| match cell.style {
        Style::Plain | Style::Title | Style::Subtitle | Style::Section => Kind::Prose,
        Style::Remark | Style::Warning | Style::Alarm | Style::Link => Kind::Prose,
        _ => Kind::Table,
    };
    if row.cells.iter().any(|cell| of(cell) == Kind::Table) {
        return Kind::Table;
    }
    let empty = row.cells.iter().all(|cell| cell.content == Content::Empty);
    if empty { Kind::Gap } else { Kind::Prose }
}

/// Gives the first column that is not a margin.
fn margin(row: &Row) -> u16 {
    let first = row.cells.first();
    let is_margin = first.is_some_and(|cell| {
        cell.style == Style::Plain && cell.content == Content::Empty && cell.columns == 1
    });
    u16::from(is_margin)
}

fn holds(area: &Area, row: u32, column: u16) -> bool {
    (area.first_row..=area.last_row).contains(&row)
        && (area.first_column..=area.last_column).contains(&column)
}

/// Gives the colour of a score: between the scale's colours it is mixed.
fn color(value: f64) -> String {
    let parts = |color: Color| match color {
        Color::RGB(rgb) => [16, 8, 0].map(|shift| f64::from((rgb >> shift) & 0xff)),
        _ => [255.0; 3],
    };
    let pairs = [(SCALE[0], SCALE[1]), (SCALE[1], SCALE[2])];
    let (low, high) = if value < SCALE[1].0 { pairs[0] } else { pairs[1] };
    let share = ((value - low.0) / (high.0 - low.0)).clamp(0.0, 1.0);
    let (low, high) = (parts(low.1), parts(high.1));
    let mixed = [0, 1, 2].map(|at| (low[at] + (high[at] - low[at]) * share).round() as u8);
    let [red, green, blue] = mixed;
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Gives the class that page.css has for a meaning.
fn class(style: Style) -> &'static str {
    match style {
        Style::Subtitle | Style::Remark | Style::Legend => "remark",
        Style::Warning | Style::Alarm => "warning",
        Style::Heading => "left",
        Style::HeadingNumber => "number",
        Style::HeadingTurned => "turned",
        Style::CardLabel | Style::CardNote => "note",
        Style::CardScore | Style::CardCount | Style::CardText => "figure",
        Style::Strong => "strong",
        Style::Count | Style::Money | Style::Penalty | Style::Points | Style::Moved => "number",
        Style::Figure | Style::Share => "number",
        Style::Score | Style::ScorePartial => "score",
        Style::ScoreStrong | Style::ScoreStrongPartial => "score strong",
        Style::Age => "note",
        Style::NotApplicable => "none",
        Style::NotCollected => "missing",
        Style::CreditedText | Style::CreditedLine => "credited",
        Style::CreditedLink | Style::CreditedDate => "credited",
        Style::LapsedText | Style::LapsedLine | Style::LapsedLink | Style::LapsedDate => "lapsed",
        Style::Good => "good",
        Style::Fair | Style::Medium => "fair",
        Style::Poor | Style::High => "poor",
        Style::Critical => "critical",
        Style::Low => "low",
        _ => "",
    }
}

/// Makes a text harmless in a page's text and in quoted attributes. Source: OWASP, rules 1 and 2.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_have_the_colours_of_the_scale() {
        // Half of the way from #EF6548 to #FDD49E: (239 + 253) / 2 = 246, and so on.
        let check = |value: f64, expected: &str| assert_eq!(color(value), expected, "{value}");
        check(0.0, "#ef6548");
        check(0.5, "#ef6548");
        check(0.675, "#f69d73");
        check(0.85, "#fdd49e");
        check(1.0, "#d3efdb");
    }

    #[test]
    fn nothing_breaks_out() {
        let text = "<script>alert('x' && \"y\")</script>";
        let expected = "&lt;script&gt;alert(&#39;x&#39; &amp;&amp; &quot;y&quot;)&lt;/script&gt;";
        assert_eq!(escaped(text), expected);
    }
}
