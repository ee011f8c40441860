//! From a shell in a container to a page: agent, Prometheus, Alertmanager and the shipped alerts, each for real.

use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::support::agent::{Agent, field};
use crate::support::alertmanager::Alertmanager;
use crate::support::docker::{Docker, IMAGE};
use crate::support::http::get;
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
    docker.run(&[
        "run",
        "--rm",
        "--network",
        "none",
        IMAGE,
        "/bin/cat",
        "/etc/passwd",
    ]);
}

/// The page's link leads to the match: rule, container and command, for people and, in full, for programs.
fn follow_the_link(page: &Value, line: &Value) {
    let url = page["annotations"]["matches_url"].as_str().expect("a link");
    let rest = url.strip_prefix("http://").expect("a link to an agent");
    let (instance, query) = rest.split_once("/?").expect("the page with a query");
    let instance = instance.parse().expect("an address");
    let command = field(line, "proc.cmdline").as_str().expect("a command");
    assert!(command.contains("sh -c tty"), "{line}");
    let matched = |query: &str| {
        let path = format!("/api/v1/matches?{query}");
        let (_, text) = get(instance, &path, "").expect("the agent answers");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        answer["matches"].as_array().expect("a list").clone()
    };
    let matches = matched(query);
    assert_eq!(matches, std::slice::from_ref(line));
    assert_eq!(matches[0]["rule"], SHELL_RULE);
    assert_eq!(*field(&matches[0], "container.name"), "shop");
    let other = query.replace("container=shop", "container=other");
    assert_eq!(matched(&other), [Value::Null; 0], "{other}");

    let (_, html) = get(instance, &format!("/?{query}"), "").expect("the agent answers");
    let (_, rows) = html.split_once("<ol id=\"list\">").expect("the matches");
    let (rows, _) = rows.split_once("</ol>").expect("their end");
    for part in [SHELL_RULE, "container_name=shop", command] {
        assert!(rows.contains(part), "{part}: {rows}");
    }
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

    let line = agent.wait_for_match("the line of the shell", |line| line["rule"] == SHELL_RULE);
    follow_the_link(&page, &line);
    // It came last: what the ordinary work would have paged for would be here too.
    let pages = alertmanager.pages();
    assert!(
        pages
            .iter()
            .all(|alert| alert["labels"]["rule"] == SHELL_RULE),
        "{pages:#?}"
    );
}
