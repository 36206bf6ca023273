/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Time, waiting, randomness and usage figures.
 */
#include "libos/sys/sys.h"

#define REALTIME  0
#define MONOTONIC 1

#define PROCESS_CPU 2
#define THREAD_CPU 3

/* A clock's number. Negative ones are the processor time of a process or thread: ~id << 3 and which kind; only the caller's own. */
static int64_t clock_named(uint64_t number)
{
	int32_t clock = (int32_t)number;
	int id = ~(clock >> 3);

	if (clock >= 0)
		return clock;
	switch (clock & 7) {
	case 2: return !id || id == process_current()->id ? PROCESS_CPU : -EINVAL;
	case 6: return !id || id == thread_current()->id ? THREAD_CPU : -EINVAL;
	default: return -EINVAL;
	}
}

int64_t sys_clock_gettime(const uint64_t a[6])
{
	int64_t clock = clock_named(a[0]);

	if (clock < 0)
		return clock;
	return user_ok(USER(1), 16) ? HOST(clock_get, (uint32_t)clock, a[1] | REF_PROGRAM) : -EFAULT;
}

/* Nobody in a cVM sets a clock; what is wrong besides is said first, as Linux does. */
int64_t sys_clock_settime(const uint64_t a[6])
{
	int64_t t[2];

	if ((uint32_t)a[0] != REALTIME)
		return -EINVAL;
	if (user_get(t, USER(1), sizeof t))
		return -EFAULT;
	return t[0] < 0 || t[1] < 0 || t[1] >= 1000000000 ? -EINVAL : -EPERM;
}

int64_t sys_clock_getres(const uint64_t a[6])
{
	int64_t clock = clock_named(a[0]);
	if (clock < 0)
		return clock;
	int64_t t[2], error = HOST(clock_resolution, (uint32_t)clock, (uintptr_t)t);

	return error ? error : a[1] ? user_put(USER(1), t, sizeof t) : 0;
}

int64_t sys_gettimeofday(const uint64_t a[6])
{
	static const uint32_t zone[2];
	int64_t t[2];

	time_now(t);
	t[1] /= 1000;
	if (a[0] && user_put(USER(0), t, sizeof t))
		return -EFAULT;
	return a[1] ? user_put(USER(1), zone, sizeof zone) : 0;
}

int64_t sys_time(const uint64_t a[6])
{
	int64_t t[2];

	time_now(t);
	return a[0] && user_put(USER(0), t, 8) ? -EFAULT : t[0];
}

static int64_t sleep_for(uint64_t clock, uint64_t flags, struct user from, struct user left)
{
	int64_t t[2];

	if (user_get(t, from, sizeof t))
		return -EFAULT;
	if (t[0] < 0 || t[1] < 0 || t[1] >= 1000000000)
		return -EINVAL;
	struct thread *self = thread_current();
	int64_t error;
	/* A kick that brings nothing to handle, as a timer's whose signal is blocked, does not end the sleep; t is what is left. */
	do
		error = HOST_BLOCKING(clock_sleep, clock, flags, (uintptr_t)t);
	while (error == -RESTART && !signal_waits(self) && !self->leaving && !self->process->ending && !self->process->stopped);
	if (error == -RESTART && !(flags & 1)) {
		if (left.at && user_put(left, t, sizeof t))
			return -EFAULT;
		return -EINTR;
	}
	return error;
}

int64_t sys_nanosleep(const uint64_t a[6])
{
	return sleep_for(MONOTONIC, 0, USER(0), USER(1));
}

int64_t sys_clock_nanosleep(const uint64_t a[6])
{
	return sleep_for((uint32_t)a[0], (uint32_t)a[1], USER(2), USER(3));
}

int64_t sys_getrandom(const uint64_t a[6])
{
	struct memory memory;
	uint64_t n = a[1] < 1u << 25 ? a[1] : 1u << 25;

	if ((uint32_t)a[2] & ~7u)
		return -EINVAL;
	if (user_memory(USER(0), &n, &memory))
		return -EFAULT;
	return n ? HOST(random, memory.ref, n) : 0;
}

int64_t sys_getrusage(const uint64_t a[6])
{
	uint64_t none[18] = {0};

	if ((int)a[0] == -1)            /* RUSAGE_CHILDREN */
		return user_put(USER(1), none, sizeof none);
	if ((int)a[0] != 0 && (int)a[0] != 1)
		return -EINVAL;
	return user_ok(USER(1), sizeof none) ? HOST(usage, a[1] | REF_PROGRAM) : -EFAULT;
}

int64_t sys_times(const uint64_t a[6])
{
	int64_t usage[18] = {0}, t[2] = {0, 0}, out[4] = {0};

	HOST(usage, (uintptr_t)usage);
	HOST(clock_get, MONOTONIC, (uintptr_t)t);
	out[0] = usage[0] * 100 + usage[1] / 10000;
	out[1] = usage[2] * 100 + usage[3] / 10000;
	return a[0] && user_put(USER(0), out, sizeof out) ? -EFAULT : t[0] * 100 + t[1] / 10000000;
}
