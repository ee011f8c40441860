//! The event thread's life: started with the scan, spoken to, ended when its source is empty.

use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;

use crate::pipeline::{Control, Pipeline, Records};
use crate::probe::{Ring, Waker};
use crate::sys::clock;

impl Records for Ring {
    fn drain(&mut self, max: usize, each: &mut dyn FnMut(&[u8])) -> usize {
        Ring::drain(self, max, each)
    }

    fn boot_wall_ns(&mut self) -> u64 {
        clock::boot_wall_ns()
    }

    fn boot_ns(&mut self) -> u64 {
        clock::boot_ns()
    }

    fn wait(&mut self, within: Duration) {
        Ring::wait(self, within);
    }
}

/// The thread that events walk through.
pub(super) struct EventThread {
    control: Sender<Control>,
    waker: Waker,
    thread: JoinHandle<()>,
}

/// Speaks to the event thread.
#[derive(Clone)]
pub(super) struct EventHandle {
    control: Sender<Control>,
    waker: Waker,
}

impl EventHandle {
    /// Hands a message over; one that comes after the thread's end is dropped.
    pub(super) fn send(&self, message: Control) {
        if self.control.send(message).is_ok() {
            self.waker.wake();
        }
    }

    /// Makes it look at what it was given by another way.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }
}

impl EventThread {
    /// Starts it; what the scan found is applied first.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn start(
        mut pipeline: Pipeline,
        mut ring: Ring,
        scanned: Vec<u8>,
    ) -> anyhow::Result<Self> {
        let (control, messages) = mpsc::channel();
        let waker = ring.waker();
        let thread = thread::Builder::new()
            .name("saker-events".to_owned())
            .spawn(move || {
                pipeline.scanned(&scanned);
                drop(scanned);
                pipeline.run(&mut ring, &messages);
            })
            .context("the event thread cannot be started")?;
        Ok(Self {
            control,
            waker,
            thread,
        })
    }

    /// A way to speak to it.
    #[must_use]
    pub(super) fn handle(&self) -> EventHandle {
        EventHandle {
            control: self.control.clone(),
            waker: self.waker.clone(),
        }
    }

    /// Lets the thread take what is in the ring, and ends it.
    ///
    /// # Errors
    /// When it panicked.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        self.handle().send(Control::Stop);
        match self.thread.join() {
            Ok(()) => Ok(()),
            Err(_) => anyhow::bail!("the event thread ended in a panic; its message is above"),
        }
    }
}
