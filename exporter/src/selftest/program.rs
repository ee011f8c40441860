//! Programs that make system calls one after another and end: the hands of the self-test.
//!
//! In: [`Call`]s with their arguments. Out: the bytes of a static executable, the same on every run, that needs no interpreter,
//! no library and no shell, so that it runs in a folder that holds nothing else. Never: anything but those calls and the end.
//! Sources: elf(5), syscall(2); the manuals of both architectures for the few instructions that are used.

use libc::{c_int, c_long};

/// A system call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    number: c_long,
    args: [Arg; 6],
    failure: Failure,
}

/// What a call may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// It has to succeed; else the program ends with the number of the error.
    Ends,
    /// It fails by what it is given; only a missing right ends the program.
    Expected,
}

/// An argument.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arg {
    /// A number.
    Value(u64),
    /// The address of a text, with a zero at its end.
    Text(&'static str),
    /// The address of bytes, which the kernel may write to.
    Bytes(&'static [u8]),
    /// The address of addresses and numbers.
    Words(&'static [Word]),
    /// The address of another program, which does nothing; its length is the argument after it.
    Program,
}

/// A word of a structure.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    /// A number.
    Value(u64),
    /// The address of bytes.
    Bytes(&'static [u8]),
}

/// Where the program lies in memory.
const BASE: u64 = 0x40_0000;
const HEADERS_LEN: usize = 64 + 56;

impl Call {
    /// A call that has to succeed.
    pub(super) const fn new(number: c_long, args: [Arg; 6]) -> Self {
        Self {
            number,
            args,
            failure: Failure::Ends,
        }
    }

    /// The same, that fails as it should, unless the right for it is missing.
    pub(super) const fn in_vain(self) -> Self {
        Self {
            failure: Failure::Expected,
            ..self
        }
    }

    /// The paths and other texts that it is given.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'static str> {
        self.args.iter().filter_map(|arg| match arg {
            Arg::Text(text) => Some(*text),
            _ => None,
        })
    }
}

/// The executable that makes these calls and ends with 0, or with the number of the error of the first that must not fail.
pub(super) fn executable(calls: &[Call]) -> Vec<u8> {
    // Code has the same length wherever data lies, so it is written twice: to know where data begins, and with that.
    let mut data = Data::new(0);
    let start = HEADERS_LEN + code(calls, &mut data).len();
    let mut data = Data::new(BASE + start as u64);
    let code = code(calls, &mut data);
    let mut file = headers((start + data.bytes.len()) as u64);
    file.extend(code);
    file.extend(data.bytes);
    file
}

/// What arguments point to.
struct Data {
    address: u64,
    bytes: Vec<u8>,
}

impl Data {
    fn new(address: u64) -> Self {
        Self {
            address,
            bytes: Vec::new(),
        }
    }

    /// Puts bytes down, at an address that fits every structure.
    fn put(&mut self, bytes: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let address = self.address + self.bytes.len() as u64;
        self.bytes.extend(bytes);
        address
    }

    fn value(&mut self, arg: Arg) -> u64 {
        match arg {
            Arg::Value(value) => value,
            Arg::Text(text) => self.put(&[text.as_bytes(), &[0]].concat()),
            Arg::Bytes(bytes) => self.put(bytes),
            Arg::Words(words) => {
                let words: Vec<u8> = words
                    .iter()
                    .flat_map(|word| match word {
                        Word::Value(value) => value.to_le_bytes(),
                        Word::Bytes(bytes) => self.put(bytes).to_le_bytes(),
                    })
                    .collect();
                self.put(&words)
            }
            Arg::Program => self.put(&executable(&[])),
        }
    }
}

fn code(calls: &[Call], data: &mut Data) -> Vec<u8> {
    let mut code = Vec::new();
    for call in calls {
        let mut values = call.args.map(|arg| data.value(arg));
        for (index, arg) in call.args.iter().enumerate() {
            if let (Arg::Program, Some(next)) = (arg, values.get_mut(index + 1)) {
                *next = executable(&[]).len() as u64;
            }
        }
        machine::call(&mut code, call.number, values);
        machine::check(&mut code, call.failure);
    }
    machine::call(&mut code, libc::SYS_exit_group, [0; 6]);
    code
}

/// The header of the file and of its one segment.
fn headers(len: u64) -> Vec<u8> {
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
    bytes.extend([0; 8]);
    let half = |bytes: &mut Vec<u8>, value: u16| bytes.extend(value.to_le_bytes());
    let word = |bytes: &mut Vec<u8>, value: u32| bytes.extend(value.to_le_bytes());
    let long = |bytes: &mut Vec<u8>, value: u64| bytes.extend(value.to_le_bytes());
    half(&mut bytes, 2); // ET_EXEC
    half(&mut bytes, machine::ELF_MACHINE);
    word(&mut bytes, 1);
    long(&mut bytes, BASE + HEADERS_LEN as u64);
    long(&mut bytes, 64);
    long(&mut bytes, 0);
    word(&mut bytes, 0);
    for value in [64, 56, 1, 0, 0, 0] {
        half(&mut bytes, value);
    }
    word(&mut bytes, 1); // PT_LOAD
    word(&mut bytes, 7); // read, write, execute
    long(&mut bytes, 0);
    long(&mut bytes, BASE);
    long(&mut bytes, BASE);
    long(&mut bytes, len);
    long(&mut bytes, len);
    long(&mut bytes, 0x1000);
    bytes
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::{Failure, c_long};

    pub(super) const ELF_MACHINE: u16 = 62;

    /// mov rdi, rsi, rdx, r10, r8, r9 and rax; syscall.
    pub(super) fn call(code: &mut Vec<u8>, number: c_long, args: [u64; 6]) {
        const MOVES: [[u8; 2]; 6] = [
            [0x48, 0xbf],
            [0x48, 0xbe],
            [0x48, 0xba],
            [0x49, 0xba],
            [0x49, 0xb8],
            [0x49, 0xb9],
        ];
        for (mov, arg) in MOVES.iter().zip(args) {
            code.extend(mov);
            code.extend(arg.to_le_bytes());
        }
        code.extend([0x48, 0xb8]);
        code.extend(number.to_le_bytes());
        code.extend([0x0f, 0x05]);
    }

    /// Ends the program with the number of the error if there was one that it must not survive.
    pub(super) fn check(code: &mut Vec<u8>, failure: Failure) {
        match failure {
            // test rax, rax; jns over the next 13 bytes
            Failure::Ends => code.extend([0x48, 0x85, 0xc0, 0x79, 13]),
            // cmp rax, -EPERM; jne over them
            Failure::Expected => code.extend([0x48, 0x83, 0xf8, 0xff, 0x75, 13]),
        }
        // neg rax; mov rdi, rax; mov eax, exit_group; syscall
        code.extend([0x48, 0xf7, 0xd8, 0x48, 0x89, 0xc7, 0xb8]);
        code.extend((libc::SYS_exit_group as u32).to_le_bytes());
        code.extend([0x0f, 0x05]);
    }
}

#[cfg(target_arch = "aarch64")]
mod machine {
    use super::{Failure, c_long};

    pub(super) const ELF_MACHINE: u16 = 183;

    /// mov x0 to x5 and x8; svc #0.
    pub(super) fn call(code: &mut Vec<u8>, number: c_long, args: [u64; 6]) {
        for (register, arg) in (0u32..).zip(args) {
            set(code, register, arg);
        }
        set(code, 8, number as u64);
        code.extend(0xd400_0001_u32.to_le_bytes());
    }

    /// movz and three movk.
    fn set(code: &mut Vec<u8>, register: u32, value: u64) {
        for part in 0..4u32 {
            let immediate = (value >> (16 * part)) as u32 & 0xffff;
            let opcode = if part == 0 { 0xd280_0000 } else { 0xf280_0000 };
            code.extend((opcode | part << 21 | immediate << 5 | register).to_le_bytes());
        }
    }

    /// Ends the program with the number of the error if there was one that it must not survive.
    pub(super) fn check(code: &mut Vec<u8>, failure: Failure) {
        match failure {
            // tbz x0, #63, over the next six instructions
            Failure::Ends => code.extend((0xb6f8_0000_u32 | 7 << 5).to_le_bytes()),
            // cmn x0, #EPERM; b.ne over them
            Failure::Expected => {
                code.extend(0xb100_041f_u32.to_le_bytes());
                code.extend((0x5400_0001_u32 | 7 << 5).to_le_bytes());
            }
        }
        // neg x0, x0; mov x8, exit_group; svc #0
        code.extend(0xcb00_03e0_u32.to_le_bytes());
        set(code, 8, libc::SYS_exit_group as u64);
        code.extend(0xd400_0001_u32.to_le_bytes());
    }
}

/// The calls that actions are made of.
pub(super) mod calls {
    use super::{Arg, Call, Word, c_int};

    const NONE: Arg = Arg::Value(0);
    const HERE: Arg = Arg::Value(libc::AT_FDCWD as u64);

    const fn number(value: c_int) -> Arg {
        Arg::Value(value as u64)
    }

    /// Opens a file to read it.
    pub(in super::super) const fn read(path: &'static str) -> Call {
        open(path, libc::O_RDONLY)
    }

    /// Opens a file to write to it, and makes it if need be.
    pub(in super::super) const fn write(path: &'static str) -> Call {
        open(path, libc::O_WRONLY | libc::O_CREAT)
    }

    /// Opens a file that is there to write to it, and empties it.
    pub(in super::super) const fn empty(path: &'static str) -> Call {
        open(path, libc::O_WRONLY | libc::O_TRUNC)
    }

    const fn open(path: &'static str, flags: c_int) -> Call {
        let args = [HERE, Arg::Text(path), number(flags), Arg::Value(0o644)];
        padded(libc::SYS_openat, args)
    }

    const fn padded(call: super::c_long, [a, b, c, d]: [Arg; 4]) -> Call {
        Call::new(call, [a, b, c, d, NONE, NONE])
    }

    /// Removes a file.
    pub(in super::super) const fn remove(path: &'static str) -> Call {
        padded(libc::SYS_unlinkat, [HERE, Arg::Text(path), NONE, NONE])
    }

    /// Gives a file another name.
    pub(in super::super) const fn rename(from: &'static str, to: &'static str) -> Call {
        padded(
            libc::SYS_renameat2,
            [HERE, Arg::Text(from), HERE, Arg::Text(to)],
        )
    }

    /// Makes a folder.
    pub(in super::super) const fn make_folder(path: &'static str) -> Call {
        padded(
            libc::SYS_mkdirat,
            [HERE, Arg::Text(path), Arg::Value(0o755), NONE],
        )
    }

    /// Makes a symbolic link.
    pub(in super::super) const fn symlink(target: &'static str, path: &'static str) -> Call {
        padded(
            libc::SYS_symlinkat,
            [Arg::Text(target), HERE, Arg::Text(path), NONE],
        )
    }

    /// Makes a hard link.
    pub(in super::super) const fn link(target: &'static str, path: &'static str) -> Call {
        padded(
            libc::SYS_linkat,
            [HERE, Arg::Text(target), HERE, Arg::Text(path)],
        )
    }

    /// Changes the mode of a file.
    pub(in super::super) const fn change_mode(path: &'static str, mode: u64) -> Call {
        padded(
            libc::SYS_fchmodat,
            [HERE, Arg::Text(path), Arg::Value(mode), NONE],
        )
    }

    /// Gives a file to a user.
    pub(in super::super) const fn change_owner(path: &'static str, user: u64) -> Call {
        let nobody = Arg::Value(u32::MAX as u64);
        padded(
            libc::SYS_fchownat,
            [HERE, Arg::Text(path), Arg::Value(user), nobody],
        )
    }

    /// Makes a socket; the first is number 3.
    pub(in super::super) const fn socket(family: c_int, kind: c_int, protocol: u64) -> Call {
        padded(
            libc::SYS_socket,
            [number(family), number(kind), Arg::Value(protocol), NONE],
        )
    }

    /// Gives a socket an address.
    pub(in super::super) const fn bind(socket: u64, address: &'static [u8]) -> Call {
        let len = Arg::Value(address.len() as u64);
        padded(
            libc::SYS_bind,
            [Arg::Value(socket), Arg::Bytes(address), len, NONE],
        )
    }

    /// Lets a socket be connected to.
    pub(in super::super) const fn listen(socket: u64) -> Call {
        padded(
            libc::SYS_listen,
            [Arg::Value(socket), Arg::Value(1), NONE, NONE],
        )
    }

    /// Connects a socket.
    pub(in super::super) const fn connect(socket: u64, address: &'static [u8]) -> Call {
        let len = Arg::Value(address.len() as u64);
        padded(
            libc::SYS_connect,
            [Arg::Value(socket), Arg::Bytes(address), len, NONE],
        )
    }

    /// Takes a connection.
    pub(in super::super) const fn accept(socket: u64) -> Call {
        padded(libc::SYS_accept4, [Arg::Value(socket), NONE, NONE, NONE])
    }

    /// Puts a descriptor in the place of another one.
    pub(in super::super) const fn put_in_place(from: u64, to: u64) -> Call {
        padded(
            libc::SYS_dup3,
            [Arg::Value(from), Arg::Value(to), NONE, NONE],
        )
    }

    /// Waits.
    pub(in super::super) const fn sleep(duration: &'static [Word; 2]) -> Call {
        padded(
            libc::SYS_nanosleep,
            [Arg::Words(duration), NONE, NONE, NONE],
        )
    }

    /// Any other call.
    pub(in super::super) const fn call(call: super::c_long, args: [Arg; 4]) -> Call {
        padded(call, args)
    }

    /// Any call with five arguments.
    pub(in super::super) const fn call5(call: super::c_long, [a, b, c, d, e]: [Arg; 5]) -> Call {
        Call::new(call, [a, b, c, d, e, NONE])
    }
}

#[cfg(test)]
mod tests;
