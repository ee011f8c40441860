//! System calls by number, with the registers as the test wants them: what no library offers.
//!
//! Never: calls that change memory of this program; the tests pass only addresses that the kernel reads.

#![allow(
    unsafe_code,
    reason = "system calls by entries and numbers that no library offers"
)]

use std::arch::asm;

/// A 64-bit system call; gives the kernel's result, -errno on failure.
pub(crate) fn call64(number: u64, arguments: [u64; 4]) -> i64 {
    let result: i64;
    // SAFETY: the calls made by these tests read memory that `arguments` points to, if it is mapped, and write none.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// A system call by the 32-bit entry, which a 64-bit program may use too. Addresses must lie below 4 GiB.
pub(crate) fn call32(number: u32, arguments: [u32; 4]) -> i32 {
    let result: u64;
    // SAFETY: as above; rbx, which the compiler keeps for itself, is put back.
    unsafe {
        asm!(
            "xchg rbx, {first}",
            "int 0x80",
            "xchg rbx, {first}",
            first = inout(reg) u64::from(arguments[0]) => _,
            inlateout("rax") u64::from(number) => result,
            in("rcx") u64::from(arguments[1]),
            in("rdx") u64::from(arguments[2]),
            in("rsi") u64::from(arguments[3]),
            lateout("r8") _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    // The entry gives 32 bits.
    (result & 0xffff_ffff) as u32 as i32
}

/// Makes a process whose first thread leaves at once; its second one then tries to open `path` and ends the process with
/// the code 5. Gives its id.
pub(crate) fn process_that_outlives_its_first_thread(path: &std::ffi::CStr) -> i64 {
    let pid: i64;
    // The kernel clears it when the first thread is gone.
    let mut alive = 1u32;
    let mut stack = [0u64; 512];
    // SAFETY: everything after the fork happens in the child, which touches its own copies of `alive` and `stack` only,
    // calls the kernel only, and never leaves the block.
    unsafe {
        asm!(
            "mov eax, 57", // fork
            "syscall",
            "test eax, eax",
            "jnz 5f",
            "mov eax, 218", // set_tid_address
            "mov rdi, r12",
            "syscall",
            "mov eax, 56", // clone: a thread
            "mov edi, 0x50f00",
            "mov rsi, r13",
            "xor edx, edx",
            "xor r10d, r10d",
            "xor r8d, r8d",
            "syscall",
            "test eax, eax",
            "jz 3f",
            "mov eax, 60", // exit, the first thread
            "xor edi, edi",
            "syscall",
            "3: pause",
            "cmp dword ptr [r12], 0",
            "jne 3b",
            "mov eax, 2", // open
            "mov rdi, r14",
            "xor esi, esi",
            "xor edx, edx",
            "syscall",
            "mov eax, 231", // exit_group
            "mov edi, 5",
            "syscall",
            "5:",
            in("r12") &raw mut alive,
            in("r13") (&raw mut stack).add(1),
            in("r14") path.as_ptr(),
            lateout("rax") pid,
            lateout("rcx") _,
            lateout("rdx") _,
            lateout("rdi") _,
            lateout("rsi") _,
            lateout("r8") _,
            lateout("r10") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    pid
}

/// Bytes at an address below 4 GiB, for the life of the program.
pub(crate) fn low_memory(bytes: &[u8]) -> u32 {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
    assert!(bytes.len() <= 4096, "one page");
    // SAFETY: a new mapping of one page, which nobody else has; it is written once, within its length, before it is given out.
    let page = unsafe {
        let page = mmap_anonymous(
            std::ptr::null_mut(),
            4096,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE | MapFlags::from_bits_retain(MAP_32BIT),
        )
        .expect("mmap");
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), page.cast(), bytes.len());
        page
    };
    u32::try_from(page.addr()).expect("MAP_32BIT gives an address below 4 GiB")
}

const MAP_32BIT: u32 = 0x40;
