//! What cells mean; how each meaning looks is another file's matter.

use schemas::Severity;

/// What a cell means; `format` knows how each looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Style {
    /// Nothing special, outside tables.
    Plain,
    /// The title of a sheet.
    Title,
    /// What stands below the title.
    Subtitle,
    /// The heading of a section.
    Section,
    /// What explains a section.
    Remark,
    /// What explains marks, in several lines.
    Legend,
    /// What must not be overlooked: missing data, or a list that was cut.
    Warning,
    /// What a red box is about.
    Alarm,
    /// A way to another sheet.
    Link,
    /// The heading of a column.
    Heading,
    /// The heading of a column of numbers.
    HeadingNumber,
    /// The heading of an account's column, turned by 90 degrees.
    HeadingTurned,
    /// The label of a key figure.
    CardLabel,
    /// A key figure that is a score.
    CardScore,
    /// A key figure that is a count.
    CardCount,
    /// A key figure in words.
    CardText,
    /// What explains a key figure.
    CardNote,
    /// Text of a table.
    Text,
    /// Text of a table that is kept in one line, because it would make a very high row.
    Line,
    /// Text of a table that matters.
    Strong,
    /// A whole number of a table.
    Count,
    /// A whole number that stands alone in the middle of its cell.
    Figure,
    /// A number of score points of a table.
    Points,
    /// A number of score points by which a score moved, with an arrow.
    Moved,
    /// An amount of money of a table, in whole units of the currency.
    Money,
    /// A share of a table that is no score.
    Share,
    /// A date of a table.
    Date,
    /// A date with hours and minutes of a table.
    DateTime,
    /// How old something of a table is, in words.
    Age,
    /// A link of a table.
    TableLink,
    /// A score.
    Score,
    /// A score that lacks data of some regions.
    ScorePartial,
    /// A score that sums up others.
    ScoreStrong,
    /// A score that sums up others and lacks data of some regions.
    ScoreStrongPartial,
    /// Penalty points.
    Penalty,
    /// No score: nothing to judge.
    NotApplicable,
    /// No score: no data.
    NotCollected,
    /// Text of a row with live credit.
    CreditedText,
    /// The same in one line.
    CreditedLine,
    /// A link of a row with live credit.
    CreditedLink,
    /// A date of a row with live credit.
    CreditedDate,
    /// Text of a row whose exception gives no credit any more.
    LapsedText,
    /// The same in one line.
    LapsedLine,
    /// A link of a row whose exception gives no credit any more.
    LapsedLink,
    /// A date of a row whose exception gives no credit any more.
    LapsedDate,
    /// The word for a good score.
    Good,
    /// The word for a fair score.
    Fair,
    /// The word for a poor score.
    Poor,
    /// The severity `critical`.
    Critical,
    /// The severity `high`.
    High,
    /// The severity `medium`.
    Medium,
    /// The severity `low`.
    Low,
    /// The severity `info`.
    Info,
}

impl Style {
    /// Tells whether text of this style is broken into lines.
    pub(crate) fn wraps(self) -> bool {
        matches!(
            self,
            Style::Text
                | Style::Strong
                | Style::Age
                | Style::TableLink
                | Style::CreditedText
                | Style::CreditedLink
                | Style::LapsedText
                | Style::LapsedLink
                | Style::Heading
                | Style::HeadingNumber
                | Style::NotCollected
                | Style::Warning
        )
    }

    /// Tells whether cells of this style have borders and need some air.
    pub(crate) fn is_boxed(self) -> bool {
        !matches!(self, Style::Plain | Style::Subtitle | Style::Remark | Style::Link)
    }
}

impl From<Severity> for Style {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Style::Critical,
            Severity::High => Style::High,
            Severity::Medium => Style::Medium,
            Severity::Low => Style::Low,
            Severity::Info => Style::Info,
        }
    }
}
