/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system call at its end: which one it was, by which entry, its arguments and result.
 *
 * The registers still hold the arguments: x86 keeps them all and the number in orig_ax; arm64 overwrites
 * the first, which orig_x0 keeps.
 */
#ifndef SAKER_CALL_H
#define SAKER_CALL_H

#include "emit.h"

enum {
	X32_BIT = 0x40000000,    /* arch/x86: in the number of every x32 call */
};

/* i386: socketcall(number, arguments), include/uapi/linux/net.h */
enum { SOCKETCALL_CONNECT = 3 };

struct call {
	struct task_struct *task;
	s64 result;
	u64 arguments[6];
	u32 id;                  /* enum rec_syscall */
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

/* Turns a socketcall into the call that it stands for; CALL_NONE if that one is not wanted. */
static inline_always void unwrap_socketcall(struct call *call)
{
	u32 inner[3] = {};

	call->id = CALL_NONE;
	if (call->arguments[0] != SOCKETCALL_CONNECT || read_user(inner, sizeof(inner), call->arguments[1]))
		return;
	call->id = CALL_CONNECT;
	call->arguments[0] = inner[0];
	call->arguments[1] = inner[1];
	call->arguments[2] = inner[2];
}

static inline_always void fill_call_header(struct rec_header *header, struct rec_call *to, u32 kind,
					   const struct call *call)
{
	fill_header(header, kind, call->task);
	header->flags = call->flags;
	*to = (struct rec_call){ .result = call->result, .call = call->id };
}

#endif
