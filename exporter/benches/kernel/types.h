/*
 * A call for each type of event: of those with a name one that succeeds where that is cheap and harms nothing, and otherwise
 * one that fails after the kernel has looked at its arguments, as it does for the observer as well.
 */
#pragma once

enum {
	HERE = AT_FDCWD,
	NO_FD = 9999, /* a descriptor that is not open */
	FILE_FD = 100, /* an open file */
	FOLDER_FD = 101,
	STREAM_FD = 102, /* one end of a pair of sockets, with a byte to read */
	SERVER_FD = 103, /* a socket that listens, and never blocks */
	FRESH_FD = 104, /* a socket that nothing was done to */
};

/* A path where nothing is. */
#define NO_PLACE "no/such"

struct type {
	const char *name;
	int makes; /* descriptors, to be closed again: the one returned */
	long number;
	unsigned long arguments[6];
};

#define WORD(value) (unsigned long)(value)

static char room[64];
static int pair[2];
static struct sockaddr_in nobody = { .sin_family = AF_INET };
static unsigned one = 1, four = 4;
static struct { void *base; unsigned long bytes; } piece = { room, 1 };
static struct {
	void *name;
	unsigned name_bytes;
	void *pieces;
	unsigned long piece_count;
	void *control;
	unsigned long control_bytes;
	int flags;
	unsigned bytes;
} message = { 0, 0, &piece, 1, 0, 0, 0, 0 };
static struct { unsigned long flags, mode, resolve; } how;

static const struct type types[] = {
	{ "openat", 1, SYS_openat, { HERE, WORD("file"), O_RDONLY } },
	{ "openat2", 1, SYS_openat2, { HERE, WORD("file"), WORD(&how), sizeof(how) } },
	{ "open_by_handle_at", 0, SYS_open_by_handle_at, { NO_FD, WORD(room), 0 } },
	{ "close", 0, SYS_close, { NO_FD } },
	{ "read", 0, SYS_read, { FILE_FD, WORD(room), 1 } },
	{ "write", 0, SYS_write, { FILE_FD, WORD("x"), 1 } },
	{ "pread", 0, SYS_pread64, { FILE_FD, WORD(room), 1, 0 } },
	{ "pwrite", 0, SYS_pwrite64, { FILE_FD, WORD("x"), 1, 0 } },
	{ "readv", 0, SYS_readv, { FILE_FD, WORD(&piece), 1 } },
	{ "writev", 0, SYS_writev, { FILE_FD, WORD(&piece), 1 } },
	{ "sendfile", 0, SYS_sendfile, { NO_FD, FILE_FD, 0, 4 } },
	{ "splice", 0, SYS_splice, { NO_FD, 0, FILE_FD, 0, 4, 0 } },
	{ "copy_file_range", 0, SYS_copy_file_range, { FILE_FD, 0, NO_FD, 0, 4, 0 } },
	{ "execve", 0, SYS_execve, { WORD(NO_PLACE), 0, 0 } },
	{ "execveat", 0, SYS_execveat, { HERE, WORD(NO_PLACE), 0, 0, 0 } },
	{ "mkdirat", 0, SYS_mkdirat, { HERE, WORD("folder"), 0700 } },
	{ "unlinkat", 0, SYS_unlinkat, { HERE, WORD(NO_PLACE), 0 } },
	{ "renameat", 0, SYS_renameat, { HERE, WORD("file"), HERE, WORD("file") } },
	{ "renameat2", 0, SYS_renameat2, { HERE, WORD("file"), HERE, WORD("file"), 0 } },
	{ "linkat", 0, SYS_linkat, { HERE, WORD("file"), HERE, WORD("folder"), 0 } },
	{ "symlinkat", 0, SYS_symlinkat, { WORD("a target"), HERE, WORD("folder") } },
	{ "mknodat", 0, SYS_mknodat, { HERE, WORD("folder"), 010600, 0 } },
	{ "fchmod", 0, SYS_fchmod, { FILE_FD, 0600 } },
	{ "fchmodat", 0, SYS_fchmodat, { HERE, WORD("file"), 0600 } },
	{ "fchmodat2", 0, 452, { HERE, WORD("file"), 0600, 0 } },
	{ "fchown", 0, SYS_fchown, { FILE_FD, 0, 0 } },
	{ "fchownat", 0, SYS_fchownat, { HERE, WORD("file"), 0, 0, 0 } },
	{ "chdir", 0, SYS_chdir, { WORD(".") } },
	{ "fchdir", 0, SYS_fchdir, { FOLDER_FD } },
	{ "chroot", 0, SYS_chroot, { WORD(NO_PLACE) } },
	{ "pivot_root", 0, SYS_pivot_root, { WORD(NO_PLACE), WORD(".") } },
	{ "mount", 0, SYS_mount, { WORD("a device"), WORD(NO_PLACE), WORD("tmpfs"), 0, 0 } },
	{ "umount2", 0, SYS_umount2, { WORD(NO_PLACE), 0 } },
	{ "move_mount", 0, 429, { NO_FD, WORD(""), HERE, WORD("folder"), 4 } },
	{ "fsopen", 0, 430, { WORD("nofs"), 0 } },
	{ "fsconfig", 0, 431, { NO_FD, 1, WORD("size"), WORD("64k"), 0 } },
	{ "fsmount", 0, 432, { NO_FD, 0, 0 } },
	{ "quotactl", 0, SYS_quotactl, { 0x800001u << 8, 0, 0, 0 } },
	{ "socket", 1, SYS_socket, { AF_INET, SOCK_STREAM, 0 } },
	{ "socketpair", 0, SYS_socketpair, { AF_INET, SOCK_STREAM, 0, WORD(pair) } },
	{ "bind", 0, SYS_bind, { SERVER_FD, WORD(&nobody), sizeof(nobody) } },
	{ "listen", 0, SYS_listen, { SERVER_FD, 5 } },
	{ "connect", 0, SYS_connect, { SERVER_FD, WORD(&nobody), sizeof(nobody) } },
	{ "accept", 0, SYS_accept, { SERVER_FD, 0, 0 } },
	{ "accept4", 0, SYS_accept4, { SERVER_FD, 0, 0, 0 } },
	{ "setsockopt", 0, SYS_setsockopt, { FRESH_FD, SOL_SOCKET, SO_REUSEADDR, WORD(&one), 4 } },
	{ "getsockopt", 0, SYS_getsockopt, { FRESH_FD, SOL_SOCKET, SO_TYPE, WORD(&one), WORD(&four) } },
	{ "sendto", 0, SYS_sendto, { FRESH_FD, WORD("x"), 1, MSG_NOSIGNAL, 0, 0 } },
	{ "recvfrom", 0, SYS_recvfrom, { STREAM_FD, WORD(room), 1, MSG_PEEK, 0, 0 } },
	{ "sendmsg", 0, SYS_sendmsg, { FRESH_FD, WORD(&message), MSG_NOSIGNAL } },
	{ "recvmsg", 0, SYS_recvmsg, { STREAM_FD, WORD(&message), MSG_PEEK } },
	{ "sendmmsg", 0, SYS_sendmmsg, { FRESH_FD, WORD(&message), 1, MSG_NOSIGNAL } },
	{ "recvmmsg", 0, SYS_recvmmsg, { STREAM_FD, WORD(&message), 1, MSG_PEEK, 0 } },
	{ "dup", 1, SYS_dup, { FILE_FD } },
	{ "dup3", 0, SYS_dup3, { FILE_FD, FILE_FD + 10, 0 } },
	{ "fcntl", 0, SYS_fcntl, { FILE_FD, F_GETFD, 0 } },
	{ "pipe2", 0, SYS_pipe2, { WORD(pair), 1 } },
	{ "eventfd2", 1, SYS_eventfd2, { 0, 0 } },
	{ "signalfd4", 0, SYS_signalfd4, { NO_FD, WORD(room), 8, 0 } },
	{ "timerfd_create", 0, SYS_timerfd_create, { 99, 0 } },
	{ "inotify_init1", 0, SYS_inotify_init1, { 1 } },
	{ "epoll_create1", 1, SYS_epoll_create1, { 0 } },
	{ "memfd_create", 0, SYS_memfd_create, { WORD("a name"), 0x8000 } },
	{ "userfaultfd", 0, SYS_userfaultfd, { 4 } },
	{ "mmap", 0, SYS_mmap, { 0, 0, PROT_READ, MAP_PRIVATE, FILE_FD, 0 } },
	{ "mprotect", 0, SYS_mprotect, { 0, 0, PROT_READ } },
	{ "kill", 0, SYS_kill, { 0, 0 } },
	{ "tkill", 0, SYS_tkill, { 0x3fffff, 0 } },
	{ "tgkill", 0, SYS_tgkill, { 0x3fffff, 0x3fffff, 0 } },
	{ "ptrace", 0, SYS_ptrace, { 2, 0x3fffff, 0, 0 } },
	{ "process_vm_readv", 0, SYS_process_vm_readv, { 0x3fffff, WORD(&piece), 1, WORD(&piece), 1, 0 } },
	{ "process_vm_writev", 0, SYS_process_vm_writev, { 0x3fffff, WORD(&piece), 1, WORD(&piece), 1, 0 } },
	{ "pidfd_open", 0, 434, { 0x3fffff, 0 } },
	{ "pidfd_getfd", 0, 438, { NO_FD, 0, 0 } },
	{ "prctl", 0, SYS_prctl, { 16, WORD(room), 0, 0, 0 } },
	{ "capset", 0, SYS_capset, { WORD(room), 0 } },
	{ "setuid", 0, SYS_setuid, { 0 } },
	{ "setgid", 0, SYS_setgid, { 0 } },
	{ "setreuid", 0, SYS_setreuid, { 0, 0 } },
	{ "setregid", 0, SYS_setregid, { 0, 0 } },
	{ "setresuid", 0, SYS_setresuid, { 0, 0, 0 } },
	{ "setresgid", 0, SYS_setresgid, { 0, 0, 0 } },
	{ "setfsuid", 0, SYS_setfsuid, { 0 } },
	{ "setfsgid", 0, SYS_setfsgid, { 0 } },
	{ "setsid", 0, SYS_setsid, { 0 } },
	{ "setpgid", 0, SYS_setpgid, { 0x3fffff, 0 } },
	{ "setns", 0, SYS_setns, { NO_FD, 0 } },
	{ "unshare", 0, SYS_unshare, { 0 } },
	{ "personality", 0, SYS_personality, { 0xffffffff } },
	{ "bpf", 0, SYS_bpf, { 9999, 0, 0 } },
	{ "init_module", 0, SYS_init_module, { 0, 0, WORD("") } },
	{ "finit_module", 0, SYS_finit_module, { NO_FD, WORD(""), 0 } },
	{ "delete_module", 0, SYS_delete_module, { WORD("no_such_module"), O_NONBLOCK } },
	{ "io_uring_setup", 0, 425, { 0, 0 } },
	{ "io_uring_enter", 0, 426, { NO_FD, 0, 0, 0, 0, 0 } },
	{ "io_uring_register", 0, 427, { NO_FD, 0, 0, 0 } },
#ifdef SYS_open /* Not on newer architectures. */
	{ "open", 1, SYS_open, { WORD("file"), O_RDONLY } },
	{ "creat", 1, SYS_creat, { WORD("file"), 0600 } },
	{ "mkdir", 0, SYS_mkdir, { WORD("folder"), 0700 } },
	{ "rmdir", 0, SYS_rmdir, { WORD(NO_PLACE) } },
	{ "unlink", 0, SYS_unlink, { WORD(NO_PLACE) } },
	{ "rename", 0, SYS_rename, { WORD("file"), WORD("file") } },
	{ "link", 0, SYS_link, { WORD("file"), WORD("folder") } },
	{ "symlink", 0, SYS_symlink, { WORD("a target"), WORD("folder") } },
	{ "mknod", 0, SYS_mknod, { WORD("folder"), 010600, 0 } },
	{ "chmod", 0, SYS_chmod, { WORD("file"), 0600 } },
	{ "chown", 0, SYS_chown, { WORD("file"), 0, 0 } },
	{ "lchown", 0, SYS_lchown, { WORD("file"), 0, 0 } },
	{ "pipe", 0, SYS_pipe, { 0 } },
	{ "dup2", 0, SYS_dup2, { FILE_FD, FILE_FD + 10 } },
#endif
};

/* Makes what the calls want, in the current folder. */
static void prepare(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };

	mkdir("folder", 0700);
	dup2(open("file", O_CREAT | O_RDWR, 0600), FILE_FD);
	dup2(open("folder", O_DIRECTORY | O_RDONLY), FOLDER_FD);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	dup2(pair[0], STREAM_FD);
	if (write(pair[1], "x", 1) != 1)
		exit(1);
	dup2(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), SERVER_FD);
	bind(SERVER_FD, (struct sockaddr *)&here, sizeof(here));
	listen(SERVER_FD, 5);
	dup2(socket(AF_INET, SOCK_STREAM, 0), FRESH_FD);
}

static inline void do_type(const struct type *type)
{
	const unsigned long *with = type->arguments;
	long made = syscall(type->number, with[0], with[1], with[2], with[3], with[4], with[5]);

	/* Not by close, which is an event itself. */
	if (type->makes && made >= 0)
		syscall(SYS_close_range, made, made, 0);
}
