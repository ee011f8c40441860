//! Tells the crate which commit and which compiler it is built from.

use std::env;
use std::process::Command;

fn main() {
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

/// First line that a program prints, if it ran well.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}
