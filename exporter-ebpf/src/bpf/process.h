/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts of a process: ids, parent, rights, namespaces, terminal.
 *
 * In:  the leader of the thread group, typed. Out: struct rec_process.
 */
#ifndef SAKER_PROCESS_H
#define SAKER_PROCESS_H

#include "path.h"

enum {
	MOUNTS_ABOVE_MAX = 8,
	ANCESTORS_MAX = 32,
};

/* A device number as stat and /proc show it. */
static inline_always u32 device_number(u32 major, u32 minor)
{
	return (minor & 0xff) | major << 8 | (minor >> 8) << 20;
}

static inline_always u32 terminal(struct signal_struct *signal)
{
	struct tty_struct *tty = get(signal, tty);
	struct tty_driver *driver;

	if (!tty)
		return 0;
	driver = get(tty, driver);
	return device_number(get(driver, major), get(driver, minor_start) + get(tty, index));
}

/* The last of a pid's numbers is the one in its own namespace, the first the one in the first. */
static inline_always struct upid own_number(struct pid *pid)
{
	struct upid number;

	read_kernel(&number, sizeof(number), (void *)&pid->numbers + get(pid, level) * sizeof(number));
	return number;
}

static inline_always void fill_ids(struct rec_process *process, struct task_struct *leader)
{
	struct signal_struct *signal = get(leader, signal);
	struct pid *pid = get(signal, pids[PIDTYPE_TGID]);
	struct pid *group = get(signal, pids[PIDTYPE_PGID]);
	struct pid *session = get(signal, pids[PIDTYPE_SID]);
	struct upid own = own_number(pid), own_group = own_number(group);
	struct task_struct *reaper = peek(own.ns, child_reaper);

	process->pid = get(leader, tgid);
	process->vpid = own.nr;
	process->pgid = get(group, numbers[0].nr);
	process->vpgid = own_group.nr;
	process->sid = get(session, numbers[0].nr);
	process->tty = terminal(signal);
	process->pid_ns = peek(own.ns, ns.inum);
	process->pid_ns_level = get(pid, level);
	process->pid_ns_start_boot_ns = peek(reaper, start_boottime);
}

static inline_always void fill_rights(struct rec_process *process, struct task_struct *leader)
{
	struct cred *cred = get(leader, cred);

	process->login_uid = field_exists(leader->loginuid) ? get(leader, loginuid.val) : ~0U;
	process->uid = get(cred, uid.val);
	process->euid = get(cred, euid.val);
	process->suid = get(cred, suid.val);
	process->fsuid = get(cred, fsuid.val);
	process->gid = get(cred, gid.val);
	process->egid = get(cred, egid.val);
	process->sgid = get(cred, sgid.val);
	process->fsgid = get(cred, fsgid.val);
	read_kernel(&process->cap_effective, sizeof(u64), &cred->cap_effective);
	read_kernel(&process->cap_permitted, sizeof(u64), &cred->cap_permitted);
	read_kernel(&process->cap_inheritable, sizeof(u64), &cred->cap_inheritable);
}

/* Whether the task's root directory is another one than the root of its mount namespace. */
static inline_always u32 chrooted(struct task_struct *task)
{
	struct fs_struct *fs = get(task, fs);
	u64 dentry = (u64)get(fs, root.dentry), mount = mount_of(get(fs, root.mnt));
	struct mount_place place;

	if (!fs)
		return 0;
	/* File systems mounted one over the other at / are one root. */
	for (u32 i = 0; i < MOUNTS_ABOVE_MAX; i++) {
		read_place(&place, mount);
		if (dentry != place.root)
			return 1;
		if (place.above == mount || !place.above)
			return 0;
		dentry = place.mountpoint;
		mount = place.above;
	}
	return 1;
}

static inline_always void fill_process(struct rec_process *process, struct task_struct *leader)
{
	struct task_struct *parent = get(leader, real_parent);
	struct task_struct *parent_leader = get(parent, group_leader);
	struct nsproxy *namespaces = get(leader, nsproxy);
	struct mnt_namespace *mnt_ns = get(namespaces, mnt_ns);
	struct cgroup *cgroup;

	process->start_boot_ns = get(leader, start_boottime);
	process->parent_pid = get(parent, tgid);
	process->parent_start_boot_ns = get(parent_leader, start_boottime);
	process->cgroup_id = cgroup_of(leader, &cgroup);
	process->mnt_ns = get(mnt_ns, ns.inum);
	process->flags = (get(leader, flags) & PF_KTHREAD ? PROCESS_KERNEL_THREAD : 0) |
			 (chrooted(leader) ? PROCESS_CHROOTED : 0);
	read_kernel(process->comm, sizeof(process->comm), &leader->comm);
	fill_ids(process, leader);
	fill_rights(process, leader);
}

/*
 * The process that adopts the children of one whose last thread ends: kernel/exit.c, find_new_reaper (4.11 to 6.18).
 * NULL if that is the first of a pid namespace, which takes all others with it.
 */
static inline_always struct task_struct *reaper_of(struct task_struct *task)
{
	struct signal_struct *signal = get(task, signal);
	struct pid *pid = get(signal, pids[PIDTYPE_TGID]);
	u32 level = get(pid, level);
	struct upid own = own_number(pid);
	struct task_struct *first = peek(own.ns, child_reaper), *ancestor = get(task, real_parent);

	if (peek(first, tgid) == get(task, tgid))
		return 0;
	if (!peek_bits(signal, has_child_subreaper))
		return first;
	for (u64 i = 0; i < ANCESTORS_MAX; i++) {
		signal = peek(ancestor, signal);
		pid = peek(signal, pids[PIDTYPE_TGID]);
		if (!peek(ancestor, tgid) || peek(pid, level) != level)
			break;
		if (peek_bits(signal, is_child_subreaper) && peek(signal, live.counter))
			return ancestor;
		ancestor = peek(ancestor, real_parent);
	}
	return first;
}

#endif
