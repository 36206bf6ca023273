/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Time, waiting, randomness and usage figures.
 */
#include "libos/sys/sys.h"

#define REALTIME  0
#define MONOTONIC 1

int64_t sys_clock_gettime(const uint64_t a[6])
{
	return user_ok(USER(1), 16) ? HOST(clock_get, (uint32_t)a[0], a[1] | REF_PROGRAM) : -EFAULT;
}

/* The clocks are the host's. */
int64_t sys_clock_settime(const uint64_t a[6])
{
	int64_t t[2];

	if ((int)a[0] != REALTIME)
		return -EINVAL;
	if (user_get(t, USER(1), sizeof t))
		return -EFAULT;
	return t[0] < 0 || t[1] < 0 || t[1] >= 1000000000 ? -EINVAL : -EPERM;
}

int64_t sys_clock_getres(const uint64_t a[6])
{
	int64_t t[2], error = HOST(clock_resolution, (uint32_t)a[0], (uintptr_t)t);

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
	int64_t error = HOST_BLOCKING(clock_sleep, clock, flags, (uintptr_t)t);
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
