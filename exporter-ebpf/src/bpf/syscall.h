/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of every system call that has none of its own kind, collected by the table in shape.h.
 *
 * The record is collected in three functions, each verified once and by itself, so that what they can come upon
 * adds up and does not multiply. They meet in the record: its arguments are their input, header.bytes is how far
 * it has grown.
 */
#ifndef SAKER_SYSCALL_H
#define SAKER_SYSCALL_H

#include "message.h"
#include "net.h"

enum call_number {
	UNIX_NAME_BYTES_MAX = 108,
	MAP_ANONYMOUS = 0x20,
	PR_SET_NAME = 15,
	Q_QUOTAON = 0x800002,    /* include/uapi/linux/quota.h; the command is above 8 bits of quota type */
	QUOTA_TYPE_BITS = 8,
	FSCONFIG_SET_STRING = 1,
	INT_MAX = 0x7fffffff,
};

/* The commands of bpf(2) that give a descriptor, include/uapi/linux/bpf.h up to 6.18. */
#define BPF_MAKES_FD                                                               \
	(1ULL << 0 | 1ULL << 5 | 1ULL << 7 | 1ULL << 13 | 1ULL << 14 | 1ULL << 17 | 1ULL << 18 | 1ULL << 19 | \
	 1ULL << 28 | 1ULL << 30 | 1ULL << 32 | 1ULL << 33 | 1ULL << 36)

static inline_always struct rec_syscall *syscall_in_work(struct buffer **buffer, u32 slot)
{
	*buffer = map_lookup(&buffers, &slot);
	return (struct rec_syscall *)*buffer;
}

/* Appends a string that the call was given; of a request the kernel has a copy. */
static inline_always u64 append_string(struct buffer *buffer, u64 at, struct rec_tail *tail, u32 slot, u64 from)
{
	if (slot == SLOT_REQUEST)
		return append_kernel_string(buffer, at, tail, (const char *)from);
	return append_user_string(buffer, at, tail, from);
}

/* Appends a path that the call looks up, and the directory that it starts from. */
static inline_always u64 append_lookup(struct buffer *buffer, u64 at, struct rec_tail *path, struct rec_path *dir,
				       u32 slot, u64 from, s32 dirfd)
{
	const u8 *first = place(buffer, at, PATH_BYTES_MAX);

	if (!from)
		return at;
	at = append_string(buffer, at, path, slot, from);
	if (path->bytes && *first == '/')
		return at;
	return append_dir(buffer, at, dir, slot, current_task(), dirfd);
}

/* Appends the path of a second descriptor's file in the place of the directory that no second path starts from. */
static inline_always u64 append_second(struct buffer *buffer, u64 at, struct rec_syscall *to, u32 slot, s32 fd)
{
	struct task_struct *task = current_task();
	struct file *file = file_of(task, fd);
	struct rec_inode inode = {};
	struct rec_socket socket = {};

	if (!file)
		return at;
	at = append_file(buffer, at, &to->dir2, &inode, slot, task, file);
	fill_socket(&socket, file);
	to->values[0] = inode.mode | (u64)inode.flags << 32;
	to->values[1] = inode.ino;
	to->values[2] = socket.family | (u64)socket.sock_type << 16 | (u64)socket.protocol << 32;
	return at;
}

never_inline int append_lookups(u64 slot)
{
	struct buffer *buffer;
	struct rec_syscall *to = syscall_in_work(&buffer, slot);
	const struct shape *shape;
	u64 at;

	if (!to)
		return 0;
	shape = shape_of(to->call.call);
	at = to->header.bytes;
	at = append_lookup(buffer, at, &to->path, &to->dir, slot, argument(to, shape->path),
			   shape->dirfd ? (s32)argument(to, shape->dirfd) : AT_FDCWD);
	at = append_lookup(buffer, at, &to->path2, &to->dir2, slot, argument(to, shape->path2),
			   shape->dirfd2 ? (s32)argument(to, shape->dirfd2) : AT_FDCWD);
	if (shape->fd2)
		at = append_second(buffer, at, to, slot, argument(to, shape->fd2));
	/* The directory that a chdir started from is gone, that which it went to is not where it started. */
	if (to->call.call == CALL_CHDIR && !to->call.result) {
		at -= to->dir.bytes;
		to->dir = (struct rec_path){};
	}
	to->header.bytes = at;
	return 0;
}

/* The descriptor that a call made or else used; -1 for none. */
static inline_always s32 descriptor(const struct rec_syscall *to, const struct shape *shape)
{
	s64 result = to->call.result;

	switch (to->call.call) {
	case CALL_PIPE:
	case CALL_PIPE2:
	case CALL_SOCKETPAIR:
		return result ? -1 : (s32)to->values[0];
	case CALL_BPF:
		if ((u32)to->args[0] > 63 || !(BPF_MAKES_FD >> (u32)to->args[0] & 1))
			return -1;
		break;
	case CALL_MMAP:
	case CALL_MMAP2:
		if (to->args[3] & MAP_ANONYMOUS)
			return -1;
	}
	if (shape->traits & MAKES_FD && result >= 0 && result <= INT_MAX)
		return result;
	return shape->fd ? (s32)argument(to, shape->fd) : -1;
}

static inline_always u64 append_unix_name(struct buffer *buffer, u64 at, struct rec_tail *tail, struct sock *sk)
{
	struct unix_sock *unix_sock = (void *)sk;
	struct unix_address *address;
	u8 *to = place(buffer, at, UNIX_NAME_BYTES_MAX);
	u64 bytes;

	if (!field_exists(unix_sock->addr))
		return at;
	address = peek(unix_sock, addr);
	if (!address) {
		unix_sock = (void *)peek(unix_sock, peer);
		address = unix_sock ? peek(unix_sock, addr) : 0;
	}
	bytes = address ? (u32)peek(address, len) - sizeof(u16) : 0;
	if (!bytes || bytes > UNIX_NAME_BYTES_MAX + 1)
		return at;
	clamp(bytes, UNIX_NAME_BYTES_MAX);
	read_kernel(to, bytes, &address->name[0].sun_path);
	/* The kernel counts the NUL behind a path, and none behind an abstract name. */
	if (*to)
		bytes = read_kernel_string(to, UNIX_NAME_BYTES_MAX, &address->name[0].sun_path) - 1;
	mask(bytes, 127);
	tail->bytes = bytes;
	return at + bytes;
}

/*
 * The file of the descriptor, or the one that is given: a request may name it otherwise. Where a call went to another directory,
 * that.
 */
never_inline int append_descriptor(u64 slot, u64 given)
{
	struct task_struct *task = current_task();
	struct fs_struct *fs = get(task, fs);
	struct buffer *buffer;
	struct rec_syscall *to = syscall_in_work(&buffer, slot);
	struct file *file;
	u64 at;

	if (!to)
		return 0;
	at = to->header.bytes;
	to->fd = descriptor(to, shape_of(to->call.call));
	/* The file of a closed descriptor is gone; what has the number now is another one. */
	file = given ? (struct file *)given : to->call.call == CALL_CLOSE ? 0 : file_of(task, to->fd);
	if (file) {
		at = append_file(buffer, at, &to->target, &to->inode, slot, task, file);
		fill_socket(&to->socket, file);
		if (to->socket.family == AF_UNIX)
			at = append_unix_name(buffer, at, &to->unix_name, sock_of(file));
	} else if (!to->call.result && to->call.call == CALL_CHDIR) {
		at = append_cwd(buffer, at, &to->target, slot, task);
	} else if (!to->call.result && to->call.call == CALL_CHROOT) {
		at = append_path(buffer, at, &to->target, slot, task, (u64)get(fs, root.dentry), get(fs, root.mnt));
	}
	to->header.bytes = at;
	return 0;
}

/* Where another string lies; 0 for nowhere. */
static inline_always u64 text_of(const struct rec_syscall *to, const struct shape *shape)
{
	if (to->call.call == CALL_PRCTL && (u32)to->args[0] != PR_SET_NAME)
		return 0;
	if (to->call.call == CALL_QUOTACTL && (u32)to->args[0] >> QUOTA_TYPE_BITS != Q_QUOTAON)
		return 0;
	return argument(to, shape->text);
}

/* What went through the descriptor is no loss when it is cut: the record is not marked. */
static inline_always u64 append_data(struct buffer *buffer, u64 at, struct rec_tail *tail, const struct extent *data)
{
	void *to = place(buffer, at, DATA_BYTES_MAX);
	u64 bytes = data->bytes;

	if (!data->from || !bytes)
		return at;
	clamp(bytes, DATA_BYTES_MAX);
	if (read_user(to, bytes, data->from)) {
		tail->flags = TAIL_READ_FAILED;
		note(buffer, TAIL_READ_FAILED);
		return at;
	}
	tail->bytes = bytes;
	tail->flags = bytes < data->bytes ? TAIL_TRUNCATED : 0;
	return at + bytes;
}

never_inline int append_memory(u64 slot)
{
	struct buffer *buffer;
	struct rec_syscall *to = syscall_in_work(&buffer, slot);
	struct extent addr = {}, data = {};
	const struct shape *shape;
	u64 at, text;

	if (!to)
		return 0;
	at = to->header.bytes;
	shape = shape_of(to->call.call);
	find_memory(to, shape, &addr, &data);
	if (addr.from && addr.bytes)
		at = append_user(buffer, at, &to->addr, addr.from, addr.bytes, SOCKADDR_BYTES_MAX);
	text = text_of(to, shape);
	if (text)
		at = append_user_string(buffer, at, &to->text, text);
	if (to->call.call == CALL_FSCONFIG && (u32)to->args[1] == FSCONFIG_SET_STRING)
		at = append_user_string(buffer, at, &to->data, to->args[3]);
	else
		at = append_data(buffer, at, &to->data, &data);
	to->header.bytes = at;
	return 0;
}

/* The fixed part as far as the call itself tells. */
static inline_always void begin_syscall(struct rec_syscall *to, const struct call *call)
{
	fill_call_header(&to->header, &to->call, KIND_SYSCALL, call);
	to->args[0] = call->arguments[0];
	to->args[1] = call->arguments[1];
	to->args[2] = call->arguments[2];
	to->args[3] = call->arguments[3];
	to->args[4] = call->arguments[4];
	to->args[5] = call->arguments[5];
	__builtin_memset(to->values, 0, sizeof(*to) - __builtin_offsetof(struct rec_syscall, values));
	to->header.bytes = sizeof(*to);
}

static inline_always void collect_syscall(struct buffer *buffer, const struct call *call)
{
	struct rec_syscall *to = (struct rec_syscall *)buffer;

	begin_syscall(to, call);
	fill_values(to);
	append_lookups(SLOT_CALL);
	append_descriptor(SLOT_CALL, 0);
	append_memory(SLOT_CALL);
	submit(KIND_SYSCALL, buffer, to->header.bytes);
}

#endif
