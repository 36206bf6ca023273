/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Posts (stream.h): the receiver's own buffer, which the sender fills, so that what is large is copied once; and if the receiver is still
 * looking for it, both copy at the same time. Copies go by what was granted: the sender's window, and what
 * was stored of the receiver's when it posted. Trusted.
 */
#include <sys/syscall.h>

#include "intravisor/share/stream.h"

#define LOAD(x)     __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

#define PIECE_MOST 65536u               /* of what two fill together */
#define FRONT      1u
#define BACK       (1ull << 32)
#define AT_ONCE    (1u << 20)           /* in one call, so that no call is long */
#define HOPE       3u                   /* so often in a row it may not be worth to wait for a post... */
#define DOUBTS     64u                  /* ...then one in so many sends does */

/* Of a length above 0: nobody posts, or fills a post with, nothing (half_receive, half_send). */
static uint64_t piece(uint64_t length)
{
	return length < 2 * PIECE_MOST ? (length + 1) / 2 : PIECE_MOST;
}

/* Both run this, the sender from the front and the poster from the back, so that each mostly finds in its cache what it had there. Claims are
 * good as long as fewer were made than there are pieces: the sum only grows, so as many are good as there are pieces, and no piece is
 * claimed from both sides. The poster may come late, to a post that is full: it finds no piece left, for the next post is opened
 * only after it has come back for this one, or not at all if the end has gone. What it reads of an open one does not change, since the sender
 * waits for its piece. */
static void pieces(struct half *h, uint64_t side)
{
	for (;;) {
		uint64_t begun = __atomic_fetch_add(&h->begun, side, __ATOMIC_ACQ_REL), front = (uint32_t)begun, back = begun >> 32;
		uint64_t length = h->to.length, size = piece(length), all = (length + size - 1) / size;
		if (front + back >= all)
			return;
		uint64_t at = (side == FRONT ? front : all - 1 - back) * size, n = least(size, length - at);
		if (machine_copy_ranges(&h->to, at, h->from, at, n))
			STORE(h->bad, 1);
		__atomic_fetch_add(&h->there, n, __ATOMIC_ACQ_REL);
	}
}

unsigned post_moment = POST_MOMENT;

static void patience(unsigned i)
{
	if (i < post_moment)
		machine_relax();
	else            /* who is waited for was put off its processor */
		machine_system(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

/* Under `in`. Is there a post, or will there be one in a moment? */
int post_awaited(struct half *h)
{
	if (LOAD(h->post) == POST_POSTED)
		return 1;
	if (!h->hope && ++h->doubts % DOUBTS)
		return 0;
	for (unsigned i = 0; i < post_moment && !LOAD(h->refused); i++) {
		machine_relax();
		if (LOAD(h->post) == POST_POSTED) {
			h->hope = HOPE;
			return 1;
		}
	}
	h->hope -= h->hope > 0;
	return 0;
}

/* Under `in`. Only if the ring is empty, and it stays that: what is put there is the sender's. */
uint64_t post_fill(struct half *h, const struct machine_range *from)
{
	uint32_t posted = POST_POSTED;

	if (h->sent != LOAD(h->taken) || !__atomic_compare_exchange_n(&h->post, &posted, POST_CLAIMED, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return 0;
	uint64_t n = h->to.length = least(least(from->length, AT_ONCE), h->to.length);
	h->from = from;
	h->begun = h->there = 0;
	STORE(h->post, POST_OPEN);
	pieces(h, FRONT);
	for (unsigned i = 0; LOAD(h->there) != n; i++)
		patience(i);
	h->done = LOAD(h->bad) ? 0 : n;         /* bad: by way of the ring each learns it of its own */
	n = h->done;
	STORE(h->post, POST_FULL);
	return n;
}

uint64_t post_withdraw(struct half *h)
{
	uint32_t posted = POST_POSTED;
	uint64_t done = 0;

	if (!h->poster)
		return 0;
	if (!__atomic_compare_exchange_n(&h->post, &posted, POST_NONE, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
		for (unsigned i = 0; LOAD(h->post) != POST_FULL; i++)
			patience(i);
		done = h->done;
		STORE(h->post, POST_NONE);
	}
	machine_stored_clear(h->stored + 1);       /* claimed or not, the sender has done with it */
	h->poster = NULL;
	return done;
}

void post_make(struct half *h, struct caller *caller, const struct machine_range *to)
{
	h->poster = caller;
	h->to = (struct machine_range){to->at, to->length, h->stored + 1};
	machine_stored_part(h->stored + 1, to, CAP_STORE);
	h->done = 0;
	h->bad = 0;
	STORE(h->post, POST_POSTED);
}

void post_help(struct half *h, const struct caller *caller)
{
	if (__atomic_load_n(&h->poster, __ATOMIC_RELAXED) == caller && LOAD(h->post) == POST_OPEN)
		pieces(h, BACK);
}
