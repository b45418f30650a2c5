//! What a real mail server gets: exactly the messages that are planned, through all that fails.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use kit::mailpit::{Fault, Line, Mailpit, Options, Tls};
use schemas::MailStatus;
use stream::Log;
use stream::local::LocalLog;
use stream::worker::Stop;
use world::{DAY_MS, HOUR_MS, MINUTE_MS, MONDAY_MS, PREFIX, World, config, owners, received};

const PATIENCE: Duration = Duration::from_secs(60);

/// Patience of runs that are to fail: a try or two.
const SHORT: Duration = Duration::from_millis(200);

fn local() -> (tempfile::TempDir, LocalLog) {
    let folder = tempfile::tempdir().unwrap();
    let log = LocalLog::open(folder.path(), 4, PREFIX).unwrap();
    log.apply().unwrap();
    (folder, log)
}

#[test]
fn each_owner_gets_one_message_and_none_again() {
    let (server, (_folder, log)) = (Mailpit::start().unwrap(), local());
    let (world, config) = (World::new(&log), config(server.smtp_port(), "").unwrap());
    let mut people = owners(5);
    people.push("no address".to_owned());
    world.accounts(&people, 20).unwrap();
    world.tick(MONDAY_MS - MINUTE_MS).unwrap();
    world.run(&config, PATIENCE).unwrap();
    assert_eq!(received(&server).unwrap().len(), 0, "last Monday was too long ago");

    for _ in 0..2 {
        world.tick(MONDAY_MS).unwrap();
        world.run(&config, PATIENCE).unwrap();
        let got = received(&server).unwrap();
        let whom: Vec<_> = got.keys().map(|(to, _)| to.clone()).collect();
        assert_eq!((whom, got.values().sum::<usize>()), (owners(5), 5));
        assert_eq!(world.all_are(MailStatus::Sent).unwrap(), 5);
    }
    let outbox = world.outbox().unwrap();
    let (key, state) = outbox.first_key_value().unwrap();
    assert_eq!(key, "owner/owner0@example.com/2025-12-01T07:00Z/owner0@example.com");
    assert!(state.answer.as_deref().unwrap().starts_with("250 "), "{state:?}");
    assert_eq!((state.attempts, state.uncertain), (1, 0));
}

#[test]
fn a_message_is_what_mail_programs_show_and_carries_the_workbook() {
    let (server, (_folder, log)) = (Mailpit::start().unwrap(), local());
    let (world, config) = (World::new(&log), config(server.smtp_port(), "").unwrap());
    world.accounts(&owners(1), 20).unwrap();
    world.tick(MONDAY_MS).unwrap();
    world.run(&config, PATIENCE).unwrap();
    let id = server.messages().unwrap()[0]["ID"].as_str().unwrap().to_owned();
    let message = server.message(&id).unwrap();
    assert!(message["HTML"].as_str().unwrap().contains("80.0 %"), "{message}");
    assert!(message["Text"].as_str().unwrap().contains("Score: 80.0 %"), "{message}");
    assert_eq!(message["Inline"][0]["ContentType"], "image/png");
    let attachment = &message["Attachments"][0];
    assert_eq!(attachment["FileName"], "owner-owner0@example.com.xlsx");
    let file = server.part(&id, attachment["PartID"].as_str().unwrap()).unwrap();
    assert!(file.starts_with(b"PK\x03\x04"), "a workbook is a zip file");
    let check = server.html_check(&id).unwrap();
    let supported = check["Total"]["Supported"].as_f64().unwrap();
    assert!(supported > 90.0, "{supported} %: {:#}", check["Warnings"]);
}

#[test]
fn exactly_the_planned_messages_arrive_through_chaos() {
    let (server, (_folder, log)) = (Mailpit::start().unwrap(), local());
    let line = Line::start(server.smtp_port()).unwrap();
    let (world, config) = (World::new(&log), config(line.port(), "").unwrap());
    world.accounts(&owners(20), 20).unwrap();
    world.tick(MONDAY_MS).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for (code, percent) in [(451, 50), (421, 50), (451, 30)] {
                server.refuse_recipients(code, percent).unwrap();
                thread::sleep(Duration::from_millis(1_500));
            }
            server.refuse_recipients(451, 0).unwrap();
        });
        line.fails(Fault::CutsBeforeText, 4);
        scope.spawn(|| {
            assert!(line.has_failed(4, PATIENCE));
            line.fails(Fault::Down, 2);
        });
        world.run(&config, PATIENCE).unwrap();
    });
    let got = received(&server).unwrap();
    let whom: BTreeSet<_> = got.keys().map(|(to, _)| to.clone()).collect();
    assert_eq!(whom, owners(20).into_iter().collect());
    assert_eq!(got.values().sum::<usize>(), 20, "each once: {got:?}");
    assert_eq!(world.all_are(MailStatus::Sent).unwrap(), 20);
    assert!(world.outbox().unwrap().values().any(|state| state.attempts > 1));
}

#[test]
fn a_lost_answer_is_one_repeat_with_the_same_id_and_says_so() {
    let (server, (_folder, log)) = (Mailpit::start().unwrap(), local());
    let line = Line::start(server.smtp_port()).unwrap();
    let (world, config) = (World::new(&log), config(line.port(), "").unwrap());
    world.accounts(&owners(1), 20).unwrap();
    world.tick(MONDAY_MS).unwrap();
    line.fails(Fault::CutsAfterText, 1);
    world.run(&config, PATIENCE).unwrap();
    let got = received(&server).unwrap();
    assert_eq!(got.into_values().collect::<Vec<_>>(), [2], "twice, under one id");
    let newest = server.messages().unwrap()[0]["ID"].as_str().unwrap().to_owned();
    assert_eq!(server.headers(&newest).unwrap()["X-Scorecard-Attempt"][0], "2");
    let outbox = world.outbox().unwrap();
    let state = outbox.values().next().unwrap();
    assert_eq!((state.status, state.attempts, state.uncertain), (MailStatus::Sent, 2, 1));
}

#[test]
fn what_is_lost_twice_is_given_up() {
    let (server, (_folder, log)) = (Mailpit::start().unwrap(), local());
    let line = Line::start(server.smtp_port()).unwrap();
    let (world, config) = (World::new(&log), config(line.port(), "").unwrap());
    world.accounts(&owners(1), 20).unwrap();
    world.tick(MONDAY_MS).unwrap();
    line.fails(Fault::CutsAfterText, 5);
    world.run(&config, PATIENCE).unwrap();
    assert_eq!(received(&server).unwrap().into_values().collect::<Vec<_>>(), [2]);
    assert_eq!(world.all_are(MailStatus::Failed).unwrap(), 1);
}

#[test]
fn what_is_refused_for_good_is_not_tried_again() {
    let options = Options { recipients: Some("^owner[01]@".to_owned()), ..Options::default() };
    let (server, (_folder, log)) = (Mailpit::start_with(&options).unwrap(), local());
    let (world, config) = (World::new(&log), config(server.smtp_port(), "").unwrap());
    world.accounts(&owners(3), 20).unwrap();
    for minute in 0..3 {
        world.tick(MONDAY_MS + minute * MINUTE_MS).unwrap();
        world.run(&config, PATIENCE).unwrap();
    }
    assert_eq!(received(&server).unwrap().len(), 2);
    let outbox = world.outbox().unwrap();
    let refused = &outbox["owner/owner2@example.com/2025-12-01T07:00Z/owner2@example.com"];
    assert_eq!((refused.status, refused.attempts), (MailStatus::Failed, 0));
    assert!(refused.answer.as_deref().unwrap().contains("550"), "{refused:?}");
}

#[test]
fn a_server_that_is_dead_for_a_day_makes_one_message_later() {
    let (_folder, log) = local();
    let port = kit::ports::free();
    let mut hourly = config(port, "").unwrap();
    hourly.owners = Some(sink_mail::Schedule::new("0 * * * *", "UTC").unwrap());
    let world = World::new(&log);
    world.accounts(&owners(1), 20).unwrap();
    let stop = Stop::new();
    thread::scope(|scope| {
        scope.spawn(|| world.run_until(&hourly, None, &stop).unwrap());
        for hour in 0..24 {
            world.tick(MONDAY_MS + hour * HOUR_MS).unwrap();
            thread::sleep(Duration::from_millis(100));
        }
        let options = Options { smtp_port: Some(port), ..Options::default() };
        let server = Mailpit::start_with(&options).unwrap();
        let began = Instant::now();
        while received(&server).unwrap().is_empty() && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(100));
        }
        world.tick(MONDAY_MS + 23 * HOUR_MS + MINUTE_MS).unwrap();
        thread::sleep(Duration::from_secs(1));
        stop.stop();
        assert_eq!(received(&server).unwrap().into_values().sum::<usize>(), 1);
    });
    let outbox = world.outbox().unwrap();
    let sent = outbox.iter().filter(|(_, state)| state.status == MailStatus::Sent);
    let sent: Vec<_> = sent.map(|(key, _)| key.as_str()).collect();
    assert_eq!(sent, ["owner/owner0@example.com/2025-12-02T06:00Z/owner0@example.com"]);
    let others = outbox.values().filter(|state| state.status != MailStatus::Sent);
    assert!(others.into_iter().all(|state| state.status == MailStatus::Superseded));
}

#[test]
fn a_process_that_was_not_there_for_a_day_sends_one_message() {
    let (server, (_folder, log)) = (Mailpit::start().unwrap(), local());
    let world = World::new(&log);
    let mut hourly = config(server.smtp_port(), "").unwrap();
    hourly.owners = Some(sink_mail::Schedule::new("0 * * * *", "UTC").unwrap());
    world.accounts(&owners(2), 20).unwrap();
    for hour in 0..24 {
        world.tick(MONDAY_MS + hour * HOUR_MS).unwrap();
    }
    world.run(&hourly, PATIENCE).unwrap();
    assert_eq!(received(&server).unwrap().into_values().sum::<usize>(), 2);
}

#[test]
fn only_what_changed_is_sent_where_that_is_wanted() {
    let (server, (_folder, log)) = (Mailpit::start().unwrap(), local());
    let rest = r#", "only_if_changed": true"#;
    let (world, config) = (World::new(&log), config(server.smtp_port(), rest).unwrap());
    let mut sent = Vec::new();
    for (week, failing) in [(0, 20), (1, 20), (2, 30), (3, 30)] {
        world.accounts(&owners(1), failing).unwrap();
        world.tick(MONDAY_MS + week * 7 * DAY_MS).unwrap();
        world.run(&config, PATIENCE).unwrap();
        sent.push(received(&server).unwrap().len());
    }
    assert_eq!(sent, [1, 1, 2, 2]);
    let states: Vec<_> = world.outbox().unwrap().values().map(|state| state.status).collect();
    use MailStatus::{Sent, Unchanged};
    assert_eq!(states, [Sent, Unchanged, Sent, Unchanged]);
}

#[test]
fn mail_goes_by_tls_with_a_login_and_not_otherwise() {
    for (tls, scheme) in [(Tls::First, "smtps"), (Tls::Start, "smtp")] {
        let login = Some(("scorecard".to_owned(), "geheim".to_owned()));
        let options = Options { tls: Some(tls), login, ..Options::default() };
        let (server, (folder, log)) = (Mailpit::start_with(&options).unwrap(), local());
        let world = World::new(&log);
        world.accounts(&owners(1), 20).unwrap();
        world.tick(MONDAY_MS).unwrap();
        let password = |text: &str| {
            let path = folder.path().join(text);
            std::fs::write(&path, text).unwrap();
            Some(stream::secret::Secret::File(path))
        };
        let mut config = config(server.smtp_port(), "").unwrap();
        let url = format!("{scheme}://localhost:{}", server.smtp_port());
        config.server = url.try_into().unwrap();
        (config.username, config.password) = (Some("scorecard".to_owned()), password("falsch"));
        config.ca_file = Some(server.authority());
        let error = format!("{:#}", world.run(&config, SHORT).unwrap_err());
        assert!(error.contains("refuses the login of scorecard"), "{error}");
        assert!(!error.contains("falsch"), "{error}");
        config.password = password("geheim");
        config.ca_file = None;
        if tls == Tls::First {
            let error = format!("{:#}", world.run(&config, SHORT).unwrap_err());
            assert!(error.contains("speaking to the mail server localhost"), "{error}");
        }
        config.ca_file = Some(server.authority());
        world.run(&config, PATIENCE).unwrap();
        assert_eq!(received(&server).unwrap().len(), 1, "{scheme}");
    }
}

#[test]
fn staging_sends_everything_to_one_address() {
    let (server, (_folder, log)) = (Mailpit::start().unwrap(), local());
    let rest = r#", "redirect_all_to": "test@example.net", "allowed_domains": ["example.net"]"#;
    let (world, config) = (World::new(&log), config(server.smtp_port(), rest).unwrap());
    world.accounts(&owners(3), 20).unwrap();
    world.tick(MONDAY_MS).unwrap();
    world.run(&config, PATIENCE).unwrap();
    let got = received(&server).unwrap();
    assert!(got.keys().all(|(to, _)| to == "test@example.net"));
    assert_eq!((got.len(), world.all_are(MailStatus::Sent).unwrap()), (3, 3));
    let subject = server.messages().unwrap()[0]["Subject"].as_str().unwrap().to_owned();
    assert!(subject.starts_with("[for owner"), "{subject}");
}
