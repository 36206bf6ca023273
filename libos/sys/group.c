/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A process's supplementary groups: kept with Linux's checks. Who may open a file of the host's is judged there, by who runs the cVM.
 */
#include "libos/sys/sys.h"

#define GROUPS_MOST 65536u

int64_t sys_getgroups(const uint64_t a[6])
{
	const struct process *p = process_current();

	if ((int)a[0] < 0 || ((int)a[0] && (unsigned)a[0] < p->group_count))
		return -EINVAL;
	if ((int)a[0] && p->group_count && user_put(USER(1), p->groups, p->group_count * sizeof *p->groups))
		return -EFAULT;
	return p->group_count;
}

int64_t sys_setgroups(const uint64_t a[6])
{
	struct process *p = process_current();
	unsigned count = (unsigned)a[0];

	if (boot->uid)
		return -EPERM;
	if (count > GROUPS_MOST)
		return -EINVAL;
	uint32_t *groups = heap_allocate(count * sizeof *groups + !count);
	if (!groups)
		return -ENOMEM;
	if (count && user_get(groups, USER(1), count * sizeof *groups)) {
		heap_free(groups, count * sizeof *groups);
		return -EFAULT;
	}
	for (unsigned gap = count / 2; gap; gap /= 2)           /* in order, as Linux gives them back */
		for (unsigned i = gap; i < count; i++)
			for (unsigned j = i; j >= gap && groups[j - gap] > groups[j]; j -= gap) {
				uint32_t other = groups[j];
				groups[j] = groups[j - gap];
				groups[j - gap] = other;
			}
	heap_free(p->groups, p->group_count * sizeof *p->groups + !p->group_count);
	p->groups = groups;
	p->group_count = count;
	return 0;
}
