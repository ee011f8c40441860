/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the arguments of each system call are: the one table that the collector (syscall.h) goes by.
 *
 * Never: what an argument means to user space; the records carry the raw ones.
 * Sources: the kernel's include/linux/syscalls.h.
 */
#ifndef SAKER_SHAPE_H
#define SAKER_SHAPE_H

#include "bpf.h"

enum trait {
	MAKES_FD = 1,      /* the result is a descriptor, if it is no error */
	ONLY_FAILED = 2,   /* success is told by another record */
	FILLS = 4,         /* the call writes to addr and data; the length of addr lies at an address */
	PIECES = 8,        /* data is an array of struct iovec */
	MESSAGE = 16,      /* data is a struct msghdr */
	MESSAGES = 32,     /* data is an array of struct mmsghdr */
	CONTENT = 64,      /* data is what goes through the descriptor: carried only if asked for, as far as it went */
};

/* Arguments count from 1; 0 is none. */
struct shape {
	u8 path, dirfd, path2, dirfd2, fd, addr, addr_bytes, text, data, data_bytes;
	u8 traits;         /* enum trait */
	u8 is;             /* older form of this call */
	u8 ids16;          /* of an older form: bit n tells that argument n, from 0, is a user or group of 16 bits */
	u8 arguments;      /* how many, of the calls that socketcall may be */
	u8 fd2;            /* a second descriptor */
	u8 pad;
};

/* A call on sockets, which has `n` arguments. */
#define SOCKET_CALL(n) .arguments = n

/* clang-format off */
static const struct shape shapes[256] = {
	[CALL_CONNECT] = { SOCKET_CALL(3) },
	[CALL_SOCKET] = { SOCKET_CALL(3), .traits = MAKES_FD },
	[CALL_SOCKETPAIR] = { SOCKET_CALL(4) },
	[CALL_BIND] = { SOCKET_CALL(3), .fd = 1, .addr = 2, .addr_bytes = 3 },
	[CALL_LISTEN] = { SOCKET_CALL(2), .fd = 1 },
	[CALL_ACCEPT] = { SOCKET_CALL(3), .fd = 1, .addr = 2, .addr_bytes = 3, .traits = MAKES_FD | FILLS },
	[CALL_ACCEPT4] = { SOCKET_CALL(4), .fd = 1, .addr = 2, .addr_bytes = 3, .traits = MAKES_FD | FILLS },
	[CALL_SEND] = { SOCKET_CALL(4), .fd = 1, .data = 2, .data_bytes = 3, .traits = CONTENT },
	[CALL_SENDTO] = { SOCKET_CALL(6), .fd = 1, .data = 2, .data_bytes = 3, .addr = 5, .addr_bytes = 6, .traits = CONTENT },
	[CALL_SENDMSG] = { SOCKET_CALL(3), .fd = 1, .data = 2, .traits = MESSAGE | CONTENT },
	[CALL_SENDMMSG] = { SOCKET_CALL(4), .fd = 1, .data = 2, .traits = MESSAGES | CONTENT },
	[CALL_RECV] = { SOCKET_CALL(4), .fd = 1, .data = 2, .data_bytes = 3, .traits = FILLS | CONTENT },
	[CALL_RECVFROM] = { SOCKET_CALL(6), .fd = 1, .data = 2, .data_bytes = 3, .addr = 5, .addr_bytes = 6, .traits = FILLS | CONTENT },
	[CALL_RECVMSG] = { SOCKET_CALL(3), .fd = 1, .data = 2, .traits = FILLS | MESSAGE | CONTENT },
	[CALL_RECVMMSG] = { SOCKET_CALL(5), .fd = 1, .data = 2, .traits = FILLS | MESSAGES | CONTENT },
	[CALL_SETSOCKOPT] = { SOCKET_CALL(5), .fd = 1, .data = 4, .data_bytes = 5 },
	[CALL_GETSOCKOPT] = { SOCKET_CALL(5), .fd = 1, .data = 4, .data_bytes = 5, .traits = FILLS },

	[CALL_SYMLINK] = { .text = 1, .path = 2 },
	[CALL_SYMLINKAT] = { .text = 1, .dirfd = 2, .path = 3 },
	[CALL_LINK] = { .path = 1, .path2 = 2 },
	[CALL_LINKAT] = { .dirfd = 1, .path = 2, .dirfd2 = 3, .path2 = 4 },
	[CALL_RENAME] = { .path = 1, .path2 = 2 },
	[CALL_RENAMEAT] = { .dirfd = 1, .path = 2, .dirfd2 = 3, .path2 = 4 },
	[CALL_RENAMEAT2] = { .dirfd = 1, .path = 2, .dirfd2 = 3, .path2 = 4 },
	[CALL_MKDIR] = { .path = 1 },
	[CALL_MKDIRAT] = { .dirfd = 1, .path = 2 },
	[CALL_RMDIR] = { .path = 1 },
	[CALL_UNLINK] = { .path = 1 },
	[CALL_UNLINKAT] = { .dirfd = 1, .path = 2 },
	[CALL_MKNOD] = { .path = 1 },
	[CALL_MKNODAT] = { .dirfd = 1, .path = 2 },
	[CALL_CHMOD] = { .path = 1 },
	[CALL_FCHMOD] = { .fd = 1 },
	[CALL_FCHMODAT] = { .dirfd = 1, .path = 2 },
	[CALL_FCHMODAT2] = { .dirfd = 1, .path = 2 },
	[CALL_CHOWN] = { .path = 1 },
	[CALL_LCHOWN] = { .path = 1 },
	[CALL_FCHOWN] = { .fd = 1 },
	[CALL_FCHOWNAT] = { .dirfd = 1, .path = 2 },
	[CALL_CHOWN16] = { .is = CALL_CHOWN, .ids16 = 6 },
	[CALL_LCHOWN16] = { .is = CALL_LCHOWN, .ids16 = 6 },
	[CALL_FCHOWN16] = { .is = CALL_FCHOWN, .ids16 = 6 },
	[CALL_CHROOT] = { .path = 1 },
	[CALL_CHDIR] = { .path = 1 },
	[CALL_FCHDIR] = { .fd = 1 },

	[CALL_MOUNT] = { .path = 1, .path2 = 2, .text = 3 },
	[CALL_UMOUNT] = { .path = 1 },
	[CALL_UMOUNT2] = { .path = 1 },
	[CALL_MOVE_MOUNT] = { .dirfd = 1, .path = 2, .dirfd2 = 3, .path2 = 4 },
	[CALL_PIVOT_ROOT] = { .path = 1, .path2 = 2 },
	[CALL_FSOPEN] = { .text = 1, .traits = MAKES_FD },
	[CALL_FSCONFIG] = { .fd = 1, .text = 3 },
	[CALL_FSMOUNT] = { .fd = 1, .traits = MAKES_FD },
	[CALL_QUOTACTL] = { .path = 2, .text = 4 },
	[CALL_OPEN_BY_HANDLE_AT] = { .fd = 1, .traits = MAKES_FD },

	[CALL_EXECVE] = { .path = 1, .traits = ONLY_FAILED },
	[CALL_EXECVEAT] = { .dirfd = 1, .path = 2, .traits = ONLY_FAILED },
	[CALL_INIT_MODULE] = { .text = 3 },
	[CALL_FINIT_MODULE] = { .fd = 1, .text = 2 },
	[CALL_DELETE_MODULE] = { .text = 1 },
	[CALL_PRCTL] = { .text = 2 },
	[CALL_SETNS] = { .fd = 1 },

	[CALL_SETUID16] = { .is = CALL_SETUID, .ids16 = 1 },
	[CALL_SETGID16] = { .is = CALL_SETGID, .ids16 = 1 },
	[CALL_SETREUID16] = { .is = CALL_SETREUID, .ids16 = 3 },
	[CALL_SETREGID16] = { .is = CALL_SETREGID, .ids16 = 3 },
	[CALL_SETRESUID16] = { .is = CALL_SETRESUID, .ids16 = 7 },
	[CALL_SETRESGID16] = { .is = CALL_SETRESGID, .ids16 = 7 },
	[CALL_SETFSUID16] = { .is = CALL_SETFSUID, .ids16 = 1 },
	[CALL_SETFSGID16] = { .is = CALL_SETFSGID, .ids16 = 1 },

	[CALL_DUP] = { .fd = 1, .traits = MAKES_FD },
	[CALL_DUP2] = { .fd = 1, .traits = MAKES_FD },
	[CALL_DUP3] = { .fd = 1, .traits = MAKES_FD },
	[CALL_FCNTL] = { .fd = 1 },
	[CALL_CLOSE] = { .fd = 1 },
	[CALL_EVENTFD] = { .traits = MAKES_FD },
	[CALL_EVENTFD2] = { .traits = MAKES_FD },
	[CALL_INOTIFY_INIT] = { .traits = MAKES_FD },
	[CALL_INOTIFY_INIT1] = { .traits = MAKES_FD },
	[CALL_TIMERFD_CREATE] = { .traits = MAKES_FD },
	[CALL_SIGNALFD] = { .fd = 1, .traits = MAKES_FD },
	[CALL_SIGNALFD4] = { .fd = 1, .traits = MAKES_FD },
	[CALL_EPOLL_CREATE] = { .traits = MAKES_FD },
	[CALL_EPOLL_CREATE1] = { .traits = MAKES_FD },
	[CALL_MEMFD_CREATE] = { .text = 1, .traits = MAKES_FD },
	[CALL_USERFAULTFD] = { .traits = MAKES_FD },
	[CALL_PIDFD_OPEN] = { .traits = MAKES_FD },
	[CALL_PIDFD_GETFD] = { .fd = 1, .traits = MAKES_FD },
	[CALL_BPF] = { .traits = MAKES_FD },
	[CALL_IO_URING_SETUP] = { .traits = MAKES_FD },
	[CALL_IO_URING_ENTER] = { .fd = 1 },
	[CALL_IO_URING_REGISTER] = { .fd = 1 },

	[CALL_READ] = { .fd = 1, .data = 2, .data_bytes = 3, .traits = FILLS | CONTENT },
	[CALL_WRITE] = { .fd = 1, .data = 2, .data_bytes = 3, .traits = CONTENT },
	[CALL_READV] = { .fd = 1, .data = 2, .data_bytes = 3, .traits = FILLS | PIECES | CONTENT },
	[CALL_WRITEV] = { .fd = 1, .data = 2, .data_bytes = 3, .traits = PIECES | CONTENT },
	[CALL_PREAD] = { .fd = 1, .data = 2, .data_bytes = 3, .traits = FILLS | CONTENT },
	[CALL_PWRITE] = { .fd = 1, .data = 2, .data_bytes = 3, .traits = CONTENT },
	[CALL_SENDFILE] = { .fd = 1, .fd2 = 2 },
	[CALL_SPLICE] = { .fd = 1, .fd2 = 3 },
	[CALL_COPY_FILE_RANGE] = { .fd = 1, .fd2 = 3 },

	[CALL_MMAP] = { .fd = 5 },
	[CALL_MMAP2] = { .fd = 5 },
	[CALL_OLD_MMAP] = { .is = CALL_MMAP },
};
/* clang-format on */

static inline_always const struct shape *shape_of(u64 call)
{
	const u8 *shape = (const u8 *)shapes;

	call *= sizeof(struct shape);
	advance_masked(shape, call, 255 * sizeof(struct shape));
	return (const struct shape *)shape;
}

#endif
