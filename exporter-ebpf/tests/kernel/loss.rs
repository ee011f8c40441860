//! The ring overfilled: every record is either in the ring or counted as lost, exactly.

use std::time::{Duration, Instant};

use exporter_ebpf::{
    PROGRAMS, SYS_EXIT,
    record::{CALL_BIND, CALL_CONNECT, Kind},
};

use crate::{raw::call64, rig::Rig};

/// A number that is no system call, watched as if it were another: only this test calls it.
const NOBODYS_NUMBER: u32 = 1000;
const ENOSYS: i64 = -38;

/// Only system calls are recorded, and of them only this test's: what is in the ring is its own.
fn rig(ring_bytes: u32, call: u8) -> Rig {
    let mut rig = Rig::load(ring_bytes);
    rig.watch_number(NOBODYS_NUMBER, call);
    let program = PROGRAMS.iter().find(|program| program.name == SYS_EXIT);
    rig.attach(program.expect("the program of system calls"));
    rig
}

fn call(times: u64) {
    let address = [0u8; 16];
    for _ in 0..times {
        assert_eq!(
            call64(
                NOBODYS_NUMBER.into(),
                [0, address.as_ptr().addr() as u64, 16, 0]
            ),
            ENOSYS
        );
    }
}

fn arrived(rig: &mut Rig, kind: Kind) -> u64 {
    std::iter::from_fn(|| rig.next())
        .filter(|record| record.kind() == kind)
        .map(|_| 1)
        .sum()
}

/// A call that has a record of its own kind, and one that has none.
const KINDS: [(u8, Kind); 2] = [(CALL_CONNECT, Kind::Connect), (CALL_BIND, Kind::Syscall)];

#[test]
fn what_does_not_fit_is_counted() {
    for (id, kind) in KINDS {
        let mut rig = rig(4096, id);
        call(1000);
        let counters = rig.counters(kind);
        let first = arrived(&mut rig, kind);
        assert!(first > 0 && first < 1000, "{first} of 1000 fit");
        assert_eq!(counters.submitted, first);
        assert_eq!(counters.lost_ring_full, 1000 - first);
        assert_eq!((counters.filtered, counters.lost_no_scratch), (0, 0));

        // The ring is empty again: what comes now arrives.
        call(3);
        let after = rig.counters(kind);
        assert_eq!(after.lost_ring_full + after.submitted, 1003);
        assert_eq!(
            arrived(&mut rig, kind),
            after.submitted - counters.submitted
        );
    }
}

#[test]
fn nothing_is_lost_while_there_is_room() {
    for (id, kind) in KINDS {
        let mut rig = rig(1 << 20, id);
        call(1000);
        let counters = rig.counters(kind);
        assert_eq!((counters.submitted, counters.lost_ring_full), (1000, 0));
        assert_eq!(arrived(&mut rig, kind), 1000);
    }
}

/// Records that come of what every process of the machine does.
const LIVES: [Kind; 3] = [Kind::Fork, Kind::Exec, Kind::Exit];

/// Births, programs and ends are recorded, of all processes.
fn rig_of_lives(ring_bytes: u32) -> Rig {
    let mut rig = Rig::load(ring_bytes);
    let makes_lives = |kinds: &[Kind]| kinds.iter().any(|kind| LIVES.contains(kind));
    for program in PROGRAMS.iter().filter(|program| makes_lives(program.kinds)) {
        rig.attach(program);
    }
    rig
}

/// How many there were by kind, kept or lost.
fn all(rig: &Rig) -> [u64; 3] {
    LIVES.map(|kind| {
        let counters = rig.counters(kind);
        counters.submitted + counters.lost_ring_full + counters.lost_no_scratch
    })
}

/// What both have counted in a moment in which nothing happened: an event is counted by one after the other.
fn quiet(one: &Rig, other: &Rig) -> [[u64; 3]; 2] {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let before = [all(one), all(other)];
        std::thread::sleep(Duration::from_millis(5));
        let after = [all(one), all(other)];
        if before == after {
            return after;
        }
        assert!(Instant::now() < deadline, "the machine is never quiet");
    }
}

#[test]
fn births_programs_and_ends_that_do_not_fit_are_counted() {
    // One has room for a few, the other for all: what happened is what the other has.
    let (mut small, mut large) = (rig_of_lives(4096), rig_of_lives(64 << 20));
    let [small_before, large_before] = quiet(&small, &large);
    const PROCESSES: u64 = 100;
    for _ in 0..PROCESSES {
        let status = std::process::Command::new("true").status();
        assert!(status.expect("true runs").success());
    }
    let [small_after, large_after] = quiet(&small, &large);
    for (at, kind) in LIVES.into_iter().enumerate() {
        let happened = large_after[at] - large_before[at];
        assert!(happened >= PROCESSES, "{kind:?}: {happened}");
        assert_eq!(small_after[at] - small_before[at], happened, "{kind:?}");
        assert_eq!(large.counters(kind).lost_ring_full, 0, "{kind:?}");
        assert!(small.counters(kind).lost_ring_full > 0, "{kind:?}");
    }
    // The small ring has been full since its first records: what is in it was submitted, and nothing else was.
    let kept: Vec<_> = std::iter::from_fn(|| small.next()).collect();
    let submitted: u64 = LIVES
        .map(|kind| small.counters(kind).submitted)
        .iter()
        .sum();
    assert!(!kept.is_empty() && kept.len() as u64 <= submitted);
    let told = std::iter::from_fn(|| large.next()).filter(|record| record.kind() == Kind::Fork);
    assert!(told.count() as u64 >= large_after[0] - large_before[0]);
}
