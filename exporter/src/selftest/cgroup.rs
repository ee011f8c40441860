//! Control groups that look like a container's, for the time of a test.
//!
//! In: where this process is. Out: folders of the hierarchies that processes can be put into. Never: a controller, a limit, or a
//! change to a group that is there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use uuid::Uuid;

use crate::state::cgroup::container;
use crate::sys;

/// Name of the first cgroup namespace, in which paths are told from the root.
const FIRST_NAMESPACE: &str = "cgroup:[4026531835]";
/// Controllers of version 1 whose hierarchies tell which container a process is in.
const TELLING: [&str; 2] = ["memory", "pids"];
/// How long ended processes may take to leave.
const LEAVE_TIME: Duration = Duration::from_secs(5);

/// The groups; taken away when dropped.
#[derive(Debug)]
pub(super) struct Cgroups {
    paths: Vec<PathBuf>,
}

/// Whether this process is in a container already.
pub(super) fn inside_container() -> bool {
    let namespace = fs::read_link("/proc/self/ns/cgroup");
    namespace.is_ok_and(|name| name != Path::new(FIRST_NAMESPACE))
        || own().is_some_and(|path| container(path.as_bytes()).is_some())
}

/// When the container that this process is in started: the first process of its pid namespace, or this one if it shares the host's.
pub(super) fn container_start_boot_ns() -> Option<u64> {
    let first = match sys::in_first_pid_namespace() {
        true => "self",
        false => "1",
    };
    sys::start_boot_ns(&fs::read(format!("/proc/{first}/stat")).ok()?)
}

impl Cgroups {
    /// Makes them below this process's own: of version 2, and of the hierarchies of version 1 that tell of containers.
    ///
    /// # Errors
    /// When none can be made, or one that is there cannot be written.
    pub(super) fn new() -> anyhow::Result<Self> {
        let id = [Uuid::now_v7(), Uuid::now_v7()];
        let id: String = id.iter().map(|half| half.simple().to_string()).collect();
        let name = format!("docker-{id}.scope");
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let mut made = Self { paths: Vec::new() };
        for folder in hierarchies(&mounts, &own) {
            let path = folder.join(&name);
            fs::create_dir(&path).with_context(|| path.display().to_string())?;
            made.paths.push(path);
        }
        anyhow::ensure!(!made.paths.is_empty(), "no hierarchy of them is mounted");
        Ok(made)
    }

    /// Where they are.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        let since = Instant::now();
        for path in &self.paths {
            let busy = || {
                fs::remove_dir(path).is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy)
            };
            while busy() && since.elapsed() < LEAVE_TIME {
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// The path of this process's group of version 2.
fn own() -> Option<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(path.to_owned())
}

/// The folders of the groups that a process is in, of the hierarchies that tell of containers.
fn hierarchies(mounts: &str, own: &str) -> Vec<PathBuf> {
    let folder = |line: &str| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let mount = match controllers {
            "" => mount_point(mounts, "cgroup2", "")?,
            _ => {
                let wanted = |one: &str| TELLING.contains(&one);
                let one = controllers.split(',').find(|one| wanted(one))?;
                mount_point(mounts, "cgroup", one)?
            }
        };
        Some(mount.join(path.trim_start_matches('/')))
    };
    own.lines().filter_map(folder).collect()
}

/// Where a hierarchy is mounted that has this option; any, if it is empty.
fn mount_point(mounts: &str, kind: &str, option: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut after = after.split(' ');
        let options = (after.next()? == kind).then(|| after.nth(1)).flatten()?;
        (option.is_empty() || options.split(',').any(|one| one == option)).then_some(())?;
        before.split(' ').nth(4).map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_on_hosts_of_both_versions() {
        let mounts = "31 24 0:27 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
                      32 24 0:28 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n\
                      33 24 0:29 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw\n";
        let check = |mounts: &str, own: &str, expected: &[&str]| {
            let found = hierarchies(mounts, own);
            assert_eq!(
                found,
                expected.iter().map(PathBuf::from).collect::<Vec<_>>()
            );
        };
        check(
            mounts,
            "4:memory:/user/a\n2:cpu:/\n0::/\n",
            &["/sys/fs/cgroup/memory/user/a", "/sys/fs/cgroup/unified/"],
        );
        let pure = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        check(pure, "0::/init.scope\n", &["/sys/fs/cgroup/init.scope"]);
        check("30 24 0:26 / /tmp rw - tmpfs tmpfs rw\n", "0::/\n", &[]);
    }
}
