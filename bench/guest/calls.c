/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls as programs use them, nanoseconds each: calls DIRECTORY [ROUND-MS]. The directory is on a tmpfs.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char path[300], page[4096];
static int file, there[2], back[2];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

static void call_read(void)
{
	if (pread(file, page, sizeof page, 0) != sizeof page)
		fail("pread");
}

static void call_write(void)
{
	if (pwrite(file, page, sizeof page, 0) != sizeof page)
		fail("pwrite");
}

static void call_open(void)
{
	int f = open(path, O_RDONLY);

	if (f < 0)
		fail("open");
	close(f);
}

static void call_stat(void)
{
	struct stat s;

	if (stat(path, &s))
		fail("stat");
}

/* 64 KiB, each page of it touched. */
static void call_mmap(void)
{
	char *m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		fail("mmap");
	for (int i = 0; i < 65536; i += 4096)
		m[i] = 1;
	munmap(m, 65536);
}

static void *answer(void *unused)
{
	char c;

	(void)unused;
	while (read(there[0], &c, 1) == 1 && write(back[1], &c, 1) == 1)
		;
	return NULL;
}

static void call_pipe(void)
{
	char c = 1;

	if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
		fail("pipe");
}

static const struct {
	const char *name;
	void (*call)(void);
} calls[] = {{"getppid", call_getppid}, {"read_4k", call_read}, {"write_4k", call_write}, {"open_close", call_open}, {"stat", call_stat},
	     {"mmap_munmap_64k", call_mmap}, {"pipe_pingpong", call_pipe}};

int main(int argc, char **argv)
{
	double round = (argc > 2 ? atof(argv[2]) : 100) * 1e6;
	pthread_t other;

	snprintf(path, sizeof path, "%s/carrel-bench-calls", argc > 1 ? argv[1] : "/tmp");
	file = open(path, O_RDWR | O_CREAT, 0600);
	if (file < 0 || write(file, page, sizeof page) != sizeof page || pipe(there) || pipe(back) || pthread_create(&other, NULL, answer, NULL))
		fail(path);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		double start = now(), end;
		long count = 0;
		do {
			for (int k = 0; k < 64; k++)
				calls[i].call();
			count += 64;
		} while ((end = now()) - start < round);
		printf("%s %.1f\n", calls[i].name, (end - start) / (double)count);
	}
	close(there[1]);
	pthread_join(other, NULL);
	unlink(path);
	return 0;
}
