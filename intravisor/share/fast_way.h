/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What sending and receiving have in common, inline: they take some tens of nanoseconds, most of which is the way there (fast_send.c,
 * fast_receive.c). Trusted.
 */
#ifndef INTRAVISOR_FAST_WAY_H
#define INTRAVISOR_FAST_WAY_H
#include "cap/cap.h"
#include "intravisor/host/host.h"
#include "intravisor/share/stream.h"

#define LOAD(x)     __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

#define LARGE      8192u                /* from here on buffers are posted, and a sender waits a moment for one: less goes faster if nobody waits */

/* Is somebody to be rung? Behind the unlocking, as end_ring. */
static inline int waited(const uint32_t *waits)
{
	return __atomic_load_n(waits, __ATOMIC_RELAXED) != 0;
}

/* The end behind a handle with the lock, under which it stays, of the half it sends to or receives from; NULL and *error. No reference is
 * taken and no other lock. Pairs stay pairs for ever (stream.c), so the lock is one whatever happens meanwhile. Under it the slot is looked at
 * again: if it still says the same, the table's reference is there until the lock is free, for who closes takes the slot first, then this
 * lock (stream_end_left), and only then the reference. If not, the lock was another pair's and nothing has happened to that. The end may have
 * gone and come back between: then what it says now holds, and as rights are part of it they are those the end has now. */
static inline __attribute__((always_inline)) struct end *end_lock(struct caller *caller, uint64_t handle, uint32_t right, int64_t *error)
{
	const struct share_table *table = caller->cvm->shares;
	uint64_t word = handle < LOAD(table->used) ? LOAD(table->slots[handle].word) : 0;

	*error = slot_is(word, SHARE_STREAM) ? -EACCES : -EBADF;
	if (!slot_is(word, SHARE_STREAM) || !(slot_rights(word) & right))
		return NULL;
	struct end *end = (struct end *)slot_object(word);
	if (right == CAP_LOAD && caller->posted && caller->posted != end)
		share_unpost(caller);   /* one post at a time */
	struct fast_lock *lock = right == CAP_LOAD ? &end->in->out : &end->out->in;
	fast_lock(lock);
	if (LOAD(table->slots[handle].word) == word)
		return end;
	fast_unlock(lock);
	*error = -EBADF;
	return NULL;
}

/* n <= STREAM_RING bytes between a guest's from `done` on and the ring from position `at` on, which wraps. */
static inline __attribute__((always_inline)) int ring_copy(struct half *h, uint64_t at, const struct machine_range *guest, uint64_t done,
							   uint64_t n, int out)
{
	uint64_t start = at % STREAM_RING, first = least(n, STREAM_RING - start);

	if (out ? machine_copy_ranges(guest, done, &h->ring, start, first) : machine_copy_ranges(&h->ring, start, guest, done, first))
		return -EFAULT;
	if (n == first)
		return 0;
	return out ? machine_copy_ranges(guest, done + first, &h->ring, 0, n - first)
		   : machine_copy_ranges(&h->ring, 0, guest, done + first, n - first);
}
#endif
