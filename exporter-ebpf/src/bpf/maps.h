/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every map and global of the base object. What user space does with each stands in src/lib.rs.
 */
#ifndef SAKER_MAPS_H
#define SAKER_MAPS_H

#include "bpf.h"

enum buffer_size {
	NAME_BYTES_MAX = 256,
	OFFSET_MASK = 0x7fff, /* above every offset in a record, see advance() */
	/* The largest record: exec with every tail full (exe, cwd, filename, cgroup). A per-CPU value may have 32 KiB. */
	RECORD_BYTES_MAX = sizeof(union rec_any) + 4 * PATH_BYTES_MAX + ARGS_BYTES_MAX + ENV_BYTES_MAX,
};

/*
 * Who collects into which buffer. Each program has its own: programs can interrupt each other on one CPU
 * where the kernel lets tracepoints be preempted, and one program never interrupts itself (the kernel
 * refuses the nested call).
 */
enum slot {
	SLOT_EXEC,
	SLOT_CALL,
	SLOT_SCAN,
	SLOT_REQUEST,
	SLOTS,
};

/* Where a mount is: the mount above it and the directory there, and its own root. */
struct mount_place {
	u64 above, mountpoint, root;
};

/* A record on its way: fixed part, then tails. */
struct buffer {
	u8 bytes[RECORD_BYTES_MAX];
};

/* A path walk: the question, where it is, and the answer, which grows from the end of the buffer to its front. */
struct walk {
	u64 root_dentry, root_mount; /* root directory of the task */
	u64 dentry, mount;           /* from here; then where the walk is */
	struct mount_place place;    /* of that mount */
	u32 start;                   /* the path is bytes[start..PATH_BYTES_MAX] */
	u32 root;                    /* where the part below the root directory starts, or ROOT_NOT_MET */
	u32 flags;                   /* enum rec_tail_flag */
	u32 pad;
	u8 bytes[PATH_BYTES_MAX + NAME_BYTES_MAX];
};

/* Records for user space. The loader sets the size. */
struct {
	map_uint(type, MAP_RINGBUF);
	map_uint(max_entries, 8 * 1024 * 1024);
} ring SEC(".maps");

/* enum rec_kind → what became of its records on this CPU. */
struct {
	map_uint(type, MAP_PERCPU_ARRAY);
	map_uint(max_entries, KINDS_MAX);
	map_type(key, u32);
	map_type(value, struct rec_counters);
} counters SEC(".maps");

/*
 * System call number, or CALLS_MAX + number within socketcall → which call it is by each entry, if wanted. Behind them
 * io_uring's opcodes → the call that does the same, as a native one, if wanted.
 */
struct {
	map_uint(type, MAP_ARRAY);
	map_uint(max_entries, CALLS_MAX + SOCKETCALLS_MAX + REQUESTS_MAX);
	map_type(key, u32);
	map_type(value, struct rec_watch);
} watch SEC(".maps");

/* 0 → what user space wants. */
struct {
	map_uint(type, MAP_ARRAY);
	map_uint(max_entries, 1);
	map_type(key, u32);
	map_type(value, struct rec_settings);
} settings SEC(".maps");

/* Generation → what rules want of each call. */
struct {
	map_uint(type, MAP_ARRAY);
	map_uint(max_entries, FILTER_GENERATIONS);
	map_type(key, u32);
	map_type(value, struct rec_filter);
} filters SEC(".maps");

/* 0 → which generation is in force. */
struct {
	map_uint(type, MAP_ARRAY);
	map_uint(max_entries, 1);
	map_type(key, u32);
	map_type(value, struct rec_filter_control);
} filter_control SEC(".maps");

/* Number of a cgroup → whether it is of a container, as far as user space has told. */
struct {
	map_uint(type, MAP_LRU_HASH);
	map_uint(max_entries, FILTER_CGROUPS_MAX);
	map_type(key, u64);
	map_type(value, u32);
} filter_cgroups SEC(".maps");

struct {
	map_uint(type, MAP_PERCPU_ARRAY);
	map_uint(max_entries, SLOTS);
	map_type(key, u32);
	map_type(value, struct buffer);
} buffers SEC(".maps");

struct {
	map_uint(type, MAP_PERCPU_ARRAY);
	map_uint(max_entries, SLOTS);
	map_type(key, u32);
	map_type(value, struct walk);
} walks SEC(".maps");

/* When the reader of the ring was woken last. */
static u64 woken_boot_ns;

/* The process that runs the scan, which is the agent: its system calls are not recorded. 0: none yet. */
static u32 agent_pid;

/*
 * Whether a controller that container runtimes use is on a cgroup v1 hierarchy. The scan finds out, to spare
 * every record the question; until then it is open.
 */
enum v1 { V1_UNKNOWN, V1_NO, V1_YES };
static enum v1 memory_v1, pids_v1;

/* Whether user space asked for it, enum rec_setting. */
static inline_always u32 is_set(u32 setting)
{
	u32 key = 0;
	struct rec_settings *all = map_lookup(&settings, &key);

	return all && all->flags & setting;
}

/* Brings all of record.h into BTF. */
const volatile struct rec_layout layout_anchor;

#endif
