//! The page as text; how a browser shows it is tested end to end.

use std::sync::Arc;

use super::super::recent::{Recent, Shown};
use super::super::status::{EventCount, Hook, ReasonCount, Reload, RuleStatus, Table};
use super::*;

struct Line(String);

impl Shown for Line {
    fn json(&self) -> String {
        self.0.clone()
    }
}

fn match_of(rule: &str, output: &str) -> Arc<dyn Shown> {
    let json = serde_json::json!({
        "time": "2026-11-23T16:14:21.263210158Z", "rule": rule, "priority": "Notice", "output": format!("16:14:21.263210158: Notice {output}"),
    });
    Arc::new(Line(json.to_string()))
}

fn status() -> Status {
    Status {
        version: "1.2.3".to_owned(),
        hostname: "node-<1>".to_owned(),
        kernel: "6.18.0".to_owned(),
        reload: Reload {
            rules: 2,
            successful: true,
            success_time_seconds: 0.0,
        },
        rules: vec![
            RuleStatus {
                rule: "Shell & \"more\"".to_owned(),
                priority: "Notice".to_owned(),
                matches: 1_234_567,
                ..RuleStatus::default()
            },
            RuleStatus {
                rule: "Idle".to_owned(),
                priority: "Critical".to_owned(),
                ..RuleStatus::default()
            },
        ],
        events: vec![EventCount {
            kind: "execve".to_owned(),
            count: 42,
        }],
        losses: vec![ReasonCount {
            reason: "ring_full".to_owned(),
            count: 7,
        }],
        tables: vec![Table {
            table: "parked_events".to_owned(),
            entries: 3,
            capacity: 4096,
            evictions: 0,
        }],
        ..Status::default()
    }
}

#[test]
fn everything_is_there_without_javascript() {
    let recent = Recent::default();
    recent.extend([match_of("First", "one"), match_of("Second", "two")]);
    let page = render(&status(), &recent.since(0), &Query::default());
    for part in [
        "<title>Saker on node-&lt;1&gt;</title>",
        "<p id=\"state\" class=\"state ready\" role=\"status\">Ready</p>",
        "data-newest=\"2\"",
        "<th scope=\"row\">Shell &amp; &quot;more&quot;</th>",
        "<td class=\"number\">1,234,567</td>",
        "<span class=\"priority grave\">Critical</span>",
        "title=\"2026-11-23T16:14:21.263210158Z\">16:14:21 UTC</time>",
        "<tr class=\"alarm\"><th scope=\"row\">Events lost: ring full</th><td class=\"number\">7</td>",
        "<th scope=\"row\">Table of parked events</th><td class=\"number\">3</td><td class=\"number\">4,096</td>",
        "<p class=\"output\">two</p>",
        "href=\"/metrics\"",
        "<noscript>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let order = ["<strong>Second</strong>", "<strong>First</strong>"].map(|part| page.find(part));
    assert!(order[0].is_some() && order[0] < order[1], "newest first");
    assert!(!page.contains(">Hook</th>"), "nothing is known of hooks");
}

#[test]
fn hooks_stand_with_their_events() {
    let mut status = status();
    let hook = |hook: &str, reason: &str| Hook {
        event: "execve".to_owned(),
        hook: hook.to_owned(),
        tier: "base".to_owned(),
        reason: reason.to_owned(),
    };
    status.hooks = vec![hook("sched_process_exec", "no <fentry>")];
    let page = render(&status, &Recent::default().since(0), &Query::default());
    let row = "<td>sched_process_exec</td><td>base<p class=\"why\">no &lt;fentry&gt;</p></td><td class=\"number\">42</td>";
    assert!(page.contains(row), "{page}");
}

#[test]
fn hostile_text_stays_text() {
    let recent = Recent::default();
    let hostile = "<img src=x onerror=alert(1)> </p></script><script>alert(2)</script> \u{202e}gpj.exe \u{1b}[2J '\"&";
    recent.extend([match_of(hostile, hostile)]);
    let mut status = status();
    status.hostname = hostile.to_owned();
    status.reason = Some(hostile.to_owned());
    status.rules[0].rule = hostile.to_owned();
    status.events[0].kind = hostile.to_owned();
    status.losses[0].reason = hostile.to_owned();
    let page = render(&status, &recent.since(0), &Query::default());
    assert!(!page.contains("<img") && !page.contains("\u{202e}") && !page.contains('\u{1b}'));
    assert_eq!(page.matches("<script").count(), 1, "its own");
    assert_eq!(page.matches("</script").count(), 1);
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(page.contains("\\u{202e}gpj.exe \\u{1b}[2J &#39;&quot;&amp;"));
}

#[test]
fn the_policy_is_that_of_this_style_and_script() {
    let page = render(&status(), &Recent::default().since(0), &Query::default());
    for (tag, directive) in [("style", "style-src"), ("script", "script-src")] {
        let (_, rest) = page.split_once(&format!("<{tag}>")).unwrap();
        let (text, _) = rest.split_once(&format!("</{tag}>")).unwrap();
        let hash = BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()));
        let expected = format!("{directive} 'sha256-{hash}'");
        assert!(POLICY.contains(&expected), "{expected} in {}", *POLICY);
    }
    assert!(!POLICY.contains("unsafe"));
    for handler in [" onclick=", " onload=", " style="] {
        assert!(!page.contains(handler), "the policy would refuse{handler}");
    }
}

#[test]
fn counts_are_grouped_by_thousands() {
    for (count, text) in [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (1_234_567, "1,234,567"),
        (u64::MAX, "18,446,744,073,709,551,615"),
    ] {
        assert_eq!(grouped(count), text);
    }
}
