//! What tests and benchmarks of several crates share. Nothing that ships depends on it.

pub mod allocations;
pub mod notifications;
pub mod page;
pub mod rootfs;
pub mod time;

use std::path::PathBuf;

/// The folder with Falco's own rule files, which are not part of this project: `SAKER_COMPAT_RULES` names it. Without it what
/// needs them does not run, and that is said aloud.
pub fn falco_rules() -> Option<PathBuf> {
    let folder = std::env::var_os("SAKER_COMPAT_RULES").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("DID NOT RUN: SAKER_COMPAT_RULES names no folder with Falco's rule files");
    }
    folder
}

/// The files in the folder of [`falco_rules`], by name.
pub fn falco_files() -> Option<Vec<PathBuf>> {
    let folder = falco_rules()?;
    let entries = std::fs::read_dir(&folder).expect("the folder can be read");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no rule files", folder.display());
    Some(files)
}
