/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system call at its end: which one it was, by which entry, its arguments and result. Calls by older forms
 * (socketcall, 16-bit ids) are turned into the call that they stand for.
 *
 * The registers still hold the arguments: x86 keeps them all and the number in orig_ax; arm64 overwrites
 * the first, which orig_x0 keeps.
 */
#ifndef SAKER_CALL_H
#define SAKER_CALL_H

#include "emit.h"
#include "shape.h"

enum {
	X32_BIT = 0x40000000,    /* arch/x86: in the number of every x32 call */
};

struct call {
	struct task_struct *task;
	s64 result;
	u64 arguments[6];
	u32 id;                  /* enum rec_call_id */
	u32 flags;               /* RECORD_COMPAT, RECORD_X32 */
};

#if defined(__TARGET_ARCH_x86)

/* The kernel looks at the low 32 bits only, whatever a program leaves in the others. */
static inline_always u32 call_number(struct pt_regs *regs)
{
	return regs->orig_ax;
}

static inline_always u32 is_compat(struct task_struct *task)
{
	return get(task, thread_info.status) & TS_COMPAT;
}

static inline_always void fill_arguments(struct call *call, struct pt_regs *regs)
{
	if (call->flags & RECORD_COMPAT) {
		call->arguments[0] = (u32)regs->bx;
		call->arguments[1] = (u32)regs->cx;
		call->arguments[2] = (u32)regs->dx;
		call->arguments[3] = (u32)regs->si;
		call->arguments[4] = (u32)regs->di;
		call->arguments[5] = (u32)regs->bp;
	} else {
		call->arguments[0] = regs->di;
		call->arguments[1] = regs->si;
		call->arguments[2] = regs->dx;
		call->arguments[3] = regs->r10;
		call->arguments[4] = regs->r8;
		call->arguments[5] = regs->r9;
	}
}

#elif defined(__TARGET_ARCH_arm64)

static inline_always u32 call_number(struct pt_regs *regs)
{
	return regs->syscallno;
}

static inline_always u32 is_compat(struct task_struct *task)
{
	return get(task, thread_info.flags) >> TIF_32BIT_ARM64 & 1;
}

static inline_always void fill_arguments(struct call *call, struct pt_regs *regs)
{
	u64 mask = call->flags & RECORD_COMPAT ? (u32)-1 : (u64)-1;

	call->arguments[0] = regs->orig_x0 & mask;
	call->arguments[1] = regs->regs[1] & mask;
	call->arguments[2] = regs->regs[2] & mask;
	call->arguments[3] = regs->regs[3] & mask;
	call->arguments[4] = regs->regs[4] & mask;
	call->arguments[5] = regs->regs[5] & mask;
}

#endif

/* Takes the first `count` arguments from memory of the program, as i386's oldest calls pass them; 0: it cannot be read. */
static inline_always u32 take_arguments(struct call *call, u64 from, u64 count)
{
	u32 words[6] = {};
	u64 bytes = count * sizeof(*words);

	mask(bytes, 31);
	clamp(bytes, sizeof(words));
	if (read_user(words, bytes, from))
		return 0;
	call->arguments[0] = words[0];
	call->arguments[1] = words[1];
	call->arguments[2] = words[2];
	call->arguments[3] = words[3];
	call->arguments[4] = words[4];
	call->arguments[5] = words[5];
	return 1;
}

/* i386: socketcall(number, arguments). Gives the call that it is, CALL_NONE if that is not wanted. */
static inline_always u32 unwrap_socketcall(struct call *call)
{
	u32 index = CALLS_MAX + call->arguments[0];
	struct rec_watch *wanted;
	u32 id;

	if (call->arguments[0] >= SOCKETCALLS_MAX)
		return CALL_NONE;
	wanted = map_lookup(&watch, &index);
	id = wanted ? wanted->compat : CALL_NONE;
	if (!id || !take_arguments(call, call->arguments[1], shape_of(id)->arguments))
		return CALL_NONE;
	return id;
}

/* A user or group of 16 bits as one of 32: include/linux/highuid.h. */
static inline_always u64 widen_id(u64 id)
{
	return (u16)id == (u16)-1 ? (u32)-1 : (u16)id;
}

/* Turns an older form into the call that it stands for; CALL_NONE if that is not wanted. */
static inline_always void unwrap(struct call *call)
{
	const struct shape *shape = shape_of(call->id);

	if (call->id == CALL_SOCKETCALL) {
		call->id = unwrap_socketcall(call);
		return;
	}
	if (!shape->is)
		return;
	if (call->id == CALL_OLD_MMAP && !take_arguments(call, call->arguments[0], 6))
		call->arguments[0] = 0;
	if (shape->ids16 & 1)
		call->arguments[0] = widen_id(call->arguments[0]);
	if (shape->ids16 & 2)
		call->arguments[1] = widen_id(call->arguments[1]);
	if (shape->ids16 & 4)
		call->arguments[2] = widen_id(call->arguments[2]);
	call->id = shape->is;
}

/* The kind of record that a call makes. */
static inline_always u32 kind_of(u32 call)
{
	switch (call) {
	case CALL_OPEN:
	case CALL_OPENAT:
	case CALL_OPENAT2:
	case CALL_CREAT:
		return KIND_OPEN;
	case CALL_CONNECT:
		return KIND_CONNECT;
	default:
		return KIND_SYSCALL;
	}
}

static inline_always void fill_call_header(struct rec_header *header, struct rec_call *to, u32 kind,
					   const struct call *call)
{
	fill_header(header, kind, call->task);
	header->flags = call->flags;
	*to = (struct rec_call){ .result = call->result, .call = call->id };
}

#endif
