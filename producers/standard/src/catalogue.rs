//! Knows the checks and controls of outside tools, so that one that does not exist is a fault.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The ids that one version of a tool has.
pub(crate) struct Catalogue {
    /// The tool and its version, for people.
    pub(crate) version: &'static str,
    ids: BTreeSet<&'static str>,
}

impl Catalogue {
    /// Tells whether there is such an id; case matters.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Reads a catalogue: lines of ids, after lines of `#` whose first one says the version. What
    /// stands behind a tab is for those who read reports.
    fn read(text: &'static str) -> Self {
        let comment = |line: &&str| line.starts_with('#');
        let first = text.lines().next().unwrap_or_default();
        let version = first.strip_prefix("# Version: ").unwrap_or(first);
        let lines = text.lines().filter(|line| !comment(line) && !line.is_empty());
        let id = |line: &'static str| line.split('\t').next().unwrap_or_default();
        Self { version, ids: lines.map(id).collect() }
    }
}

macro_rules! catalogue {
    ($file:literal) => {{
        static READ: LazyLock<Catalogue> =
            LazyLock::new(|| Catalogue::read(include_str!(concat!("../catalogue/", $file))));
        &*READ
    }};
}

/// Gives the checks of a source of findings; none of a source that is a company's own.
pub(crate) fn of_source(source: &str) -> Option<&'static Catalogue> {
    Some(match source {
        "cloudsploit" => catalogue!("cloudsploit.txt"),
        "prowler" => catalogue!("prowler.txt"),
        "securityhub" => catalogue!("securityhub.txt"),
        "trustedadvisor" => catalogue!("trustedadvisor.txt"),
        _ => return None,
    })
}

/// Gives the recommendations of the CIS AWS Foundations Benchmark.
pub(crate) fn cis() -> &'static Catalogue {
    catalogue!("cis.txt")
}

/// Gives the controls of AWS FSBP, which are Security Hub's.
pub(crate) fn fsbp() -> &'static Catalogue {
    catalogue!("securityhub.txt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_is_read_whole() {
        let read = Catalogue::read("# Version: tool 1\n# From there\na\tOne\n\nb.1\n");
        assert_eq!((read.version, read.ids), ("tool 1", BTreeSet::from(["a", "b.1"])));
    }

    #[test]
    fn the_files_are_sorted_and_say_their_version() {
        let texts = [
            include_str!("../catalogue/cis.txt"),
            include_str!("../catalogue/cloudsploit.txt"),
            include_str!("../catalogue/prowler.txt"),
            include_str!("../catalogue/securityhub.txt"),
            include_str!("../catalogue/trustedadvisor.txt"),
        ];
        for text in texts {
            assert!(text.starts_with("# Version: "), "{text}");
            let ids: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
            assert!(ids.is_sorted() && ids.len() > 50, "{ids:?}");
        }
    }

    #[test]
    fn a_companys_own_source_has_no_catalogue() {
        assert!(of_source("our-scripts").is_none());
        assert!(of_source("prowler").is_some_and(|known| known.has("iam_root_mfa_enabled")));
        assert!(of_source("cloudsploit").is_some_and(|known| !known.has("openssh")));
        assert!(cis().has("1.14") && fsbp().has("IAM.3"));
    }
}
