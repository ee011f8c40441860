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
	PATH_STEPS_MAX = 128,    /* names and mount crossings; deeper paths lose their beginning */
	CGROUP_STEPS_MAX = 32,
	NAME_MASK = NAME_BYTES_MAX - 1,
	PATH_MASK = PATH_BYTES_MAX - 1,
	ROOT_NOT_MET = PATH_BYTES_MAX + 1,
};

static inline_always u64 mount_of(struct vfsmount *mnt)
{
	return (u64)mnt - field_offset(struct mount, mnt);
}

/* What a walk asks of a dentry. Its form is that of struct dentry, in which these follow each other. */
struct name_place {
	u64 hashed;              /* 0: not in its directory's hash */
	u64 parent;
	u32 hash, bytes;
	const void *text;
};

/*
 * One read where the fields lie as they do from 2.6.38 to 6.18 (include/linux/dcache.h), which loading tells;
 * otherwise one for each.
 */
static inline_always void read_name(struct name_place *to, u64 dentry)
{
	struct dentry *from = (void *)dentry;

	if (field_offset(struct dentry, d_parent) == field_offset(struct dentry, d_hash.pprev) + 8 &&
	    field_offset(struct dentry, d_name) == field_offset(struct dentry, d_hash.pprev) + 16) {
		read_kernel(to, sizeof(*to), &from->d_hash.pprev);
		return;
	}
	to->hashed = (u64)peek(from, d_hash.pprev);
	to->parent = (u64)peek(from, d_parent);
	to->bytes = peek(from, d_name.len);
	to->text = peek(from, d_name.name);
}

/* The same for a mount (fs/mount.h, 3.3 to 6.18). */
static inline_always void read_place(struct mount_place *to, u64 mount)
{
	struct mount *from = (void *)mount;

	if (field_offset(struct mount, mnt_mountpoint) == field_offset(struct mount, mnt_parent) + 8 &&
	    field_offset(struct mount, mnt.mnt_root) == field_offset(struct mount, mnt_parent) + 16) {
		read_kernel(to, sizeof(*to), &from->mnt_parent);
		return;
	}
	to->above = (u64)peek(from, mnt_parent);
	to->mountpoint = (u64)peek(from, mnt_mountpoint);
	to->root = (u64)peek(from, mnt.mnt_root);
}

/*
 * Puts a name of the kernel before what is there, with '/' between if asked; 0: no room.
 *
 * What a walk knows lies in its struct and not in variables: the verifier then finds every turn of the loop
 * equal to the turn before, and checks in a few thousand steps what takes hundreds of thousands otherwise.
 */
static inline_always u32 prepend(struct walk *walk, const void *name, u64 bytes, u32 slash)
{
	u64 start = walk->start;
	u8 *to = walk->bytes;

	bytes &= NAME_MASK;
	if (start < bytes + slash)
		return 0;
	start -= bytes + slash;
	walk->start = start;
	advance_masked(to, start, PATH_MASK);
	*to = '/';
	to += slash;
	mask(bytes, NAME_MASK);
	read_kernel(to, bytes, name);
	return 1;
}

enum step { STEP_ON, STEP_DONE, STEP_NO_ROOM };

/* From a mount's root to the place where it is mounted. */
static inline_always enum step step_mount(struct walk *walk)
{
	struct mount *mount = (void *)walk->mount;

	if (walk->place.above == walk->mount || !walk->place.above) {
		if (!peek(mount, mnt_ns))
			walk->flags |= PATH_DETACHED;
		return STEP_DONE;
	}
	walk->dentry = walk->place.mountpoint;
	walk->mount = walk->place.above;
	read_place(&walk->place, walk->mount);
	return STEP_ON;
}

/* From a name to the directory that it is in. */
static inline_always enum step step_name(struct walk *walk)
{
	struct name_place name;
	u32 pseudo;

	read_name(&name, walk->dentry);
	pseudo = name.parent == walk->dentry;
	if (walk->start == PATH_BYTES_MAX && !name.hashed && !pseudo)
		walk->flags |= PATH_DELETED;
	if (!prepend(walk, name.text, name.bytes, !pseudo))
		return STEP_NO_ROOM;
	walk->dentry = name.parent;
	if (!pseudo)
		return STEP_ON;
	walk->flags |= PATH_PSEUDO;
	return STEP_DONE;
}

/*
 * Walks up from walk->dentry in walk->mount. A function of its own and global, so that the verifier checks
 * its loop once and not at every place that wants a path.
 */
never_inline int walk_path(u32 slot)
{
	struct walk *walk = map_lookup(&walks, &slot);
	enum step step = STEP_ON;
	u64 i; /* 64 bits: before 5.17 the verifier forgets what a smaller one is worth once it lies on the stack */

	if (!walk)
		return 0;
	walk->start = PATH_BYTES_MAX;
	walk->root = ROOT_NOT_MET;
	walk->flags = 0;
	read_place(&walk->place, walk->mount);
	for (i = 0; i < PATH_STEPS_MAX && step == STEP_ON; i++) {
		if (walk->dentry == walk->root_dentry && walk->mount == walk->root_mount)
			walk->root = walk->start;
		step = walk->dentry == walk->place.root ? step_mount(walk) : step_name(walk);
	}
	if (step != STEP_DONE)
		walk->flags |= TAIL_TRUNCATED;
	else if (walk->root == ROOT_NOT_MET && !(walk->flags & PATH_PSEUDO))
		walk->flags |= PATH_OUTSIDE_ROOT;
	return 0;
}

/* Appends what the walk found; gives the new end. */
static inline_always u64 append_walk(struct buffer *buffer, u64 at, struct rec_path *path, struct walk *walk)
{
	void *to = place(buffer, at, PATH_BYTES_MAX);
	u64 bytes = PATH_BYTES_MAX - walk->start;
	u8 *from = &walk->bytes[PATH_BYTES_MAX];

	path->root_bytes = walk->root <= PATH_BYTES_MAX ? walk->root - walk->start : 0;
	if (!bytes && !(walk->flags & PATH_PSEUDO)) {
		walk->bytes[PATH_BYTES_MAX - 1] = '/';
		bytes = 1;
	}
	clamp(bytes, PATH_BYTES_MAX);
	read_kernel(to, bytes, from - bytes);
	path->bytes = bytes;
	path->flags = walk->flags;
	note(buffer, path->flags);
	return at + bytes;
}

/* Appends the path of a dentry in a mount, as `task` sees it. */
static inline_always u64 append_path(struct buffer *buffer, u64 at, struct rec_path *path, u32 slot,
				     struct task_struct *task, u64 dentry, struct vfsmount *mnt)
{
	struct walk *walk = map_lookup(&walks, &slot);
	struct fs_struct *fs = get(task, fs);

	if (!walk || !dentry || !mnt) {
		*path = (struct rec_path){ .flags = TAIL_READ_FAILED };
		note(buffer, TAIL_READ_FAILED);
		return at;
	}
	walk->dentry = dentry;
	walk->mount = mount_of(mnt);
	walk->root_dentry = (u64)get(fs, root.dentry);
	walk->root_mount = mount_of(get(fs, root.mnt));
	walk_path(slot);
	return append_walk(buffer, at, path, walk);
}

/* Appends the path of an open file. */
static inline_always u64 append_file_path(struct buffer *buffer, u64 at, struct rec_path *path, u32 slot,
					  struct task_struct *task, struct file *file)
{
	struct path place = peek(file, f_path);

	return append_path(buffer, at, path, slot, task, (u64)place.dentry, place.mnt);
}

/* Appends the working directory. */
static inline_always u64 append_cwd(struct buffer *buffer, u64 at, struct rec_path *path, u32 slot,
				    struct task_struct *task)
{
	struct fs_struct *fs = get(task, fs);

	return append_path(buffer, at, path, slot, task, (u64)get(fs, pwd.dentry), get(fs, pwd.mnt));
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
static inline_always u64 append_cgroup(struct buffer *buffer, u64 at, struct rec_tail *tail, u32 slot,
				       struct task_struct *task)
{
	struct walk *walk = map_lookup(&walks, &slot);
	struct cgroup *cgroup;
	struct rec_path path;

	if (!walk) {
		*tail = (struct rec_tail){ .flags = TAIL_READ_FAILED };
		note(buffer, TAIL_READ_FAILED);
		return at;
	}
	cgroup_of(task, &cgroup);
	walk->dentry = (u64)peek(cgroup, kn);
	walk_cgroup(slot);
	at = append_walk(buffer, at, &path, walk);
	tail->bytes = path.bytes;
	tail->flags = path.flags;
	return at;
}

#endif
