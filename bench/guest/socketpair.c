/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The rival of a CP_Call on the host: 8 bytes to another process over an AF_UNIX socketpair and back, N times; picoseconds for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	long n = argc == 2 ? atol(argv[1]) : 0, word = 0, start = 0;
	int pair[2];

	if (n <= 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 2;
	if (!fork()) {
		close(pair[0]);
		while (read(pair[1], &word, sizeof word) == sizeof word && write(pair[1], &word, sizeof word) == sizeof word)
			;
		return 0;
	}
	for (long i = -n / 16; i < n; i++) {
		if (!i)
			start = now();
		if (write(pair[0], &word, sizeof word) != sizeof word || read(pair[0], &word, sizeof word) != sizeof word)
			return 1;
	}
	printf("%ld\n", (now() - start) * 1000 / n);
	return 0;
}
