/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Waiting: queues of waiters, each thread asleep on a futex word of its own. All under the kernel lock, which a sleeper gives
 * up; a wake-up between its looking and its sleeping is kept in the word.
 */
#include "libos/process/process.h"

#define FUTEX_WAIT_BITSET_PRIVATE (9 | 128)     /* an absolute monotonic deadline */
#define FUTEX_WAKE_PRIVATE 129

int64_t now(void)
{
	int64_t t[2] = {0, 0};

	HOST(clock_get, 1, (uintptr_t)t);
	return t[0] * 1000000000 + t[1];
}

void wait_begin(struct waiter *w, struct wait_queue *queue)
{
	w->thread = thread_current();
	__atomic_store_n(&w->thread->wake, 0, __ATOMIC_RELAXED);
	w->queue = queue;
	w->next = NULL;
	w->before = queue->last;
	*(queue->last ? &queue->last->next : &queue->first) = w;
	queue->last = w;
}

void wait_end(struct waiter *w)
{
	if (!w->queue)
		return;
	*(w->before ? &w->before->next : &w->queue->first) = w->next;
	*(w->next ? &w->next->before : &w->queue->last) = w->before;
	w->queue = NULL;
}

void thread_wake(struct thread *t)
{
	__atomic_store_n(&t->wake, 1, __ATOMIC_RELEASE);
	if (t->waiting)
		HOST(futex, (uintptr_t)&t->wake, FUTEX_WAKE_PRIVATE, 1);
	else if (t->hosting && t != thread_current())
		HOST(thread_kick, t->number);   /* it waits for the host too: poll */
}

void waiter_wake(struct waiter *w)
{
	if (w->woken)
		w->woken(w);
	else
		thread_wake(w->thread);
}

/* Each leaves the queue when it runs again; waking it twice does no harm. */
unsigned wait_wake_for(struct wait_queue *queue, unsigned most, unsigned events)
{
	unsigned n = 0;

	queue->events = events;
	for (struct waiter *w = queue->first, *next; w && n < most; w = next, n++) {
		next = w->next;
		waiter_wake(w);
	}
	return n;
}

unsigned wait_wake(struct wait_queue *queue, unsigned most)
{
	return wait_wake_for(queue, most, ~0u);
}

void wait_queue_end(struct wait_queue *queue)
{
	for (struct waiter *w = queue->first, *next; w; w = next) {
		next = w->next;
		w->queue = NULL;
		if (!w->woken)
			thread_wake(w->thread);
	}
	*queue = (struct wait_queue){0};
}

static int64_t sleep_until(int64_t deadline, int signals)
{
	struct thread *t = thread_current();
	int64_t until[2] = {deadline / 1000000000, deadline % 1000000000}, result = 0;

	t->waiting = 1;
	for (;;) {
		if (__atomic_load_n(&t->wake, __ATOMIC_ACQUIRE)) {
			result = 0;
			break;
		}
		if (t->leaving || t->process->ending || (signals && t->attention && signal_waits(t))) {
			result = -RESTART;
			break;
		}
		if (result == -ETIMEDOUT)
			break;
		kernel_unlock();
		result = HOST(futex, (uintptr_t)&t->wake, FUTEX_WAIT_BITSET_PRIVATE, 0, deadline == FOR_EVER ? 0 : (uintptr_t)until, 0,
			      0xffffffffu);
		kernel_lock();
		if (result == -EINTR)
			kicked(t);
	}
	t->waiting = 0;
	__atomic_store_n(&t->wake, 0, __ATOMIC_RELAXED);
	return result;
}

int64_t wait_sleep(int64_t deadline)
{
	return sleep_until(deadline, 1);
}

int64_t wait_sleep_through(int64_t deadline)
{
	return sleep_until(deadline, 0);
}
