//! What the agent says when it cannot start: one sentence with what to do, the right exit code, and nothing left behind.

use std::fs::{self, Permissions};
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::agent::SAKER;
use crate::support::http::free_address;
use crate::support::wait::wait_for;

/// How a start ended.
struct Refusal {
    code: Option<i32>,
    said: String,
}

impl Refusal {
    /// Checks the exit code, and that the last thing said holds all these words.
    #[track_caller]
    fn expect(&self, code: i32, words: &[&str]) {
        let Refusal { code: got, said } = self;
        assert_eq!(*got, Some(code), "{said}");
        for word in words {
            assert!(said.contains(word), "{word:?} in: {said}");
        }
        for noise in ["panicked", "RUST_BACKTRACE", "Os {"] {
            assert!(!said.contains(noise), "{noise:?} in: {said}");
        }
    }
}

/// Runs `PREFIX saker run --listen ADDR ARGUMENTS` until it ends, and sees that nothing listens afterwards.
fn refusal(prefix: &[&str], arguments: &[&str]) -> Refusal {
    let addr = free_address();
    let refusal = refusal_at(addr, SAKER.as_ref(), prefix, arguments);
    assert!(
        TcpStream::connect(addr).is_err(),
        "something listens on {addr}"
    );
    refusal
}

fn refusal_at(addr: SocketAddr, saker: &Path, prefix: &[&str], arguments: &[&str]) -> Refusal {
    let saker = saker.to_str().expect("a UTF-8 path");
    let addr = addr.to_string();
    let line = [prefix, &[saker, "run", "--listen", &addr], arguments].concat();
    let mut child = Command::new(line[0])
        .args(&line[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is there");
    let status = wait_for("the agent ends by itself", || {
        child.try_wait().expect("a child of this process")
    });
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut said)
        .expect("UTF-8");
    let mut results = String::new();
    child
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut results)
        .expect("UTF-8");
    assert_eq!(
        results, "",
        "nothing matched, and complaints go to standard error"
    );
    Refusal {
        code: status.code(),
        said,
    }
}

/// A rules file of this text.
fn rules(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().join("rules.yaml");
    fs::write(&path, text).expect("written");
    (folder, path)
}

#[test]
fn root_without_capabilities() {
    let bounds = "--bounding-set=-sys_admin,-cap_38,-cap_39";
    refusal(&["setpriv", bounds], &[]).expect(1, &["CAP_BPF", "CAP_PERFMON", "root"]);
}

#[test]
fn another_user() {
    // The build folder may be closed to others.
    let folder = TempDir::new().expect("a scratch folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("opened");
    let saker = folder.path().join("saker");
    fs::copy(SAKER, &saker).expect("copied");
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    refusal_at(free_address(), &saker, &nobody, &[]).expect(1, &["CAP_BPF", "CAP_PERFMON", "root"]);
}

#[test]
fn kernel_that_refuses_the_maps() {
    // In a user namespace of its own the agent has every capability, but not over the kernel.
    refusal(&["unshare", "--user", "--map-root-user"], &[]).expect(1, &["kernel", "not permitted"]);
}

#[test]
fn kernel_without_type_information() {
    let hide = "mount -t tmpfs none /sys/kernel/btf && exec \"$@\"";
    refusal(&["unshare", "--mount", "sh", "-c", hide, "sh"], &[])
        .expect(1, &["/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"]);
}

#[test]
fn port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("bound");
    refusal_at(addr, SAKER.as_ref(), &[], &[]).expect(1, &[&addr.to_string(), "--listen"]);
}

#[test]
fn rules_path_that_is_not_there() {
    refusal(&[], &["-r", "/nonexistent/rules.yaml"])
        .expect(1, &["/nonexistent/rules.yaml", "does not exist"]);
}

#[test]
fn rules_path_that_cannot_be_read() {
    let (_folder, path) = rules("- list: a\n  items: [b]\n");
    fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("closed");
    // Root reads every file, unless it lacks the capabilities to.
    let bounds = "--bounding-set=-dac_override,-dac_read_search";
    let path = path.to_str().expect("a UTF-8 path");
    refusal(&["setpriv", bounds], &["-r", path]).expect(1, &[path, "may not be read"]);
}

#[test]
fn rules_without_a_rule() {
    for text in ["", "[]\n", "- list: a\n  items: [b]\n"] {
        let (_folder, path) = rules(text);
        let path = path.to_str().expect("a UTF-8 path");
        refusal(&[], &["-r", path]).expect(1, &["no rule"]);
    }
    let empty = TempDir::new().expect("a scratch folder");
    let path = empty.path().to_str().expect("a UTF-8 path");
    refusal(&[], &["-r", path]).expect(1, &[path]);
}

#[test]
fn rules_with_faults_are_shown_with_their_place() {
    for (condition, column, word) in [
        ("evt.type = execve and and", 36, "and"),
        ("evt.type = execve and proc.nmae = sh", 36, "proc.name"),
        ("evt.type = execve and spawned_procss", 36, "spawned_procss"),
    ] {
        let text = format!(
            "- rule: A\n  desc: d\n  condition: {condition}\n  output: o\n  priority: NOTICE\n"
        );
        let (_folder, path) = rules(&text);
        let path = path.to_str().expect("a UTF-8 path");
        let place = format!("{path}:3:{column}");
        refusal(&[], &["-r", path]).expect(1, &[&place, word, "^"]);
    }
}

#[test]
fn wrong_usage() {
    refusal(&[], &["--no-such-flag"]).expect(2, &["--no-such-flag", "--help"]);
    refusal(&[], &["--output", "xml"]).expect(2, &["xml", "json", "text", "none"]);
}
