//! Whoever types what the manual says comes to what it says: word by word, against real servers.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

mod pages;
mod shell;
mod site;

use std::fs;
use std::io::Write;
use std::process::Command;

use anyhow::{Result, ensure};
use kit::organisation::Organisation;
use shell::Shell;
use site::Servers;

const FIRST_SCORECARD: &str = "docs/src/first-scorecard.md";

const YOUR_ORGANISATION: &str = "docs/src/your-organisation.md";

const README: &str = "README.md";

/// Pages whose commands are typed on Kafka with everything configured, in an order in which a
/// person might: what makes something comes before what looks at it.
const ON_KAFKA: [&str; 12] = [
    "docs/src/on-kafka.md",
    "docs/src/configuration.md",
    "docs/src/audit-role.md",
    "docs/src/elasticsearch.md",
    "docs/src/history.md",
    "docs/src/mail.md",
    "docs/src/alerts.md",
    "docs/src/siem.md",
    "docs/src/topics.md",
    "docs/src/exceptions.md",
    "docs/src/page.md",
    OPERATIONS,
];

const OPERATIONS: &str = "docs/src/operations.md";

/// How lines begin that no test types, and why.
const NOT_TYPED: [(&str, &str); 20] = [
    ("apt-get install ", "changes the machine"),
    ("curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs ", "the web"),
    ("cargo ", "builds and tests: what runs this test"),
    ("tests/run", "what runs this test"),
    (".ci/run", "what runs this test"),
    ("tests/fuzz/run ", "lasts as long as it is told"),
    ("SCORECARD_PICTURES=", "tests with more to do"),
    ("SCORECARD_SINK_ROWS=", "tests with more to do"),
    ("SIMULATION_SEED", "tests with more to do"),
    ("FUZZ_", "tests with more to do"),
    ("deploy/sbom ", "tests/supply.rs does"),
    ("useradd ", "changes the machine"),
    ("install ", "changes the machine"),
    ("systemctl ", "no systemd; tests/deploy reads its units"),
    ("kubectl ", "no cluster; tests/deploy reads its manifests"),
    ("docker ", "no containers; tests/compose checks their files"),
    ("curl --fail -H 'kbn-xsrf: true' ", "no Kibana"),
    ("curl -X POST -H 'Content-Type: application/json' ", "no Kafka Connect"),
    ("curl -H \"Authorization: Bearer $TOKEN\" ", "tests/page asks the same with a token"),
    ("kcat ", "another program; a plain consumer reads it in tests/siem.rs"),
];

fn is_typed(line: &str) -> bool {
    !NOT_TYPED.iter().any(|(begin, _)| line.starts_with(begin))
}

#[test]
fn every_command_is_understood() {
    let mut count = 0;
    for path in pages::all() {
        let page = pages::name(&path);
        let (lines, spans) = (pages::lines(&page), pages::spans(&page));
        let commands = lines.iter().filter_map(|line| pages::ours(line));
        for command in commands.chain(spans.iter().map(String::as_str)) {
            let words = pages::words(&command.replace("sink NAME", "sink s3"));
            let mut run = Command::new(env!("CARGO_BIN_EXE_scorecard"));
            // What comes before is read first: help is shown only when all of it is known.
            let shown = run.args(&words[1..]).arg("--help").output().unwrap();
            let said = String::from_utf8_lossy(&shown.stderr).into_owned();
            assert!(shown.status.success(), "{page}: {command}: {said}");
            count += 1;
        }
    }
    assert!(count > 120, "{count} commands");
}

#[test]
fn every_command_is_typed_or_it_is_said_why_not() {
    let mut typed = vec![FIRST_SCORECARD, YOUR_ORGANISATION, README];
    typed.extend(ON_KAFKA);
    let mut unused: Vec<_> = NOT_TYPED.map(|(begin, _)| begin).into();
    for path in pages::all() {
        let page = pages::name(&path);
        let lines = pages::lines(&page);
        unused.retain(|begin| !lines.iter().any(|line| line.starts_with(begin)));
        let left_out: Vec<_> = lines.into_iter().filter(|line| is_typed(line)).collect();
        assert!(typed.contains(&page.as_str()) || left_out.is_empty(), "{page}: {left_out:?}");
    }
    assert!(unused.is_empty(), "no page has {unused:?}");
}

/// Types all of a page; gives the lines with what they printed.
fn type_in(shell: &mut Shell, page: &str) -> Result<Vec<(String, String)>> {
    let mut typed = Vec::new();
    for line in pages::lines(page).into_iter().filter(|line| is_typed(line)) {
        let output = shell.enter(&line)?;
        typed.push((line, output));
    }
    Ok(typed)
}

/// What the line that begins so printed.
fn printed<'t>(typed: &'t [(String, String)], begin: &str) -> &'t str {
    let found = typed.iter().find(|(line, _)| line.starts_with(begin));
    found.map_or_else(|| panic!("no line begins with {begin}"), |(_, output)| output)
}

#[test]
fn the_first_scorecard_comes_as_its_page_says() -> Result<()> {
    let mut shell = Shell::new()?;
    let typed = type_in(&mut shell, FIRST_SCORECARD)?;
    for question in ["demo", "explain", "history", "exceptions", "trust"] {
        let answer = printed(&typed, &format!("scorecard {question} "));
        ensure!(answer.len() > 100, "{question}: {answer}");
    }
    ensure!(printed(&typed, "scorecard explain").contains("188482892240"));
    ensure!(shell.folder().join("scorecard-demo/enterprise.xlsx").exists());
    Ok(())
}

/// A shell whose configurations, as pages have them, find their accounts in a world of ours.
fn shell_in(world: &Organisation) -> Result<Shell> {
    let mut shell = Shell::new()?;
    shell.set("SCORECARD__AWS__ENDPOINT", &world.moto.endpoint());
    shell.call("--trust ARN", "--trust arn:aws:iam::999988887777:role/scorecard");
    Ok(shell)
}

#[test]
fn an_organisation_comes_to_its_scores_as_the_page_says() -> Result<()> {
    let world = Organisation::start()?;
    let mut shell = shell_in(&world)?;
    let file = shell.folder().join("scorecard.yaml");
    fs::write(&file, pages::block(YOUR_ORGANISATION, "yaml", "# scorecard.yaml"))?;
    let register = pages::block(YOUR_ORGANISATION, "csv", "account,");
    fs::write(shell.folder().join("accounts.csv"), register)?;
    let mut typed = Vec::new();
    for line in pages::lines(YOUR_ORGANISATION) {
        if line.starts_with("scorecard mail ") {
            let mail = pages::block(YOUR_ORGANISATION, "yaml", "mail:");
            fs::OpenOptions::new().append(true).open(&file)?.write_all(mail.as_bytes())?;
        }
        let output = shell.enter(&line)?;
        typed.push((line, output));
    }
    ensure!(printed(&typed, "scorecard mail plan").contains("ann@example.com"));
    let scores = printed(&typed, "scorecard run --config scorecard.yaml --once");
    ensure!(scores.contains("111111111111"), "{scores}");
    ensure!(shell.folder().join("workbooks/enterprise.xlsx").exists());
    Ok(())
}

#[test]
fn the_readmes_configuration_runs_as_it_says() -> Result<()> {
    let world = Organisation::start()?;
    let mut shell = shell_in(&world)?;
    let file = |name: &str| shell.folder().join(name);
    fs::write(file("scorecard.yaml"), pages::block(README, "yaml", "# scorecard.yaml"))?;
    world.write_sources(shell.folder())?;
    fs::rename(file("risks.json"), file("risk-register.json"))?;
    fs::create_dir(file("our-standard"))?;
    let layer = pages::block("docs/src/adding-a-requirement.md", "yaml", "# ours/iam-access-key");
    fs::write(file("our-standard/iam-access-key-age.yaml"), layer)?;
    let typed = type_in(&mut shell, README)?;
    let scores = printed(&typed, "scorecard run --config scorecard.yaml --once");
    ensure!(scores.contains(&world.id("payments")), "{scores}");
    ensure!(shell.folder().join("workbooks/enterprise.xlsx").exists());
    Ok(())
}

#[test]
fn everything_on_kafka_works_as_its_pages_say() -> Result<()> {
    let servers = Servers::start()?;
    let mut shell = servers.shell()?;
    for page in ON_KAFKA {
        // The page of operations looks at a process that runs.
        let is_looked_at = page == OPERATIONS;
        let process = "scorecard process --config scorecard.yaml";
        let _beside = is_looked_at.then(|| shell.beside(process)).transpose()?;
        type_in(&mut shell, page)?;
        if page == ON_KAFKA[0] {
            // The topics are made: something to look at.
            shell.enter("scorecard run --once --config scan.yaml")?;
        }
    }
    servers.hold_what_was_sent()
}
