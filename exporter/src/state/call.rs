//! What system calls change about the process that makes them.
//!
//! Only what no later record tells by itself: ids come with every record, the image with the next exec. Which calls are
//! watched for that is the rules' choice: `app::wanted` says so.

use exporter_ebpf::record::{
    CALL_CAPSET, CALL_CHDIR, CALL_FCHDIR, CALL_PRCTL, CALL_SETPGID, CALL_SETSID, COMM_BYTES,
    SyscallRecord,
};

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
        match fixed.call.call {
            CALL_CHDIR | CALL_FCHDIR if !record.target.bytes.is_empty() => {
                self.change(key, |process| process.cwd = directory(record.target));
            }
            // The name of the process is that of its main thread.
            CALL_PRCTL
                if fixed.args[0] == PR_SET_NAME
                    && fixed.header.tid == fixed.header.pid
                    && !record.text.read_failed() =>
            {
                self.renamed(key, comm(record.text.bytes));
            }
            CALL_SETSID => self.change(key, |process| {
                process.sid = process.key.pid;
                process.pgid = process.key.pid;
                process.vpgid = process.vpid;
                process.tty = 0;
            }),
            CALL_SETPGID => self.join_group(key, fixed.args[0] as u32, fixed.args[1] as u32),
            CALL_CAPSET => {
                let [effective, permitted, inheritable] = fixed.values;
                self.change(key, |process| {
                    process.credentials = Credentials {
                        cap_effective: effective,
                        cap_permitted: permitted,
                        cap_inheritable: inheritable,
                        ..process.credentials
                    };
                });
            }
            _ => {}
        }
    }

    /// Notes the name of a process.
    pub(super) fn renamed(&mut self, key: ProcessKey, comm: Comm) {
        if self
            .processes
            .get(key)
            .is_some_and(|known| known.comm.bytes() != comm.bytes())
        {
            self.change(key, |process| process.comm = comm);
        }
    }

    /// setpgid: both numbers are as the caller's pid namespace has them; 0 is the caller itself, and the process itself.
    fn join_group(&mut self, caller: ProcessKey, vpid: u32, vpgid: u32) {
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
        self.change(key, |process| {
            process.vpgid = vpgid;
            process.pgid = pgid.unwrap_or(vpgid);
        });
    }

    fn change(&mut self, key: ProcessKey, change: impl FnOnce(&mut Process)) {
        if let Some(known) = self.processes.get(key) {
            let mut process = Process::clone(known);
            change(&mut process);
            self.processes.insert(process);
        }
    }
}

/// A name as the kernel cuts it.
fn comm(name: &[u8]) -> Comm {
    let mut field = [0; COMM_BYTES];
    for (to, from) in field.iter_mut().take(COMM_BYTES - 1).zip(name) {
        *to = *from;
    }
    Comm::new(field)
}
