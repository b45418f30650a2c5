//! What a listing changes: accounts that are new or different, and those that left. Pure.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{AccountKey, AccountListing};

/// Listings as the log has them; none where a process died while it wrote one.
pub(crate) type Known = BTreeMap<AccountKey, Option<AccountListing>>;

/// The answers of a scan's payers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers<'a> {
    /// Payers whose listing is whole, to the last page.
    pub(crate) whole: &'a BTreeSet<String>,
    /// Whether these are all payers that are configured.
    pub(crate) all: bool,
    /// What they list, each account once.
    pub(crate) listings: &'a [AccountListing],
}

/// Gives the records to write to `account.listing`, sorted by account; a tombstone is none.
///
/// An account left when the payer that listed it gave a whole listing without it, and no other
/// payer lists it: one that moves between payers gets one record, whichever payer is asked first.
/// A payer that could not be asked, or is not configured any more, loses no account. Where the log
/// is at odds with itself nobody knows whose the account was: it left when no payer lists it and
/// all were asked.
pub(crate) fn changes(
    known: &Known,
    answers: Answers<'_>,
) -> Vec<(AccountKey, Option<AccountListing>)> {
    let listed: BTreeMap<AccountKey, &AccountListing> =
        answers.listings.iter().map(|one| (AccountKey::new(&*one.account), one)).collect();
    let left = known.iter().filter(|(key, before)| {
        let was_theirs = match before {
            Some(before) => answers.whole.contains(&before.payer),
            None => answers.all,
        };
        was_theirs && !listed.contains_key(key)
    });
    let mut changes: BTreeMap<AccountKey, Option<AccountListing>> =
        left.map(|(key, _)| (key.clone(), None)).collect();
    for (key, now) in &listed {
        if known.get(key).and_then(Option::as_ref) != Some(*now) {
            changes.insert(key.clone(), Some((*now).clone()));
        }
    }
    changes.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::AccountStatus;

    fn listing(account: &str, payer: &str) -> AccountListing {
        AccountListing {
            provider: "aws".into(),
            account: account.into(),
            payer: payer.into(),
            name: account.into(),
            status: AccountStatus::Active,
            ..AccountListing::default()
        }
    }

    /// The log: account 1 and 2 of payer a, 3 of payer b, and 4, of which nobody knows.
    fn known() -> Known {
        let rows = [("1", "a"), ("2", "a"), ("3", "b")];
        let rows = rows.map(|(id, payer)| (AccountKey::new(id), Some(listing(id, payer))));
        rows.into_iter().chain([(AccountKey::new("4"), None)]).collect()
    }

    /// Accounts that are written (`+`, with their payer) or left (`-`).
    fn told(whole: &[&str], all: bool, listings: &[AccountListing]) -> Vec<String> {
        let whole = whole.iter().map(|payer| (*payer).to_owned()).collect();
        let changes = changes(&known(), Answers { whole: &whole, all, listings });
        let tell = |(key, row): (AccountKey, Option<AccountListing>)| match row {
            Some(row) => format!("+{} {}", key.account, row.payer),
            None => format!("-{}", key.account),
        };
        changes.into_iter().map(tell).collect()
    }

    #[test]
    fn only_what_changed_is_written() {
        let same = [listing("1", "a"), listing("2", "a")];
        assert_eq!(told(&["a"], false, &same), [""; 0]);
        let renamed = AccountListing { name: "shop".into(), ..listing("2", "a") };
        let now = [listing("1", "a"), renamed, listing("5", "a")];
        assert_eq!(told(&["a"], false, &now), ["+2 a", "+5 a"]);
    }

    #[test]
    fn who_a_whole_listing_lacks_has_left_and_nobody_else() {
        assert_eq!(told(&["a"], false, &[listing("1", "a")]), ["-2"], "b was not asked");
        assert_eq!(told(&[], false, &[]), [""; 0], "nobody could be asked");
        // Pages of a broken listing tell what is there, and nothing by absence.
        assert_eq!(told(&[], false, &[listing("5", "a")]), ["+5 a"]);
        let of_b = [listing("3", "b")];
        assert_eq!(told(&["b"], false, &of_b), [""; 0], "a lists its own");
    }

    #[test]
    fn who_moves_between_payers_does_not_leave() {
        let now = [listing("1", "a"), listing("2", "b"), listing("3", "b")];
        assert_eq!(told(&["a", "b"], false, &now), ["+2 b"]);
        assert_eq!(told(&["b"], false, &now), ["+2 b"], "a could not be asked");
    }

    #[test]
    fn what_the_log_is_at_odds_about_is_written_anew() {
        let of_a = [listing("1", "a"), listing("2", "a")];
        let everyone: Vec<_> = of_a.iter().cloned().chain([listing("3", "b")]).collect();
        assert_eq!(told(&["a"], false, &of_a), [""; 0], "it may be b's");
        assert_eq!(told(&["a", "b"], true, &everyone), ["-4"]);
        let with: Vec<_> = everyone.iter().cloned().chain([listing("4", "b")]).collect();
        assert_eq!(told(&["a", "b"], true, &with), ["+4 b"]);
    }
}
