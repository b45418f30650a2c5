//! How each meaning looks: every format of the workbooks, once.
//!
//! Colours go from dark to light as things go from bad to good, so that they can be told apart in
//! grey print and with any colour vision; a mark, a word or a number always says the same.

use std::collections::BTreeMap;

use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, FormatUnderline};

use crate::score::{POOR, is_nearly_perfect};
use crate::sheet::Tint;
use crate::style::Style;

/// Scores and their colours; between them colours blend.
pub(crate) const SCALE: [(f64, Color); 3] =
    [(0.5, Color::RGB(0xEF_65_48)), (0.85, Color::RGB(0xFD_D4_9E)), (1.0, Color::RGB(0xD3_EF_DB))];

const INK: Color = Color::RGB(0x1F_29_37);
pub(crate) const FAINT: Color = Color::RGB(0x5B_66_74);
pub(crate) const NAVY: Color = Color::RGB(0x1F_3A_5F);
pub(crate) const PALE_NAVY: Color = Color::RGB(0x8F_A6_C4);
pub(crate) const LINE: Color = Color::RGB(0xD5_DB_E3);
const PAPER: Color = Color::RGB(0xF5_F7_FA);
pub(crate) const BLUE: Color = Color::RGB(0x1F_4E_8C);
const PALE_BLUE: Color = Color::RGB(0xDC_E6_F5);
const RED: Color = Color::RGB(0xB2_18_2B);
const DARK_RED: Color = Color::RGB(0x8C_1D_18);
pub(crate) const ORANGE: Color = Color::RGB(0xEF_65_48);
const SAND: Color = Color::RGB(0xFD_BB_84);
const CREAM: Color = Color::RGB(0xFE_F0_D9);
const PALE_GREEN: Color = Color::RGB(0xD3_EF_DB);
const AMBER: Color = Color::RGB(0xFF_E8_A3);

/// The formats that a workbook has used so far.
#[derive(Default)]
pub(crate) struct Formats {
    made: BTreeMap<Style, Format>,
    nearly: BTreeMap<Style, Format>,
}

impl Formats {
    /// Makes an empty set.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Gives the format of a style; each is made once.
    pub(crate) fn of(&mut self, style: Style) -> &Format {
        self.made.entry(style).or_insert_with(|| make(style))
    }

    /// Gives the format of a number. One of a score knows two limits, and so can't keep what is
    /// nearly perfect from `100.0%`: that has a format of its own, which says `99.9%`.
    pub(crate) fn of_number(&mut self, style: Style, number: f64) -> &Format {
        match nearly_perfect(style) {
            Some(shown) if is_nearly_perfect(number) => {
                let make = || make(style).set_num_format(format!("\"{shown}\""));
                self.nearly.entry(style).or_insert_with(make)
            }
            _ => self.of(style),
        }
    }
}

/// Gives what a nearly perfect score reads as; none where numbers are no scores.
fn nearly_perfect(style: Style) -> Option<&'static str> {
    match style {
        Style::Score | Style::ScoreStrong => Some("! 99.9%"),
        Style::ScorePartial | Style::ScoreStrongPartial => Some("! 99.9%*"),
        Style::CardScore => Some("99.9%"),
        _ => None,
    }
}

/// Gives the colour of a sheet's tab.
pub(crate) fn tab(tint: Tint) -> Color {
    match tint {
        Tint::Overview => NAVY,
        Tint::Good => Color::RGB(0x9B_D4_AE),
        Tint::Fair => SAND,
        Tint::Poor => ORANGE,
        Tint::Unscored => Color::RGB(0x9A_B4_DC),
    }
}

fn make(style: Style) -> Format {
    match style {
        Style::Plain
        | Style::Title
        | Style::Subtitle
        | Style::Section
        | Style::Remark
        | Style::Legend
        | Style::Warning
        | Style::Link => page(style),
        Style::Heading | Style::HeadingNumber | Style::HeadingTurned => heading(style),
        Style::CardLabel
        | Style::CardScore
        | Style::CardCount
        | Style::CardText
        | Style::CardNote => card(style),
        Style::Score
        | Style::ScorePartial
        | Style::ScoreStrong
        | Style::ScoreStrongPartial
        | Style::Penalty
        | Style::NotApplicable
        | Style::NotCollected => score(style),
        Style::Alarm
        | Style::Good
        | Style::Fair
        | Style::Poor
        | Style::Critical
        | Style::High
        | Style::Medium
        | Style::Low
        | Style::Info => word(style),
        _ => table(style),
    }
}

fn base() -> Format {
    Format::new()
        .set_font_name("Calibri")
        .set_font_size(10)
        .set_font_color(INK)
        .set_align(FormatAlign::VerticalCenter)
}

fn page(style: Style) -> Format {
    let base = base();
    match style {
        Style::Title => base.set_font_size(18).set_bold().set_font_color(NAVY),
        Style::Subtitle => base.set_font_size(11).set_font_color(FAINT),
        Style::Section => base
            .set_font_size(13)
            .set_bold()
            .set_font_color(NAVY)
            .set_border_bottom(FormatBorder::Medium)
            .set_border_bottom_color(NAVY),
        Style::Remark => base.set_font_size(9).set_font_color(FAINT),
        Style::Legend => base.set_font_size(9).set_font_color(FAINT).set_text_wrap(),
        Style::Warning => base.set_bold().set_background_color(AMBER),
        Style::Link => base.set_font_color(BLUE).set_underline(FormatUnderline::Single),
        _ => base,
    }
}

fn heading(style: Style) -> Format {
    let base = base()
        .set_bold()
        .set_font_color(Color::White)
        .set_background_color(NAVY)
        .set_border(FormatBorder::Thin)
        .set_border_color(LINE)
        .set_text_wrap();
    match style {
        Style::HeadingNumber => base.set_align(FormatAlign::Center),
        Style::HeadingTurned => {
            base.set_rotation(90).set_align(FormatAlign::Bottom).set_align(FormatAlign::Center)
        }
        _ => base.set_align(FormatAlign::Left).set_indent(1),
    }
}

fn card(style: Style) -> Format {
    let base = base()
        .set_background_color(PAPER)
        .set_align(FormatAlign::Center)
        .set_border_left(FormatBorder::Thin)
        .set_border_left_color(LINE)
        .set_border_right(FormatBorder::Thin)
        .set_border_right_color(LINE);
    let value = |base: Format| base.set_bold().set_font_color(NAVY);
    match style {
        Style::CardLabel => base
            .set_bold()
            .set_font_color(FAINT)
            .set_border_top(FormatBorder::Medium)
            .set_border_top_color(NAVY),
        Style::CardScore => {
            value(base).set_font_size(28).set_num_format("0.0%").set_font_color(INK)
        }
        Style::CardCount => value(base).set_font_size(20).set_num_format("#,##0"),
        Style::CardText => value(base).set_font_size(14),
        _ => base
            .set_font_size(9)
            .set_font_color(FAINT)
            .set_text_wrap()
            .set_border_bottom(FormatBorder::Thin)
            .set_border_bottom_color(LINE),
    }
}

/// What every cell of a table has.
fn boxed() -> Format {
    base().set_border(FormatBorder::Thin).set_border_color(LINE)
}

fn table(style: Style) -> Format {
    let base = boxed();
    let credited = |base: Format| base.set_italic().set_font_color(FAINT);
    let lapsed = |base: Format| base.set_italic().set_font_color(RED);
    match style {
        Style::Text => text(base).set_text_wrap(),
        Style::Strong => text(base).set_text_wrap().set_bold(),
        Style::Count => number(base, "#,##0"),
        Style::Figure => base.set_num_format("#,##0").set_align(FormatAlign::Center),
        Style::Points => base.set_num_format("+0.00").set_align(FormatAlign::Center),
        Style::Moved => base
            .set_num_format("[>=0.05]\"↑ +\"0.0;[<=-0.05]\"↓ -\"0.0;\"→ \"0.0")
            .set_align(FormatAlign::Center),
        Style::Money => base.set_num_format("#,##0").set_align(FormatAlign::Right),
        Style::Share => base.set_num_format("0%").set_align(FormatAlign::Center),
        Style::Date => date(base),
        Style::DateTime => text(base).set_num_format("yyyy-mm-dd hh:mm"),
        Style::Age => base.set_font_size(9).set_align(FormatAlign::Center).set_text_wrap(),
        Style::TableLink => linked(text(base).set_font_color(BLUE)),
        Style::CreditedText => text(credited(base)).set_text_wrap(),
        Style::CreditedLink => linked(text(credited(base))),
        Style::LapsedLink => linked(text(lapsed(base))),
        Style::CreditedLine => text(credited(base)),
        Style::CreditedDate => date(credited(base)),
        Style::LapsedText => text(lapsed(base)).set_text_wrap(),
        Style::LapsedLine => text(lapsed(base)),
        Style::LapsedDate => date(lapsed(base)),
        _ => text(base),
    }
}

fn text(base: Format) -> Format {
    base.set_align(FormatAlign::Left).set_indent(1)
}

fn linked(base: Format) -> Format {
    base.set_underline(FormatUnderline::Single).set_text_wrap()
}

fn number(base: Format, pattern: &str) -> Format {
    base.set_num_format(pattern).set_align(FormatAlign::Right).set_indent(1)
}

fn date(base: Format) -> Format {
    text(base).set_num_format("yyyy-mm-dd")
}

fn score(style: Style) -> Format {
    let base = boxed().set_align(FormatAlign::Center);
    // What is shown as the limit is not below it; the decimals hide what a float adds.
    let below = format!("{:.4}", POOR - 0.000_5);
    // The mark stands before the number, so that the cell stays a real number.
    let marked = |base: Format, tail: &str| {
        base.set_num_format(format!(
            "[=1]\"✓ \"0%{tail};[<{below}]\"✗ \"0.0%{tail};\"! \"0.0%{tail}"
        ))
    };
    match style {
        Style::Score => marked(base, ""),
        Style::ScorePartial => marked(base, "\"*\""),
        Style::ScoreStrong => marked(base.set_bold().set_font_size(11), ""),
        Style::ScoreStrongPartial => marked(base.set_bold().set_font_size(11), "\"*\""),
        Style::Penalty => base.set_num_format("#,##0"),
        Style::NotCollected => {
            base.set_text_wrap().set_italic().set_font_color(BLUE).set_background_color(PALE_BLUE)
        }
        _ => base.set_font_color(FAINT).set_background_color(PAPER),
    }
}

/// Words that stand for how grave or how good something is.
fn word(style: Style) -> Format {
    let base = boxed().set_bold().set_align(FormatAlign::Center);
    match style {
        Style::Critical | Style::Alarm => {
            base.set_background_color(DARK_RED).set_font_color(Color::White)
        }
        Style::High | Style::Poor => base.set_background_color(ORANGE),
        Style::Medium | Style::Fair => base.set_background_color(SAND),
        Style::Low => base.set_background_color(CREAM),
        Style::Good => base.set_background_color(PALE_GREEN),
        _ => base.set_background_color(PAPER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance. Source: WCAG 2.2, "relative luminance".
    fn luminance(color: Color) -> f64 {
        let Color::RGB(rgb) = color else { return 1.0 };
        let part = |shift: u32| {
            let value = f64::from((rgb >> shift) & 0xff) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0)
    }

    fn contrast(a: Color, b: Color) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn worse_is_darker() {
        let scale = SCALE.map(|(_, color)| luminance(color));
        assert!(scale[0] < scale[1] && scale[1] < scale[2], "{scale:?}");
        assert!(SCALE[0].0 < SCALE[1].0 && SCALE[1].0 < SCALE[2].0);
        let severities = [DARK_RED, ORANGE, SAND, CREAM].map(luminance);
        assert!(severities.is_sorted(), "{severities:?}");
    }

    #[test]
    fn text_can_be_read_on_every_fill() {
        let fills = [ORANGE, SAND, CREAM, PALE_GREEN, PAPER, AMBER, SCALE[0].1, SCALE[1].1];
        for fill in fills {
            assert!(contrast(INK, fill) >= 4.5, "{fill:?}: {}", contrast(INK, fill));
        }
        for (text, fill) in
            [(Color::White, DARK_RED), (Color::White, NAVY), (BLUE, PALE_BLUE), (FAINT, PAPER)]
        {
            assert!(contrast(text, fill) >= 4.5, "{text:?} on {fill:?}");
        }
        assert!(contrast(RED, Color::White) >= 4.5 && contrast(FAINT, Color::White) >= 4.5);
    }
}
