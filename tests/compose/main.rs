//! `compose/`: no container engine is here, so these tests read its files as one would.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod stack;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use kit::moto::Moto;
use serde_json::Value;
use stack::{Stack, folder};

/// Where the configuration lies in the containers of our image.
const MOUNTED: &str = "/etc/scorecard/";

/// The published schema of compose files (compose-spec, `schema/compose-spec.json`, Apache-2.0).
const SCHEMA: &str = include_str!("compose-spec.json");

#[test]
fn the_file_is_what_the_compose_specification_says() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let stack = Stack::read();
    let faults: Vec<String> =
        validator.iter_errors(&stack.file).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(faults, [""; 0]);
    let mut broken = stack.file.clone();
    broken["services"]["kafka"]["prots"] = Value::Null;
    assert!(!validator.is_valid(&broken), "a key that nobody knows");
}

#[test]
fn images_are_pinned_or_built_here() {
    let stack = Stack::read();
    let mut built = BTreeSet::new();
    let mut named = BTreeMap::new();
    for (name, service) in stack.services() {
        if let Some(build) = service.get("build") {
            let (context, file) = match build {
                Value::String(context) => (context.as_str(), "Dockerfile"),
                other => {
                    (other["context"].as_str().unwrap(), other["dockerfile"].as_str().unwrap())
                }
            };
            let path = folder().join(context).join(file);
            let bases = bases(&path);
            assert!(!bases.is_empty() && bases.iter().all(|image| is_pinned(image)), "{bases:?}");
            built.extend(service.get("image").and_then(Value::as_str).map(str::to_owned));
        } else {
            named.insert(name, service["image"].as_str().unwrap());
        }
    }
    for (name, image) in named {
        assert!(built.contains(image) || is_pinned(image), "{name}: {image}");
    }
}

/// Gives the images that a Dockerfile starts from.
fn bases(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let from = text.lines().filter_map(|line| line.strip_prefix("FROM "));
    from.map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()).collect()
}

fn is_pinned(image: &str) -> bool {
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    tag.contains('.') && tag.contains(|c: char| c.is_ascii_digit())
}

#[test]
fn versions_are_those_that_the_tests_run() {
    let stack = Stack::read();
    let repository = folder().join("..");
    let read = |path: &str| std::fs::read_to_string(repository.join(path)).unwrap();
    let image = |service: &str| stack.service(service)["image"].as_str().unwrap().to_owned();
    let moto = format!("moto[server]=={}", image("moto").rsplit_once(':').unwrap().1);
    assert!(read("tests/kit/requirements.txt").contains(&moto), "{moto}");
    let kafka = image("kafka").rsplit_once(':').unwrap().1.to_owned();
    assert!(read("tests/kit/prepare").contains(&kafka), "Kafka {kafka}");
    let mailpit = image("mailpit").rsplit_once(':').unwrap().1.to_owned();
    assert!(read("tests/kit/mailpit/module").trim().ends_with(&mailpit), "mailpit {mailpit}");
    let toolchain = read("rust-toolchain.toml");
    let rust = toolchain.split('"').nth(1).unwrap();
    let dockerfile = read("compose/scorecard/Dockerfile");
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-")), "Rust {rust}");
}

#[test]
fn our_image_runs_as_nobody_in_particular() {
    let text = std::fs::read_to_string(folder().join("scorecard/Dockerfile")).unwrap();
    let last = text.rsplit("\nFROM ").next().unwrap();
    let user = last.lines().rev().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert!(user.parse::<u32>().is_ok_and(|id| id > 0), "{user}");
    let stages = text.lines().filter_map(|line| line.split_once(" AS ").map(|(_, name)| name));
    let copied = text.lines().filter_map(|line| line.split_once("--from=")?.1.split(' ').next());
    assert_eq!(stages.collect::<BTreeSet<_>>(), copied.collect::<BTreeSet<_>>());
}

#[test]
fn ports_are_published_once_and_on_loopback() {
    let mut taken = BTreeSet::new();
    for (name, service) in Stack::read().services() {
        for port in stack::texts(&service["ports"]) {
            let parts: Vec<&str> = port.split(':').collect();
            let [host, outside, _inside] = parts[..] else { panic!("{name}: {port}") };
            assert_eq!(host, "127.0.0.1", "{name}");
            assert!(taken.insert(outside.to_owned()), "{name}: {outside} is taken");
        }
    }
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let told: BTreeSet<String> = addresses(&readme).into_iter().map(|(_, port)| port).collect();
    taken.remove("1025"); // SMTP is for programs.
    assert_eq!(told, taken, "the README's table");
}

#[test]
fn what_is_mounted_is_there_and_stays_as_it_is() {
    let stack = Stack::read();
    let declared: BTreeSet<&String> = stack.file["volumes"].as_object().unwrap().keys().collect();
    let mut used = BTreeSet::new();
    for (name, service) in stack.services() {
        for mount in stack::texts(&service["volumes"]) {
            let (source, rest) = mount.split_once(':').unwrap();
            if source.starts_with('.') {
                assert!(folder().join(source).is_dir(), "{name}: {source}");
                assert!(rest.ends_with(":ro"), "{name} may change {source}");
            } else {
                used.insert(source.to_owned());
            }
        }
    }
    assert_eq!(used.iter().collect::<BTreeSet<_>>(), declared);
}

#[test]
fn who_is_waited_for_is_there_and_tells_its_health() {
    let stack = Stack::read();
    for (name, service) in stack.services() {
        for (other, how) in service["depends_on"].as_object().into_iter().flatten() {
            let waited = stack.service(other);
            match how["condition"].as_str().unwrap() {
                "service_healthy" => assert!(waited.get("healthcheck").is_some(), "{other}"),
                "service_completed_successfully" => {
                    assert!(waited["restart"].as_str().is_none_or(|how| how == "no"), "{other}");
                }
                condition => panic!("{name} waits for {other}: {condition}"),
            }
        }
    }
}

#[test]
fn every_address_is_a_service_that_listens_there() {
    let stack = Stack::read();
    let config = std::fs::read_to_string(folder().join("scorecard/scorecard.yaml")).unwrap();
    let mut texts = vec![("scorecard.yaml".to_owned(), config)];
    for (name, service) in stack.services() {
        texts.push((name.clone(), service["environment"].to_string()));
        texts.push((name.clone(), stack::texts(&service["command"]).join(" ")));
        texts.push((name.clone(), stack::texts(&service["entrypoint"]).join(" ")));
        texts.push((name.clone(), service["healthcheck"]["test"].to_string()));
    }
    let mut found = 0;
    for (of, text) in texts {
        for (host, port) in addresses(&text) {
            let own = ["localhost", "0.0.0.0"].contains(&host.as_str());
            let listens = stack.listens(if own { &of } else { &host });
            // A controller talks to itself.
            assert!(
                listens.contains(&port) || port == "9093",
                "{of}: {host}:{port} of {listens:?}"
            );
            found += 1;
        }
    }
    assert!(found > 10, "{found} addresses");
}

/// Finds `HOST:PORT` in a text.
fn addresses(text: &str) -> Vec<(String, String)> {
    let of_host = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
    let words = text.split(|c: char| !of_host(c)).filter(|word| !word.is_empty());
    let pair = |word: &str| {
        let (host, port) = word.rsplit_once(':')?;
        let is_port = port.len() > 3 && port.bytes().all(|digit| digit.is_ascii_digit());
        let host = host.trim_start_matches(':');
        (is_port && !host.is_empty()).then(|| (host.to_owned(), port.to_owned()))
    };
    words.filter_map(pair).collect()
}

#[test]
fn every_command_of_ours_is_understood() {
    let mut commands = 0;
    for (name, service) in Stack::read().services() {
        if service["image"] != "scorecard:local" {
            continue;
        }
        let arguments = stack::texts(&service["command"]);
        let config = arguments.iter().find(|argument| argument.starts_with(MOUNTED)).unwrap();
        let file = folder().join("scorecard").join(config.trim_start_matches(MOUNTED));
        assert!(file.is_file(), "{name}: {config}");
        // What comes before is read first, so that help is shown only when all of it is known.
        let shown = scorecard().args(&arguments).arg("--help").output().unwrap();
        assert!(shown.status.success(), "{name}: {}", String::from_utf8_lossy(&shown.stderr));
        commands += 1;
    }
    assert!(commands > 3, "{commands} roles");
}

#[test]
fn the_configuration_is_in_order() {
    let config = folder().join("scorecard/scorecard.yaml");
    let checked = scorecard().arg("validate").arg("--config").arg(config).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn the_filled_moto_has_the_accounts_of_the_register() {
    let moto = Moto::start().unwrap();
    let made = kit::python("compose/moto/fill.py", &[&moto.endpoint()]).unwrap();
    let made: BTreeMap<String, String> = serde_json::from_str(&made).unwrap();
    let register = std::fs::read_to_string(folder().join("scorecard/accounts.csv")).unwrap();
    let ours = register.lines().skip(2).filter(|line| !line.contains(",yes,"));
    let named: BTreeMap<String, String> = ours
        .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>())
        .map(|cells| (cells[1].clone(), cells[0].clone()))
        .collect();
    assert_eq!(made, named);
    let again = kit::python("compose/moto/fill.py", &[&moto.endpoint()]).unwrap();
    assert_eq!(again.trim(), "{}", "a second time changes nothing");
}

fn scorecard() -> Command {
    Command::new(env!("CARGO_BIN_EXE_scorecard"))
}
