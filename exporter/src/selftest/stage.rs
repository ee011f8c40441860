//! Where an action takes place: a process that has left everything of the host's behind.
//!
//! In: an [`Order`]. Out: a line on standard output: done, or why not. Never: a file of the host. The program of an action
//! runs in a root file system that is empty but for what the action names, lies in memory, is seen by this process and its
//! children alone, and is gone with them; the same is true of its network.
//!
//! Two processes come before it. The first leaves the session and the control group of who asked, and ends, so that the
//! second has no ancestors to be excused by; that one becomes the stage.

use std::ffi::CString;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use rustix::fd::OwnedFd;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use rustix::process::{chdir, getgid, getuid, ioctl_tiocsctty, pivot_root, setsid};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::thread::{UnshareFlags, set_name, unshare_unsafe};

use super::action::Action;
use super::actions::{self, NETWORK_NAMESPACE};
use super::{loopback, program};

/// What the stage says when the program has done its work.
pub(super) const DONE: &str = "done";
/// A layer of the overlay is a folder below this one.
const LAYERS: &str = "/layers";

/// What is to be done.
#[derive(Clone, Debug, clap::Args)]
pub struct Order {
    /// Number of the action.
    #[arg(long, hide = true)]
    act: Option<usize>,
    /// What matches are told by: it stands in the command line of who starts the program.
    #[arg(long, hide = true, default_value = "")]
    marker: String,
    /// Control groups to be in, one of each hierarchy that tells of containers.
    #[arg(long, hide = true)]
    cgroup: Vec<PathBuf>,
    /// Whether this is the second process.
    #[arg(long, hide = true)]
    on_stage: bool,
}

impl Order {
    /// The command that carries it out.
    pub(super) fn command(act: usize, marker: &str, cgroups: &[PathBuf]) -> io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["selftest", "--act", &act.to_string(), "--marker", marker]);
        for cgroup in cgroups {
            command.arg("--cgroup").arg(cgroup);
        }
        Ok(command)
    }

    /// Whether something is to be done at all.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.act.is_some()
    }

    /// Does it, and says how it went.
    ///
    /// # Errors
    /// When nobody is left to be told.
    pub fn carry_out(&self) -> io::Result<()> {
        let action = self.act.and_then(|act| actions::all().nth(act));
        let outcome = match action {
            None => Err(anyhow::anyhow!("there is no such action")),
            Some(action) if self.on_stage => on_stage(action).map(|()| Some(DONE)),
            Some(action) => self.leave(action).map(|()| None),
        };
        let mut out = io::stdout();
        match outcome {
            Ok(None) => Ok(()),
            Ok(Some(done)) => writeln!(out, "{done}"),
            Err(error) => writeln!(out, "{error:#}"),
        }
    }

    /// Leaves the session and the control group, and starts the stage without waiting for it.
    fn leave(&self, action: &Action) -> anyhow::Result<()> {
        // Fails for the leader of a group, which a started process is not.
        let _ = setsid();
        for cgroup in &self.cgroup {
            fs::write(cgroup.join("cgroup.procs"), "0")
                .context("no process can be put into a control group")?;
        }
        if let Some(login) = action.login {
            fs::write("/proc/self/loginuid", login.to_string())
                .context("the user that has logged in cannot be set")?;
        }
        let act = self.act.unwrap_or_default();
        let mut command = Self::command(act, &self.marker, &[])?;
        // The stage begins when this process has gone and its end of the pipe with it.
        command.arg("--on-stage").stdin(Stdio::piped());
        command.spawn().context("the stage cannot be started")?;
        Ok(())
    }
}

#[allow(unsafe_code, reason = "the safe wrapper is deprecated")]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: this process has one thread, and FILES is never among the flags.
    unsafe { unshare_unsafe(flags) }
}

fn on_stage(action: &Action) -> anyhow::Result<()> {
    // Who started this process has ended when nothing more can come.
    io::stdin().read_to_end(&mut Vec::new())?;
    if action.on_terminal {
        // Who closes it hangs up, and ends this process before it has said how it went: that is left to its end.
        std::mem::forget(terminal().context("there is no terminal to be had")?);
    }
    leave_host().context("no namespaces of its own")?;
    if !action.addresses.is_empty() {
        loopback::set_up(action.addresses).context("the network cannot be set up")?;
    }
    furnish(action).context("the scratch root cannot be made")?;
    set_name(&CString::new(action.parent)?)?;
    perform(action)
}

/// Makes namespaces of its own, in a user namespace if need be.
fn leave_host() -> anyhow::Result<()> {
    let own =
        UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    if let Err(refused) = unshare(own) {
        let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
        unshare(own | UnshareFlags::NEWUSER)
            .map_err(|_| refused)
            .context("CAP_SYS_ADMIN is missing, and user namespaces are not allowed")?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    }
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)?;
    Ok(())
}

/// A terminal, which this process has from here on. It is there while both ends are held.
fn terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    setsid()?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let controller = openpt(flags)?;
    grantpt(&controller)?;
    unlockpt(&controller)?;
    let terminal = ioctl_tiocgptpeer(&controller, flags)?;
    ioctl_tiocsctty(&terminal)?;
    Ok((controller, terminal))
}

/// Makes a root file system in memory with what the action needs, and goes there.
fn furnish(action: &Action) -> anyhow::Result<()> {
    // The last is there in an image that holds nothing but this program.
    let place = ["/tmp", "/run", "/mnt", "/var", "/usr"];
    let root = place.into_iter().map(Path::new).find(|path| path.is_dir());
    let root = root.context("none of /tmp, /run, /mnt, /var and /usr is there")?;
    let plain = MountFlags::empty();
    mount("saker-selftest", root, "tmpfs", plain, c"mode=755")?;
    let within = |path: &str| root.join(path.trim_start_matches('/'));
    if action.in_upper_layer {
        for layer in ["lower", "upper", "work", "merged"] {
            fs::create_dir_all(within(LAYERS).join(layer))?;
        }
        let layers = within(LAYERS);
        let layers = layers.display();
        let options =
            format!("lowerdir={layers}/lower,upperdir={layers}/upper,workdir={layers}/work");
        let merged = within(LAYERS).join("merged");
        let options = CString::new(options)?;
        mount("overlay", merged, "overlay", plain, options.as_c_str())?;
    }
    let named = action.calls.iter().flat_map(|call| call.texts());
    for path in named.filter(|path| path.starts_with('/')) {
        make_folder_of(&within(path))?;
    }
    for path in action.files {
        make_folder_of(&within(path))?;
        fs::write(within(path), "")?;
    }
    if action
        .calls
        .iter()
        .any(|call| call.texts().any(|text| text == NETWORK_NAMESPACE))
    {
        fs::write(within(NETWORK_NAMESPACE), "")?;
        mount_bind("/proc/self/ns/net", within(NETWORK_NAMESPACE))?;
    }
    let program = within(action.path);
    make_folder_of(&program)?;
    fs::write(&program, program::executable(action.calls))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    chdir(root)?;
    // The old root lies below the new one at the same place, until it is taken away.
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    Ok(())
}

fn make_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Runs the program, and waits for its end.
fn perform(action: &Action) -> anyhow::Result<()> {
    let mut command = Command::new(action.path);
    command.args(action.args).env_clear();
    command.envs(action.environment.iter().copied());
    if let Some(name) = action.called {
        command.arg0(name);
    }
    if action.user != 0 {
        command.uid(action.user);
    }
    let status = command.status().context("its program cannot be run")?;
    match status.code() {
        Some(0) => Ok(()),
        Some(error) => bail!(
            "the kernel refused it: {}",
            io::Error::from_raw_os_error(error)
        ),
        None => bail!("its program was ended: {status}"),
    }
}
