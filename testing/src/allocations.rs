//! How often a thread asks the allocator for memory, and what it keeps: [`Counting`] as the global allocator of a test, [`during`]
//! and [`kept`].

#![allow(
    unsafe_code,
    reason = "counting allocations needs an allocator of our own"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting calls by thread.
pub struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    /// Bytes asked for less those given back.
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

/// How many times this thread asks for memory while it does this.
///
/// # Panics
///
/// When nothing is counted, because [`Counting`] is not the global allocator: a count of 0 would say nothing.
pub fn during(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    drop(std::hint::black_box(vec![1]));
    assert_eq!(CALLS.get() - before, 1, "no global allocator that counts");
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

/// How many bytes this thread has more when it has done this. What others give back of its memory is not seen, so the work has
/// to be that of one thread.
///
/// # Panics
///
/// When nothing is counted, as with [`during`].
pub fn kept(work: impl FnOnce()) -> i64 {
    let before = BYTES.get();
    let probe = std::hint::black_box(vec![0_u8; 100]);
    assert_eq!(BYTES.get() - before, 100, "no global allocator that counts");
    drop(probe);
    work();
    BYTES.get() - before
}

fn count() {
    // While a thread ends there is nothing left to count with.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

fn weigh(more: usize, less: usize) {
    let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + more as i64 - less as i64));
}

// SAFETY: every call is handed on as it is; counting touches only a thread-local number that needs no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        weigh(layout.size(), 0);
        // SAFETY: the caller's promises about `layout` are those that System asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        weigh(0, layout.size());
        // SAFETY: the pointer came from System with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        weigh(size, layout.size());
        // SAFETY: the pointer came from System with this layout.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
