/*
 * One system call after the other, for measuring what an observer of the kernel costs.
 *
 *   load mixed ROUNDS COUNT
 *   load types ROUNDS COUNT
 *
 * Does each operation COUNT times, ROUNDS times over, and prints a line for each: round, operation, nanoseconds per
 * operation in the fastest of a hundred parts of the round, which was disturbed least by others. Between rounds it waits for a
 * line on standard input, so that the observer can come and go.
 *
 * The operations are a mix of what programs do, or with `types` one call for each type of event. It is run in an empty folder.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "types.h"

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

static void do_fork(void)
{
	long child = fork();

	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
}

static void do_execve(void)
{
	char *arguments[] = { "true", NULL }, *environment[] = { NULL };
	long child = vfork();

	if (!child) {
		execve("/bin/true", arguments, environment);
		_exit(1);
	}
	waitpid(child, NULL, 0);
}

struct operation {
	const char *name;
	void (*once)(void);
	long share; /* of COUNT: slow ones are done less often */
};

static const struct operation mixed[] = {
	{ "getppid", do_getppid, 1 },
	{ "read", do_read, 1 },
	{ "stat", do_stat, 4 },
	{ "open and close", do_open, 8 },
	{ "failing open", do_failing_open, 4 },
	{ "dup and close", do_dup, 2 },
	{ "socket, connect and close", do_connect, 40 },
};

/* What is more than one call. */
static const struct operation processes[] = {
	{ "fork and procexit", do_fork, 100 },
	{ "vfork, execve and procexit", do_execve, 200 },
};

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

/* Measures either an operation or a call, and prints what it took. */
static void measure(long round, const char *name, const struct operation *operation, const struct type *type, long times)
{
	double least = 1e18;

	for (int part = 0; part < PARTS; part++) {
		double start = now_ns(), took;

		for (long n = 0; n < times; n++) {
			if (operation)
				operation->once();
			else
				do_type(type);
		}
		took = now_ns() - start;
		least = took < least ? took : least;
		/* The observer reads what there is, so that it loses nothing. */
		if (type)
			usleep(500);
	}
	printf("%ld\t%s\t%.1f\n", round, name, least / times);
}

static void do_round(int is_types, long round, long count)
{
	unsigned i;

	if (!is_types) {
		for (i = 0; i < LENGTH(mixed); i++)
			measure(round, mixed[i].name, &mixed[i], NULL, count / mixed[i].share / PARTS);
		return;
	}
	for (i = 0; i < LENGTH(processes); i++)
		measure(round, processes[i].name, &processes[i], NULL, count / processes[i].share / PARTS);
	for (i = 0; i < LENGTH(types); i++)
		measure(round, types[i].name, NULL, &types[i], count / PARTS);
}

int main(int argc, char **argv)
{
	int is_types = argc > 1 && !strcmp(argv[1], "types");
	long rounds = argc > 2 ? atol(argv[2]) : 1, count = argc > 3 ? atol(argv[3]) : 100000;
	char line[16];

	zero = open("/dev/zero", O_RDONLY);
	if (is_types)
		prepare();
	for (long round = 0; round < rounds && fgets(line, sizeof(line), stdin); round++) {
		do_round(is_types, round, count);
		printf("end\n");
		fflush(stdout);
	}
	return 0;
}
