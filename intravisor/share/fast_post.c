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
#define AT_ONCE    (1u << 20)           /* in one call, so that no call is long */
#define HOPE       3u                   /* so often in a row it may not be worth to wait for a post... */
#define DOUBTS     64u                  /* ...then one in so many sends does */

/* What has been done of an open post, four numbers of 16 bits: pieces claimed from the front, from the back, done, and done badly. */
#define FRONT          1ull
#define BACK           (1ull << 16)
#define DONE           (1ull << 32)
#define BAD            (1ull << 48)
#define CLAIMED(work)  (((work) & 0xffff) + ((work) >> 16 & 0xffff))
#define FINISHED(work) ((work) >> 32 & 0xffff)
/* Each side claims one that is not there at most once for a post: behind its last piece, or by a look that came just before the other's claim. */
_Static_assert(AT_ONCE / PIECE_MOST + 2 <= 0xffff, "no number runs into the next one");

/* Of a length above 0: nobody posts, or fills a post with, nothing (fast_receive.c, fast_send.c). */
static uint64_t piece(uint64_t length)
{
	return length < 2 * PIECE_MOST ? (length + 1) / 2 : PIECE_MOST;
}

static uint64_t all(uint64_t length)
{
	return (length + piece(length) - 1) / piece(length);
}

/* Both run this, the sender from the front and the poster from the back, so that each mostly finds in its cache what it had there. Claims are
 * good as long as fewer were made than there are pieces: the sum only grows, so as many are good as there are pieces, and no piece is
 * claimed from both sides. `before` is what `work` was before this side's claim. Until the last piece is done nothing of an open post changes
 * but `work`, so who has a good claim finds what it is for. */
static void pieces(struct half *h, uint64_t side, uint64_t before)
{
	const uint64_t length = h->filled, size = piece(length), count = all(length);
	const struct machine_range to = {h->to, h->room, h->stored + 1};

	while (CLAIMED(before) < count) {
		uint64_t front = before & 0xffff, back = before >> 16 & 0xffff;
		uint64_t at = (side == FRONT ? front : count - 1 - back) * size, n = least(size, length - at);
		uint64_t bad = machine_copy_ranges(&to, at, &h->from, at, n) ? BAD : 0;
		before = __atomic_fetch_add(&h->work, DONE + bad + side, __ATOMIC_ACQ_REL);
	}
}

int post_full(const struct half *h)
{
	return LOAD(h->post) == POST_OPEN && FINISHED(LOAD(h->work)) == all(h->filled);
}

uint64_t post_bytes(const struct half *h)
{
	return post_full(h) && LOAD(h->work) < BAD ? h->filled : 0;
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
	for (unsigned i = 0; i < post_moment && !LOAD(h->over); i++) {
		machine_relax();
		if (LOAD(h->post) == POST_POSTED) {
			h->hope = HOPE;
			return 1;
		}
	}
	h->hope -= h->hope > 0;
	return 0;
}

/* Under `in`. Only if the ring is empty, and it stays that: what is put there is the sender's. The first piece is the sender's from the start.
 * With the last one done the post is the poster's again, which may make it anew at once: `work` is not touched for that. */
uint64_t post_fill(struct half *h, const struct machine_range *from)
{
	uint32_t posted = POST_POSTED;

	if (h->sent != LOAD(h->taken) || !__atomic_compare_exchange_n(&h->post, &posted, POST_CLAIMED, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return 0;
	const uint64_t n = h->filled = least(least(from->length, AT_ONCE), h->room), count = all(n);
	h->from = *from;
	h->work = FRONT;
	STORE(h->post, POST_OPEN);
	pieces(h, FRONT, 0);
	uint64_t work = LOAD(h->work);
	for (unsigned i = 0; FINISHED(work) != count; work = LOAD(h->work), i++)
		patience(i);
	return work >= BAD ? 0 : n;             /* bad: by way of the ring each learns it of its own */
}

uint64_t post_withdraw(struct half *h)
{
	uint32_t posted = POST_POSTED;
	uint64_t done = 0;

	if (!h->poster)
		return 0;
	if (!__atomic_compare_exchange_n(&h->post, &posted, POST_NONE, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
		for (unsigned i = 0; !post_full(h); i++)
			patience(i);
		done = post_bytes(h);
		STORE(h->post, POST_NONE);
	}
	machine_stored_clear(h->stored + 1);       /* claimed or not, the sender has done with it */
	h->poster = NULL;
	return done;
}

void post_make(struct half *h, struct caller *caller, const struct machine_range *to)
{
	h->poster = caller;
	h->to = to->at;
	h->room = to->length;
	machine_stored_part(h->stored + 1, to, CAP_STORE);
	STORE(h->post, POST_POSTED);
}

void post_help(struct half *h, const struct caller *caller)
{
	if (__atomic_load_n(&h->poster, __ATOMIC_RELAXED) == caller && LOAD(h->post) == POST_OPEN &&
	    CLAIMED(LOAD(h->work)) < all(h->filled))
		pieces(h, BACK, __atomic_fetch_add(&h->work, BACK, __ATOMIC_ACQ_REL));
}
