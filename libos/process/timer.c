/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The timers of a process: interval timers and those of timer_create. The Intravisor kicks one of its threads, the keeper, when
 * the first is due; whatever runs next looks at the clock. A timer of processor time is due no earlier than if the processor did
 * nothing else, so the clock is looked at then, and again.
 */
#include "libos/process/timer.h"

#define SOONEST    20000        /* nanoseconds from now that one is due at the earliest */
#define CPU_MARGIN 1000000      /* nanoseconds: looked at no more often */

int64_t clock_read(int clock)
{
	int64_t t[2] = {0, 0};

	HOST_FAST(clock_get, clock, own_ref(t));
	return t[0] * 1000000000 + t[1];
}

int64_t timer_now(const struct process *p, const struct timer *timer)
{
	const struct thread *t = timer->clock == CLOCK_THREAD_ ? thread_find(timer->measured) : NULL;

	if (timer->clock == CLOCK_THREAD_)
		return t && t->process == p ? time_of_thread(t) : 0;
	return timer->clock == CLOCK_PROCESS_ ? time_of_process(p) : clock_read(timer->clock);
}

/* The signal of a timer_create's timer waits to be taken: the timer stands still, as Linux has it, and what it has missed is
 * counted when the signal is taken. */
static int stands(const struct process *p, const struct timer *t)
{
	return t->id >= 0 && t->signal && t->every && signal_of_timer_waits(p, t->signal, t->id);
}

/* Moves a timer that was due on to when it will be due next; how often it was due besides the first time. */
static int64_t move_on(struct timer *t, int64_t time)
{
	int64_t missed = t->every ? (time - t->at) / t->every : 0;

	t->at = t->every ? t->at + (missed + 1) * t->every : 0;
	return missed;
}

static void fire(struct process *p, struct timer *t, int64_t time)
{
	struct signal_info info = {.signal = t->signal, .code = t->id < 0 ? 0x80 : SI_TIMER, .pid = t->id < 0 ? 0 : t->id,
				   .value = t->value};
	int64_t missed = move_on(t, time);

	t->overrun = missed > INT32_MAX ? INT32_MAX : (int)missed;
	if (!t->signal)
		return;
	if (t->thread) {
		struct thread *to = thread_find(t->thread);
		if (to && to->process == p)
			signal_thread(to, info);
	} else
		signal_process(p, info);
}

void timer_delivered(struct process *p, struct signal_info *info)
{
	struct timer *t = timer_find(p, info->pid);

	if (!t)
		return;
	int64_t time = t->at ? timer_now(p, t) : 0, more = t->at && t->every && time >= t->at ? move_on(t, time) + 1 : 0;
	more += t->overrun;
	t->delivered = more > INT32_MAX ? INT32_MAX : (int)more;
	info->uid = (uint32_t)t->delivered;       /* si_overrun */
	timers_look(p);
}

/* When the process has to look again: monotonic nanoseconds, 0 never. */
static int64_t next_look(const struct process *p)
{
	int64_t first = 0;

	for (const struct timer *t = p->timers; t; t = t->next) {
		if (!t->at || stands(p, t))
			continue;
		int64_t at = t->at;
		if (t->clock != CLOCK_MONOTONIC_) {
			int64_t left = t->at - timer_now(p, t);
			if (t->clock == CLOCK_PROCESS_ || t->clock == CLOCK_THREAD_)
				left = left > CPU_MARGIN ? left : CPU_MARGIN;
			at = now() + (left > 0 ? left : 0);
		}
		first = !first || at < first ? at : first;
	}
	return first;
}

static void arm(struct process *p)
{
	struct thread *self = thread_current();
	int64_t at = next_look(p);

	if (at && at < now() + SOONEST)
		at = now() + SOONEST;   /* a period of nanoseconds would leave no time for anything else */
	if (at == p->timer_at && p->timer_thread)
		return;
	p->timer_at = at;
	if (p->timer_thread && p->timer_thread != self) {
		HOST(thread_kick, p->timer_thread->number);     /* it arms its own again: timers_look, also where it sleeps */
		return;
	}
	p->timer_thread = at ? self : NULL;
	HOST(timer, at);
}

void timers_look(struct process *p)
{
	struct thread *self = thread_current();

	if (!p->timers || p->dead || self->process != p)
		return;
	for (struct timer *t = p->timers; t; t = t->next) {
		if (!t->at || stands(p, t))
			continue;
		int64_t time = timer_now(p, t);
		if (time >= t->at)
			fire(p, t, time);
	}
	if (!p->timer_thread || p->timer_thread == self) {
		p->timer_thread = NULL;
		arm(p);
	}
}

void timers_leave(struct thread *t)
{
	struct process *p = t->process;

	if (p->timer_thread != t)
		return;
	p->timer_thread = NULL;
	if (p->timer_at && p->threads)
		HOST(thread_kick, p->threads->number);
}

struct timer *timer_find(struct process *p, int id)
{
	struct timer *t = p->timers;

	while (t && t->id != id)
		t = t->next;
	return t;
}

struct timer *timer_make(struct process *p, int id)
{
	struct timer *t = heap_allocate(sizeof *t);

	if (!t)
		return NULL;
	t->id = id;
	t->next = p->timers;
	p->timers = t;
	return t;
}

void timer_drop(struct process *p, struct timer *timer)
{
	for (struct timer **link = &p->timers; *link; link = &(*link)->next)
		if (*link == timer) {
			*link = timer->next;
			heap_free(timer, sizeof *timer);
			break;
		}
}

void timers_drop(struct process *p, int all)
{
	for (struct timer *t = p->timers, *next; t; t = next) {
		next = t->next;
		if (all || t->id >= 0)
			timer_drop(p, t);
	}
}

void timer_set(struct process *p, struct timer *t, int64_t at, int64_t every)
{
	t->at = at;
	t->every = at ? every : 0;
	t->overrun = t->delivered = 0;
	arm(p);
}

int64_t timer_left(const struct process *p, const struct timer *t)
{
	if (!t->at)
		return 0;
	int64_t left = t->at - timer_now(p, t);
	return left > 0 ? left : 1000;
}
