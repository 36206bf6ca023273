/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Sending and receiving (stream.h). Every length and position is bounded by the ring's size under the pair's lock; a guest's memory is
 * touched by fault-tolerant copies only, and what a fault cut short has not happened. Trusted.
 */
#include "cap/cap.h"
#include "intravisor/host/host.h"
#include "intravisor/share/stream.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* n bytes between a guest and the ring from position `at` on, which wraps. */
static int ring_copy(struct half *h, uint64_t at, uint8_t *guest, uint64_t n, int out)
{
	uint64_t start = at % STREAM_RING, first = least(n, STREAM_RING - start);

	if (out ? machine_copy(guest, h->ring + start, first) : machine_copy(h->ring + start, guest, first))
		return -EFAULT;
	if (n == first)
		return 0;
	return out ? machine_copy(guest + first, h->ring, n - first) : machine_copy(h->ring, guest + first, n - first);
}

static void ring_end(struct end *end, int *waits)
{
	if (*waits && end->table) {
		*waits = 0;
		bell_ring(end->table, &end->point);
	}
}

static struct end *end_get(const struct caller *caller, uint64_t handle, uint32_t rights, int64_t *error)
{
	struct end *end = (struct end *)share_get(caller, handle, SHARE_STREAM, rights, error);

	if (end)
		fast_lock(&end->pair->lock);
	return end;
}

static void end_put(struct end *end)
{
	fast_unlock(&end->pair->lock);
	share_put(&end->share);
}

static void post_withdraw(struct half *h)
{
	h->poster = NULL;
	h->posted = NULL;
	h->posted_length = h->posted_done = 0;
}

void share_unpost(struct caller *caller)
{
	struct end *end = caller->posted;

	if (!end)
		return;
	caller->posted = NULL;
	fast_lock(&end->pair->lock);
	if (end->pair->half[end->side].poster == caller)
		post_withdraw(&end->pair->half[end->side]);
	end_put(end);
}

static int64_t send(struct half *h, struct pair *pair, uint8_t *from, uint64_t length)
{
	uint64_t done = 0, room = STREAM_RING - (h->put - h->taken);
	uint32_t head = (uint32_t)length;

	if (h->reset)
		return -ECONNRESET;
	if (h->finished || h->refused)
		return -EPIPE;
	if (pair->messages) {
		if (length > STREAM_RING - sizeof head)
			return -EMSGSIZE;
		if (room < length + sizeof head) {
			h->writer_waits = 1;
			return -EAGAIN;
		}
		if (ring_copy(h, h->put + sizeof head, from, length, 0))
			return -EFAULT;
		for (unsigned i = 0; i < sizeof head; i++)
			h->ring[(h->put + i) % STREAM_RING] = (uint8_t)(head >> 8 * i);
		h->put += length + sizeof head;
		return (int64_t)length;
	}
	if (h->poster && !h->posted_done && h->put == h->taken && length) {
		uint64_t n = least(length, h->posted_length);
		if (!machine_copy(h->posted, from, n))
			done = h->posted_done = n;
		else
			h->posted_length = 0;   /* one of the two is bad: by way of the ring each learns it of its own */
	}
	uint64_t n = least(length - done, room);
	if (n && ring_copy(h, h->put, from + done, n, 0))
		return done ? (int64_t)done : -EFAULT;
	h->put += n;
	done += n;
	if (done < length)
		h->writer_waits = 1;
	return done || !length ? (int64_t)done : -EAGAIN;
}

/* stream_send(handle, ref, length) */
int64_t host_stream_send(struct caller *caller, const uint64_t a[6])
{
	uint8_t *from = cvm_reference_plain(caller, a[1], a[2]);
	int64_t result = 0;

	if (!from && a[2])
		return -EFAULT;
	struct end *end = end_get(caller, a[0], CAP_STORE, &result);
	if (!end)
		return result;
	struct half *h = &end->pair->half[!end->side];
	result = send(h, end->pair, from, a[2]);
	if (result >= 0)
		ring_end(&end->pair->end[!end->side], &h->reader_waits);
	end_put(end);
	return result;
}

static int64_t take_message(struct half *h, uint8_t *to, uint64_t length, int peek)
{
	uint32_t head = 0;

	for (unsigned i = 0; i < sizeof head; i++)
		head |= (uint32_t)h->ring[(h->taken + i) % STREAM_RING] << 8 * i;
	if (ring_copy(h, h->taken + sizeof head, to, least(head, length), 1))
		return -EFAULT;
	if (!peek)
		h->taken += head + sizeof head;
	return head;
}

static int64_t receive(struct caller *caller, struct end *end, uint8_t *to, uint64_t length, uint64_t flags)
{
	struct half *h = &end->pair->half[end->side];

	if (h->poster) {
		if (h->posted_done && h->poster != caller) {    /* what is older goes to the thread that posted */
			h->reader_waits = 1;
			return -EAGAIN;
		}
		if (h->poster == caller) {
			int64_t done = (int64_t)h->posted_done;
			post_withdraw(h);
			caller->posted = NULL;
			share_put(&end->share);         /* the post's; the call's own stays */
			if (done)
				return done;
		}
	}
	if (h->put == h->taken) {
		if (h->reset)
			return -ECONNRESET;
		if (h->finished || h->refused || (!length && !end->pair->messages))
			return 0;
		if ((flags & STREAM_POST) && !h->poster && !caller->posted && !end->pair->messages) {
			h->poster = caller;
			h->posted = to;
			h->posted_length = length;
			caller->posted = end;
			__atomic_add_fetch(&end->share.references, 1, __ATOMIC_RELAXED);
		}
		h->reader_waits = 1;
		return -EAGAIN;
	}
	if (end->pair->messages)
		return take_message(h, to, length, flags & STREAM_PEEK);
	uint64_t n = least(length, h->put - h->taken);
	if (ring_copy(h, h->taken, to, n, 1))
		return -EFAULT;
	if (!(flags & STREAM_PEEK))
		h->taken += n;
	return (int64_t)n;
}

/* stream_receive(handle, ref, length, flags) */
int64_t host_stream_receive(struct caller *caller, const uint64_t a[6])
{
	uint8_t *to = cvm_reference_plain(caller, a[1], a[2]);
	int64_t result = 0;

	if (!to && a[2])
		return -EFAULT;
	/* Into the program's window only, which the thread holds; of the library OS's own memory nothing is posted. */
	uint64_t flags = a[1] >> 32 == 1 ? a[3] : a[3] & ~(uint64_t)STREAM_POST;
	struct end *end = (struct end *)share_get(caller, a[0], SHARE_STREAM, CAP_LOAD, &result);
	if (!end)
		return result;
	if (caller->posted != end)
		share_unpost(caller);   /* one post at a time */
	fast_lock(&end->pair->lock);
	struct half *h = &end->pair->half[end->side];
	result = receive(caller, end, to, a[2], flags);
	if (result >= 0 && STREAM_RING - (h->put - h->taken) >= STREAM_RING / 4)
		ring_end(&end->pair->end[!end->side], &h->writer_waits);
	end_put(end);
	return result;
}

/* stream_state(handle, arm): STREAM_* bits, and the bytes that can be read from bit 32 on; arm 1: the next change rings. */
int64_t host_stream_state(struct caller *caller, const uint64_t a[6])
{
	int64_t result = 0;
	struct end *end = end_get(caller, a[0], 0, &result);

	if (!end)
		return result;
	struct half *in = &end->pair->half[end->side], *out = &end->pair->half[!end->side];
	uint64_t waiting = in->put - in->taken + in->posted_done;
	if (waiting || in->finished || in->refused || in->reset)
		result |= STREAM_READABLE;
	if (out->finished || out->refused || STREAM_RING - (out->put - out->taken) >= STREAM_RING / 4)
		result |= STREAM_WRITABLE;
	result |= (in->finished ? STREAM_FINISHED : 0) | (in->reset ? STREAM_RESET : 0) | (out->refused ? STREAM_REFUSED : 0) |
		  (end->pair->end[!end->side].gone ? STREAM_GONE : 0);
	if (a[1] & 1)
		in->reader_waits = out->writer_waits = 1;
	end_put(end);
	return result | (int64_t)(waiting << 32);
}

/* stream_shutdown(handle, how): 0 no more is received, 1 no more is sent, 2 both */
int64_t host_stream_shutdown(struct caller *caller, const uint64_t a[6])
{
	int64_t result = 0;
	struct end *end = end_get(caller, a[0], 0, &result);

	if (!end)
		return result;
	struct half *in = &end->pair->half[end->side], *out = &end->pair->half[!end->side];
	struct end *other = &end->pair->end[!end->side];
	if (a[1] > 2)
		result = -EINVAL;
	else {
		in->refused |= a[1] != 1;
		out->finished |= a[1] != 0;
		ring_end(other, a[1] == 0 ? &in->writer_waits : &out->reader_waits);
	}
	end_put(end);
	return result;
}

void stream_end_left(struct end *end)
{
	struct pair *pair = end->pair;
	struct half *in = &pair->half[end->side], *out = &pair->half[!end->side];
	struct end *other = &pair->end[!end->side];

	fast_lock(&pair->lock);
	if (!end->gone) {
		end->gone = 1;
		if (end->table)
			bell_forget(end->table, &end->point);
		end->table = NULL;
		if (end->charged)
			cvm_uncharge(end->charged, STREAM_RING);
		end->charged = NULL;
		out->finished = 1;
		out->reset |= in->put != in->taken || in->posted_done;
		in->refused = 1;
		post_withdraw(in);
		/* Whoever waits for either direction hears of it, and both kinds at once. */
		out->reader_waits |= in->writer_waits;
		ring_end(other, &out->reader_waits);
	}
	fast_unlock(&pair->lock);
}
