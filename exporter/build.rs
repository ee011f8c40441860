//! Tells the crate which commit and which compiler it is built from, and lists the rule files that the binary carries.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    provenance();
    bundled_rules()
}

/// Commit and compiler as environment variables.
fn provenance() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let rustc = output(&rustc, &["--version"]);
    let rustc = rustc.as_deref().and_then(|line| line.split(' ').nth(1));
    println!(
        "cargo::rustc-env=SAKER_RUSTC={}",
        rustc.unwrap_or("unknown")
    );

    let revision = output("git", &["rev-parse", "--short=12", "HEAD"]);
    println!(
        "cargo::rustc-env=SAKER_REVISION={}",
        revision.as_deref().unwrap_or("unknown")
    );
    println!("cargo::rerun-if-changed=build.rs");
    // The log of HEAD grows with every commit and checkout; in a plain source archive there is none, and nothing to follow.
    if let Some(log) = output("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
}

/// The files of `rules/` as a list of names and contents.
fn bundled_rules() -> io::Result<()> {
    let rules = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("../rules");
    println!("cargo::rerun-if-changed={}", rules.display());
    let entries = fs::read_dir(&rules)?.map(|entry| Ok(entry?.path()));
    let mut files: Vec<PathBuf> = entries.collect::<io::Result<_>>()?;
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    let entry = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!(
            "(\"{name}\", include_str!({:?})),\n",
            path.display().to_string()
        )
    };
    let list: String = files.iter().map(entry).collect();
    fs::write(
        Path::new(&variable("OUT_DIR")?).join("rules.rs"),
        format!("&[\n{list}]\n"),
    )
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}

/// First line that a program prints, if it ran well.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}
