//! Questions about the past: each is a statement of `queries/` and what is bound to it.

use crate::{Answer, ClickHouseError, Database};

/// Whose score is asked for; texts are ids as the topics have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// An account's.
    Account(&'a str),
    /// An owner's, over his accounts.
    Owner(&'a str),
    /// An executive's, over his accounts.
    Executive(&'a str),
    /// A payer's, over its accounts.
    Payer(&'a str),
    /// The enterprise's.
    All,
}

/// What scores can be listed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Accounts.
    Account,
    /// Owners.
    Owner,
    /// Executives.
    Executive,
    /// Payers.
    Payer,
    /// The enterprise.
    Enterprise,
}

/// A question. Days are `YYYY-MM-DD`, UTC; times are `YYYY-MM-DD hh:mm:ss.mmm`, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question<'a> {
    /// The score on each day of a span, gaps filled: of somebody, or of a requirement within.
    Days {
        /// Whose score.
        whose: Whose<'a>,
        /// The requirement; none for the score over all of them.
        requirement: Option<&'a str>,
        /// The first day.
        from: &'a str,
        /// The last day.
        to: &'a str,
    },
    /// Whose score moved most from the end of one day to that of another.
    Movers {
        /// Among whom.
        of: Kind,
        /// The one day.
        from: &'a str,
        /// The other day.
        to: &'a str,
        /// How many.
        limit: u32,
    },
    /// How long failures last, by requirement.
    TimeToFix {
        /// The requirement; none for all.
        requirement: Option<&'a str>,
        /// Failures that ended before this time do not count.
        from: &'a str,
        /// The present time, until which open failures last.
        now: &'a str,
    },
    /// Exceptions, what they credit, and their cost in points of the enterprise's score.
    Exceptions,
    /// Scores as they are, and if every exception expired; executives are weighed by spend and
    /// can't be asked for.
    WhatIf {
        /// Of whom.
        of: Kind,
    },
}

/// A statement and what is bound to it.
type Asked = (&'static str, &'static str, Vec<(&'static str, String)>);

impl Kind {
    /// Gives the word for it in the tables.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Account => "account",
            Kind::Owner => "owner",
            Kind::Executive => "executive",
            Kind::Payer => "payer",
            Kind::Enterprise => "enterprise",
        }
    }
}

impl Database {
    /// Answers a question from the tables.
    ///
    /// Columns that end with `score`, or begin with it, are fractions of 1, as is `moved`; `points`
    /// are hundredths of 1.
    ///
    /// # Errors
    /// When the server can't be asked.
    pub fn answer(&self, question: &Question<'_>) -> Result<Answer, ClickHouseError> {
        let (attempted, statement, parameters) = asked(question);
        self.ask(attempted, statement, &parameters)
    }
}

fn asked(question: &Question<'_>) -> Asked {
    match *question {
        Question::Days { whose, requirement, from, to } => {
            let (statement, mut bound) = series(whose, requirement);
            bound.extend([("from", from.to_owned()), ("to", to.to_owned())]);
            ("reading scores by day", statement, bound)
        }
        Question::Movers { of, from, to, limit } => {
            let bound = vec![
                ("kind", of.word().to_owned()),
                ("from", from.to_owned()),
                ("to", to.to_owned()),
                ("limit", limit.to_string()),
            ];
            ("looking for movers", include_str!("../queries/movers.sql"), bound)
        }
        Question::TimeToFix { requirement, from, now } => {
            let bound = vec![
                ("requirement", requirement.unwrap_or_default().to_owned()),
                ("from", from.to_owned()),
                ("now", now.to_owned()),
            ];
            ("reading times to fix", include_str!("../queries/time_to_fix.sql"), bound)
        }
        Question::Exceptions => {
            let statement = include_str!("../queries/exceptions.sql");
            ("reading the cost of exceptions", statement, Vec::new())
        }
        Question::WhatIf { of } => {
            let bound = vec![("of", of.word().to_owned())];
            ("working out scores without exceptions", include_str!("../queries/what_if.sql"), bound)
        }
    }
}

/// Gives the statement for scores by day: sums over accounts are in the tables only for all
/// requirements together, so one requirement's is worked out from its accounts.
fn series(
    whose: Whose<'_>,
    requirement: Option<&str>,
) -> (&'static str, Vec<(&'static str, String)>) {
    let (kind, id) = match whose {
        Whose::Account(id) => (Kind::Account, id),
        Whose::Owner(id) => (Kind::Owner, id),
        Whose::Executive(id) => (Kind::Executive, id),
        Whose::Payer(id) => (Kind::Payer, id),
        Whose::All => (Kind::Enterprise, "all"),
    };
    let requirement = requirement.unwrap_or("*").to_owned();
    if requirement == "*" || kind == Kind::Account {
        let bound = vec![
            ("kind", kind.word().to_owned()),
            ("id", id.to_owned()),
            ("requirement", requirement),
        ];
        return (include_str!("../queries/series.sql"), bound);
    }
    let only = |one: Kind| if kind == one { id.to_owned() } else { String::new() };
    let bound = vec![
        ("requirement", requirement),
        ("owner", only(Kind::Owner)),
        ("executive", only(Kind::Executive)),
        ("payer", only(Kind::Payer)),
    ];
    (include_str!("../queries/requirement.sql"), bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_statement_names_is_bound() {
        let (from, to) = ("2026-01-01", "2026-01-02");
        let requirement = Some("r'; DROP TABLE x");
        let days = |whose, requirement| Question::Days { whose, requirement, from, to };
        for question in [
            days(Whose::Account("1"), None),
            days(Whose::Account("1"), requirement),
            days(Whose::All, None),
            days(Whose::Owner("o"), requirement),
            Question::Movers { of: Kind::Account, from, to, limit: 3 },
            Question::TimeToFix { requirement, from, now: to },
            Question::Exceptions,
            Question::WhatIf { of: Kind::Owner },
        ] {
            let (_, statement, bound) = asked(&question);
            let names = statement.split('{').skip(1).filter_map(|rest| rest.split(':').next());
            let names: std::collections::BTreeSet<_> = names.collect();
            let bound_names = bound.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, bound_names, "{question:?}");
            assert!(!statement.contains("DROP"), "{statement}");
        }
    }
}
