//! What somebody meant who wrote a name that is not known.

/// How alike a name must be to be proposed in another's place, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Bytes of a name that is compared with others: it takes the product of both lengths.
const COMPARED_BYTES_MAX: usize = 200;

/// Gives the known name that is most like another, if one is.
///
/// Source: Winkler, String Comparator Metrics and Enhanced Decision Rules (1990).
fn alike<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let likeness = |known: &'n str| (strsim::jaro_winkler(name, known), known);
    let all = known.into_iter().map(likeness);
    let (likeness, best) = all.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (likeness >= ALIKE).then_some(best)
}

/// Proposes that name behind a sentence: `; did you mean X?`, or nothing.
pub fn did_you_mean<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    alike(name, known).map(|best| format!("; did you mean {best}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_is_proposed_and_nothing_that_is_not() {
        let known = ["partitions", "prefix", "workbooks", "workers"];
        assert_eq!(alike("workbook", known), Some("workbooks"));
        assert_eq!(alike("worker", known), Some("workers"));
        assert_eq!(alike("kafka", known), None);
        assert_eq!(alike(&"workbooks".repeat(100), known), None);
        assert_eq!(did_you_mean("prefx", known), "; did you mean prefix?");
        assert_eq!(did_you_mean("", known), "");
    }
}
