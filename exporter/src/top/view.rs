//! Draws the screen.
//!
//! In: a [`Screen`]. Out: cells. What does not fit is left out from the least important on: first the tables on the right, then
//! columns of the rules.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};

use super::screen::{Order, Screen};
use crate::http::status::Status;

/// Below this width the rules have the screen for themselves.
const WIDE: u16 = 100;

/// Draws everything.
pub(super) fn draw(screen: &Screen, frame: &mut Frame<'_>) {
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(4),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(summary(screen)), head);
    if body.width >= WIDE {
        let [left, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(46)]).areas(body);
        let limits = limits(&screen.now);
        let height = u16::try_from(limits.len()).unwrap_or(u16::MAX);
        let [events, losses] = Layout::vertical([
            Constraint::Min(4),
            Constraint::Length(height.saturating_add(3)),
        ])
        .areas(right);
        draw_rules(screen, frame, left);
        draw_events(screen, frame, events);
        draw_limits(limits, frame, losses);
    } else {
        draw_rules(screen, frame, body);
    }
    frame.render_widget(Paragraph::new(help(screen)), foot);
}

fn summary(screen: &Screen) -> Vec<Line<'static>> {
    let now = &screen.now;
    let state = match &now.reason {
        None => " ready ".black().on_green(),
        Some(reason) => Span::styled(
            format!(" not ready: {reason} "),
            Style::new().white().on_red(),
        ),
    };
    let up = now.time_seconds - now.start_time_seconds;
    let mut first = vec![
        "saker ".bold(),
        Span::raw(format!(
            "{} on {} · Linux {} · up {} ",
            now.version,
            now.hostname,
            now.kernel,
            duration(up)
        )),
        state,
    ];
    if !now.reload.successful {
        first.push(" last reload failed ".black().on_yellow());
    }
    let per_second = |number: fn(&Status) -> f64| match screen.rate(number) {
        Some(rate) => format!("{}/s", short(rate)),
        None => "–".to_owned(),
    };
    let lost = now.lost();
    let lost_style = match lost {
        0 => Style::new(),
        _ => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
    };
    let second = [
        named(
            "matches",
            format!(
                "{} ({})",
                now.matches(),
                per_second(|status| status.matches() as f64)
            ),
        ),
        named(
            "events",
            format!(
                "{} ({})",
                now.events_seen(),
                per_second(|status| status.events_seen() as f64)
            ),
        ),
        named("rules", now.reload.rules.to_string()),
        vec![" lost ".dim(), Span::styled(lost.to_string(), lost_style)],
    ]
    .concat();
    let quantile = |share| match screen.latency(share) {
        Some(latency) => format!("≤ {latency:?}"),
        None => "–".to_owned(),
    };
    let cpu = screen.rate(|status| status.process.cpu_seconds);
    let third = [
        named(
            "cpu",
            cpu.map_or("–".to_owned(), |share| format!("{:.1} %", share * 100.0)),
        ),
        named(
            "memory",
            format!("{:.1} MiB", now.process.resident_bytes as f64 / 1_048_576.0),
        ),
        named("latency p50", quantile(0.5)),
        named("p99", quantile(0.99)),
    ]
    .concat();
    vec![
        Line::from(first),
        Line::from(second),
        Line::from(third),
        Line::default(),
    ]
}

fn named(name: &str, value: String) -> Vec<Span<'static>> {
    vec![
        Span::raw(format!(" {name} ")).dim(),
        Span::raw(value),
        Span::raw(" "),
    ]
}

fn draw_rules(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let rows = screen.rules();
    let room = usize::from(area.height.saturating_sub(3));
    let offset = screen.offset.min(rows.len().saturating_sub(room));
    let title = match rows.len() > room {
        true => format!(
            " Rules {}–{} of {} ",
            offset + 1,
            (offset + room).min(rows.len()),
            rows.len()
        ),
        false => " Rules ".to_owned(),
    };
    let mark = |name: &'static str, order: Order| match screen.order == order {
        true => Line::from(format!("{name} ▼")).bold(),
        false => Line::from(name),
    };
    let head = Row::new([
        mark("Rule", Order::Name),
        Line::from("Priority"),
        mark("Matches", Order::Matches).right_aligned(),
        mark("/s", Order::Rate).right_aligned(),
        mark("Cost", Order::Cost).right_aligned(),
    ])
    .underlined();
    let lines = rows.iter().skip(offset).take(room).map(|row| {
        let style = match row.rule.matches {
            0 => Style::new().dim(),
            _ => Style::new(),
        };
        let cost = row
            .cost
            .map_or("–".to_owned(), |cost| format!("{:.3} %", cost * 100.0));
        Row::new([
            Cell::from(row.rule.rule.clone()),
            Cell::from(brief(&row.rule.priority)).style(shade(&row.rule.priority)),
            number(row.rule.matches.to_string()),
            number(short(row.rate)),
            number(cost),
        ])
        .style(style)
    });
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(9),
        Constraint::Length(9),
        Constraint::Length(6),
        Constraint::Length(9),
    ];
    let table = Table::new(lines, widths)
        .header(head)
        .block(Block::bordered().title(title));
    frame.render_widget(table, area);
}

fn draw_events(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let lines = screen.events().into_iter().map(|(kind, rate, count)| {
        let style = match count {
            0 => Style::new().dim(),
            _ => Style::new(),
        };
        let cells = [
            Cell::from(kind),
            number(short(rate)),
            number(count.to_string()),
        ];
        Row::new(cells).style(style)
    });
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(8),
        Constraint::Length(12),
    ];
    let table = Table::new(lines, widths)
        .header(
            Row::new([
                Line::from("Event"),
                Line::from("/s").right_aligned(),
                Line::from("All").right_aligned(),
            ])
            .underlined(),
        )
        .block(Block::bordered().title(" Events "));
    frame.render_widget(table, area);
}

/// What is limited or lost: name, number, whether that is bad.
fn limits(status: &Status) -> Vec<(String, String, bool)> {
    let words = |text: &str| text.replace('_', " ");
    let tables = status.tables.iter().map(|table| {
        let number = format!("{} of {}", table.entries, table.capacity);
        (words(&table.table), number, table.evictions > 0)
    });
    let losses = status.losses.iter().map(|loss| {
        let name = format!("lost: {}", words(&loss.reason));
        (name, loss.count.to_string(), loss.count > 0)
    });
    let outputs = status.unsent().filter(|(_, lost)| lost.count > 0);
    let outputs = outputs.map(|(what, lost)| {
        let name = format!("{what} {}: {}", lost.outcome, words(&lost.reason));
        (name, lost.count.to_string(), true)
    });
    tables.chain(losses).chain(outputs).collect()
}

fn draw_limits(limits: Vec<(String, String, bool)>, frame: &mut Frame<'_>, area: Rect) {
    let lines = limits.into_iter().map(|(name, now, bad)| {
        let style = match bad {
            true => Style::new().fg(Color::Red),
            false => Style::new(),
        };
        Row::new([Cell::from(name), number(now)]).style(style)
    });
    let widths = [Constraint::Fill(1), Constraint::Length(18)];
    let table = Table::new(lines, widths)
        .header(
            Row::new([
                Line::from("Table or loss"),
                Line::from("Now").right_aligned(),
            ])
            .underlined(),
        )
        .block(Block::bordered().title(" Limits and losses "));
    frame.render_widget(table, area);
}

fn help(screen: &Screen) -> Line<'static> {
    if let Some(fault) = &screen.fault {
        let told = format!(" Asking again: {fault} ");
        return Line::styled(told, Style::new().white().on_red());
    }
    let mut spans = Vec::new();
    for (key, does) in [
        ("q", "quit"),
        ("m", "by matches"),
        ("r", "by rate"),
        ("c", "by cost"),
        ("n", "by name"),
        ("↑↓", "scroll"),
    ] {
        spans.push(Span::raw(format!(" {key} ")).reversed());
        spans.push(Span::raw(format!(" {does} ")));
    }
    spans.push(Span::raw(format!("  {}", screen.url)).dim());
    Line::from(spans)
}

fn number(text: String) -> Cell<'static> {
    Cell::from(Line::from(text).right_aligned())
}

/// The longest word is cut.
fn brief(priority: &str) -> String {
    priority.replace("Informational", "Info")
}

fn shade(priority: &str) -> Style {
    match priority {
        "Emergency" | "Alert" | "Critical" | "Error" => Style::new().fg(Color::Red),
        "Warning" => Style::new().fg(Color::Yellow),
        "Notice" => Style::new().fg(Color::Cyan),
        _ => Style::new(),
    }
}

/// A rate with as many digits as mean something.
fn short(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate => format!("{rate:.0}"),
    }
}

/// The two largest units of a time.
fn duration(seconds: f64) -> String {
    // Saturates: a clock that was set back makes it 0.
    let seconds = seconds as u64;
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}
