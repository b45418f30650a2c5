//! What a webhook and a mail server hear: each alert once, together, and not too often.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::time::Duration;

use anyhow::Result;
use kit::hook::Hook;
use kit::mailpit::Mailpit;
use schemas::topic::{ACCOUNT_STATE, ALERT_STATE, SCORE_HISTORY, TICK, TRUST_STATE};
use schemas::{
    AccountKey, AccountState, AlertState, Codec, Key, PrincipalKind, SCORE_ONE, ScoreKey,
    ScoreState, ScoreStatus, Tick, TickKey, TrustKey, TrustState,
};
use serde_json::{Value, json};
use sink_alert::{Alerts, Config, LIMITS, ROLE, Settings};
use sink_frame::{Frame, FrameError, Progress};
use stream::local::LocalLog;
use stream::worker::Stop;
use stream::{Log, Publisher, snapshot};

const PREFIX: &str = "test";
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// 2025-12-01T07:00:00Z.
const START_MS: i64 = 1_764_572_400_000;

struct World {
    _folder: tempfile::TempDir,
    log: LocalLog,
    codec: Codec,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = LocalLog::open(folder.path(), 4, PREFIX).unwrap();
        log.apply().unwrap();
        Self { _folder: folder, log, codec: Codec::default() }
    }

    fn publish(&self, write: impl FnOnce(&mut Publisher) -> Result<()>) {
        let mut publisher = Publisher::open(&self.log, &self.codec, PREFIX, "test").unwrap();
        write(&mut publisher).unwrap();
        publisher.flush().unwrap();
    }

    fn account(&self, id: &str, owner: &str) {
        let state = AccountState {
            account: id.to_owned(),
            name: format!("name of {id}"),
            owner: Some(owner.to_owned()),
            ..AccountState::default()
        };
        self.publish(|to| Ok(to.put(&ACCOUNT_STATE, &AccountKey::new(id), &state, START_MS)?));
    }

    fn tick(&self, at_ms: i64) {
        let (key, tick) = (TickKey { minute_ms: at_ms }, Tick { minute_ms: at_ms });
        self.publish(|to| Ok(to.put(&TICK, &key, &tick, at_ms)?));
    }

    fn trust(&self, account: &str, foreign: &str, known: bool, at_ms: i64) {
        let principal = format!("arn:aws:iam::{foreign}:root");
        let row = TrustState {
            kind: PrincipalKind::Account,
            principal_account: Some(foreign.to_owned()),
            known,
            resources: 1,
            ..TrustState::default()
        };
        let key = TrustKey::new(account, principal);
        self.publish(|to| Ok(to.put(&TRUST_STATE, &key, &row, at_ms)?));
    }

    fn cut(&self, account: &str, points: i64, at_ms: i64) {
        let row = ScoreState {
            status: ScoreStatus::Scored,
            score: Some(points * SCORE_ONE / 100),
            scopes: 1,
            scopes_collected: 1,
            oldest_ms: Some(at_ms),
            ..ScoreState::default()
        };
        let key = ScoreKey::new(account, "*");
        self.publish(|to| Ok(to.put(&SCORE_HISTORY, &key, &row, at_ms)?));
    }

    fn run(
        &self,
        config: &Config,
        mail: Option<&sink_mail::Config>,
        patience: Duration,
    ) -> Result<Progress, FrameError> {
        let (log, codec) = (&self.log, &self.codec);
        let mut target =
            Alerts::new(Settings { log, codec, prefix: PREFIX, config, mail }).unwrap();
        let frame = Frame {
            role: &ROLE,
            log,
            slot: "alert",
            limits: LIMITS,
            once: true,
            patience: Some(patience),
            tell: &|_| {},
        };
        frame.run(&mut target, &Stop::new())
    }

    fn rows(&self) -> Vec<(String, AlertState)> {
        let rows = snapshot::table(&self.log, &self.codec, PREFIX, &ALERT_STATE).unwrap();
        rows.into_iter().map(|(key, state)| (key.encode(), state)).collect()
    }
}

const PATIENCE: Duration = Duration::from_secs(60);

fn config(hook: &Hook, rest: &str) -> Config {
    let config = format!(r#"{{"webhook": {{"url": "{}"}}{rest}}}"#, hook.url());
    serde_json::from_str(&config).unwrap()
}

/// The ids of the events of each post.
fn posts(hook: &Hook) -> Vec<Vec<String>> {
    let ids = |body: &[u8]| {
        let events: Vec<Value> = serde_json::from_slice(body).unwrap();
        events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    };
    hook.take().iter().map(|request| ids(&request.body)).collect()
}

#[test]
fn alerts_come_together_once_and_with_a_quiet_time_between() {
    let (world, hook) = (World::new(), Hook::start().unwrap());
    let config = config(&hook, "");
    let once = || world.run(&config, None, PATIENCE).unwrap();
    world.account("111111111111", "ann@example.com");
    world.trust("111111111111", "999999999999", false, START_MS);
    world.trust("111111111111", "888888888888", false, START_MS);
    world.trust("111111111111", "888888888888", true, START_MS);
    world.cut("111111111111", 90, START_MS);
    world.tick(START_MS);
    once();
    let first = format!("trust/111111111111/999999999999/{START_MS}");
    assert_eq!(posts(&hook), [vec![first]], "the other account was known in time");
    once();
    assert!(posts(&hook).is_empty(), "nothing new");

    // Two more within the quiet hour wait for its end, in one process or the next.
    let later_ms = START_MS + 30 * MINUTE_MS;
    world.trust("222222222222", "777777777777", false, later_ms);
    world.tick(later_ms);
    once();
    assert!(posts(&hook).is_empty());
    world.cut("111111111111", 70, START_MS + HOUR_MS);
    world.trust("111111111111", "999999999999", false, START_MS + HOUR_MS);
    world.tick(START_MS + HOUR_MS);
    once();
    let told = posts(&hook);
    let expected = [
        format!("fall/111111111111/*/{}", START_MS + HOUR_MS),
        format!("trust/222222222222/777777777777/{later_ms}"),
    ];
    assert_eq!(told, [expected.to_vec()]);
    assert!(world.rows().iter().all(|(_, state)| state.told_ms.is_some()), "{:?}", world.rows());
}

#[test]
fn a_post_is_a_batch_of_cloud_events_that_bears_the_token() {
    let (world, hook) = (World::new(), Hook::start().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let config = json!({"webhook": {"url": hook.url(), "token": {"file": token}}});
    let config: Config = serde_json::from_value(config).unwrap();
    world.account("111111111111", "ann@example.com");
    world.cut("111111111111", 93, START_MS);
    world.cut("111111111111", 70, START_MS + HOUR_MS);
    world.tick(START_MS + HOUR_MS);
    world.run(&config, None, PATIENCE).unwrap();
    let requests = hook.take();
    let header = |name: &str| {
        let found = requests[0].headers.iter().find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let kind = "application/cloudevents-batch+json; charset=utf-8";
    assert_eq!(header("content-type").as_deref(), Some(kind));
    assert_eq!(header("authorization").as_deref(), Some("Bearer s3cret"));
    let events: Value = serde_json::from_slice(&requests[0].body).unwrap();
    let expected = json!([{
        "specversion": "1.0",
        "id": format!("fall/111111111111/*/{}", START_MS + HOUR_MS),
        "source": "/test/alerts",
        "type": "scorecard.alert.fall.v1",
        "subject": "111111111111",
        "time": "2025-12-01T08:00:00.000Z",
        "datacontenttype": "application/json",
        "data": {
            "account": "111111111111", "name": "name of 111111111111",
            "owner": "ann@example.com", "since": "2025-12-01T08:00:00.000Z",
            "score_before": 0.93, "score": 0.7,
        },
    }]);
    assert_eq!(events, expected);
}

#[test]
fn a_busy_webhook_is_asked_again_and_one_that_refuses_is_not() {
    let (world, hook) = (World::new(), Hook::start().unwrap());
    let config = config(&hook, r#", "quiet_minutes": 0"#);
    world.trust("111111111111", "999999999999", false, START_MS);
    world.tick(START_MS);
    hook.answers(&[503, 429, 500]);
    world.run(&config, None, PATIENCE).unwrap();
    let told = posts(&hook);
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|ids| *ids == told[0]), "the same ids each time");

    world.trust("111111111111", "888888888888", false, START_MS + MINUTE_MS);
    world.tick(START_MS + MINUTE_MS);
    hook.answers(&[403]);
    let progress = world.run(&config, None, PATIENCE).unwrap();
    assert_eq!((posts(&hook).len(), progress.effect("refused")), (1, 1));

    // A process that gives up leaves the alert to the next one.
    world.trust("111111111111", "777777777777", false, START_MS + 2 * MINUTE_MS);
    world.tick(START_MS + 2 * MINUTE_MS);
    hook.answers(&[503; 40]);
    world.run(&config, None, Duration::from_millis(300)).unwrap_err();
    assert!(!posts(&hook).is_empty());
    let hook = Hook::start().unwrap();
    let config = self::config(&hook, r#", "quiet_minutes": 0"#);
    world.tick(START_MS + 3 * MINUTE_MS);
    world.run(&config, None, PATIENCE).unwrap();
    let id = format!("trust/111111111111/777777777777/{}", START_MS + 2 * MINUTE_MS);
    assert_eq!(posts(&hook), [vec![id]]);
}

#[test]
fn mail_tells_the_same_in_text_to_each_recipient() {
    let (world, hook, server) = (World::new(), Hook::start().unwrap(), Mailpit::start().unwrap());
    let recipients = r#", "recipients": ["soc@example.com", "ciso@example.com"]"#;
    let config = config(&hook, recipients);
    let mail = format!(
        r#"{{"server": "smtp://127.0.0.1:{}", "from": "Scores <scores@example.com>",
            "owners": {{"cron": "0 8 * * MON"}}, "allowed_domains": ["example.com"]}}"#,
        server.smtp_port()
    );
    let mail: sink_mail::Config = serde_json::from_str(&mail).unwrap();
    world.account("111111111111", "ann@example.com");
    world.trust("111111111111", "999999999999", false, START_MS);
    world.tick(START_MS);
    // The webhook has it when the mail server is not there yet, and does not get it again.
    server.refuse_recipients(451, 100).unwrap();
    world.run(&config, Some(&mail), Duration::from_millis(300)).unwrap_err();
    assert_eq!(posts(&hook).len(), 1);
    server.refuse_recipients(451, 0).unwrap();
    world.tick(START_MS + MINUTE_MS);
    world.run(&config, Some(&mail), PATIENCE).unwrap();
    let messages = server.messages().unwrap();
    let mut to: Vec<_> = messages.iter().map(|one| one["To"][0]["Address"].clone()).collect();
    to.sort_by_key(ToString::to_string);
    assert_eq!(to, ["ciso@example.com", "soc@example.com"]);
    let message = server.message(messages[0]["ID"].as_str().unwrap()).unwrap();
    assert_eq!(message["Subject"], "Alert: 1 unknown account trusted");
    let line = "- 111111111111 name of 111111111111 (ann@example.com) trusts account \
                999999999999, which nobody knows: arn:aws:iam::999999999999:root";
    assert!(message["Text"].as_str().unwrap().contains(line), "{message}");
}
