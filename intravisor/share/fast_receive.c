/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Receiving from a stream (stream.h), under the half's `out`, while another sends; bounded as sending is (fast_send.c). Trusted.
 */
#include "intravisor/share/fast_way.h"

#define PAUSE 2u                        /* machine_relax()s between two looks */
#define LAG   24u                       /* and before the first, where data flows: less than a microsecond... */
#define FLOWS 64u                       /* ...at most so often in a row */
#define AHEAD 512u                      /* bytes: how far the memory of a ring is asked for, which the sender's processor has */
#define SLOW  __attribute__((noinline))

static SLOW int64_t take_message(struct half *h, const struct machine_range *to, uint64_t flags)
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

/* What came to the caller's own post, which is over. */
static SLOW int64_t take_post(struct half *h, struct caller *caller, struct end *end)
{
	int64_t done = (int64_t)post_withdraw(h);

	caller->posted = NULL;
	share_put(&end->share);         /* the post's; the call's own stays */
	return done;
}

static inline __attribute__((always_inline)) int64_t take(struct half *h, struct caller *caller, struct end *end, const struct machine_range *to,
							  uint64_t flags)
{
	uint64_t length = to->length;
	int64_t done;

	if (LOAD(end->gone))            /* by another thread, perhaps with a post that was full: what the ring holds came after it */
		return -EBADF;
	if (h->poster == caller && (done = take_post(h, caller, end)))
		return done;
	uint32_t over = LOAD(h->over);  /* before `put`: what was sent first counts */
	uint64_t n = h->put_seen - h->taken;
	if (n < length || !n)
		n = (h->put_seen = LOAD(h->put)) - h->taken;
	/* What is older goes to the thread that posted. Behind `put`: a post not claimed by now is not filled before what was put is taken. */
	if (h->poster && LOAD(h->post) >= POST_CLAIMED)
		return -EAGAIN;
	if (!n)
		return over & HALF_RESET ? -ECONNRESET : over || (!length && !end->pair->messages) ? 0 : -EAGAIN;
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

static SLOW int64_t take_again(struct half *h, struct caller *caller, struct end *end, const struct machine_range *to, uint64_t flags)
{
	return take(h, caller, end, to, flags);
}

static int came(const struct half *h)
{
	return post_full(h) || LOAD(h->put) != h->taken || LOAD(h->over);
}

/* Without the lock, under which others of the cVM could wait for long. Not too often: each look takes a line of memory from the sender, who
 * has to wait for it. So where data flows it is left alone at first, and is faster by a fifth (512 bytes): that is where something came at
 * once, and then for as long as more has come by then than is taken now. Who has sent since waits for an answer, and looks at once. */
static void await(struct half *h, struct caller *caller, struct end *end, uint64_t length)
{
	uint64_t said = LOAD(end->out->put);
	unsigned flows = said == h->said ? h->flows : 0, lag = flows && length < LARGE && post_moment ? LAG : 0, looks = 0;

	fast_unlock(&h->out);
	for (unsigned i = 0; i < lag; i++)
		machine_relax();
	for (; looks < post_moment / PAUSE && !came(h); looks++) {
		for (unsigned k = 0; k < PAUSE; k++)
			machine_relax();
		post_help(h, caller);
	}
	fast_lock(&h->out);
	h->flows = !lag ? (looks ? 0 : FLOWS) : LOAD(h->put) - h->taken > length ? flows - 1 : 0;
	h->said = said;
}

static int64_t take_awaited(struct half *h, struct caller *caller, struct end *end, const struct machine_range *to, uint64_t flags)
{
	int64_t result;

	if ((flags & STREAM_POST) && !h->poster && !caller->posted && !end->pair->messages) {
		if (to->length >= LARGE) {
			post_make(h, caller, to);
			caller->posted = end;
			__atomic_add_fetch(&end->share.references, 1, __ATOMIC_RELAXED);
		}
		await(h, caller, end, to->length);
	}
	if (came(h) && (result = take_again(h, caller, end, to, flags)) != -EAGAIN)
		return result;
	/* What came may be another's, or a post that was filled badly: whatever is -EAGAIN is rung for. */
	STORE(h->reader_waits, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return came(h) ? take_again(h, caller, end, to, flags) : -EAGAIN;
}

/* The lock is given away meanwhile, and the end may be closed. */
static SLOW int64_t take_later(struct half *h, struct caller *caller, struct end *end, const struct machine_range *to, uint64_t flags)
{
	__atomic_add_fetch(&end->share.references, 1, __ATOMIC_RELAXED);
	int64_t result = take_awaited(h, caller, end, to, flags);
	share_put(&end->share);
	return result;
}

/* stream_receive(handle, ref, length, flags) */
int64_t host_stream_receive(struct caller *caller, const uint64_t a[6])
{
	const struct machine_range to = cvm_range(caller, a[1], a[2]);
	int64_t result;

	if (!to.at && a[2])
		return -EFAULT;
	/* Into the program's window only, which the thread holds; of the library OS's own memory nothing is posted. */
	uint64_t flags = a[1] >> 32 == 1 ? a[3] : a[3] & ~(uint64_t)STREAM_POST;
	struct end *end = end_lock(caller, a[0], CAP_LOAD, &result);
	if (!end)
		return result;
	struct half *h = end->in;
	int posted = caller->posted == end;
	result = take(h, caller, end, &to, flags);
	if (result == -EAGAIN)
		result = take_later(h, caller, end, &to, flags);
	fast_unlock(&h->out);
	if (posted && !caller->posted)
		end_ring(end, &h->reader_waits);        /* what came behind a post is whoever's again that waits */
	if (result >= 0 && waited(&h->writer_waits) && half_used(h) <= STREAM_RING - STREAM_RING / 4)
		end_ring(end->other, &h->writer_waits);
	return result;
}
