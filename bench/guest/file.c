/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Files and capabilities between two cVMs, for bench/share_file; nanoseconds each.
 *   file serve                (cVM) creates `bench`, 16 MiB of its memory, and answers notifies on `bell`
 *   file copy SIZE            (cVM) per copy: cp_file_read, cp_file_write, cap_load, memcpy of the same size; alternating, medians
 *   file notify               (cVM) per round trip of notifies
 *   file revoke COUNT         (cVM) to revoke a capability from which COUNT were derived
 *   file memcpy SIZE          (native, too) memcpy alone
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef NATIVE
#include <carrel/cp.h>
#endif

#define LARGEST (16u << 20)
#define ROUNDS  15

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static char *buffer_make(size_t n)
{
	char *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);

	if (!p)
		die("memory");
	memset(p, 1, n);
	return p;
}

static int less(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof *values, less);
	return values[ROUNDS / 2];
}

static char *from, *to;
static size_t size;
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;

static void by_memcpy(void)
{
	copy(to, from, size);
}

#ifndef NATIVE
static int fd;
static long cap;

static void by_read(void)
{
	if (cp_file_read(fd, to, size, 0) != (ssize_t)size)
		die("cp_file_read");
}

static void by_write(void)
{
	if (cp_file_write(fd, to, size, 0) != (ssize_t)size)
		die("cp_file_write");
}

static void by_load(void)
{
	if (cap_load(cap, 0, to, size))
		die("cap_load");
}

static int opened(const char *name)
{
	int f;

	for (int i = 0; (f = cp_file_open(name, O_RDWR)) < 0; i++) {
		if (i == 500)
			die(name);
		usleep(10000);
	}
	return f;
}

static __attribute__((noreturn)) void serve(void)
{
	static long word[2];
	long sequence = 0;
	int bench = cp_file_create("bench", buffer_make(LARGEST), LARGEST, CAP_LOAD | CAP_STORE | CAP_GRANT);
	int bell = cp_file_create("bell", word, sizeof word, CAP_LOAD | CAP_STORE);

	if (bench < 0 || bell < 0)
		die("create");
	for (;;) {
		if ((sequence = cp_file_wait(bell, sequence, NULL)) < 0)
			die("wait");
		sequence = cp_file_notify(bell);
	}
}

static void notifies(void)
{
	double values[ROUNDS];
	int bell = opened("bell");

	for (int r = 0; r < ROUNDS; r++) {
		double start = now();
		for (int i = 0; i < 500; i++) {
			long sequence = cp_file_notify(bell);
			if (cp_file_wait(bell, sequence, NULL) < 0)
				die("wait");
		}
		values[r] = (now() - start) / 500;
	}
	printf("%.1f\n", median(values));
}

static void revokes(long count)
{
	double values[ROUNDS];

	fd = opened("bench");
	for (int r = 0; r < ROUNDS; r++) {
		long parent = cap_of_file(fd);
		for (long i = 0; i < count; i++)
			if (cap_bounds(parent, (size_t)i, 8) < 0)
				die("cap_bounds");
		double start = now();
		if (cap_revoke(parent))
			die("cap_revoke");
		values[r] = now() - start;
	}
	printf("%.1f\n", median(values));
}
#endif

static double each(void (*one)(void), int count)
{
	double start = now();

	for (int i = 0; i < count; i++)
		one();
	return (now() - start) / count;
}

int main(int argc, char **argv)
{
	double values[4][ROUNDS];
	int kinds = 1;
	void (*ways[4])(void) = {by_memcpy};

	if (argc < 2)
		return 2;
#ifndef NATIVE
	if (!strcmp(argv[1], "serve"))
		serve();
	if (!strcmp(argv[1], "notify")) {
		notifies();
		return 0;
	}
	if (!strcmp(argv[1], "revoke")) {
		revokes(atol(argv[2]));
		return 0;
	}
	if (!strcmp(argv[1], "copy")) {
		fd = opened("bench");
		cap = cap_of_file(fd);
		ways[1] = by_read;
		ways[2] = by_write;
		ways[3] = by_load;
		kinds = 4;
	}
#endif
	size = strtoull(argv[2], NULL, 10);
	from = buffer_make(size);
	to = buffer_make(size);
	int count = size < 4096 ? 20000 : (int)((64u << 20) / size);
	for (int r = 0; r < ROUNDS; r++)
		for (int k = 0; k < kinds; k++) {
			each(ways[k], count / 8 + 1);
			values[k][r] = each(ways[k], count);
		}
	for (int k = 0; k < kinds; k++)
		printf("%.2f ", median(values[k]));
	printf("\n");
	return 0;
}
