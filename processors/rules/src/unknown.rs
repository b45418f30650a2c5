//! Why a value is unknown, and the sentence that says so.

use crate::node::Site;

/// A value that can't be told.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    pub(crate) site: Site,
    /// In a box: every step gives a value or an unknown, and values are small.
    pub(crate) cause: Box<Cause>,
}

/// Why it can't be told.
#[derive(Clone, Debug)]
pub(crate) enum Cause {
    /// The document has no such member, or the list no such place.
    Absent,
    /// A null stands where a value is wanted.
    Null,
    /// The call that would have given it failed, with this error.
    FailedCall(Box<str>),
    /// The document was too large, and this part was cut off.
    CutOff,
    /// A function can't read its input, for this reason.
    Unreadable(Box<str>),
    /// The value has a type that the rule can't use: found and wanted.
    WrongType(&'static str, &'static str),
    /// The evaluation took more steps than it may.
    OverBudget,
}

impl Unknown {
    /// Tells whether the rule is to blame, and not the data.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(*self.cause, Cause::WrongType(..) | Cause::OverBudget)
    }

    /// Chooses which of two to report: a rule's fault first, since it is to be mended.
    pub(crate) fn or(self, other: Unknown) -> Unknown {
        if other.is_fault() && !self.is_fault() { other } else { self }
    }

    /// Says why, for a person. `sites` are the rule's texts.
    pub(crate) fn reason(&self, sites: &[String]) -> String {
        let place = sites.get(self.site as usize).map_or("the rule", String::as_str);
        match &*self.cause {
            Cause::Absent => format!("{place} is absent"),
            Cause::Null => format!("{place} is null"),
            Cause::FailedCall(error) => format!("{place} could not be read: {error}"),
            Cause::CutOff => format!("{place} was cut off: the document was too large"),
            Cause::Unreadable(reason) => format!("{place}: {reason}"),
            Cause::WrongType(found, wanted) => format!("{place} is {found}, not {wanted}"),
            Cause::OverBudget => format!("{place}: the evaluation takes too many steps"),
        }
    }
}
