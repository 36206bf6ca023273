/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Time, waiting, randomness and usage figures.
 */
#include "libos/process/timer.h"
#include "libos/sys/sys.h"

#define REALTIME  0
#define MONOTONIC 1

#define PROCESS_CPU 2
#define THREAD_CPU 3
#define SECONDS_MOST (1ll << 32)
#define CLOCK_LOOK 1000000      /* nanoseconds */

/* Clocks of processor time: 0 and what it shows now, 1 for another clock, -EINVAL. Negative ones are those of a process or a
 * thread: ~id << 3 and which kind. */
static int64_t processor_time(uint64_t number, int64_t *time)
{
	int32_t clock = (int32_t)number;
	int id = ~(clock >> 3);
	const struct process *p = process_current();
	const struct thread *t = thread_current();

	if (clock >= 0 && clock != PROCESS_CPU && clock != THREAD_CPU)
		return 1;
	if (clock < 0 && (clock & 7) == 2)
		p = id ? process_find(id) : p;
	else if (clock < 0 && (clock & 7) == 6)
		t = id ? thread_find(id) : t;
	else if (clock < 0)
		return -EINVAL;
	int threads = clock == THREAD_CPU || (clock < 0 && (clock & 4));
	if (threads ? !t || t->process != process_current() : !p)
		return -EINVAL;
	*time = threads ? time_of_thread(t) : time_of_process(p);
	return 0;
}

/* Without the lock for the clocks that have nothing to do with processes (dispatch.c). */
int64_t sys_clock_gettime(const uint64_t a[6])
{
	int64_t time, kind = (uint32_t)a[0] < PROCESS_CPU ? 1 : processor_time(a[0], &time);

	if (kind < 0)
		return kind;
	if (kind)
		return user_ok(USER(1), 16) ? HOST_FAST(clock_get, (uint32_t)a[0], program_offset(a[1]) | REF_PROGRAM) : -EFAULT;
	const int64_t t[2] = {time / 1000000000, time % 1000000000};
	return user_put(USER(1), t, sizeof t);
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
	int64_t t[2] = {0, 1}, time, kind = processor_time(a[0], &time);
	int64_t error = kind > 0 ? HOST(clock_resolution, (uint32_t)a[0], own_ref(t)) : kind;

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

/* On a clock of processor time, which runs no faster than the processors do: it is looked at when it may be due. */
static int64_t sleep_processor_time(uint64_t clock, int absolute, int64_t until, int64_t *left)
{
	struct wait_queue none = {0};
	struct waiter w = {0};
	int64_t time, error = processor_time(clock, &time), processors = HOST(processors);

	if (error)
		return error;
	until += absolute ? 0 : time;
	wait_begin(&w, &none);
	while (!error && !(error = processor_time(clock, &time)) && time < until) {
		int64_t least = (until - time) / (processors > 0 ? processors : 1);
		error = wait_sleep(now() + (least > CLOCK_LOOK ? least : CLOCK_LOOK));
		error = error == -ETIMEDOUT ? 0 : error;
	}
	wait_end(&w);
	*left = until > time ? until - time : 0;
	return error;
}

/* A relative sleep goes on behind a stop, but not behind a handler: until `again` on its clock, which
 * is kept for the case (of an absolute one only that there is such a case). */
static int64_t sleep_for(uint64_t clock, uint64_t flags, struct user from, struct user left)
{
	struct thread *self = thread_current();
	int64_t t[2], time, again = self->again, error, kind = processor_time(clock, &time);

	self->again = 0;
	if (kind < 0 || (uint32_t)clock == THREAD_CPU)
		return -EINVAL;
	if (user_get(t, from, sizeof t))
		return -EFAULT;
	if (t[0] < 0 || t[1] < 0 || t[1] >= 1000000000)
		return -EINVAL;
	if (again && !(flags & 1)) {
		int64_t rest = again - (kind ? clock_read((int)clock) : time);
		rest = rest < 0 ? 0 : rest;
		t[0] = rest / 1000000000;
		t[1] = rest % 1000000000;
	}
	int64_t rest = t[0] < SECONDS_MOST ? t[0] * 1000000000 + t[1] : SECONDS_MOST * 1000000000;
	/* A kick that brings nothing to handle, as a timer's whose signal is blocked, does not end the sleep; t is what is left. */
	do
		error = kind ? HOST_BLOCKING(clock_sleep, clock, flags, own_ref(t)) : sleep_processor_time(clock, flags & 1, rest, &rest);
	while (error == -RESTART && kind && !waits_not());
	self->again = error == -RESTART;
	if (error != -RESTART || (flags & 1))
		return error;
	if (kind)
		rest = t[0] < SECONDS_MOST ? t[0] * 1000000000 + t[1] : SECONDS_MOST * 1000000000;
	const int64_t out[2] = {rest / 1000000000, rest % 1000000000};
	if (left.at && user_put(left, out, sizeof out))
		return -EFAULT;
	if (!kind)
		processor_time(clock, &time);
	self->again = (kind ? clock_read((int)clock) : time) + rest;
	return -RESTART;
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
	struct usage u = {.resident = 0};

	switch ((int)a[0]) {
	case 0: usage_of(process_current(), &u); break;
	case 1: HOST(usage, own_ref(&u), 1); break;
	case -1: u = process_current()->used_by_children; break;
	default: return -EINVAL;
	}
	return user_put(USER(1), &u, sizeof u);
}

int64_t sys_times(const uint64_t a[6])
{
	const struct usage *children = &process_current()->used_by_children;
	struct usage u;
	int64_t t[2] = {0, 0};

	usage_of(process_current(), &u);
	HOST_FAST(clock_get, MONOTONIC, own_ref(t));
	const int64_t out[4] = {u.user[0] * 100 + u.user[1] / 10000, u.system[0] * 100 + u.system[1] / 10000,
				children->user[0] * 100 + children->user[1] / 10000,
				children->system[0] * 100 + children->system[1] / 10000};
	return a[0] && user_put(USER(0), out, sizeof out) ? -EFAULT : t[0] * 100 + t[1] / 10000000;
}
