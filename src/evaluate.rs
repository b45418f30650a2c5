//! `scorecard evaluate`: documents in, verdicts out; no log, no server.

mod envelope;

use std::{
    collections::BTreeSet,
    io::{BufRead, Read, stdin},
};

use anyhow::{Context, Result, bail, ensure};
use compliance::{Parsed, Relatives, Standard, judge};
use producer_standard::Layer;
use schemas::Resource;
use serde_json::json;

use crate::{instant::instant, output::say, site::now_ms};

/// Judges documents from standard input; prints one JSON object a verdict
///
/// Each line is one document in the envelope of AWS Config: awsAccountId, awsRegion, resourceType,
/// resourceId, configuration, supplementaryConfiguration, and perhaps resourceName, ARN, tags,
/// errors and truncated. The accounts of all documents know each other.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A layer of the standard: a folder, or `shipped` for what the program carries; given several
    /// times, each may change what is before it
    #[arg(long, value_name = "LAYER", default_value = "shipped")]
    standard: Vec<Layer>,
    /// The instant of evaluation (RFC 3339) or day; now when absent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<i64>,
    /// An account that is known besides those of the documents; may be given several times
    #[arg(long = "known-account", value_name = "ID")]
    known_accounts: Vec<String>,
    /// Take the documents for all that their accounts have: what is not there does not exist
    ///
    /// Without it, a rule that asks about other resources of an account knows nothing of a type of
    /// which there is no document.
    #[arg(long)]
    whole: bool,
    /// Only this requirement; may be given several times
    #[arg(long = "requirement", value_name = "ID")]
    requirements: Vec<String>,
}

/// Bytes of a document's line: sixteen times what the log takes as one record.
const LINE_BYTES_MAX: u64 = 16 << 20;

struct Known(BTreeSet<String>);

impl rules::Context for Known {
    fn is_known_account(&self, account_id: &str) -> bool {
        self.0.contains(account_id)
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let standard = load(args)?;
    let at_ms = args.at.unwrap_or_else(now_ms);
    let (documents, broken) = read(stdin().lock())?;
    let own = documents.iter().map(|resource| resource.account.clone());
    let known = Known(own.chain(args.known_accounts.iter().cloned()).collect());
    let relatives = relatives(&standard, &documents, args.whole);
    for resource in &documents {
        let judged = Parsed::of(resource);
        for entry in standard.concerning(&resource.resource_type) {
            let related = relatives.of(entry, &judged);
            for (part, row) in judge(entry, &judged, &related, &known, at_ms) {
                let line = json!({
                    "requirement": entry.requirement.id,
                    "account": resource.account,
                    "region": resource.region,
                    "resource": resource.id,
                    "part": part,
                    "verdict": row.verdict,
                    "evidence": row.evidence,
                });
                say!("{line}")?;
            }
        }
    }
    match broken {
        0 => Ok(()),
        1 => bail!("1 line of standard input is no document; the others were judged"),
        count => bail!("{count} lines of standard input are no documents; the others were judged"),
    }
}

/// Gathers what rules may ask about others; of which types all is at hand, says the user.
fn relatives(standard: &Standard, documents: &[Resource], whole: bool) -> Relatives {
    let mut relatives = Relatives::default();
    let asked: BTreeSet<&str> = standard
        .all()
        .flat_map(|entry| entry.relations())
        .map(|relation| &*relation.resource_type)
        .collect();
    for resource in documents {
        relatives.add(standard, resource);
        relatives.collected(&resource.account, &resource.resource_type);
        if whole {
            asked.iter().for_each(|kind| relatives.collected(&resource.account, kind));
        }
    }
    relatives
}

fn load(args: &Args) -> Result<Standard> {
    let loaded = producer_standard::load(&args.standard)?;
    for problem in &loaded.problems {
        eprintln!("{problem}");
    }
    if !loaded.problems.is_empty() {
        bail!("the standard is not in order; `scorecard test` says more");
    }
    let mut standard = Standard::default();
    for requirement in loaded.requirements {
        if args.requirements.is_empty() || args.requirements.contains(&requirement.id) {
            standard.insert(requirement);
        }
    }
    let missing = args.requirements.iter().find(|id| standard.get(id).is_none());
    if let Some(id) = missing {
        bail!("the standard has no requirement {id}");
    }
    Ok(standard)
}

/// Reads documents; gives the number of lines that are none, each of which is told.
fn read(mut input: impl BufRead) -> Result<(Vec<Resource>, usize)> {
    let mut documents = Vec::new();
    let mut broken = 0;
    let mut line = Vec::new();
    for at in 0.. {
        line.clear();
        let read = input.by_ref().take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line);
        if read.context("reading standard input")? == 0 {
            break;
        }
        let is_short = line.len() as u64 <= LINE_BYTES_MAX;
        ensure!(is_short, "line {} has more than {LINE_BYTES_MAX} bytes", at + 1);
        if line.trim_ascii().is_empty() {
            continue;
        }
        match envelope::read(&line) {
            Ok(resource) => documents.push(resource),
            Err(error) => {
                broken += 1;
                eprintln!("line {}: {error}", at + 1);
            }
        }
    }
    Ok((documents, broken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_never_ends_is_refused() {
        let document =
            r#"{"awsAccountId":"1","resourceType":"T","resourceId":"i","configuration":{}}"#;
        let text = format!("{document}\n\nx\n{document}");
        let (documents, broken) = read(text.as_bytes()).unwrap();
        assert_eq!((documents.len(), broken), (2, 1));
        let endless = format!("{document}\n").into_bytes();
        let endless = std::io::BufReader::new(endless.as_slice().chain(std::io::repeat(b'x')));
        let error = read(endless).unwrap_err();
        assert_eq!(error.to_string(), "line 2 has more than 16777216 bytes");
    }
}
