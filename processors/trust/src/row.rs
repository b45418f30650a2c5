//! A principal's row: a sum over the resources that let it in, kept by difference.

use std::collections::BTreeMap;

use schemas::{TrustCondition, TrustState};

use crate::{Grant, places::by_principal};

/// Resources that a row names: with AWS's longest ids a tenth of what a record may hold.
pub const THROUGH_MAX: usize = 50;

/// What one resource says of one principal: the demands before and after; none: it is not let in.
pub type Change<'a> = (Option<Vec<&'a str>>, Option<Vec<&'a str>>);

/// Puts a resource's grants before and after side by side, by principal.
pub fn merged<'a>(before: &'a [Grant], after: &'a [Grant]) -> BTreeMap<&'a str, Change<'a>> {
    let mut changes: BTreeMap<&str, Change<'_>> = BTreeMap::new();
    for (name, demands) in by_principal(before) {
        changes.entry(name).or_default().0 = Some(demands);
    }
    for (name, demands) in by_principal(after) {
        changes.entry(name).or_default().1 = Some(demands);
    }
    changes
}

/// Takes a resource's change into a row. Unless [`is_filled`] then, `through` lacks its last entry.
///
/// `through` is the resource's key, `name` what people call it.
pub fn apply(row: &mut TrustState, change: &Change<'_>, through: &str, name: &str) {
    let (before, after) = change;
    for (demands, sign) in [(before, -1), (after, 1)] {
        let Some(demands) = demands else { continue };
        row.resources += sign;
        demands.iter().for_each(|key| count(&mut row.conditions, key, sign));
    }
    // Rows of release 0.1.0 have no names.
    row.names.resize(row.through.len(), String::new());
    let at = row.through.binary_search_by(|one| one.as_str().cmp(through));
    match (at, after.is_some()) {
        (Ok(at), true) => name.clone_into(&mut row.names[at]),
        (Ok(at), false) => {
            row.through.remove(at);
            row.names.remove(at);
        }
        // Behind the end of a list that is not whole, others may come before it.
        (Err(at), true)
            if at < row.through.len() || row.through.len() as i64 + 1 == row.resources =>
        {
            row.through.insert(at, through.to_owned());
            row.names.insert(at, name.to_owned());
        }
        (Err(_), _) => {}
    }
    row.through.truncate(THROUGH_MAX);
    row.names.truncate(THROUGH_MAX);
}

/// Whether a row names as many resources as it should.
pub fn is_filled(row: &TrustState) -> bool {
    row.through.len() as i64 == row.resources.min(THROUGH_MAX as i64)
}

fn count(conditions: &mut Vec<TrustCondition>, key: &str, sign: i64) {
    match conditions.binary_search_by(|one| one.key.as_str().cmp(key)) {
        Ok(at) => {
            conditions[at].resources += sign;
            if conditions[at].resources == 0 {
                conditions.remove(at);
            }
        }
        Err(at) => conditions.insert(at, TrustCondition { key: key.to_owned(), resources: sign }),
    }
}
