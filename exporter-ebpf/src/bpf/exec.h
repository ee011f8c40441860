/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a process: records of exec, fork, exit, and of what was there before (the scan).
 */
#ifndef SAKER_EXEC_H
#define SAKER_EXEC_H

#include "file.h"

static inline_always void collect_exec(struct buffer *buffer, struct task_struct *task, struct linux_binprm *bprm)
{
	struct rec_exec *exec = (struct rec_exec *)buffer;
	struct mm_struct *mm = get(task, mm);
	u64 from = get(mm, arg_start), bytes = get(mm, arg_end) - from;
	struct file *file = get(mm, exe_file);
	u64 at = sizeof(*exec);

	fill_header(&exec->header, KIND_EXEC, task);
	fill_process(&exec->process, task);
	fill_stat(&exec->stat, file);
	at = append_file(buffer, at, &exec->exe, &exec->inode, SLOT_EXEC, task, file);
	at = append_cwd(buffer, at, &exec->cwd, SLOT_EXEC, task);
	at = append_kernel_string(buffer, at, &exec->filename, get(bprm, filename));
	at = append_user(buffer, at, &exec->args, from, bytes, ARGS_BYTES_MAX);
	at = append_cgroup(buffer, at, &exec->cgroup, SLOT_EXEC, task);
	exec->env = (struct rec_tail){};
	if (is_set(SETTING_ENV)) {
		from = get(mm, env_start);
		bytes = get(mm, env_end) - from;
		at = append_user(buffer, at, &exec->env, from, bytes, ENV_BYTES_MAX);
	}
	submit(KIND_EXEC, buffer, at);
}

static inline_always void collect_fork(struct task_struct *child, u64 clone_flags)
{
	struct rec_fork *fork = ring_reserve(&ring, sizeof(*fork), 0);

	if (!fork) {
		lose(KIND_FORK);
		return;
	}
	fill_header(&fork->header, KIND_FORK, current_task());
	fork->header.bytes = sizeof(*fork);
	fill_process(&fork->process, child);
	fork->clone_flags = clone_flags & ~(u64)CLONE_SIGNAL;
	ring_submit(fork, wake_flags(fork->header.time_boot_ns));
	count(KIND_FORK, submitted);
}

static inline_always void collect_exit(struct task_struct *task)
{
	struct signal_struct *signal = get(task, signal);
	struct task_struct *leader = get(task, group_leader), *reaper;
	struct rec_exit *exit = ring_reserve(&ring, sizeof(*exit), 0);

	if (!exit) {
		lose(KIND_EXIT);
		return;
	}
	fill_header(&exit->header, KIND_EXIT, task);
	exit->header.bytes = sizeof(*exit);
	exit->reaper_start_boot_ns = 0;
	exit->reaper_pid = 0;
	reaper = reaper_of(task);
	if (reaper) {
		exit->reaper_pid = peek(reaper, tgid);
		reaper = peek(reaper, group_leader);
		exit->reaper_start_boot_ns = peek(reaper, start_boottime);
	}
	/* What wait(2) will say of the leader: kernel/exit.c, wait_task_zombie. */
	exit->status = get(signal, flags) & SIGNAL_GROUP_EXIT ? get(signal, group_exit_code) : get(leader, exit_code);
	ring_submit(exit, wake_flags(exit->header.time_boot_ns));
	count(KIND_EXIT, submitted);
}

/* Arguments of another process: pages of an address space that is not the current one. */
static inline_always u64 append_task_args(struct buffer *buffer, u64 at, struct rec_tail *tail,
					  struct task_struct *task, struct mm_struct *mm, u32 sleepable)
{
	u64 from = get(mm, arg_start), bytes = get(mm, arg_end) - from, take = bytes;
	void *to = place(buffer, at, ARGS_BYTES_MAX);
	long error = -1;

	clamp(take, ARGS_BYTES_MAX);
	if (sleepable)
		error = copy_from_user_task(to, take, from, task, 0);
	return end_bytes(buffer, at, tail, take, bytes, error);
}

/*
 * One process of the scan; `sleepable` is a constant that tells whether its pages can be read. Not zero: the reader's buffer is full,
 * and the kernel will call again.
 */
static inline_always long collect_task(struct seq_file *seq, struct buffer *buffer, struct task_struct *task,
				       u32 sleepable)
{
	struct rec_task *to = (struct rec_task *)buffer;
	struct mm_struct *mm = get(task, mm);
	u64 at = sizeof(*to);
	struct file *file;

	fill_header(&to->header, KIND_TASK, task);
	fill_process(&to->process, task);
	to->inode = (struct rec_inode){};
	to->stat = (struct rec_stat){};
	to->exe = (struct rec_path){};
	to->cwd = (struct rec_path){};
	to->args = (struct rec_tail){};
	if (mm) {
		file = get(mm, exe_file);
		fill_stat(&to->stat, file);
		at = append_file(buffer, at, &to->exe, &to->inode, SLOT_SCAN, task, file);
		at = append_cwd(buffer, at, &to->cwd, SLOT_SCAN, task);
		at = append_task_args(buffer, at, &to->args, task, mm, sleepable);
	}
	at = append_cgroup(buffer, at, &to->cgroup, SLOT_SCAN, task);
	to->header.bytes = at;
	mask(at, OFFSET_MASK);
	clamp(at, RECORD_BYTES_MAX);
	return seq_write(seq, buffer, at);
}

#endif
