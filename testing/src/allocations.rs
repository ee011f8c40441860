//! How often a thread asks the allocator for memory: [`Counting`] as the global allocator of a test, and [`during`].

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

fn count() {
    // While a thread ends there is nothing left to count with.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is handed on as it is; counting touches only a thread-local number that needs no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises about `layout` are those that System asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from System with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the pointer came from System with this layout.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
