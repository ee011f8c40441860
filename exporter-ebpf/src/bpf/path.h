/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a dentry and a mount to the path: names collected from the leaf to the root of the mount namespace,
 * across mounts, into the end of a buffer. No lock is taken: a rename in the same instant may mix names.
 *
 * Out: the tail that struct rec_path describes. Also the path of a cgroup, which is a kernfs tree.
 */
#ifndef SAKER_PATH_H
#define SAKER_PATH_H

#include "emit.h"

enum {
	PATH_STEPS_MAX = 192,    /* names and mount crossings; deeper paths lose their beginning */
	CGROUP_STEPS_MAX = 32,
	NAME_MASK = NAME_BYTES_MAX - 1,
	PATH_MASK = PATH_BYTES_MAX - 1,
	ROOT_NOT_MET = PATH_BYTES_MAX + 1,
};

static inline_always struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - field_offset(struct mount, mnt);
}

static inline_always struct vfsmount *mnt_of(struct mount *mount)
{
	return (void *)mount + field_offset(struct mount, mnt);
}

/*
 * Puts a name of the kernel before what is there, with '/' between if asked; 0: no room.
 *
 * What a walk knows lies in its struct and not in variables: the verifier then finds every turn of the loop
 * equal to the turn before, and checks in a few thousand steps what takes hundreds of thousands otherwise.
 */
static inline_always u32 prepend(struct walk *walk, const void *name, u32 bytes, u32 slash)
{
	u32 start = walk->start;

	bytes &= NAME_MASK;
	if (start > PATH_BYTES_MAX || start < bytes + slash)
		return 0;
	start -= bytes + slash;
	walk->start = start;
	keep(start);
	start &= PATH_MASK;
	keep(bytes);
	bytes &= NAME_MASK;
	walk->bytes[start] = '/';
	read_kernel(&walk->bytes[start + slash], bytes, name);
	return 1;
}

enum step { STEP_ON, STEP_DONE, STEP_NO_ROOM };

/* From a mount's root to the place where it is mounted. */
static inline_always enum step step_mount(struct walk *walk)
{
	struct mount *mount = mount_of((void *)walk->mnt), *above = peek(mount, mnt_parent);
	struct vfsmount *mnt = mnt_of(above);

	if (above == mount || !above) {
		if (!peek(mount, mnt_ns))
			walk->flags |= PATH_DETACHED;
		return STEP_DONE;
	}
	walk->dentry = (u64)peek(mount, mnt_mountpoint);
	walk->mnt = (u64)mnt;
	walk->mnt_root = (u64)peek(mnt, mnt_root);
	return STEP_ON;
}

/* From a name to the directory that it is in. */
static inline_always enum step step_name(struct walk *walk)
{
	struct dentry *dentry = (void *)walk->dentry, *parent = peek(dentry, d_parent);
	/* struct qstr has this form on every little-endian kernel; whole, it is one read. */
	struct {
		u32 hash, bytes;
		const void *text;
	} name;
	u32 pseudo = parent == dentry;

	read_kernel(&name, sizeof(name), &dentry->d_name);
	if (!prepend(walk, name.text, name.bytes, !pseudo))
		return STEP_NO_ROOM;
	walk->dentry = (u64)parent;
	if (!pseudo)
		return STEP_ON;
	walk->flags |= PATH_PSEUDO;
	return STEP_DONE;
}

/*
 * Walks from walk->dentry up. A function of its own and global, so that the verifier checks its loop once
 * and not at every place that wants a path.
 */
never_inline int walk_path(u32 slot)
{
	struct walk *walk = map_lookup(&walks, &slot);
	enum step step = STEP_ON;
	struct dentry *leaf;
	u64 i; /* 64 bits: before 5.17 the verifier forgets what a smaller one is worth once it lies on the stack */

	if (!walk)
		return 0;
	leaf = (void *)walk->dentry;
	walk->start = PATH_BYTES_MAX;
	walk->root = ROOT_NOT_MET;
	walk->flags = !peek(leaf, d_hash.pprev) && peek(leaf, d_parent) != leaf ? PATH_DELETED : 0;
	walk->mnt_root = (u64)peek((struct vfsmount *)walk->mnt, mnt_root);
	for (i = 0; i < PATH_STEPS_MAX && step == STEP_ON; i++) {
		if (walk->dentry == walk->root_dentry && walk->mnt == walk->root_mnt)
			walk->root = walk->start;
		step = walk->dentry == walk->mnt_root ? step_mount(walk) : step_name(walk);
	}
	if (step != STEP_DONE)
		walk->flags |= TAIL_TRUNCATED;
	else if (walk->root == ROOT_NOT_MET && !(walk->flags & PATH_PSEUDO))
		walk->flags |= PATH_OUTSIDE_ROOT;
	return 0;
}

/* Appends what the walk found; gives the new end. */
static inline_always u32 append_walk(struct buffer *buffer, u32 at, struct rec_path *path, struct walk *walk)
{
	u32 start = walk->start, root = walk->root, bytes;

	path->bytes = 0;
	path->root_bytes = 0;
	path->flags = TAIL_READ_FAILED;
	if (start <= PATH_BYTES_MAX) {
		path->root_bytes = root <= PATH_BYTES_MAX && root >= start ? root - start : 0;
		if (start == PATH_BYTES_MAX && !(walk->flags & PATH_PSEUDO))
			walk->bytes[--start] = '/';
		bytes = PATH_BYTES_MAX - start;
		keep(at);
		keep(bytes);
		if (fits(at, PATH_BYTES_MAX) && bytes <= PATH_BYTES_MAX &&
		    !read_kernel(&buffer->bytes[at], bytes, &walk->bytes[start])) {
			path->bytes = bytes;
			path->flags = walk->flags;
		}
	}
	note((struct rec_header *)buffer, path->flags);
	return at + path->bytes;
}

/* Appends the path of a dentry and mount, as `task` sees it; both given by their addresses. */
static inline_always u32 append_path(struct buffer *buffer, u32 at, struct rec_path *path, u32 slot,
				     struct task_struct *task, u64 dentry, u64 mnt)
{
	struct walk *walk = map_lookup(&walks, &slot);
	struct fs_struct *fs = get(task, fs);

	path->bytes = 0;
	path->root_bytes = 0;
	path->flags = TAIL_READ_FAILED;
	if (!walk || !dentry || !mnt) {
		note((struct rec_header *)buffer, path->flags);
		return at;
	}
	walk->dentry = dentry;
	walk->mnt = mnt;
	walk->root_dentry = (u64)peek(fs, root.dentry);
	walk->root_mnt = (u64)peek(fs, root.mnt);
	walk_path(slot);
	return append_walk(buffer, at, path, walk);
}

/* Appends the path of an open file. */
static inline_always u32 append_file_path(struct buffer *buffer, u32 at, struct rec_path *path, u32 slot,
					  struct task_struct *task, struct file *file)
{
	return append_path(buffer, at, path, slot, task, (u64)peek(file, f_path.dentry), (u64)peek(file, f_path.mnt));
}

/* Appends the working directory. */
static inline_always u32 append_cwd(struct buffer *buffer, u32 at, struct rec_path *path, u32 slot,
				    struct task_struct *task)
{
	struct fs_struct *fs = get(task, fs);

	return append_path(buffer, at, path, slot, task, (u64)peek(fs, pwd.dentry), (u64)peek(fs, pwd.mnt));
}

static inline_always struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___parent *before = (void *)node;

	if (field_exists(node->__parent))
		return peek(node, __parent);
	return peek(before, parent);
}

/* As walk_path, over the cgroup whose kernfs node is in walk->dentry. */
never_inline int walk_cgroup(u32 slot)
{
	struct walk *walk = map_lookup(&walks, &slot);
	struct kernfs_node *node, *parent;
	u8 name[NAME_BYTES_MAX];
	long bytes;
	u64 i; /* see walk_path */

	if (!walk)
		return 0;
	walk->start = PATH_BYTES_MAX;
	walk->root = PATH_BYTES_MAX;
	walk->flags = TAIL_TRUNCATED;
	for (i = 0; i < CGROUP_STEPS_MAX; i++) {
		node = (void *)walk->dentry;
		parent = kernfs_parent(node);
		if (!parent) {
			walk->flags = 0;
			break;
		}
		bytes = read_kernel_string(name, sizeof(name), peek(node, name));
		if (bytes <= 0 || !prepend(walk, name, bytes - 1, 1))
			break;
		walk->dentry = (u64)parent;
	}
	return 0;
}

/* Appends the path of the cgroup that says which container `task` is in. */
static inline_always u32 append_cgroup(struct buffer *buffer, u32 at, struct rec_tail *tail, u32 slot,
				       struct task_struct *task)
{
	struct walk *walk = map_lookup(&walks, &slot);
	struct cgroup *cgroup;
	struct rec_path path;
	u32 end = at;

	tail->bytes = 0;
	tail->flags = TAIL_READ_FAILED;
	if (!walk)
		return at;
	cgroup_of(task, &cgroup);
	walk->dentry = (u64)peek(cgroup, kn);
	walk_cgroup(slot);
	end = append_walk(buffer, at, &path, walk);
	tail->bytes = path.bytes;
	tail->flags = path.flags;
	return end;
}

#endif
