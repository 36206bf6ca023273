/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Waiting for children, process groups and sessions.
 */
#include "libos/sys/sys.h"

#define NOHANG    1u
#define UNTRACED  2u
#define EXITED    4u
#define CONTINUED 8u
#define NOWAIT    0x01000000u

struct found {
	int id, status, what;           /* what: CLD_EXITED 1, KILLED 2, STOPPED 5, CONTINUED 6 */
	struct usage usage;
};

static int chosen(const struct process *c, int which)
{
	return which == -1 || (which > 0 && c->id == which) || (which < -1 && c->group == -which) ||
	       (which == 0 && c->group == process_current()->group);
}

/* 1 when there is one, 0 when one may come, -ECHILD. */
static int look(int which, unsigned options, struct found *found)
{
	struct process *self = process_current();
	int any = 0;

	for (struct process *c = processes; c; c = c->next) {
		if (c->parent != self || !chosen(c, which))
			continue;
		any = 1;
		if (c->dead && (options & EXITED)) {
			*found = (struct found){c->id, c->status, c->status & 0x7f ? 2 : 1, c->gone};
			usage_add(&found->usage, &c->used_by_children);
			if (!(options & NOWAIT)) {
				usage_add(&self->used_by_children, &found->usage);
				process_reap(c);
			}
			return 1;
		}
		if (c->dead)
			continue;
		if (c->stopped && c->reported == 1 && (options & UNTRACED)) {
			*found = (struct found){c->id, c->stopped << 8 | 0x7f, 5, c->gone};
			usage_of(c, &found->usage);
			if (!(options & NOWAIT))
				c->reported = 0;
			return 1;
		}
		if (!c->stopped && c->reported == 2 && (options & CONTINUED)) {
			*found = (struct found){c->id, 0xffff, 6, c->gone};
			usage_of(c, &found->usage);
			if (!(options & NOWAIT))
				c->reported = 0;
			return 1;
		}
	}
	return any ? 0 : -ECHILD;
}

static int64_t wait_for_child(int which, unsigned options, struct found *found)
{
	struct waiter w = {0};
	int64_t error;

	wait_begin(&w, &process_current()->children);
	while ((error = look(which, options, found)) == 0 && !(options & NOHANG))
		if ((error = wait_sleep(FOR_EVER)))
			break;
	wait_end(&w);
	return error;
}

int64_t sys_wait4(const uint64_t a[6])
{
	struct found found;
	int64_t n;

	if (a[2] & ~(uint64_t)(NOHANG | UNTRACED | CONTINUED | 0xe0000000u))
		return -EINVAL;
	n = wait_for_child((int)a[0], (unsigned)a[2] | EXITED, &found);
	if (n <= 0)
		return n;
	if ((a[1] && user_put(USER(1), &found.status, 4)) || (a[3] && user_put(USER(3), &found.usage, sizeof found.usage)))
		return -EFAULT;
	return found.id;
}

int64_t sys_waitid(const uint64_t a[6])
{
	static const int kinds[] = {-1, 1, 2};
	struct found found = {.id = 0};
	int which = (int)a[1], kind = (int)a[0];
	int64_t n;

	if (kind < 0 || kind > 2 || (a[3] & ~(uint64_t)(NOHANG | UNTRACED | EXITED | CONTINUED | NOWAIT | 0xe0000000u)) ||
	    !(a[3] & (UNTRACED | EXITED | CONTINUED)) || (kinds[kind] > 0 && which < 0))
		return -EINVAL;
	which = kind == 0 ? -1 : kind == 1 ? which : which ? -which : 0;
	n = wait_for_child(which, (unsigned)a[3], &found);
	if (n < 0)
		return n;
	int code = found.what == 1 ? found.status >> 8 & 0xff : found.what == 5 ? found.status >> 8 : found.what == 6 ? 18 : found.status & 0x7f;
	int32_t out[32] = {n ? 17 : 0, 0, found.what, 0, found.id, n ? (int32_t)boot->uid : 0, code};
	if (n && a[4] && user_put(USER(4), &found.usage, sizeof found.usage))
		return -EFAULT;
	return a[2] && user_put(USER(2), out, sizeof out) ? -EFAULT : 0;
}

/* ---- groups and sessions ---- */
static struct process *process_or_self(int id)
{
	return id ? process_find(id) : process_current();
}

int64_t sys_getpgid(const uint64_t a[6])
{
	const struct process *p = process_or_self((int)a[0]);

	return p ? p->group : -ESRCH;
}

CONSTANT(getpgrp, process_current()->group)

int64_t sys_getsid(const uint64_t a[6])
{
	const struct process *p = process_or_self((int)a[0]);

	return p ? p->session : -ESRCH;
}

int64_t sys_setsid(const uint64_t a[6])
{
	struct process *self = process_current();

	(void)a;
	for (const struct process *p = processes; p; p = p->next)
		if (p->group == self->id)
			return -EPERM;
	return self->group = self->session = self->id;
}

int64_t sys_setpgid(const uint64_t a[6])
{
	struct process *self = process_current(), *p = process_or_self((int)a[0]);
	int group = (int)a[1];

	if (group < 0)
		return -EINVAL;
	if (!p || (p != self && p->parent != self))
		return -ESRCH;
	if (p != self && p->executed)
		return -EACCES;
	if (p->session == p->id || p->session != self->session)
		return -EPERM;
	group = group ? group : p->id;
	if (group != p->id) {
		const struct process *member = processes;
		while (member && !(member->group == group && member->session == self->session))
			member = member->next;
		if (!member)
			return -EPERM;
	}
	p->group = group;
	return 0;
}
