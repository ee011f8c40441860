/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files: what inode a file is, which file a descriptor is, and the record of the open family.
 */
#ifndef SAKER_FILE_H
#define SAKER_FILE_H

#include "call.h"
#include "process.h"

enum {
	O_WRONLY = 01,
	O_CREAT = 0100,
	O_TRUNC = 01000,
	AT_FDCWD = -100,
	NS_PER_S = 1000 * 1000 * 1000,
	NS_MASK = (1 << 30) - 1, /* above it the kernel marks times that somebody has asked for, since 6.13 */
	OPEN_HOW_BYTES_MIN = 24,
};

/* Change times: see struct inode and struct inode___timespec for the versions. */
static inline_always void fill_times(struct rec_stat *to, struct inode *inode)
{
	struct inode___timespec *old = (void *)inode;

	if (field_exists(inode->i_ctime_sec))
		to->ctime_ns = peek(inode, i_ctime_sec) * NS_PER_S + (peek(inode, i_ctime_nsec) & NS_MASK);
	else if (field_exists(old->__i_ctime))
		to->ctime_ns = peek(old, __i_ctime.tv_sec) * NS_PER_S + peek(old, __i_ctime.tv_nsec);
	else
		to->ctime_ns = peek(old, i_ctime.tv_sec) * NS_PER_S + peek(old, i_ctime.tv_nsec);

	if (field_exists(inode->i_mtime_sec))
		to->mtime_ns = peek(inode, i_mtime_sec) * NS_PER_S + peek(inode, i_mtime_nsec);
	else if (field_exists(old->__i_mtime))
		to->mtime_ns = peek(old, __i_mtime.tv_sec) * NS_PER_S + peek(old, __i_mtime.tv_nsec);
	else
		to->mtime_ns = peek(old, i_mtime.tv_sec) * NS_PER_S + peek(old, i_mtime.tv_nsec);
}

/*
 * Which layer of overlayfs the inode is from, or that it is a pidfd. struct ovl_inode (fs/overlayfs/ovl_entry.h, 4.13 to 6.18)
 * holds the inode, and behind it the dentry in the upper layer, NULL while there is none. The module's
 * types are not in the kernel's BTF, so the size of struct inode finds it.
 */
static inline_always u32 inode_flags(struct inode *inode, struct super_block *sb)
{
	unsigned long magic = peek(sb, s_magic);
	struct dentry *upper = 0;

	if (magic == PID_FS_MAGIC)
		return INODE_PIDFD;
	if (magic != OVERLAYFS_SUPER_MAGIC)
		return 0;
	read_kernel(&upper, sizeof(upper), (void *)inode + type_bytes(struct inode));
	return upper && peek(upper, d_inode) ? INODE_OVERLAY_UPPER : INODE_OVERLAY_LOWER;
}

static inline_always void fill_stat(struct rec_stat *to, struct file *file)
{
	struct inode *inode = peek(file, f_inode);

	to->uid = peek(inode, i_uid.val);
	to->gid = peek(inode, i_gid.val);
	fill_times(to, inode);
}

/* Whether the file of the walk is one that memfd_create made: no other nameless file lets a program choose such a name. */
static inline_always u32 is_memfd(const struct walk *walk)
{
	const u8 *name = walk->bytes;
	u64 start = walk->start;

	if (!(walk->flags & PATH_PSEUDO))
		return 0;
	advance(name, start, PATH_BYTES_MAX);
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' && name[4] == 'd' && name[5] == ':';
}

/* Fills in the inode of an open file and appends its path; gives the new end. */
static inline_always u64 append_file(struct buffer *buffer, u64 at, struct rec_path *path, struct rec_inode *to,
				     u32 slot, struct task_struct *task, struct file *file)
{
	struct walk *walk = map_lookup(&walks, &slot);
	struct inode *inode = peek(file, f_inode);
	struct super_block *sb = peek(inode, i_sb);
	u32 dev = peek(sb, s_dev);

	to->ino = peek(inode, i_ino);
	to->dev = device_number(dev >> 20, dev & 0xfffff);
	to->mode = peek(inode, i_mode);
	to->flags = inode_flags(inode, sb);
	at = append_file_path(buffer, at, path, slot, task, file);
	if (walk && is_memfd(walk))
		to->flags |= INODE_MEMFD;
	return at;
}

/* The open file behind a descriptor of the task, NULL if there is none. Another thread may have replaced it since. */
static inline_always struct file *file_of(struct task_struct *task, s32 fd)
{
	struct files_struct *files = get(task, files);
	struct fdtable *table = get(files, fdt);
	struct file **slots, *file = 0;

	if (fd < 0 || (u32)fd >= get(table, max_fds))
		return 0;
	slots = get(table, fd);
	read_kernel(&file, sizeof(file), slots + fd);
	return file;
}

static inline_always void fill_open_arguments(struct rec_open *open, const struct call *call, u64 *path)
{
	struct open_how how = {};

	open->dirfd = AT_FDCWD;
	open->resolve = 0;
	switch (call->id) {
	case CALL_OPEN:
		*path = call->arguments[0];
		open->flags = (u32)call->arguments[1];
		open->mode = call->arguments[2];
		break;
	case CALL_CREAT:
		*path = call->arguments[0];
		open->flags = O_CREAT | O_WRONLY | O_TRUNC;
		open->mode = call->arguments[1];
		break;
	case CALL_OPENAT:
		open->dirfd = call->arguments[0];
		*path = call->arguments[1];
		open->flags = (u32)call->arguments[2];
		open->mode = call->arguments[3];
		break;
	default: /* CALL_OPENAT2 */
		open->dirfd = call->arguments[0];
		*path = call->arguments[1];
		if (call->arguments[3] < OPEN_HOW_BYTES_MIN || read_user(&how, sizeof(how), call->arguments[2]))
			open->header.flags |= RECORD_READ_FAILED;
		open->flags = how.flags;
		open->mode = how.mode;
		open->resolve = how.resolve;
	}
}

/* The directory that a relative path starts from: that of dirfd, or the working directory. */
static inline_always u64 append_dir(struct buffer *buffer, u64 at, struct rec_path *path, u32 slot,
				    struct task_struct *task, s32 dirfd)
{
	struct fs_struct *fs = get(task, fs);
	struct file *dir;
	struct path from = {};

	if (dirfd == AT_FDCWD) {
		from.dentry = get(fs, pwd.dentry);
		from.mnt = get(fs, pwd.mnt);
	} else {
		dir = file_of(task, dirfd);
		if (!dir) {
			*path = (struct rec_path){};
			return at;
		}
		from = peek(dir, f_path);
	}
	return append_path(buffer, at, path, slot, task, (u64)from.dentry, from.mnt);
}

static inline_always void clear_open(struct rec_open *open)
{
	open->effects = 0;
	open->pad = 0;
	open->pad2 = 0;
	open->inode = (struct rec_inode){};
	open->dir = (struct rec_path){};
	open->effective = (struct rec_path){};
}

/* Appends the directory that the path, which was appended, starts from. */
static inline_always u64 append_start(struct buffer *buffer, u64 at, u32 slot, struct task_struct *task)
{
	struct rec_open *open = (struct rec_open *)buffer;

	if (open->requested.bytes && buffer->bytes[sizeof(*open)] == '/')
		return at;
	return append_dir(buffer, at, &open->dir, slot, task, open->dirfd);
}

/* Appends what was opened, and sends the record. */
static inline_always void finish_open(struct buffer *buffer, u64 at, u32 slot, struct task_struct *task, s64 fd)
{
	struct rec_open *open = (struct rec_open *)buffer;
	struct file *file = fd >= 0 ? file_of(task, fd) : 0;

	if (file) {
		if (open->flags & O_CREAT && peek(file, f_mode) & FMODE_CREATED)
			open->effects = OPEN_CREATED;
		at = append_file(buffer, at, &open->effective, &open->inode, slot, task, file);
	} else if (open->call.result >= 0) {
		open->effective.flags = TAIL_READ_FAILED;
		note(buffer, TAIL_READ_FAILED);
	}
	submit(KIND_OPEN, buffer, at);
}

/* open, openat, openat2, creat */
static inline_always void collect_open(struct buffer *buffer, const struct call *call)
{
	struct rec_open *open = (struct rec_open *)buffer;
	u64 at = sizeof(*open);
	u64 path = 0;

	fill_call_header(&open->header, &open->call, KIND_OPEN, call);
	fill_open_arguments(open, call, &path);
	clear_open(open);
	at = append_user_string(buffer, at, &open->requested, path);
	at = append_start(buffer, at, SLOT_CALL, call->task);
	finish_open(buffer, at, SLOT_CALL, call->task, call->result);
}

#endif
