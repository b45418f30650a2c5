//! Keys of records, the patterns of exceptions, and where a key goes.

use schemas::{
    AccountKey, AlertKey, ComplianceKey, ContributionKey, ExceptionKey, Key, MailKey,
    RequirementKey, ResourceKey, RollupKey, ScoreKey, TickKey, TrustKey, glob, key, partition_of,
};

use super::USUAL;
use crate::Target;

/// Characters of each side of a pattern's match: their product is what it may take.
const MATCHED_CHARS_MAX: usize = 2_048;

pub(super) const KEYS: Target = Target {
    name: "keys",
    run,
    words: &["/", "%2F", "%25", "%00", "%0A", "%7F", "%", "*", "?", "a", "111122223333", "**a*"],
    runs: 2_000,
    ..USUAL
};

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    read::<AccountKey>(&text);
    read::<AlertKey>(&text);
    read::<ComplianceKey>(&text);
    read::<ContributionKey>(&text);
    read::<ExceptionKey>(&text);
    read::<MailKey>(&text);
    read::<RequirementKey>(&text);
    read::<ResourceKey>(&text);
    read::<RollupKey>(&text);
    read::<ScoreKey>(&text);
    read::<TickKey>(&text);
    read::<TrustKey>(&text);
    let parts: Vec<&str> = text.split('\n').collect();
    let joined = key::join(&parts);
    assert_eq!(key::split(&joined).as_deref(), Some(&*owned(&parts)), "{joined}");
    patterns(&text);
}

fn owned(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| (*part).to_owned()).collect()
}

/// What can be read is written as it was: no entity has two keys.
fn read<K: Key>(text: &str) {
    if let Some(key) = K::decode(text) {
        assert_eq!(key.encode(), text, "{key:?}");
        assert!((0..12).contains(&partition_of(&key.partition_key(), 12)));
    }
}

/// Two functions know patterns; they say the same.
fn patterns(text: &str) {
    let short = |text: &str| text.chars().take(MATCHED_CHARS_MAX).collect::<String>();
    let (pattern, name) = text.split_once('\n').unwrap_or((text, text));
    let (pattern, name) = (short(pattern), short(name));
    let found = glob(&pattern, &name);
    assert_eq!(found, rules::functions::glob(&name, &pattern), "{pattern:?} {name:?}");
    assert!(glob("*", &name) && glob(&name.replace(|_| true, "?"), &name), "{name:?}");
    assert!(glob(&pattern, &pattern), "a pattern fits itself: {pattern:?}");
}
