/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The calls of a stream's ends (stream.h): handles, the bell, and how it ends. Data is fast_half.c's. Trusted.
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "cap/cap.h"
#include "intravisor/host/host.h"
#include "intravisor/share/stream.h"

#define LOAD(x)    __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

/* Behind the change that it may wait for and the unlocking of what that was made under, which is a fence. */
static int waited(const uint32_t *waits)
{
	return __atomic_load_n(waits, __ATOMIC_RELAXED) != 0;
}

/* Without a reference, too (end_lock): if the pair has become another's, that one's holder is woken for nothing. */
static void ring_end(struct end *end, uint32_t *waits)
{
	if (!waited(waits))
		return;
	fast_lock(&end->pair->lock);
	if (__atomic_exchange_n(waits, 0, __ATOMIC_SEQ_CST) && end->table)
		bell_ring(end->table, &end->point);
	fast_unlock(&end->pair->lock);
}

static struct end *end_get(const struct caller *caller, uint64_t handle, int64_t *error)
{
	return (struct end *)share_get(caller, handle, SHARE_STREAM, 0, error);
}

/* The end behind a handle with the lock, under which it stays, of the half it sends to or receives from; NULL and *error. No reference is
 * taken and no other lock. Pairs stay pairs for ever (stream.c), so the lock is one whatever happens meanwhile. Under it the slot is looked at
 * again: if it still says the same, the table's reference is there until the lock is free, for who closes takes the slot first, then this
 * lock (stream_end_left), and only then the reference. If not, the lock was another pair's and nothing has happened to that. The end may have
 * gone and come back between: then what it says now holds, and as rights are part of it they are those the end has now. */
static struct end *end_lock(struct caller *caller, uint64_t handle, uint32_t right, int64_t *error)
{
	const struct share_table *table = caller->cvm->shares;
	uint64_t word = handle < LOAD(table->used) ? LOAD(table->slots[handle].word) : 0;

	*error = !slot_is(word, SHARE_STREAM) ? -EBADF : !(slot_rights(word) & right) ? -EACCES : 0;
	if (*error)
		return NULL;
	struct end *end = (struct end *)slot_object(word);
	if (right == CAP_LOAD && caller->posted != end)
		share_unpost(caller);   /* one post at a time */
	struct fast_lock *lock = right == CAP_LOAD ? &end->pair->half[end->side].out : &end->pair->half[!end->side].in;
	fast_lock(lock);
	if (LOAD(table->slots[handle].word) == word)
		return end;
	fast_unlock(lock);
	*error = -EBADF;
	return NULL;
}

void share_unpost(struct caller *caller)
{
	struct end *end = caller->posted;

	if (!end)
		return;
	struct half *h = &end->pair->half[end->side];
	caller->posted = NULL;
	fast_lock(&h->out);
	if (h->poster == caller)
		post_withdraw(h);
	fast_unlock(&h->out);
	ring_end(end, &h->reader_waits);
	share_put(&end->share);
}

/* stream_send(handle, ref, length) */
int64_t host_stream_send(struct caller *caller, const uint64_t a[6])
{
	const struct machine_range from = cvm_range(caller, a[1], a[2]);
	int64_t result = 0;

	if (!from.at && a[2])
		return -EFAULT;
	struct end *end = end_lock(caller, a[0], CAP_STORE, &result);
	if (!end)
		return result;
	struct half *h = &end->pair->half[!end->side];
	result = half_send(h, &from, end->pair->messages);
	fast_unlock(&h->in);
	if (result >= 0)
		ring_end(&end->pair->end[!end->side], &h->reader_waits);
	return result;
}

/* stream_receive(handle, ref, length, flags) */
int64_t host_stream_receive(struct caller *caller, const uint64_t a[6])
{
	const struct machine_range to = cvm_range(caller, a[1], a[2]);
	int64_t result = 0;

	if (!to.at && a[2])
		return -EFAULT;
	/* Into the program's window only, which the thread holds; of the library OS's own memory nothing is posted. */
	uint64_t flags = a[1] >> 32 == 1 ? a[3] : a[3] & ~(uint64_t)STREAM_POST;
	struct end *end = end_lock(caller, a[0], CAP_LOAD, &result);
	if (!end)
		return result;
	struct half *h = &end->pair->half[end->side];
	int posted = caller->posted == end;
	result = half_receive(h, caller, end, &to, flags);
	fast_unlock(&h->out);
	if (posted && !caller->posted)
		ring_end(end, &h->reader_waits);        /* what came behind a post is whoever's again that waits */
	if (result >= 0 && waited(&h->writer_waits) && half_used(h) <= STREAM_RING - STREAM_RING / 4)
		ring_end(&end->pair->end[!end->side], &h->writer_waits);
	return result;
}

/* stream_state(handle, arm): STREAM_* bits, and the bytes that can be read from bit 32 on; arm 1: the next change rings. */
int64_t host_stream_state(struct caller *caller, const uint64_t a[6])
{
	int64_t result = 0;
	struct end *end = end_get(caller, a[0], &result);

	if (!end)
		return result;
	struct half *in = &end->pair->half[end->side], *out = &end->pair->half[!end->side];
	if (a[1] & 1) {
		__atomic_store_n(&in->reader_waits, 1, __ATOMIC_RELEASE);
		__atomic_store_n(&out->writer_waits, 1, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	int finished = LOAD(in->finished), reset = LOAD(in->reset), refused = LOAD(out->refused);       /* before what came before them */
	uint64_t waiting = half_used(in) + post_bytes(in);
	if (waiting || finished || LOAD(in->refused) || reset)
		result |= STREAM_READABLE;
	if (LOAD(out->finished) || refused || half_used(out) <= STREAM_RING - STREAM_RING / 4)
		result |= STREAM_WRITABLE;
	result |= (finished ? STREAM_FINISHED : 0) | (reset ? STREAM_RESET : 0) | (refused ? STREAM_REFUSED : 0) |
		  (LOAD(end->pair->end[!end->side].gone) ? STREAM_GONE : 0);
	share_put(&end->share);
	return result | (int64_t)(waiting << 32);
}

/* stream_shutdown(handle, how): 0 no more is received, 1 no more is sent, 2 both */
int64_t host_stream_shutdown(struct caller *caller, const uint64_t a[6])
{
	int64_t result = 0;
	struct end *end = end_get(caller, a[0], &result);

	if (!end)
		return result;
	struct half *in = &end->pair->half[end->side], *out = &end->pair->half[!end->side];
	struct end *other = &end->pair->end[!end->side];
	if (a[1] > 2)
		result = -EINVAL;
	else {
		fast_lock(&end->pair->lock);
		if (a[1] != 1)
			STORE(in->refused, 1);
		if (a[1] != 0)
			STORE(out->finished, 1);
		fast_unlock(&end->pair->lock);
		if (a[1] != 1)
			ring_end(other, &in->writer_waits);
		if (a[1] != 0)
			ring_end(other, &out->reader_waits);
	}
	share_put(&end->share);
	return result;
}

/* After it nobody is under a lock that he took by this end's handle (end_lock), or will be; nobody posts here any more, nor is a post of this
 * end's filled: `refused` is looked at, and posts are, under `out`. */
void stream_end_left(struct share *share)
{
	struct end *end = (struct end *)share;
	struct pair *pair = end->pair;
	struct half *in = &pair->half[end->side], *out = &pair->half[!end->side];
	struct end *other = &pair->end[!end->side];

	fast_lock(&out->in);
	fast_unlock(&out->in);
	fast_lock(&in->out);
	fast_lock(&pair->lock);
	int first = !end->gone;
	if (first) {
		if (end->table)
			bell_forget(end->table, &end->point);
		end->table = NULL;
		if (end->charged)
			cvm_uncharge(end->charged, STREAM_RING);
		end->charged = NULL;
		if (post_withdraw(in) || half_used(in))
			STORE(out->reset, 1);
		STORE(in->refused, 1);
		STORE(out->finished, 1);
		STORE(end->gone, 1);
	}
	fast_unlock(&pair->lock);
	fast_unlock(&in->out);
	if (first) {
		/* Nobody pays for the ring any more, so it holds no memory, however long the other side keeps the pair. Who was still sending there
		 * has done so behind this lock; who comes now is refused. */
		fast_lock(&in->in);
		fast_unlock(&in->in);
		machine_system(SYS_madvise, (long)in->ring.at, STREAM_RING, MADV_DONTNEED, 0, 0, 0);
		/* Whoever waits for either direction hears of it. */
		ring_end(other, &out->reader_waits);
		ring_end(other, &in->writer_waits);
	}
}
