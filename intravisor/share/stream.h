/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Stream: two ends, bytes or messages each way. The sender copies straight into a buffer that the receiver has posted, or into a ring:
 * one copy or two, none of them by the kernel. Trusted.
 */
#ifndef INTRAVISOR_STREAM_H
#define INTRAVISOR_STREAM_H
#include <stddef.h>

#include <carrel/host.h>
#include "intravisor/share/share.h"

static inline uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* FINISHED: the writer sends no more. REFUSED: the reader takes no more. RESET: the writer's end has gone and had not read everything itself;
 * set no later than FINISHED, so who sees that knows. */
enum { HALF_FINISHED = 1, HALF_REFUSED = 2, HALF_RESET = 4 };

/* One direction. Its sender's part is under `in`, its receiver's under `out` (in that order), so both copy at the same time. */
struct half {
	struct machine_range ring;      /* STREAM_RING bytes, by `stored[0]` */
	struct machine_stored *stored;  /* two, tagged as long as there is the ring, and a post: from its making to its withdrawal */
	uint32_t over;                  /* HALF_*; only ever more of them (half_over) */
	/* They want a ring, once, when something changes. Who sets one looks again behind a fence before it sleeps; who changes something looks
	 * at it behind a fence: one of both sees the other. */
	uint32_t reader_waits, writer_waits;

	_Alignas(64) struct fast_lock in;       /* a late thread's too, for a moment (end_lock): so it is not cleared */
	unsigned hope, doubts;          /* whether waiting a moment for a post has been worth it */
	uint64_t sent;                  /* `put`, as its writer knows it without taking the line back from who looks at it */
	uint64_t taken_seen;            /* `taken`, some time ago: the other side's line is read when that is not enough */
	_Alignas(64) uint64_t put;      /* positions since the start: 0 <= put - taken <= STREAM_RING. Changed under `in`... */

	_Alignas(64) struct fast_lock out;
	unsigned flows;                 /* how often it is still worth it to leave the sender alone for a moment */
	uint64_t said;                  /* what this side had put the other way then */
	uint64_t put_seen;
	struct caller *poster;          /* whose thread posted; NULL: POST_NONE */
	_Alignas(64) uint64_t taken;    /* ...and under `out` */

	/* A post: the reader's thread waits in its window and holds it, so the memory is its own until it withdraws the post. From POSTED on
	 * the sender may claim it, and what it has claimed is the sender's until all pieces are done. One line of memory, so that who
	 * finds that it has changed has all of it. */
	_Alignas(64) uint32_t post;     /* POST_* */
	uint64_t filled;                /* from POST_OPEN on: so many bytes go there, before all that is put in the ring since */
	uint64_t work;                  /* and what has been done of its pieces (fast_post.c) */
	uint8_t *to;                    /* by `stored[1]` */
	uint64_t room;
	struct machine_range from;      /* what the sender was given; from POST_OPEN on, until the last piece is done */
};
enum { POST_NONE, POST_POSTED, POST_CLAIMED, POST_OPEN };       /* OPEN: the poster may help to fill it */
_Static_assert(sizeof(struct half) - offsetof(struct half, post) == 64, "a post is one line");

struct end {
	_Alignas(64) struct share share;        /* first */
	/* From here to `table` nothing ever changes. */
	struct pair *pair;
	struct end *other;
	struct half *in, *out;          /* which it reads, and writes */
	struct share_table *table;      /* whose bell; NULL: not taken yet, or gone. Under the pair's lock */
	struct ring_point point;
	int gone;
	struct cvm *charged;            /* for the ring it reads: its holder, or whose listener it waits at */
	struct end *pending_next;       /* a listener's, that nobody has accepted */
	struct stream_peer peer;
};

struct pair {
	struct pair *next;              /* of those that are none just now */
	int messages;                   /* each with its length in front of it */
	uint8_t *memory;                /* rings, and what is stored for both halves */
	_Alignas(64) struct fast_lock lock;     /* guards the ends, and what of the halves says so. After a half's locks */
	uint32_t ends_left;             /* atomic */
	struct end end[2];              /* end i reads half i and writes half !i */
	struct half half[2];
};

/* fast_stream.c */
void stream_end_left(struct share *end);
/* Behind the change that it may wait for and the unlocking of what that was made under, which is a fence. Without a reference, too
 * (end_lock): if the pair has become another's, that one's holder is woken for nothing. */
void end_ring(struct end *end, uint32_t *waits);

/* fast_post.c */
#define POST_MOMENT 160u                /* machine_relax()s: some microseconds, less than a sleeper takes to wake */
extern unsigned post_moment;            /* POST_MOMENT, or 0 where who is waited for cannot run meanwhile: on one processor */
int post_awaited(struct half *h);       /* under `in`: is there a post, perhaps after a moment? */
/* Under `in`: how much of it went to the post; 0 if that has gone, something in the ring has to come first, or one of the two is bad. */
uint64_t post_fill(struct half *h, const struct machine_range *from);
/* Under `out`. */
void post_make(struct half *h, struct caller *caller, const struct machine_range *to);
uint64_t post_withdraw(struct half *h); /* how much had come there */
/* Under no lock: if it is the poster, which nobody else makes it or takes back. */
void post_help(struct half *h, const struct caller *caller);
/* By anybody: in between what it was and is. Has an open post been filled? How much has come there: 0 if it has not, or badly. */
int post_full(const struct half *h);
uint64_t post_bytes(const struct half *h);

static inline void half_over(struct half *h, uint32_t what)     /* under the pair's lock */
{
	__atomic_or_fetch(&h->over, what, __ATOMIC_RELEASE);
}

static inline uint64_t half_used(const struct half *h)          /* by who has neither lock: in between what it was and is */
{
	uint64_t taken = __atomic_load_n(&h->taken, __ATOMIC_ACQUIRE), used = __atomic_load_n(&h->put, __ATOMIC_ACQUIRE) - taken;

	return used < STREAM_RING ? used : STREAM_RING;
}
#endif
