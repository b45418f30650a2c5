//! Outside sources in the configuration: what each may say, and how it is read.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use producer_findings::{
    ALL, Bucket, Options, Program, Reports, STANDARD_INPUT, read_bucket, sources::by_id,
};
use schemars::JsonSchema;
use serde::Deserialize;
use stream::secret::Secret;

/// The source of our own rules' verdicts.
const OWN: &str = "rule";

/// Characters of a source's name.
const NAME_CHARACTERS_MAX: usize = 64;

/// Reports of one outside source: a scanner's files, or a program's output.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Findings {
    /// The scanner, or the name that the program's findings go by.
    pub(crate) source: String,
    /// A file, a folder of files, or `-`: standard input.
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
    /// A bucket with reports.
    #[serde(default)]
    pub(crate) s3: Option<Bucket>,
    /// The program.
    #[serde(default)]
    pub(crate) exec: Option<Program>,
    /// The account, where neither path nor rows tell.
    #[serde(default)]
    pub(crate) account: Option<String>,
    /// The check, where the format does not tell.
    #[serde(default)]
    pub(crate) check: Option<String>,
    /// Whether reports leave out what is in order or suppressed: absence then clears nothing.
    #[serde(default)]
    pub(crate) partial: bool,
}

impl Findings {
    /// Gives the paths that start at the configuration's folder.
    pub(crate) fn paths(&mut self) -> Vec<&mut PathBuf> {
        let files = self.path.iter_mut().filter(|path| path.as_path() != Path::new(STANDARD_INPUT));
        let mut paths: Vec<&mut PathBuf> = files.collect();
        if let Some(exec) = &mut self.exec {
            paths.push(&mut exec.program);
            paths.extend(exec.secrets.values_mut().filter_map(|secret| match secret {
                Secret::File(path) => Some(path),
                Secret::Env(_) => None,
            }));
        }
        paths
    }

    /// Says what is wrong with the settings.
    pub(crate) fn check(&self) -> Result<()> {
        let source = &self.source;
        let is_scanner = by_id(source).is_some();
        let places = [self.path.is_some(), self.s3.is_some(), self.exec.is_some()];
        if places.iter().filter(|is_given| **is_given).count() != 1 {
            bail!("{source}: one of `path`, `s3` and `exec`");
        }
        if let Some(exec) = &self.exec {
            ensure!(!is_scanner && source != OWN, "{source}: a program needs a name of its own");
            ensure!(is_name(source), "{source:?} is no name: a-z, 0-9 and `-` make one");
            let is_fine = exec.accounts.is_empty() || self.account.is_none();
            ensure!(is_fine, "{source}: `account` and `exec.accounts` exclude each other");
            exec.validate().map_err(anyhow::Error::msg).with_context(|| source.clone())?;
        } else {
            let ids: Vec<_> = ALL.iter().map(|one| one.id).collect();
            ensure!(is_scanner, "unknown source {source:?}; there are: {}", ids.join(", "));
        }
        let is_id = |one: &str| one.len() == 12 && one.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(account) = self.account.as_deref().filter(|one| !is_id(one)) {
            bail!("{source}: account {account:?} is no id of twelve digits");
        }
        let takes_check = source == "s3import";
        ensure!(self.check.is_none() || takes_check, "{source}: its reports name their checks");
        Ok(())
    }

    /// Reads the reports: files and objects are read, and standard input to its end; a
    /// program is run.
    pub(crate) fn read(&self, now_ms: i64) -> Result<Reports> {
        let (account, check) = (self.account.clone(), self.check.clone());
        let options = Options { account, partial: self.partial, check, now_ms };
        if let Some(exec) = &self.exec {
            return Ok(producer_findings::run(&self.source, exec, &options));
        }
        let source = by_id(&self.source);
        let source = source.with_context(|| format!("unknown source {:?}", self.source))?;
        match (&self.path, &self.s3) {
            (Some(path), _) => Ok(producer_findings::read(source, path, &options)?),
            (_, Some(bucket)) => Ok(read_bucket(source, bucket, None, &options)?),
            _ => bail!("{}: it has no place", self.source),
        }
    }

    /// Says what is wrong with what it names, without running a program, asking a bucket, or
    /// taking what was piped.
    pub(crate) fn look(&self, now_ms: i64) -> Result<Vec<String>> {
        if let Some(exec) = &self.exec {
            let of = || format!("the program of {}: {}", self.source, exec.program.display());
            ensure!(
                std::fs::metadata(&exec.program).with_context(of)?.is_file(),
                "{}: no file",
                of()
            );
            return Ok(Vec::new());
        }
        if self.s3.is_some() || self.path.as_deref() == Some(Path::new(STANDARD_INPUT)) {
            return Ok(Vec::new());
        }
        Ok(self.read(now_ms)?.problems.iter().map(ToString::to_string).collect())
    }
}

/// Tells whether a text can be a source's name: it stands in topics, tables and parts of verdicts.
fn is_name(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(yaml: &str) -> Findings {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn settings_that_contradict_are_refused() {
        for (yaml, expected) in [
            ("{source: prowler, path: x}", ""),
            ("{source: s3import, path: x, check: patches}", ""),
            ("{source: our-scripts, exec: {program: x}, account: '111122223333'}", ""),
            ("{source: prowler, s3: {bucket: b, prefix: p/}}", ""),
            ("{source: prowler}", "prowler: one of `path`, `s3` and `exec`"),
            ("{source: a, path: x, exec: {program: x}}", "a: one of `path`, `s3` and `exec`"),
            ("{source: prowler, exec: {program: x}}", "prowler: a program needs a name of its own"),
            ("{source: rule, exec: {program: x}}", "rule: a program needs a name of its own"),
            (
                "{source: 'a:b', exec: {program: x}}",
                "\"a:b\" is no name: a-z, 0-9 and `-` make one",
            ),
            (
                "{source: a, exec: {program: x, accounts: [prod]}}",
                "a: account \"prod\" is no id of twelve digits",
            ),
            (
                "{source: a, exec: {program: x, timeout_seconds: 0}}",
                "a: `timeout_seconds` and `output_bytes_max` must be at least 1",
            ),
            (
                "{source: a, exec: {program: x, accounts: ['111122223333']}, account: '1'}",
                "a: `account` and `exec.accounts` exclude each other",
            ),
            (
                "{source: prowler, path: x, account: '1'}",
                "prowler: account \"1\" is no id of twelve digits",
            ),
            ("{source: prowler, path: x, check: a}", "prowler: its reports name their checks"),
        ] {
            let said = findings(yaml).check().err().map(|error| format!("{error:#}"));
            assert_eq!(said.unwrap_or_default(), expected, "{yaml}");
        }
        let unknown = findings("{source: prowlr, path: x}").check().unwrap_err().to_string();
        assert!(
            unknown.starts_with("unknown source \"prowlr\"; there are: cloudsploit, "),
            "{unknown}"
        );
    }

    #[test]
    fn a_look_runs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ran = folder.path().join("ran");
        let exec = format!("{{program: /bin/sh, arguments: ['-c', 'touch {}']}}", ran.display());
        let source = findings(&format!("{{source: a, exec: {exec}}}"));
        assert_eq!(source.look(0).unwrap(), Vec::<String>::new());
        assert!(!ran.exists());
        assert_eq!(source.read(0).unwrap().problems.len(), 1, "it prints nothing");
        assert!(ran.exists());
        let missing = findings("{source: a, exec: {program: /no/such/program}}");
        assert!(missing.look(0).is_err());
    }

    #[test]
    fn paths_start_at_the_configurations_folder() {
        let paths = |yaml: &str| -> Vec<PathBuf> {
            findings(yaml).paths().into_iter().map(|path| path.clone()).collect()
        };
        assert_eq!(paths("{source: prowler, path: x}"), [Path::new("x")]);
        assert!(paths("{source: prowler, path: '-'}").is_empty());
        let secrets = "{A: {file: token}, B: {env: B}}";
        let exec = paths(&format!("{{source: a, exec: {{program: p, secrets: {secrets}}}}}"));
        assert_eq!(exec, [Path::new("p"), Path::new("token")]);
    }
}
