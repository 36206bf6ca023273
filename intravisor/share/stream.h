/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * CP_Stream: two ends, bytes or messages each way. The sender copies straight into a buffer that the receiver has posted, or into a ring:
 * one copy or two, none of them by the kernel. Trusted.
 */
#ifndef INTRAVISOR_STREAM_H
#define INTRAVISOR_STREAM_H
#include <carrel/host.h>
#include "intravisor/share/share.h"

struct half {                           /* one direction */
	uint8_t *ring;                  /* STREAM_RING bytes */
	uint64_t put, taken;            /* positions since the start; 0 <= put - taken <= STREAM_RING */
	int finished;                   /* the writer sends no more */
	int refused;                    /* the reader takes no more */
	int reset;                      /* the writer's end has gone and had not read everything itself */
	int reader_waits, writer_waits; /* they want a ring, once, when something changes */
	/* A post: the reader's thread, asleep in its window, which it holds, so the memory is its own until it withdraws the post. */
	struct caller *poster;
	uint8_t *posted;
	uint64_t posted_length, posted_done;    /* posted_done > 0: it is full as far as it goes, and `put` has not moved */
};

struct end {
	struct share share;             /* first */
	struct pair *pair;
	unsigned side;
	struct share_table *table;      /* whose bell; NULL: not taken yet, or gone. Under the pair's lock */
	struct ring_point point;
	int gone;
	struct cvm *charged;            /* for the ring it reads: its holder, or whose listener it waits at */
	struct end *pending_next;       /* a listener's, that nobody has accepted */
	struct stream_peer peer;
};

struct pair {
	struct fast_lock lock;          /* guards all below */
	uint32_t ends_left;             /* atomic */
	int messages;                   /* each with its length in front of it */
	struct end end[2];              /* end i reads half i and writes half !i */
	struct half half[2];
	uint8_t *memory;
};
void stream_end_left(struct end *end);          /* fast_stream.c */
#endif
