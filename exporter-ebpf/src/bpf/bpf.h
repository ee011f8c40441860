/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BPF machine as seen from C: section names, helper functions by number, CO-RE questions, map types.
 *
 * Sources: include/uapi/linux/bpf.h (numbers never change); each helper with the kernel it came with.
 * Never: kernel structs (kernel.h), our maps (maps.h).
 */
#ifndef SAKER_BPF_H
#define SAKER_BPF_H

#include "record.h"

#define SEC(name) __attribute__((section(name), used))
#define inline_always inline __attribute__((always_inline))
#define never_inline __attribute__((noinline))

/* Map definitions in BTF: numbers are array lengths, types are pointers. */
#define map_uint(name, value) int(*name)[value]
#define map_type(name, value) typeof(value) *name

enum map_kind {
	MAP_HASH = 1,
	MAP_ARRAY = 2,
	MAP_PERCPU_ARRAY = 6,
	MAP_LRU_HASH = 9,
	MAP_RINGBUF = 27,
};

enum map_flag {
	MAP_NO_PREALLOC = 1,
};

/* Flags of ring_output and ring_submit. */
enum ring_flag {
	RING_NO_WAKEUP = 1,
	RING_FORCE_WAKEUP = 2,
};

struct task_struct;
struct seq_file;

static void *(*const map_lookup)(void *map, const void *key) = (void *)1;
static long (*const map_update)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static long (*const map_delete)(void *map, const void *key) = (void *)3;
static u32 (*const random_number)(void) = (void *)7;
static u32 (*const current_cpu)(void) = (void *)8;
static u64 (*const current_pid_tgid)(void) = (void *)14;
static u64 (*const current_task_address)(void) = (void *)35;
static long (*const read_user)(void *to, u32 bytes, u64 from) = (void *)112;       /* 5.5 */
static long (*const read_kernel)(void *to, u32 bytes, const void *from) = (void *)113;
static long (*const read_user_string)(void *to, u32 bytes, u64 from) = (void *)114; /* length with NUL, or -errno */
static long (*const read_kernel_string)(void *to, u32 bytes, const void *from) = (void *)115;
static u64 (*const boot_time_ns)(void) = (void *)125;                               /* 5.8 */
static long (*const seq_write)(struct seq_file *seq, const void *data, u32 bytes) = (void *)127;
static long (*const ring_output)(void *ring, void *data, u64 bytes, u64 flags) = (void *)130;
static void *(*const ring_reserve)(void *ring, u64 bytes, u64 flags) = (void *)131;
static void (*const ring_submit)(void *data, u64 flags) = (void *)132;
static struct task_struct *(*const current_task_btf)(void) = (void *)158;          /* 5.11 */
static long (*const copy_from_user_task)(void *to, u32 bytes, u64 from, struct task_struct *task,
					 u64 flags) = (void *)191;                          /* 5.18, sleepable only */

/* CO-RE: answered when the object is loaded, so the verifier sees a constant and drops the other branch. */
#define field_offset(type, field) __builtin_preserve_field_info(((typeof(type) *)0)->field, 0)
#define field_bytes(type, field) __builtin_preserve_field_info(((typeof(type) *)0)->field, 1)
#define field_exists(field) __builtin_preserve_field_info(field, 2)
#define type_bytes(type) __builtin_preserve_type_info(*(typeof(type) *)0, 1)
#define enum_value_exists(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, 0)
#define enum_value(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, 1)

/*
 * Bounds that the verifier cannot lose. The compiler may check one copy of a number and use another, or put it on
 * the stack in between, where kernels before 5.12 forget its bounds: so check and use are one piece here.
 */

/* `number` (u64) is at most `most`, a constant. Use it at once. */
#define clamp(number, most)                                                        \
	asm volatile("if %0 <= %1 goto +1\n\t"                                     \
		     "%0 = %1"                                                     \
		     : "+r"(number)                                                \
		     : "i"(most))

/*
 * `pointer` goes forward by `number` (u64), at most by `most`, a constant. Pointers keep their bounds everywhere.
 * The mask, above every offset there is, clears what the verifier of 6.12 makes of ranges that cannot be: a
 * comparison of them loses all bounds.
 */
#define advance(pointer, number, most)                                             \
	asm volatile("%1 &= 0x7fff\n\t"                                            \
		     "if %1 <= %2 goto +1\n\t"                                     \
		     "%1 = %2\n\t"                                                \
		     "%0 += %1"                                                    \
		     : "+r"(pointer), "+r"(number)                                 \
		     : "i"(most))

/* The same by masks, of 2^n - 1: without a branch, which counts in a loop. */
#define mask(number, bits) asm volatile("%0 &= %1" : "+r"(number) : "i"(bits))
#define advance_masked(pointer, number, bits)                                      \
	asm volatile("%1 &= %2\n\t"                                                \
		     "%0 += %1"                                                    \
		     : "+r"(pointer), "+r"(number)                                 \
		     : "i"(bits))

#endif
