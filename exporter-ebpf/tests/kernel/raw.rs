//! System calls by number, with the registers as the test wants them: what no library offers.
//!
//! Never: calls that change memory of this program other than what [`low_memory`] gave out.

#![allow(
    unsafe_code,
    reason = "system calls by entries and numbers that no library offers"
)]

use std::arch::asm;

/// A 64-bit system call; gives the kernel's result, -errno on failure.
pub(crate) fn call64<const N: usize>(number: u64, arguments: [u64; N]) -> i64 {
    let arguments = six(arguments);
    let result: i64;
    // SAFETY: the calls made by these tests read memory that the arguments point to, if it is mapped, and write only to
    // memory from `low_memory`, which nobody else uses.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            in("r8") arguments[4],
            in("r9") arguments[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// A system call by the 32-bit entry, which a 64-bit program may use too. Addresses must lie below 4 GiB.
pub(crate) fn call32<const N: usize>(number: u32, arguments: [u32; N]) -> i32 {
    let mut words = [number, 0, 0, 0, 0, 0, 0];
    words[1..=N].copy_from_slice(&arguments);
    let result: u64;
    // SAFETY: as above; rbx and rbp, which the compiler keeps for itself, are put back.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "mov eax, [r12]",
            "mov ebx, [r12 + 4]",
            "mov ecx, [r12 + 8]",
            "mov edx, [r12 + 12]",
            "mov esi, [r12 + 16]",
            "mov edi, [r12 + 20]",
            "mov ebp, [r12 + 24]",
            "int 0x80",
            "pop rbp",
            "pop rbx",
            in("r12") &raw const words,
            lateout("rax") result,
            lateout("rcx") _,
            lateout("rdx") _,
            lateout("rsi") _,
            lateout("rdi") _,
            lateout("r8") _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("r11") _,
        );
    }
    // The entry gives 32 bits.
    (result & 0xffff_ffff) as u32 as i32
}

/// A call that makes a process, which ends at once; gives the kernel's result for its maker.
pub(crate) fn fork64<const N: usize>(number: u64, arguments: [u64; N]) -> i64 {
    let arguments = six(arguments);
    let result: i64;
    // SAFETY: the new process touches no memory: it may share it with its maker.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov eax, 231", // exit_group
            "xor edi, edi",
            "syscall",
            "2:",
            inlateout("rax") number => result,
            inlateout("rdi") arguments[0] => _,
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            in("r8") arguments[4],
            in("r9") arguments[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Arguments filled up with zeros.
pub(crate) fn six<const N: usize>(arguments: [u64; N]) -> [u64; 6] {
    let mut six = [0; 6];
    six[..N].copy_from_slice(&arguments);
    six
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

/// Bytes at an address below 4 GiB, for the life of the program, with zeros up to the end of their last page.
pub(crate) fn low_memory(bytes: &[u8]) -> u32 {
    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
    // SAFETY: a new mapping, which nobody else has; it is written once, within its length, before it is given out.
    let page = unsafe {
        let page = mmap_anonymous(
            std::ptr::null_mut(),
            bytes.len().max(1).next_multiple_of(4096),
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE | MapFlags::from_bits_retain(MAP_32BIT),
        )
        .expect("mmap");
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), page.cast(), bytes.len());
        page
    };
    u32::try_from(page.addr()).expect("MAP_32BIT gives an address below 4 GiB")
}

/// The address of a string with its NUL, as [`low_memory`] gives it.
pub(crate) fn text(bytes: impl AsRef<[u8]>) -> u64 {
    low_memory(&[bytes.as_ref(), b"\0"].concat()).into()
}

/// The address of words of 64 bits.
pub(crate) fn words(words: &[u64]) -> u64 {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    low_memory(&bytes).into()
}

/// The address of words of 32 bits.
pub(crate) fn words32(words: &[u32]) -> u64 {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    low_memory(&bytes).into()
}

const MAP_32BIT: u32 = 0x40;
