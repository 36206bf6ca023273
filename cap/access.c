/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Use of capabilities by several threads, without a lock (cap.h). A user counts itself in the entry and then looks at the tag; a
 * revocation takes the tag away and then looks at the count: one of both sees the other. Runs behind the fast gate too (machine.h):
 * no libc.
 */
#include <errno.h>

#include "cap/table.h"

/* This one under the lock, as what it gives lasts no longer; it is here because fast calls take it. */
const struct cap *cap_get(const struct cap_table *table, uint64_t index)
{
	const struct entry *entry = entry_at(table, index);

	return entry ? &entry->cap : NULL;
}

int cap_hold(struct cap_table *table, uint64_t index, uint32_t permissions, struct cap_held *held)
{
	struct entry *entry = table ? entry_at(table, index) : NULL;
	int error = -EBADF;

	*held = (struct cap_held){0};
	if (!entry)
		return -EBADF;
	__atomic_add_fetch(&entry->users, 1, __ATOMIC_SEQ_CST);
	held->entry = entry;
	held->cap = &entry->cap;
	if (cap_tagged(held))
		error = entry->cap.otype != CAP_UNSEALED || (entry->cap.permissions & permissions) != permissions ? -EPERM : 0;
	return error;
}

int cap_tagged(const struct cap_held *held)
{
	return __atomic_load_n(&held->entry->tag, __ATOMIC_SEQ_CST) != 0;
}

void cap_release(const struct cap_held *held)
{
	if (held->entry)
		__atomic_sub_fetch(&held->entry->users, 1, __ATOMIC_SEQ_CST);
}
