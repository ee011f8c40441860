/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's structs as far as they are read: names and types matter, offsets come from the running
 * kernel's BTF when the object is loaded (CO-RE). Where a field moved, both shapes stand here with the
 * version; a struct name with ___ is the same struct in another version.
 *
 * Read from 5.8 to 6.18. Never: anything that is not read.
 */
#ifndef SAKER_KERNEL_H
#define SAKER_KERNEL_H

#include "bpf.h"

/* struct open_how of openat2, include/uapi/linux/openat2.h */
struct open_how {
	u64 flags, mode, resolve;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum bpf_func_id {
	BPF_FUNC_get_current_task_btf = 158,
};

enum cgroup_subsys_id {
	memory_cgrp_id = 4, /* numbers depend on the configuration */
	pids_cgrp_id = 11,
};

enum kernel_number {
	PIDTYPE_TGID = 1,             /* include/linux/pid_types.h, since 4.19 */
	PIDTYPE_PGID = 2,
	PIDTYPE_SID = 3,
	PF_KTHREAD = 0x00200000,
	SIGNAL_GROUP_EXIT = 0x4,
	TS_COMPAT = 0x2,              /* arch/x86: thread_info.status while in a 32-bit system call */
	TIF_32BIT_ARM64 = 22,         /* arch/arm64: bit of thread_info.flags */
	FMODE_CREATED = 1 << 20,
	S_IFMT = 0170000,
	S_IFSOCK = 0140000,
	OVERLAYFS_SUPER_MAGIC = 0x794c7630,
	PID_FS_MAGIC = 0x50494446,    /* since 6.9 */
	AF_UNIX = 1,
	AF_INET = 2,
	AF_INET6 = 10,
	CLONE_SIGNAL = 0xff,          /* the bits of clone_flags that are the exit signal */
};

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

/* { u32 cap[2] } until 6.2, { u64 val } since 6.3: 8 bytes, low word first, either way. */
typedef struct {
	u64 val;
} kernel_cap_t;

typedef struct {
	int counter;
} atomic_t;

struct cred {
	kuid_t uid, suid, euid, fsuid;
	kgid_t gid, sgid, egid, fsgid;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective;
};

struct ns_common {
	u32 inum;
};

/* A radix tree of numbers, include/linux/xarray.h, since 4.20. */
struct xa_node {
	unsigned char shift;
	void *slots[1];           /* 64, or 16 in a small kernel */
};

struct xarray {
	void *xa_head;
};

struct idr {
	struct xarray idr_rt;
};

struct pid_namespace {
	struct idr idr;           /* number → struct pid */
	struct task_struct *child_reaper;
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct pid {
	u32 level;
	struct hlist_head tasks[4]; /* linked by task_struct.pid_links */
	struct upid numbers[1];
};

struct tty_driver {
	int major;
	int minor_start;
};

struct tty_struct {
	struct tty_driver *driver;
	int index;
};

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	u32 flags;
	u32 is_child_subreaper : 1, has_child_subreaper : 1;
	struct pid *pids[4];
	struct tty_struct *tty;
};

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
};

struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};

/* Times are two integers since 6.11. */
struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	u32 i_nlink;
	s64 i_mtime_sec, i_ctime_sec;
	u32 i_mtime_nsec, i_ctime_nsec;
};

/* i_ctime until 6.5, __i_ctime from 6.6; i_mtime until 6.6, __i_mtime from 6.7. */
struct inode___timespec {
	struct timespec64 i_mtime, i_ctime, __i_mtime, __i_ctime;
};

struct qstr {
	u32 len;
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	u32 f_mode;
	void *private_data;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root, pwd;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

/* parent is __parent since 6.15. */
struct kernfs_node {
	struct kernfs_node *__parent;
	const char *name;
	u64 id;
};

struct kernfs_node___parent {
	struct kernfs_node *parent;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* one for each enum cgroup_subsys_id */
	struct cgroup *dfl_cgrp;
};

struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe_file;
};

struct thread_info {
	unsigned long flags;
	u32 status; /* x86 only */
};

struct task_struct {
	struct thread_info thread_info;
	u32 flags;
	struct mm_struct *mm;
	int exit_code;
	int pid, tgid;
	struct task_struct *real_parent, *group_leader;
	struct hlist_node pid_links[4]; /* since 4.19 */
	u64 start_boottime;
	struct cred *cred;
	char comm[COMM_BYTES];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid; /* only with CONFIG_AUDIT */
	struct css_set *cgroups;
};

struct linux_binprm {
	const char *filename;
};

struct in6_addr {
	u8 s6_addr[16];
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport, skc_num;
	u16 skc_family;
	unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_type, sk_protocol; /* whole integers since 5.6 */
	u32 sk_ack_backlog, sk_max_ack_backlog;
};

struct sockaddr_un {
	char sun_path[108];
};

struct unix_address {
	int len;                  /* of the whole struct sockaddr_un */
	struct sockaddr_un name[1];
};

/* net/unix may be a module, whose types are not in the kernel's BTF. */
struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

struct socket {
	struct sock *sk;
};

/*
 * Requests of io_uring, from 6.4: struct io_kiocb begins with the struct that its opcode means. All are private to io_uring/, which
 * is never a module.
 */
struct io_ring_ctx {
	u32 compat : 1;
};

struct io_cqe {
	s32 res;
	int fd;                   /* as long as there is no result */
};

struct io_kiocb {
	struct file *file;
	u8 opcode;
	u64 flags;
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
};

enum io_req_flags_bit {
	REQ_F_CQE_SKIP_BIT = 6,
};

struct filename {
	const char *name;
};

struct io_open {
	int dfd;
	u32 file_slot;
	struct filename *filename;
	struct open_how how;
};

struct io_unlink {
	int dfd, flags;
	struct filename *filename;
};

struct io_mkdir {
	int dfd;
	unsigned short mode;
	struct filename *filename;
};

struct io_rename {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
	int flags;
};

struct io_link {
	int old_dfd, new_dfd;
	struct filename *oldpath, *newpath;
	int flags;
};

struct io_connect {
	void *addr;
	int addr_len;
};

struct io_accept {
	void *addr, *addr_len;
	int flags;
	u32 file_slot;
};

struct io_socket {
	int domain, type, protocol, flags;
	u32 file_slot;
};

struct io_listen {
	int backlog;
};

struct io_sr_msg {
	void *buf;
	int len;
	u32 msg_flags;
};

struct io_rw {
	u64 addr;
	u32 len;
};

struct io_close {
	int fd;
};

struct io_splice {
	u64 len;
	int splice_fd_in;
	u32 flags;
};

/* Since 6.16. */
struct io_pipe {
	void *fds;
	int flags;
	u32 file_slot;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bx, cx, dx, si, di, bp, r8, r9, r10, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};
#else
#error "no register layout for this architecture"
#endif

#pragma clang attribute pop

/*
 * Reading. A pointer is typed when the verifier knows what it points to: the arguments of a tp_btf
 * program, current_task(), and what is reached from them by get(). Such a read is one instruction, works
 * under lockdown=confidentiality, and gives zero when the memory is gone. Any other address is read by
 * peek(), a helper call, with the same outcome.
 */

/* Before 5.11 nothing gives the current task with its type; then, and where an object says so, get() is peek(). */
#ifndef HAS_TYPED_TASK
#define HAS_TYPED_TASK enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)
#endif

#define peek(pointer, field)                                                       \
	({                                                                         \
		typeof((pointer)->field) value_;                                   \
		read_kernel(&value_, sizeof(value_), &(pointer)->field);           \
		value_;                                                            \
	})

#define get(pointer, field)                                                        \
	({                                                                         \
		typeof((pointer)->field) value_;                                   \
		if (HAS_TYPED_TASK)                                                \
			value_ = (pointer)->field;                                 \
		else                                                               \
			read_kernel(&value_, sizeof(value_), &(pointer)->field);   \
		value_;                                                            \
	})

/* A bit field, as an unsigned number. */
#define peek_bits(pointer, field)                                                  \
	({                                                                         \
		u64 value_ = 0;                                                    \
		read_kernel(&value_, __builtin_preserve_field_info((pointer)->field, 1), \
			    (void *)(pointer) + __builtin_preserve_field_info((pointer)->field, 0)); \
		value_ <<= __builtin_preserve_field_info((pointer)->field, 4);     \
		value_ >> __builtin_preserve_field_info((pointer)->field, 5);      \
	})

static inline_always struct task_struct *current_task(void)
{
	return HAS_TYPED_TASK ? current_task_btf() : (struct task_struct *)current_task_address();
}

#endif
