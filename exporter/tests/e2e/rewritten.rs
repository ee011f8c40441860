//! A path that is rewritten while the kernel works on it: the rules see what was opened all the same.
//!
//! The program opens a FIFO, which waits for a writer: its path is read long before the call ends, and time enough is there
//! to put a harmless one in its place.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode};
use tempfile::TempDir;

use crate::support::agent::{Agent, field};
use crate::support::wait::wait_until;

#[cfg(target_arch = "x86_64")]
const OPENAT: &str = "257";
#[cfg(target_arch = "aarch64")]
const OPENAT: &str = "56";
/// Opens a path for reading, by a system call on its own buffer, and tells beforehand where that lies.
const VICTIM: &str = r#"
    my ($openat, $path) = @ARGV; $| = 1; $path .= "";
    print unpack("Q", pack("p", $path)), "\n";
    exit(syscall($openat + 0, -100, $path, 0) >= 0 ? 0 : 1);
"#;

#[test]
fn what_was_opened_counts_and_not_what_the_memory_says_later() {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = |name: &str| scratch.path().join(name);
    let (secret, harmless) = (path("secret-path"), path("open-path.."));
    let secret = secret.to_str().expect("a UTF-8 path");
    // As long as the other, or a piece of that would stay behind it.
    let harmless = harmless.to_str().expect("a UTF-8 path");
    assert_eq!(secret.len(), harmless.len());
    let rules = format!(
        "
- rule: Secret
  desc: The secret was opened.
  condition: evt.type = openat and fd.name = {secret}
  output: secret (view=%evt.view name=%fd.name raw=%fd.nameraw)
  priority: WARNING
- rule: Harmless
  desc: What the caller's memory says in the end.
  condition: evt.type = openat and fd.name = {harmless}
  output: harmless (view=%evt.view name=%fd.name)
  priority: INFORMATIONAL
"
    );
    fs::write(path("rules.yaml"), rules).expect("written");
    rustix::fs::mknodat(CWD, secret, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
    let mut agent = Agent::start(&["-r", path("rules.yaml").to_str().expect("a UTF-8 path")]);

    let mut victim = Command::new("perl")
        .args(["-e", VICTIM, OPENAT, secret])
        .stdout(Stdio::piped())
        .spawn()
        .expect("perl runs");
    let mut said = BufReader::new(victim.stdout.take().expect("piped")).lines();
    let address = said.next().expect("a line").expect("text");
    let address: u64 = address.parse().expect("an address");
    let proc = format!("/proc/{}", victim.id());
    wait_until("the call waits for a writer", || {
        let call = fs::read_to_string(format!("{proc}/syscall")).unwrap_or_default();
        call.split(' ').next() == Some(OPENAT)
    });
    let memory = OpenOptions::new().write(true).open(format!("{proc}/mem"));
    memory
        .expect("root may")
        .write_all_at(harmless.as_bytes(), address)
        .expect("the buffer is the victim's own");
    let writer = File::options().write(true).open(secret);
    assert!(victim.wait().expect("a child").success());
    drop(writer);

    let line = agent.wait_for_match("the secret", |line| {
        line["rule"] == "Secret" && field(line, "evt.view") == "effective"
    });
    assert_eq!(field(&line, "fd.name"), secret);
    assert_eq!(field(&line, "fd.nameraw"), harmless);
    agent.wait_for_match("what was asked for", |line| {
        line["rule"] == "Harmless" && field(line, "evt.view") == "requested"
    });
}
