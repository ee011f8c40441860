/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of the filter: what the loaded rules want of each system call, as tables that filter.h goes by.
 *
 * Out:   structs and enums; src/plan.rs holds the same layout in Rust, and tests/layout proves both equal.
 * Never: records; captures hold nothing of this, so a change here is none of LAYOUT_VERSION.
 *
 * A plan is up to 64 clauses, each a bit of a mask, of which one has to stay alive. Every question about a call says
 * which clauses survive when its answer is yes, and which when it is no. Where nobody knows the answer all do.
 *
 * Questions about numbers are tests. Questions about a text are answered all at once, by two walks over it: from its
 * beginning and from its end, each through a tree of bytes that ends at the first byte that no pattern has there.
 */
#ifndef SAKER_PLAN_H
#define SAKER_PLAN_H

enum rec_filter_limit {
	FILTER_GENERATIONS = 2,        /* one in force, and the next one; both while rules are replaced */
	FILTER_CALLS_MAX = 256,
	FILTER_PLANS_MAX = 64,
	FILTER_TESTS_MAX = 2048,       /* of all plans */
	FILTER_PLAN_TESTS_MAX = 128,   /* of one stage of one plan */
	FILTER_ATOMS_MAX = 2048,
	FILTER_PLAN_ATOMS_MAX = 64,    /* of one text of one plan */
	FILTER_SLOTS_MAX = 65536,
	FILTER_ACCEPTS_MAX = 8192,
	FILTER_TEXT_BYTES_MAX = 512,   /* a path of this length or more is not known */
	FILTER_PATTERN_BYTES_MAX = 255,
	FILTER_CGROUPS_MAX = 8192,
};

/* Numbers that tests ask about. */
enum rec_filter_number {
	NUMBER_RESULT,
	NUMBER_OPEN_FLAGS,
	NUMBER_OPEN_MODE,
	NUMBER_FILE_TYPE,              /* S_IFMT bits */
	NUMBER_UID,
	NUMBER_GID,
	NUMBER_FAMILY,
	NUMBER_SOCKET_TYPE,
	NUMBER_LOCAL_PORT,
	NUMBER_REMOTE_PORT,
	NUMBER_IN_CONTAINER,           /* 0 or 1 */
	NUMBER_ARG,                    /* the first of six */
	NUMBERS = 32,
};

/* When a test can be asked: from what costs least to what costs most. */
enum rec_filter_stage {
	STAGE_CALL,                    /* result, flags, arguments, ids */
	STAGE_FILE,
	STAGE_SOCKET,
	STAGE_PLACE,                   /* container */
	STAGES,
};

/* Texts that patterns are held against. An address is its family, 4 or 6, and its bytes. */
enum rec_filter_text_id {
	TEXT_COMM,
	TEXT_RAW_PATH,
	TEXT_PATH,
	TEXT_LOCAL,
	TEXT_REMOTE,
	TEXTS,
};

/* rec_filter_test.flags */
enum rec_filter_test_flag {
	TEST_BITS = 1,                 /* number & first == last; else first <= number <= last */
	TEST_LAST = 2,                 /* of a question: it is answered yes if one of its tests holds */
};

struct rec_filter_test {
	s64 first;
	s64 last;
	u64 if_true;                   /* of the last test of a question: clauses that survive */
	u64 if_false;
	u32 number;                    /* enum rec_filter_number */
	u32 flags;                     /* enum rec_filter_test_flag */
	u64 pad[3];
};

/* A question about a text. */
struct rec_filter_atom {
	u64 if_true;
	u64 if_false;
};

/* What stands in one table, from where on and how much. */
struct rec_filter_span {
	u16 first;
	u16 count;
};

struct rec_filter_text {
	u64 clauses;                   /* that ask about it */
	u64 beginnings;                /* atoms, by bits, that its last component alone cannot answer with no */
	u64 dots;                      /* atoms that are true where two dots follow each other */
	u16 forward;                   /* roots of the trees, 0: none */
	u16 backward;
	struct rec_filter_span atoms;
};

struct rec_filter_plan {
	u64 clauses;
	u64 asked[4];                  /* by stage: clauses that ask for it */
	u64 late;                      /* clauses that ask for more than STAGE_CALL */
	struct rec_filter_span tests[4];
	struct rec_filter_text texts[5];
	u64 pad[4];
};

/* A node of a tree: its child by byte c is slot base + c, if that names it as its parent. */
struct rec_filter_slot {
	u16 parent;
	u16 base;
	u16 accept;                    /* 0: nothing */
	u16 pad;
};

/* Atoms, by bits, that are true when a walk comes to a node. */
struct rec_filter_accept {
	u64 always;
	u64 edge;                      /* forward: at the last slash; backward: behind a slash, or at the beginning */
	u64 whole;                     /* backward: at the beginning of the text */
	u64 below;                     /* backward: of this node and all below it */
};

/* One generation: value of the array `filters`. */
struct rec_filter {
	u8 plan_of[FILTER_CALLS_MAX];  /* enum rec_call_id → plan; 0: everything passes */
	struct rec_filter_plan plans[FILTER_PLANS_MAX];
	struct rec_filter_test tests[FILTER_TESTS_MAX];
	struct rec_filter_atom atoms[FILTER_ATOMS_MAX];
	struct rec_filter_accept accepts[FILTER_ACCEPTS_MAX];
	struct rec_filter_slot slots[FILTER_SLOTS_MAX];
};

/* Value of the one entry of the array `filter_control`. */
struct rec_filter_control {
	u32 active;                    /* bit n: generation n is in force; none: everything passes */
	u32 audit;                     /* of what does not pass, one in so many is recorded all the same; 0: none */
};

#endif
