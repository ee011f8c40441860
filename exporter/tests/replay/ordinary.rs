//! The bundled rules over a recording of ordinary work: they have nothing to say.
//!
//! In: a capture of what `scripts/ordinary-work` does, which REMAKE=1 makes anew: as root, with Debian package debootstrap
//! and the network; takes minutes. What the same program does again to the same files is left out of it. Out: the lines, if there are any, as the test's failure.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exporter_ebpf::record::Record;

use crate::remake;
use crate::{is_set, replay_of, tests};

const CAPTURE: &str = "captures/ordinary.capture";
/// Where the work is done: always at the same place, since paths are in the records.
const FOLDER: &str = "/tmp/saker-ordinary";

/// Accounts of the Debian that the work is done in, as far as rules ask for them.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
    daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
    man:x:6:12:man:/var/cache/man:/usr/sbin/nologin\n\
    www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n\
    _apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n\
    alice:x:1000:1000::/home/alice:/bin/bash\n\
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nshadow:x:42:\nalice:x:1000:\nnogroup:x:65534:\n";

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/ordinary-work")
}

/// Records anew what the bundled rules look at.
fn remake_capture() {
    let _ = fs::remove_dir_all(FOLDER);
    let prepared = Command::new(script()).args(["prepare", FOLDER]).status();
    assert!(prepared.expect("a shell script").success());
    let whole = Path::new(FOLDER).join("whole.capture");
    let first_pid = remake::record(&whole, &[], || {
        let mut work = Command::new(script())
            .args(["run", FOLDER])
            .env("HOME", "/root")
            .spawn()
            .expect("a shell script");
        let pid = work.id();
        assert!(work.wait().expect("a child").success(), "see {FOLDER}/log");
        pid
    });
    let capture = tests().join(CAPTURE);
    let mut thinning = Thinning::default();
    remake::rewrite(&whole, &capture, first_pid, (PASSWD, GROUP), |record| {
        thinning.keeps(record)
    });
    fs::remove_dir_all(FOLDER).expect("made above");
}

/// Where thousands of files lie that differ in nothing but their names: one of each directory will do.
const BULK: [&str; 9] = [
    "/usr/share/",
    "/usr/lib/",
    "/usr/include/",
    "/proc/",
    "/sys/",
    "/.git/",
    "/overlay2/",
    "/dpkg/",
    "/containers/",
];

/// Process id and start.
type Actor = (u32, u64);

/// What has been seen of which program.
#[derive(Default)]
struct Thinning {
    programs: HashMap<Actor, String>,
    seen: HashSet<String>,
}

impl Thinning {
    /// Whether this tells something new: processes always, and else the first time that a program of this descent makes this
    /// call on this file.
    fn keeps(&mut self, record: &Record) -> bool {
        let header = record.header();
        let actor = (header.pid, header.start_boot_ns);
        let program = self.programs.get(&actor).cloned().unwrap_or_default();
        let files = match record {
            Record::Fork(fork) => {
                let child = &fork.fixed.process;
                self.programs
                    .insert((child.pid, child.start_boot_ns), program);
                return true;
            }
            Record::Exec(exec) => {
                let parent = program.split(" < ").next().unwrap_or("").to_owned();
                let path = String::from_utf8_lossy(exec.exe.bytes);
                self.programs.insert(actor, format!("{path} < {parent}"));
                return true;
            }
            Record::Open(open) => format!(
                "open {}{}",
                name(open.requested.bytes),
                name(open.effective.bytes)
            ),
            Record::Syscall(call) => format!(
                "{:?} {}{}{}{}",
                call.fixed.call,
                name(call.path.bytes),
                name(call.path2.bytes),
                name(call.target.bytes),
                name(call.text.bytes)
            ),
            _ => return true,
        };
        self.seen.insert(format!("{program}: {files}"))
    }
}

/// A file without what is different each time.
fn name(path: &[u8]) -> String {
    let path = String::from_utf8_lossy(path);
    let is_bulk = BULK.iter().any(|below| path.contains(below));
    let path = match path.rsplit_once('/') {
        Some((directory, _)) if is_bulk => directory,
        _ => &path,
    };
    path.chars().filter(|one| !one.is_ascii_digit()).collect()
}

#[test]
fn ordinary_work_matches_no_bundled_rule() {
    if is_set("REMAKE") {
        remake_capture();
    }
    let exposition = replay_of(CAPTURE, None, &["--output", "none", "--metrics"]);
    // What is not there cannot make a noise.
    let events = |kind: &str| {
        let prefix = format!("saker_events_total{{type=\"{kind}\"}} ");
        let line = exposition
            .lines()
            .find_map(|line| line.strip_prefix(&prefix));
        line.and_then(|count| count.parse::<u64>().ok())
            .unwrap_or(0)
    };
    for (kind, least) in [
        ("execve", 1000),
        ("openat", 10_000),
        ("fchmodat", 10),
        ("setns", 1),
    ] {
        assert!(events(kind) >= least, "{kind}: {exposition}");
    }
    let lines = replay_of(CAPTURE, None, &[]);
    let first: String = lines.lines().take(20).collect();
    assert!(lines.is_empty(), "{} lines: {first}", lines.lines().count());
}
