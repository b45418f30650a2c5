//! The workspace's manifests, as far as the rules ask.

use crate::tree;

/// One member crate.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    /// Folder from the root; empty for the root package.
    pub(crate) folder: String,
    pub(crate) name: String,
    /// Names of `[dependencies]`, `[build-dependencies]` and their platform forms.
    pub(crate) dependencies: Vec<String>,
    /// Names of `[dev-dependencies]`.
    pub(crate) dev_dependencies: Vec<String>,
    /// Whether it takes the workspace's lints.
    pub(crate) takes_lints: bool,
}

/// All member crates and the root package, sorted by folder.
pub(crate) fn all() -> Vec<Manifest> {
    let files = tree::files();
    let manifests = files.iter().filter(|file| file.path.ends_with("Cargo.toml"));
    manifests.map(|file| parse(file.path.trim_end_matches("Cargo.toml"), &file.text)).collect()
}

/// Reads the parts of a manifest that are written one entry a line, as all of ours are.
fn parse(folder: &str, text: &str) -> Manifest {
    let mut manifest =
        Manifest { folder: folder.trim_end_matches('/').to_owned(), ..Manifest::default() };
    let mut section = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').to_owned();
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim().trim_matches('"'));
        let kind = section.rsplit('.').next().unwrap_or_default();
        let name = || renamed(value).unwrap_or(key.split('.').next().unwrap_or(key)).to_owned();
        match kind {
            _ if section.starts_with("workspace") => {}
            "package" if key == "name" => manifest.name = value.to_owned(),
            "lints" => manifest.takes_lints |= key == "workspace" && value == "true",
            "dependencies" | "build-dependencies" => manifest.dependencies.push(name()),
            "dev-dependencies" => manifest.dev_dependencies.push(name()),
            _ => {}
        }
    }
    manifest
}

/// The real name in `{ package = "NAME", ... }`.
fn renamed(value: &str) -> Option<&str> {
    value.split_once("package = \"")?.1.split('"').next()
}

#[test]
fn a_manifest_is_read() {
    let text = "[package]\nname = \"one\"\n[workspace.dependencies]\nnot = \"1\"\n[dependencies]\n\
        a.workspace = true\nb = \"1\"\n[target.'cfg(unix)'.dependencies]\n\
        c = { package = \"d\", version = \"1\" }\n[dev-dependencies]\ne.workspace = true\n\
        [lints]\nworkspace = true\n";
    let manifest = parse("x/one/", text);
    assert_eq!((manifest.folder.as_str(), manifest.name.as_str()), ("x/one", "one"));
    assert_eq!(manifest.dependencies, ["a", "b", "d"]);
    assert_eq!(manifest.dev_dependencies, ["e"]);
    assert!(manifest.takes_lints);
}
