//! Descriptors: copies, ends, new ones of the kernel's own kinds, reading and writing.

use super::Descriptor::{None as NoFd, Own};
use super::Paths::None as NoPath;
use super::Source::{Arg, Data, Fd, FdValue, Ino, Made, Result, SecondFd, Text, Uncollected};
use super::net::PIECES;
use super::{Binding, bindings, symbols};
use crate::event::symbols::{file as words, process};

/// The rows of this file.
pub(super) const ROWS: &[Binding] = bindings! {
    dup [Own; NoPath] (res: Made, oldfd: Fd(0));
    dup2 [Own; NoPath] (res: Made, oldfd: Fd(0), newfd: Fd(1));
    dup3 [Own; NoPath] (res: Made, oldfd: Fd(0), newfd: Fd(1), flags: Arg(2) => words::NEW);
    fcntl [Own; NoPath] (res: Made, fd: Fd(0), cmd: Arg(1) => words::FCNTL);
    close [Own; NoPath] (res: Result, fd: Fd(0));
    pipe [Own; NoPath] (res: Result, fd1: FdValue(0), fd2: FdValue(1), ino: Ino);
    pipe2 [Own; NoPath] (res: Result, fd1: FdValue(0), fd2: FdValue(1), ino: Ino, flags: Arg(1) => words::NEW);
    eventfd [Own; NoPath] (res: Made, initval: Arg(0), flags: Arg(1));
    eventfd2 [Own; NoPath] (res: Made, flags: Arg(1) => words::EVENTFD2, initval: Arg(0));
    inotify_init [Own; NoPath] (res: Made, flags: Uncollected);
    inotify_init1 [Own; NoPath] (res: Made, flags: Arg(0) => words::NEW);
    timerfd_create [Own; NoPath] (res: Made, clockid: Arg(0), flags: Arg(1));
    signalfd [Own; NoPath] (res: Made, fd: Fd(0), mask: Uncollected, flags: Uncollected);
    signalfd4 [Own; NoPath] (res: Made, flags: Arg(3) => words::NEW, fd: Fd(0), mask: Uncollected);
    epoll_create [Own; NoPath] (res: Result, size: Arg(0));
    epoll_create1 [Own; NoPath] (res: Result, flags: Arg(0) => words::EPOLL_CREATE1);
    memfd_create [Own; NoPath] (fd: Made, name: Text, flags: Arg(1) => words::MEMFD);
    pidfd_open [Own; NoPath] (fd: Made, pid: Arg(0), flags: Arg(1) => process::PIDFD_OPEN);
    pidfd_getfd [Own; NoPath] (fd: Made, pid_fd: Fd(0), target_fd: Fd(1), flags: Arg(2));
    read [Own; NoPath] (res: Result, data: Data, fd: Fd(0), size: Arg(2));
    write [Own; NoPath] (res: Result, data: Data, fd: Fd(0), size: Arg(2));
    pread [Own; NoPath] (res: Result, data: Data, fd: Fd(0), size: Arg(2), pos: Arg(3));
    pwrite [Own; NoPath] (res: Result, data: Data, fd: Fd(0), size: Arg(2), pos: Arg(3));
    readv [Own; NoPath] (res: Result, size: PIECES, data: Data, fd: Fd(0));
    writev [Own; NoPath] (res: Result, data: Data, fd: Fd(0), size: PIECES);
    sendfile [Own; NoPath] (res: Result, offset: Uncollected, out_fd: Fd(0), in_fd: SecondFd(1), size: Arg(3));
    splice [Own; NoPath] (res: Result, fd_in: Fd(0), fd_out: SecondFd(2), size: Arg(4), flags: Arg(5) => words::SPLICE);
    copy_file_range [Own; NoPath] (
        res: Result, fdout: SecondFd(2), offout: Uncollected, fdin: Fd(0), offin: Uncollected, len: Arg(4));
    mmap [NoFd; NoPath] (
        res: Result, vm_size: Uncollected, vm_rss: Uncollected, vm_swap: Uncollected, addr: Arg(0), length: Arg(1),
        prot: Arg(2) => process::PROT, flags: Arg(3) => process::MAP, fd: Fd(4), offset: Arg(5));
    mmap2 [NoFd; NoPath] (
        res: Result, vm_size: Uncollected, vm_rss: Uncollected, vm_swap: Uncollected, addr: Arg(0), length: Arg(1),
        prot: Arg(2) => process::PROT, flags: Arg(3) => process::MAP, fd: Fd(4), pgoffset: Arg(5));
    mprotect [NoFd; NoPath] (res: Result, addr: Arg(0), length: Arg(1), prot: Arg(2) => process::PROT);
};
