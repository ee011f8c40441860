//! A thread with a runtime of its own, which is told when it has to be done.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How much longer than it was told to the thread may take to end.
const GRACE: Duration = Duration::from_millis(500);

/// The running thread.
#[derive(Debug)]
pub struct Running {
    ending: watch::Sender<Option<Instant>>,
    ended: mpsc::Receiver<()>,
}

/// When the agent has to be done, once that is known.
#[derive(Clone, Debug)]
pub(super) struct End(watch::Receiver<Option<Instant>>);

/// Starts a thread that does `work`.
pub(super) fn spawn<F: Future<Output = ()>>(
    name: &str,
    work: impl FnOnce(End) -> F + Send + 'static,
) -> io::Result<Running> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (ending, end) = ending();
    let (alive, ended) = mpsc::channel();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _alive: mpsc::Sender<()> = alive;
            runtime.block_on(work(end));
            // A name that is being looked up does not hold the end up.
            runtime.shutdown_background();
        })?;
    Ok(Running { ending, ended })
}

/// An end that is not known yet, and where it is told.
pub(super) fn ending() -> (watch::Sender<Option<Instant>>, End) {
    let (ending, end) = watch::channel(None);
    (ending, End(end))
}

impl Running {
    /// Says that the work has to be done `within` that time.
    pub fn end(&self, within: Duration) {
        // Who has ended already need not hear it.
        let _ = self.ending.send(Some(Instant::now() + within));
    }

    /// Says so and waits for it; `false` if it took longer. The thread is then left to the end of the process.
    pub fn finish(self, within: Duration) -> bool {
        self.end(within);
        self.ended.recv_timeout(within + GRACE) == Err(RecvTimeoutError::Disconnected)
    }
}

impl End {
    /// Whether it is known.
    pub(super) fn is_known(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// How much time is left.
    pub(super) fn time_left(&self) -> Duration {
        let end = *self.0.borrow();
        end.map_or(Duration::MAX, |end| {
            end.saturating_duration_since(Instant::now())
        })
    }

    /// Waits until it is known.
    pub(super) async fn known(&mut self) -> Instant {
        if let Ok(known) = self.0.wait_for(Option::is_some).await
            && let Some(end) = *known
        {
            return end;
        }
        // Nobody can say so any more.
        std::future::pending().await
    }
}
