//! Memory that was needed once is given back.

/// Hands free pages of the heap back to the kernel. Loading the probes parses the kernel's type information, some ten
/// megabytes that are never needed again and that glibc would keep.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code, reason = "glibc's malloc_trim has no safe wrapper")]
pub fn give_back() {
    // SAFETY: malloc_trim(3) takes a number and touches only memory that is free; it may be called from any thread.
    unsafe { libc::malloc_trim(0) };
}

/// Other C libraries give large blocks back by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn give_back() {}
