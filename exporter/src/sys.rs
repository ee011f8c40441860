//! What the operating system is asked for outside the event path: clocks, capabilities, memory, signals, the name of the host.
//!
//! Never: anything of the other rooms.

pub mod capability;
pub mod clock;
pub mod memory;
pub mod signals;

/// The release of the running kernel, as `uname -r` gives it.
pub fn kernel_release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

/// The name of this host, as the kernel has it.
pub fn hostname() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
