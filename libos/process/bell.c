/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What other cVMs have changed: the Intravisor keeps a list of the shared objects that rang, and whoever sleeps here sleeps for it too (wait.c).
 * A ring wakes the queue of its object, and what waits there looks for itself. All under the kernel lock.
 */
#include "libos/process/bell.h"

#define OBJECTS_MOST 16384u             /* the Intravisor's bound on handles of shared objects */

int bells_used;
static struct wait_queue **queues;
static int64_t bell_handle = -1;

int64_t bell_attach(int64_t handle, struct wait_queue *queue)
{
	if (!queues && !(queues = heap_allocate(OBJECTS_MOST * sizeof *queues)))
		return -ENOMEM;
	queues[handle] = queue;
	bells_used = 1;
	return 0;
}

void bell_detach(int64_t handle)
{
	queues[handle] = NULL;
}

int bells_rung(void)
{
	return HOST_FAST(rung, 0, 0) != 0;
}

void bells_take(void)
{
	uint32_t rung[64];
	int64_t n;

	do {
		n = HOST_FAST(rung, own_ref(rung), 64);
		for (int64_t i = 0; i < n; i++)
			if (rung[i] < OBJECTS_MOST && queues[rung[i]])
				wait_wake(queues[rung[i]], UINT32_MAX);
	} while (n == 64);
}

int64_t bell_host_handle(void)
{
	if (bell_handle < 0)
		bell_handle = HOST(bell_handle);
	return bell_handle;
}

void bell_quiet(void)
{
	uint64_t count;

	HOST(read, bell_handle, own_ref(&count), sizeof count, -1);
	bells_take();
}
