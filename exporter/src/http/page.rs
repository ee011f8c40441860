//! The page for people: one HTML document that needs nothing else, complete without JavaScript and live with it.
//!
//! In: [`Status`] and the recent matches. Out: HTML and the policy that lets nothing but its own style and script run.
//! Never: text of an event as anything but text; it comes from whom we watch.

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::query::Query;
use super::recent::News;
use super::status::{Hook, Status};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");
const DOCUMENTATION: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/tree/main/docs");
/// A falcon's head, seen from the side, in one stroke.
const BIRD: &str = "<svg viewBox=\"0 0 32 32\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2.25\" stroke-linejoin=\"round\" stroke-linecap=\"round\" aria-hidden=\"true\"><path d=\"M6 28c0-12 3-22 13-24 6 0 9 5 9 9l-2 3c0-3-2-4-4-4-1 6 1 11 4 16\"/><path d=\"M12 28c1-4 3-7 6-9\"/><circle cx=\"20.5\" cy=\"9\" r=\"1\" fill=\"currentColor\"/></svg>";

/// The value of `Content-Security-Policy`: only this style and this script, and data from the agent itself.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// The keys of a match that are shown.
#[derive(Deserialize)]
struct Match {
    time: String,
    rule: String,
    priority: String,
    output: String,
}

impl Match {
    /// The text without time and priority, with which it begins.
    fn message(&self) -> &str {
        let begin = format!(": {} ", self.priority);
        match self.output.split_once(&begin) {
            Some((_, message)) => message,
            None => &self.output,
        }
    }
}

/// Draws the page.
pub(super) fn render(status: &Status, recent: &News, query: &Query) -> String {
    let mut page = String::with_capacity(STYLE.len() + SCRIPT.len() + 32 * 1024);
    let written = write_page(&mut page, status, recent, query);
    debug_assert!(written.is_ok(), "text takes everything");
    page
}

fn write_page(
    page: &mut String,
    status: &Status,
    recent: &News,
    query: &Query,
) -> std::fmt::Result {
    let host = escape(&status.hostname);
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Saker on {host}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n\
         <body data-newest=\"{}\">\n<a class=\"skip\" href=\"#matches\">Skip to the recent matches</a>\n",
        recent.newest
    )?;
    let (class, state) = match &status.reason {
        None => ("ready", "Ready".to_owned()),
        Some(reason) => ("not-ready", format!("Not ready: {}", escape(reason))),
    };
    writeln!(
        page,
        "<header>{BIRD}<div><h1>Saker</h1><p class=\"host\">{host} · Linux {} · version {}</p></div>\
         <p id=\"state\" class=\"state {class}\" role=\"status\">{state}</p></header>\n<main>",
        escape(&status.kernel),
        escape(&status.version)
    )?;
    write_tiles(page, status)?;
    page.push_str("<div class=\"columns\">\n");
    write_matches(page, recent, query)?;
    page.push_str("<div class=\"stack\">\n");
    write_rules(page, status)?;
    write_events(page, status)?;
    write_limits(page, status)?;
    write!(
        page,
        "</div>\n</div>\n</main>\n<footer>\n<nav aria-label=\"More\"><ul>\
         <li><a href=\"/metrics\">Metrics</a></li>\
         <li><a href=\"/api/v1/status\">Status as JSON</a></li>\
         <li><a href=\"/api/v1/matches\">Matches as JSON</a></li>\
         <li><a href=\"/-/healthy\">Health</a></li>\
         <li><a href=\"/-/ready\">Readiness</a></li>\
         <li><a href=\"{DOCUMENTATION}\">Documentation</a></li></ul></nav>\n\
         <noscript><p>Reload the page for newer values.</p></noscript>\n\
         </footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

fn write_tiles(page: &mut String, status: &Status) -> std::fmt::Result {
    let lost = status.lost();
    let reloaded = status.reload.successful;
    let mebibytes = status.process.resident_bytes / (1 << 20);
    page.push_str(
        "<section aria-labelledby=\"h-overview\">\n<h2 id=\"h-overview\" class=\"unseen\">Overview</h2>\n<dl class=\"tiles\">\n",
    );
    for (id, name, value, aside, alarm) in [
        (
            "t-matches",
            "Matches",
            grouped(status.matches()),
            "since the start",
            false,
        ),
        (
            "t-rules",
            "Rules in force",
            grouped(status.reload.rules),
            if reloaded {
                "as in the files"
            } else {
                "last reload failed"
            },
            !reloaded,
        ),
        (
            "t-events",
            "Events judged",
            grouped(status.events_seen()),
            "since the start",
            false,
        ),
        (
            "t-lost",
            "Events lost",
            grouped(lost),
            if lost == 0 {
                "nothing is missing"
            } else {
                "see the limits below"
            },
            lost > 0,
        ),
        (
            "t-process",
            "Memory in use",
            format!("{mebibytes} MiB"),
            "",
            false,
        ),
    ] {
        let class = if alarm { " class=\"alarm\"" } else { "" };
        writeln!(
            page,
            "<div id=\"{id}\"{class}><dt>{name}</dt><dd><p class=\"value\">{value}</p><p class=\"aside\">{aside}</p></dd></div>"
        )?;
    }
    page.push_str("</dl>\n</section>\n");
    Ok(())
}

fn write_matches(page: &mut String, recent: &News, query: &Query) -> std::fmt::Result {
    let some = recent.matches.iter().any(|shown| query.fits(&shown.json()));
    let hidden = if !some { "" } else { " hidden" };
    write!(
        page,
        "<section id=\"matches\" class=\"card\" aria-labelledby=\"h-matches\" tabindex=\"-1\">\n\
         <div class=\"bar\"><h2 id=\"h-matches\">Recent matches</h2>\
         <span id=\"live\" class=\"hint\" role=\"status\" hidden>Connecting…</span>\
         <button id=\"pause\" type=\"button\" hidden>Pause</button></div>\n\
         <div class=\"scroll\" role=\"log\" aria-live=\"polite\" aria-relevant=\"additions\" aria-labelledby=\"h-matches\" tabindex=\"0\">\n\
         <p id=\"none\" class=\"empty\"{hidden}>Nothing has matched since the start.</p>\n<ol id=\"list\">\n"
    )?;
    let matches = recent.matches.iter().rev().map(|shown| shown.json());
    for json in matches.filter(|json| query.fits(json)) {
        let Ok(shown) = serde_json::from_str::<Match>(&json) else {
            continue;
        };
        writeln!(
            page,
            "<li class=\"match\"><div class=\"head\"><time datetime=\"{0}\" title=\"{0}\">{1} UTC</time>{2}<strong>{3}</strong></div>\
             <p class=\"output\">{4}</p></li>",
            escape(&shown.time),
            escape(shown.time.get(11..19).unwrap_or_default()),
            badge(&shown.priority),
            escape(&shown.rule),
            escape(shown.message())
        )?;
    }
    page.push_str("</ol>\n</div>\n</section>\n");
    Ok(())
}

fn write_rules(page: &mut String, status: &Status) -> std::fmt::Result {
    page.push_str(
        "<section class=\"card\" aria-labelledby=\"h-rules\">\n<div class=\"bar\"><h2 id=\"h-rules\">Rules</h2>\
         <input id=\"filter\" type=\"search\" placeholder=\"Filter\" aria-label=\"Filter rules by name or priority\" hidden></div>\n\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"h-rules\" tabindex=\"0\">\n<table>\n<thead><tr>\
         <th scope=\"col\">Rule</th><th scope=\"col\">Priority</th><th scope=\"col\" class=\"number\">Matches</th></tr></thead>\n\
         <tbody id=\"rules\">\n",
    );
    for rule in &status.rules {
        let class = if rule.matches == 0 {
            " class=\"quiet\""
        } else {
            ""
        };
        writeln!(
            page,
            "<tr{class}><th scope=\"row\">{}</th><td>{}</td><td class=\"number\">{}</td></tr>",
            escape(&rule.rule),
            badge(&rule.priority),
            grouped(rule.matches)
        )?;
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    Ok(())
}

fn write_events(page: &mut String, status: &Status) -> std::fmt::Result {
    let hooks = !status.hooks.is_empty();
    let title = if hooks {
        "Events and their hooks"
    } else {
        "Events"
    };
    write!(
        page,
        "<section class=\"card\" aria-labelledby=\"h-events\">\n<div class=\"bar\"><h2 id=\"h-events\">{title}</h2></div>\n\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"h-events\" tabindex=\"0\">\n<table>\n<thead><tr><th scope=\"col\">Event</th>",
    )?;
    if hooks {
        page.push_str("<th scope=\"col\">Hook</th><th scope=\"col\">Tier</th>");
    }
    page.push_str(
        "<th scope=\"col\" class=\"number\">Judged</th></tr></thead>\n<tbody id=\"events\">\n",
    );
    for event in &status.events {
        let class = if event.count == 0 {
            " class=\"quiet\""
        } else {
            ""
        };
        let kind = escape(&event.kind);
        write!(
            page,
            "<tr{class} data-event=\"{kind}\"><th scope=\"row\">{kind}</th>"
        )?;
        if hooks {
            let served: Vec<&Hook> = status
                .hooks
                .iter()
                .filter(|hook| hook.event == event.kind)
                .collect();
            let column = |part: fn(&Hook) -> &str| {
                let parts: Vec<String> = served.iter().map(|hook| escape(part(hook))).collect();
                parts.join(", ")
            };
            let reasons = column(|hook| &hook.reason);
            let tiers = column(|hook| &hook.tier);
            write!(
                page,
                "<td>{}</td><td>{tiers}<p class=\"why\">{reasons}</p></td>",
                column(|hook| &hook.hook)
            )?;
        }
        writeln!(
            page,
            "<td class=\"number\">{}</td></tr>",
            grouped(event.count)
        )?;
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    Ok(())
}

fn write_limits(page: &mut String, status: &Status) -> std::fmt::Result {
    page.push_str(
        "<section class=\"card\" aria-labelledby=\"h-limits\">\n<div class=\"bar\"><h2 id=\"h-limits\">Limits and losses</h2></div>\n\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"h-limits\" tabindex=\"0\">\n<table>\n<thead><tr>\
         <th scope=\"col\">What</th><th scope=\"col\" class=\"number\">Now</th><th scope=\"col\" class=\"number\">Limit</th></tr></thead>\n<tbody>\n",
    );
    let mut row = |name: &str, now: u64, limit: Option<u64>| {
        let class = if limit == Some(0) && now > 0 {
            " class=\"alarm\""
        } else {
            ""
        };
        writeln!(
            page,
            "<tr{class}><th scope=\"row\">{}</th><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            escape(name),
            grouped(now),
            limit
                .filter(|limit| *limit > 0)
                .map_or("none".to_owned(), grouped)
        )
    };
    for table in &status.tables {
        let name = format!("Table of {}", table.table.replace('_', " "));
        row(&name, table.entries, Some(table.capacity))?;
    }
    for loss in &status.losses {
        row(
            &format!("Events lost: {}", loss.reason.replace('_', " ")),
            loss.count,
            Some(0),
        )?;
    }
    for (what, lost) in status.unsent() {
        let (outcome, reason) = (&lost.outcome, lost.reason.replace('_', " "));
        let name = format!("Output, {what} {outcome}: {reason}");
        row(&name, lost.count, Some(0))?;
    }
    page.push_str("</tbody>\n</table>\n</div>\n</section>\n");
    Ok(())
}

fn badge(priority: &str) -> String {
    let shade = match priority {
        "Emergency" | "Alert" | "Critical" | "Error" => " grave",
        "Warning" => " warning",
        "Notice" => " notice",
        _ => "",
    };
    format!(
        "<span class=\"priority{shade}\">{}</span>",
        escape(priority)
    )
}

/// A count with its thousands apart, as the script writes it.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Text as it stands in HTML, also within quotes. What would not be seen, or would turn the line around, is shown as its number.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() || is_format(c) => {
                escaped.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Characters without a shape that steer how others are shown.
fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests;
