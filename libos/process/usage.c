/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Usage figures: what each process has used, though all are threads of one host process. Of other threads only the processor time
 * is known as long as they run; it counts as the program's.
 */
#include "libos/process/process.h"

static void time_add(int64_t to[2], int64_t seconds, int64_t micros)
{
	to[0] += seconds + (to[1] + micros) / 1000000;
	to[1] = (to[1] + micros) % 1000000;
}

void usage_add(struct usage *to, const struct usage *more)
{
	time_add(to->user, more->user[0], more->user[1]);
	time_add(to->system, more->system[0], more->system[1]);
	to->resident = more->resident > to->resident ? more->resident : to->resident;
	for (int i = 0; i < 13; i++)
		to->counts[i] += more->counts[i];
}

int64_t time_of_thread(const struct thread *t)
{
	int64_t time[2] = {0, 0};

	if (t == thread_current())
		HOST(clock_get, 3, own_ref(time));
	else
		HOST(thread_time, t->number, own_ref(time));  /* 0 as long as it has not begun */
	return time[0] * 1000000000 + time[1];
}

int64_t time_of_process(const struct process *p)
{
	int64_t time = p->gone_time;

	for (const struct thread *t = p->threads; t; t = t->next)
		time += time_of_thread(t);
	return time;
}

void usage_of(const struct process *p, struct usage *u)
{
	*u = p->gone;
	for (const struct thread *t = p->threads; t; t = t->next) {
		struct usage one = {.resident = 0};
		if (t == thread_current())
			HOST(usage, own_ref(&one), 1);
		else
			time_add(one.user, 0, time_of_thread(t) / 1000);
		usage_add(u, &one);
	}
}

void usage_leave(struct thread *t)
{
	struct usage own = {.resident = 0};

	HOST(usage, own_ref(&own), 1);
	usage_add(&t->process->gone, &own);
	t->process->gone_time += time_of_thread(t);
}
