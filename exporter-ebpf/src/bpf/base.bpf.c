/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base tier's programs: they load on every kernel from 5.8 with BTF, need no trampoline, and together
 * see every process and the end of every wanted system call.
 *
 * Each section states the prototype it relies on, as: proto: NAME(ARGUMENTS), since VERSION.
 */
#include "exec.h"
#include "filter.h"
#include "request.h"
#include "syscall.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

static inline_always struct buffer *buffer_of(u32 slot, u32 kind)
{
	struct buffer *buffer = map_lookup(&buffers, &slot);

	if (!buffer)
		count(kind, lost_no_scratch);
	return buffer;
}

/* proto: sched_process_exec(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm), since 3.4 */
SEC("tp_btf/sched_process_exec")
int on_exec(u64 *args)
{
	struct buffer *buffer = buffer_of(SLOT_EXEC, KIND_EXEC);

	if (buffer)
		collect_exec(buffer, (void *)args[0], (void *)args[2]);
	return 0;
}

/*
 * proto: task_newtask(struct task_struct *task, unsigned long clone_flags), since 3.4; clone_flags u64 since 6.18
 * Here and not sched_process_fork: it comes at the same point, and with the flags.
 */
SEC("tp_btf/task_newtask")
int on_fork(u64 *args)
{
	struct task_struct *child = (void *)args[0];

	if (child->group_leader == child)
		collect_fork(child, args[1]);
	return 0;
}

/*
 * proto: sched_process_exit(struct task_struct *p), since 3.4; with a second argument bool group_dead since 6.16
 * The count of live threads is already lowered. Two last threads that end at once may both find it zero.
 */
SEC("tp_btf/sched_process_exit")
int on_exit(u64 *args)
{
	struct task_struct *task = (void *)args[0];

	if (!task->signal->live.counter)
		collect_exit(task);
	return 0;
}

/*
 * proto: sys_exit(struct pt_regs *regs, long ret), since 2.6.35
 * Runs after every system call of every task: a call that nobody wants leaves by the first return.
 */
SEC("tp_btf/sys_exit")
int on_sys_exit(u64 *args)
{
	struct pt_regs *regs = (void *)args[0];
	u32 number = call_number(regs), index = number & ~X32_BIT;
	struct rec_watch *wanted = map_lookup(&watch, &index);
	struct call call = { .result = args[1] };
	struct buffer *buffer;
	u32 kind;

	if (!wanted || !*(volatile u16 *)wanted)
		return 0;
	if (index >= CALLS_MAX)
		return 0;
	call.task = current_task();
	if (is_compat(call.task))
		call.flags = RECORD_COMPAT;
	else if (number & X32_BIT)
		call.flags = RECORD_X32;
	call.id = call.flags & RECORD_COMPAT ? wanted->compat : wanted->native;
	if (!call.id)
		return 0;
	fill_arguments(&call, regs);
	unwrap(&call);
	if (!call.id || (shape_of(call.id)->traits & ONLY_FAILED && call.result >= 0))
		return 0;
	kind = kind_of(call.id);
	if ((u32)get(call.task, tgid) == agent_pid || !is_wanted(&call)) {
		count(kind, filtered);
		return 0;
	}
	buffer = buffer_of(SLOT_CALL, kind);
	if (!buffer)
		return 0;
	if (kind == KIND_OPEN)
		collect_open(buffer, &call);
	else if (kind == KIND_CONNECT)
		collect_connect(buffer, &call);
	else
		collect_syscall(buffer, &call);
	return 0;
}

/*
 * proto: io_uring_submit_req(struct io_kiocb *req), since 6.4
 * Before the request is done, and after the kernel has copied the names in it.
 */
SEC("tp_btf/io_uring_submit_req")
int on_request(u64 *args)
{
	struct buffer *buffer = wanted_request((void *)args[0]);

	if (buffer)
		begin_request(buffer, (void *)args[0]);
	return 0;
}

/* proto: io_uring_complete(struct io_ring_ctx *ctx, void *req, …), since 5.17; what follows differs, and is in the request too */
SEC("tp_btf/io_uring_complete")
int on_request_end(u64 *args)
{
	end_request((void *)args[1]);
	return 0;
}

/* Processes only, and only those in which a thread is alive: what is left of the others does nothing any more. */
static inline_always void scan(struct bpf_iter__task *ctx, u32 sleepable)
{
	struct task_struct *task = ctx->task;
	struct buffer *buffer;

	agent_pid = current_pid_tgid() >> 32;
	if (task)
		learn_hierarchies(task);
	if (!task || task->pid != task->tgid || !task->signal->live.counter)
		return;
	buffer = buffer_of(SLOT_SCAN, KIND_TASK);
	if (buffer)
		collect_task(ctx->meta->seq, buffer, task, sleepable);
}

/* proto: bpf_iter_task(struct bpf_iter_meta *meta, struct task_struct *task), since 5.8 */
SEC("iter/task")
int on_scan(struct bpf_iter__task *ctx)
{
	scan(ctx, 0);
	return 0;
}

/* The same, sleepable, with the arguments. Since 5.18. */
SEC("iter.s/task")
int on_scan_args(struct bpf_iter__task *ctx)
{
	scan(ctx, 1);
	return 0;
}
