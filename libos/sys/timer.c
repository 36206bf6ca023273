/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on timers: alarm, interval timers, timer_create and its like.
 */
#include "libos/process/timer.h"
#include "libos/sys/sys.h"

#define SIGALRM 14
#define ITIMERS 3
#define SECONDS_MOST (1ll << 32)

/* The interval timer's, made when it is first needed; SIGALRM, SIGVTALRM, SIGPROF. */
static struct timer *interval(struct process *p, int which)
{
	static const int signals[ITIMERS] = {SIGALRM, 26, 27};
	struct timer *t = timer_find(p, -1 - which);

	if (!t && (t = timer_make(p, -1 - which))) {
		t->clock = which ? CLOCK_PROCESS_ : CLOCK_MONOTONIC_;
		t->signal = signals[which];
	}
	return t;
}

int64_t sys_alarm(const uint64_t a[6])
{
	struct process *p = process_current();
	struct timer *t = interval(p, 0);

	if (!t)
		return 0;
	uint64_t left = (uint64_t)timer_left(p, t);
	timer_set(p, t, (uint32_t)a[0] ? now() + (int64_t)((uint64_t)(uint32_t)a[0] * 1000000000u) : 0, 0);
	return (int64_t)((left + 500000000) / 1000000000 + (left && left < 500000000));
}

static int64_t value_put(struct user at, const struct timer *t, int64_t unit)
{
	int64_t left = timer_left(process_current(), t);
	const int64_t out[4] = {t->every / 1000000000, t->every % 1000000000 / unit, left / 1000000000, left % 1000000000 / unit};

	return user_put(at, out, sizeof out);
}

/* Two times, {every, first}, each at most SECONDS_MOST. */
static int64_t value_get(struct user at, int64_t in[2], int64_t unit)
{
	int64_t t[4];

	if (user_get(t, at, sizeof t))
		return -EFAULT;
	for (int i = 0; i < 4; i += 2) {
		if (t[i] < 0 || t[i + 1] < 0 || t[i + 1] >= 1000000000 / unit)
			return -EINVAL;
		in[i / 2] = (t[i] < SECONDS_MOST ? t[i] : SECONDS_MOST) * 1000000000 + t[i + 1] * unit;
	}
	return 0;
}

int64_t sys_getitimer(const uint64_t a[6])
{
	struct timer *t = (unsigned)a[0] < ITIMERS ? interval(process_current(), (int)a[0]) : NULL;

	return (unsigned)a[0] >= ITIMERS ? -EINVAL : t ? value_put(USER(1), t, 1000) : -ENOMEM;
}

int64_t sys_setitimer(const uint64_t a[6])
{
	struct process *p = process_current();
	int64_t in[2] = {0, 0}, error = 0;

	if ((unsigned)a[0] >= ITIMERS)
		return -EINVAL;
	if (a[1] && (error = value_get(USER(1), in, 1000)))
		return error;
	struct timer *t = interval(p, (int)a[0]);
	if (!t)
		return -ENOMEM;
	if (a[2] && value_put(USER(2), t, 1000))
		return -EFAULT;
	timer_set(p, t, in[1] ? timer_now(process_current(), t) + in[1] : 0, in[0]);
	return 0;
}

/* ---- timer_create ---- */
struct event {                  /* struct sigevent */
	uint64_t value;
	int32_t signal, notify, thread;
	int32_t pad[11];
};
#define NOTIFY_SIGNAL 0
#define NOTIFY_NONE   1
#define NOTIFY_THREAD 4         /* SIGEV_THREAD_ID */
#define TIMERS_MOST   4096

int64_t sys_timer_create(const uint64_t a[6])
{
	static int next;
	struct process *p = process_current();
	struct event e = {.signal = SIGALRM};
	int clock = (int)a[0], id, count = 0;

	if (a[1] && user_get(&e, USER(1), sizeof e))
		return -EFAULT;
	int measured = thread_current()->id;
	if (clock < 0) {        /* of a process, or one of its threads: the caller's own process only */
		id = ~(clock >> 3);
		const struct thread *t = (clock & 7) == 6 ? thread_find(id ? id : measured) : NULL;
		if ((clock & 7) == 6 ? !t || t->process != p : (clock & 7) != 2 || (id && id != p->id))
			return -EINVAL;
		measured = t ? t->id : 0;
		clock = t ? CLOCK_THREAD_ : CLOCK_PROCESS_;
	}
	if (clock > 9 || clock == 4 || clock == 5 || clock == 6)
		return -EINVAL;
	if (e.notify != NOTIFY_SIGNAL && e.notify != NOTIFY_NONE && e.notify != NOTIFY_THREAD)
		return -EINVAL;
	if (e.notify != NOTIFY_NONE && (e.signal < 1 || e.signal > SIGNALS))
		return -EINVAL;
	if (e.notify == NOTIFY_THREAD) {
		const struct thread *t = thread_find(e.thread);
		if (!t || t->process != p)
			return -EINVAL;
	}
	for (const struct timer *t = p->timers; t; t = t->next)
		count++;
	if (count >= TIMERS_MOST)
		return -EAGAIN;
	do
		id = next++ & 0x3fffffff;
	while (timer_find(p, id));
	struct timer *t = timer_make(p, id);
	if (!t)
		return -EAGAIN;
	t->clock = clock == 7 || clock == 9 ? 7 : clock == 8 ? 0 : clock;
	t->measured = measured;
	t->signal = e.notify == NOTIFY_NONE ? 0 : e.signal;
	t->thread = e.notify == NOTIFY_THREAD ? e.thread : 0;
	t->value = a[1] ? (int64_t)e.value : id;
	if (user_put(USER(2), &id, sizeof id)) {
		timer_drop(p, t);
		return -EFAULT;
	}
	return 0;
}

static struct timer *timer_of(uint64_t id)
{
	return (int)id < 0 ? NULL : timer_find(process_current(), (int)id);
}

int64_t sys_timer_settime(const uint64_t a[6])
{
	struct timer *t = timer_of(a[0]);
	int64_t in[2], error = t ? value_get(USER(2), in, 1) : -EINVAL;

	if (error)
		return error;
	if (a[3] && value_put(USER(3), t, 1))
		return -EFAULT;
	int64_t at = in[1] && !(a[1] & 1) ? timer_now(process_current(), t) + in[1] : in[1];
	timer_set(process_current(), t, at, in[0]);
	timers_look(process_current());         /* it may be due already */
	return 0;
}

int64_t sys_timer_gettime(const uint64_t a[6])
{
	const struct timer *t = timer_of(a[0]);

	return t ? value_put(USER(1), t, 1) : -EINVAL;
}

int64_t sys_timer_getoverrun(const uint64_t a[6])
{
	const struct timer *t = timer_of(a[0]);

	return t ? t->delivered : -EINVAL;
}

int64_t sys_timer_delete(const uint64_t a[6])
{
	struct timer *t = timer_of(a[0]);

	if (t)
		timer_drop(process_current(), t);
	return t ? 0 : -EINVAL;
}
