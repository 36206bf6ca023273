/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * How long a CP_Call takes: `call serve` exports a function in one cVM, `call null|4k N` calls it N times from another and prints
 * picoseconds for each; 4k: the function copies a buffer of 4 KiB of the caller's into its own memory. `bench/run share`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/cp_call.h>

static char own[4096];

static long function(long copies, long b, long c, long d, long e, long f)
{
	(void)b, (void)c, (void)d, (void)e, (void)f;
	return copies ? cp_call_read(0, 0, own, sizeof own) : 0;
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	static char buffer[4096];
	const struct cp_buffer list = {buffer, sizeof buffer, CP_READ};
	int slot;

	if (argc == 2 && !strcmp(argv[1], "serve")) {
		slot = cp_call_export("bench", function);
		if (slot >= 0)
			cp_call_serve(slot);
		perror("call");
		return 1;
	}
	if (argc != 3)
		return 2;
	while ((slot = cp_call_open("bench")) < 0)
		if (errno != ENOENT) {
			perror("call");
			return 1;
		}
	long n = atol(argv[2]), copies = !strcmp(argv[1], "4k"), result, start = 0;
	const long words[6] = {copies};
	for (long i = -n / 16; i < n; i++) {
		if (!i)
			start = now();
		if (cp_call(slot, words, &list, (unsigned)copies, 0, &result, NULL) || result != (copies ? 4096 : 0)) {
			perror("call");
			return 1;
		}
	}
	printf("%ld\n", (now() - start) * 1000 / n);
	return 0;
}
