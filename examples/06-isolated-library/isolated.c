/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * decode.h by a call into another cVM. What comes back is as little to be trusted as the file was: it is bytes in buffers of ours, and the
 * numbers in `p` are looked at before use.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <carrel/cp_call.h>

#include "decode.h"

static int slot = -1;

static const char *reason(int error)
{
	return error == ECONNRESET ? "the library's cVM ended" : error == ETIMEDOUT ? "no answer in time" : strerror(error);
}

/* The export, waiting for it while the cVM that makes it is being started: 10 s at most. */
static int opened(void)
{
	for (int i = 0; slot < 0 && i < 1000; i++)
		if ((slot = cp_call_open("decode")) < 0) {
			if (errno != ENOENT)
				return -1;
			usleep(10000);
		}
	return slot < 0 ? -1 : 0;
}

static int picture_check(struct picture *p, size_t room)
{
	p->error[sizeof p->error - 1] = 0;
	if (p->width > 0 && p->height > 0 && p->frames > 0 && (uint64_t)p->width * (uint64_t)p->height * 4 <= room)
		return 0;
	snprintf(p->error, sizeof p->error, "the library answers nonsense");
	return -1;
}

int decode(const void *file, size_t length, void *pixels, size_t room, struct picture *p)
{
	struct cp_buffer buffers[] = {{(void *)file, length, CP_READ}, {pixels, room, CP_WRITE}, {p, sizeof *p, CP_WRITE}};
	const long words[6] = {(long)length, (long)room};
	long result = -1;
	int begun;

	memset(p, 0, sizeof *p);
	for (int tries = 0; tries < 20; tries++) {
		if (opened()) {
			snprintf(p->error, sizeof p->error, "no library: %s", strerror(errno));
			return -1;
		}
		if (!cp_call(slot, words, buffers, 3, LIMIT_MS, &result, &begun))
			return result ? -1 : picture_check(p, room);
		if (begun)
			break;
		/* It has not begun: the cVM is still busy with what it was given up for, or has ended. */
		if (errno == ECONNREFUSED) {
			cp_call_close(slot);
			slot = -1;
		} else if (errno != ETIMEDOUT) {
			break;
		}
	}
	memset(p, 0, sizeof *p);
	snprintf(p->error, sizeof p->error, "%s", reason(errno));
	return -1;
}
