/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a rule may want a call, decided before its record is collected: what is in plan.h, evaluated.
 *
 * In:    a call at its end, the generation in force. Out: is_wanted().
 * Never: a call dropped that a rule may match. What is not known passes.
 *
 * The meaning is that of rule-engine's filter (EventPlan::passes). A call is judged by two paths, the one that was asked
 * for and the one that the kernel came to, and passes by either. What costs least is asked first, and nothing once
 * no clause is left that could want it. Loops are functions of their own and global, verified once each; they
 * meet in struct filter_work.
 */
#ifndef SAKER_FILTER_H
#define SAKER_FILTER_H

#include "net.h"

enum {
	REQUESTED,
	EFFECTIVE,
	VIEWS,
	SOCKADDR_IN_BYTES = 8,         /* up to the address */
	SOCKADDR_IN6_BYTES = 24,
};

/* How much of a path is known. */
enum known {
	KNOWN_NOTHING,
	KNOWN_NAME,                    /* its last component */
	KNOWN_WHOLE,
};

struct filter_work {
	s64 numbers[NUMBERS];
	u32 known, missing;            /* numbers, by bits */
	u32 call;                      /* enum rec_call_id */
	u32 opens;                     /* whether it is of the open family */
	u64 path;                      /* where the caller wrote it */
	u32 generation;
	u32 plan;
	u64 alive[VIEWS];              /* clauses */
	u64 holding, undecided;        /* atoms of the text at hand, by bits */
	u64 left;                      /* of the text, bytes that a walk has not come to */
	enum known text_known;
	u32 bytes;                     /* of the text */
	u32 name;                      /* where its last component starts */
	u32 dots;                      /* whether two dots follow each other */
	u8 text[2 * FILTER_TEXT_BYTES_MAX]; /* the half is used; offsets are masked */
};

struct {
	map_uint(type, MAP_PERCPU_ARRAY);
	map_uint(max_entries, 1);
	map_type(key, u32);
	map_type(value, struct filter_work);
} filter_works SEC(".maps");

static inline_always struct filter_work *filter_work(void)
{
	u32 key = 0;

	return map_lookup(&filter_works, &key);
}

static inline_always const struct rec_filter *filter_of(u32 generation)
{
	return map_lookup(&filters, &generation);
}

/* The entry of a table of 2^n bytes; `number` from anywhere. */
#define entry_of(table, number)                                                    \
	({                                                                         \
		const u8 *entry_ = (const u8 *)(table);                            \
		u64 offset_ = (u64)(number) * sizeof(*(table));                    \
		advance_masked(entry_, offset_, sizeof(table) - 1);                \
		(typeof(&(table)[0]))entry_;                                       \
	})

static inline_always void set_number(struct filter_work *work, u32 number, s64 value)
{
	work->numbers[number] = value;
	work->known |= 1U << number;
	work->missing &= ~(1U << number);
}

/* There is none: whatever is asked of it is answered with no. */
static inline_always void set_missing(struct filter_work *work, u32 number)
{
	work->known |= 1U << number;
	work->missing |= 1U << number;
}

/* Asks the tests of a stage. */
never_inline int filter_tests(u64 stage)
{
	struct filter_work *work = filter_work();
	const struct rec_filter *filter = work ? filter_of(work->generation) : 0;
	const struct rec_filter_plan *plan;
	const struct rec_filter_test *test;
	const struct rec_filter_span *span;
	u64 keep = ~0ULL, holds = 0, i, number, at, count;
	s64 value;

	if (!filter)
		return 0;
	plan = entry_of(filter->plans, work->plan);
	span = entry_of(plan->tests, stage);
	at = span->first;
	count = span->count;
#pragma clang loop unroll(disable)
	for (i = 0; i < FILTER_PLAN_TESTS_MAX; i++) {
		if (i >= count)
			break;
		test = entry_of(filter->tests, at + i);
		number = test->number;
		mask(number, NUMBERS - 1);
		value = *entry_of(work->numbers, number);
		if (test->flags & TEST_BITS)
			holds |= (value & test->first) == test->last;
		else
			holds |= value >= test->first && value <= test->last;
		if (!(test->flags & TEST_LAST))
			continue;
		if (work->missing >> number & 1)
			holds = 0;
		if (work->known >> number & 1)
			keep &= holds ? test->if_true : test->if_false;
		holds = 0;
	}
	work->alive[REQUESTED] &= keep;
	work->alive[EFFECTIVE] &= keep;
	return 0;
}

/*
 * A number of the work, read anew: what the verifier learned of it in one loop multiplies the states of the next.
 */
#define again(member) (*(volatile typeof(member) *)&(member))

/* Walks from the beginning of the text as far as a pattern goes. */
static inline_always void walk_forward(const struct rec_filter *filter, struct filter_work *work, u64 root)
{
	const struct rec_filter_slot *slot = entry_of(filter->slots, root);
	const struct rec_filter_accept *accept;
	u64 node = root, next, at;

#pragma clang loop unroll(disable)
	for (at = 0; at <= FILTER_PATTERN_BYTES_MAX; at++) {
		if (slot->accept) {
			accept = entry_of(filter->accepts, slot->accept);
			work->holding |= accept->always;
			if (at + 1 == again(work->name) && again(work->text_known) == KNOWN_WHOLE)
				work->holding |= accept->edge;
		}
		/* Of what only the last component is known, the empty beginning is all. */
		if (at >= again(work->bytes) || again(work->text_known) != KNOWN_WHOLE)
			break;
		next = slot->base + (u64)*entry_of(work->text, at);
		slot = entry_of(filter->slots, next);
		if (slot->parent != node)
			break;
		node = next;
	}
}

/*
 * Walks from the end of the text to its beginning. Where the last component of a path is all that is known, that ends
 * with the slash before it: what has a pattern there is not decided.
 */
static inline_always void walk_backward(const struct rec_filter *filter, struct filter_work *work, u64 root)
{
	const struct rec_filter_slot *slot = entry_of(filter->slots, root);
	const struct rec_filter_accept *accept;
	u64 node = root, next, i, left;
	u8 byte;

	work->left = again(work->bytes);
	if (again(work->text_known) == KNOWN_NAME)
		work->left -= again(work->name);
#pragma clang loop unroll(disable)
	for (i = 0; i <= FILTER_PATTERN_BYTES_MAX; i++) {
		left = again(work->left);
		byte = left ? *entry_of(work->text, again(work->bytes) - 1 - i) : '/';
		if (slot->accept) {
			accept = entry_of(filter->accepts, slot->accept);
			work->holding |= accept->always;
			if (byte == '/')
				work->holding |= accept->edge;
			if (!left && again(work->text_known) == KNOWN_WHOLE)
				work->holding |= accept->whole;
			else if (!left)
				work->undecided |= accept->whole;
		}
		if (!left && again(work->text_known) == KNOWN_WHOLE)
			break;
		next = slot->base + (u64)byte;
		slot = entry_of(filter->slots, next);
		if (slot->parent != node)
			break;
		if (!left) {
			accept = entry_of(filter->accepts, slot->accept);
			work->undecided |= accept->below;
			break;
		}
		node = next;
		work->left = left - 1;
	}
}

/* Asks everything about the text at hand, for the views given by bits. */
never_inline int filter_text(u64 which, u64 views)
{
	struct filter_work *work = filter_work();
	const struct rec_filter *filter = work ? filter_of(work->generation) : 0;
	const struct rec_filter_plan *plan;
	const struct rec_filter_text *text;
	const struct rec_filter_atom *atom;
	u64 keep = ~0ULL, i, first, count, holding, undecided;

	if (!filter || work->text_known == KNOWN_NOTHING)
		return 0;
	plan = entry_of(filter->plans, work->plan);
	text = &plan->texts[0];
	which *= sizeof(*text);
	advance(text, which, (TEXTS - 1) * sizeof(*text));
	work->holding = 0;
	work->undecided = 0;
	if (text->forward)
		walk_forward(filter, work, text->forward);
	if (text->backward)
		walk_backward(filter, work, text->backward);
	undecided = again(work->undecided);
	if (again(work->text_known) != KNOWN_WHOLE)
		undecided |= text->beginnings;
	holding = again(work->holding);
	if (again(work->dots))
		holding |= text->dots;
	first = text->atoms.first;
	count = text->atoms.count;
#pragma clang loop unroll(disable)
	for (i = 0; i < FILTER_PLAN_ATOMS_MAX; i++) {
		if (i >= count)
			break;
		atom = entry_of(filter->atoms, first + i);
		if (holding >> i & 1)
			keep &= atom->if_true;
		else if (!(undecided >> i & 1))
			keep &= atom->if_false;
	}
	if (views & 1 << REQUESTED)
		work->alive[REQUESTED] &= keep;
	if (views & 1 << EFFECTIVE)
		work->alive[EFFECTIVE] &= keep;
	return 0;
}

/* The bytes of a word that are `byte`, by their highest bits. */
static inline_always u64 equal_bytes(u64 word, u64 byte)
{
	u64 low = 0x7f7f7f7f7f7f7f7fULL, differing = word ^ byte * 0x0101010101010101ULL;

	return ~(((differing & low) + low) | differing | low);
}

/* Eight bytes of the text, from anywhere in it. */
#define word_at(work, at) (*(u64 *)entry_of((work)->text, at))

/* Finds where the last component of the text starts; its end, if that is too far away. */
static inline_always void find_name(struct filter_work *work)
{
	u64 at = again(work->bytes), i;

	work->name = at;
#pragma clang loop unroll(disable)
	for (i = 0; i < NAME_BYTES_MAX; i++) {
		mask(at, FILTER_TEXT_BYTES_MAX - 1);
		if (!at || *entry_of(work->text, at - 1) == '/') {
			work->name = at;
			return;
		}
		at--;
	}
}

/*
 * Finds out how much the path that the caller wrote tells: all if it is absolute and has no component that is empty,
 * `.` or `..`, else its last component if that is none of these. Eight bytes at once, without a branch: a slash
 * stands behind the text, so that every component ends in one.
 */
never_inline int filter_classify(u64 unused)
{
	struct filter_work *work = filter_work();
	u64 unfolded = 0, dots = 0, at, bytes, name, dot, dot2, slash;

	if (!work)
		return 0;
	bytes = work->bytes;
	mask(bytes, FILTER_TEXT_BYTES_MAX - 1);
	word_at(work, bytes) = '/';
	word_at(work, bytes + 8) = 0;
#pragma clang loop unroll(disable)
	for (at = 0; at < FILTER_TEXT_BYTES_MAX; at += 8) {
		if (at > again(work->bytes))
			break;
		dot = equal_bytes(word_at(work, at + 1), '.');
		dot2 = equal_bytes(word_at(work, at + 2), '.');
		slash = equal_bytes(word_at(work, at), '/');
		unfolded |= slash & equal_bytes(word_at(work, at + 1), '/');
		unfolded |= slash & dot & equal_bytes(word_at(work, at + 2), '/');
		unfolded |= slash & dot & dot2 & equal_bytes(word_at(work, at + 3), '/');
		dots |= dot & dot2;
	}
	find_name(work);
	name = again(work->name);
	bytes = again(work->bytes);
	work->dots = dots != 0 || (work->text[0] == '.' && work->text[1] == '.');
	work->text_known = KNOWN_NAME;
	if (work->text[0] == '/' && ((!unfolded && name < bytes) || bytes == 1))
		work->text_known = KNOWN_WHOLE;
	else if (name == bytes || (*entry_of(work->text, name) == '.' && bytes - name <= 2 &&
				   (bytes - name == 1 || *entry_of(work->text, name + 1) == '.')))
		work->text_known = KNOWN_NOTHING;
	return unused;
}

static inline_always u64 alive(const struct filter_work *work)
{
	return work->alive[REQUESTED] | work->alive[EFFECTIVE];
}

/* Brings the path that the caller wrote to hand. 0: it is not known. */
static inline_always u32 take_requested(struct filter_work *work)
{
	long got = work->path ? read_user_string(work->text, FILTER_TEXT_BYTES_MAX, work->path) : 0;

	if (got <= 1 || got >= FILTER_TEXT_BYTES_MAX)
		return 0;
	work->bytes = got - 1;
	filter_classify(0);
	return 1;
}

/* Brings the last component of a file's path to hand. */
static inline_always void take_name(struct filter_work *work, const struct name_place *name)
{
	u64 bytes = name->bytes;

	work->text_known = KNOWN_NOTHING;
	work->name = 0;
	work->dots = 0;
	if (!bytes || bytes >= NAME_BYTES_MAX)
		return;
	mask(bytes, NAME_BYTES_MAX - 1);
	if (read_kernel(work->text, bytes, name->text))
		return;
	work->bytes = bytes;
	work->text_known = KNOWN_NAME;
}

/* Brings what the walk found to hand, as the task sees it. */
static inline_always void take_walk(struct filter_work *work, struct walk *walk)
{
	u64 start = walk->root <= PATH_BYTES_MAX ? walk->root : walk->start;
	u64 bytes = PATH_BYTES_MAX - start;
	const u8 *from = walk->bytes;

	work->text_known = KNOWN_NOTHING;
	if (walk->flags & (TAIL_TRUNCATED | PATH_PSEUDO) || bytes >= FILTER_TEXT_BYTES_MAX)
		return;
	if (!bytes) {
		work->text[0] = '/';
		work->bytes = 1;
	} else {
		advance(from, start, PATH_BYTES_MAX);
		mask(bytes, FILTER_TEXT_BYTES_MAX - 1);
		if (read_kernel(work->text, bytes, from))
			return;
		work->bytes = bytes;
	}
	filter_classify(0);
	if (work->text_known != KNOWN_WHOLE)
		work->text_known = KNOWN_NOTHING;
}

static inline_always void ask_effective(struct filter_work *work, const struct rec_filter_plan *plan,
					struct task_struct *task, struct path *place, const struct name_place *name)
{
	u32 slot = SLOT_CALL;
	struct walk *walk = map_lookup(&walks, &slot);
	struct fs_struct *fs = get(task, fs);

	if (!walk)
		return;
	walk->root_dentry = (u64)get(fs, root.dentry);
	walk->dentry = (u64)place->dentry;
	/* A root is named by where it is mounted. */
	if (walk->dentry != (u64)peek(place->mnt, mnt_root) && walk->dentry != walk->root_dentry) {
		take_name(work, name);
		filter_text(TEXT_PATH, 1 << EFFECTIVE);
		if (!(work->alive[EFFECTIVE] & plan->texts[TEXT_PATH].clauses))
			return;
	}
	walk->mount = mount_of(place->mnt);
	walk->root_mount = mount_of(get(fs, root.mnt));
	walk_path(slot);
	take_walk(work, walk);
	filter_text(TEXT_PATH, 1 << EFFECTIVE);
}

/* Judges by the file that was opened. */
static inline_always void ask_file(struct filter_work *work, const struct rec_filter_plan *plan)
{
	struct task_struct *task = current_task();
	struct file *file = file_of(task, work->numbers[NUMBER_RESULT]);
	struct name_place name;
	struct inode *inode;
	struct path place;

	if (!file)
		return;
	place = peek(file, f_path);
	if (!place.dentry || !place.mnt)
		return;
	read_name(&name, (u64)place.dentry);
	/* What has no path is a file of a kind of its own. */
	if (name.parent == (u64)place.dentry && place.dentry != peek(place.mnt, mnt_root))
		return;
	if (work->alive[EFFECTIVE] & plan->texts[TEXT_PATH].clauses)
		ask_effective(work, plan, task, &place, &name);
	if (alive(work) & plan->asked[STAGE_FILE]) {
		inode = peek(file, f_inode);
		set_number(work, NUMBER_FILE_TYPE, peek(inode, i_mode) & S_IFMT);
		filter_tests(STAGE_FILE);
	}
}

/* One side of a connection. */
struct endpoint {
	u32 family;                    /* 4, 6, 0 for none */
	u32 port;
	u8 address[16];
};

/* Reads 4 or 16 bytes of an address; IPv4 in IPv6 becomes IPv4. 0: there is none. */
static inline_always void set_endpoint(struct endpoint *to, u32 family, const u8 *address, u32 port)
{
	u32 i, mapped;

	to->port = port;
	to->family = family == AF_INET ? 4 : family == AF_INET6 ? 6 : 0;
	if (!to->family)
		return;
	__builtin_memcpy(to->address, address, sizeof(to->address));
	mapped = to->address[10] == 0xff && to->address[11] == 0xff;
	for (i = 0; i < 10; i++)
		mapped &= !to->address[i];
	if (to->family == 6 && mapped) {
		to->family = 4;
		__builtin_memcpy(to->address, address + 12, 4);
	}
}

static inline_always u32 is_unspecified(const struct endpoint *side)
{
	u32 i, any = 0;

	for (i = 0; i < 16; i++)
		any |= i < 4 || side->family == 6 ? side->address[i] : 0;
	return !any;
}

/* The address that the caller asked for. Zero: it could not be read. */
static inline_always u32 take_asked(struct endpoint *to, u64 from, u64 length)
{
	u8 asked[32] = {};
	u32 family;

	if (length > SOCKADDR_IN6_BYTES)
		length = SOCKADDR_IN6_BYTES;
	mask(length, 31);
	clamp(length, SOCKADDR_IN6_BYTES);
	if (length && read_user(asked, length, from))
		return 0;
	family = asked[0] | asked[1] << 8;
	if (family == AF_INET && length >= SOCKADDR_IN_BYTES)
		set_endpoint(to, family, asked + 4, asked[2] << 8 | asked[3]);
	else if (family == AF_INET6 && length >= SOCKADDR_IN6_BYTES)
		set_endpoint(to, family, asked + 8, asked[2] << 8 | asked[3]);
	return 1;
}

/* Judges by an address; none fits nothing. */
static inline_always void ask_endpoint(struct filter_work *work, const struct endpoint *side, u32 text)
{
	work->text_known = KNOWN_WHOLE;
	work->dots = 0;
	work->name = 0;
	work->bytes = side->family == 4 ? 5 : side->family == 6 ? 17 : 0;
	work->text[0] = side->family;
	__builtin_memcpy(&work->text[1], side->address, sizeof(side->address));
	filter_text(text, 1 << REQUESTED);
}

static inline_always void note_port(struct filter_work *work, u32 number, const struct endpoint *side)
{
	if (side->family)
		set_number(work, number, side->port);
	else
		set_missing(work, number);
}

/*
 * Judges by the socket that was to be connected, as user space sees it: what was asked for stands in for a peer that there
 * is no more, and no address for an own one.
 */
never_inline int filter_socket(u64 unused)
{
	struct filter_work *work = filter_work();
	const struct rec_filter *filter = work ? filter_of(work->generation) : 0;
	const struct rec_filter_plan *plan;
	struct endpoint local = {}, remote = {};
	struct rec_socket socket = {};
	struct file *file = work ? file_of(current_task(), work->numbers[NUMBER_ARG]) : 0;

	if (!filter || !file)
		return 0;
	plan = entry_of(filter->plans, work->plan);
	fill_socket(&socket, file);
	if (!socket.family)
		return 0;
	set_endpoint(&remote, socket.family, socket.remote_addr, socket.remote_port);
	if (!remote.port) {
		remote = (struct endpoint){};
		if (!take_asked(&remote, work->numbers[NUMBER_ARG + 1], (u32)work->numbers[NUMBER_ARG + 2]))
			return 0;
	}
	set_endpoint(&local, socket.family, socket.local_addr, socket.local_port);
	if (!local.port && is_unspecified(&local))
		local = (struct endpoint){ .family = remote.family };
	set_number(work, NUMBER_FAMILY, socket.family == AF_INET6 && remote.family == 4 ? AF_INET : socket.family);
	set_number(work, NUMBER_SOCKET_TYPE, socket.sock_type);
	note_port(work, NUMBER_LOCAL_PORT, &local);
	note_port(work, NUMBER_REMOTE_PORT, &remote);
	filter_tests(STAGE_SOCKET);
	if (alive(work) & plan->texts[TEXT_REMOTE].clauses)
		ask_endpoint(work, &remote, TEXT_REMOTE);
	if (alive(work) & plan->texts[TEXT_LOCAL].clauses)
		ask_endpoint(work, &local, TEXT_LOCAL);
	return unused;
}

/* Whether the task is in a container, if user space has told that of its cgroup. */
static inline_always void ask_place(struct filter_work *work)
{
	struct cgroup *cgroup;
	u64 id = cgroup_of(current_task(), &cgroup);
	u32 *inside = map_lookup(&filter_cgroups, &id);

	if (!inside)
		return;
	set_number(work, NUMBER_IN_CONTAINER, *inside);
	filter_tests(STAGE_PLACE);
}

/* The name of the process, which is that of its main thread. */
static inline_always void ask_comm(struct filter_work *work)
{
	struct task_struct *task = current_task(), *leader = get(task, group_leader);
	long got = read_kernel_string(work->text, COMM_BYTES, &leader->comm);

	if (got <= 0)
		return;
	work->bytes = got - 1;
	work->name = 0;
	work->dots = 0;
	work->text_known = KNOWN_WHOLE;
	filter_text(TEXT_COMM, 1 << REQUESTED | 1 << EFFECTIVE);
}

/* Whether the rules of a generation may want the call at hand. */
never_inline int filter_wants(u64 generation)
{
	struct filter_work *work = filter_work();
	const struct rec_filter *filter = filter_of(generation);
	const struct rec_filter_plan *plan;

	if (!work || !filter)
		return 1;
	work->plan = *entry_of(filter->plan_of, work->call);
	if (!work->plan)
		return 1;
	plan = entry_of(filter->plans, work->plan);
	work->generation = generation;
	work->alive[REQUESTED] = plan->clauses;
	work->alive[EFFECTIVE] = 0;
	if (work->opens && work->numbers[NUMBER_RESULT] >= 0)
		work->alive[EFFECTIVE] = plan->clauses;
	filter_tests(STAGE_CALL);
	if (!alive(work))
		return 0;
	if (alive(work) & ~plan->late)
		return 1;
	if (work->alive[REQUESTED] & plan->texts[TEXT_PATH].clauses && take_requested(work))
		filter_text(TEXT_PATH, 1 << REQUESTED);
	if (alive(work) & plan->asked[STAGE_FILE] || work->alive[EFFECTIVE] & plan->texts[TEXT_PATH].clauses) {
		if (work->numbers[NUMBER_RESULT] >= 0)
			ask_file(work, plan);
		else
			filter_tests(STAGE_FILE);
	}
	if (alive(work) & plan->texts[TEXT_RAW_PATH].clauses && take_requested(work)) {
		/* As it was given it is known, whatever it leads to. */
		work->text_known = KNOWN_WHOLE;
		filter_text(TEXT_RAW_PATH, 1 << REQUESTED | 1 << EFFECTIVE);
	}
	if (alive(work) & (plan->asked[STAGE_SOCKET] | plan->texts[TEXT_LOCAL].clauses | plan->texts[TEXT_REMOTE].clauses))
		filter_socket(0);
	if (alive(work) & plan->asked[STAGE_PLACE])
		ask_place(work);
	if (alive(work) & plan->texts[TEXT_COMM].clauses)
		ask_comm(work);
	return alive(work) != 0;
}

static inline_always void note_opening(struct filter_work *work, u64 flags, u32 mode)
{
	set_number(work, NUMBER_OPEN_FLAGS, flags);
	set_number(work, NUMBER_OPEN_MODE, mode);
}

/* The path that the call looks up, and what it says of how to open it. */
static inline_always void note_arguments(struct filter_work *work, const struct call *call)
{
	const struct shape *shape;
	struct open_how how;
	u32 i;

	work->opens = 1;
	switch (call->id) {
	case CALL_OPEN:
		work->path = call->arguments[0];
		note_opening(work, (u32)call->arguments[1], call->arguments[2]);
		return;
	case CALL_CREAT:
		work->path = call->arguments[0];
		note_opening(work, O_CREAT | O_WRONLY | O_TRUNC, call->arguments[1]);
		return;
	case CALL_OPENAT:
		work->path = call->arguments[1];
		note_opening(work, (u32)call->arguments[2], call->arguments[3]);
		return;
	case CALL_OPENAT2:
		work->path = call->arguments[1];
		if (call->arguments[3] >= OPEN_HOW_BYTES_MIN && !read_user(&how, sizeof(how), call->arguments[2]))
			note_opening(work, how.flags, how.mode);
		return;
	}
	work->opens = 0;
	shape = shape_of(call->id);
#pragma clang loop unroll(full)
	for (i = 0; i < 6; i++)
		set_number(work, NUMBER_ARG + i, call->arguments[i]);
	work->path = shape->path ? *entry_of(work->numbers, NUMBER_ARG - 1 + shape->path) : 0;
}

/* Whether a rule may want the call. One that is to be audited is, and marked. */
static inline_always u32 is_wanted(struct call *call)
{
	u32 key = 0;
	const struct rec_filter_control *control = map_lookup(&filter_control, &key);
	struct filter_work *work = filter_work();
	struct cred *cred;
	u32 active;

	if (!control || !work)
		return 1;
	active = *(volatile u32 *)&control->active;
	if (!active)
		return 1;
	work->known = 0;
	work->missing = 1 << NUMBER_FILE_TYPE;
	work->call = call->id;
	set_number(work, NUMBER_RESULT, call->result);
	note_arguments(work, call);
	/* A call that failed has no file, and no type of one. */
	if (call->result < 0)
		work->known |= 1 << NUMBER_FILE_TYPE;
	cred = get(call->task, cred);
	set_number(work, NUMBER_UID, get(cred, euid.val));
	set_number(work, NUMBER_GID, get(cred, egid.val));
	if (active & 1 && filter_wants(0))
		return 1;
	if (active & 2 && filter_wants(1))
		return 1;
	if (control->audit && random_number() % control->audit == 0) {
		call->flags |= RECORD_AUDIT;
		return 1;
	}
	return 0;
}

#endif
