/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Waiting: queues of waiters, each thread asleep on a futex word of its own. All under the kernel lock, which a sleeper gives
 * up; a wake-up between its looking and its sleeping is kept in the word.
 */
#include "libos/process/bell.h"

#define FUTEX_WAIT_BITSET_PRIVATE (9 | 128)     /* an absolute monotonic deadline */

int64_t now(void)
{
	int64_t t[2] = {0, 0};

	HOST_FAST(clock_get, 1, own_ref(t));
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
	if (t->waiting == WAITS_ASLEEP)
		kernel_call(&t->wake);
	else if (t->waiting)
		return;
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

void wait_dismiss(struct wait_queue *queue)
{
	for (struct waiter *w; (w = queue->first);) {
		wait_end(w);
		if (!w->woken)
			thread_wake(w->thread);
	}
}

/* Before it sleeps a thread looks for a while whether another wakes it, as long as that has been worth it lately: a wake-up from
 * sleep costs two system calls and a switch, tens of microseconds in which what is waited for has often come. Two that sleep would never
 * learn that it pays to look, so a probe is as long as a spin can be. Without the lock. */
#define SPIN_MOST  1500u        /* machine_pause()s: some 40 us */
#define SPIN_LEAST 20u
#define SPIN_AGAIN 64u          /* of so many waits one is a probe when spinning has not helped */
#define SPIN_AGAIN_SHARED 8u    /* for another cVM, which answers later */

static void spin(struct thread *t, int listens)
{
	static int64_t processors;
	unsigned budget = t->spin ? t->spin : ++t->waits % (listens ? SPIN_AGAIN_SHARED : SPIN_AGAIN) ? 0 : SPIN_MOST;

	if (!budget || (kernel_single && !listens))
		return;
	if (!processors)
		processors = HOST(processors);
	if (processors == 1)    /* who is waited for cannot run meanwhile */
		return;
	kernel_unlock();
	for (unsigned i = 0; i < budget && !__atomic_load_n(&t->wake, __ATOMIC_ACQUIRE); i++) {
		machine_pause();
		if (listens && bells_rung()) {
			kernel_lock();
			bells_take();
			kernel_unlock();
		}
	}
	kernel_lock();
	if (__atomic_load_n(&t->wake, __ATOMIC_ACQUIRE))
		t->spin = 2 * budget < SPIN_MOST ? 2 * budget : SPIN_MOST;
	else
		t->spin = t->spin / 2 < SPIN_LEAST ? 0 : t->spin / 2;
}

void wait_spin(void)
{
	if (bells_used)
		spin(thread_current(), 1);
}

/* listens: for the bell too, since what it waits for may be shared with another cVM. Others need not: who waits for such a thing does. */
static int64_t sleep_until(int64_t deadline, int signals, int listens)
{
	struct thread *t = thread_current();
	int64_t until[2] = {deadline / 1000000000, deadline % 1000000000}, result = 0;

	t->waiting = WAITS_AWAKE;
	spin(t, listens);
	t->waiting = WAITS_ASLEEP;
	for (;;) {
		if (listens)    /* first: this sleeper's wake-up may have been the only one */
			bells_take();
		kick_look(t);
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
		uintptr_t limit = deadline == FOR_EVER ? 0 : own_ref(until);
		result = listens ? HOST_KICKABLE(bell_wait, own_ref(&t->wake), limit)
				 : HOST_KICKABLE(futex, own_ref(&t->wake), FUTEX_WAIT_BITSET_PRIVATE, 0, limit, 0, 0xffffffffu);
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
	return sleep_until(deadline, 1, 0);
}

int64_t wait_sleep_through(int64_t deadline)
{
	return sleep_until(deadline, 0, 0);
}

int64_t wait_sleep_listening(int64_t deadline)
{
	return sleep_until(deadline, 1, bells_used);
}
