/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Threads that sleep, now and then, around what they do to locks and at each atomic operation (between.h): moments that signals meet rarely.
 */
#include <time.h>

#include "tests/share/native/between.h"

_Thread_local uint64_t lingers;
unsigned lingers_seldom = 256;

static uint64_t any(void)
{
	lingers ^= lingers >> 12, lingers ^= lingers << 25, lingers ^= lingers >> 27;
	return lingers * 0x2545f4914f6cdd1dull;
}

static void linger(void)
{
	if (lingers && any() % lingers_seldom == 0)
		nanosleep(&(struct timespec){0, (long)(any() % 8 ? 1 : any() % 400000)}, NULL);
}

void between_lock(struct fast_lock *lock)
{
	linger();
	fast_lock(lock);
	linger();
}

void between_unlock(struct fast_lock *lock)
{
	linger();
	fast_unlock(lock);
	linger();
}

void between_step(void)
{
	linger();
}
