//! The scan of what was there before, and the agent's silence after it.

use std::{
    collections::BTreeSet,
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
};

use exporter_ebpf::{
    SCAN, SCAN_ARGS,
    record::{Kind, PROCESS_KERNEL_THREAD, Record, TAIL_READ_FAILED, TaskRecord},
};
use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::rig::{Rig, pid, start_ticks, start_ticks_of, stat};

fn assert_task(task: &TaskRecord<'_>, of: u32) {
    let process = task.fixed.process;
    let stat = stat(of);
    assert_eq!((task.fixed.header.pid, task.fixed.header.tid), (of, of));
    assert_eq!(process.parent_pid.to_string(), stat[1]);
    assert_eq!(
        (process.pgid.to_string(), process.sid.to_string()),
        (stat[2].clone(), stat[3].clone())
    );
    assert_eq!(process.tty.to_string(), stat[4]);
    assert_eq!(start_ticks(process.start_boot_ns), start_ticks_of(of));
    assert_eq!(
        task.exe.bytes,
        std::os::unix::ffi::OsStrExt::as_bytes(
            std::fs::read_link(format!("/proc/{of}/exe"))
                .expect("exe")
                .as_os_str()
        )
    );
    assert_eq!(
        task.cwd.bytes,
        std::os::unix::ffi::OsStrExt::as_bytes(
            std::fs::read_link(format!("/proc/{of}/cwd"))
                .expect("cwd")
                .as_os_str()
        )
    );
    assert_eq!(
        task.fixed.inode.ino,
        std::fs::metadata(format!("/proc/{of}/exe"))
            .expect("metadata")
            .ino()
    );
}

#[test]
fn both_scans_find_what_was_there() {
    let mut before = Command::new("/bin/cat")
        .arg("-")
        .stdin(Stdio::piped())
        .spawn()
        .expect("spawn");
    let mut rig = Rig::new(&[]);
    for program in programs() {
        let tasks = rig.scan(program);
        for of in [before.id(), pid()] {
            let task = tasks
                .get(&of)
                .unwrap_or_else(|| panic!("{program}: {of} is missing"));
            assert_task(task, of);
            if program == SCAN {
                assert_eq!(
                    (task.args.bytes, task.args.flags),
                    (&b""[..], TAIL_READ_FAILED)
                );
            } else {
                let shown = std::fs::read(format!("/proc/{of}/cmdline")).expect("cmdline");
                assert_eq!(task.args.bytes, &shown[..shown.len().min(8192)]);
            }
        }
        let kernel = tasks.get(&2).expect("kthreadd");
        assert_eq!(kernel.fixed.process.flags, PROCESS_KERNEL_THREAD);
        assert!(kernel.exe.bytes.is_empty() && kernel.args.bytes.is_empty());
    }
    drop(before.stdin.take());
    before.wait().expect("wait");
}

/// The scans that this kernel must take: since 5.18 it reads the memory of other processes too.
fn programs() -> Vec<&'static str> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("release");
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|number| number.parse::<u32>().ok());
    let version = (
        numbers.next().expect("major"),
        numbers.next().expect("minor"),
    );
    if version >= (5, 18) {
        vec![SCAN, SCAN_ARGS]
    } else {
        vec![SCAN]
    }
}

/// Every process that /proc shows, by id.
fn listed() -> BTreeSet<u32> {
    let names = std::fs::read_dir("/proc").expect("proc");
    names
        .filter_map(|entry| entry.expect("entry").file_name().to_str()?.parse().ok())
        .collect()
}

#[test]
fn the_scan_is_complete() {
    let mut rig = Rig::new(&[]);
    let before = listed();
    let tasks = rig.scan(SCAN);
    for of in before.intersection(&listed()) {
        let stat = std::fs::read_to_string(format!("/proc/{of}/stat")).unwrap_or_default();
        // A machine may keep some process even from root: neither its program nor its place in an iterator is shown.
        let hidden = std::fs::read_link(format!("/proc/{of}/exe"))
            .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        if !hidden && !stat.is_empty() && !stat.contains(") Z ") {
            assert!(tasks.contains_key(of), "{stat}");
        }
    }
}

#[test]
fn the_scan_of_all_namespaces_tells_the_same_without_arguments() {
    // One in a namespace of its own.
    let mut inner = Command::new("unshare")
        .args(["--pid", "--fork", "cat"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("unshare is part of util-linux");
    let mut rig = Rig::new(&[]);
    let is_inner = |task: &TaskRecord<'_>| {
        task.fixed.process.parent_pid == inner.id() && task.exe.bytes.ends_with(b"/cat")
    };
    let before = loop {
        let before = rig.scan(SCAN);
        if before.values().any(is_inner) {
            break before;
        }
        std::thread::yield_now();
    };
    let all = rig.scan_all();
    let after = rig.scan(SCAN);
    assert!(all.values().any(is_inner));
    for (of, expected) in &before {
        // Whoever was there before and after was there in between.
        let Some(last) = after.get(of) else { continue };
        if (expected.fixed.process, expected.exe, expected.cwd)
            != (last.fixed.process, last.exe, last.cwd)
        {
            continue;
        }
        let found = all.get(of).unwrap_or_else(|| panic!("{of} is missing"));
        assert_eq!(found.fixed.process, expected.fixed.process);
        assert_eq!(found.fixed.inode, expected.fixed.inode);
        assert_eq!((found.exe, found.cwd), (expected.exe, expected.cwd));
        assert_eq!((found.args, found.cgroup), (expected.args, expected.cgroup));
    }
    drop(inner.stdin.take());
    inner.wait().expect("wait");
}

#[test]
fn a_zombie_is_not_there() {
    let mut child = Command::new("/bin/true").spawn().expect("spawn");
    let mut rig = Rig::new(&[]);
    // The shell's exit is over when its state says so; it is not waited for.
    while stat(child.id())[0] != "Z" {
        std::thread::yield_now();
    }
    assert!(!rig.scan(SCAN).contains_key(&child.id()));
    child.wait().expect("wait");
}

#[test]
fn who_scans_is_not_recorded_any_more_and_its_children_are() {
    let mut rig = Rig::new(&["openat"]);
    let own = |name: &str| openat(CWD, name, OFlags::RDONLY, Mode::empty()).expect_err("not there");
    own("/saker-test/before the scan");
    rig.own_open(b"/saker-test/before the scan");
    rig.scan(SCAN);
    own("/saker-test/after the scan");
    Command::new("/bin/cat")
        .arg("/saker-test/by a child")
        .stderr(Stdio::null())
        .status()
        .expect("cat");
    rig.wait("the child's open", |record| match record {
        Record::Open(open) if open.requested.bytes == b"/saker-test/after the scan" => {
            panic!("own call recorded")
        }
        Record::Open(open) if open.requested.bytes == b"/saker-test/by a child" => Some(()),
        _ => None,
    });
    assert!(rig.counters(Kind::Open).filtered > 0);
}
