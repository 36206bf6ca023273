/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Scheduling policies, nice values and sets of processors: kept for each thread with Linux's checks, and without effect: the host schedules
 * all threads of a cVM alike, or a cVM's user could stop the others.
 */
#include <asm/resource.h>
#include <linux/resource.h>

#include "libos/sys/sys.h"

enum { POLICY_OTHER, POLICY_FIFO, POLICY_RR, POLICY_BATCH, POLICY_IDLE = 5 };
#define RESET_ON_FORK 0x40000000
#define PRIORITY_MOST 99
#define NICE_LEAST (-20)
#define NICE_MOST  19

static int realtime(int policy)
{
	return policy == POLICY_FIFO || policy == POLICY_RR;
}

static int known(int policy)
{
	return policy >= POLICY_OTHER && policy <= POLICY_IDLE && policy != POLICY_IDLE - 1;
}

static struct thread *thread_or_self(uint64_t id)
{
	return (int)id ? thread_find((int)id) : thread_current();
}

static int64_t set(uint64_t id, int policy, struct user parameters)
{
	int32_t priority;

	if ((int)id < 0 || !parameters.at)
		return -EINVAL;
	if (user_get(&priority, parameters, sizeof priority))
		return -EFAULT;
	struct thread *t = thread_or_self(id);
	if (!t)
		return -ESRCH;
	int reset = policy >= 0 && (policy & RESET_ON_FORK);
	policy = policy < 0 ? t->policy : policy & ~RESET_ON_FORK;
	if (!known(policy) || priority < 0 || priority > PRIORITY_MOST || realtime(policy) != (priority != 0))
		return -EINVAL;
	int raised = !realtime(t->policy) || priority > t->priority;
	if (boot->uid && realtime(policy) && raised && (uint64_t)priority > limit_now(RLIMIT_RTPRIO))
		return -EPERM;
	t->policy = policy;
	t->priority = priority;
	t->policy_reset |= reset;
	return 0;
}

int64_t sys_sched_setscheduler(const uint64_t a[6])
{
	return (int)a[1] < 0 ? -EINVAL : set(a[0], (int)a[1], USER(2));
}

int64_t sys_sched_setparam(const uint64_t a[6])
{
	return set(a[0], -1, USER(1));
}

int64_t sys_sched_getscheduler(const uint64_t a[6])
{
	const struct thread *t = thread_or_self(a[0]);

	return (int)a[0] < 0 ? -EINVAL : !t ? -ESRCH : t->policy | (t->policy_reset ? RESET_ON_FORK : 0);
}

int64_t sys_sched_getparam(const uint64_t a[6])
{
	const struct thread *t = thread_or_self(a[0]);

	if ((int)a[0] < 0 || !a[1])
		return -EINVAL;
	return t ? user_put(USER(1), &t->priority, 4) : -ESRCH;
}

int64_t sys_sched_rr_get_interval(const uint64_t a[6])
{
	const struct thread *t = thread_or_self(a[0]);

	if ((int)a[0] < 0)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	const int64_t interval[2] = {0, t->policy == POLICY_RR ? 100000000 : t->policy == POLICY_FIFO ? 0 : 4000000};
	return user_put(USER(1), interval, sizeof interval);
}

CONSTANT(sched_get_priority_max, realtime((int)a[0]) ? PRIORITY_MOST : known((int)a[0]) ? 0 : -EINVAL)
CONSTANT(sched_get_priority_min, realtime((int)a[0]) ? 1 : known((int)a[0]) ? 0 : -EINVAL)

/* ---- nice values: of one thread, a process group's, a user's ---- */
static int meant(const struct thread *t, int kind, int who)
{
	switch (kind) {
	case 0: return t->id == (who ? who : thread_current()->id);
	case 1: return t->process->group == (who ? who : process_current()->group);
	default: return (uint32_t)who == boot->uid || !who;
	}
}

int64_t sys_getpriority(const uint64_t a[6])
{
	int64_t best = -ESRCH;

	if (a[0] > 2)
		return -EINVAL;
	for (const struct process *p = processes; p; p = p->next)
		for (const struct thread *t = p->threads; t; t = t->next)
			if (meant(t, (int)a[0], (int)a[1]) && 20 - t->nice > best)
				best = 20 - t->nice;
	return best;
}

int64_t sys_setpriority(const uint64_t a[6])
{
	int nice = (int)a[2] < NICE_LEAST ? NICE_LEAST : (int)a[2] > NICE_MOST ? NICE_MOST : (int)a[2];
	int64_t error = -ESRCH;

	if (a[0] > 2)
		return -EINVAL;
	for (struct process *p = processes; p; p = p->next)
		for (struct thread *t = p->threads; t; t = t->next) {
			if (!meant(t, (int)a[0], (int)a[1]))
				continue;
			if (boot->uid && nice < t->nice && (uint64_t)(20 - nice) > limit_now(RLIMIT_NICE)) {
				error = -EACCES;
				continue;
			}
			t->nice = nice;
			error = error == -ESRCH ? 0 : error;
		}
	return error;
}

/* ---- processors ---- */
static void processors(uint64_t set[2])
{
	int64_t n = HOST(processors);

	for (int64_t i = 0; i < n && i < 128; i++)
		set[i / 64] |= 1ull << i % 64;
}

int64_t sys_sched_setaffinity(const uint64_t a[6])
{
	uint64_t there[2] = {0}, set[2] = {0};
	struct thread *t = thread_or_self(a[0]);
	uint32_t size = (uint32_t)a[1];

	if (user_get(set, USER(2), size < sizeof set ? size : sizeof set))
		return -EFAULT;
	if (!t)
		return -ESRCH;
	processors(there);
	set[0] &= there[0];
	set[1] &= there[1];
	if (!set[0] && !set[1])
		return -EINVAL;
	memcpy(t->affinity, set, sizeof set);
	return 0;
}

int64_t sys_sched_getaffinity(const uint64_t a[6])
{
	uint64_t set[2] = {0};
	const struct thread *t = thread_or_self(a[0]);
	int64_t n = HOST(processors);
	size_t size = n > 64 ? 16 : 8;

	if (a[1] % 8 || a[1] < size)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	if (t->affinity[0] || t->affinity[1])
		memcpy(set, t->affinity, sizeof set);
	else
		processors(set);
	return user_put(USER(2), set, size) ? -EFAULT : (int64_t)size;
}
