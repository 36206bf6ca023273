/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Sending to a stream (stream.h), under the half's `in`, while another receives. Positions and lengths are bounded by the ring's size, whatever
 * guests say, and copies go by what was granted: the ring's bytes, and the guest's window; what a fault cut short has not happened. Trusted.
 */
#include "intravisor/share/fast_way.h"

#define LINE  64u
#define AHEAD 1024u                     /* bytes: how far the memory of a ring is asked for, which the receiver's processor has... */
#define MOST  4096u                     /* ...and how much of it */
#define SLOW  __attribute__((noinline))

/* For n bytes, perhaps: how much there is. */
static inline uint64_t room(struct half *h, uint64_t n)
{
	if (STREAM_RING - (h->sent - h->taken_seen) < n)
		h->taken_seen = LOAD(h->taken);
	return STREAM_RING - (h->sent - h->taken_seen);
}

/* A reset is for who receives. */
static int64_t sends_not(uint32_t over)
{
	return over ? -EPIPE : 0;
}

/* There was no room for n bytes. 0: there is. -EAGAIN: its coming rings, and so does the end of all sending, so that is looked at again too. */
static SLOW int64_t room_awaited(struct half *h, uint64_t n)
{
	STORE(h->writer_waits, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	int64_t error = sends_not(LOAD(h->over));
	return error ? error : room(h, n) >= n ? 0 : -EAGAIN;
}

/* The memory of a message like the last one, but for the next: by then it is here, and what the last one stored can leave this processor
 * without waiting, so what is stored behind it can, too. What has not been received yet is left where it is. */
static inline void ask_ahead(struct half *h, uint64_t n)
{
	uint64_t start = n > AHEAD ? n : AHEAD;

	n = least(n, MOST);
	if (STREAM_RING - (h->sent - h->taken_seen) >= start + n)
		for (uint64_t at = 0; at < n; at += LINE)
			__builtin_prefetch(h->ring.at + (h->sent + start + at) % STREAM_RING, 1);
}

/* n bytes from `done` on, for which there is room. */
static inline __attribute__((always_inline)) int64_t put(struct half *h, const struct machine_range *from, uint64_t done, uint64_t n)
{
	if (ring_copy(h, h->sent, from, done, n, 0))
		return done ? (int64_t)done : -EFAULT;
	STORE(h->put, h->sent += n);
	ask_ahead(h, n);
	return (int64_t)(done + n);
}

static SLOW int64_t send_some(struct half *h, const struct machine_range *from, uint64_t done)
{
	uint64_t left = from->length - done;
	int64_t error;

	if (!room(h, 1) && (done || (error = room_awaited(h, 1))))
		return done ? (int64_t)done : error;
	return put(h, from, done, least(left, room(h, left)));
}

static SLOW int64_t send_large(struct half *h, const struct machine_range *from)
{
	uint64_t length = from->length, done = post_awaited(h) ? post_fill(h, from) : 0;

	if (done == length || (done && length - done >= LARGE))         /* the rest to the next post */
		return (int64_t)done;
	return send_some(h, from, done);
}

static inline int64_t send(struct half *h, const struct machine_range *from)
{
	uint64_t length = from->length;
	uint32_t over = LOAD(h->over);

	if (over || !length)
		return sends_not(over);
	if (length >= LARGE)
		return send_large(h, from);
	return room(h, length) >= length ? put(h, from, 0, length) : send_some(h, from, 0);
}

static SLOW int64_t send_message(struct half *h, const struct machine_range *from)
{
	uint64_t length = from->length;
	uint32_t head = (uint32_t)length;
	int64_t error = sends_not(LOAD(h->over));

	if (error)
		return error;
	if (length > STREAM_RING - sizeof head)
		return -EMSGSIZE;
	if (room(h, length + sizeof head) < length + sizeof head && (error = room_awaited(h, length + sizeof head)))
		return error;
	if (ring_copy(h, h->sent + sizeof head, from, 0, length, 0))
		return -EFAULT;
	for (unsigned i = 0; i < sizeof head; i++)
		h->ring.at[(h->sent + i) % STREAM_RING] = (uint8_t)(head >> 8 * i);
	STORE(h->put, h->sent += length + sizeof head);
	return (int64_t)length;
}

/* stream_send(handle, ref, length) */
int64_t host_stream_send(struct caller *caller, const uint64_t a[6])
{
	const struct machine_range from = cvm_range(caller, a[1], a[2]);
	int64_t result;

	if (!from.at && a[2])
		return -EFAULT;
	struct end *end = end_lock(caller, a[0], CAP_STORE, &result);
	if (!end)
		return result;
	struct half *h = end->out;
	result = end->pair->messages ? send_message(h, &from) : send(h, &from);
	fast_unlock(&h->in);
	if (result >= 0 && waited(&h->reader_waits))
		end_ring(end->other, &h->reader_waits);
	return result;
}
