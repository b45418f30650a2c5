//! Secrets are in no log, at whatever level, and in nothing that a command prints.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kit::hook::Hook;
use kit::mailpit::{Mailpit, Options, Tls};

const SECRET: &str = "geheim-7f3a90";

/// The secret in all forms in which it may be written.
fn forms() -> [String; 4] {
    let login = format!("scorecard:{SECRET}");
    let plain = format!("\0scorecard\0{SECRET}");
    [SECRET.to_owned(), STANDARD.encode(login), STANDARD.encode(plain), STANDARD.encode(SECRET)]
}

/// Runs a command at the level that writes most, and gives everything that it printed.
fn printed(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    command.args(args).arg("--config").arg(folder.join("scorecard.yaml"));
    command.env("SCORECARD_LOG", "trace").env("TEST_SECRET", SECRET);
    let done = command.output().unwrap();
    let [out, err] = [done.stdout, done.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    format!("{out}{err}")
}

/// Writes a configuration whose servers are the webhook and the mail server.
fn configure(folder: &Path, hook: &Hook, mail: &Mailpit, with_registry: bool) {
    let (url, port, authority) = (hook.url(), mail.smtp_port(), mail.authority());
    let authority = authority.display();
    let secret = "{env: TEST_SECRET}";
    let mut config = format!(
        "log: {{local: ./log}}\n\
         elasticsearch: {{url: \"{url}\", username: scorecard, password: {secret}}}\n\
         clickhouse: {{url: \"{url}\", user: scorecard, password: {secret}}}\n\
         mail: {{server: \"smtp://localhost:{port}\", ca_file: {authority}, from: a@example.com, \
         username: scorecard, password: {secret}, owners: {{cron: \"0 8 * * MON\"}}}}\n\
         alerts: {{webhook: {{url: \"{url}\", token: {secret}}}}}\n\
         telemetry: {{url: \"{url}\", headers: {{authorization: {secret}}}}}\n"
    );
    if with_registry {
        let registry = format!("{{url: \"{url}\", username: scorecard, password: {secret}}}");
        config.push_str(&format!("schema_registry: {registry}\n"));
    }
    std::fs::write(folder.join("scorecard.yaml"), config).unwrap();
}

#[test]
fn no_secret_is_logged_or_printed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let login = Some(("scorecard".to_owned(), SECRET.to_owned()));
    let options = Options { tls: Some(Tls::Start), login, ..Options::default() };
    let (hook, mail) = (Hook::start().unwrap(), Mailpit::start_with(&options).unwrap());
    // A server that refuses the login is what people turn logs up for.
    hook.answers(&[401; 1_000]);
    configure(folder, &hook, &mail, false);
    let commands: [&[&str]; 5] = [
        &["topics", "apply"],
        &["config", "show", "--origin"],
        &["doctor"],
        &["sink", "elasticsearch", "--once"],
        &["setup", "elasticsearch"],
    ];
    let mut texts: Vec<_> = commands.map(|args| (args, printed(folder, args))).into();
    configure(folder, &hook, &mail, true);
    texts.push((&["doctor"], printed(folder, &["doctor"])));

    // It was sent, so there was something to hide.
    let sent = hook.take();
    let of = |form: &String| {
        let holds = |value: &String| value.contains(form);
        sent.iter().filter(|one| one.headers.iter().any(|(_, value)| holds(value))).count()
    };
    let [as_it_is, login, ..] = forms();
    assert!(of(&as_it_is) + of(&login) >= 4, "{} requests", sent.len());
    // The mail server takes nothing else than this login.
    let asked: Vec<_> = texts.iter().filter(|(args, _)| *args == ["doctor"]).collect();
    assert!(asked.iter().all(|(_, text)| text.contains("ok    mail")), "{asked:?}");
    for (args, text) in texts {
        for form in forms() {
            assert!(!text.contains(&form), "scorecard {args:?} tells {form}:\n{text}");
        }
        // The doctor speaks to all of them.
        assert!(args != ["doctor"] || text.contains("TRACE"), "no log at that level:\n{text}");
    }
}
