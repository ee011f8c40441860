//! Whole records out of the kernel's ring buffer, and the sleep in between.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use aya::maps::{MapData, RingBuf};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// The reading end of the ring buffer.
pub struct Ring {
    ring: RingBuf<MapData>,
    wake: Arc<OwnedFd>,
}

/// Ends the sleep of the thread that reads the ring. Cloning gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Waker(Arc<OwnedFd>);

impl Ring {
    pub(super) fn new(ring: RingBuf<MapData>) -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self {
            ring,
            wake: Arc::new(wake),
        })
    }

    /// A handle that ends the sleep.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Gives at most `max` of the records that are there to `each`, and says how many that were.
    pub fn drain(&mut self, max: usize, each: &mut dyn FnMut(&[u8])) -> usize {
        let mut found = 0;
        while found < max {
            let Some(record) = self.ring.next() else {
                break;
            };
            each(&record);
            found += 1;
        }
        found
    }

    /// Sleeps until the kernel or a [`Waker`] ends it, or `within` has passed.
    pub fn wait(&mut self, within: Duration) {
        let timeout = Timespec {
            tv_sec: i64::try_from(within.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: within.subsec_nanos().into(),
        };
        let woken = {
            let mut fds = [
                PollFd::from_borrowed_fd(self.ring.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.wake.as_fd(), PollFlags::IN),
            ];
            // An error (a signal) is a sleep that was too short: the caller looks and comes back.
            let _ = poll(&mut fds, Some(&timeout));
            fds[1].revents().contains(PollFlags::IN)
        };
        if woken {
            let _ = rustix::io::read(&*self.wake, &mut [0; 8]);
        }
    }
}

impl Waker {
    /// Ends the sleep that is on, or the next one.
    pub fn wake(&self) {
        // Only a counter at its limit refuses, and then the reader is awake.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}
