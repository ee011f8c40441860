//! A control group that looks like a container's, for the time of a test.
//!
//! In: where this process is. Out: a folder of the hierarchy that processes can be put into. Never: a controller, a limit, or a
//! change to a group that is there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use uuid::Uuid;

use crate::state::cgroup::container;

/// Name of the first cgroup namespace, in which paths are told from the root.
const FIRST_NAMESPACE: &str = "cgroup:[4026531835]";
/// How long ended processes may take to leave.
const LEAVE_TIME: Duration = Duration::from_secs(5);

/// The group; taken away when dropped.
#[derive(Debug)]
pub(super) struct Cgroup {
    path: PathBuf,
}

/// Whether this process is in a container already.
pub(super) fn inside_container() -> bool {
    let namespace = fs::read_link("/proc/self/ns/cgroup");
    namespace.is_ok_and(|name| name != Path::new(FIRST_NAMESPACE))
        || own().is_some_and(|path| container(path.as_bytes()).is_some())
}

impl Cgroup {
    /// Makes one below this process's own.
    ///
    /// # Errors
    /// When the hierarchy is not there or cannot be written.
    pub(super) fn new() -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let mount = mount_point(&mounts).context("no hierarchy of version 2 is mounted")?;
        let own = own().context("this process is in no group of version 2")?;
        let id = [Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)); 2];
        let id: String = id.iter().map(|half| half.simple().to_string()).collect();
        let name = format!("docker-{id}.scope");
        let path = mount.join(own.trim_start_matches('/')).join(name);
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Self { path })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let since = Instant::now();
        while fs::remove_dir(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy)
            && since.elapsed() < LEAVE_TIME
        {
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The path of this process's group of version 2.
fn own() -> Option<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(path.to_owned())
}

/// Where the hierarchy of version 2 is mounted.
fn mount_point(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        after.starts_with("cgroup2 ").then_some(())?;
        before.split(' ').nth(4).map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchy_of_version_2_is_found_beside_those_of_version_1() {
        let hybrid = "30 24 0:26 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
                      31 24 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw\n";
        assert_eq!(
            mount_point(hybrid),
            Some("/sys/fs/cgroup/unified".into())
        );
        assert_eq!(mount_point("30 24 0:26 / /tmp rw - tmpfs tmpfs rw\n"), None);
    }
}
