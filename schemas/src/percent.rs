//! How a score is shown, in whatever a person reads: one number has one face.

use crate::SCORE_ONE;

/// Gives the tenths of a percent that are shown of a share of 1: rounded half up, but never 1,000
/// while anything is missing.
///
/// One of 3,000 resources that fails leaves 99.97 %, which must not read as 100 %.
pub fn tenths(share: f64) -> i64 {
    // Scores are whole billionths. What a division left below that would turn 0.9345, which a
    // float holds a little too small, the wrong way.
    let billionths = (share * SCORE_ONE as f64).round();
    let tenths = (billionths / 1e6).round() as i64;
    if billionths < SCORE_ONE as f64 { tenths.min(999) } else { tenths }
}

/// Writes a share of 1 as `93.5 %`; see [`tenths`].
pub fn percent(share: f64) -> String {
    let tenths = tenths(share);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_tenth_goes_up_and_only_all_is_a_hundred() {
        for (share, expected) in [
            (0.0, "0.0 %"),
            (0.000_49, "0.0 %"),
            (0.000_5, "0.1 %"),
            (0.625, "62.5 %"),
            (0.834_567_891, "83.5 %"),
            // Floats hold these a little too small, and a little too large.
            (0.934_5, "93.5 %"),
            (0.289_5, "29.0 %"),
            (1.0 - 1.0 / 3_000.0, "99.9 %"),
            (0.999_999_999, "99.9 %"),
            (0.1 + 0.2 + 0.7, "100.0 %"),
            (1.0, "100.0 %"),
        ] {
            assert_eq!(percent(share), expected, "{share}");
        }
    }
}
