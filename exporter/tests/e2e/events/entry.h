/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program without a library: the start of it, and system calls by the entry that it was built for.
 *
 * NR_… are the numbers of system calls, made by the test; a call that the entry does not have has no number.
 */
typedef unsigned long word;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

/* A system call with six arguments; gives the kernel's result. */
long enter_kernel(word number, const word *arguments);
/* The same for vfork, whose child has its maker's stack: it ends at once, with the code 4. */
long enter_vfork(word number);

#if defined(__i386__)
__asm__(".globl enter_kernel\n"
	"enter_kernel:\n"
	"push %ebx\npush %esi\npush %edi\npush %ebp\n"
	"mov 20(%esp), %eax\nmov 24(%esp), %ebp\n"
	"mov (%ebp), %ebx\nmov 4(%ebp), %ecx\nmov 8(%ebp), %edx\n"
	"mov 12(%ebp), %esi\nmov 16(%ebp), %edi\nmov 20(%ebp), %ebp\n"
	"int $0x80\n"
	"pop %ebp\npop %edi\npop %esi\npop %ebx\nret\n"
	".globl enter_vfork\n"
	"enter_vfork:\n"
	"mov 4(%esp), %eax\npop %edx\nint $0x80\npush %edx\n"
	"test %eax, %eax\njnz 1f\nmov $252, %eax\npush %ebx\nmov $4, %ebx\nint $0x80\n"
	"1: ret\n"
	".globl _start\n"
	"_start:\n"
	"mov %esp, %eax\nand $-16, %esp\nsub $12, %esp\npush %eax\ncall run\n");
#elif defined(__x86_64__)
__asm__(".globl enter_kernel\n"
	"enter_kernel:\n"
	"mov %rdi, %rax\nmov %rsi, %r11\n"
	"mov (%r11), %rdi\nmov 8(%r11), %rsi\nmov 16(%r11), %rdx\n"
	"mov 24(%r11), %r10\nmov 32(%r11), %r8\nmov 40(%r11), %r9\n"
	"syscall\nret\n"
	".globl enter_vfork\n"
	"enter_vfork:\n"
	"mov %rdi, %rax\npop %rdx\nsyscall\npush %rdx\n"
	"test %rax, %rax\njnz 1f\nmov $231, %eax\nmov $4, %edi\nsyscall\n"
	"1: ret\n"
	".globl _start\n"
	"_start:\n"
	"mov %rsp, %rdi\nand $-16, %rsp\ncall run\n");
#elif defined(__aarch64__)
__asm__(".globl enter_kernel\n"
	"enter_kernel:\n"
	"mov x8, x0\nmov x9, x1\n"
	"ldp x0, x1, [x9]\nldp x2, x3, [x9, #16]\nldp x4, x5, [x9, #32]\n"
	"svc #0\nret\n"
	".globl _start\n"
	"_start:\n"
	"mov x0, sp\nbl run\n");
#endif

/* What the program needs beside what it is about. */
#if defined(__i386__)
enum { NR_getpid = 20, NR_lseek = 19, NR_close_range = 436, NR_ioctl = 54, NR_wait4 = 114, NR_exit_group = 252, NR_name_to_handle_at = 341 };
#elif defined(__x86_64__)
enum { NR_ioctl = 16, NR_getpid = 39, NR_lseek = 8, NR_close_range = 436, NR_wait4 = 61, NR_exit_group = 231, NR_name_to_handle_at = 303 };
#else
enum { NR_ioctl = 29, NR_exit_group = 94, NR_getpid = 172, NR_lseek = 62, NR_close_range = 436, NR_wait4 = 260, NR_name_to_handle_at = 264 };
#endif

#define P(pointer) ((word)(pointer))
#define CALL(name, ...) enter_kernel(NR_##name, (word[6]){ __VA_ARGS__ })

/* Compilers call these for initial values. */
void *memset(void *to, int byte, word bytes)
{
	volatile u8 *at = to;

	while (bytes--)
		*at++ = (u8)byte;
	return to;
}

void *memcpy(void *to, const void *from, word bytes)
{
	volatile u8 *at = to;
	const u8 *source = from;

	while (bytes--)
		*at++ = *source++;
	return to;
}
