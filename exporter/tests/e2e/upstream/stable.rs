//! Falco's stable rules.

use super::{Case, Place, case, elsewhere};

pub(super) const CASES: &[Case] = &[
    case(
        "Directory traversal monitored file read",
        "opens /etc/passwd by a path full of `../`",
        Place::Host,
        r#"read_from("/tmp/../../../etc/passwd")"#,
        r#"read_from("/etc/passwd")"#,
    ),
    case(
        "Read sensitive file trusted after startup",
        "a process that calls itself nginx reads /etc/shadow six seconds after its start",
        Place::Host,
        r#"name("nginx"); sleep 6; read_from("/etc/shadow")"#,
        r#"name("nginx"); read_from("/etc/shadow")"#,
    ),
    case(
        "Read sensitive file untrusted",
        "reads /etc/shadow",
        Place::Inside,
        "/bin/cat /etc/shadow; true",
        "/bin/cat /etc/passwd; true",
    ),
    case(
        "Run shell untrusted",
        "a process that calls itself nginx starts a shell",
        Place::Host,
        r#"name("nginx"); exit system("sh", "-c", "true $m")"#,
        r#"exit system("sh", "-c", "true $m")"#,
    ),
    case(
        "System user interactive",
        "the user daemon runs a program below a process that calls itself sshd",
        Place::Host,
        r#"name("sshd"); if (!fork) { become(1); exec "true", $m } wait; exit $?"#,
        r#"name("sshd"); if (!fork) { exec "true", $m } wait; exit $?"#,
    ),
    elsewhere(
        Place::Inside,
        case(
            "Terminal shell in container",
            "a shell is started on a terminal",
            Place::InsideOnTerminal,
            "true",
            "true",
        ),
    ),
    case(
        "Netcat Remote Code Execution in Container",
        "runs a program of the name nc with `-e`",
        Place::Inside,
        "/bin/nc -e $0; true",
        "/bin/nc -x $0; true",
    ),
    case(
        "Search Private Keys or Passwords",
        "looks for id_rsa with find",
        Place::Host,
        r#"system("find", "/nonexistent/$m", "-name", "id_rsa")"#,
        r#"system("find", "/nonexistent/$m", "-name", "id_card")"#,
    ),
    case(
        "Clear Log Activities",
        "opens a file of the name auth.log and cuts it to nothing",
        Place::Host,
        r#"write_to("$d/auth.log")"#,
        r#"open(F, ">>", "$d/auth.log") or die"#,
    ),
    case(
        "Remove Bulk Data from Disk",
        "runs a program of the name shred",
        Place::Host,
        r#"run("shred", $m)"#,
        r#"run("shredder", $m)"#,
    ),
    case(
        "Create Symlink Over Sensitive Files",
        "links to /etc/shadow",
        Place::Host,
        r#"symlink("/etc/shadow", "$d/link") or die"#,
        r#"symlink("/etc/hostname", "$d/link") or die"#,
    ),
    case(
        "Create Hardlink Over Sensitive Files",
        "asks for a hard link to /etc/shadow, by a relative path",
        Place::Host,
        r#"chdir "/etc" or die; link("shadow", "$d/link")"#,
        r#"chdir "/etc" or die; link("hostname", "$d/link")"#,
    ),
    case(
        "Packet socket created in container",
        "opens a packet socket",
        Place::Container,
        r#"socket(S, 17, 3, 0) or die"#,
        r#"socket(S, 2, 2, 0) or die"#,
    ),
    case(
        "Redirect STDOUT/STDIN to Network Connection in Container",
        "puts a socket in the place of standard input",
        Place::Container,
        r#"use POSIX; socket(S, 2, 1, 0) or die; defined POSIX::dup2(fileno(S), 0) or die"#,
        r#"use POSIX; socket(S, 2, 1, 0) or die; defined POSIX::dup2(fileno(S), 9) or die"#,
    ),
    elsewhere(
        Place::Host,
        case(
            "Linux Kernel Module Injection Detected",
            "calls init_module with what is no module",
            Place::Container,
            r#"my ($image, $none) = ("no module", ""); call("init_module", $image, 9, $none)"#,
            r#"my ($image, $none) = ("no module", ""); call("init_module", $image, 9, $none)"#,
        ),
    ),
    elsewhere(
        Place::Inside,
        case(
            "Debugfs Launched in Privileged Container",
            "runs a program of the name debugfs in a privileged container",
            Place::Privileged,
            "ln -sf /bin/busybox /tmp/debugfs; /tmp/debugfs; true",
            "ln -sf /bin/busybox /tmp/debugfs; /tmp/debugfs; true",
        ),
    ),
    case(
        "Detect release_agent File Container Escapes",
        "writes a file of the name release_agent",
        Place::Container,
        r#"write_to("$d/release_agent")"#,
        r#"write_to("$d/release_agents")"#,
    ),
    case(
        "PTRACE attached to process",
        "attaches to a process that is not there",
        Place::Host,
        r#"call("ptrace", 16, 4194305, 0, 0)"#,
        r#"call("ptrace", 17, 4194305, 0, 0)"#,
    ),
    case(
        "PTRACE anti-debug attempt",
        "asks to be traced by its parent",
        Place::Host,
        r#"if (!fork) { call("ptrace", 0, 0, 0, 0); exit 0 } wait; exit $?"#,
        r#"if (!fork) { call("ptrace", 17, 0, 0, 0); exit 0 } wait; exit $?"#,
    ),
    case(
        "Find AWS Credentials",
        "looks for .aws/credentials with find",
        Place::Host,
        r#"system("find", "/nonexistent/$m", "-path", "x/.aws/credentials")"#,
        r#"system("find", "/nonexistent/$m", "-path", "x/.aws/config")"#,
    ),
    case(
        "Execution from /dev/shm",
        "runs a program that lies in /dev/shm",
        Place::Host,
        r#"$d = "/dev/shm"; my $name = "saker-$m"; run($name, $m); unlink "$d/$name""#,
        r#"run("saker-$m", $m)"#,
    ),
    case(
        "Drop and execute new binary in container",
        "runs a program that was copied into the container",
        Place::Inside,
        "cp /bin/busybox /tmp/true; /tmp/true; true",
        "ln -sf /bin/busybox /tmp/true2; /tmp/true2; true",
    ),
    case(
        "Disallowed SSH Connection Non Standard Port",
        "a program that calls itself ssh connects to port 443 of an outside address",
        Place::Host,
        r#"if (!$inside) { exec {$^X} "ssh", $0, $m, $d, 1 } network($outside); connect_to($outside, 443)"#,
        r#"if (!$inside) { exec {$^X} "ssh", $0, $m, $d, 1 } network($outside); connect_to($outside, 2222)"#,
    ),
    case(
        "Fileless execution via memfd_create",
        "runs a program from a memfd",
        Place::Host,
        r#"my $name = "payload"; my $fd = call("memfd_create", $name, 0); open(M, ">&=", $fd) or die;
        open(T, "<", "/bin/true") or die; binmode T; binmode M; local $/; print M <T>; $| = 1; M->flush;
        exit system {"/proc/$$/fd/$fd"} "payload", $m"#,
        r#"exit system {"/bin/true"} "payload", $m"#,
    ),
];

/// Rules that this machine cannot provoke, and why.
pub(super) const UNPROVEN: &[(&str, &str)] = &[(
    "Contact K8S API Server From Container",
    "needs the name of a cluster's API server to resolve",
)];
