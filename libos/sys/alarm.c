/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Interval timers. The Intravisor kicks the thread that set one when it is due; whatever runs next looks at the clock.
 */
#include "libos/sys/sys.h"

#define SIGALRM 14

/* Called wherever a kick may have come from a timer. */
void alarm_look(struct process *p)
{
	if (!p->alarm_at || p->dead)
		return;
	uint64_t time = (uint64_t)now();
	if (time < p->alarm_at)
		return;
	if (p->alarm_every) {
		uint64_t missed = (time - p->alarm_at) / p->alarm_every + 1;
		p->alarm_at += missed * p->alarm_every;
		HOST(timer, p->alarm_at);
	} else
		p->alarm_at = 0;
	signal_process(p, (struct signal_info){.signal = SIGALRM, .code = 0x80});
}

static void alarm_set(struct process *p, int64_t after, int64_t every)
{
	p->alarm_at = after > 0 ? (uint64_t)(now() + after) : 0;
	p->alarm_every = p->alarm_at ? (uint64_t)every : 0;
	HOST(timer, p->alarm_at);
}

static uint64_t alarm_left(const struct process *p)
{
	uint64_t time = (uint64_t)now();

	return !p->alarm_at ? 0 : p->alarm_at > time ? p->alarm_at - time : 1000;
}

int64_t sys_alarm(const uint64_t a[6])
{
	struct process *p = process_current();
	uint64_t left = alarm_left(p);

	alarm_set(p, (int64_t)((uint64_t)(uint32_t)a[0] * 1000000000u), 0);
	return (int64_t)((left + 500000000) / 1000000000 + (left && left < 500000000));
}

static int64_t value_put(struct user at, const struct process *p)
{
	uint64_t left = alarm_left(p), every = p->alarm_every;
	const uint64_t out[4] = {every / 1000000000, every / 1000 % 1000000, left / 1000000000, left / 1000 % 1000000};

	return user_put(at, out, sizeof out);
}

int64_t sys_getitimer(const uint64_t a[6])
{
	return a[0] ? -EINVAL : value_put(USER(1), process_current());
}

int64_t sys_setitimer(const uint64_t a[6])
{
	struct process *p = process_current();
	int64_t in[4] = {0};

	if (a[0])
		return -EINVAL;
	if (a[1] && user_get(in, USER(1), sizeof in))
		return -EFAULT;
	for (int i = 0; i < 4; i += 2)
		if (in[i] < 0 || in[i] > 1ll << 32 || in[i + 1] < 0 || in[i + 1] >= 1000000)
			return -EINVAL;
	if (a[2] && value_put(USER(2), p))
		return -EFAULT;
	alarm_set(p, in[2] * 1000000000 + in[3] * 1000, in[0] * 1000000000 + in[1] * 1000);
	return 0;
}
