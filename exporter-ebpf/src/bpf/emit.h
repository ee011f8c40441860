/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a collected record to the ring: header, tails, submission, counters, wake-ups.
 */
#ifndef SAKER_EMIT_H
#define SAKER_EMIT_H

#include "cgroup.h"
#include "kernel.h"
#include "maps.h"

/*
 * A record wakes the reader when the last wake-up is this long ago: at once while little happens, and
 * with one wake-up for all records of a millisecond under load (a wake-up costs more than a record). The
 * reader looks again by itself this long after it found something, so nothing waits longer.
 */
enum { WAKE_GAP_NS = 1000 * 1000 };

static inline_always struct rec_counters *counters_of(u32 kind)
{
	return map_lookup(&counters, &kind);
}

/* Atomic: exact even where a program is preempted by another one on its CPU. */
#define count(kind, outcome)                                                       \
	({                                                                         \
		struct rec_counters *counters_ = counters_of(kind);                \
		if (counters_)                                                     \
			__sync_fetch_and_add(&counters_->outcome, 1);              \
	})

static inline_always u64 wake_flags(u64 now_boot_ns)
{
	if (now_boot_ns - woken_boot_ns < WAKE_GAP_NS)
		return RING_NO_WAKEUP;
	woken_boot_ns = now_boot_ns;
	return RING_FORCE_WAKEUP;
}

/* A record that found no room. No wake-up went out with it, so the next one does not count on that. */
static inline_always void lose(u32 kind)
{
	woken_boot_ns = 0;
	count(kind, lost_ring_full);
}

/* Everything of the header but the length. */
static inline_always void fill_header(struct rec_header *header, u32 kind, struct task_struct *task)
{
	struct task_struct *leader = get(task, group_leader);
	struct cred *cred = get(task, cred);
	struct cgroup *cgroup;

	header->kind = kind;
	header->version = LAYOUT_VERSION;
	header->time_boot_ns = boot_time_ns();
	header->start_boot_ns = get(leader, start_boottime);
	header->cgroup_id = cgroup_of(task, &cgroup);
	header->pid = get(task, tgid);
	header->tid = get(task, pid);
	header->euid = get(cred, euid.val);
	header->egid = get(cred, egid.val);
	header->cpu = current_cpu();
	header->flags = 0;
}

/* Sends the first `end` bytes of a buffer as one record. */
static inline_always void submit(u32 kind, struct buffer *buffer, u64 end)
{
	struct rec_header *header = (struct rec_header *)buffer;
	u64 flags = wake_flags(header->time_boot_ns);

	header->bytes = end;
	mask(end, OFFSET_MASK);
	clamp(end, RECORD_BYTES_MAX);
	if (ring_output(&ring, buffer, end, flags))
		lose(kind);
	else
		count(kind, submitted);
}

/*
 * Where the next tail goes, with room for `most` bytes. The buffer holds the sum of all limits, so `at` is
 * never beyond; the verifier, which cannot know that, sees a bound.
 */
static inline_always void *place(struct buffer *buffer, u64 at, u32 most)
{
	u8 *to = buffer->bytes;

	advance(to, at, RECORD_BYTES_MAX - most);
	return to;
}

/* Notes the state of a tail in its record. */
static inline_always void note(struct buffer *buffer, u32 tail_flags)
{
	struct rec_header *header = (struct rec_header *)buffer;

	if (tail_flags & TAIL_TRUNCATED)
		header->flags |= RECORD_TRUNCATED;
	if (tail_flags & TAIL_READ_FAILED)
		header->flags |= RECORD_READ_FAILED;
}

/*
 * Describes a string that was read with its NUL, at most PATH_BYTES_MAX bytes; gives the new end. One of that
 * length may be cut: then `last`, what stands in the place of the NUL, is none.
 */
static inline_always u64 end_string(struct buffer *buffer, u64 at, struct rec_tail *tail, long got, u8 last)
{
	u64 bytes = got > 0 ? got - 1 : 0;

	mask(bytes, PATH_BYTES_MAX - 1);
	tail->bytes = bytes;
	tail->flags = got <= 0 ? TAIL_READ_FAILED : last ? TAIL_TRUNCATED : 0;
	note(buffer, tail->flags);
	return at + bytes;
}

/* Appends a string of the program. */
static inline_always u64 append_user_string(struct buffer *buffer, u64 at, struct rec_tail *tail, u64 from)
{
	long got = read_user_string(place(buffer, at, PATH_BYTES_MAX), PATH_BYTES_MAX, from);
	u8 last = 0;

	if (got == PATH_BYTES_MAX)
		read_user(&last, sizeof(last), from + PATH_BYTES_MAX - 1);
	return end_string(buffer, at, tail, got, last);
}

/* Appends a string of the kernel. */
static inline_always u64 append_kernel_string(struct buffer *buffer, u64 at, struct rec_tail *tail, const char *from)
{
	long got = read_kernel_string(place(buffer, at, PATH_BYTES_MAX), PATH_BYTES_MAX, from);
	u8 last = 0;

	if (got == PATH_BYTES_MAX)
		read_kernel(&last, sizeof(last), from + PATH_BYTES_MAX - 1);
	return end_string(buffer, at, tail, got, last);
}

/* Describes bytes of which `take` were to be read, of `bytes` that there are; gives the new end. */
static inline_always u64 end_bytes(struct buffer *buffer, u64 at, struct rec_tail *tail, u64 take, u64 bytes, long error)
{
	tail->bytes = error ? 0 : take;
	tail->flags = error ? TAIL_READ_FAILED : take < bytes ? TAIL_TRUNCATED : 0;
	note(buffer, tail->flags);
	return at + tail->bytes;
}

/* Appends `bytes` bytes of the program, at most `most`, a constant. */
static inline_always u64 append_user(struct buffer *buffer, u64 at, struct rec_tail *tail, u64 from, u64 bytes, u32 most)
{
	void *to = place(buffer, at, most);
	u64 take = bytes;

	clamp(take, most);
	return end_bytes(buffer, at, tail, take, bytes, read_user(to, take, from));
}

#endif
