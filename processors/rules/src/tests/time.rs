//! Verdicts that change by nothing but time say when.

use proptest::prelude::*;
use serde_json::json;

use super::{Case, DAY_MS, Known, NOW_MS, compiled, judged};
use crate::library::time::format;
use crate::{RuleSource, Verdict};

/// Makes a case with instants of so many days before now, and some later ones.
fn case() -> Case {
    let before = |days: i64| format(NOW_MS - days * DAY_MS);
    Case::r(json!({
        "d10": before(10), "d89": before(89), "d90": before(90), "d91": before(91),
        "in10": before(-10), "yes": true, "no": false,
        "list": [before(10), before(50), before(80)],
    }))
}

#[test]
fn comparisons_tell_when_they_flip() {
    use Verdict::{Fail, Pass, Unknown};
    // The figure is in days from now; ages turn n when the nth day is full.
    let table = [
        ("age_days(r.d10, now) <= 90", Pass, Some(81)),
        ("age_days(r.d10, now) < 90", Pass, Some(80)),
        ("age_days(r.d10, now) > 90", Fail, Some(81)),
        ("age_days(r.d10, now) >= 90", Fail, Some(80)),
        ("90 >= age_days(r.d10, now)", Pass, Some(81)),
        ("!(age_days(r.d10, now) <= 90)", Fail, Some(81)),
        ("age_days(r.d90, now) <= 90", Pass, Some(1)),
        ("age_days(r.d91, now) <= 90", Fail, None),
        ("age_days(r.d10, now) == 10", Pass, Some(1)),
        ("age_days(r.d10, now) + 0 <= 90", Pass, Some(1)),
        ("age_days(r.d10, now) <= 90.5", Pass, Some(1)),
        ("r.no && age_days(r.d10, now) <= 90", Fail, None),
        ("r.yes && age_days(r.d10, now) <= 90", Pass, Some(81)),
        ("age_days(r.d10, now) <= 90 && age_days(r.d89, now) <= 90", Pass, Some(2)),
        ("r.absent || age_days(r.d10, now) <= 90", Pass, Some(81)),
        ("r.absent && age_days(r.d10, now) <= 90", Unknown, Some(81)),
        ("r.list.all(d, age_days(d, now) <= 90)", Pass, Some(11)),
        ("r.list.exists(d, age_days(d, now) > 90)", Fail, Some(11)),
        ("age_days(r.d10, now) <= 90 ? r.yes : r.no", Pass, Some(81)),
        ("age_days(r.in10, now) < 0", Pass, Some(10)),
        ("now < timestamp(r.in10)", Pass, Some(10)),
        ("timestamp(r.in10) > now", Pass, Some(10)),
        ("now > timestamp(r.d10)", Pass, None),
        ("timestamp(r.d10) < timestamp(r.in10)", Pass, None),
    ];
    for (pass, verdict, days) in table {
        let judgement = judged(pass, &case());
        let flips = days.map(|days| NOW_MS + days * DAY_MS);
        assert_eq!((judgement.verdict, judgement.flips_at_ms), (verdict, flips), "{pass}");
    }
}

#[test]
fn what_runs_out_flips_just_after_the_day() {
    // 10 days left now; a millisecond later only 9 whole ones.
    let table = [
        ("days_until(r.in10, now) >= 10", 0, 1),
        ("days_until(r.in10, now) >= 7", 3, 1),
        ("days_until(r.in10, now) > 7", 2, 1),
        ("days_until(r.in10, now) < 7", 3, 1),
        ("days_until(r.in10, now) == 10", 0, 1),
        ("now <= timestamp(r.in10)", 10, 1),
    ];
    for (pass, days, ms) in table {
        let judgement = judged(pass, &case());
        assert_eq!(judgement.flips_at_ms, Some(NOW_MS + days * DAY_MS + ms), "{pass}");
    }
}

proptest! {
    /// Nothing changes before the flip that was told, for any instants and limits.
    #[test]
    fn no_verdict_changes_before_its_flip(
        offsets in prop::collection::vec(-400i64 * DAY_MS..400 * DAY_MS, 1..4),
        limits in prop::collection::vec(-100i64..200, 2),
        form in 0usize..8,
        later in 0i64..200 * DAY_MS,
    ) {
        let list: Vec<String> = offsets.iter().map(|offset| format(NOW_MS + offset)).collect();
        let (a, b) = (limits[0], limits[1]);
        let pass = [
            format!("r.list.all(d, age_days(d, now) <= {a})"),
            format!("r.list.exists(d, age_days(d, now) > {a} && days_until(d, now) < {b})"),
            format!("r.list.exists_one(d, days_until(d, now) >= {a})"),
            format!("r.list.filter(d, days_until(d, now) > {a}) == r.list"),
            format!("r.list.all(d, age_days(d, now) % 7 < {a} || now < timestamp(d))"),
            format!("r.list.exists(d, age_days(d, now) == {a})"),
            format!("r.list.all(d, now >= timestamp(d) ? days_until(d, now) <= {a} : r.absent)"),
            format!("!r.list.exists(d, now > timestamp(d) && age_days(d, now) < {a})"),
        ][form].clone();
        let case = Case::r(json!({ "list": list }));
        let rule = compiled(&RuleSource { pass: &pass, ..RuleSource::default() });
        let at = |now_ms| {
            let mut judgements = rule.evaluate(&case.document(), &Known(vec![]), now_ms);
            judgements.pop().expect("one judgement")
        };
        let now = at(NOW_MS);
        let until = now.flips_at_ms.unwrap_or(i64::MAX).saturating_sub(1);
        let then = at((NOW_MS + later).min(until));
        prop_assert_eq!(now.verdict, then.verdict, "{} flips at {:?}", pass, now.flips_at_ms);
        if let Some(flips_at_ms) = now.flips_at_ms {
            prop_assert!(flips_at_ms > NOW_MS);
        }
    }
}
