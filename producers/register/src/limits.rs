//! How long an exception may last: by the severity of what it covers, counted in days.

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use schemas::{Exception, ExceptionState, Severity};
use serde::Deserialize;

use crate::Zone;

/// A number of days, written `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Days(pub u16);

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let days = text.strip_suffix('d').and_then(|number| number.parse().ok());
        days.filter(|days| *days > 0)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no number of days such as 30d"))
    }
}

impl TryFrom<String> for Days {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

/// The longest that an exception may last, by severity; without a limit for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Longest {
    /// What is critical.
    pub critical: Option<Days>,
    /// What is of high severity.
    pub high: Option<Days>,
    /// What is of medium severity.
    pub medium: Option<Days>,
    /// What is of low severity.
    pub low: Option<Days>,
    /// What is good to know.
    pub info: Option<Days>,
}

impl Longest {
    fn of(&self, severity: Severity) -> Option<Days> {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// Gives the shortest limit of what an exception covers; all requirements where it names `*`.
    fn for_all(
        &self,
        requirements: &[String],
        severities: &BTreeMap<String, Severity>,
    ) -> Option<(Days, Severity)> {
        let covers = |id: &String| requirements.iter().any(|one| one == "*" || one == id);
        let covered = severities.iter().filter(|(id, _)| covers(id));
        let limits = covered.filter_map(|(_, severity)| Some((self.of(*severity)?, *severity)));
        limits.min()
    }

    /// Ends an approved exception where it has lasted as long as it may, with a notice.
    ///
    /// It is counted from its start or its approval, the later one, else from when it was asked
    /// for; the day on which the count ends is its last one. Where nothing says from when to count
    /// it is taken as not decided: its last good version must not go on for ever.
    pub(crate) fn cut(
        &self,
        exception: &mut Exception,
        severities: &BTreeMap<String, Severity>,
        zone: &Zone,
        notices: &mut Vec<String>,
    ) {
        let limit = self.for_all(&exception.requirements, severities);
        let (Some((days, severity)), ExceptionState::Approved) = (limit, exception.decided())
        else {
            return;
        };
        let limit = format!("exceptions from what is {severity} last at most {days}");
        let decided = exception.starts_ms.max(exception.approved_ms);
        let Some(from_ms) = decided.or(exception.asked_ms) else {
            (exception.state, exception.approved) = (Some(ExceptionState::Asked), false);
            let wanted = "it gives no credit until it names its start or the day of its approval";
            return notices.push(format!("{limit}: {wanted}"));
        };
        let Some((last, end_ms)) = zone.days_after(from_ms, days.0) else { return };
        if exception.expires_ms.is_none_or(|expires_ms| expires_ms > end_ms) {
            exception.expires_ms = Some(end_ms);
            notices.push(format!("{limit}: it ends with {last}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    /// 2026-01-01 in UTC milliseconds (`date -u -d 2026-01-01 +%s`).
    const T0: i64 = 1_767_225_600_000;

    fn cut(exception: &Exception) -> (Exception, Vec<String>) {
        let longest =
            Longest { critical: Some(Days(30)), low: Some(Days(90)), ..Longest::default() };
        let severities = BTreeMap::from([
            ("c".to_owned(), Severity::Critical),
            ("h".to_owned(), Severity::High),
            ("l".to_owned(), Severity::Low),
        ]);
        let (mut exception, mut notices) = (exception.clone(), Vec::new());
        longest.cut(&mut exception, &severities, &Zone::default(), &mut notices);
        (exception, notices)
    }

    fn of(requirements: &[&str]) -> Exception {
        Exception {
            requirements: requirements.iter().map(|one| (*one).to_owned()).collect(),
            approved: true,
            approved_ms: Some(T0 + DAY / 2),
            ..Exception::default()
        }
    }

    #[test]
    fn what_lasts_too_long_ends_with_its_last_day() {
        let until = |days| Exception { expires_ms: Some(T0 + days * DAY), ..of(&["c"]) };
        let later = Exception { starts_ms: Some(T0 + 9 * DAY), ..of(&["c"]) };
        let again = Exception { starts_ms: Some(T0 - 99 * DAY), ..of(&["c"]) };
        // Approved on 1 January: 31 January is the last day, whatever the hour was.
        for (row, days, last) in [
            (of(&["c"]), Some(31), Some("2026-01-31")),
            (of(&["*"]), Some(31), Some("2026-01-31")),
            (of(&["l", "c"]), Some(31), Some("2026-01-31")),
            (until(31), Some(31), None),
            (until(32), Some(31), Some("2026-01-31")),
            (until(3), Some(3), None),
            (of(&["h"]), None, None),
            (of(&["unknown"]), None, None),
            (later, Some(40), Some("2026-02-09")),
            (again, Some(31), Some("2026-01-31")),
        ] {
            let (cut, notices) = cut(&row);
            assert_eq!(cut.expires_ms, days.map(|days| T0 + days * DAY), "{row:?}");
            let limit = "exceptions from what is critical last at most 30d";
            let told: Vec<_> =
                last.iter().map(|last| format!("{limit}: it ends with {last}")).collect();
            assert_eq!(notices, told, "{row:?}");
            assert_eq!(Exception { expires_ms: row.expires_ms, ..cut }, row);
        }
    }

    #[test]
    fn what_begins_at_no_known_time_gives_no_credit() {
        let nowhen = Exception { approved_ms: None, ..of(&["c"]) };
        let (got, notices) = cut(&nowhen);
        assert_eq!((got.decided(), got.expires_ms), (ExceptionState::Asked, None));
        let [told] = &notices[..] else { panic!("{notices:?}") };
        assert!(told.ends_with("no credit until it names its start or the day of its approval"));
        let asked = Exception { asked_ms: Some(T0), ..nowhen.clone() };
        assert_eq!(cut(&asked).0.expires_ms, Some(T0 + 31 * DAY));
        let undecided = Exception { approved: false, ..nowhen.clone() };
        assert_eq!(cut(&undecided), (undecided, vec![]));
        let free = Exception { requirements: vec!["h".into()], ..nowhen };
        assert_eq!(cut(&free), (free, vec![]));
    }

    #[test]
    fn days_are_written_with_their_unit() {
        assert_eq!("30d".parse(), Ok(Days(30)));
        assert_eq!(Days(30).to_string(), "30d");
        for text in ["", "30", "d", "0d", "-1d", "1.5d", "30 d", "99999d", "30D", "4w"] {
            assert!(text.parse::<Days>().is_err(), "{text:?}");
        }
    }
}
