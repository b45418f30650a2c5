//! What releases wrote: the schemas by which their records are read when no registry is there.

/// Every file of `avsc/released/`, sorted; a test holds the list complete.
pub(crate) const RELEASED: &[&str] = &[
    include_str!("../avsc/released/0.1.0/account.listing.avsc"),
    include_str!("../avsc/released/0.1.0/account.register.avsc"),
    include_str!("../avsc/released/0.1.0/account.state.avsc"),
    include_str!("../avsc/released/0.1.0/alert.state.avsc"),
    include_str!("../avsc/released/0.1.0/compliance.change.avsc"),
    include_str!("../avsc/released/0.1.0/compliance.state.avsc"),
    include_str!("../avsc/released/0.1.0/contribution.avsc"),
    include_str!("../avsc/released/0.1.0/exception.avsc"),
    include_str!("../avsc/released/0.1.0/mail.outbox.avsc"),
    include_str!("../avsc/released/0.1.0/observation.avsc"),
    include_str!("../avsc/released/0.1.0/report.avsc"),
    include_str!("../avsc/released/0.1.0/requirement.avsc"),
    include_str!("../avsc/released/0.1.0/resource.change.avsc"),
    include_str!("../avsc/released/0.1.0/resource.state.avsc"),
    include_str!("../avsc/released/0.1.0/rollup.state.avsc"),
    include_str!("../avsc/released/0.1.0/scan.unit.avsc"),
    include_str!("../avsc/released/0.1.0/score.history.avsc"),
    include_str!("../avsc/released/0.1.0/score.state.avsc"),
    include_str!("../avsc/released/0.1.0/spend.avsc"),
    include_str!("../avsc/released/0.1.0/tick.avsc"),
    include_str!("../avsc/released/0.1.0/trust.state.avsc"),
];

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder of releases");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] }).collect()
    }

    #[test]
    fn every_file_of_a_release_is_listed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("avsc/released");
        let mut files = files(&root);
        files.sort();
        assert!(!files.is_empty(), "no release");
        let texts: Vec<_> = files.iter().map(|f| fs::read_to_string(f).expect("a file")).collect();
        for (file, text) in files.iter().zip(&texts) {
            assert!(
                RELEASED.contains(&text.as_str()),
                "include_str!({}) is missing",
                file.display()
            );
        }
        assert_eq!(RELEASED, texts, "sorted, each once");
    }
}
