/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does every system call that the base tier sees, once so that it succeeds and once so that it fails, where it can.
 *
 * Run in an empty folder, as root; it makes namespaces of its own. Each function is about one row of events; what it is
 * told back does not matter here: the test reads what the agent says of it.
 */
#include "entry.h"

#define NO_FD 9999
#define NO_PLACE P("no/such")
#define AT_FDCWD (word)-100
#define NOBODY_PID 0x3fffff

/* The older way to accept, send and receive. */
#define SOCKETCALL(number, ...) CALL(socketcall, number, P(((word[6]){ __VA_ARGS__ })))

struct iovec {
	void *base;
	word bytes;
};

struct msghdr {
	void *name;
	u32 name_bytes;
	struct iovec *pieces;
	word piece_count;
	void *control;
	word control_bytes;
	u32 flags;
};

struct mmsghdr {
	struct msghdr message;
	u32 bytes;
};

struct sockaddr_in {
	u16 family;
	u8 port[2];
	u8 address[4];
	u8 zero[8];
};

static u8 room[4096];
static u32 sixteen;

static struct sockaddr_in localhost(u32 port)
{
	return (struct sockaddr_in){ 2, { port >> 8, port & 255 }, { 127, 0, 0, 1 }, {} };
}

static _Noreturn void leave(u32 code)
{
	for (;;)
		CALL(exit_group, code);
}

/* Waits for a child, so that what it does comes before what this process does next. */
static void wait_for(long pid)
{
	CALL(wait4, pid, 0, 0x40000000, 0);
}

static void namespaces(void)
{
	u8 request[40] = "lo";
	long fd;

	CALL(unshare, 0x40020000);
	CALL(unshare, 1);
	CALL(mount, P("none"), P("/"), 0, 0x44000, 0);
	/* The loopback device: up. */
	request[16] = 0x41;
	fd = CALL(socket, 2, 2, 0);
	CALL(ioctl, fd, 0x8914, P(request));
	CALL(close, fd);
	fd = CALL(openat, AT_FDCWD, P("/proc/self/ns/net"), 0);
	CALL(setns, fd, 0x40000000);
	CALL(setns, NO_FD, 0);
	CALL(close, fd);
}

static void opening(void)
{
	struct {
		u64 flags, mode, resolve;
	} how = { 0100 | 1 | 02000000, 0640, 8 }, bad = { 0, 1, 0 };
	struct {
		u32 bytes, type;
		u8 handle[128];
	} handle = { 128, 0, {} };
	u32 mount_id = 0;
	long fd, folder;

	CALL(mkdirat, AT_FDCWD, P("folder"), 0755);
	folder = CALL(openat, AT_FDCWD, P("folder"), 0200000);
#ifdef NR_open
	fd = CALL(open, P("folder/../file"), 0100 | 2 | 02000, 0600);
	CALL(close, fd);
	CALL(open, NO_PLACE, 01000 | 1);
#endif
	fd = CALL(openat, folder, P("inner"), 0100 | 1, 0644);
	CALL(close, fd);
	CALL(openat, folder, NO_PLACE, 0);
	CALL(openat, NO_FD, P("inner"), 0);
	fd = CALL(openat2, folder, P("second"), P(&how), sizeof(how));
	CALL(close, fd);
	CALL(openat2, AT_FDCWD, NO_PLACE, P(&bad), sizeof(bad));
#ifdef NR_creat
	fd = CALL(creat, P("created"), 04755);
	CALL(close, fd);
	CALL(creat, NO_PLACE, 0600);
#endif
	CALL(name_to_handle_at, folder, P("inner"), P(&handle), P(&mount_id), 0);
	fd = CALL(open_by_handle_at, folder, P(&handle), 0);
	CALL(close, fd);
	CALL(open_by_handle_at, NO_FD, P(&handle), 1);
	CALL(close, folder);
}

static void names(void)
{
	long folder = CALL(openat, AT_FDCWD, P("folder"), 0200000);

#ifdef NR_mkdir
	CALL(mkdir, P("made"), 0750);
	CALL(mkdir, NO_PLACE, 0750);
	CALL(rmdir, P("made"));
	CALL(rmdir, NO_PLACE);
#endif
	CALL(mkdirat, folder, P("made"), 0700);
	CALL(mkdirat, NO_FD, P("made"), 0700);
	CALL(unlinkat, folder, P("made"), 0x200);
	CALL(unlinkat, folder, NO_PLACE, 0);
#ifdef NR_symlink
	CALL(symlink, P("../target"), P("soft"));
	CALL(symlink, P("../target"), NO_PLACE);
	CALL(link, P("folder/inner"), P("hard"));
	CALL(link, NO_PLACE, P("hard2"));
	CALL(rename, P("hard"), P("renamed"));
	CALL(rename, NO_PLACE, P("renamed"));
	CALL(unlink, P("renamed"));
	CALL(unlink, NO_PLACE);
	CALL(mknod, P("fifo"), 010644, 0);
	CALL(mknod, NO_PLACE, 020600, 0x103);
#endif
	CALL(symlinkat, P("a target"), folder, P("soft"));
	CALL(symlinkat, P("a target"), NO_FD, P("soft"));
	CALL(linkat, folder, P("inner"), AT_FDCWD, P("hard"), 0x400);
	CALL(linkat, AT_FDCWD, NO_PLACE, folder, P("hard"), 0);
	CALL(renameat, AT_FDCWD, P("hard"), folder, P("renamed"));
	CALL(renameat, NO_FD, P("hard"), AT_FDCWD, P("renamed"));
	CALL(renameat2, folder, P("renamed"), folder, P("moved"), 1);
	CALL(renameat2, folder, NO_PLACE, AT_FDCWD, P("moved"), 0);
	CALL(mknodat, folder, P("fifo"), 010600, 0);
	CALL(mknodat, folder, NO_PLACE, 060600, 0x801);
	CALL(close, folder);
}

/* Paths as programs and attackers write them. */
static void paths(void)
{
	static char deep[4096];
	long fd, folder = CALL(openat, AT_FDCWD, P("folder"), 0200000);
	u32 at;

	CALL(openat, AT_FDCWD, P("new\nline \xff\xfe \xc3\xa4"), 0101, 0600);
	CALL(openat, folder, P("..//./folder/../folder/inner"), 0);
	CALL(openat, folder, P("/proc/self/../self/status"), 0);
	CALL(symlinkat, P("folder/inner"), AT_FDCWD, P("link to it"));
	CALL(openat, AT_FDCWD, P("link to it"), 0);
	CALL(openat, AT_FDCWD, P("link to it"), 0400000);
	/* As long as a path may be, and longer. */
	for (at = 0; at < 4089; at += 2)
		memcpy(deep + at, "./", 2);
	memcpy(deep + 4090, "/file", 6);
	CALL(openat, AT_FDCWD, P(deep), 0);
	memset(deep, '/', sizeof(deep));
	CALL(openat, AT_FDCWD, P(deep), 0);
	CALL(openat, AT_FDCWD, P(""), 0);
	CALL(openat, AT_FDCWD, 8, 0);
	/* A folder in two places. */
	CALL(mkdirat, AT_FDCWD, P("bound"), 0755);
	CALL(mount, P("folder"), P("bound"), 0, 0x1000, 0);
	CALL(openat, AT_FDCWD, P("bound/inner"), 0);
	/* An overlay: of the image, changed, made. */
	CALL(mkdirat, AT_FDCWD, P("overlay"), 0755);
	CALL(mount, P("none"), P("overlay"), P("tmpfs"), 0, 0);
	CALL(mkdirat, AT_FDCWD, P("overlay/lower"), 0755);
	CALL(mkdirat, AT_FDCWD, P("overlay/upper"), 0755);
	CALL(mkdirat, AT_FDCWD, P("overlay/work"), 0755);
	CALL(mkdirat, AT_FDCWD, P("overlay/all"), 0755);
	CALL(openat, AT_FDCWD, P("overlay/lower/old"), 0101, 0600);
	CALL(mount, P("overlay"), P("overlay/all"), P("overlay"), 0,
	     P("lowerdir=overlay/lower,upperdir=overlay/upper,workdir=overlay/work"));
	CALL(openat, AT_FDCWD, P("overlay/all/old"), 0);
	CALL(openat, AT_FDCWD, P("overlay/all/old"), 2);
	CALL(openat, AT_FDCWD, P("overlay/all/new"), 0101, 0600);
	/* A file that is gone, and one whose name another has taken. */
	fd = CALL(openat, AT_FDCWD, P("gone"), 0101, 0600);
	CALL(unlinkat, AT_FDCWD, P("gone"), 0);
	CALL(write, fd, P("x"), 1);
	CALL(fchmod, fd, 0644);
	for (fd = 3; fd < 32; fd++)
		CALL(close_range, fd, fd, 0);
}

static void rights(void)
{
	long folder = CALL(openat, AT_FDCWD, P("folder"), 0200000);
	long fd = CALL(openat, folder, P("inner"), 2);

#ifdef NR_chmod
	CALL(chmod, P("folder/inner"), 06711);
	CALL(chmod, NO_PLACE, 0644);
	CALL(chown, P("folder/inner"), 1, 2);
	CALL(chown, NO_PLACE, 1, 2);
	CALL(lchown, P("soft"), 1, (word)-1);
	CALL(lchown, NO_PLACE, 1, 2);
#endif
	CALL(fchmod, fd, 01644);
	CALL(fchmod, NO_FD, 0644);
	CALL(fchmodat, folder, P("inner"), 0640);
	CALL(fchmodat, folder, NO_PLACE, 0640);
	CALL(fchmodat2, folder, P("inner"), 0604, 0);
	CALL(fchmodat2, folder, NO_PLACE, 0604, 0);
	CALL(fchown, fd, 3, 4);
	CALL(fchown, NO_FD, 3, 4);
	CALL(fchownat, folder, P("inner"), 5, 6, 0x100);
	CALL(fchownat, folder, NO_PLACE, 5, 6, 0);
	CALL(close, fd);
	CALL(close, folder);
}

static void mounts(void)
{
	long fd, tree, pid;

	CALL(mkdirat, AT_FDCWD, P("mount"), 0755);
	CALL(mount, P("a device"), P("mount"), P("tmpfs"), 14, P("size=64k"));
	CALL(mount, P("a device"), NO_PLACE, P("tmpfs"), 1, 0);
#ifdef NR_umount
	CALL(umount, P("mount"));
	CALL(umount, NO_PLACE);
	CALL(mount, P("a device"), P("mount"), P("tmpfs"), 14, P("size=64k"));
#endif
	CALL(umount2, P("mount"), 2);
	CALL(umount2, NO_PLACE, 9);
	fd = CALL(fsopen, P("tmpfs"), 0);
	CALL(fsopen, P("nofs"), 0);
	CALL(fsconfig, fd, 1, P("size"), P("64k"), 0);
	CALL(fsconfig, fd, 1, P("no such option"), P("value"), 0);
	CALL(fsconfig, fd, 6, 0, 0, 0);
	tree = CALL(fsmount, fd, 0, 0);
	CALL(fsmount, NO_FD, 0, 0);
	CALL(move_mount, tree, P(""), AT_FDCWD, P("mount"), 4);
	CALL(move_mount, NO_FD, P(""), AT_FDCWD, P("mount"), 4);
	CALL(close, tree);
	CALL(close, fd);
	CALL(quotactl, 0x800001u << 8, 0, 0, 0);
	CALL(quotactl, 0x800002u << 8 | 1, P("no/device"), 2, P("quota.group"));
	CALL(chdir, P("mount"));
	CALL(chdir, NO_PLACE);
	fd = CALL(openat, AT_FDCWD, P(".."), 0200000);
	CALL(fchdir, fd);
	CALL(fchdir, NO_FD);
	CALL(close, fd);
	/* A new root, in a process and a namespace of its own. */
	pid = CALL(clone, 17, 0, 0, 0, 0);
	if (!pid) {
		CALL(unshare, 0x20000);
		CALL(chdir, P("mount"));
		CALL(pivot_root, P("."), P("."));
		CALL(pivot_root, NO_PLACE, P("."));
		leave(0);
	}
	wait_for(pid);
	pid = CALL(clone, 17, 0, 0, 0, 0);
	if (!pid) {
		CALL(chroot, NO_PLACE);
		CALL(chroot, P("folder"));
		CALL(openat, AT_FDCWD, P("/inner"), 0);
		leave(0);
	}
	wait_for(pid);
}

static void sockets(void)
{
	struct sockaddr_in here = localhost(7777), there = localhost(7778), closed = localhost(7);
	struct sockaddr_in other = {};
	struct {
		u16 family;
		u8 path[16];
	} unix_name = { 1, "folder/socket" };
	u32 one = 1, four = 4;
	int pair[2];
	long server, client;

	server = CALL(socket, 2, 1, 6);
	CALL(socket, 2, 99, 0);
	CALL(socketpair, 1, 1, 0, P(pair));
	CALL(socketpair, 2, 1, 0, P(room));
	CALL(setsockopt, server, 1, 2, P(&one), 4);
	CALL(setsockopt, NO_FD, 1, 2, P(&one), 4);
	CALL(getsockopt, server, 1, 3, P(&one), P(&four));
	CALL(getsockopt, NO_FD, 1, 3, P(&one), P(&four));
	CALL(bind, server, P(&here), 16);
	CALL(bind, NO_FD, P(&here), 16);
	CALL(listen, server, 5);
	CALL(listen, NO_FD, 5);
	client = CALL(socket, 2, 1, 0);
	CALL(bind, client, P(&there), 16);
	CALL(connect, client, P(&here), 16);
	CALL(connect, NO_FD, P(&here), 16);
	sixteen = 16;
	CALL(close, CALL(accept4, server, P(&other), P(&sixteen), 02000000));
	CALL(accept4, NO_FD, P(&other), P(&sixteen), 0);
	CALL(close, client);
	there = localhost(7779);
	client = CALL(socket, 2, 1, 0);
	CALL(bind, client, P(&there), 16);
	CALL(connect, client, P(&here), 16);
#ifdef NR_socketcall
	CALL(close, SOCKETCALL(5, server, 0, 0));
	SOCKETCALL(5, NO_FD, 0, 0);
#else
	CALL(close, CALL(accept, server, 0, 0));
	CALL(accept, NO_FD, 0, 0);
#endif
	CALL(close, client);
	CALL(close, server);
	client = CALL(socket, 2, 1, 0);
	CALL(connect, client, P(&closed), 16);
	CALL(close, client);
	server = CALL(socket, 1, 1, 0);
	CALL(bind, server, P(&unix_name), 16);
	CALL(listen, server, 1);
	client = CALL(socket, 1, 1, 0);
	CALL(connect, client, P(&unix_name), 16);
	CALL(close, client);
	CALL(close, server);
	CALL(close, pair[0]);
	CALL(close, pair[1]);
}

static void messages(void)
{
	struct sockaddr_in here = localhost(7777), there = localhost(7778), other = {};
	struct iovec out[2] = { { "hello, ", 7 }, { "world", 5 } };
	struct iovec in[2] = { { room, 3 }, { room + 64, 61 } };
	struct msghdr sent = { &here, 16, out, 2, 0, 0, 0 };
	struct mmsghdr several[2] = { { sent, 0 }, { sent, 0 } };
	struct msghdr got = { &other, 16, in, 2, 0, 0, 0 };
	struct mmsghdr taken = { got, 0 };
	long server = CALL(socket, 2, 2, 0), client = CALL(socket, 2, 2, 17);

	CALL(bind, server, P(&here), 16);
	CALL(bind, client, P(&there), 16);
	sixteen = 16;
	CALL(sendto, client, P("hello"), 5, 0, P(&here), 16);
	CALL(recvfrom, server, P(room), 64, 0, P(&other), P(&sixteen));
	CALL(sendto, NO_FD, P("hello"), 5, 0, P(&here), 16);
	CALL(recvfrom, server, P(room), 64, 0x40, P(&other), P(&sixteen));
	CALL(sendmsg, client, P(&sent), 0);
	CALL(recvmsg, server, P(&got), 0);
	CALL(sendmsg, NO_FD, P(&sent), 0);
	CALL(recvmsg, server, P(&got), 0x40);
	CALL(sendmmsg, client, P(several), 2, 0);
	CALL(recvmmsg, server, P(&taken), 1, 0, 0);
	CALL(sendmmsg, NO_FD, P(several), 2, 0);
	CALL(recvfrom, server, P(room), 64, 0, 0, 0);
	CALL(recvmmsg, server, P(&taken), 1, 0x40, 0);
	CALL(connect, client, P(&here), 16);
#ifdef NR_socketcall
	SOCKETCALL(9, client, P("hello"), 5, 0);
	SOCKETCALL(10, server, P(room), 64, 0);
	SOCKETCALL(9, NO_FD, P("hello"), 5, 0);
	SOCKETCALL(10, server, P(room), 64, 0x40);
#endif
	CALL(close, client);
	CALL(close, server);
}

static void content(void)
{
	struct iovec out[2] = { { "hello, ", 7 }, { "world", 5 } };
	struct iovec in[2] = { { room, 3 }, { room + 64, 61 } };
	long fd = CALL(openat, AT_FDCWD, P("content"), 0102, 0600), copy;
	int ends[2];

	CALL(write, fd, P("a\nb\0c\xff d"), 8);
	CALL(write, NO_FD, P("nothing"), 7);
	CALL(writev, fd, P(out), 2);
	CALL(writev, NO_FD, P(out), 2);
	CALL(pwrite, fd, P("at"), 2, 1, 0);
	CALL(pwrite, NO_FD, P("at"), 2, 1, 0);
	CALL(pread, fd, P(room), 64, 0, 0);
	CALL(pread, NO_FD, P(room), 64, 0, 0);
	CALL(read, fd, P(room), 64);
	CALL(read, NO_FD, P(room), 64);
	CALL(close, fd);
	fd = CALL(openat, AT_FDCWD, P("content"), 0);
	CALL(readv, fd, P(in), 2);
	CALL(readv, NO_FD, P(in), 2);
	CALL(lseek, fd, 0, 0);
	copy = CALL(openat, AT_FDCWD, P("copy"), 0102, 0600);
	CALL(sendfile, copy, fd, 0, 4);
	CALL(sendfile, NO_FD, fd, 0, 4);
	CALL(copy_file_range, fd, 0, copy, 0, 4, 0);
	CALL(copy_file_range, fd, 0, NO_FD, 0, 4, 0);
	CALL(lseek, copy, 0, 0);
	CALL(pipe2, P(ends), 02000000);
	CALL(pipe2, P(ends), 1);
	CALL(splice, copy, 0, ends[1], 0, 4, 1);
	CALL(splice, NO_FD, 0, ends[1], 0, 4, 0);
	CALL(close, ends[0]);
	CALL(close, ends[1]);
#ifdef NR_pipe
	CALL(pipe, P(ends));
	CALL(pipe, 8);
	CALL(close, ends[0]);
	CALL(close, ends[1]);
#endif
	CALL(close, copy);
	/* The agent learns the path of a deleted file from the kernel. */
	CALL(unlinkat, AT_FDCWD, P("content"), 0);
	CALL(fchmod, fd, 0600);
	CALL(close, fd);
}

static void descriptors(void)
{
	long fd = CALL(openat, AT_FDCWD, P("copy"), 0), copy;
	u64 mask = 1 << 9;

	copy = CALL(dup, fd);
	CALL(close, copy);
	CALL(dup, NO_FD);
#ifdef NR_dup2
	CALL(dup2, fd, 100);
	CALL(close, 100);
	CALL(dup2, NO_FD, 100);
#endif
	CALL(dup3, fd, 101, 02000000);
	CALL(close, 101);
	CALL(dup3, fd, fd, 0);
	CALL(fcntl, fd, 0, 102);
	CALL(close, 102);
	CALL(fcntl, NO_FD, 3, 0);
	CALL(close, NO_FD);
	CALL(close, fd);
#ifdef NR_eventfd
	CALL(close, CALL(eventfd, 3));
	CALL(close, CALL(inotify_init));
	CALL(close, CALL(signalfd, (word)-1, P(&mask), 8));
	CALL(signalfd, (word)-1, P(&mask), 7);
	CALL(close, CALL(epoll_create, 1));
	CALL(epoll_create, 0);
#endif
	CALL(close, CALL(eventfd2, 3, 04000));
	CALL(eventfd2, 3, 2);
	CALL(close, CALL(inotify_init1, 02000000));
	CALL(inotify_init1, 1);
	CALL(close, CALL(timerfd_create, 1, 04000));
	CALL(timerfd_create, 99, 0);
	CALL(close, CALL(signalfd4, (word)-1, P(&mask), 8, 02000000));
	CALL(signalfd4, (word)-1, P(&mask), 8, 1);
	CALL(close, CALL(epoll_create1, 02000000));
	CALL(epoll_create1, 1);
	CALL(close, CALL(memfd_create, P("in memory"), 1));
	CALL(memfd_create, P("in memory"), 0x8000);
	CALL(close, CALL(userfaultfd, 02000001));
	CALL(userfaultfd, 2);
	fd = CALL(pidfd_open, CALL(getpid), 0);
	CALL(pidfd_open, NOBODY_PID, 0);
	CALL(close, CALL(pidfd_getfd, fd, 0, 0));
	CALL(pidfd_getfd, fd, NO_FD, 0);
	CALL(close, fd);
}

static word map_of(long fd, u32 offset)
{
#ifdef NR_mmap2
	return CALL(mmap2, 0, 8192, 3, 1, fd, offset >> 12);
#else
	return CALL(mmap, 0, 8192, 3, 1, fd, offset);
#endif
}

#include "ring.h"

static void kernel(void)
{
	u32 map[20] = { 2, 4, 4, 1 }, ring[30] = {};
	long fd;

	CALL(close, CALL(bpf, 0, P(map), 72));
	CALL(bpf, 5, P(map), 72);
	fd = CALL(io_uring_setup, 4, P(ring));
	ring[2] = 2;
	CALL(io_uring_setup, 0, P(ring));
	CALL(io_uring_enter, fd, 0, 0, 1, 0, 0);
	CALL(io_uring_enter, NO_FD, 1, 2, 0, 0, 0);
	CALL(io_uring_register, fd, 9, 0, 0);
	CALL(io_uring_register, NO_FD, 2, P(room), 1);
	CALL(close, fd);
	CALL(init_module, P("no module"), 9, P("word=1"));
	fd = CALL(openat, AT_FDCWD, P("copy"), 0);
	CALL(finit_module, fd, P("word=1 other=2"), 3);
	CALL(close, fd);
	CALL(delete_module, P("saker_no_such_module"), 0x800);
}

static void memory(void)
{
	long fd = CALL(openat, AT_FDCWD, P("copy"), 2);
#ifdef NR_mmap2
	u32 old[6] = { 0, 4096, 1, 0x22, (u32)-1, 0 };
	long at = CALL(mmap2, 0, 4096, 3, 0x22, (word)-1, 0);

	CALL(mmap2, 0, 0, 1, 2, fd, 0);
	CALL(mmap2, 0, 4096, 5, 2, fd, 0);
	CALL(mmap, P(old));
#else
	long at = CALL(mmap, 0, 4096, 3, 0x22, (word)-1, 0);

	CALL(mmap, 0, 4096, 5, 2, fd, 0);
	CALL(mmap, 0, 0, 1, 2, fd, 0);
#endif
	CALL(mprotect, at, 4096, 1);
	CALL(mprotect, at + 1, 4096, 4);
	CALL(close, fd);
}

static void processes(const char *self)
{
	const char *words[] = { self, "two words", "", 0 }, *settings[] = { "FIRST=1", "SECOND=two words", 0 };
	struct {
		u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} how = { 0x4000, 0, 0, 0, 17, 0, 0, 0 };
	struct iovec here = { room, 16 }, there = { room + 64, 16 };
	long me = CALL(getpid), pid;

	pid = CALL(clone, 17, 0, 0, 0, 0);
	if (!pid) {
		CALL(execve, NO_PLACE, P(words), P(settings));
		CALL(execveat, NO_FD, P("x"), P(words), P(settings), 0);
		CALL(execve, P(self), P(words), P(settings));
		leave(99);
	}
	wait_for(pid);
	CALL(clone, 0x800 | 17, 0, 0, 0, 0);
	pid = CALL(clone3, P(&how), sizeof(how));
	if (!pid) {
		long fd = CALL(openat, AT_FDCWD, P(self), 0);

		CALL(execveat, fd, P(""), P(words), P(settings), 0x1000);
		leave(99);
	}
	wait_for(pid);
	how.flags = 0x800;
	CALL(clone3, P(&how), sizeof(how));
#ifdef NR_fork
	pid = CALL(fork);
	if (!pid)
		leave(3);
	wait_for(pid);
	wait_for(enter_vfork(NR_vfork));
#endif
	pid = CALL(clone, 17, 0, 0, 0, 0);
	if (!pid) {
		CALL(setsid);
		CALL(setsid);
		CALL(ptrace, 0, 0, 0, 0);
		CALL(ptrace, 16, NOBODY_PID, 0, 0);
		CALL(kill, CALL(getpid), 9);
	}
	wait_for(pid);
	pid = CALL(clone, 17, 0, 0, 0, 0);
	if (!pid) {
		CALL(setpgid, 0, 0);
		CALL(setpgid, NOBODY_PID, 0);
		CALL(kill, me, 0);
		CALL(kill, NOBODY_PID, 15);
		CALL(tkill, me, 0);
		CALL(tkill, NOBODY_PID, 10);
		CALL(tgkill, me, me, 0);
		CALL(tgkill, NOBODY_PID, NOBODY_PID, 12);
		leave(0);
	}
	wait_for(pid);
	CALL(prctl, 15, P("renamed"), 0, 0, 0);
	CALL(prctl, 4, 99, 0, 0, 0);
	CALL(personality, 0xffffffff);
	CALL(process_vm_readv, me, P(&here), 1, P(&there), 1, 0);
	CALL(process_vm_readv, NOBODY_PID, P(&here), 1, P(&there), 1, 0);
	CALL(process_vm_writev, me, P(&here), 1, P(&there), 1, 0);
	CALL(process_vm_writev, NOBODY_PID, P(&here), 1, P(&there), 1, 0);
}

static void credentials(void)
{
	u32 header[2] = { 0x20080522, 0 }, bad[2] = { 1, 0 };
	u32 none[6] = { 1, 3, 0, 0, 0, 0 };

	CALL(setgid, 0);
	CALL(setregid, 1, 1);
	CALL(setresgid, 0, 0, 0);
	CALL(setfsgid, 2);
	CALL(setreuid, 0, 0);
	CALL(setfsuid, 0);
	CALL(setresuid, 0, 0, 0);
#ifdef NR_setuid16
	CALL(setgid16, 0);
	CALL(lchown16, P("soft"), (word)0xffff, 5);
#endif
	CALL(capset, P(header), P(none));
	CALL(capset, P(bad), P(none));
	CALL(setuid, 1);
	CALL(setuid, 0);
	CALL(setgid, 5);
	CALL(setreuid, 3, 4);
	CALL(setregid, 7, 7);
	CALL(setresuid, 0, 2, (word)-1);
	CALL(setresgid, 7, 8, 9);
}

/* The first words on the stack: how many arguments, and where. */
_Noreturn void run(word *stack)
{
	const char *self = (const char *)stack[1];

	/* A program that was started by this one has more words. */
	if (stack[0] > 1)
		leave(7);
	/* What was open where the test was started: numbers of descriptors are to be those of every machine. */
	CALL(close_range, 3, (word)-1, 0);
	namespaces();
	opening();
	names();
	paths();
	rights();
	mounts();
	sockets();
	messages();
	content();
	descriptors();
	by_ring();
	kernel();
	memory();
	processes(self);
	credentials();
	leave(0);
}
