//! The bundled rules over a recording of ordinary work: they have nothing to say.
//!
//! In: a capture of what `scripts/ordinary-work` does, which REMAKE=1 makes anew: as root, with Debian package debootstrap
//! and the network; takes minutes. Out: the lines, if there are any, as the test's failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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
    remake::rewrite(&whole, &capture, first_pid, (PASSWD, GROUP), |_| true);
    fs::remove_dir_all(FOLDER).expect("made above");
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
