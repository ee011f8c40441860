/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scan for an agent in a pid namespace of its own: iter/task lists the tasks of the caller's namespace only, this all that the
 * machine has.
 *
 * The iterator is no more than what calls: each call takes the next process from the numbers of the first namespace
 * (kernel/pid.c, lib/radix-tree.c: 4.20 to 6.18), and user space runs it again until the cursor says that there are no more.
 * A program that does not sleep runs in one RCU read section, so whom it finds stays until it ends.
 *
 * To the verifier a task that is found so has no type. So all is read by helpers, as it is before 5.11, and arguments, which
 * take a typed task, are not.
 */
#define HAS_TYPED_TASK 0
#include "exec.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum {
	SEARCH_STEPS_MAX = 256,
	/* include/linux/xarray.h */
	ENTRY_KIND = 3,           /* bits of an entry that say what it is: 0 a pointer, 2 a node or, below 4096, a mark */
	ENTRY_NODE = 2,
	ENTRY_MARKS = 4096,
	ENTRY_RETRY = 1026,       /* the tree has a new root */
};

#define NODE_SLOTS (field_bytes(struct xa_node, slots) / sizeof(void *))

/* Where the scan is. */
struct scan_cursor {
	u64 number;              /* the next one to look at, CURSOR_END after the last */
	u64 entry;               /* of the tree: a node, or the struct pid that was found */
	u64 root;
};

#define CURSOR_END (~0ULL)

struct {
	map_uint(type, MAP_ARRAY);
	map_uint(max_entries, 1);
	map_type(key, u32);
	map_type(value, struct scan_cursor);
} cursor SEC(".maps");

/* The leader of the thread group with this number; NULL: it is a thread's, or of nobody any more. */
static inline_always struct task_struct *leader_of(struct pid *pid)
{
	struct hlist_node *first = peek(pid, tasks[PIDTYPE_TGID].first);

	return first ? (void *)first - field_offset(struct task_struct, pid_links[PIDTYPE_TGID]) : 0;
}

static inline_always u64 root_of_numbers(struct task_struct *task)
{
	struct signal_struct *signal = peek(task, signal);
	struct pid *pid = peek(signal, pids[PIDTYPE_TGID]);
	struct pid_namespace *first = peek(pid, numbers[0].ns);

	return (u64)peek(first, idr.idr_rt.xa_head);
}

/*
 * Goes on to the first number that is a process's, in steps down the tree and over gaps; 0 if that took too many, or there is
 * none. Global and with its state in a map for the sake of the verifier: see walk_path.
 */
never_inline int find_process(u32 key)
{
	struct scan_cursor *at = map_lookup(&cursor, &key);
	u64 i, shift, index, entry;
	struct xa_node *node;

	if (!at)
		return 0;
	at->entry = at->root;
	for (i = 0; i < SEARCH_STEPS_MAX; i++) {
		node = (void *)(at->entry & ~(u64)ENTRY_KIND);
		shift = peek(node, shift) & 63;
		index = at->number >> shift;
		if (at->entry == at->root && index >= NODE_SLOTS) {
			at->number = CURSOR_END;
			return 0;
		}
		entry = 0;
		read_kernel(&entry, sizeof(entry), (void *)&node->slots + (index & (NODE_SLOTS - 1)) * sizeof(void *));
		if (entry == ENTRY_RETRY)
			return 0;
		if (entry > ENTRY_MARKS && (entry & ENTRY_KIND) == ENTRY_NODE) {
			at->entry = entry;
			continue;
		}
		if (entry > ENTRY_MARKS && leader_of((void *)entry)) {
			at->entry = entry;
			return 1;
		}
		at->number = ((at->number >> shift) + 1) << shift;
		if (!(at->number >> shift & (NODE_SLOTS - 1)))
			at->entry = at->root;
	}
	return 0;
}

/* proto: bpf_iter_task(struct bpf_iter_meta *meta, struct task_struct *task), since 5.8 */
SEC("iter/task")
int on_scan_all(struct bpf_iter__task *ctx)
{
	u32 key = 0, slot = SLOT_SCAN;
	struct scan_cursor *at = map_lookup(&cursor, &key);
	struct buffer *buffer = map_lookup(&buffers, &slot);
	struct task_struct *task = ctx->task;
	struct signal_struct *signal;

	if (!task || !at || !buffer || at->number == CURSOR_END)
		return 0;
	learn_hierarchies(task);
	at->root = root_of_numbers(task);
	if (!find_process(key))
		return 0;
	task = leader_of((void *)at->entry);
	signal = peek(task, signal);
	if (!peek(signal, live.counter) || !collect_task(ctx->meta->seq, buffer, task, 0))
		at->number++;
	return 0;
}
