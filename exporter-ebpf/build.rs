//! Compiles the kernel programs with clang, one object for each `src/bpf/*.bpf.c`.
//!
//! In: `$CLANG` if set, else the first of `clang`, `clang-22`, … that runs. Out: `$OUT_DIR/<name>.bpf.o`.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Versions that Debian and its kin install under a name of their own, newest first.
const VERSIONS: std::ops::RangeInclusive<u32> = 14..=22;

/// What is compiled: `src/bpf/NAME.bpf.c`.
const OBJECTS: [&str; 2] = ["base", "scan"];

fn main() {
    println!("cargo::rerun-if-changed=src/bpf");
    println!("cargo::rerun-if-env-changed=CLANG");
    if let Err(message) = build() {
        println!("cargo::error={message}");
        std::process::exit(1);
    }
}

fn build() -> Result<(), String> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let sources = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("src/bpf");
    let arch = match variable("CARGO_CFG_TARGET_ARCH")?.as_str() {
        "x86_64" => "x86",
        "aarch64" => "arm64",
        other => {
            return Err(format!(
                "no kernel programs for {other}: x86_64 and aarch64 are supported"
            ));
        }
    };
    let clang = find_clang()?;
    for name in OBJECTS {
        let object = out.join(format!("{name}.bpf.o"));
        compile(&clang, arch, &sources, &format!("{name}.bpf.c"), &object)?;
    }
    Ok(())
}

fn compile(
    clang: &str,
    arch: &str,
    sources: &Path,
    source: &str,
    object: &Path,
) -> Result<(), String> {
    // Compiled in place and by relative names, so that no path of this machine ends up in the object.
    let output = Command::new(clang)
        .current_dir(sources)
        .args([
            "-target", "bpfel", "-mcpu=v3", "-O2", "-g", "-Wall", "-Wextra", "-Werror",
        ])
        .args(["-fdebug-compilation-dir=.", "-nostdinc"])
        .arg(format!("-D__TARGET_ARCH_{arch}"))
        .args(["-c", source, "-o"])
        .arg(object)
        .output()
        .map_err(|error| format!("could not run {clang}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{clang} could not compile {source}: {}",
        log.trim().replace('\n', "\ncargo::error=")
    ))
}

fn find_clang() -> Result<String, String> {
    let named = env::var("CLANG").ok();
    let candidates: Vec<String> = match named {
        Some(clang) => vec![clang],
        None => std::iter::once("clang".to_owned())
            .chain(VERSIONS.rev().map(|version| format!("clang-{version}")))
            .collect(),
    };
    candidates.iter().find(|clang| runs(clang)).cloned().ok_or_else(|| {
        format!(
            "the kernel programs need clang and {} does not run: install the package clang (Debian: apt-get install clang) or set CLANG to the compiler's path",
            candidates.first().map_or("clang", String::as_str)
        )
    })
}

fn runs(clang: &str) -> bool {
    Command::new(clang)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set: this program is run by cargo"))
}
