//! `deploy/`: no cluster and no systemd is here, so these tests read its files as those would.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn read(path: &str) -> String {
    let path = folder().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads every document of a file.
fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn list<'v>(value: &'v Value, pointer: &str) -> Vec<&'v Value> {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.into_iter().flatten().collect()
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("{pointer} of {value}"))
}

fn names(values: &[&Value], pointer: &str) -> BTreeSet<String> {
    values.iter().map(|value| text(value, pointer).to_owned()).collect()
}

fn scorecard(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scorecard")).args(arguments).output().unwrap()
}

/// Makes sure that the program knows a command with all of its arguments.
fn is_a_command(arguments: &[&str]) {
    // With an unknown argument clap does not get as far as the help.
    let answer = scorecard(&[arguments, &["--help"]].concat());
    assert!(answer.status.success(), "{arguments:?}: {answer:?}");
}

/// Gives what runs pods: Deployments and StatefulSets.
fn workloads() -> Vec<Value> {
    let all = ["kubernetes/workers.yaml", "kubernetes/roles.yaml"].map(documents);
    let all = all.into_iter().flatten();
    let all: Vec<_> = all.filter(|one| one.pointer("/spec/template").is_some()).collect();
    assert!(all.len() >= 5, "{}", all.len());
    all
}

#[test]
fn the_kustomization_names_files_that_are_there_and_this_version() {
    let kustomization = &documents("kubernetes/kustomization.yaml")[0];
    let mut files: BTreeSet<String> =
        list(kustomization, "/resources").iter().map(|one| one.as_str().unwrap().into()).collect();
    for generator in list(kustomization, "/configMapGenerator") {
        files.extend(list(generator, "/files").iter().map(|one| one.as_str().unwrap().into()));
    }
    files.insert("kustomization.yaml".to_owned());
    let there = fs::read_dir(folder().join("kubernetes")).unwrap();
    let there: BTreeSet<String> =
        there.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, there);
    let image = list(kustomization, "/images")[0];
    assert_eq!(
        (text(image, "/name"), text(image, "/newTag")),
        ("scorecard", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn every_container_runs_a_command_of_ours_with_the_least_rights() {
    for workload in workloads() {
        let name = text(&workload, "/metadata/name");
        let pod = workload.pointer("/spec/template/spec").unwrap();
        let container = list(pod, "/containers")[0];
        assert_eq!(text(container, "/image"), "scorecard");
        let arguments = list(container, "/args");
        let arguments: Vec<&str> = arguments.iter().map(|one| one.as_str().unwrap()).collect();
        is_a_command(&arguments);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
        let context = &container["securityContext"];
        assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(list(context, "/capabilities/drop"), ["ALL"], "{name}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
    }
}

#[test]
fn every_mount_and_selector_finds_what_it_names() {
    let services = documents("kubernetes/workers.yaml");
    let services: Vec<&Value> = services.iter().filter(|one| one["kind"] == "Service").collect();
    for workload in workloads() {
        let name = text(&workload, "/metadata/name");
        let pod = workload.pointer("/spec/template/spec").unwrap();
        let mut volumes = names(&list(pod, "/volumes"), "/name");
        let claims = list(&workload, "/spec/volumeClaimTemplates");
        volumes.extend(names(&claims, "/metadata/name"));
        let container = list(pod, "/containers")[0];
        assert_eq!(names(&list(container, "/volumeMounts"), "/name"), volumes, "{name}");
        let labels = workload.pointer("/spec/template/metadata/labels").unwrap();
        assert_eq!(workload.pointer("/spec/selector/matchLabels"), Some(labels), "{name}");
        if workload["kind"] == "StatefulSet" {
            let service = text(&workload, "/spec/serviceName");
            assert!(names(&services, "/metadata/name").contains(service), "{name}: {service}");
        }
    }
    // A stage's tables outlive its pod.
    let worker = &workloads()[0];
    assert_eq!((text(worker, "/kind"), text(worker, "/metadata/name")), ("StatefulSet", "worker"));
    let claims = list(worker, "/spec/volumeClaimTemplates");
    assert_eq!(names(&claims, "/metadata/name"), BTreeSet::from(["state".to_owned()]));
}

#[test]
fn the_configuration_is_in_order_and_listens_where_the_probes_ask() {
    let path = folder().join("kubernetes/scorecard.yaml");
    let answer = scorecard(&["validate", "--config", path.to_str().unwrap()]);
    assert!(answer.status.success(), "{answer:?}");
    let configuration = &documents("kubernetes/scorecard.yaml")[0];
    let port = text(configuration, "/listen").rsplit_once(':').unwrap().1.to_owned();
    let state = text(configuration, "/state");
    for workload in workloads() {
        let container = &workload["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["ports"][0]["containerPort"].to_string(), port);
        let environment = list(container, "/env");
        let config = environment.iter().find(|one| one["name"] == "SCORECARD_CONFIG").unwrap();
        let mounts = list(container, "/volumeMounts");
        let holds =
            |path: &str| mounts.iter().any(|mount| path.starts_with(text(mount, "/mountPath")));
        assert!(holds(text(config, "/value")) && holds(state));
        for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
            assert_eq!(container[probe]["httpGet"]["path"], path);
        }
    }
}

#[test]
fn units_start_commands_of_ours() {
    let start = |unit: &str| {
        let unit = read(unit);
        let lines: Vec<&str> =
            unit.lines().filter_map(|line| line.strip_prefix("ExecStart=")).collect();
        assert_eq!(lines.len(), 1);
        lines[0].strip_prefix("/usr/local/bin/scorecard ").unwrap().to_owned()
    };
    let everything = start("systemd/scorecard.service");
    is_a_command(&everything.split(' ').collect::<Vec<_>>());
    assert_eq!(start("systemd/scorecard@.service"), "$SCORECARD_COMMAND");
    let mut addresses = BTreeSet::new();
    for entry in fs::read_dir(folder().join("systemd/roles")).unwrap() {
        let path = entry.unwrap().path();
        let line = fs::read_to_string(&path).unwrap();
        let command = line.trim_end().strip_prefix("SCORECARD_COMMAND=").unwrap();
        let words: Vec<&str> = command.split(' ').collect();
        is_a_command(&words);
        assert!(addresses.insert(words[words.len() - 1].to_owned()), "{command}: taken");
        // The name of an instance is what it runs.
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(command.replace(' ', "-").starts_with(name), "{name}: {command}");
    }
    assert!(addresses.len() >= 7);
}
