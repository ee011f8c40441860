//! The screen as a terminal shows it, and what keys do to it.

use std::fs;
use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::screen::{Flow, Order, Screen};
use super::view;
use crate::http::status::{
    Bucket, EventCount, Latency, Process, ReasonCount, Reload, RuleStatus, Status, Table,
};

fn rule(name: &str, priority: &str, matches: u64, cost: Option<f64>) -> RuleStatus {
    RuleStatus {
        rule: name.to_owned(),
        priority: priority.to_owned(),
        source: "syscall".to_owned(),
        matches,
        evaluations: cost.map(|_| 1),
        evaluation_seconds: cost,
    }
}

fn bucket(le: &str, count: u64) -> Bucket {
    Bucket {
        le: le.to_owned(),
        count,
    }
}

fn event(kind: &str, count: u64) -> EventCount {
    EventCount {
        kind: kind.to_owned(),
        count,
    }
}

fn loss(reason: &str, count: u64) -> ReasonCount {
    ReasonCount {
        reason: reason.to_owned(),
        count,
    }
}

/// An agent after `turns` of two seconds each.
fn status(turns: u64) -> Status {
    Status {
        version: "1.2.3".to_owned(),
        hostname: "node-1".to_owned(),
        kernel: "6.18.0".to_owned(),
        ready: true,
        time_seconds: 100_000.0 + 2.0 * turns as f64,
        start_time_seconds: 3_500.0,
        reload: Reload {
            rules: 3,
            successful: true,
            success_time_seconds: 3_500.0,
        },
        rules: vec![
            rule(
                "Terminal shell in container",
                "Notice",
                40 + turns,
                Some(96.5),
            ),
            rule(
                "Read sensitive file",
                "Warning",
                7 + 8 * turns,
                Some(482.5 + 0.01 * turns as f64),
            ),
            rule("Drop and execute new binary", "Critical", 0, None),
        ],
        events: vec![
            event("execve", 500 + 20 * turns),
            event("openat", 90_000 + 2_400 * turns),
            event("setuid", 0),
        ],
        losses: vec![loss("ring_full", 0), loss("malformed", 3)],
        latency: Latency {
            count: 90 + 10 * turns,
            sum_seconds: 1.0,
            buckets: vec![
                bucket("0.0005", 40 + 6 * turns),
                bucket("0.005", 90 + 10 * turns),
                bucket("+Inf", 90 + 10 * turns),
            ],
        },
        tables: vec![Table {
            table: "parked_events".to_owned(),
            entries: 3,
            capacity: 4096,
            evictions: 0,
        }],
        process: Process {
            cpu_seconds: 12.0 + 0.05 * turns as f64,
            resident_bytes: 41 << 20,
            open_fds: 30,
            threads: 5,
        },
        ..Status::default()
    }
}

fn screen(turns: u64) -> Screen {
    let mut screen = Screen::new("http://127.0.0.1:9797".to_owned());
    for turn in 0..=turns {
        screen.take(Ok(status(turn)));
    }
    screen
}

/// What a terminal of this size shows, without the blanks at the ends of lines.
fn drawn(screen: &Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(screen, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = buffer.content.chunks(usize::from(width)).map(|cells| {
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn press(screen: &mut Screen, code: KeyCode) -> Flow {
    screen.key(KeyEvent::new(code, KeyModifiers::NONE))
}

/// Compares with a file beside this one; with `UPDATE=1` the file is written instead.
#[track_caller]
fn check(name: &str, got: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/top/tests");
    let path = folder.join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, format!("{got}\n")).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        got == expected.trim_end_matches('\n'),
        "expected:\n{expected}\n\ngot:\n{got}"
    );
}

#[test]
fn a_wide_terminal_shows_all() {
    check("wide.txt", &drawn(&screen(1), 120, 16));
}

#[test]
fn a_narrow_terminal_shows_the_rules() {
    check("narrow.txt", &drawn(&screen(1), 72, 12));
}

#[test]
fn nothing_is_too_small() {
    for (width, height) in [(1, 1), (3, 2), (10, 5), (20, 6), (100, 4), (300, 3)] {
        drawn(&screen(1), width, height);
    }
}

#[test]
fn keys_sort_scroll_and_end() {
    let mut screen = screen(1);
    let first = |screen: &Screen| screen.rules()[0].rule.rule.clone();
    assert_eq!(first(&screen), "Terminal shell in container");
    for (key, order, expected) in [
        ('r', Order::Rate, "Read sensitive file"),
        ('c', Order::Cost, "Read sensitive file"),
        ('n', Order::Name, "Drop and execute new binary"),
        ('m', Order::Matches, "Terminal shell in container"),
    ] {
        assert_eq!(press(&mut screen, KeyCode::Char(key)), Flow::Go);
        assert_eq!((screen.order, first(&screen).as_str()), (order, expected));
    }
    for (key, offset) in [
        (KeyCode::Down, 1),
        (KeyCode::PageDown, 2),
        (KeyCode::Down, 2),
        (KeyCode::Up, 1),
        (KeyCode::Home, 0),
        (KeyCode::End, 2),
        (KeyCode::PageUp, 0),
        (KeyCode::Char('j'), 1),
        (KeyCode::Char('k'), 0),
        (KeyCode::Char('x'), 0),
    ] {
        assert_eq!(press(&mut screen, key), Flow::Go);
        assert_eq!(screen.offset, offset, "{key:?}");
    }
    let end = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(screen.key(end), Flow::End);
    assert_eq!(press(&mut screen, KeyCode::Char('q')), Flow::End);
    assert_eq!(press(&mut screen, KeyCode::Esc), Flow::End);
}

#[test]
fn rates_are_those_between_the_last_two_answers() {
    let mut screen = screen(1);
    let rates: Vec<f64> = screen.rules().iter().map(|row| row.rate).collect();
    assert_eq!(rates, [0.5, 4.0, 0.0]);
    // Costs are those since the start of the agent.
    let cost = screen.rules()[1].cost.unwrap();
    assert!((cost - 482.51 / 96_502.0).abs() < 1e-12, "{cost}");
    assert_eq!(screen.events()[0], ("openat", 1200.0, 92_400));
    assert_eq!(screen.latency(0.5).unwrap().as_micros(), 500);
    assert_eq!(screen.latency(0.99).unwrap().as_micros(), 5000);
    // The agent was started anew: its counters are young, and no rate is negative.
    let mut restarted = status(0);
    restarted.start_time_seconds = 100_000.0;
    restarted.time_seconds = 100_003.0;
    screen.take(Ok(restarted));
    assert!(screen.rate(|status| status.matches() as f64).is_none());
    assert!(screen.rules().iter().all(|row| row.rate == 0.0));
}

#[test]
fn a_lost_agent_is_told_of_and_what_was_known_stays() {
    let mut screen = screen(1);
    screen.take(Err("no agent answers at http://127.0.0.1:9797".to_owned()));
    let shown = drawn(&screen, 120, 16);
    assert!(shown.contains("Asking again: no agent answers at http://127.0.0.1:9797"));
    assert!(shown.contains("Terminal shell in container"));
    screen.take(Ok(status(2)));
    assert!(!drawn(&screen, 120, 16).contains("Asking again"));
}

#[test]
fn what_is_wrong_with_the_agent_is_on_top() {
    let mut screen = screen(1);
    let mut bad = status(2);
    bad.reason = Some("rules not loaded".to_owned());
    bad.reload.successful = false;
    screen.take(Ok(bad));
    let shown = drawn(&screen, 120, 16);
    assert!(shown.contains("not ready: rules not loaded") && shown.contains("last reload failed"));
}
