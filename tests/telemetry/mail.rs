//! Mail: the delivery of a message is told, and not to whom it went.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use kit::mailpit::Mailpit;
use schemas::{AccountKey, AccountState, Codec, Tick, TickKey, topic};
use stream::Publisher;

use crate::site::Site;
use crate::spans;

/// 2026-11-30T07:00:00Z, a Monday: eight o'clock in Berlin.
const MONDAY_MS: i64 = 1_796_022_000_000;

const OWNER: &str = "ann@example.com";

#[test]
fn a_delivery_is_told_without_its_recipient() -> Result<()> {
    let (site, server) = (Site::new()?, Mailpit::start()?);
    let mail = format!(
        "mail:\n  server: smtp://127.0.0.1:{}\n  from: scores@example.com\n  \
         owners: {{cron: \"0 8 * * MON\", time_zone: Europe/Berlin}}\n",
        server.smtp_port()
    );
    site.configure(&format!("{}{mail}", site.telemetry()))?;
    let log = site.open()?;
    let mut publisher = Publisher::open(&*log, &Codec::default(), "scorecard", "test")?;
    let account = "111122223333".to_owned();
    let state = AccountState {
        account: account.clone(),
        owner: Some(OWNER.to_owned()),
        listed: true,
        ..AccountState::default()
    };
    publisher.put(&topic::ACCOUNT_STATE, &AccountKey::new(account), &state, 0)?;
    let (key, tick) = (TickKey { minute_ms: MONDAY_MS }, Tick { minute_ms: MONDAY_MS });
    publisher.put(&topic::TICK, &key, &tick, MONDAY_MS)?;
    publisher.flush()?;
    drop((publisher, log));

    let finished = site.run(&["sink", "mail", "--once"])?;
    ensure!(finished.stderr.contains("mail: 1 sent"), "{}", finished.stderr);
    assert_eq!(server.messages()?.len(), 1);
    let sent = site.collector.take();
    let told = |word: &str| {
        let word = word.as_bytes();
        sent.iter().any(|one| one.body.windows(word.len()).any(|window| window == word))
    };
    ensure!(told("mail delivery") && !told(OWNER), "only what was sent, and not to whom");
    let spans = spans::of(&sent);
    let found: Vec<_> = spans.iter().filter(|span| span.name == "mail delivery").collect();
    let [span] = found[..] else { panic!("{spans:?}") };
    assert_eq!((span.text("outcome"), span.text("kind")), ("sent", "owner"));
    assert_eq!(span.number("attempt"), 1);
    ensure!(span.text("period").starts_with("2026-11-30"), "{span:?}");
    let names = ["attempt", "bytes", "kind", "outcome", "period"];
    assert_eq!(span.names(), BTreeSet::from(names));
    Ok(())
}
