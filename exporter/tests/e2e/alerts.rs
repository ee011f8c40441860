//! From a shell in a container to a page: agent, Prometheus, Alertmanager and the shipped alerts, each for real.

use std::process::Command;
use std::time::Instant;

use crate::support::agent::{Agent, field};
use crate::support::alertmanager::Alertmanager;
use crate::support::docker::{Docker, IMAGE};
use crate::support::prometheus::Prometheus;
use crate::support::wait::wait_until;

const SHELL_RULE: &str = "Terminal shell in container";

/// What people and machines do all day.
fn ordinary_work(docker: &Docker) {
    let work = "set -e; d=$(mktemp -d); cd $d; ls -la /etc /usr/bin > list; grep -r root /etc/passwd; \
         printf 'int main(void) { return 0; }' > a.c; cc -o a a.c; ./a; tar cf a.tar a a.c list; gzip a.tar; \
         find /usr/share/doc -name copyright | head -50 | xargs wc -l; id; ps aux; date; cd /; rm -r $d";
    let output = Command::new("sh").args(["-c", work]).output();
    let output = output.expect("sh runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    docker.run(&["run", "--rm", "--network", "none", IMAGE, "/bin/ls", "/"]);
}

#[test]
fn the_first_shell_in_a_container_pages_and_ordinary_work_does_not() {
    let docker = Docker::start();
    let mut agent = Agent::start_bundled(&[docker.runtime()]);
    let mut alertmanager = Alertmanager::start();
    let prometheus = Prometheus::start_alerting(agent.addr(), alertmanager.addr());

    let id = docker.start_container(&["--name", "shop"], &["/bin/sleep", "1000"]);
    ordinary_work(&docker);
    wait_until("the alerts have been evaluated over it", || {
        prometheus
            .query("count(saker:sensitive_namespace:info)")
            .is_some()
    });

    let start = Instant::now();
    docker.run_on_terminal(&[
        "exec",
        "--interactive",
        "--tty",
        &id,
        "/bin/sh",
        "-c",
        "tty",
    ]);
    let page = alertmanager.wait_for_page("a page about the shell", |alert| {
        alert["labels"]["rule"] == SHELL_RULE
    });
    println!("from the shell to the page: {:?}", start.elapsed());
    let labels = &page["labels"];
    assert_eq!(labels["alertname"], "SakerShellInSensitiveNamespace");
    assert_eq!(labels["severity"], "critical");
    assert_eq!(labels["container_name"], "shop");
    assert_eq!(labels["instance"], agent.addr().to_string());
    let summary = page["annotations"]["summary"].as_str().expect("a summary");
    assert!(summary.contains("shop"), "{summary}");

    // The page's instance is the agent, whose line has the command.
    let line = agent.wait_for_match("the line of the shell", |line| line["rule"] == SHELL_RULE);
    assert!(
        field(&line, "proc.cmdline")
            .as_str()
            .is_some_and(|command| command.contains("sh -c tty")),
        "{line}"
    );
    // It came last: what the ordinary work would have paged for would be here too.
    let pages = alertmanager.pages();
    assert!(
        pages
            .iter()
            .all(|alert| alert["labels"]["rule"] == SHELL_RULE),
        "{pages:#?}"
    );
}
