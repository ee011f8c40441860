/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the arguments of a system call point to: lengths, messages, pieces, structs; of 32-bit callers in their own
 * forms.
 *
 * Sources: include/uapi/linux/{uio,capability,sched,io_uring}.h, include/linux/socket.h and its compat twin.
 */
#ifndef SAKER_MESSAGE_H
#define SAKER_MESSAGE_H

#include "net.h"

enum {
	CAPABILITY_VERSION_1 = 0x19980330, /* one word of each set; the others have two */
	CLONE_ARGS_BYTES_MIN = 64,
};

/* Bytes of the program. */
struct extent {
	u64 from, bytes;
};

/* struct mmsghdr: struct msghdr, and how much of it went. */
struct message {
	u64 name;
	u32 name_bytes, pad;
	u64 pieces, pieces_count, control, control_bytes;
	u32 flags, pad2;
	u32 bytes;
};

struct message32 {
	u32 name, name_bytes, pieces, pieces_count, control, control_bytes, flags, bytes;
};

struct piece32 {
	u32 from, bytes;
};

struct capabilities {
	u32 effective, permitted, inheritable;
};

/* struct clone_args, as far as it is read. */
struct clone_arguments {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal;
};

/* Whether the structs of the program are made of 32-bit words. */
static inline_always u32 is_narrow(const struct rec_syscall *to)
{
	return to->header.flags & (RECORD_COMPAT | RECORD_X32);
}

/* The argument that the table names; 0 for none. */
static inline_always u64 argument(const struct rec_syscall *to, u64 which)
{
	const u8 *from = (const u8 *)to->args;

	if (!which)
		return 0;
	which = (which - 1) * sizeof(u64);
	advance_masked(from, which, 7 * sizeof(u64));
	return *(const u64 *)from;
}

static inline_always void read_failed(struct rec_syscall *to)
{
	to->header.flags |= RECORD_READ_FAILED;
}

static inline_always void read_first_piece(struct rec_syscall *to, struct extent *data, u64 from, u64 count)
{
	struct piece32 narrow = {};

	to->values[0] = count;
	if (!count || !from)
		return;
	if (!is_narrow(to)) {
		if (read_user(data, sizeof(*data), from))
			read_failed(to);
	} else {
		if (read_user(&narrow, sizeof(narrow), from))
			read_failed(to);
		data->from = narrow.from;
		data->bytes = narrow.bytes;
	}
	to->values[1] = data->bytes;
}

/* Finds name and first piece of a message, and in values[2] how much of it went, if it is one of an array. */
static inline_always void read_message(struct rec_syscall *to, u32 one_of_many, u64 from, struct extent *addr,
				       struct extent *data)
{
	struct message message = {};
	struct message32 narrow = {};
	long error;

	if (!is_narrow(to)) {
		error = read_user(&message, __builtin_offsetof(struct message, bytes), from);
		if (one_of_many)
			error |= read_user(&message.bytes, sizeof(u32), from + __builtin_offsetof(struct message, bytes));
	} else {
		error = read_user(&narrow, __builtin_offsetof(struct message32, bytes), from);
		if (one_of_many)
			error |= read_user(&narrow.bytes, sizeof(u32), from + __builtin_offsetof(struct message32, bytes));
		message.name = narrow.name;
		message.name_bytes = narrow.name_bytes;
		message.pieces = narrow.pieces;
		message.pieces_count = narrow.pieces_count;
		message.bytes = narrow.bytes;
	}
	if (error) {
		read_failed(to);
		return;
	}
	addr->from = message.name;
	addr->bytes = message.name_bytes;
	if (to->call.result > 0)
		to->values[2] = message.bytes;
	read_first_piece(to, data, message.pieces, message.pieces_count);
}

/* Where the address and the data of a call lie in its memory, as far as they are to be carried. */
static inline_always void find_memory(struct rec_syscall *to, const struct shape *shape, struct extent *addr,
				      struct extent *data)
{
	u32 traits = shape->traits, length = 0;
	u64 from = argument(to, shape->data), went = to->call.result;

	if (traits & (MESSAGE | MESSAGES)) {
		read_message(to, traits & MESSAGES, from, addr, data);
		if (traits & MESSAGES)
			went = to->values[2];
	} else if (traits & PIECES) {
		read_first_piece(to, data, from, argument(to, shape->data_bytes));
	} else {
		addr->from = argument(to, shape->addr);
		addr->bytes = (u32)argument(to, shape->addr_bytes);
		data->from = from;
		data->bytes = argument(to, shape->data_bytes);
		/* The call was told by address how much there is room for, and told so how much there is. */
		if (traits & FILLS && addr->from && !read_user(&length, sizeof(length), argument(to, shape->addr_bytes)))
			addr->bytes = length;
		if (traits & FILLS && !(traits & CONTENT) && from) {
			if (read_user(&length, sizeof(length), data->bytes))
				length = 0;
			data->bytes = length;
		}
	}
	if (to->call.result < 0 && traits & FILLS)
		addr->bytes = data->bytes = 0;
	if (!(traits & CONTENT))
		return;
	if (!is_set(SETTING_DATA))
		data->bytes = 0;
	if (to->call.result >= 0 && data->bytes > went)
		data->bytes = went;
}

static inline_always void fill_capabilities(struct rec_syscall *to)
{
	struct capabilities sets[2] = {};
	u32 version = 0;

	if (read_user(&version, sizeof(version), to->args[0]) ||
	    read_user(sets, version == CAPABILITY_VERSION_1 ? sizeof(sets[0]) : sizeof(sets), to->args[1])) {
		read_failed(to);
		return;
	}
	to->values[0] = sets[0].effective | (u64)sets[1].effective << 32;
	to->values[1] = sets[0].permitted | (u64)sets[1].permitted << 32;
	to->values[2] = sets[0].inheritable | (u64)sets[1].inheritable << 32;
}

static inline_always void fill_backlog(struct rec_syscall *to)
{
	struct file *file = file_of(current_task(), to->args[0]);
	struct sock *sk = file ? sock_of(file) : 0;

	if (!sk)
		return;
	to->values[0] = peek(sk, sk_ack_backlog);
	to->values[1] = peek(sk, sk_max_ack_backlog);
}

static inline_always void fill_pair(struct rec_syscall *to, u64 from)
{
	s32 pair[2] = {};

	if (to->call.result)
		return;
	if (read_user(pair, sizeof(pair), from))
		read_failed(to);
	to->values[0] = pair[0];
	to->values[1] = pair[1];
}

static inline_always void fill_clone(struct rec_syscall *to)
{
	struct clone_arguments arguments = {};

	if (to->args[1] < CLONE_ARGS_BYTES_MIN || read_user(&arguments, sizeof(arguments), to->args[0]))
		read_failed(to);
	to->values[0] = arguments.flags;
	to->values[1] = arguments.exit_signal;
}

/* The name that the thread has now: what the caller's memory says may have changed since. */
static inline_always void fill_name(struct rec_syscall *to)
{
	struct task_struct *task = current_task();

	read_kernel(to->values, COMM_BYTES, &task->comm);
}

/* The capabilities that the thread has now. */
static inline_always void fill_held(struct rec_syscall *to)
{
	struct task_struct *task = current_task();
	struct cred *cred = get(task, cred);

	read_kernel(&to->values[0], sizeof(u64), &cred->cap_effective);
	read_kernel(&to->values[1], sizeof(u64), &cred->cap_permitted);
	read_kernel(&to->values[2], sizeof(u64), &cred->cap_inheritable);
}

/* What record.rs says of `values`, but for messages and pieces. */
static inline_always void fill_values(struct rec_syscall *to)
{
	switch (to->call.call) {
	case CALL_PRCTL:
		fill_name(to);
		break;
	case CALL_SETUID:
	case CALL_SETREUID:
	case CALL_SETRESUID:
	case CALL_SETFSUID:
	case CALL_SETNS:
	case CALL_UNSHARE:
		fill_held(to);
		break;
	case CALL_ACCEPT:
	case CALL_ACCEPT4:
		fill_backlog(to);
		break;
	case CALL_CAPSET:
		fill_capabilities(to);
		break;
	case CALL_CLONE3:
		fill_clone(to);
		break;
	case CALL_IO_URING_SETUP:
		if (read_user(to->values, sizeof(to->values), to->args[1]))
			read_failed(to);
		break;
	case CALL_PIPE:
	case CALL_PIPE2:
		fill_pair(to, to->args[0]);
		break;
	case CALL_SOCKETPAIR:
		fill_pair(to, to->args[3]);
		break;
	}
}

#endif
