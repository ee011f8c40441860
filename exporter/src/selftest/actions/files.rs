//! Actions on files: secrets, system directories, links, modes, traces, persistence.

use crate::selftest::action::Action;
use crate::selftest::program::Word;
use crate::selftest::program::calls::{
    change_mode, change_owner, empty, link, make_folder, read, remove, rename, sleep, symlink,
    write,
};

/// Longer than what the rules take for a start.
const SIX_SECONDS: [Word; 2] = [Word::Value(6), Word::Value(0)];

const CAT: &str = "/bin/cat";
const EDITOR: &str = "/usr/bin/selftest-edit";

pub(super) const SECRETS: &[Action] = &[
    Action::new(
        "Read sensitive file untrusted",
        "reads /etc/shadow",
        CAT,
        &[read("/etc/shadow")],
    )
    .files(&["/etc/shadow"]),
    Action::new(
        "Read sensitive file trusted after startup",
        "sshd reads /etc/shadow six seconds after its start",
        "/usr/sbin/sshd",
        &[sleep(&SIX_SECONDS), read("/etc/shadow")],
    )
    .files(&["/etc/shadow"]),
    Action::new(
        "Directory traversal monitored file read",
        "reads /etc/passwd by a path with ../../",
        CAT,
        &[read("/tmp/a/../../etc/passwd")],
    )
    .files(&["/etc/passwd", "/tmp/a/b"]),
    Action::new(
        "Read ssh information",
        "reads /root/.ssh/id_ed25519",
        CAT,
        &[read("/root/.ssh/id_ed25519")],
    )
    .files(&["/root/.ssh/id_ed25519"]),
    Action::run(
        "Search Private Keys or Passwords",
        "find looks for id_rsa",
        "/usr/bin/find",
        &["/nothing", "-name", "id_rsa"],
    ),
    Action::run(
        "Find AWS Credentials",
        "find looks for .aws/credentials",
        "/usr/bin/find",
        &["/nothing", "-path", "*/.aws/credentials"],
    ),
    Action::new(
        "Read Cloud Credentials",
        "cat reads .aws/credentials",
        CAT,
        &[read("/home/selftest/.aws/credentials")],
    )
    .files(&["/home/selftest/.aws/credentials"]),
    Action::new(
        "Read Service Account Token",
        "cat reads the token of a service account",
        CAT,
        &[read("/var/run/secrets/kubernetes.io/serviceaccount/token")],
    )
    .files(&["/var/run/secrets/kubernetes.io/serviceaccount/token"])
    .in_container(),
    Action::new(
        "Read environment variable from /proc files",
        "cat reads /proc/1/environ",
        CAT,
        &[read("/proc/1/environ")],
    )
    .files(&["/proc/1/environ"])
    .in_container(),
    Action::new(
        "Server Reads below Root Home",
        "nginx reads /root/notes",
        "/usr/sbin/nginx",
        &[read("/root/notes")],
    )
    .files(&["/root/notes"]),
    Action::new(
        "Create Symlink Over Sensitive Files",
        "links to /etc/shadow",
        "/bin/ln",
        &[symlink("/etc/shadow", "/tmp/link")],
    ),
    Action::new(
        "Create Hardlink Over Sensitive Files",
        "gives /etc/shadow a second name",
        "/bin/ln",
        &[link("/etc/shadow", "/tmp/link")],
    )
    .files(&["/etc/shadow"]),
];

pub(super) const INTEGRITY: &[Action] = &[
    Action::new(
        "Write below binary dir",
        "writes /usr/bin/selftest-new",
        EDITOR,
        &[write("/usr/bin/selftest-new")],
    ),
    Action::new(
        "Write below monitored dir",
        "writes /boot/selftest",
        EDITOR,
        &[write("/boot/selftest")],
    ),
    Action::new(
        "Write below etc",
        "writes /etc/selftest",
        EDITOR,
        &[write("/etc/selftest")],
    ),
    Action::new(
        "Write below root",
        "writes /root/selftest",
        EDITOR,
        &[write("/root/selftest")],
    ),
    Action::new(
        "Write below package database",
        "writes /var/lib/dpkg/status",
        EDITOR,
        &[write("/var/lib/dpkg/status")],
    ),
    Action::new(
        "Modify binary dirs",
        "removes /usr/bin/selftest-old",
        EDITOR,
        &[remove("/usr/bin/selftest-old")],
    )
    .files(&["/usr/bin/selftest-old"]),
    Action::new(
        "Mkdir binary dirs",
        "makes the directory /usr/bin/selftest",
        EDITOR,
        &[make_folder("/usr/bin/selftest")],
    ),
    Action::new(
        "Modify Coreutils Binary",
        "writes /usr/bin/ls",
        EDITOR,
        &[write("/usr/bin/ls")],
    ),
    Action::new(
        "Modify Login Binary",
        "moves a file to /usr/bin/login",
        EDITOR,
        &[rename("/tmp/selftest", "/usr/bin/login")],
    )
    .takes_root()
    .files(&["/tmp/selftest"]),
    Action::new(
        "Modify User Management Binary",
        "writes /usr/sbin/useradd",
        EDITOR,
        &[write("/usr/sbin/useradd")],
    ),
    Action::new(
        "Set Setuid or Setgid bit",
        "makes a file run as its owner",
        "/bin/chmod",
        &[change_mode("/tmp/selftest", 0o4755)],
    )
    .files(&["/tmp/selftest"]),
    Action::new(
        "Loosen Mode of Guarded File",
        "lets everybody write /etc/passwd",
        "/bin/chmod",
        &[change_mode("/etc/passwd", 0o666)],
    )
    .files(&["/etc/passwd"]),
    Action::new(
        "Change Owner of Guarded File",
        "gives /etc/passwd to another user",
        "/bin/chown",
        &[change_owner("/etc/passwd", 1000)],
    )
    .files(&["/etc/passwd"]),
    Action::run(
        "Grant Capabilities to File",
        "runs setcap",
        "/usr/sbin/setcap",
        &["cap_net_raw=ep", "/tmp/selftest"],
    ),
];

pub(super) const TRACES: &[Action] = &[
    Action::new(
        "Clear Log Activities",
        "empties /var/log/auth.log",
        EDITOR,
        &[empty("/var/log/auth.log")],
    )
    .files(&["/var/log/auth.log"]),
    Action::new(
        "Remove Log File",
        "removes /var/log/auth.log",
        "/bin/rm",
        &[remove("/var/log/auth.log")],
    )
    .files(&["/var/log/auth.log"]),
    Action::new(
        "Delete or rename shell history",
        "removes /root/.bash_history",
        "/bin/rm",
        &[remove("/root/.bash_history")],
    )
    .files(&["/root/.bash_history"]),
    Action::run(
        "Remove Bulk Data from Disk",
        "runs a program of the name shred",
        "/usr/bin/shred",
        &["--help"],
    ),
    Action::run(
        "Disable Security Tool",
        "runs a program of the name ufw with `disable`",
        "/usr/sbin/ufw",
        &["disable"],
    )
    .called("ufw"),
];

pub(super) const PERSISTENCE: &[Action] = &[
    Action::new(
        "Modify Shell Configuration File",
        "writes /root/.bashrc",
        EDITOR,
        &[write("/root/.bashrc")],
    ),
    Action::new(
        "Schedule Cron Jobs",
        "writes /etc/cron.d/selftest",
        EDITOR,
        &[write("/etc/cron.d/selftest")],
    ),
    Action::new(
        "Adding ssh keys to authorized_keys",
        "writes /root/.ssh/authorized_keys",
        EDITOR,
        &[write("/root/.ssh/authorized_keys")],
    ),
    Action::new(
        "Modify Startup of System",
        "writes /etc/systemd/system/selftest.service",
        EDITOR,
        &[write("/etc/systemd/system/selftest.service")],
    ),
    Action::new(
        "Modify Preload or Login Module",
        "writes /etc/ld.so.preload",
        EDITOR,
        &[write("/etc/ld.so.preload")],
    ),
    Action::new(
        "Create files below dev",
        "writes /dev/selftest",
        EDITOR,
        &[write("/dev/selftest")],
    ),
    Action::new(
        "Update Package Repository",
        "writes /etc/apt/sources.list",
        EDITOR,
        &[write("/etc/apt/sources.list")],
    ),
];
