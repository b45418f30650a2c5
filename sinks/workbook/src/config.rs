//! What bounds a workbook: everything that grows with the tables has a limit.

/// Limits of one workbook; where one cuts, the sheet says so in a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows of one list on a sheet. Excel ends at 1,048,576 rows; people and mail end long before.
    pub rows_max: usize,
    /// Accounts with a tab and a column of their own. Excel ends at 16,384 columns.
    pub accounts_max: usize,
    /// Links within the workbook. Excel drops all links of a sheet that has more than 65,530.
    pub links_max: usize,
    /// Links to the provider's console on an account's sheet, which Excel counts with the others.
    pub console_links_max: usize,
    /// Changes of each kind on the summary.
    pub changes_max: usize,
    /// Next best actions on the summary.
    pub actions_max: usize,
    /// How far ahead the summary looks for exceptions that expire, in milliseconds.
    pub expiring_within_ms: i64,
    /// Expiring exceptions on the summary.
    pub expiring_max: usize,
    /// Lines of a list that names the first of many.
    pub lines_max: usize,
}

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows_max: 100_000,
            accounts_max: 1_000,
            links_max: 2_000,
            console_links_max: 60_000,
            changes_max: 5,
            actions_max: 5,
            expiring_within_ms: 30 * DAY_MS,
            expiring_max: 10,
            lines_max: 8,
        }
    }
}
