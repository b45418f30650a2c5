//! Requirements of random scenarios: rules, mappings of checks, relations, and broken ones.

use std::collections::BTreeMap;

use schemas::{CheckMapping, RelatedText, Requirement, RuleText, Scoring};

use super::{Generator, SCANNERS, TYPES};
use crate::build::{checked, requirement};

impl Generator<'_> {
    pub(super) fn some_requirement(&mut self, id: &str) -> Requirement {
        let buckets = ["!r.Public", "r.Public", "!r.Public && s.Encryption", "has(s.Encryption)"];
        let mapping =
            [("openSSH", self.random.chance(50)), ("bucketPolicy", self.random.chance(50))];
        let mapped = &mapping[..1 + self.random.below(2)];
        let mut row = match id {
            "R1" => requirement(id, TYPES[0], self.random.pick(&buckets)),
            "R2" => {
                let mut row = requirement(id, TYPES[1], "age_days(item.Made, now) <= 30");
                let rule = row.rule.as_mut().expect("it has one");
                (rule.each, rule.part) = (Some("r.Keys".into()), Some("item.Id".into()));
                rule.applies = self.random.chance(50).then(|| "item.Active".into());
                row
            }
            "R3" => {
                let pass = "size(unknown_accounts(r.AssumeRolePolicyDocument)) == 0";
                requirement(id, TYPES[2], pass)
            }
            "R4" => checked(id, TYPES[0], mapped),
            // Whether all was collected depends on what was collected before.
            "R6" if !self.plain => related(id, self.random.chance(70)),
            _ => Requirement {
                rule: requirement(id, TYPES[0], self.random.pick(&buckets)).rule,
                ..checked(id, TYPES[0], mapped)
            },
        };
        for mapping in row.checks.clone() {
            if self.random.chance(40) {
                row.checks.push(CheckMapping { source: SCANNERS[1].into(), ..mapping });
            }
        }
        if !self.plain && self.random.chance(15) {
            row.rule = self.random.pick(&[None, Some(broken()), Some(sized())]);
        }
        if self.random.chance(10) {
            row.resource_type = self.random.pick(&TYPES).into();
        }
        row.weight = i64::try_from(self.random.below(10)).expect("small");
        row.scoring = self.random.pick(Scoring::ALL);
        if self.random.chance(20) {
            // It takes several rows to show something.
            row.scoring = Scoring::Summary;
        }
        if self.plain {
            // A rule over another type's documents would find its data absent.
            let of = [TYPES[0], TYPES[1], TYPES[2], TYPES[0], TYPES[0], TYPES[0]];
            let at = usize::from(id.as_bytes()[1] - b'1');
            row.resource_type = of[at].into();
        }
        row
    }
}

/// A bucket asks about users: those with a key that goes by whether it is public. A user whose keys
/// could not be read may have none, or any.
fn related(id: &str, unread_has_none: bool) -> Requirement {
    let mut row = requirement(id, TYPES[0], "related.users.exists(u, u.active)");
    let key = match unread_has_none {
        true => "has(r.Keys) ? r.Keys.map(k, k.Id) : []",
        false => "r.Keys.map(k, k.Id)",
    };
    let rule = row.rule.as_mut().expect("it has one");
    rule.message = Some("none of {size(related.users)} users is active".into());
    rule.related = vec![RelatedText {
        name: "users".into(),
        resource_type: TYPES[1].into(),
        key: Some(key.into()),
        matches: Some(r#"r.Public ? "K1" : "K2""#.into()),
        gives: BTreeMap::from([("active".into(), "r.Keys.exists(k, k.Active)".into())]),
    }];
    row
}

fn broken() -> RuleText {
    requirement("", "", "nope(r)").rule.expect("it has one")
}

fn sized() -> RuleText {
    requirement("", "", "size(r.Keys) < 2").rule.expect("it has one")
}
