/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Picoseconds for a load in a chain of pointers, from the first cache: in this process, and in a child, whose window is another; and for a
 * clock_gettime.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PLACES 256              /* 2 KiB */
#define TIMES  200000

static void *places[PLACES];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e12 + (double)t.tv_nsec * 1e3;
}

static void chain(void)
{
	double best = 1e30;

	for (int round = 0; round < 9; round++) {
		void **p = places;
		double start = now();
		for (int i = 0; i < TIMES; i++) {
			p = *p, p = *p, p = *p, p = *p, p = *p, p = *p, p = *p, p = *p;
			p = *p, p = *p, p = *p, p = *p, p = *p, p = *p, p = *p, p = *p;
			__asm__ volatile("" : "+r"(p));
		}
		double each = (now() - start) / (TIMES * 16.0);
		best = each < best ? each : best;
	}
	printf("%.0f ", best);
	fflush(stdout);
}

int main(void)
{
	struct timespec t;
	double best = 1e30;
	int status = 1;

	for (int i = 0; i < PLACES; i++)
		places[i] = &places[(i + 37) % PLACES];
	chain();
	pid_t child = fork();
	if (!child) {
		chain();
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		return 1;
	for (int round = 0; round < 9; round++) {
		double start = now();
		for (int i = 0; i < TIMES; i++)
			clock_gettime(CLOCK_MONOTONIC, &t);
		double each = (now() - start) / TIMES;
		best = each < best ? each : best;
	}
	printf("%.0f\n", best);
	return 0;
}
