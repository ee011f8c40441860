//! What fires each rule, and what comes close. Scripts are Perl; they are given a marker and a folder.

/// Where an action takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On the host.
    Host,
    /// In a container's cgroup.
    Container,
    /// In a container's cgroup, on a terminal.
    Terminal,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) rule: &'static str,
    /// What is done, in words.
    pub(super) action: &'static str,
    pub(super) place: Place,
    pub(super) fire: &'static str,
    pub(super) near: &'static str,
    /// Where the near miss takes place, if elsewhere.
    pub(super) near_place: Option<Place>,
}

/// System call numbers, for Perl's `syscall`.
#[cfg(target_arch = "x86_64")]
macro_rules! calls {
    ($script:literal) => {
        concat!(
            "my ($ptrace, $init_module, $memfd_create, $unshare) = (101, 175, 319, 272);",
            $script
        )
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! calls {
    ($script:literal) => {
        concat!(
            "my ($ptrace, $init_module, $memfd_create, $unshare) = (117, 105, 279, 97);",
            $script
        )
    };
}

const fn case(
    rule: &'static str,
    action: &'static str,
    place: Place,
    fire: &'static str,
    near: &'static str,
) -> Case {
    Case {
        rule,
        action,
        place,
        fire,
        near,
        near_place: None,
    }
}

/// Rules that this machine cannot provoke, and why.
pub(super) const UNPROVEN: &[(&str, &str)] = &[
    (
        "Contact K8S API Server From Container",
        "needs the name of a cluster's API server to resolve",
    ),
    (
        "Debugfs Launched in Privileged Container",
        "needs the metadata of a privileged container from its engine",
    ),
];

/// Overlays two folders, the lower one with a program in it, and runs one.
macro_rules! overlay {
    ($program:literal) => {
        concat!(
            r#"my ($m, $d) = @ARGV; system("mount", "-t", "tmpfs", "none", $d) == 0 or die;
            mkdir "$d/$_" for ("lower", "upper", "work", "all"); system("cp", "/bin/true", "$d/lower/old") == 0 or die;
            system("mount", "-t", "overlay", "-o", "lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work", "none", "$d/all")
                == 0 or die;
            system("cp", "/bin/true", "$d/all/new") == 0 or die; my $r = system("$d/all/"#,
            $program,
            r#"", $m);
            system("umount", "$d/all"); system("umount", "$d"); exit $r;"#
        )
    };
}

/// Connects, in a network namespace of its own, to an address of the outside world that it has itself.
macro_rules! connect {
    ($port:literal) => {
        concat!(
            calls!(""),
            r#"my ($m, $d, $inside) = @ARGV;
            if (!$inside) { exec {$^X} "ssh", $0, $m, $d, 1 }
            syscall($unshare, 0x40000000) == 0 or die;
            system("ip", "link", "set", "lo", "up") == 0 or die;
            system("ip", "addr", "add", "198.51.100.7/32", "dev", "lo") == 0 or die;
            use Socket; my $to = pack_sockaddr_in("#,
            $port,
            r#", inet_aton("198.51.100.7"));
            socket(L, 2, 1, 0) && bind(L, $to) && listen(L, 1) or die;
            socket(C, 2, 1, 0) && connect(C, $to) or die;"#
        )
    };
}

/// The rules, in no order.
pub(super) const CASES: &[Case] = &[
    case(
        "Directory traversal monitored file read",
        "opens /etc/passwd by a path full of `../`",
        Place::Host,
        r#"open(F, "<", "/tmp/../../../etc/passwd") or die"#,
        r#"open(F, "<", "/etc/passwd") or die"#,
    ),
    case(
        "Read sensitive file trusted after startup",
        "a process that calls itself nginx reads /etc/shadow six seconds after its start",
        Place::Host,
        r#"$0 = "nginx"; sleep 6; open(F, "<", "/etc/shadow") or die"#,
        r#"$0 = "nginx"; open(F, "<", "/etc/shadow") or die"#,
    ),
    case(
        "Read sensitive file untrusted",
        "reads /etc/shadow",
        Place::Host,
        r#"open(F, "<", "/etc/shadow") or die"#,
        r#"open(F, "<", "/etc/hostname") or open(F, "<", "/etc/passwd") or die"#,
    ),
    case(
        "Run shell untrusted",
        "a process that calls itself nginx starts a shell",
        Place::Host,
        r#"$0 = "nginx"; exit system("sh", "-c", "true $ARGV[0]")"#,
        r#"exit system("sh", "-c", "true $ARGV[0]")"#,
    ),
    case(
        "System user interactive",
        "the user daemon runs a program below a process that calls itself sshd",
        Place::Host,
        r#"$0 = "sshd"; if (!fork) { $< = $> = 1; exec "true", $ARGV[0] } wait; exit $?"#,
        r#"$0 = "sshd"; if (!fork) { exec "true", $ARGV[0] } wait; exit $?"#,
    ),
    Case {
        near_place: Some(Place::Container),
        ..case(
            "Terminal shell in container",
            "a process that calls itself runc starts a shell on a terminal",
            Place::Terminal,
            r#"$0 = "runc"; exit system("sh", "-c", "true $ARGV[0]")"#,
            r#"$0 = "runc"; exit system("sh", "-c", "true $ARGV[0]")"#,
        )
    },
    case(
        "Netcat Remote Code Execution in Container",
        "runs a program of the name nc with `-e`",
        Place::Container,
        r#"my ($m, $d) = @ARGV; system("cp", "/bin/true", "$d/nc"); exec "$d/nc", "-e", $m"#,
        r#"my ($m, $d) = @ARGV; system("cp", "/bin/true", "$d/nc"); exec "$d/nc", "-l", $m"#,
    ),
    case(
        "Search Private Keys or Passwords",
        "looks for id_rsa with find",
        Place::Host,
        r#"system("find", "/nonexistent/$ARGV[0]", "-name", "id_rsa"); exit 0"#,
        r#"system("find", "/nonexistent/$ARGV[0]", "-name", "id_card"); exit 0"#,
    ),
    case(
        "Clear Log Activities",
        "opens a file of the name auth.log and cuts it to nothing",
        Place::Host,
        r#"open(F, ">", "$ARGV[1]/auth.log") or die"#,
        r#"open(F, ">>", "$ARGV[1]/auth.log") or die"#,
    ),
    case(
        "Remove Bulk Data from Disk",
        "runs a program of the name shred",
        Place::Host,
        r#"my ($m, $d) = @ARGV; system("cp", "/bin/true", "$d/shred"); exec "$d/shred", $m"#,
        r#"my ($m, $d) = @ARGV; system("cp", "/bin/true", "$d/shredder"); exec "$d/shredder", $m"#,
    ),
    case(
        "Create Symlink Over Sensitive Files",
        "links to /etc/shadow",
        Place::Host,
        r#"symlink("/etc/shadow", "$ARGV[1]/link") or die"#,
        r#"symlink("/etc/hostname", "$ARGV[1]/link") or die"#,
    ),
    case(
        "Create Hardlink Over Sensitive Files",
        "asks for a hard link to /etc/shadow, by a relative path",
        Place::Host,
        r#"chdir "/etc" or die; link("shadow", "$ARGV[1]/link")"#,
        r#"chdir "/etc" or die; link("hostname", "$ARGV[1]/link")"#,
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
    Case {
        near_place: Some(Place::Host),
        ..case(
            "Linux Kernel Module Injection Detected",
            "calls init_module with what is no module",
            Place::Container,
            calls!(
                r#"my ($image, $none) = ("no module", ""); syscall($init_module, $image, 9, $none)"#
            ),
            calls!(
                r#"my ($image, $none) = ("no module", ""); syscall($init_module, $image, 9, $none)"#
            ),
        )
    },
    case(
        "Detect release_agent File Container Escapes",
        "writes a file of the name release_agent",
        Place::Container,
        r#"open(F, ">", "$ARGV[1]/release_agent") or die"#,
        r#"open(F, ">", "$ARGV[1]/release_agents") or die"#,
    ),
    case(
        "PTRACE attached to process",
        "attaches to a process that is not there",
        Place::Host,
        calls!("syscall($ptrace, 16, 4194305, 0, 0)"),
        calls!("syscall($ptrace, 17, 4194305, 0, 0)"),
    ),
    case(
        "PTRACE anti-debug attempt",
        "asks to be traced by its parent",
        Place::Host,
        calls!("if (!fork) { syscall($ptrace, 0, 0, 0, 0); exit 0 } wait; exit $?"),
        calls!("if (!fork) { syscall($ptrace, 17, 0, 0, 0); exit 0 } wait; exit $?"),
    ),
    case(
        "Find AWS Credentials",
        "looks for .aws/credentials with find",
        Place::Host,
        r#"system("find", "/nonexistent/$ARGV[0]", "-path", "x/.aws/credentials"); exit 0"#,
        r#"system("find", "/nonexistent/$ARGV[0]", "-path", "x/.aws/config"); exit 0"#,
    ),
    case(
        "Execution from /dev/shm",
        "runs a program that lies in /dev/shm",
        Place::Host,
        r#"my $p = "/dev/shm/saker-$ARGV[0]"; system("cp", "/bin/true", $p); my $r = system($p, $ARGV[0]); unlink $p;
        exit $r"#,
        r#"my $p = "$ARGV[1]/program"; system("cp", "/bin/true", $p); exit system($p, $ARGV[0])"#,
    ),
    case(
        "Drop and execute new binary in container",
        "runs a program that was copied into an overlay",
        Place::Container,
        overlay!("new"),
        overlay!("old"),
    ),
    case(
        "Disallowed SSH Connection Non Standard Port",
        "a program that calls itself ssh connects to port 443 of an outside address",
        Place::Host,
        connect!("443"),
        connect!("2222"),
    ),
    case(
        "Fileless execution via memfd_create",
        "runs a program from a memfd",
        Place::Host,
        calls!(
            r#"my $name = "payload"; my $fd = syscall($memfd_create, $name, 0); open(M, ">&=", $fd) or die;
            open(T, "<", "/bin/true") or die; binmode T; binmode M; local $/; print M <T>; $| = 1; M->flush;
            exit system {"/proc/$$/fd/$fd"} "payload", $ARGV[0]"#
        ),
        r#"exit system {"/bin/true"} "payload", $ARGV[0]"#,
    ),
];
