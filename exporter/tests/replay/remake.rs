//! Records the capture of this test: the real agent on the real kernel, and a container in which things are done.
//!
//! In: root. Out: a capture that holds what the container did and nothing else of the machine that it was made on: other
//! processes are left out, and names of host and users, kernel and time are always the same.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use exporter::event::capture::{CaptureReader, CaptureWriter, Host, Item};
use exporter_ebpf::record::{Counters, Record};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Processes of the burst.
pub(crate) const BURST: usize = 50;

/// The container's cgroup is named as Docker names it.
const CONTAINER: &str = "docker/5aceb00c5aceb00c5aceb00c5aceb00c5aceb00c5aceb00c5aceb00c5aceb00c";
/// Where its files are: always at the same place, since paths are in the records.
const ROOT: &str = "/tmp/saker-golden";
/// What is done in it, by busybox. Relative and other paths, links, failures, sockets of three families, a burst.
const SCRIPT: &str = "
cd /etc
/bin/cat shadow
/bin/cat /etc/../etc/link
/bin/cat /missing
echo new >/tmp/created
/bin/nc -w 1 127.0.0.1 9
/bin/nc -w 1 ::1 9
/bin/logger somewhere
/bin/missing
i=0; while [ $i -lt 50 ]; do /bin/true; i=$((i+1)); done
exit 3
";
/// Wall time of the first record: 2026-01-01.
const BEGIN_WALL_NS: u64 = 1_767_225_600_000_000_000;
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n";
const GROUP: &str = "root:x:0:\nshadow:x:42:\n";

/// Records anew.
pub(crate) fn remake(capture: &Path) {
    let scratch = TempDir::new().expect("a scratch folder");
    let whole = scratch.path().join("whole.capture");
    make_root();
    let first_pid = record(&whole, &["--all"], run_container);
    // Before that the first process waited to be put into its cgroup.
    let mut began = false;
    rewrite(&whole, capture, first_pid, (PASSWD, GROUP), |record| {
        began |= matches!(record, Record::Exec(exec) if exec.exe.bytes.ends_with(b"/script"));
        began
    });
    fs::remove_dir_all(ROOT).expect("made above");
}

/// Runs the recorder while something is done; gives the id of the first process of that.
pub(crate) fn record(whole: &Path, arguments: &[&str], work: impl FnOnce() -> u32) -> u32 {
    let mut recorder = Command::new(env!("CARGO_BIN_EXE_saker"))
        .args(["record", "-o"])
        .arg(whole)
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut said = BufReader::new(recorder.stderr.take().expect("piped")).lines();
    let first = said.next().expect("a line").expect("text");
    assert!(first.starts_with("recording to"), "{first}");
    let first_pid = work();
    let pid = i32::try_from(recorder.id()).ok().and_then(Pid::from_raw);
    kill_process(pid.expect("a process id"), Signal::TERM).expect("a child of this process");
    let rest: Vec<String> = said.map_while(Result::ok).collect();
    assert!(recorder.wait().expect("a child").success(), "{rest:?}");
    assert!(rest.iter().any(|line| line == "lost: 0"), "{rest:?}");
    first_pid
}

fn make_root() {
    let root = Path::new(ROOT);
    let _ = fs::remove_dir_all(root);
    for below in ["bin", "etc", "tmp"] {
        fs::create_dir_all(root.join(below)).expect("/tmp is writable");
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox"];
    let busybox = busybox.iter().find(|path| Path::new(path).exists());
    let busybox = busybox.expect("Debian package busybox-static");
    fs::copy(busybox, root.join("bin/busybox")).expect("copied");
    for name in ["sh", "cat", "true", "nc", "logger"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).expect("linked");
    }
    std::os::unix::fs::symlink("shadow", root.join("etc/link")).expect("linked");
    fs::write(root.join("etc/shadow"), "root:*:1::::::\n").expect("written");
}

/// A shell on a terminal, in a cgroup and a root directory of its own. Gives the id of the first process of it all.
fn run_container() -> u32 {
    let cgroups = make_cgroups();
    // Waits until it has been put where it belongs.
    let inside = format!("exec /usr/sbin/chroot {ROOT} /bin/sh -c '{SCRIPT}'");
    let mut first = Command::new("/bin/sh")
        .args([
            "-c",
            "read go; exec /usr/bin/script -qc \"$0\" /dev/null",
            &inside,
        ])
        .env_clear()
        .env("PATH", "/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh runs");
    let pid = first.id();
    for cgroup in &cgroups {
        // A hierarchy that is not set up for it (cpuset) keeps it out.
        let _ = fs::write(cgroup.join("cgroup.procs"), pid.to_string());
    }
    end(&mut first);
    for cgroup in &cgroups {
        let _ = fs::remove_dir(cgroup);
        let _ = cgroup.parent().map(fs::remove_dir);
    }
    pid
}

fn end(first: &mut Child) {
    let mut stdin = first.stdin.take().expect("piped");
    stdin.write_all(b"go\n").expect("it waits for this");
    // The input stays open until the output has ended: its end would end the terminal.
    let output = BufReader::new(first.stdout.take().expect("piped"));
    let lines: Vec<String> = output.lines().map_while(Result::ok).collect();
    assert!(
        lines.iter().any(|line| line.contains("root:*:1")),
        "{lines:?}"
    );
    drop(stdin);
    first.wait().expect("a child of this process");
}

/// The container's folder in every mounted hierarchy.
fn make_cgroups() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("it is there");
    let mut cgroups = Vec::new();
    for mount in mounts.lines() {
        let mut words = mount.split(' ').skip(1);
        let (Some(at), Some("cgroup" | "cgroup2")) = (words.next(), words.next()) else {
            continue;
        };
        let cgroup = Path::new(at).join(CONTAINER);
        if fs::create_dir_all(&cgroup).is_ok() {
            cgroups.push(cgroup);
        }
    }
    assert!(!cgroups.is_empty(), "no cgroup can be made in {mounts}");
    cgroups
}

/// Keeps what the first process and its descendants did, as far as `keeps` says; `users` is a `passwd` and a `group`.
pub(crate) fn rewrite(
    from: &Path,
    to: &Path,
    first_pid: u32,
    users: (&str, &str),
    mut keeps: impl FnMut(&Record) -> bool,
) {
    let mut reader = CaptureReader::new(File::open(from).expect("recorded")).expect("a capture");
    let host = Host {
        kernel_release: "6.1.0".to_owned(),
        hostname: "node-1".to_owned(),
        ..reader.host().clone()
    };
    let mut bytes = Vec::new();
    let mut writer = CaptureWriter::new(&mut bytes, &host).expect("memory");
    writer.users(users.0, users.1).expect("memory");
    let mut counts: Vec<(u16, Counters)> = Vec::new();
    // Keys: a process id may be given again.
    let mut family = HashSet::new();
    while let Some(item) = reader.next().expect("a whole capture") {
        let Item::Record(bytes) = item else {
            continue;
        };
        let record = Record::parse(bytes).expect("a record");
        let header = record.header();
        let actor = (header.pid, header.start_boot_ns);
        if let Record::Fork(fork) = &record {
            let child = &fork.fixed.process;
            if family.contains(&actor) || (family.is_empty() && child.pid == first_pid) {
                family.insert((child.pid, child.start_boot_ns));
            }
        }
        if !family.contains(&actor) || !keeps(&record) {
            continue;
        }
        if writer.records() == 0 {
            writer
                .clock(BEGIN_WALL_NS - header.time_boot_ns)
                .expect("memory");
        }
        writer.record(bytes).expect("memory");
        let kind = record.kind().number();
        match counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, counters)) => counters.submitted += 1,
            None => counts.push((
                kind,
                Counters {
                    submitted: 1,
                    filtered: 0,
                    lost_ring_full: 0,
                    lost_no_scratch: 0,
                },
            )),
        }
    }
    assert!(
        writer.records() as usize > BURST,
        "{} records",
        writer.records()
    );
    counts.sort_by_key(|(kind, _)| *kind);
    writer.finish(counts).expect("memory");
    fs::write(to, bytes).expect("written");
}
