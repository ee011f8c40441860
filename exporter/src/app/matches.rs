//! Takes matches to the page, as they will be shown.
//!
//! In: matches from the queue of the page. Out: the ring of recent ones. Never: a rendered line before somebody looks.

use std::sync::Arc;

use crate::http::{Recent, Shown};
use crate::output::page::Pending;
use crate::output::{Format, Lines, OwnedMatch};

/// A match and how it is written.
struct Kept {
    owned: Arc<OwnedMatch>,
    lines: Arc<Lines>,
}

impl Shown for Kept {
    fn json(&self) -> String {
        let mut line = Vec::new();
        self.lines.render(&self.owned, &mut line);
        // The line break at its end.
        line.pop();
        String::from_utf8(line).unwrap_or_default()
    }
}

/// Keeps matches for the page until no more can come.
pub(super) async fn keep(pending: Pending, recent: Recent, hostname: String) {
    let lines = Arc::new(Lines::new(Format::Json, hostname));
    let shown = |owned| {
        let lines = Arc::clone(&lines);
        Arc::new(Kept { owned, lines }) as Arc<dyn Shown>
    };
    pending
        .hand_over(|matches| recent.extend(matches.map(shown)))
        .await;
}
