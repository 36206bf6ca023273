/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A stream of another cVM that starts at the same time, and may not listen yet.
 */
#include <errno.h>
#include <unistd.h>

#include <carrel/cp_stream.h>

static int opened(const char *name, int kind)
{
	for (int i = 0; i < 500; i++) {
		int fd = cp_stream_open(name, kind);
		if (fd >= 0 || (errno != ECONNREFUSED && errno != ENOENT))
			return fd;
		usleep(10000);
	}
	return -1;
}
