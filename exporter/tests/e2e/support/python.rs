//! Programs in Python, and packages that `make services` installs for them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `make test` has put there.
pub(crate) fn installed(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/receivers")
        .join(name);
    assert!(
        path.exists(),
        "{} is not there; `make services` installs it",
        path.display()
    );
    path
}

/// Reads a file of matches as what consumes Falco's JSON does, validates it against the published schema, and says how many
/// lines it has.
pub(crate) fn consume(lines: &Path) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(installed("bin/python"))
        .arg(root.join("tests/e2e/support/falco_consumer.py"))
        .arg(root.join("../docs/match.schema.json"))
        .stdin(File::open(lines).expect("a file of matches"))
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let count = String::from_utf8_lossy(&output.stdout);
    count.trim().parse().expect("a number of lines")
}
