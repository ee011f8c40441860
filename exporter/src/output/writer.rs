//! A thread that writes queued matches as lines, as many at once as there are.
//!
//! In: [`Pending`] matches. Out: whole lines in a sink, and a count of those that could not be written.
//! Never: the end of the agent because nobody reads its lines.

use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::Lines;
use super::queue::{self, Names, Queue, Waiting};
use crate::metrics::{Counter, Declaration, Family, Registry};

/// Matches that may wait. A match is a few hundred bytes to a few kilobytes.
const QUEUE_LEN_MAX: usize = 4096;

/// Lines of one write.
const BATCH_LINES_MAX: usize = 256;
/// Pause before a sink that takes nothing at the moment (a terminal or pipe in non-blocking mode) is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// The receiving end of a queue of matches that are to become lines.
#[derive(Debug)]
pub struct Pending {
    waiting: Waiting,
    lines: Family<2, Counter>,
}

/// Makes the queue of the lines and declares its metrics.
pub fn queue(registry: &mut Registry) -> (Queue, Pending) {
    let lines = registry.counters(Declaration {
        name: "saker_output_lines_total",
        help: "Lines for matches, by what became of them.",
        labels: ["outcome", "reason"],
    });
    let names = Names {
        length: Declaration {
            name: "saker_output_queue_length",
            help: "Matches that wait to be written or are being written.",
            labels: [],
        },
        capacity: Declaration {
            name: "saker_output_queue_capacity",
            help: "Matches that may wait to be written.",
            labels: [],
        },
    };
    let full = lines.with(["dropped", "queue_full"]);
    let closed = lines.with(["dropped", "writer_ended"]);
    let (queue, waiting) = queue::queue(registry, names, QUEUE_LEN_MAX, full, closed);
    (queue, Pending { waiting, lines })
}

/// The running thread.
#[derive(Debug)]
pub struct Writer {
    ended: mpsc::Receiver<()>,
}

impl Writer {
    /// Starts the thread. It ends when all [`Queue`]s are gone and what they held is written.
    pub fn start(
        pending: Pending,
        sink: impl Write + Send + 'static,
        lines: Lines,
    ) -> io::Result<Writer> {
        let (alive, ended) = mpsc::channel();
        thread::Builder::new()
            .name("saker-output".to_owned())
            .spawn(move || {
                let _alive: mpsc::Sender<()> = alive;
                write_all(pending, sink, &lines);
            })?;
        Ok(Writer { ended })
    }

    /// Waits, once all queues are gone, until everything is written; `false` if that took longer than `within`, as with a
    /// reader that has stalled. The thread is then left to the end of the process.
    pub fn finish(self, within: Duration) -> bool {
        self.ended.recv_timeout(within) == Err(RecvTimeoutError::Disconnected)
    }
}

fn write_all(pending: Pending, mut sink: impl Write, lines: &Lines) {
    let Pending {
        waiting: Waiting { mut receiver, held },
        lines: counted,
    } = pending;
    let outcomes = Outcomes::new(&counted);
    let mut matches = Vec::with_capacity(BATCH_LINES_MAX);
    let mut text = Vec::new();
    let mut ends = Vec::with_capacity(BATCH_LINES_MAX);
    let mut torn = false;
    let mut failing = false;
    while receiver.blocking_recv_many(&mut matches, BATCH_LINES_MAX) > 0 {
        text.clear();
        ends.clear();
        if torn {
            text.push(b'\n');
        }
        for owned in matches.drain(..) {
            lines.render(&owned, &mut text);
            ends.push(text.len());
        }
        let (written, result) = write(&mut sink, &text);
        let whole = ends.iter().filter(|end| **end <= written).count();
        held.settled(ends.len());
        outcomes.written.inc_by(whole as u64);
        if let Err(error) = &result {
            outcomes.failed(error).inc_by((ends.len() - whole) as u64);
            if !failing {
                tracing::warn!(%error, "lines for matches cannot be written; they are counted in saker_output_lines_total");
            }
        }
        failing = result.is_err();
        torn = text[..written].last().map_or(torn, |byte| *byte != b'\n');
    }
}

/// Writes as much as the sink takes: how many bytes that was, and what ended it.
fn write(sink: &mut impl Write, text: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < text.len() {
        match sink.write(&text[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(BUSY_PAUSE),
            Err(error) => return (written, Err(error)),
        }
    }
    (written, sink.flush())
}

/// A counter for each way a line can end.
struct Outcomes {
    written: Counter,
    closed: Counter,
    refused: Counter,
}

impl Outcomes {
    fn new(lines: &Family<2, Counter>) -> Outcomes {
        Outcomes {
            written: lines.with(["written", ""]),
            closed: lines.with(["failed", "closed"]),
            refused: lines.with(["failed", "refused"]),
        }
    }

    /// Nobody reads any more, or the sink has another reason (a full disk).
    fn failed(&self, error: &io::Error) -> &Counter {
        match error.kind() {
            ErrorKind::BrokenPipe => &self.closed,
            _ => &self.refused,
        }
    }
}
