/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The kernel lock: a futex of three states (U. Drepper, "Futexes Are Tricky"). While the cVM has one thread nobody can contend,
 * and only that thread can make a second one, so plain stores do. Sleepers that were woken under the lock are called when it is free:
 * called before, they would run into it and sleep again, on the lock.
 */
#include "libos/process/process.h"

#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

int kernel_single = 1;
uint32_t kernel_word;
#define CALLS_MOST 8u
static uint32_t *calls[CALLS_MOST];      /* words to wake, under the lock */
static unsigned call_count;

void kernel_lock_shared(void)
{
	uint32_t none = 0;

	if (__atomic_compare_exchange_n(&kernel_word, &none, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	for (int i = 0; i < 200; i++) {
		none = 0;
		if (!__atomic_load_n(&kernel_word, __ATOMIC_RELAXED) &&
		    __atomic_compare_exchange_n(&kernel_word, &none, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
	}
	int kick = 0;
	while (__atomic_exchange_n(&kernel_word, 2, __ATOMIC_ACQUIRE))
		kick |= HOST_KICKABLE(futex, own_ref(&kernel_word), FUTEX_WAIT_PRIVATE, 2, 0) == -EINTR;
	if (kick && thread_current()->process)  /* it is over now: nobody else looks */
		kicked(thread_current());
}

void kernel_unlock_shared(void)
{
	uint32_t *mine[CALLS_MOST];
	unsigned count = call_count;

	for (unsigned i = 0; i < count; i++)
		mine[i] = calls[i];
	call_count = 0;
	if (__atomic_exchange_n(&kernel_word, 0, __ATOMIC_RELEASE) == 2)
		HOST(futex, own_ref(&kernel_word), FUTEX_WAKE_PRIVATE, 1);
	/* A thread that has ended meanwhile is not there to hear it; another in its place looks again. */
	for (unsigned i = 0; i < count; i++)
		HOST(futex, own_ref(mine[i]), FUTEX_WAKE_PRIVATE, 1);
}

void kernel_call(uint32_t *word)
{
	if (!kernel_single && call_count < CALLS_MOST)
		calls[call_count++] = word;
	else
		HOST(futex, own_ref(word), FUTEX_WAKE_PRIVATE, 1);
}

int64_t host_steady(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	int64_t result;

	while ((result = host_call(number, a, b, c, d, e, f)) == -EINTR)
		thread_current()->kick = thread_current()->attention = 1;
	return result;
}

void kick_look(struct thread *t)
{
	if (!t->kick)
		return;
	t->kick = 0;
	kicked(t);
}

/* A kick that came before the lock was had has been looked at, by kernel_lock_shared or here, and ends no host call any more: what it brought
 * is asked for under the lock. Whoever brings something from then on has the lock and finds this thread not waiting: it kicks, and that
 * ends the host call, whether it has begun or not. */
int waits_not(void)
{
	struct thread *t = thread_current();

	kick_look(t);
	return signal_waits(t) || t->leaving || t->process->ending || t->process->stopped;
}

void host_begin(void)
{
	thread_current()->hosting = 1;
	kernel_unlock();
}

int64_t host_result(int64_t result)
{
	struct thread *t = thread_current();

	kernel_lock();
	t->hosting = 0;
	if (result == -EINTR)
		kicked(t);
	return result == -EINTR ? -RESTART : result;
}
