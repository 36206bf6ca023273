/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * One direction of a stream (stream.h): a ring that one sends to while another receives. Positions and lengths are bounded by the
 * ring's size, whatever guests say, and copies go by what was granted: the ring's bytes, and the guest's window; what a fault cut short has not
 * happened. Trusted.
 */
#include "cap/cap.h"
#include "intravisor/host/host.h"
#include "intravisor/share/stream.h"

#define LOAD(x)     __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

#define PAUSE      2u                   /* machine_relax()s between two looks of a receiver */
#define AHEAD      512u                 /* bytes: how far the memory of a ring is asked for, which the other side's processor has */
#define LARGE      8192u                /* from here on buffers are posted, and a sender waits a moment for one: less goes faster if nobody waits */

/* n <= STREAM_RING bytes between a guest's from `done` on and the ring from position `at` on, which wraps. */
static int ring_copy(struct half *h, uint64_t at, const struct machine_range *guest, uint64_t done, uint64_t n, int out)
{
	uint64_t start = at % STREAM_RING, first = least(n, STREAM_RING - start);

	if (out ? machine_copy_ranges(guest, done, &h->ring, start, first) : machine_copy_ranges(&h->ring, start, guest, done, first))
		return -EFAULT;
	if (n == first)
		return 0;
	return out ? machine_copy_ranges(guest, done + first, &h->ring, 0, n - first)
		   : machine_copy_ranges(&h->ring, 0, guest, done + first, n - first);
}

/* ---- sending ---- */

/* Under `in`. */
static uint64_t room(struct half *h, uint64_t wanted)
{
	if (STREAM_RING - (h->sent - h->taken_seen) < wanted)
		h->taken_seen = LOAD(h->taken);
	return STREAM_RING - (h->sent - h->taken_seen);
}

static int64_t sends_not(const struct half *h)
{
	return LOAD(h->reset) ? -ECONNRESET : LOAD(h->finished) || LOAD(h->refused) ? -EPIPE : 0;
}

/* 0: there is room for n bytes. -EAGAIN: its coming rings, and so does the end of all sending, so that is looked at again too. */
static int64_t room_for(struct half *h, uint64_t n)
{
	if (room(h, n) >= n)
		return 0;
	STORE(h->writer_waits, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	int64_t error = sends_not(h);
	return error ? error : room(h, n) >= n ? 0 : -EAGAIN;
}

static int64_t send(struct half *h, const struct machine_range *from)
{
	uint64_t length = from->length;
	int64_t error = sends_not(h);

	if (error || !length)
		return error;
	uint64_t done = length >= LARGE && post_awaited(h) ? post_fill(h, from) : 0;
	if (done == length || (done && length - done >= LARGE))         /* the rest to the next post */
		return (int64_t)done;
	if (!done && (error = room_for(h, 1)))
		return error;
	uint64_t n = least(length - done, room(h, length - done));
	if (n && ring_copy(h, h->sent, from, done, n, 0))
		return done ? (int64_t)done : -EFAULT;
	STORE(h->put, h->sent += n);
	__builtin_prefetch(h->ring.at + (h->sent + AHEAD) % STREAM_RING, 1);
	return (int64_t)(done + n);
}

static int64_t send_message(struct half *h, const struct machine_range *from)
{
	uint64_t length = from->length;
	uint32_t head = (uint32_t)length;
	int64_t error = sends_not(h);

	if (error)
		return error;
	if (length > STREAM_RING - sizeof head)
		return -EMSGSIZE;
	if ((error = room_for(h, length + sizeof head)))
		return error;
	if (ring_copy(h, h->sent + sizeof head, from, 0, length, 0))
		return -EFAULT;
	for (unsigned i = 0; i < sizeof head; i++)
		h->ring.at[(h->sent + i) % STREAM_RING] = (uint8_t)(head >> 8 * i);
	STORE(h->put, h->sent += length + sizeof head);
	return (int64_t)length;
}

int64_t half_send(struct half *h, const struct machine_range *from, int message)
{
	return message ? send_message(h, from) : send(h, from);
}

/* ---- receiving: under `out` ---- */
static int64_t take_message(struct half *h, const struct machine_range *to, uint64_t flags)
{
	uint32_t head = 0;

	for (unsigned i = 0; i < sizeof head; i++)
		head |= (uint32_t)h->ring.at[(h->taken + i) % STREAM_RING] << 8 * i;
	if (ring_copy(h, h->taken + sizeof head, to, 0, least(head, to->length), 1))
		return -EFAULT;
	if (!(flags & STREAM_PEEK))
		STORE(h->taken, h->taken + head + sizeof head);
	return head;
}

static int64_t take(struct half *h, struct caller *caller, struct end *end, const struct machine_range *to, uint64_t flags)
{
	uint64_t length = to->length;

	if (LOAD(end->gone))            /* by another thread, perhaps with a post that was full: what the ring holds came after it */
		return -EBADF;
	if (h->poster == caller) {
		int64_t done = (int64_t)post_withdraw(h);
		caller->posted = NULL;
		share_put(&end->share);         /* the post's; the call's own stays */
		if (done)
			return done;
	}
	/* Before `put`: what was sent first counts. `reset` last: it is set before `finished` is. */
	int over = LOAD(h->finished) | LOAD(h->refused), reset = LOAD(h->reset);
	uint64_t n = h->put_seen - h->taken;
	if (n < length || !n)
		n = (h->put_seen = LOAD(h->put)) - h->taken;
	/* What is older goes to the thread that posted. Behind `put`: a post not claimed by now is not filled before what was put is taken. */
	if (h->poster && LOAD(h->post) >= POST_CLAIMED)
		return -EAGAIN;
	if (!n)
		return reset ? -ECONNRESET : over || (!length && !end->pair->messages) ? 0 : -EAGAIN;
	if (end->pair->messages)
		return take_message(h, to, flags);
	n = least(length, n);
	__builtin_prefetch(h->ring.at + (h->taken + AHEAD) % STREAM_RING);
	if (ring_copy(h, h->taken, to, 0, n, 1))
		return -EFAULT;
	if (!(flags & STREAM_PEEK))
		STORE(h->taken, h->taken + n);
	return (int64_t)n;
}

static int came(const struct half *h)
{
	return post_full(h) || LOAD(h->put) != h->taken || LOAD(h->reset) || LOAD(h->finished) || LOAD(h->refused);
}

/* Without the lock, under which others of the cVM could wait for long. Not too often: each look takes a line of memory from the sender. */
static void await(struct half *h, struct caller *caller)
{
	fast_unlock(&h->out);
	for (unsigned i = 0; i < post_moment && !came(h); i += PAUSE) {
		for (unsigned k = 0; k < PAUSE; k++)
			machine_relax();
		post_help(h, caller);
	}
	fast_lock(&h->out);
}

static int64_t take_later(struct half *h, struct caller *caller, struct end *end, const struct machine_range *to, uint64_t flags)
{
	int64_t result;

	if ((flags & STREAM_POST) && !h->poster && !caller->posted && !end->pair->messages) {
		if (to->length >= LARGE) {
			post_make(h, caller, to);
			caller->posted = end;
			__atomic_add_fetch(&end->share.references, 1, __ATOMIC_RELAXED);
		}
		await(h, caller);
	}
	if (came(h) && (result = take(h, caller, end, to, flags)) != -EAGAIN)
		return result;
	/* What came may be another's, or a post that was filled badly: whatever is -EAGAIN is rung for. */
	STORE(h->reader_waits, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return came(h) ? take(h, caller, end, to, flags) : -EAGAIN;
}

int64_t half_receive(struct half *h, struct caller *caller, struct end *end, const struct machine_range *to, uint64_t flags)
{
	int64_t result = take(h, caller, end, to, flags);

	if (result != -EAGAIN)
		return result;
	/* The lock is given away meanwhile, and the end may be closed. */
	__atomic_add_fetch(&end->share.references, 1, __ATOMIC_RELAXED);
	result = take_later(h, caller, end, to, flags);
	share_put(&end->share);
	return result;
}
