//! What system calls change about the process that makes them.
//!
//! Only what no later record tells by itself: ids come with every record, the image with the next exec. Which calls are
//! watched for that is the rules' choice: `app::wanted` says so.

use exporter_ebpf::record::{
    CALL_CAPSET, CALL_CHDIR, CALL_FCHDIR, CALL_PRCTL, CALL_SETFSUID, CALL_SETPGID, CALL_SETRESUID,
    CALL_SETREUID, CALL_SETSID, CALL_SETUID, SyscallRecord,
};
use zerocopy::IntoBytes;

use super::{State, actor, directory};
use crate::event::model::{Comm, Credentials, Process, ProcessKey};
use crate::event::symbols::process::PR_SET_NAME;

impl State {
    /// Brings the caller, or the child that it speaks of, up to a call that has succeeded.
    pub(super) fn called(&mut self, record: &SyscallRecord<'_>) {
        let fixed = &record.fixed;
        if fixed.call.result < 0 {
            return;
        }
        let key = actor(&fixed.header);
        let at = fixed.header.time_boot_ns;
        // Names and rights are the threads' own: those of the process are its main thread's.
        let main = fixed.header.tid == fixed.header.pid;
        match fixed.call.call {
            CALL_CHDIR | CALL_FCHDIR if !record.target.bytes.is_empty() => {
                self.change(key, at, |process| process.cwd = directory(record.target));
            }
            // The option is an int: the kernel ignores the upper half of the register. The name is the kernel's own, not
            // what the caller's memory held when the call ended.
            CALL_PRCTL if main && u64::from(fixed.args[0] as u32) == PR_SET_NAME => {
                let mut name = [0; 16];
                name.copy_from_slice(fixed.values[..2].as_bytes());
                // Older captures hold what the caller's memory said.
                if name[0] == 0 {
                    let given = record.text.bytes.iter().take(name.len() - 1);
                    name.iter_mut()
                        .zip(given)
                        .for_each(|(to, from)| *to = *from);
                }
                self.renamed(key, at, Comm::new(name));
            }
            CALL_SETSID => self.change(key, at, |process| {
                process.sid = process.key.pid;
                process.pgid = process.key.pid;
                process.vpgid = process.vpid;
                process.tty = 0;
            }),
            CALL_SETPGID => self.join_group(key, at, fixed.args[0] as u32, fixed.args[1] as u32),
            // Not setns and unshare: who makes or enters a user namespace gets all capabilities, within it. Rules ask for those
            // that count on the host, and upstream's rule about unshare for those of before.
            CALL_CAPSET | CALL_SETUID | CALL_SETREUID | CALL_SETRESUID | CALL_SETFSUID if main => {
                self.change(key, at, |process| {
                    process.credentials = Credentials {
                        uid: fixed.header.euid,
                        gid: fixed.header.egid,
                        cap_effective: fixed.values[0],
                        cap_permitted: fixed.values[1],
                        cap_inheritable: fixed.values[2],
                        ..process.credentials
                    };
                });
            }
            _ => {}
        }
    }

    /// Notes the name of a process.
    pub(super) fn renamed(&mut self, key: ProcessKey, at: u64, comm: Comm) {
        if self
            .processes
            .get(key)
            .is_some_and(|known| known.comm.bytes() != comm.bytes())
        {
            self.change(key, at, |process| process.comm = comm);
        }
    }

    /// Notes the login user of a process.
    pub(super) fn logged_in(&mut self, key: ProcessKey, at: u64, loginuid: u32) {
        if self
            .processes
            .get(key)
            .is_some_and(|known| known.credentials.loginuid != loginuid)
        {
            self.change(key, at, |process| process.credentials.loginuid = loginuid);
        }
    }

    /// setpgid: both numbers are as the caller's pid namespace has them; 0 is the caller itself, and the process itself.
    fn join_group(&mut self, caller: ProcessKey, at: u64, vpid: u32, vpgid: u32) {
        let Some(process) = self.processes.get(caller) else {
            return;
        };
        let (key, known) = match vpid {
            0 => (caller, process),
            vpid if vpid == process.vpid => (caller, process),
            vpid => {
                let mut children = self.processes.children(caller);
                match children.find(|child| child.vpid == vpid) {
                    Some(child) => (child.key, child),
                    None => return,
                }
            }
        };
        let vpgid = if vpgid == 0 { known.vpid } else { vpgid };
        // The group is its leader's, the caller's, or that of another child of the caller.
        let leader = [known.key, caller]
            .into_iter()
            .filter_map(|key| self.processes.get(key))
            .chain(self.processes.children(caller))
            .find(|process| process.vpid == vpgid);
        let pgid = leader.map(|leader| leader.key.pid);
        self.change(key, at, |process| {
            process.vpgid = vpgid;
            process.pgid = pgid.unwrap_or(vpgid);
        });
    }

    /// Changes a process by what was known at a time, ns since boot.
    fn change(&mut self, key: ProcessKey, at: u64, change: impl FnOnce(&mut Process)) {
        if let Some(known) = self.processes.get(key) {
            let mut process = Process::clone(known);
            change(&mut process);
            process.seen_boot_ns = process.seen_boot_ns.max(at);
            self.processes.insert(process);
        }
    }
}
