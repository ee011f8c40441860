//! Who is who: bounded tables of processes, cgroups, containers and users.
//!
//! In: records, in the order in which the kernel made them, and the start-up scan's; what engines say of containers. Out: the
//! process, cgroup, ancestors, container and users of an event. Never: I/O; the pipeline's thread owns this and waits for nobody.

mod call;
pub mod cgroup;
pub mod container;
pub mod domain;
mod peer;
pub mod pod;
pub mod process;
pub mod user;

use std::net::IpAddr;
use std::sync::Arc;

use exporter_ebpf::record::{
    self, ExecRecord, INODE_MEMFD, INODE_OVERLAY_LOWER, INODE_OVERLAY_UPPER, Path, Record, Tail,
    TaskRecord,
};

use self::cgroup::Cgroups;
use self::container::Containers;
use self::domain::Domains;
use self::peer::Peers;
use self::pod::Pods;
use self::process::Processes;
use self::user::Users;
use crate::event::Facts;
use crate::event::container::{ContainerId, Metadata};
use crate::event::kubernetes::PodMeta;
use crate::event::model::{
    Cgroup, Comm, Credentials, Image, Process, ProcessKey, Surroundings, User,
};

/// Cgroups that are remembered; a node runs a few hundred at a time.
pub const CGROUPS_MAX: usize = 16_384;
/// Containers whose metadata is remembered.
pub const CONTAINERS_MAX: usize = 4096;
/// Pods that the Kubernetes API server's word is remembered of; a kubelet runs a few hundred at most.
pub const PODS_MAX: usize = 1024;
/// The capability to pass by permissions, as a bit (include/uapi/linux/capability.h).
const CAP_DAC_OVERRIDE: u64 = 1 << 1;
/// Ancestors among which a container's shim is looked for: itself, runc, its parent.
const SHIM_DISTANCE_MAX: usize = 4;

/// The tables.
#[derive(Debug)]
pub struct State {
    /// Processes by key.
    pub processes: Processes,
    /// What engines say of containers; none when no engine is asked.
    pub containers: Option<Containers>,
    /// What the Kubernetes API server says of pods.
    pub pods: Pods,
    /// Cgroups by the kernel's id.
    pub cgroups: Cgroups,
    /// Numbers of those that were entered, and whether they are containers', where somebody wants to know.
    new_cgroups: Option<Vec<(u64, bool)>>,
    users: Arc<Users>,
    domains: Arc<Domains>,
    peers: Peers,
}

/// What a record means beyond the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Rules are to see it.
    Event,
    /// Only the tables needed it.
    StateOnly,
}

impl State {
    /// Empty tables; `processes_max` bounds the largest one.
    #[must_use]
    pub fn new(processes_max: usize, users: Arc<Users>) -> Self {
        Self {
            processes: Processes::new(processes_max),
            containers: None,
            pods: Pods::new(PODS_MAX),
            cgroups: Cgroups::new(CGROUPS_MAX),
            new_cgroups: None,
            users,
            domains: Arc::default(),
            peers: Peers::default(),
        }
    }

    /// Takes a new user database.
    pub fn set_users(&mut self, users: Arc<Users>) {
        self.users = users;
    }

    /// Completes what a record tells of an event, at its time, by what was before.
    pub fn complete(&mut self, facts: &mut Facts<'_>, at_boot_ns: u64) {
        self.peers.note(facts, at_boot_ns);
    }

    /// Takes what the domain names in rules lead to now.
    pub fn set_domains(&mut self, domains: Arc<Domains>) {
        self.domains = domains;
    }

    /// Expects that engines will be asked for containers, so that metadata that is not known yet is awaited.
    pub fn await_containers(&mut self) {
        self.containers = Some(Containers::new(CONTAINERS_MAX));
    }

    /// The user database.
    #[must_use]
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// Notes which cgroups are entered from now on, for [`Self::new_cgroups`], which has to be asked after each record.
    pub fn note_cgroups(&mut self) {
        self.new_cgroups = Some(Vec::new());
    }

    /// The cgroups that were entered since this was asked: their numbers, and whether they are containers'.
    pub fn new_cgroups(&mut self) -> impl Iterator<Item = (u64, bool)> {
        self.new_cgroups.iter_mut().flat_map(|told| told.drain(..))
    }

    /// Brings the tables up to a record.
    pub fn apply(&mut self, record: &Record<'_>) -> Applied {
        match record {
            Record::Exec(exec) => self.exec(exec),
            Record::Task(task) => return self.task(task),
            Record::Fork(fork) => return self.fork(&fork.fixed),
            Record::Exit(exit) => {
                let key = actor(&exit.fixed.header);
                let reaper = ProcessKey {
                    pid: exit.fixed.reaper_pid,
                    start_boot_ns: exit.fixed.reaper_start_boot_ns,
                };
                return if self.processes.exit(key, reaper) {
                    Applied::Event
                } else {
                    Applied::StateOnly
                };
            }
            Record::Open(_) | Record::Connect(_) => self.moved(record.header()),
            Record::Syscall(call) => {
                self.moved(&call.fixed.header);
                self.called(call);
            }
        }
        Applied::Event
    }

    fn exec(&mut self, exec: &ExecRecord<'_>) {
        let fixed = &exec.fixed;
        let image = image(
            exec.exe,
            &fixed.inode,
            &fixed.stat,
            &fixed.process,
            exec.args,
            fixed.header.time_boot_ns,
        );
        let image = Image {
            env: exec.env.bytes.into(),
            ..image
        };
        let cgroup = self.remember_cgroup(&fixed.process, exec.cgroup);
        self.processes.insert(process(
            &fixed.process,
            Arc::new(image),
            directory(exec.cwd),
            cgroup,
            fixed.header.time_boot_ns,
        ));
    }

    fn task(&mut self, task: &TaskRecord<'_>) -> Applied {
        let fixed = &task.fixed;
        // What the ring has told since is newer than the scan.
        let known = self.processes.get(key(&fixed.process));
        if known.is_none_or(|known| known.seen_boot_ns < fixed.header.time_boot_ns) {
            let image = image(
                task.exe,
                &fixed.inode,
                &fixed.stat,
                &fixed.process,
                task.args,
                fixed.process.start_boot_ns,
            );
            // A scan tells neither the environment nor when the program was executed: an image that is the same stays.
            let image = match known {
                Some(known) if same_program(&known.image, &image, task.args.read_failed()) => {
                    Arc::clone(&known.image)
                }
                _ => Arc::new(image),
            };
            let cgroup = self.remember_cgroup(&fixed.process, task.cgroup);
            self.processes.insert(process(
                &fixed.process,
                image,
                directory(task.cwd),
                cgroup,
                fixed.header.time_boot_ns,
            ));
        }
        Applied::StateOnly
    }

    fn fork(&mut self, fork: &record::Fork) -> Applied {
        // The scan may have met the child before the ring told of its birth.
        if self.processes.get(key(&fork.process)).is_some() {
            return Applied::StateOnly;
        }
        // A child is born with the name and the login user of the thread that made it: those of the process, if it was the main
        // one. What was written to /proc/PID/comm and /proc/PID/loginuid is told by nothing else.
        if fork.header.tid == fork.header.pid {
            let (maker, at) = (actor(&fork.header), fork.header.time_boot_ns);
            self.renamed(maker, at, Comm::new(fork.process.comm));
            self.logged_in(maker, at, fork.process.login_uid);
        }
        // The maker's image is the child's, also where CLONE_PARENT gives it another parent.
        let (image, cwd) = match self.processes.get(actor(&fork.header)) {
            Some(maker) => (Arc::clone(&maker.image), Arc::clone(&maker.cwd)),
            None => (Arc::default(), Arc::from(&b""[..])),
        };
        let cgroup = self.remember_cgroup(&fork.process, Tail::default());
        self.processes.insert(process(
            &fork.process,
            image,
            cwd,
            cgroup,
            fork.header.time_boot_ns,
        ));
        Applied::StateOnly
    }

    /// A process that has been put into another cgroup since the last record about it.
    fn moved(&mut self, header: &record::Header) {
        let Some(known) = self.processes.get(actor(header)) else {
            return;
        };
        if known.cgroup.id == header.cgroup_id {
            return;
        }
        if let Some(cgroup) = self.cgroups.get(header.cgroup_id) {
            let process = Process {
                cgroup: Arc::clone(cgroup),
                ..Process::clone(known)
            };
            self.processes.insert(process);
        }
    }

    /// The cgroup of a process, entered if a path comes with it.
    fn remember_cgroup(&mut self, process: &record::Process, path: Tail<'_>) -> Arc<Cgroup> {
        let id = process.cgroup_id;
        if let Some(known) = self.cgroups.get(id)
            && (path.bytes.is_empty() || *known.path == *path.bytes)
        {
            return Arc::clone(known);
        }
        let container =
            cgroup::container(path.bytes).or_else(|| self.container_by_shim(process, path.bytes));
        let cgroup = Arc::new(Cgroup {
            id,
            path: path.bytes.into(),
            container,
        });
        if path.bytes.is_empty() {
            // Nothing is known of it: the next record that brings its path shall be believed.
            return cgroup;
        }
        if let Some(told) = &mut self.new_cgroups {
            told.push((id, cgroup.container.is_some()));
        }
        self.cgroups.insert(Arc::clone(&cgroup));
        cgroup
    }

    /// A path that names no runtime is a container's all the same if a containerd shim above the process says so.
    fn container_by_shim(&self, process: &record::Process, path: &[u8]) -> Option<ContainerId> {
        let mut parent = parent(process);
        for _ in 0..SHIM_DISTANCE_MAX {
            let ancestor = self.processes.get(parent)?;
            if ancestor.comm.bytes().starts_with(b"containerd-shim") {
                let option =
                    |name: &[u8]| ancestor.image.args().skip_while(|arg| *arg != name).nth(1);
                return cgroup::shim_container(path, option(b"-namespace")?, option(b"-id")?);
            }
            parent = ancestor.parent;
        }
        None
    }
}

impl Surroundings for State {
    fn process(&self, key: ProcessKey) -> Option<&Process> {
        self.processes.get(key).map(|process| &**process)
    }

    fn leader(&self, pid: u32) -> Option<&Process> {
        self.processes.latest(pid).map(|process| &**process)
    }

    fn user(&self, uid: u32) -> Option<&User> {
        self.users.user(uid)
    }

    fn group(&self, gid: u32) -> Option<&str> {
        self.users.group(gid)
    }

    fn domains(&self, ip: IpAddr) -> &[Box<str>] {
        self.domains.of(ip)
    }

    fn container(&self, id: &ContainerId) -> Metadata<'_> {
        match &self.containers {
            Some(containers) => containers.get(id),
            None => Metadata::Absent,
        }
    }

    fn pod(&self, uid: &str) -> Option<&PodMeta> {
        self.pods.get(uid)
    }
}

/// Who acted.
#[must_use]
pub fn actor(header: &record::Header) -> ProcessKey {
    ProcessKey {
        pid: header.pid,
        start_boot_ns: header.start_boot_ns,
    }
}

fn key(process: &record::Process) -> ProcessKey {
    ProcessKey {
        pid: process.pid,
        start_boot_ns: process.start_boot_ns,
    }
}

fn parent(process: &record::Process) -> ProcessKey {
    ProcessKey {
        pid: process.parent_pid,
        start_boot_ns: process.parent_start_boot_ns,
    }
}

fn process(
    of: &record::Process,
    image: Arc<Image>,
    cwd: Arc<[u8]>,
    cgroup: Arc<Cgroup>,
    seen_boot_ns: u64,
) -> Process {
    Process {
        key: key(of),
        parent: parent(of),
        comm: Comm::new(of.comm),
        image,
        cwd,
        credentials: Credentials {
            uid: of.euid,
            gid: of.egid,
            loginuid: of.login_uid,
            cap_effective: of.cap_effective,
            cap_permitted: of.cap_permitted,
            cap_inheritable: of.cap_inheritable,
        },
        cgroup,
        tty: of.tty,
        sid: of.sid,
        pgid: of.pgid,
        vpid: of.vpid,
        vpgid: of.vpgid,
        pid_namespace: of.pid_ns,
        pid_namespace_start_boot_ns: of.pid_ns_start_boot_ns,
        seen_boot_ns,
    }
}

fn image(
    exe: Path<'_>,
    inode: &record::Inode,
    stat: &record::Stat,
    who: &record::Process,
    args: Tail<'_>,
    exec_boot_ns: u64,
) -> Image {
    let end = args.bytes.iter().position(|byte| *byte == 0);
    let (argv0, rest) = match end {
        Some(end) => (args.bytes.get(..end), args.bytes.get(end + 1..)),
        None => (Some(args.bytes), None),
    };
    Image {
        path: exe.in_root().into(),
        exe: argv0.unwrap_or_default().into(),
        args: rest.unwrap_or_default().into(),
        args_truncated: args.truncated(),
        exec_boot_ns,
        inode: inode.ino,
        // Files from before 1970 are shown as from then.
        ctime_ns: u64::try_from(stat.ctime_ns).unwrap_or(0),
        mtime_ns: u64::try_from(stat.mtime_ns).unwrap_or(0),
        upper_layer: inode.flags & INODE_OVERLAY_UPPER != 0,
        lower_layer: inode.flags & INODE_OVERLAY_LOWER != 0,
        memfd: inode.flags & INODE_MEMFD != 0,
        writable: may_write(who, inode, stat),
        env: Box::default(),
    }
}

/// Whether a process may write a file by its permissions: those of its owner, its group or all, unless the process may pass
/// them by. Supplementary groups, access lists and read-only mounts are not looked at.
fn may_write(who: &record::Process, inode: &record::Inode, stat: &record::Stat) -> bool {
    let may = |bit: u16| inode.mode & bit != 0;
    inode.ino != 0
        && (who.cap_effective & CAP_DAC_OVERRIDE != 0
            || match (who.fsuid == stat.uid, who.fsgid == stat.gid) {
                (true, _) => may(0o200),
                (false, true) => may(0o020),
                (false, false) => may(0o002),
            })
}

/// Whether a scanned image is the one that is known; `unread`: the scan could not read the arguments.
fn same_program(known: &Image, scanned: &Image, unread: bool) -> bool {
    known.path == scanned.path
        && known.inode == scanned.inode
        && known.ctime_ns == scanned.ctime_ns
        && (unread || (known.exe == scanned.exe && known.args == scanned.args))
}

fn directory(path: Path<'_>) -> Arc<[u8]> {
    path.in_root().into()
}

#[cfg(test)]
mod law;
#[cfg(test)]
pub(crate) mod tests;
