/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts of a process: ids, parent, rights, namespaces, terminal.
 *
 * In:  the leader of the thread group, typed. Out: struct rec_process.
 */
#ifndef SAKER_PROCESS_H
#define SAKER_PROCESS_H

#include "path.h"

enum { MOUNTS_ABOVE_MAX = 8 };

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
	driver = peek(tty, driver);
	return device_number(peek(driver, major), peek(driver, minor_start) + peek(tty, index));
}

/* The last of a pid's numbers is the one in its own namespace, the first the one in the first. */
static inline_always struct upid *own_number(struct pid *pid)
{
	return (void *)&pid->numbers + peek(pid, level) * type_bytes(struct upid);
}

static inline_always u32 first_number(struct pid *pid)
{
	int number = 0;

	read_kernel(&number, sizeof(number), &pid->numbers[0].nr);
	return number;
}

static inline_always struct pid *signal_pid(struct signal_struct *signal, u32 type)
{
	struct pid *pid = 0;

	read_kernel(&pid, sizeof(pid), (void *)&signal->pids + type * sizeof(pid));
	return pid;
}

static inline_always void fill_ids(struct rec_process *process, struct task_struct *leader)
{
	struct signal_struct *signal = get(leader, signal);
	struct pid *pid = signal_pid(signal, PIDTYPE_TGID);
	struct pid *group = signal_pid(signal, PIDTYPE_PGID);
	struct upid *own = own_number(pid);
	struct pid_namespace *ns = peek(own, ns);
	struct task_struct *reaper = peek(ns, child_reaper);
	struct upid *own_group = own_number(group);

	process->pid = get(leader, tgid);
	process->vpid = peek(own, nr);
	process->pgid = first_number(group);
	process->vpgid = peek(own_group, nr);
	process->sid = first_number(signal_pid(signal, PIDTYPE_SID));
	process->tty = terminal(signal);
	process->pid_ns = peek(ns, ns.inum);
	process->pid_ns_level = peek(pid, level);
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
	struct dentry *dentry = peek(fs, root.dentry);
	struct vfsmount *mnt = peek(fs, root.mnt);
	struct mount *mount, *above;

	if (!fs)
		return 0;
	/* File systems mounted one over the other at / are one root. */
	for (u32 i = 0; i < MOUNTS_ABOVE_MAX; i++) {
		if (dentry != peek(mnt, mnt_root))
			return 1;
		mount = mount_of(mnt);
		above = peek(mount, mnt_parent);
		if (above == mount || !above)
			return 0;
		dentry = peek(mount, mnt_mountpoint);
		mnt = mnt_of(above);
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
	process->mnt_ns = peek(mnt_ns, ns.inum);
	process->flags = (get(leader, flags) & PF_KTHREAD ? PROCESS_KERNEL_THREAD : 0) |
			 (chrooted(leader) ? PROCESS_CHROOTED : 0);
	read_kernel(process->comm, sizeof(process->comm), &leader->comm);
	fill_ids(process, leader);
	fill_rights(process, leader);
}

#endif
