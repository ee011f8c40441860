//! A process that makes system calls as the test tells it, and the records of them.
//!
//! Every call is expected to be recorded with its id, its six registers and its result: that is proved here, for all.

#![allow(
    unsafe_code,
    reason = "a fork without exec, and memory that both processes see"
)]

use exporter_ebpf::{
    record::{CALL_FORK, RECORD_COMPAT, Record, SyscallRecord},
    syscall::numbers_of,
};
use rustix::{
    mm::{MapFlags, ProtFlags, mmap_anonymous},
    process::{Pid, WaitOptions, waitpid},
};

use crate::{
    raw::{call32, call64, fork64, six},
    rig::Rig,
};

const CALLS_MAX: usize = 200;
const FORK: u64 = 57;
const EXIT_GROUP: u64 = 231;

/// A call that has been made.
#[derive(Clone, Copy)]
struct Made {
    call: u8,
    compat: bool,
    arguments: [u64; 6],
    result: i64,
}

/// The process, as itself sees it. It must not allocate: it is the copy of one thread of a program that had several.
pub(crate) struct Child {
    made: *mut Made,
    count: *mut usize,
}

impl Child {
    /// A call that is watched.
    pub(crate) fn call<const N: usize>(&mut self, call: u8, arguments: [u64; N]) -> i64 {
        let result = call64(native(call), arguments);
        self.note(call, false, six(arguments), result)
    }

    /// A call that is watched and makes a process, which ends at once.
    pub(crate) fn fork<const N: usize>(&mut self, call: u8, arguments: [u64; N]) -> i64 {
        let result = fork64(native(call), arguments);
        self.note(call, false, six(arguments), result)
    }

    /// A call that is watched, by the 32-bit entry's `number`; `told` is what the record says that the arguments were.
    pub(crate) fn call32<const N: usize, const T: usize>(
        &mut self,
        call: u8,
        number: u32,
        arguments: [u32; N],
        told: [u64; T],
    ) -> i64 {
        let result = call32(number, arguments);
        // An address may lie above 2 GiB: only the last page of numbers are errors.
        let result = if result < -4095 {
            i64::from(result.cast_unsigned())
        } else {
            result.into()
        };
        self.note(call, true, six(told), result)
    }

    fn note(&mut self, call: u8, compat: bool, arguments: [u64; 6], result: i64) -> i64 {
        // SAFETY: only this process writes, and its maker reads when it is gone.
        unsafe {
            let at = *self.count;
            if at < CALLS_MAX {
                self.made.add(at).write(Made {
                    call,
                    compat,
                    arguments,
                    result,
                });
                *self.count = at + 1;
            }
        }
        result
    }
}

fn native(call: u8) -> u64 {
    let number = numbers_of(call).and_then(|numbers| numbers.native.first());
    number.map_or(u64::MAX, |number| u64::from(*number))
}

/// Runs `body` in a process of its own; gives the results of its watched calls, and their records, in order.
pub(crate) fn run(
    rig: &mut Rig,
    body: impl FnOnce(&mut Child),
) -> Vec<(i64, SyscallRecord<'static>)> {
    // SAFETY: a new mapping that is large enough for what is written to it, aligned to a page; never unmapped.
    let page = unsafe {
        mmap_anonymous(
            std::ptr::null_mut(),
            size_of::<[Made; CALLS_MAX]>() + size_of::<[usize; 2]>(),
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::SHARED,
        )
        .expect("mmap")
    };
    let count: *mut usize = page.cast();
    // SAFETY: within the mapping.
    let made: *mut Made = unsafe { count.add(2) }.cast();
    let pid = call64(FORK, []);
    if pid == 0 {
        body(&mut Child { made, count });
        loop {
            call64(EXIT_GROUP, [0]);
        }
    }
    let pid = i32::try_from(pid).expect("a process id");
    let (_, status) = waitpid(Pid::from_raw(pid), WaitOptions::empty())
        .expect("wait")
        .expect("it ended");
    assert_eq!(status.exit_status(), Some(0));
    // SAFETY: the writer is gone.
    let made: Vec<Made> = unsafe { (0..*count).map(|at| made.add(at).read()).collect() };
    made.iter()
        .map(|made| (made.result, record_of(rig, pid.unsigned_abs(), made)))
        .collect()
}

fn record_of(rig: &mut Rig, pid: u32, made: &Made) -> SyscallRecord<'static> {
    let name = numbers_of(made.call).expect("a call").name;
    let record = rig.wait(name, |record| match record {
        // Its own birth is no call that it made.
        Record::Syscall(call)
            if (call.fixed.call.call, call.fixed.call.result) == (CALL_FORK, 0) =>
        {
            None
        }
        Record::Syscall(call) if call.fixed.header.pid == pid => Some(call),
        _ => None,
    });
    let fixed = &record.fixed;
    let seen = numbers_of(fixed.call.call).map_or("none", |numbers| numbers.name);
    assert_eq!((seen, fixed.call.call), (name, made.call));
    assert_eq!(fixed.args, made.arguments, "{name}");
    assert_eq!(fixed.call.result, made.result, "{name}");
    let compat = if made.compat { RECORD_COMPAT } else { 0 };
    assert_eq!(fixed.header.flags & RECORD_COMPAT, compat, "{name}");
    assert_eq!((fixed.call.pad, fixed.pad), ([0; 7], 0), "{name}");
    record
}
