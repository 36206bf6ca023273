/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Time, randomness and usage figures.
 */
#include "libos/sys/sys.h"

int64_t sys_clock_gettime(const uint64_t a[6])
{
	return user_ok(USER(1), 16) ? HOST(clock_get, a[0], a[1] | REF_PROGRAM) : -EFAULT;
}

int64_t sys_clock_getres(const uint64_t a[6])
{
	int64_t t[2], error = HOST(clock_resolution, a[0], (uintptr_t)t);

	return error ? error : a[1] && user_put(USER(1), t, sizeof t) ? -EFAULT : 0;
}

int64_t sys_gettimeofday(const uint64_t a[6])
{
	int64_t t[2];

	HOST(clock_get, 0, (uintptr_t)t);
	t[1] /= 1000;
	return a[0] && user_put(USER(0), t, sizeof t) ? -EFAULT : 0;
}

int64_t sys_time(const uint64_t a[6])
{
	int64_t t[2];

	HOST(clock_get, 0, (uintptr_t)t);
	return a[0] && user_put(USER(0), t, 8) ? -EFAULT : t[0];
}

static int64_t sleep_for(uint64_t clock, uint64_t flags, struct user from)
{
	int64_t t[2];

	if (user_get(t, from, sizeof t))
		return -EFAULT;
	return HOST(clock_sleep, clock, flags, (uintptr_t)t);
}

int64_t sys_nanosleep(const uint64_t a[6])
{
	return sleep_for(1, 0, USER(0));
}

int64_t sys_clock_nanosleep(const uint64_t a[6])
{
	return sleep_for(a[0], a[1], USER(2));
}

int64_t sys_getrandom(const uint64_t a[6])
{
	if (!user_ok(USER(0), a[1]))
		return -EFAULT;
	return HOST(random, a[0] | REF_PROGRAM, a[1] < 1u << 25 ? a[1] : 1u << 25);
}

int64_t sys_getrusage(const uint64_t a[6])
{
	return user_ok(USER(1), 144) ? HOST(usage, a[1] | REF_PROGRAM) : -EFAULT;
}

int64_t sys_times(const uint64_t a[6])
{
	int64_t usage[18], t[2], out[4] = {0};

	HOST(usage, (uintptr_t)usage);
	HOST(clock_get, 1, (uintptr_t)t);
	out[0] = usage[0] * 100 + usage[1] / 10000;
	out[1] = usage[2] * 100 + usage[3] / 10000;
	return a[0] && user_put(USER(0), out, sizeof out) ? -EFAULT : t[0] * 100 + t[1] / 10000000;
}
