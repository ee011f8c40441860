//! Runs the binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a run of the binary left behind.
pub(crate) struct Run {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// Runs the binary in a directory.
pub(crate) fn saker_in(directory: &Path, args: &[&str]) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_saker"))
        .args(args)
        .current_dir(directory)
        .env_remove("NO_COLOR")
        .output()
        .expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Run {
        code: status.code().expect("the binary exits by itself"),
        out: text(stdout),
        err: text(stderr),
    }
}

/// Runs the binary at the root of the repository.
pub(crate) fn saker(args: &[&str]) -> Run {
    saker_in(&root(), args)
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
