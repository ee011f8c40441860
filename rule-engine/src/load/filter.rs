//! Which rules keep the kernel filter open for events that are frequent, and what in them does.
//!
//! In: a [`Loaded`]. Out: lints, one a rule at most. Never: part of loading: it is worked out when asked for.

use std::collections::BTreeMap;

use super::Loaded;
use crate::diagnostic::{Code, Diagnostic, Finding, Severity};
use crate::filter::{Blame, Cause, EventPlan};
use crate::program::RuleId;
use crate::schema::{EventTypeId, Schema};

/// Events that a machine at work makes by the thousand in a second. Starts and ends of processes are none of them: they are
/// always reported, since other events are understood through them.
const FREQUENT: &str = "
    open openat openat2 creat close read write readv writev pread pwrite preadv pwritev lseek stat lstat fstat newfstatat
    access getdents getdents64 dup dup2 dup3 fcntl ioctl poll ppoll select epoll_wait futex mmap munmap mprotect brk socket
    connect accept accept4 send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg setsockopt getsockopt pipe pipe2
    unlink unlinkat rename renameat renameat2 switch page_fault signaldeliver";

impl Loaded {
    /// A lint for each rule that lets nearly all events of a frequent type pass the kernel filter, at what is to blame.
    pub fn filter_lints(&self, schema: &Schema) -> Vec<Diagnostic> {
        let Some(rules) = &self.rules else {
            return Vec::new();
        };
        let mut blamed: BTreeMap<RuleId, (EventTypeId, Blame)> = BTreeMap::new();
        let frequent = FREQUENT
            .split_ascii_whitespace()
            .filter_map(|name| schema.event(name))
            .filter(|event| rules.events().contains(*event));
        for event in frequent {
            for wide in EventPlan::of(rules, schema, event).wide {
                blamed.entry(wide.rule).or_insert((event, wide.blame));
            }
        }
        let lint = |(_, (event, blame)): (RuleId, (EventTypeId, Blame))| {
            let finding = finding(schema.event_def(event).name, blame);
            self.texts.diagnostic(finding, Severity::Lint)
        };
        blamed.into_iter().map(lint).collect()
    }
}

fn finding(event: &str, blame: Blame) -> Finding {
    let (why, help) = match blame.cause {
        Cause::Test => (
            "this test is beyond it",
            "the kernel can decide `=`, `in`, `startswith`, `endswith`, `pmatch`, and `glob` with one `*` at its start or end: \
             use one of them here, or beside this test",
        ),
        Cause::Field => (
            "this field is unknown to it",
            "add what the kernel can decide: which files (`fd.name`, `fd.directory`, `fd.filename`), programs (`proc.name`, \
             `proc.exepath`), users (`user.uid`) or addresses are meant, or `container.id != host`",
        ),
        Cause::Nothing => (
            "nothing here says which files, programs, users or addresses are meant",
            "say what is meant, not only what is not: `fd.name startswith /etc/`, `proc.name in (...)`, `container.id != host`",
        ),
    };
    Finding {
        code: Code::FilterOpen,
        message: format!("the kernel cannot hold back any usual `{event}` for this rule: {why}"),
        range: blame.range,
        trail: blame.trail,
        help: Some(help.to_owned()),
        unknown_filter: false,
    }
}
