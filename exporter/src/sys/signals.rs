//! Signals that ask a process to end: told to who asked for them, instead of ending it on the spot.

use std::io;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

/// Calls `told` when the first of them comes, on a thread of its own.
///
/// # Errors
/// When there is no thread, or no handler, to be had.
pub fn on_end(told: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let kinds = [
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::interrupt(),
    ];
    let guard = runtime.enter();
    let [mut terminate, mut hangup, mut interrupt] =
        [signal(kinds[0])?, signal(kinds[1])?, signal(kinds[2])?];
    drop(guard);
    thread::Builder::new()
        .name("saker-signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                    _ = interrupt.recv() => {}
                }
            });
            told();
        })?;
    Ok(())
}
