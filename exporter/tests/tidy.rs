//! Holds the source to its own map: who may import whom, how long a file may be, and that what the texts name is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

/// The rooms of the agent and the rooms that each may import. ARCHITECTURE.md gives the reasons.
const ROOMS: [(&str, &[&str]); 15] = [
    ("sys", &[]),
    ("metrics", &["sys"]),
    ("config", &[]),
    ("bundled", &[]),
    ("rules", &["bundled", "config"]),
    ("probe", &["config", "metrics", "sys"]),
    ("event", &[]),
    ("state", &["event", "metrics", "sys"]),
    ("runtime", &["event", "config", "metrics", "sys"]),
    ("detect", &["config", "event", "output", "metrics"]),
    ("output", &["config", "metrics"]),
    (
        "pipeline",
        &["event", "state", "detect", "output", "metrics"],
    ),
    ("http", &["metrics", "config"]),
    ("top", &["http", "sys"]),
    ("selftest", &["detect", "http", "state", "sys"]),
];
/// Where everything comes together: they may import all, and nobody imports them.
const TOPS: [&str; 4] = ["app", "cli", "lib", "main"];

/// Crates that belong to certain rooms.
const CRATES: [(&str, &[&str]); 21] = [
    ("aya", &["probe"]),
    ("flate2", &["http", "output"]),
    ("futures_util", &["runtime"]),
    ("hyper", &["config", "http", "output", "runtime"]),
    ("hyper_rustls", &["output"]),
    ("hyper_util", &["http", "output", "runtime"]),
    ("k8s_openapi", &["runtime"]),
    ("kube", &["runtime"]),
    ("opentelemetry", &["output"]),
    ("opentelemetry_http", &["output"]),
    ("opentelemetry_otlp", &["output"]),
    ("opentelemetry_proto", &["output"]),
    ("opentelemetry_sdk", &["output"]),
    ("prometheus_client", &["metrics"]),
    ("prost", &["metrics", "output", "runtime"]),
    ("ratatui", &["top"]),
    ("rustls", &["http", "output"]),
    (
        "tokio",
        &[
            "app", "cli", "http", "output", "runtime", "selftest", "sys", "top",
        ],
    ),
    ("tokio_rustls", &["http"]),
    ("tonic", &["output"]),
    ("tonic_types", &["output"]),
];

/// What the rule language must be able to live without.
const FOREIGN_TO_RULES: [&str; 5] = ["aya", "tokio", "hyper", "rustix", "exporter-ebpf"];

const FILE_LINES_MAX: usize = 800;

fn root() -> PathBuf {
    let exporter = Path::new(env!("CARGO_MANIFEST_DIR"));
    exporter
        .parent()
        .expect("the crate lies in the workspace")
        .to_owned()
}

/// All files below a folder with one of these extensions, without hidden folders and what is built.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the source") {
            let path = entry.expect("a readable folder").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or("");
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    open.push(path);
                }
            } else if path
                .extension()
                .is_some_and(|is| extensions.iter().any(|wanted| is == *wanted))
            {
                found.push(path);
            }
        }
    }
    assert!(
        !found.is_empty(),
        "no {extensions:?} below {}",
        folder.display()
    );
    found
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names that follow `PREFIX::`, also in braces, outside comments.
fn imported(code: &str, prefix: &str) -> BTreeSet<String> {
    let code = regex(r"(?m)//.*$").replace_all(code, "");
    let path = regex(&format!(r"\b{prefix}::(?:([a-z_]\w*)|\{{)"));
    let words = regex(r"[a-z_]\w*|[{},]|[A-Z]\w*|::");
    let mut names = BTreeSet::new();
    for found in path.captures_iter(&code) {
        if let Some(name) = found.get(1) {
            names.insert(name.as_str().to_owned());
            continue;
        }
        // The first word of each element of the group, however deep its own groups go.
        let (mut depth, mut first) = (0, true);
        let group = &code[found.get(0).expect("the whole match").end()..];
        for word in words.find_iter(group).map(|word| word.as_str()) {
            match word {
                "{" => depth += 1,
                "}" if depth == 0 => break,
                "}" => depth -= 1,
                "," => first = depth == 0,
                name => {
                    if first && depth == 0 {
                        names.insert(name.to_owned());
                    }
                    first = false;
                }
            }
        }
    }
    names
}

/// The room of a source file of the agent, and its code without tests.
fn rooms() -> Vec<(String, PathBuf, String)> {
    let source = root().join("exporter/src");
    let is_test = |path: &Path| {
        path.components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
    };
    files(&source, &["rs"])
        .into_iter()
        .filter_map(|path| {
            let inside = path
                .strip_prefix(&source)
                .expect("found below it")
                .to_owned();
            if is_test(&inside) {
                return None;
            }
            let first = inside.components().next()?.as_os_str().to_str()?.to_owned();
            let room = first.trim_end_matches(".rs").to_owned();
            let code = read(&path);
            let code = code
                .split("#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or("")
                .to_owned();
            Some((room, inside, code))
        })
        .collect()
}

#[test]
fn imports_are_found_in_every_form() {
    for (code, expected) in [
        ("use crate::event::model::Event;", &["event"][..]),
        (
            "use crate::{event::{self, decode::Raw}, state};",
            &["event", "state"],
        ),
        ("let x = crate::sys::clock::now(); // crate::http", &["sys"]),
        (
            "use crate::{\n    detect::Detector,\n    output::{Queue, OwnedMatch},\n};",
            &["detect", "output"],
        ),
        ("use mycrate::event;", &[]),
    ] {
        let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(imported(code, "crate"), expected, "{code}");
    }
}

#[test]
fn rooms_import_only_what_the_map_allows() {
    let mut faults = Vec::new();
    for (room, path, code) in rooms() {
        if TOPS.contains(&room.as_str()) {
            continue;
        }
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            faults.push(format!("{}: no room {room} on the map", path.display()));
            continue;
        };
        for name in imported(&code, "crate") {
            let known =
                TOPS.contains(&name.as_str()) || ROOMS.iter().any(|(room, _)| *room == name);
            if known && name != room && !allowed.contains(&name.as_str()) {
                faults.push(format!("{}: {room} must not import {name}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn crates_are_used_only_in_their_rooms() {
    let mut faults = Vec::new();
    for (room, path, code) in rooms() {
        for (name, allowed) in CRATES {
            if !allowed.contains(&room.as_str()) && !imported(&code, name).is_empty() {
                faults.push(format!("{}: {room} must not use {name}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn rule_engine_stands_alone() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            "rule-engine",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        // The tests may run as root, whose path need not have a compiler.
        .env("RUSTC", Path::new(env!("CARGO")).with_file_name("rustc"))
        .current_dir(root())
        .output()
        .expect("cargo has built this test");
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(tree.starts_with("rule-engine "), "{tree}");
    for line in tree.lines() {
        let name = line.split(' ').next().unwrap_or("");
        assert!(
            !FOREIGN_TO_RULES.contains(&name),
            "rule-engine depends on {line}"
        );
    }
}

#[test]
fn files_are_short_enough_to_read() {
    let mut faults = Vec::new();
    for path in files(&root(), &["rs", "c", "h"]) {
        let lines = read(&path).lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!(
                "{}: {lines} lines, {FILE_LINES_MAX} at most",
                path.display()
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_says_what_it_does() {
    let mut faults = Vec::new();
    for path in files(&root(), &["rs"]) {
        if !read(&path).starts_with("//! ") {
            faults.push(format!("{}: no opening sentence", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_the_map_names_is_there() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let source: String = files(&root(), &["rs", "c", "h"])
        .iter()
        .map(|path| read(path))
        .collect();
    let path_form =
        regex(r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]*)+$|^[A-Za-z0-9_.-]+\.(rs|c|h|md|toml|yaml)$");
    let type_form = regex(r"^(?:[a-z_]+::)*([A-Z][a-z]\w*)$");
    let (mut named, mut faults) = (0, Vec::new());
    for found in regex("`([^`\n]+)`").captures_iter(&map) {
        let name = &found[1];
        if path_form.is_match(name) {
            named += 1;
            if !root().join(name).exists() {
                faults.push(format!("{name} is not there"));
            }
        } else if let Some(found) = type_form.captures(name) {
            named += 1;
            let defined = regex(&format!(r"\b(struct|enum|trait|type) {}\b", &found[1]));
            if !defined.is_match(&source) {
                faults.push(format!("{name} is not defined"));
            }
        }
    }
    assert!(faults.is_empty(), "ARCHITECTURE.md: {}", faults.join(", "));
    assert!(named > 20, "the map names {named} files and types");
}

/// The names by which sections of a page are linked to: of each heading its words, joined, and numbered where it comes again.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut in_block = false;
    for line in page.lines() {
        in_block ^= line.starts_with("```");
        let heading = line.trim_start_matches('#');
        if in_block || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().chars().filter_map(|char| match char {
            ' ' => Some('-'),
            '-' | '_' => Some(char),
            char => char.is_alphanumeric().then_some(char),
        });
        let name = kept.collect::<String>().to_lowercase();
        let mut numbered = name.clone();
        let mut number = 0;
        while !anchors.insert(numbered) {
            number += 1;
            numbered = format!("{name}-{number}");
        }
    }
    anchors
}

#[test]
fn links_lead_somewhere() {
    let mut faults = Vec::new();
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for path in files(&root(), &["md"]) {
        let folder = path.parent().expect("a file lies in a folder");
        let page = read(&path);
        for found in link.captures_iter(&page) {
            if found[1].contains("://") || found[1].starts_with("mailto:") {
                continue;
            }
            let (target, anchor) = found[1].split_once('#').unwrap_or((&found[1], ""));
            let target = match target {
                "" => path.clone(),
                target => folder.join(target),
            };
            if !target.exists() {
                faults.push(format!("{}: {} is not there", path.display(), &found[1]));
            } else if !anchor.is_empty() && !anchors(&read(&target)).contains(anchor) {
                faults.push(format!("{}: no section {}", path.display(), &found[1]));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
