/*
 * One system call after the other, for measuring what an observer of the kernel costs.
 *
 *   load ROUNDS COUNT
 *
 * Does each operation COUNT times, ROUNDS times over, and prints a line for each: round, operation, nanoseconds per
 * operation in the fastest of a hundred parts of the round, which was disturbed least by others. Between rounds it waits for a
 * line on standard input, so that the observer can come and go.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PARTS = 100 };

static int zero;

static void do_getppid(void)
{
	syscall(SYS_getppid);
}

static void do_read(void)
{
	char byte;

	syscall(SYS_read, zero, &byte, 1);
}

static void do_stat(void)
{
	struct stat found;

	syscall(SYS_newfstatat, AT_FDCWD, "/dev/null", &found, 0);
}

static void do_open(void)
{
	syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0));
}

static void do_failing_open(void)
{
	syscall(SYS_openat, AT_FDCWD, "/nonexistent/load", O_RDONLY, 0);
}

static void do_dup(void)
{
	syscall(SYS_close, syscall(SYS_dup, zero));
}

static void do_connect(void)
{
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(1), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	connect(made, (struct sockaddr *)&there, sizeof(there));
	close(made);
}

static const struct {
	const char *name;
	void (*once)(void);
	long share; /* of COUNT: slow ones are done less often */
} operations[] = {
	{ "getppid", do_getppid, 1 },
	{ "read", do_read, 1 },
	{ "stat", do_stat, 4 },
	{ "open and close", do_open, 8 },
	{ "failing open", do_failing_open, 4 },
	{ "dup and close", do_dup, 2 },
	{ "socket, connect and close", do_connect, 40 },
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1, count = argc > 2 ? atol(argv[2]) : 100000, times;
	char line[16];
	double start, took, least;

	zero = open("/dev/zero", O_RDONLY);
	for (long round = 0; round < rounds && fgets(line, sizeof(line), stdin); round++) {
		for (unsigned i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
			times = count / operations[i].share / PARTS;
			least = 1e18;
			for (int part = 0; part < PARTS; part++) {
				start = now_ns();
				for (long n = 0; n < times; n++)
					operations[i].once();
				took = now_ns() - start;
				least = took < least ? took : least;
			}
			printf("%ld\t%s\t%.1f\n", round, operations[i].name, least / times);
		}
		printf("end\n");
		fflush(stdout);
	}
	return 0;
}
