/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Resource limits: what the library OS holds the program to, and what it may ask for less.
 */
#include <asm/resource.h>
#include <linux/resource.h>

#include "libos/sys/sys.h"

struct limit {
	uint64_t now, most;
};
_Static_assert(RLIM_NLIMITS <= 16, "struct process holds them");

static struct limit *limit_of(struct process *p, uint64_t which)
{
	struct limit *limits = (struct limit *)p->limits;

	if (!limits[RLIMIT_NOFILE].most) {      /* the first process's, inherited from then on */
		for (int i = 0; i < RLIM_NLIMITS; i++)
			limits[i] = (struct limit){UINT64_MAX, UINT64_MAX};
		limits[RLIMIT_NOFILE] = (struct limit){descriptor_limit(), FILES_MOST};
		limits[RLIMIT_STACK].now = SPACE_STACK_SIZE;
		limits[RLIMIT_CORE].now = 0;
		limits[RLIMIT_RTPRIO] = limits[RLIMIT_NICE] = (struct limit){0, 0};
		limits[RLIMIT_MEMLOCK] = (struct limit){8 << 20, 8 << 20};
		limits[RLIMIT_SIGPENDING] = (struct limit){SIGNALS_MORE_MOST, SIGNALS_MORE_MOST};
		limits[RLIMIT_MSGQUEUE] = (struct limit){819200, 819200};
		if (boot->memory_limit)
			limits[RLIMIT_AS] = (struct limit){boot->memory_limit, boot->memory_limit};
	}
	return which < RLIM_NLIMITS ? &limits[which] : NULL;
}

uint64_t limit_now(int which)
{
	return limit_of(process_current(), (uint64_t)which)->now;
}

static int64_t limit_set(uint64_t which, struct user from)
{
	struct limit new, *l = limit_of(process_current(), which);

	if (user_get(&new, from, sizeof new))
		return -EFAULT;
	if (!l || new.now > new.most)
		return -EINVAL;
	if (new.most > l->most)
		return -EPERM;
	*l = new;
	if (which == RLIMIT_NOFILE)
		descriptor_limit_set(new.now < FILES_MOST ? (uint32_t)new.now : FILES_MOST);
	return 0;
}

int64_t sys_getrlimit(const uint64_t a[6])
{
	const struct limit *l = limit_of(process_current(), (uint32_t)a[0]);

	return l ? user_put(USER(1), l, sizeof *l) : -EINVAL;
}

int64_t sys_setrlimit(const uint64_t a[6])
{
	return limit_set((uint32_t)a[0], USER(1));
}

int64_t sys_prlimit64(const uint64_t a[6])
{
	const struct limit *l = limit_of(process_current(), (uint32_t)a[1]);

	if ((int)a[0] != 0 && (int)a[0] != process_current()->id)
		return -ESRCH;
	if (!l)
		return -EINVAL;
	struct limit before = *l;
	int64_t error = a[2] ? limit_set((uint32_t)a[1], USER(2)) : 0;
	return error ? error : a[3] ? user_put(USER(3), &before, sizeof before) : 0;
}
