//! Every event type that the base tier supplies, live: a program does the call for real, well and badly, by the 64-bit and the
//! 32-bit entry, and the whole agent tells of it.
//!
//! `events/calls.c` is the program; `events/calls64.txt` and `events/calls32.txt` are what the agent is to say of it, one line
//! an event: type and parameters, result, descriptor, path. `UPDATE=1` writes them anew, to be read before they are kept.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exporter_ebpf::syscall::NUMBERS;
use regex::{Captures, Regex};
use serde_json::{Value, json};

use crate::support::agent::{Agent, SAKER, field};

/// Event types that no probe makes.
const NOT_OF_THE_KERNEL: [&str; 1] = ["container"];

/// What a machine does all the time: watched in runs by themselves, for the agent is to miss nothing.
const BUSY: [&str; 12] = [
    "close", "fcntl", "mmap", "mmap2", "mprotect", "openat", "read", "readv", "recvfrom",
    "recvmsg", "write", "writev",
];

/// Event types that cannot succeed here, or do so under another name, and why.
const NEVER_SUCCEEDS: &[(&str, &str)] = &[
    ("execveat", "the new program is told of as execve"),
    ("init_module", "there is no module for the kernel at hand"),
    ("finit_module", "there is no module for the kernel at hand"),
    ("delete_module", "there is no module for the kernel at hand"),
];

/// Event types that cannot fail, or not without a limit of the whole process.
const NEVER_FAILS: &[(&str, &str)] = &[
    ("fork", "takes no argument"),
    ("vfork", "takes no argument"),
    ("eventfd", "takes every number"),
    ("inotify_init", "takes no argument"),
];

/// A process that is not there, as the program names it.
const NOBODY: i64 = 0x3f_ffff;

const FIELDS: &str = "%evt.type %evt.args %evt.res %evt.rawres %fd.num %fd.type %fd.name %fs.path.name \
                      %fs.path.source %fs.path.target %proc.pid %proc.ppid";

/// What the entry of the kernel is called in file names, and the compiler's flag for it.
const ENTRIES: &[(&str, &str)] = if cfg!(target_arch = "x86_64") {
    &[("64", "-m64"), ("32", "-m32")]
} else {
    &[("64", "-O1")]
};

/// The event types that `saker list events` says the base tier supplies.
fn supplied() -> Vec<String> {
    let output = Command::new(SAKER)
        .args(["list", "events", "--json"])
        .output();
    let listed: Vec<Value> =
        serde_json::from_slice(&output.expect("it runs").stdout).expect("it prints JSON");
    let supplied = listed.iter().filter(|event| event["tier"] == "base");
    supplied
        .filter_map(|event| event["name"].as_str())
        .filter(|name| !NOT_OF_THE_KERNEL.contains(name))
        .map(str::to_owned)
        .collect()
}

/// The compiler's definitions of system call numbers; an older form of a call, which has its name, ends in 16.
fn numbers(entry: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let numbers = NUMBERS.iter().filter_map(|call| {
        let numbers = if entry == "32" {
            call.compat
        } else {
            call.native
        };
        let older = if seen.insert((call.name, numbers.is_empty())) {
            ""
        } else {
            "16"
        };
        Some(format!("-DNR_{}{older}={}", call.name, numbers.first()?))
    });
    numbers.collect()
}

fn build(entry: &str, flag: &str, folder: &Path) -> PathBuf {
    let program = folder.join(format!("calls{entry}"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/events/calls.c");
    let output = Command::new("clang")
        .args([
            flag,
            "-O1",
            "-nostdlib",
            "-static",
            "-ffreestanding",
            "-fno-builtin",
        ])
        .arg("-fno-stack-protector")
        .args(numbers(entry))
        .arg(source)
        .arg("-o")
        .arg(&program)
        .output()
        .expect("clang is installed: the kernel programs need it too");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    program
}

/// What the agent said of a run of the program, as text that is equal for all runs.
fn transcript(agent: &mut Agent, program: &Path) -> String {
    let folder = program.with_extension("run");
    fs::create_dir(&folder).expect("the scratch folder is writable");
    let mut command = Command::new(program);
    command
        .current_dir(&folder)
        .env_clear()
        .process_group(0)
        .stdin(Stdio::null());
    let mut child = command.spawn().expect("it runs");
    let main = child.id();
    assert!(child.wait().expect("it ends").success());
    let path = program.to_str().expect("a UTF-8 path").to_owned();
    agent.wait_for_match("the program's end", |line| {
        line["output_fields"]["evt.type"] == "procexit" && *field(line, "proc.pid") == json!(main)
    });
    let lines = agent.matches(|line| {
        let cut = |name| field(line, name).as_i64();
        cut("proc.pid") == Some(main.into()) || cut("proc.ppid") == Some(main.into())
    });
    // Children wait for nobody: their lines come by themselves, in the order of their births.
    let pids: BTreeSet<i64> = lines
        .iter()
        .filter_map(|line| field(line, "proc.pid").as_i64())
        .filter(|pid| *pid != i64::from(main))
        .collect();
    let mut names = HashMap::from([(i64::from(main), "MAIN".to_owned())]);
    names.insert(std::process::id().into(), "PARENT".to_owned());
    for (number, pid) in (1..).zip(&pids) {
        names.insert(*pid, format!("CHILD{number}"));
    }
    let mut text = String::new();
    for pid in [i64::from(main)].iter().chain(&pids) {
        writeln!(text, "{}:", names[pid]).expect("to a string");
        for line in &lines {
            if field(line, "proc.pid").as_i64() == Some(*pid) {
                text.push_str(&shown(line, &names));
                text.push('\n');
            }
        }
    }
    fs::remove_dir_all(&folder).expect("its mounts went with it");
    let folder = folder.to_str().expect("a UTF-8 path");
    let scratch = program.parent().and_then(Path::to_str);
    // Root has what the machine, or the container that the tests run in, leaves it.
    text.replace(&format!("={}", capabilities()), "=ALL")
        .replace(folder, "WORK")
        .replace(&path, "PROGRAM")
        .replace(scratch.expect("a UTF-8 path"), "SCRATCH")
}

/// The capabilities of this process, as an event tells of those of the programs that it starts.
fn capabilities() -> String {
    let status = fs::read_to_string("/proc/self/status").expect("procfs is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let digits = line.expect("proc_pid_status(5) has it").trim();
    digits.trim_start_matches('0').to_owned()
}

/// One event as a line.
fn shown(line: &Value, names: &HashMap<i64, String>) -> String {
    let text = |name: &str| match field(line, name) {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "''".to_owned(),
        Value::String(text) => text.escape_debug().to_string(),
        other => other.to_string(),
    };
    let kind = text("evt.type");
    let mut shown = format!("{kind} {}", steady(&kind, &text("evt.args"), names));
    let result = steady(&kind, &format!("res={}", text("evt.rawres")), names);
    write!(shown, " | {} {result}", text("evt.res")).expect("to a string");
    if *field(line, "fd.num") != Value::Null {
        let (num, kind, name) = (text("fd.num"), text("fd.type"), text("fd.name"));
        write!(shown, " | fd {num} {kind} {name}").expect("to a string");
    }
    for name in ["fs.path.name", "fs.path.source", "fs.path.target"] {
        if *field(line, name) != Value::Null {
            let (_, short) = name.rsplit_once('.').expect("it has dots");
            write!(shown, " | {short} {}", text(name)).expect("to a string");
        }
    }
    shown
}

/// Parameters without what no two runs have in common: numbers of processes get names, those of other things become `#`.
fn steady(kind: &str, args: &str, names: &HashMap<i64, String>) -> String {
    // What is told of a process stands for itself; what is told of a file or of memory may be 0, for none.
    let mut always =
        "exe_ino|exe_ino_ctime|exe_ino_mtime|pidns_init_start_ts|cgroups|tty|loginuid".to_owned();
    let mut unless_none = "ino|arg".to_owned();
    let mut processes = "tid|pid|ptid|vpgid|pgid|vtid|vpid|reaper_tid".to_owned();
    match kind {
        "clone" | "clone3" | "fork" | "vfork" | "setsid" => processes.push_str("|res"),
        "mmap" | "mmap2" | "mprotect" => unless_none.push_str("|addr|res"),
        "mount" => {}
        _ => unless_none.push_str("|dev"),
    }
    always.push('|');
    always.push_str(&unless_none);
    let pattern = format!(r"\b({always})=([^ (]+)(\([^)]*\))?");
    let args =
        Regex::new(&pattern)
            .expect("a pattern")
            .replace_all(args, |found: &Captures<'_>| {
                let (name, value) = (&found[1], &found[2]);
                let is_error = found.get(3).is_some() && name == "res" || value.starts_with('-');
                let is_none = value == "0" && unless_none.split('|').any(|it| it == name);
                match is_error || is_none {
                    true => found[0].to_owned(),
                    false => format!("{name}=#"),
                }
            });
    let pattern = format!(r"\b({processes})=(\d+)");
    let args =
        Regex::new(&pattern)
            .expect("a pattern")
            .replace_all(&args, |found: &Captures<'_>| {
                let (name, number) = (&found[1], found[2].parse().unwrap_or(0));
                match names.get(&number) {
                    Some(process) => format!("{name}={process}"),
                    None if number == 0 || number == NOBODY => found[0].to_owned(),
                    None => format!("{name}=#"),
                }
            });
    let args = Regex::new(r"/{100,}")
        .expect("a pattern")
        .replace_all(&args, "/…");
    let args = Regex::new(r"(\./){100,}")
        .expect("a pattern")
        .replace_all(&args, "./…");
    args.into_owned()
}

/// A rule that tells of these events of programs in a folder.
fn rule(events: &[&str], folder: &Path) -> String {
    format!(
        "- rule: Any call\n  desc: All that the program does.\n  condition: evt.type in ({}) and proc.exepath startswith {}\n  \
         output: \"{FIELDS}\"\n  priority: NOTICE\n  warn_evttypes: false\n",
        events.join(", "),
        folder.display()
    )
}

/// Runs the program under an agent that watches these events, and the end of processes.
fn watch(program: &Path, events: &[&str]) -> String {
    let folder = program.parent().expect("a scratch folder");
    // Not beside what is built: the agent looks at its rules again when their folder changes.
    let rules = tempfile::tempdir().expect("a scratch folder");
    let file = rules.path().join("rules.yaml");
    let events = [events, &["procexit"]].concat();
    fs::write(&file, rule(&events, folder)).expect("the scratch folder is writable");
    // Room for all that the machine reads and writes until the program is done.
    let config = json!({ "rules": [file], "runtimes": [], "ring_bytes": 256 << 20 });
    let mut agent = Agent::start_configured(&config);
    transcript(&mut agent, program)
}

#[test]
fn every_supplied_event_type_is_told_of_as_it_happened() {
    let supplied = supplied();
    let is_busy = |name: &&str| BUSY.contains(name);
    let (busy, calm): (Vec<_>, Vec<_>) = supplied.iter().map(String::as_str).partition(is_busy);
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let mut seen = String::new();
    let mut wrong = Vec::new();
    for (entry, flag) in ENTRIES {
        let program = build(entry, flag, scratch.path());
        let text = watch(&program, &calm) + &watch(&program, &busy);
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/e2e/events/calls{entry}.txt"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &text).expect("the folder is there");
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        for (at, (expected, got)) in expected.lines().zip(text.lines()).enumerate() {
            if expected != got {
                wrong.push(format!(
                    "calls{entry}.txt:{}\n  is  {got}\n  not {expected}",
                    at + 1
                ));
            }
        }
        assert_eq!(
            text.lines().count(),
            expected.lines().count(),
            "{}",
            wrong.join("\n")
        );
        seen.push_str(&text);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for name in &supplied {
        assert_covered(name, &seen);
    }
}

/// An event type is in the transcripts, as something that went well and as something that did not. Those without a result
/// are there.
fn assert_covered(name: &str, seen: &str) {
    let lines: Vec<_> = seen
        .lines()
        .filter(|line| line.split(' ').next() == Some(name))
        .collect();
    let told = |line: &&&str| !line.contains(" | - res=-");
    let failed = |line: &&&str| line.contains(" res=-");
    let listed = |exempt: &[(&str, &str)]| exempt.iter().any(|(exempted, _)| *exempted == name);
    assert!(!lines.is_empty(), "{name} has no live case");
    if lines.iter().any(|line| told(&line)) {
        let failures = lines.iter().filter(told).filter(failed).count();
        let successes = lines.len() - failures;
        assert_eq!(
            failures == 0,
            listed(NEVER_FAILS),
            "{name}: {failures} failures"
        );
        assert_eq!(
            successes == 0,
            listed(NEVER_SUCCEEDS),
            "{name}: {successes} successes"
        );
    }
}
