/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of io_uring as the system calls that do the same: each makes the record that its call would make.
 *
 * A request is met twice. When it is submitted the kernel has copied its names, which it drops when it is done; when it
 * completes there is a result. So a record is begun at the first and remembered until the second. What cannot be remembered, or
 * asks for no completion, is told at once, as if it had gone well: nobody is to hide by it.
 *
 * Never seen: what one request does over and over (multishot), addresses that bind and send are given (the kernel's copy has
 * another form in every version).
 */
#ifndef SAKER_REQUEST_H
#define SAKER_REQUEST_H

#include "syscall.h"

enum {
	/* Of a record that is remembered; together with what the kernel adds to an entry less than a page. */
	PENDING_BYTES_MAX = 4000,
	PENDING_MAX = 1024,
};

struct pending_record {
	u8 bytes[PENDING_BYTES_MAX];
};

/* Address of the request → its record so far. */
struct {
	map_uint(type, MAP_HASH);
	map_uint(map_flags, MAP_NO_PREALLOC);
	map_uint(max_entries, PENDING_MAX);
	map_type(key, u64);
	map_type(value, struct pending_record);
} pending SEC(".maps");

/* The request as the struct that its opcode means, and a member of that. */
#define of(req, type, field) peek((struct type *)(req), field)
/* A name that the kernel has copied. */
#define name_in(req, type, field)                                                  \
	({                                                                         \
		struct filename *name_ = of(req, type, field);                     \
		name_ ? (u64)peek(name_, name) : 0;                                \
	})

static inline_always u32 call_of(struct io_kiocb *req)
{
	u32 index = CALLS_MAX + SOCKETCALLS_MAX + peek(req, opcode);
	struct rec_watch *wanted = map_lookup(&watch, &index);

	return wanted ? wanted->native : CALL_NONE;
}

/* Whether the new descriptor is one of the ring's own, which the process has no number for. */
static inline_always u32 is_direct(struct io_kiocb *req, u32 call)
{
	switch (call) {
	case CALL_OPENAT:
	case CALL_OPENAT2:
		return of(req, io_open, file_slot);
	case CALL_ACCEPT4:
		return of(req, io_accept, file_slot);
	case CALL_SOCKET:
		return of(req, io_socket, file_slot);
	default:
		return 0;
	}
}

/* The arguments as those of the call, names as addresses of the kernel. */
static inline_always void fill_request(struct call *call, struct io_kiocb *req)
{
	u64 *arguments = call->arguments;

	arguments[0] = peek(req, cqe.fd);
	switch (call->id) {
	case CALL_UNLINKAT:
		arguments[0] = of(req, io_unlink, dfd);
		arguments[1] = name_in(req, io_unlink, filename);
		arguments[2] = of(req, io_unlink, flags);
		break;
	case CALL_MKDIRAT:
		arguments[0] = of(req, io_mkdir, dfd);
		arguments[1] = name_in(req, io_mkdir, filename);
		arguments[2] = of(req, io_mkdir, mode);
		break;
	case CALL_SYMLINKAT:
		arguments[0] = name_in(req, io_link, oldpath);
		arguments[1] = of(req, io_link, new_dfd);
		arguments[2] = name_in(req, io_link, newpath);
		break;
	case CALL_LINKAT:
		arguments[0] = of(req, io_link, old_dfd);
		arguments[1] = name_in(req, io_link, oldpath);
		arguments[2] = of(req, io_link, new_dfd);
		arguments[3] = name_in(req, io_link, newpath);
		arguments[4] = of(req, io_link, flags);
		break;
	case CALL_RENAMEAT2:
		arguments[0] = of(req, io_rename, old_dfd);
		arguments[1] = name_in(req, io_rename, oldpath);
		arguments[2] = of(req, io_rename, new_dfd);
		arguments[3] = name_in(req, io_rename, newpath);
		arguments[4] = of(req, io_rename, flags);
		break;
	case CALL_ACCEPT4:
		arguments[1] = (u64)of(req, io_accept, addr);
		arguments[2] = (u64)of(req, io_accept, addr_len);
		arguments[3] = of(req, io_accept, flags);
		break;
	case CALL_SOCKET:
		arguments[0] = of(req, io_socket, domain);
		arguments[1] = of(req, io_socket, type);
		arguments[2] = of(req, io_socket, protocol);
		break;
	case CALL_LISTEN:
		arguments[1] = of(req, io_listen, backlog);
		break;
	case CALL_SENDTO:
	case CALL_RECVFROM:
		arguments[1] = (u64)of(req, io_sr_msg, buf);
		arguments[2] = of(req, io_sr_msg, len);
		arguments[3] = of(req, io_sr_msg, msg_flags);
		break;
	case CALL_SENDMSG:
	case CALL_RECVMSG:
		arguments[1] = (u64)of(req, io_sr_msg, buf);
		arguments[2] = of(req, io_sr_msg, msg_flags);
		break;
	case CALL_READ:
	case CALL_WRITE:
	case CALL_READV:
	case CALL_WRITEV:
		arguments[1] = of(req, io_rw, addr);
		arguments[2] = of(req, io_rw, len);
		break;
	case CALL_CLOSE:
		arguments[0] = of(req, io_close, fd);
		break;
	case CALL_SPLICE:
		arguments[2] = arguments[0];
		arguments[0] = of(req, io_splice, splice_fd_in);
		arguments[4] = of(req, io_splice, len);
		arguments[5] = of(req, io_splice, flags);
		break;
	case CALL_PIPE2:
		arguments[0] = (u64)of(req, io_pipe, fds);
		arguments[1] = of(req, io_pipe, flags);
		break;
	}
}

/* Where a record is collected for a request that somebody wants, of another process than the agent. */
static inline_always struct buffer *wanted_request(struct io_kiocb *req)
{
	u32 slot = SLOT_REQUEST, call = call_of(req);
	struct buffer *buffer;

	if (!call)
		return 0;
	if (current_pid_tgid() >> 32 == agent_pid) {
		count(kind_of(call), filtered);
		return 0;
	}
	buffer = map_lookup(&buffers, &slot);
	if (!buffer)
		count(kind_of(call), lost_no_scratch);
	return buffer;
}

static inline_always void begin_open(struct buffer *buffer, struct io_kiocb *req, const struct call *call)
{
	struct rec_open *open = (struct rec_open *)buffer;
	struct open_how how = of(req, io_open, how);
	u64 at = sizeof(*open);

	fill_call_header(&open->header, &open->call, KIND_OPEN, call);
	clear_open(open);
	open->dirfd = of(req, io_open, dfd);
	open->flags = how.flags;
	open->mode = how.mode;
	open->resolve = call->id == CALL_OPENAT2 ? how.resolve : 0;
	at = append_kernel_string(buffer, at, &open->requested, (const char *)name_in(req, io_open, filename));
	open->header.bytes = append_start(buffer, at, SLOT_REQUEST, call->task);
}

/* Names are in the record now; where the kernel had them is nobody's business. */
static inline_always void begin_call(struct buffer *buffer, const struct call *call)
{
	struct rec_syscall *to = (struct rec_syscall *)buffer;

	begin_syscall(to, call);
	append_lookups(SLOT_REQUEST);
	switch (call->id) {
	case CALL_SYMLINKAT:
		to->header.bytes =
			append_kernel_string(buffer, to->header.bytes, &to->text, (const char *)to->args[0]);
		to->args[0] = to->args[2] = 0;
		break;
	case CALL_LINKAT:
	case CALL_RENAMEAT2:
		to->args[3] = 0; /* fall through */
		to->args[1] = 0;
		break;
	case CALL_UNLINKAT:
	case CALL_MKDIRAT:
		to->args[1] = 0;
		break;
	}
}

/* The file that the request itself holds, unless its result is a descriptor. */
static inline_always struct file *file_in(struct io_kiocb *req, const struct rec_syscall *to)
{
	const struct shape *shape = shape_of(to->call.call);

	if (!shape->fd || to->call.call == CALL_CLOSE || to->call.call == CALL_SPLICE)
		return 0;
	if (shape->traits & MAKES_FD && to->call.result >= 0 && !is_direct(req, to->call.call))
		return 0;
	return peek(req, file);
}

/* What is left when the result is known. Where another process completes the request its descriptors tell nothing. */
static inline_always void finish_request(struct buffer *buffer, struct io_kiocb *req, s64 result)
{
	struct rec_header *header = (struct rec_header *)buffer;
	struct rec_open *open = (struct rec_open *)buffer;
	struct rec_connect *connect = (struct rec_connect *)buffer;
	struct rec_syscall *to = (struct rec_syscall *)buffer;
	u64 at = header->bytes;

	header->time_boot_ns = boot_time_ns();
	header->cpu = current_cpu();
	switch (header->kind) {
	case KIND_OPEN:
		open->call.result = result;
		if (is_direct(req, open->call.call) || current_pid_tgid() >> 32 != header->pid)
			result = -1;
		finish_open(buffer, at, SLOT_REQUEST, current_task(), result);
		break;
	case KIND_CONNECT:
		connect->call.result = result;
		finish_connect(buffer, peek(req, file), (u64)of(req, io_connect, addr), of(req, io_connect, addr_len));
		break;
	default:
		to->call.result = result;
		fill_values(to);
		append_descriptor(SLOT_REQUEST, (u64)file_in(req, to));
		append_memory(SLOT_REQUEST);
		submit(KIND_SYSCALL, buffer, header->bytes);
	}
}

/*
 * What is remembered under the address of a request that is only now submitted is of one that never completed: the ring had no room
 * for its end. It is told as far as it was begun.
 */
static inline_always void tell_forgotten(struct buffer *buffer, u64 key)
{
	struct rec_header *header = (struct rec_header *)buffer;
	struct pending_record *record = map_lookup(&pending, &key);

	if (!record)
		return;
	read_kernel(buffer, sizeof(*record), record);
	submit(header->kind, buffer, header->bytes);
}

/* The request is submitted. */
static inline_always void begin_request(struct buffer *buffer, struct io_kiocb *req)
{
	struct rec_header *header = (struct rec_header *)buffer;
	struct rec_connect *connect = (struct rec_connect *)buffer;
	struct io_ring_ctx *ring = peek(req, ctx);
	struct call call = { .task = current_task(), .id = call_of(req) };
	u64 key = (u64)req;

	tell_forgotten(buffer, key);
	if (peek_bits(ring, compat))
		call.flags = RECORD_COMPAT;
	switch (kind_of(call.id)) {
	case KIND_OPEN:
		begin_open(buffer, req, &call);
		break;
	case KIND_CONNECT:
		fill_call_header(&connect->header, &connect->call, KIND_CONNECT, &call);
		connect->fd = peek(req, cqe.fd);
		connect->addr = (struct rec_tail){};
		header->bytes = sizeof(*connect);
		break;
	default:
		fill_request(&call, req);
		begin_call(buffer, &call);
	}
	if (!(peek(req, flags) & 1 << REQ_F_CQE_SKIP_BIT) && header->bytes <= PENDING_BYTES_MAX &&
	    !map_update(&pending, &key, buffer, 0))
		return;
	finish_request(buffer, req, 0);
}

/* It has completed: its record, if it was begun, goes out. */
static inline_always void end_request(struct io_kiocb *req)
{
	u64 key = (u64)req;
	u32 slot = SLOT_REQUEST;
	struct pending_record *record = map_lookup(&pending, &key);
	struct buffer *buffer = map_lookup(&buffers, &slot);

	if (!record || !buffer)
		return;
	read_kernel(buffer, sizeof(*record), record);
	map_delete(&pending, &key);
	finish_request(buffer, req, peek(req, cqe.res));
}

#endif
