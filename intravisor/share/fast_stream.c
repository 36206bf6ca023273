/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The calls of a stream's ends (stream.h): handles, the bell, and how it ends. Data is fast_send.c's and fast_receive.c's. Trusted.
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "intravisor/share/fast_way.h"

void end_ring(struct end *end, uint32_t *waits)
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

void share_unpost(struct caller *caller)
{
	struct end *end = caller->posted;

	if (!end)
		return;
	struct half *h = end->in;
	caller->posted = NULL;
	fast_lock(&h->out);
	if (h->poster == caller)
		post_withdraw(h);
	fast_unlock(&h->out);
	end_ring(end, &h->reader_waits);
	share_put(&end->share);
}

/* stream_state(handle, arm): STREAM_* bits, and the bytes that can be read from bit 32 on; arm 1: the next change rings. */
int64_t host_stream_state(struct caller *caller, const uint64_t a[6])
{
	int64_t result = 0;
	struct end *end = end_get(caller, a[0], &result);

	if (!end)
		return result;
	struct half *in = end->in, *out = end->out;
	if (a[1] & 1) {
		__atomic_store_n(&in->reader_waits, 1, __ATOMIC_RELEASE);
		__atomic_store_n(&out->writer_waits, 1, __ATOMIC_RELEASE);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	uint32_t over = LOAD(in->over), out_over = LOAD(out->over);     /* before what came before them */
	uint64_t waiting = half_used(in) + post_bytes(in);
	if (waiting || over)
		result |= STREAM_READABLE;
	if (out_over & (HALF_FINISHED | HALF_REFUSED) || half_used(out) <= STREAM_RING - STREAM_RING / 4)
		result |= STREAM_WRITABLE;
	result |= (over & HALF_FINISHED ? STREAM_FINISHED : 0) | (over & HALF_RESET ? STREAM_RESET : 0) |
		  (out_over & HALF_REFUSED ? STREAM_REFUSED : 0) | (LOAD(end->other->gone) ? STREAM_GONE : 0);
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
	struct half *in = end->in, *out = end->out;
	struct end *other = end->other;
	if (a[1] > 2)
		result = -EINVAL;
	else {
		fast_lock(&end->pair->lock);
		if (a[1] != 1)
			half_over(in, HALF_REFUSED);
		if (a[1] != 0)
			half_over(out, HALF_FINISHED);
		fast_unlock(&end->pair->lock);
		if (a[1] != 1)
			end_ring(other, &in->writer_waits);
		if (a[1] != 0)
			end_ring(other, &out->reader_waits);
	}
	share_put(&end->share);
	return result;
}

/* After it nobody is under a lock that he took by this end's handle (end_lock), or will be; nobody posts here any more, nor is a post of this
 * end's filled: `over` is looked at, and posts are, under `out`. */
void stream_end_left(struct share *share)
{
	struct end *end = (struct end *)share;
	struct pair *pair = end->pair;
	struct half *in = end->in, *out = end->out;
	struct end *other = end->other;

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
		/* First: who has heard of the end cannot send any more. */
		half_over(in, HALF_REFUSED);
		half_over(out, post_withdraw(in) || half_used(in) ? HALF_RESET | HALF_FINISHED : HALF_FINISHED);
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
		end_ring(other, &out->reader_waits);
		end_ring(other, &in->writer_waits);
	}
}
