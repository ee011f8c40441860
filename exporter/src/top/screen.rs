//! What the screen shows: the last two states, the order of the rules, how far they are scrolled.
//!
//! In: states and keys. Out: rows and rates. Never: a terminal.

use std::collections::HashMap;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::http::status::{Latency, RuleStatus, Status};

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    End,
}

/// The order of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Matches since the start, most first.
    Matches,
    /// Matches a second, most first.
    Rate,
    /// Time spent on evaluating, most first.
    Cost,
    /// By the alphabet.
    Name,
}

/// A rule as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RuleRow<'a> {
    pub(super) rule: &'a RuleStatus,
    /// Matches a second since the last state.
    pub(super) rate: f64,
    /// Share of one processor since the agent's start: between two states too few events are timed to say. None where that is
    /// not told.
    pub(super) cost: Option<f64>,
}

/// The state of the view.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) url: String,
    pub(super) now: Status,
    before: Option<Status>,
    /// Why the last question had no answer.
    pub(super) fault: Option<String>,
    pub(super) order: Order,
    /// Rules above the first one shown.
    pub(super) offset: usize,
}

impl Screen {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            now: Status::default(),
            before: None,
            fault: None,
            order: Order::Matches,
            offset: 0,
        }
    }

    /// Takes the agent's answer. Without one, what was shown stays, and the reason is shown with it.
    pub(super) fn take(&mut self, answer: Result<Status, String>) {
        match answer {
            Ok(status) => {
                let before = std::mem::replace(&mut self.now, status);
                // After a restart of the agent its counters begin again, and there is nothing to compare with.
                let comparable = before.start_time_seconds == self.now.start_time_seconds
                    && before.time_seconds < self.now.time_seconds
                    && before.time_seconds > 0.0;
                self.before = comparable.then_some(before);
                self.fault = None;
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// Does what a key says.
    pub(super) fn key(&mut self, key: KeyEvent) -> Flow {
        let last = self.now.rules.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Flow::End;
            }
            KeyCode::Char('q') | KeyCode::Esc => return Flow::End,
            KeyCode::Char('m') => self.sort(Order::Matches),
            KeyCode::Char('r') => self.sort(Order::Rate),
            KeyCode::Char('c') => self.sort(Order::Cost),
            KeyCode::Char('n') => self.sort(Order::Name),
            KeyCode::Down | KeyCode::Char('j') => self.offset = (self.offset + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.offset = self.offset.saturating_sub(1),
            KeyCode::PageDown => self.offset = (self.offset + 10).min(last),
            KeyCode::PageUp => self.offset = self.offset.saturating_sub(10),
            KeyCode::Home => self.offset = 0,
            KeyCode::End => self.offset = last,
            _ => {}
        }
        Flow::Go
    }

    fn sort(&mut self, order: Order) {
        self.order = order;
        self.offset = 0;
    }

    /// Time between the two states; none before the second.
    pub(super) fn seconds(&self) -> Option<f64> {
        let before = self.before.as_ref()?;
        Some(self.now.time_seconds - before.time_seconds)
    }

    /// How much a number has risen a second.
    pub(super) fn rate(&self, number: impl Fn(&Status) -> f64) -> Option<f64> {
        let before = self.before.as_ref()?;
        Some((number(&self.now) - number(before)).max(0.0) / self.seconds()?)
    }

    /// The rules in order.
    pub(super) fn rules(&self) -> Vec<RuleRow<'_>> {
        let key = |rule: &RuleStatus| {
            (
                rule.rule.clone(),
                rule.priority.clone(),
                rule.source.clone(),
            )
        };
        let earlier: HashMap<_, _> = self
            .before
            .iter()
            .flat_map(|before| before.rules.iter().map(|rule| (key(rule), rule)))
            .collect();
        let seconds = self.seconds();
        let running = self.now.time_seconds - self.now.start_time_seconds;
        let mut rows: Vec<RuleRow<'_>> = self
            .now
            .rules
            .iter()
            .map(|rule| {
                let before = earlier.get(&key(rule)).copied();
                let matches = before.map_or(0, |before| before.matches);
                RuleRow {
                    rule,
                    rate: seconds.map_or(0.0, |seconds| {
                        rule.matches.saturating_sub(matches) as f64 / seconds
                    }),
                    cost: rule
                        .evaluation_seconds
                        .filter(|_| running > 0.0)
                        .map(|spent| spent / running),
                }
            })
            .collect();
        rows.sort_by(|a, b| {
            let first = match self.order {
                Order::Matches => b.rule.matches.cmp(&a.rule.matches),
                Order::Rate => b.rate.total_cmp(&a.rate),
                Order::Cost => b.cost.unwrap_or(0.0).total_cmp(&a.cost.unwrap_or(0.0)),
                Order::Name => std::cmp::Ordering::Equal,
            };
            first.then_with(|| a.rule.rule.cmp(&b.rule.rule))
        });
        rows
    }

    /// Event types with their number a second and since the start, the busiest first.
    pub(super) fn events(&self) -> Vec<(&str, f64, u64)> {
        let mut rows: Vec<_> = self
            .now
            .events
            .iter()
            .map(|event| {
                let count = |status: &Status| {
                    let same = status.events.iter().find(|one| one.kind == event.kind);
                    same.map_or(0, |one| one.count) as f64
                };
                let rate = self.rate(count).unwrap_or(0.0);
                (event.kind.as_str(), rate, event.count)
            })
            .collect();
        rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.2.cmp(&a.2)));
        rows
    }

    /// The latency that this share of the events stayed below: since the last state, or since the start if nothing happened
    /// in between. None where it is not told.
    pub(super) fn latency(&self, share: f64) -> Option<Duration> {
        let now = &self.now.latency;
        let before = self.before.as_ref().map(|before| &before.latency);
        let recent = before.filter(|before| before.count < now.count);
        quantile(now, recent, share)
    }
}

/// The upper bound of the bucket in which the quantile lies.
fn quantile(now: &Latency, before: Option<&Latency>, share: f64) -> Option<Duration> {
    let earlier = |le: &str| {
        let buckets = &before?.buckets;
        Some(buckets.iter().find(|bucket| bucket.le == le)?.count)
    };
    let total = now.count - before.map_or(0, |before| before.count);
    if total == 0 {
        return None;
    }
    let wanted = share * total as f64;
    let bucket = now.buckets.iter().find(|bucket| {
        let count = bucket
            .count
            .saturating_sub(earlier(&bucket.le).unwrap_or(0));
        count as f64 >= wanted
    })?;
    Duration::try_from_secs_f64(bucket.le.parse().ok()?).ok()
}
