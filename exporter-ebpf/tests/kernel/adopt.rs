//! Who adopts the children of a process that ends: the record says what the kernel then does.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use exporter_ebpf::record::{ExitRecord, Record};

use crate::rig::{Rig, pid, start_ticks, start_ticks_of, stat};

/// The test runs itself once more in this role.
const ROLE: &str = "SAKER_TEST_ROLE";

fn exit_of(rig: &mut Rig, pid: u32) -> ExitRecord<'static> {
    rig.wait("exit", |record| match record {
        Record::Exit(exit) if exit.fixed.header.pid == pid => Some(exit),
        _ => None,
    })
}

/// A process that leaves an orphan behind, which lives until its input ends.
fn with_orphan(command: &mut Command) -> (Child, u32, u32) {
    let mut parent = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawn");
    let mut lines = BufReader::new(parent.stdout.take().expect("output")).lines();
    let mut number = || loop {
        let line = lines.next().expect("a line").expect("text");
        if let Some(number) = line.strip_prefix("pid ") {
            return number.parse().expect("a number");
        }
    };
    let (middle, orphan) = (number(), number());
    (parent, middle, orphan)
}

/// Prints its own id and that of a child, and ends.
const MIDDLE: &str = "echo pid $$; exec 9<&0; cat <&9 >/dev/null & echo pid $!";

/// Who has adopted `orphan` once it is no child of `middle` any more; the record comes just before that.
fn adopter_of(orphan: u32, middle: u32) -> u32 {
    loop {
        let parent = stat(orphan)[1].parse().expect("a number");
        if parent != middle {
            return parent;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_subreaper_adopts() {
    if std::env::var_os(ROLE).is_some() {
        rustix::process::set_child_subreaper(rustix::process::getpid().into()).expect("prctl");
        // Its child is the middle one, and it waits for the end.
        let status = Command::new("sh")
            .args(["-c", MIDDLE])
            .status()
            .expect("sh");
        assert!(status.success());
        std::io::stdin()
            .read_line(&mut String::new())
            .expect("read");
        return;
    }
    let mut rig = Rig::new(&[]);
    let mut again = Command::new(std::env::current_exe().expect("own program"));
    again
        .args(["adopt::a_subreaper_adopts", "--exact", "--nocapture"])
        .env(ROLE, "subreaper");
    let (mut reaper, middle, orphan) = with_orphan(&mut again);
    let exit = exit_of(&mut rig, middle);
    assert_eq!(exit.fixed.reaper_pid, reaper.id());
    assert_eq!(
        start_ticks(exit.fixed.reaper_start_boot_ns),
        start_ticks_of(reaper.id())
    );
    assert_eq!(
        adopter_of(orphan, middle),
        reaper.id(),
        "so does the kernel"
    );
    reaper
        .stdin
        .take()
        .expect("input")
        .write_all(b"\n")
        .expect("write");
    reaper.wait().expect("wait");
    let exit = exit_of(&mut rig, reaper.id());
    assert_ne!(exit.fixed.reaper_pid, reaper.id());
}

#[test]
fn without_one_the_first_process_adopts() {
    let mut rig = Rig::new(&[]);
    let (mut parent, middle, orphan) = with_orphan(Command::new("sh").args(["-c", MIDDLE]));
    assert_eq!(parent.id(), middle);
    let exit = exit_of(&mut rig, middle);
    assert_eq!(adopter_of(orphan, middle), exit.fixed.reaper_pid);
    assert_ne!(exit.fixed.reaper_pid, pid(), "this program is no subreaper");
    assert_eq!(
        start_ticks(exit.fixed.reaper_start_boot_ns),
        start_ticks_of(exit.fixed.reaper_pid)
    );
    parent.wait().expect("wait");
}

#[test]
fn in_a_namespace_its_first_process_adopts_and_takes_all_with_it() {
    let mut rig = Rig::new(&[]);
    // The first process of the namespace, a child of unshare, starts the middle one and outlives it.
    let mut unshare = Command::new("unshare")
        .args([
            "-p",
            "-f",
            "sh",
            "-c",
            "sh -c 'sleep 1000 & exit 3'; exit 4",
        ])
        .process_group(0)
        .spawn()
        .expect("unshare");
    let (mut middle, mut first) = (None, None);
    rig.wait("both exits", |record| {
        if let Record::Exit(exit) = record {
            match exit.fixed.status >> 8 {
                3 if middle.is_none() => middle = Some(exit),
                4 if first.is_none() && exit.fixed.header.pid != unshare.id() => first = Some(exit),
                _ => {}
            }
        }
        (middle.is_some() && first.is_some()).then_some(())
    });
    let (middle, first) = (middle.expect("seen").fixed, first.expect("seen").fixed);
    assert_eq!(middle.reaper_pid, first.header.pid);
    assert_eq!(middle.reaper_start_boot_ns, first.header.start_boot_ns);
    assert_eq!((first.reaper_pid, first.reaper_start_boot_ns), (0, 0));
    unshare.wait().expect("wait");
}
