//! A law: whatever processes do, and in whatever order, the table says of each living one what a plain model says.

use std::collections::BTreeMap;

use exporter_ebpf::record::{
    CALL_PRCTL, CALL_SETPGID, CALL_SETSID, Exit, Fork, Kind, Process as Who, Syscall,
};
use proptest::prelude::*;
use zerocopy::{FromZeros, IntoBytes};

use super::tests::{exec, header, record, task, who};
use super::*;

/// Process ids there are: few, so that they are used again.
const PIDS: u32 = 24;
/// `CLONE_VM` and `CLONE_VFORK` (include/uapi/linux/sched.h).
const VFORK: u64 = 0x100 | 0x4000;
/// The first process: it never ends, and adopts the others' children.
const INIT: u32 = 1;

/// One thing that a process does. Processes are chosen by a number among the living.
#[derive(Clone, Debug)]
enum Step {
    /// Makes a child; of itself, or of its own parent (`CLONE_PARENT`).
    Fork {
        by: usize,
        sibling: bool,
    },
    /// Makes one by vfork, which lends it the memory; the child may execute a program or end.
    Vfork {
        by: usize,
        name: Option<u8>,
    },
    /// A thread that is not the main one, and has a name of its own, makes a child.
    ThreadFork {
        by: usize,
        name: u8,
    },
    /// Executes a program; by a thread that is not the main one it is the same: that takes the number of the main one, and its
    /// start, before the kernel tells of the program.
    Exec {
        by: usize,
        name: u8,
    },
    /// Writes to /proc/self/comm and /proc/self/loginuid, which nothing tells, and makes a child.
    Login {
        by: usize,
        name: u8,
        uid: u32,
    },
    Rename {
        by: usize,
        name: u8,
    },
    Session {
        by: usize,
    },
    Group {
        by: usize,
    },
    Exit {
        by: usize,
    },
    /// The same end is told once more.
    ExitTwice {
        by: usize,
    },
    /// Records of this step are lost.
    Lost(Box<Step>),
    /// The processes are read anew.
    Scan,
}

fn step() -> impl Strategy<Value = Step> {
    let by = || 0_usize..64;
    let plain = prop_oneof![
        4 => (by(), any::<bool>()).prop_map(|(by, sibling)| Step::Fork { by, sibling }),
        1 => (by(), prop::option::of(0_u8..8)).prop_map(|(by, name)| Step::Vfork { by, name }),
        1 => (by(), 0_u8..8).prop_map(|(by, name)| Step::ThreadFork { by, name }),
        1 => (by(), 0_u8..8, 0_u32..4).prop_map(|(by, name, uid)| Step::Login { by, name, uid }),
        2 => (by(), 0_u8..8).prop_map(|(by, name)| Step::Exec { by, name }),
        1 => (by(), 0_u8..8).prop_map(|(by, name)| Step::Rename { by, name }),
        1 => by().prop_map(|by| Step::Session { by }),
        1 => by().prop_map(|by| Step::Group { by }),
        3 => by().prop_map(|by| Step::Exit { by }),
        1 => by().prop_map(|by| Step::ExitTwice { by }),
    ];
    prop_oneof![
        8 => plain.clone(),
        1 => plain.prop_map(|step| Step::Lost(Box::new(step))),
        1 => Just(Step::Scan),
    ]
}

/// What is true: the kernel's view.
struct Model {
    living: BTreeMap<u32, Who>,
    now: u64,
    /// Something was lost since the last scan: the table may be wrong.
    torn: bool,
    next_pid: u32,
}

fn comm(name: u8) -> [u8; 16] {
    let mut comm = [0; 16];
    comm[..2].copy_from_slice(&[b'p', b'0' + name]);
    comm
}

fn key_of(who: &Who) -> ProcessKey {
    ProcessKey {
        pid: who.pid,
        start_boot_ns: who.start_boot_ns,
    }
}

impl Model {
    fn new() -> Self {
        let mut init = who(INIT, 0, "init", 1);
        init.vpid = INIT;
        Self {
            living: BTreeMap::from([(INIT, init)]),
            now: 1000,
            torn: false,
            next_pid: INIT,
        }
    }

    fn choose(&self, by: usize) -> Who {
        let at = by % self.living.len();
        *self.living.values().nth(at).expect("in range")
    }

    /// A number that nobody has, as process, group or session.
    fn free_pid(&mut self) -> Option<u32> {
        for _ in 0..PIDS {
            self.next_pid = self.next_pid % PIDS + 1;
            let pid = self.next_pid;
            let used = |who: &Who| who.pid == pid || who.pgid == pid || who.sid == pid;
            if !self.living.values().any(used) {
                return Some(pid);
            }
        }
        None
    }

    /// A child of a thread that has this name; the main one has the process's.
    fn born(
        &mut self,
        maker: &Who,
        sibling: bool,
        thread: Option<u8>,
        flags: u64,
    ) -> Option<(u32, Vec<u8>)> {
        let pid = self.free_pid()?;
        let mut child = *maker;
        if let Some(name) = thread {
            child.comm = comm(name);
        }
        (child.pid, child.vpid, child.start_boot_ns) = (pid, pid, self.now);
        if !sibling || maker.pid == INIT {
            (child.parent_pid, child.parent_start_boot_ns) = (maker.pid, maker.start_boot_ns);
        }
        self.living.insert(pid, child);
        let mut fixed = Fork {
            header: header(Kind::Fork, maker, self.now),
            process: child,
            clone_flags: flags,
        };
        fixed.header.tid = match thread {
            Some(_) => maker.pid + PIDS,
            None => maker.pid,
        };
        Some((pid, record(fixed.as_bytes(), &[])))
    }

    fn call(&self, by: &Who, call: u8, args: [u64; 2], name: [u8; 16]) -> Vec<u8> {
        let mut fixed = Syscall::new_zeroed();
        fixed.header = header(Kind::Syscall, by, self.now);
        fixed.header.tid = by.pid;
        fixed.call.call = call;
        fixed.args[..2].copy_from_slice(&args);
        fixed.values[..2].as_mut_bytes().copy_from_slice(&name);
        record(fixed.as_bytes(), &[])
    }

    fn end(&mut self, of: &Who) -> Vec<u8> {
        self.living.remove(&of.pid);
        for who in self.living.values_mut() {
            if (who.parent_pid, who.parent_start_boot_ns) == (of.pid, of.start_boot_ns) {
                (who.parent_pid, who.parent_start_boot_ns) = (INIT, u64::from(INIT) * 10);
            }
        }
        let fixed = Exit {
            header: header(Kind::Exit, of, self.now),
            reaper_start_boot_ns: u64::from(INIT) * 10,
            reaper_pid: INIT,
            status: 0,
        };
        record(fixed.as_bytes(), &[])
    }

    /// What happens, and the records that tell of it.
    fn take(&mut self, step: &Step) -> Vec<Vec<u8>> {
        self.now += 10;
        match step {
            Step::Fork { by, sibling } => {
                let maker = self.choose(*by);
                let born = self.born(&maker, *sibling, None, 0);
                born.into_iter().map(|(_, told)| told).collect()
            }
            Step::Vfork { by, name } => {
                let maker = self.choose(*by);
                let Some((pid, told)) = self.born(&maker, false, None, VFORK) else {
                    return Vec::new();
                };
                self.now += 1;
                let mut child = self.living[&pid];
                let next = match name {
                    Some(name) => {
                        child.comm = comm(*name);
                        self.living.insert(pid, child);
                        exec(child, self.now, b"x\0", "/")
                    }
                    None => self.end(&child),
                };
                vec![told, next]
            }
            Step::ThreadFork { by, name } => {
                let maker = self.choose(*by);
                let born = self.born(&maker, false, Some(*name), 0);
                born.into_iter().map(|(_, told)| told).collect()
            }
            Step::Login { by, name, uid } => {
                let before = self.choose(*by);
                let mut maker = before;
                (maker.comm, maker.login_uid) = (comm(*name), *uid);
                self.living.insert(maker.pid, maker);
                let born = self.born(&maker, false, None, 0);
                // Nobody hears of it without the child.
                if born.is_none() {
                    self.living.insert(before.pid, before);
                }
                born.into_iter().map(|(_, told)| told).collect()
            }
            Step::Exec { by, name } => {
                let mut by = self.choose(*by);
                by.comm = comm(*name);
                self.living.insert(by.pid, by);
                vec![exec(by, self.now, b"x\0", "/")]
            }
            Step::Rename { by, name } => {
                let mut by = self.choose(*by);
                by.comm = comm(*name);
                self.living.insert(by.pid, by);
                vec![self.call(&by, CALL_PRCTL, [15, 0], comm(*name))]
            }
            Step::Session { by } => {
                let mut by = self.choose(*by);
                (by.sid, by.pgid, by.vpgid) = (by.pid, by.pid, by.pid);
                self.living.insert(by.pid, by);
                vec![self.call(&by, CALL_SETSID, [0, 0], [0; 16])]
            }
            Step::Group { by } => {
                let mut by = self.choose(*by);
                (by.pgid, by.vpgid) = (by.pid, by.pid);
                self.living.insert(by.pid, by);
                vec![self.call(&by, CALL_SETPGID, [0, 0], [0; 16])]
            }
            Step::Exit { by } | Step::ExitTwice { by } => {
                let by = self.choose(*by);
                if by.pid == INIT {
                    return Vec::new();
                }
                let end = self.end(&by);
                match step {
                    Step::ExitTwice { .. } => vec![end.clone(), end],
                    _ => vec![end],
                }
            }
            Step::Lost(step) => {
                let lost = self.take(step);
                self.torn |= !lost.is_empty();
                Vec::new()
            }
            Step::Scan => {
                self.torn = false;
                let living = self.living.values();
                living
                    .map(|who| task(*who, self.now, b"x\0", "/"))
                    .collect()
            }
        }
    }
}

fn check(state: &State, model: &Model) -> Result<(), TestCaseError> {
    for who in model.living.values() {
        let Some(known) = state.process(key_of(who)) else {
            return Err(TestCaseError::fail(format!("{} is not known", who.pid)));
        };
        let name = Comm::new(who.comm);
        prop_assert_eq!(known.comm.bytes(), name.bytes());
        prop_assert_eq!(known.credentials.loginuid, who.login_uid);
        let ids = (known.parent.pid, known.sid, known.pgid, known.vpgid);
        prop_assert_eq!(ids, (who.parent_pid, who.sid, who.pgid, who.vpgid));
        prop_assert_eq!(state.leader(who.pid).map(|p| p.key), Some(key_of(who)));
        let children = state.processes.children(key_of(who)).count();
        let born = |other: &&Who| {
            (other.parent_pid, other.parent_start_boot_ns) == (who.pid, who.start_boot_ns)
        };
        prop_assert_eq!(children, model.living.values().filter(born).count());
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_table_says_what_is_true_while_nothing_is_lost_and_after_every_scan(
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut model = Model::new();
        let mut state = State::new(1024, Arc::new(Users::default()));
        let apply = |state: &mut State, records: &[Vec<u8>]| {
            for bytes in records {
                state.apply(&Record::parse(bytes).expect("a whole record"));
            }
        };
        let init = model.take(&Step::Scan);
        apply(&mut state, &init);
        for step in &steps {
            let records = model.take(step);
            apply(&mut state, &records);
            if matches!(step, Step::Scan) {
                let there = model.living.values().map(key_of).collect();
                state.processes.keep(&there, model.now);
            }
            if !model.torn {
                check(&state, &model)?;
            }
        }
    }
}
