//! Keys of every type: no two entities share one, no entity has two.

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use schemas::{
    AccountKey, AlertKey, ComplianceKey, ContributionKey, ExceptionKey, Key, MailKey,
    RequirementKey, ResourceKey, RollupKey, ScoreKey, TickKey, TrustKey, partition_of,
};

/// Text made to collide: what is escaped, what escapes look like, and anything else.
fn part() -> impl Strategy<Value = String> {
    prop_oneof!["[/%2F0a*]{0,3}", "[\u{0}\u{1f}\u{7f}\u{80}\n%]{0,3}", any::<String>()]
}

/// The parts of a path by RFC 3986's percent-decoding, apart from the library.
fn parts_of(path: &str) -> Vec<String> {
    let decode = |part: &str| {
        let mut pieces = part.split('%');
        let mut out = pieces.next().expect("a split has a part").to_owned();
        for piece in pieces {
            let (code, rest) = piece.split_at(2);
            out.push(char::from(u8::from_str_radix(code, 16).expect("two digits")));
            out.push_str(rest);
        }
        out
    };
    path.split('/').map(decode).collect()
}

/// The laws of a key type with so many parts, of which those at `by` decide the partition.
fn check<K: Key>(count: usize, by: &[usize], build: impl Fn(&[String]) -> K) {
    let mut runner = TestRunner::new(Config { cases: 512, ..Config::default() });
    let input = (vec(part(), count), vec(part(), count), any::<prop::sample::Index>());
    let outcome = runner.run(&input, |(parts, mut others, at)| {
        // Half of the time only one part differs.
        let at = at.index(2 * count);
        if at < count {
            let other = others[at].clone();
            others.clone_from(&parts);
            others[at] = other;
        }
        let (one, other) = (build(&parts), build(&others));
        let text = one.encode();
        prop_assert_eq!(parts_of(&text), parts.clone());
        prop_assert!(!text.contains(|c: char| c.is_ascii_control()));
        prop_assert_eq!(K::decode(&text), Some(one.clone()));
        prop_assert_eq!(text == other.encode(), parts == others);
        let deciding: Vec<_> = by.iter().map(|at| parts[*at].clone()).collect();
        prop_assert_eq!(parts_of(&one.partition_key()), deciding);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn keys_are_injective_and_read_back() {
    check(1, &[0], |p| AccountKey::new(&p[0]));
    check(1, &[0], |p| ExceptionKey::new(&p[0]));
    check(1, &[0], |p| RequirementKey::new(&p[0]));
    check(2, &[0], |p| ScoreKey::new(&p[0], &p[1]));
    check(2, &[0], |p| TrustKey::new(&p[0], &p[1]));
    check(2, &[0, 1], |p| RollupKey::new(&p[0], &p[1]));
    check(4, &[0, 1], |p| ContributionKey::new(&p[0], &p[1], &p[2], &p[3]));
    check(3, &[0], |p| AlertKey::new(&p[0], &p[1], &p[2]));
    check(4, &[0, 1], |p| MailKey::new(&p[0], &p[1], &p[2], &p[3]));
    check(4, &[0], |p| ResourceKey::new(&p[0], &p[1], &p[2], &p[3]));
    check(5, &[1], |p| ComplianceKey::new(&p[0], &p[1], &p[2], &p[3], &p[4]));
}

proptest! {
    #[test]
    fn ticks_are_injective_and_read_back(a: i64, b: i64) {
        let key = TickKey { minute_ms: a };
        prop_assert_eq!(key.encode(), format!("{a}"));
        prop_assert_eq!(TickKey::decode(&key.encode()), Some(key.clone()));
        prop_assert_eq!(key.encode() == TickKey { minute_ms: b }.encode(), a == b);
    }

    #[test]
    fn no_entity_has_two_keys(text in "[a%+/2F0f\u{7f}\u{fc}-]{0,9}", any: String) {
        for text in [text, any] {
            if let Some(key) = TrustKey::decode(&text) {
                prop_assert_eq!(key.encode(), text.clone());
            }
            if let Some(key) = TickKey::decode(&text) {
                prop_assert_eq!(key.encode(), text);
            }
        }
    }

    #[test]
    fn partitions_lie_within_their_count(key: String, count in 1..10_000_i32) {
        prop_assert!((0..count).contains(&partition_of(&key, count)));
        prop_assert_eq!(partition_of(&key, 1), 0);
    }
}

#[test]
fn what_no_key_writes_is_no_key() {
    for text in ["%41", "%2f", "%+5", "%", "%2", "%\u{fc}", "a\n", "%FF", "a/b"] {
        assert_eq!(AccountKey::decode(text), None, "{text:?}");
    }
    for text in ["", "+5", "05", "-0", "9223372036854775808", "1e3", " 1"] {
        assert_eq!(TickKey::decode(text), None, "{text:?}");
    }
}
