/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Capabilities of programs (capability.h): deriving and revoking. An attacker controls indexes, bounds, permissions, types, and
 * when its threads, and those it granted something to, call. Trusted.
 */
#include <sched.h>
#include <unistd.h>

#include "intravisor/cvm/snapshot.h"
#include "intravisor/host/host.h"
#include "intravisor/share/capability.h"

#define FREED_AT_ONCE 4096u     /* so that nobody waits long for the lock */

_Static_assert(offsetof(struct window, base) == 0, "a window is the object of its capabilities");
pthread_mutex_t tree_lock = PTHREAD_MUTEX_INITIALIZER;

struct cap_table *capabilities_of(const struct caller *caller)
{
	struct window *window = caller->program;
	struct cap_table *table = __atomic_load_n(&window->capabilities, __ATOMIC_ACQUIRE);
	const struct cap all = {.length = WINDOW_MEMORY_END, .otype = CAP_UNSEALED, .object = window,
				.permissions = CAP_LOAD | CAP_STORE | CAP_INVOKE | CAP_GRANT};

	/* Others copy to and from it without looking for what is missing (snapshot.c); nothing ever is from here on. */
	if (table || snapshot_fetch_all(window) || !(table = cap_table_create(CAPABILITIES_MOST)))
		return table;
	pthread_mutex_lock(&tree_lock);
	if (window->capabilities || cap_root(table, &all, &window->memory))      /* another thread was faster, or no memory */
		cap_table_destroy(table, NULL);
	else
		__atomic_store_n(&window->capabilities, table, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&tree_lock);
	return window->capabilities;
}

int64_t capability_end(struct cap_table *table, uint64_t index)
{
	struct cap_doomed doomed;

	pthread_mutex_lock(&tree_lock);
	int error = cap_untag(table, index, &doomed);
	for (unsigned tries = 0; !error && !cap_free(&doomed, FREED_AT_ONCE, NULL); tries++) {
		pthread_mutex_unlock(&tree_lock);
		/* Not asleep on what it waits for, because that may be gone with its table. */
		tries < 64 ? sched_yield() : usleep(50);
		pthread_mutex_lock(&tree_lock);
	}
	pthread_mutex_unlock(&tree_lock);
	return error;
}

/* No thread runs in it, so nothing is added to the table any more. */
void capabilities_close(struct window *window)
{
	struct cap_table *table = window->capabilities;

	for (uint64_t i = 0; table && i < CAPABILITIES_MOST && table->in_use; i++)
		capability_end(table, i);
	pthread_mutex_lock(&tree_lock);
	cap_table_destroy(table, NULL);         /* with those that another's revocation is still about to free */
	pthread_mutex_unlock(&tree_lock);
	window->capabilities = NULL;
}

/* Under tree_lock. */
static int64_t derive(struct cap_table *table, uint64_t index, uint64_t how, uint64_t a, uint64_t b)
{
	static uint64_t next_type;      /* each is one program's alone, for ever */
	const struct cap *cap = cap_get(table, how == CAPABILITY_SEAL ? a : index);
	struct cap type = {.base = next_type, .length = 1, .otype = CAP_UNSEALED, .permissions = CAP_SEAL | CAP_UNSEAL | CAP_GRANT};

	switch (how) {
	case CAPABILITY_BOUNDS:
		return !cap ? -EBADF : a > cap->length ? -EINVAL : cap_set_bounds(table, index, cap->base + a, b);
	case CAPABILITY_PERMISSIONS:
		return cap_and_permissions(table, index, (uint32_t)a);
	case CAPABILITY_SEAL:
		return cap_seal(table, index, a, cap ? cap->base + b : 0);
	case CAPABILITY_UNSEAL:
		return cap_unseal(table, index, a);
	case CAPABILITY_TYPE:
		next_type++;
		return cap_root(table, &type, NULL);
	case CAPABILITY_INVOKE:
		return cap_invoke_check(table, index, a);
	default:
		return -EINVAL;
	}
}

int64_t host_capability_derive(struct caller *caller, const uint64_t a[6])
{
	struct cap_table *table = capabilities_of(caller);

	pthread_mutex_lock(&tree_lock);
	int64_t result = table ? derive(table, a[0], a[1], a[2], a[3]) : -ENOMEM;
	pthread_mutex_unlock(&tree_lock);
	return result;
}

/* Entry 0 stays as long as the window. */
int64_t host_capability_revoke(struct caller *caller, const uint64_t a[6])
{
	struct cap_table *table = capabilities_of(caller);

	return !table ? -ENOMEM : !a[0] ? -EPERM : capability_end(table, a[0]);
}
