//! A control group that bounds the memory of our worker, as a container does.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};

/// Where control groups are: of the old kind one tree for memory, of the new kind one for all.
///
/// Source: the Linux kernel's documentation, `cgroup-v1/memory` and `cgroup-v2`.
const TREES: [(&str, &str, &str); 2] = [
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
    ("/sys/fs/cgroup", "memory.max", "memory.peak"),
];

/// A control group; it is removed with its last owner.
#[derive(Clone, Debug)]
pub(crate) struct MemoryGroup(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    peak: &'static str,
}

impl MemoryGroup {
    /// Makes a group that may hold so many bytes, blocks of files that it has read included.
    pub(crate) fn make(bytes: u64) -> Result<Self> {
        let tree = TREES.iter().find(|(tree, limit, _)| has(Path::new(tree), limit));
        let (tree, limit, peak) = tree.context("this machine has no control groups for memory")?;
        let path = Path::new(tree).join(format!("scorecard-bench-{}", std::process::id()));
        fs::create_dir(&path)
            .with_context(|| format!("making the control group {} (needs root)", path.display()))?;
        let folder = Folder { path, peak };
        fs::write(folder.path.join(limit), bytes.to_string()).context("limiting memory")?;
        Ok(Self(Arc::new(folder)))
    }

    /// Takes a process in.
    pub(crate) fn take(&self, pid: u32) -> Result<()> {
        let list = self.0.path.join("cgroup.procs");
        fs::write(list, pid.to_string()).context("putting our worker into its control group")
    }

    /// Gives the most bytes that it held so far.
    pub(crate) fn peak(&self) -> Result<u64> {
        let path = self.0.path.join(self.0.peak);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()));
        text?.trim().parse().context("reading a control group's memory")
    }
}

/// Whether groups below a folder have a file: it is made with the group.
fn has(tree: &Path, limit: &str) -> bool {
    tree.join(limit).exists() || (limit == "memory.max" && tree.join("cgroup.controllers").exists())
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Its processes are gone by now; where one lingers, the empty group costs nothing.
        let _ = fs::remove_dir(&self.path);
    }
}
