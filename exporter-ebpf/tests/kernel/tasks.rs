//! Calls about processes and rights: raw arguments, and what lies behind them.

use std::process::Command;

use exporter_ebpf::record::*;
use zerocopy::IntoBytes;

use crate::{
    child::run,
    places::EINVAL,
    raw::{call64, fork64, low_memory, text, words, words32},
    rig::{Rig, pid, tid},
};

const ESRCH: i64 = -3;
const EPERM: i64 = -1;
const NOBODY: u64 = 0x003f_ffff;
const GETPID: u64 = 39;

fn results<T>(seen: &[(i64, T)]) -> Vec<i64> {
    seen.iter().map(|(result, _)| *result).collect()
}

#[test]
fn identities_change_and_are_refused() {
    let mut rig = Rig::new(&[
        "setfsgid",
        "setfsuid",
        "setgid",
        "setregid",
        "setresgid",
        "setreuid",
        "setresuid",
        "setuid",
        "setsid",
        "setpgid",
        "personality",
    ]);
    let same = u64::MAX;
    let seen = run(&mut rig, |child| {
        child.call(CALL_SETFSGID, [11]);
        child.call(CALL_SETFSUID, [0]);
        child.call(CALL_SETGID, [12]);
        child.call(CALL_SETREGID, [13, 14]);
        child.call(CALL_SETRESGID, [same, 15, same]);
        child.call(CALL_SETREUID, [0, 0]);
        child.call(CALL_SETRESUID, [same, 0, same]);
        child.call(CALL_SETUID, [65_534]);
        child.call(CALL_SETUID, [0]);
        child.call(CALL_SETGID, [0]);
        child.call(CALL_SETREUID, [0, 0]);
        child.call(CALL_SETREGID, [0, 0]);
        child.call(CALL_SETRESUID, [0, 0, 0]);
        child.call(CALL_SETRESGID, [0, 0, 0]);
        child.call(CALL_SETSID, []);
        child.call(CALL_SETSID, []);
        child.call(CALL_SETPGID, [0, 0]);
        child.call(CALL_SETPGID, [NOBODY, 0]);
        child.call(CALL_PERSONALITY, [0x0004_0000]);
        child.call(CALL_PERSONALITY, [0xffff_ffff]);
    });
    let got = results(&seen);
    // setfsuid and setfsgid give the former id.
    assert_eq!(got[..8], [0; 8]);
    assert_eq!(got[8..14], [EPERM; 6]);
    assert!(got[14] > 0);
    assert_eq!((got[15], got[16], got[17]), (EPERM, EPERM, ESRCH));
    assert_eq!(got[19], 0x0004_0000);
    assert_eq!(seen[7].1.fixed.header.euid, 65_534, "as it is afterwards");
    let effective = |at: usize| seen[at].1.fixed.values[0];
    assert!(effective(5) != 0 && effective(6) == effective(5));
    assert_eq!(effective(7), 0, "who is not root any more has no rights");
}

#[test]
fn capabilities_are_those_asked_for() {
    let mut rig = Rig::new(&["capset"]);
    let (version3, version1) = (words32(&[0x2008_0522, 0]), words32(&[0x1998_0330, 0]));
    let sets = words32(&[1 << 7, 1 << 7 | 1 << 10, 0, 1, 1, 0]);
    let seen = run(&mut rig, |child| {
        child.call(CALL_CAPSET, [version3, sets]);
        child.call(CALL_CAPSET, [version1, sets]);
        child.call(CALL_CAPSET, [version3, 8]);
        child.call(CALL_CAPSET, [8, sets]);
    });
    // The second asks for less than the first left.
    assert_eq!(results(&seen), [0, 0, -14, -14]);
    assert_eq!(
        seen[0].1.fixed.values,
        [1 << 7 | 1 << 32, 1 << 7 | 1 << 10 | 1 << 32, 0]
    );
    assert_eq!(seen[1].1.fixed.values, [1 << 7, 1 << 7 | 1 << 10, 0]);
    for (_, record) in &seen[2..] {
        assert_eq!(record.fixed.values, [0; 3]);
        assert_eq!(record.fixed.header.flags, RECORD_READ_FAILED);
    }
}

#[test]
fn signals_tracing_and_foreign_memory() {
    let mut rig = Rig::new(&[
        "kill",
        "tkill",
        "tgkill",
        "process_vm_readv",
        "process_vm_writev",
        "prctl",
        "ptrace",
    ]);
    let room = u64::from(low_memory(&[7; 64]));
    let (local, remote) = (words(&[room, 8]), words(&[room + 16, 8]));
    let name = text("new name");
    let seen = run(&mut rig, |child| {
        let me = call64(GETPID, []) as u64;
        child.call(CALL_KILL, [me, 0]);
        child.call(CALL_TKILL, [me, 0]);
        child.call(CALL_TGKILL, [me, me, 0]);
        child.call(CALL_PROCESS_VM_READV, [me, local, 1, remote, 1, 0]);
        child.call(CALL_PROCESS_VM_WRITEV, [me, local, 1, remote, 1, 0]);
        child.call(CALL_PRCTL, [15, name]);
        child.call(CALL_PRCTL, [4, 1]);
        child.call(CALL_PTRACE, [0, 0, 0, 0]);
        child.call(CALL_KILL, [NOBODY, 9]);
        child.call(CALL_TKILL, [NOBODY, 9]);
        child.call(CALL_TGKILL, [NOBODY, NOBODY, 9]);
        child.call(CALL_PROCESS_VM_READV, [NOBODY, local, 1, remote, 1, 0]);
        child.call(CALL_PROCESS_VM_WRITEV, [NOBODY, local, 1, remote, 1, 0]);
        child.call(CALL_PRCTL, [0xffff_0000, name]);
        child.call(CALL_PTRACE, [16, NOBODY, 0, 0]);
    });
    let got = results(&seen);
    assert_eq!(got[..8], [0, 0, 0, 8, 8, 0, 0, 0]);
    assert_eq!(got[8..], [ESRCH, ESRCH, ESRCH, ESRCH, ESRCH, EINVAL, ESRCH]);
    let texts: Vec<&[u8]> = seen.iter().map(|(_, record)| record.text.bytes).collect();
    assert_eq!(texts[5], b"new name");
    let mut name = [0; 16];
    name[..8].copy_from_slice(b"new name");
    assert_eq!(
        seen[5].1.fixed.values[..2].as_bytes(),
        name,
        "the kernel's own"
    );
    assert!(
        texts
            .iter()
            .enumerate()
            .all(|(at, text)| at == 5 || text.is_empty())
    );
    assert!(
        seen.iter()
            .all(|(_, record)| record.fixed.header.flags == 0)
    );
}

#[test]
fn making_processes() {
    let mut rig = Rig::new(&["fork", "vfork", "clone", "clone3"]);
    let (signal, vfork) = (17, 0x4000);
    let arguments = words(&[vfork, 0, 0, 0, signal, 0, 0, 0]);
    let seen = run(&mut rig, |child| {
        child.fork(CALL_FORK, []);
        child.fork(CALL_VFORK, []);
        child.fork(CALL_CLONE, [signal]);
        child.fork(CALL_CLONE3, [arguments, 64]);
        child.fork(CALL_CLONE, [0x0001_0000]); // CLONE_THREAD alone
        child.fork(CALL_CLONE3, [arguments, 1]);
    });
    let got = results(&seen);
    assert!(got[..4].iter().all(|pid| *pid > 0), "{got:?}");
    assert_eq!(got[4..], [EINVAL; 2]);
    assert_eq!(seen[3].1.fixed.values, [vfork, signal, 0]);
    for at in [0, 1, 2, 4, 5] {
        assert_eq!(seen[at].1.fixed.values, [0; 3], "{at}");
    }
}

#[test]
fn a_fork_returns_twice() {
    let mut rig = Rig::new(&["fork"]);
    let child = fork64(57, []);
    let (mut here, mut there) = (false, false);
    rig.wait("both returns", |record| {
        if let Record::Syscall(call) = record {
            let fixed = &call.fixed;
            here |= fixed.header.tid == tid() && fixed.call.result == child;
            there |= i64::from(fixed.header.pid) == child && fixed.call.result == 0;
        }
        (here && there).then_some(())
    });
    let id = rustix::process::Pid::from_raw(i32::try_from(child).expect("a process id"));
    rustix::process::waitpid(id, rustix::process::WaitOptions::empty()).expect("wait");
}

#[test]
fn a_successful_exec_is_no_call() {
    let mut rig = Rig::new(&["execve", "execveat"]);
    let mut child = Command::new("/bin/true").spawn().expect("spawn");
    child.wait().expect("wait");
    let mut executed = false;
    rig.wait("exit", |record| {
        let header = record.header();
        if header.pid != child.id() || header.pid == pid() {
            return None;
        }
        match record {
            Record::Syscall(call) => panic!("a call with the result {}", call.fixed.call.result),
            Record::Exec(_) => executed = true,
            _ => {}
        }
        matches!(record, Record::Exit(_)).then_some(())
    });
    assert!(executed);
}
