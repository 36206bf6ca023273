/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Threads that ended are used again: what others may still look at of them (thread.h) is never unmapped. Trusted.
 */
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "machine/thread.h"

static struct machine_thread *unused;   /* under the lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct machine_thread *thread_used_again(void)
{
	pthread_mutex_lock(&lock);
	struct machine_thread *thread = unused;
	if (thread)
		unused = thread->next;
	pthread_mutex_unlock(&lock);
	return thread;
}

void thread_unused(struct machine_thread *thread)
{
	pthread_mutex_lock(&lock);
	thread->next = unused;
	unused = thread;
	pthread_mutex_unlock(&lock);
}

void thread_clear(struct machine_thread *thread, void *owner)
{
	struct context *context = thread->context;
	const size_t behind = offsetof(struct context, thread) + sizeof context->thread;

	memset(&thread->owner, 0, sizeof *thread - offsetof(struct machine_thread, owner));
	thread->owner = owner;
	*thread->home = (struct carrier){.resident = thread, .now = context};
	memset(context, 0, offsetof(struct context, thread));
	memset((uint8_t *)context + behind, 0, sizeof *context - behind);
}
