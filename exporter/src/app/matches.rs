//! Takes matches to the page, as they will be shown.
//!
//! In: matches on the writer's thread. Out: the ring of recent ones. Never: a rendered line before somebody looks.

use std::sync::Arc;

use crate::http::{Recent, Shown};
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

/// What keeps a match for the page.
pub(super) fn keep(recent: Recent, hostname: &str) -> impl FnMut(Arc<OwnedMatch>) + Send + 'static {
    let lines = Arc::new(Lines::new(Format::Json, hostname.to_owned()));
    move |owned| {
        let lines = Arc::clone(&lines);
        recent.extend([Arc::new(Kept { owned, lines }) as Arc<dyn Shown>]);
    }
}
