/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * An epoll set from within: watch.c has what is watched, epoll.c gives what is ready.
 */
#ifndef LIBOS_EPOLL_H
#define LIBOS_EPOLL_H
#include "libos/event/event.h"
#include "libos/sys/sys.h"

#define ONESHOT 0x40000000u
#define EDGE    0x80000000u
#define CONTROL (ONESHOT | EDGE | 1u << 29 | 1u << 28)          /* and WAKEUP, EXCLUSIVE */
#define DEPTH_MOST 5

struct watch {
	struct file *file;
	struct watch *next;             /* of the same descriptor number */
	uint64_t data;
	uint32_t events, number;
	int fd, is_ready, in_host;
	struct waiter waiter;
	struct epoll *set;
	struct watch *file_next;        /* of the same file */
	struct watch *timed_next;       /* with a deadline */
	struct watch *ready_next, *ready_before;
	int64_t reported;               /* edge-triggered: the deadline whose passing has been told */
};

struct epoll {
	struct file *file;              /* its own, not counted */
	struct watch **table;           /* by descriptor */
	uint32_t room, number;
	struct watch *ready_first, *ready_last, *timed;
	unsigned hosts;                 /* watches in the host */
	int bell;                       /* and the bell's */
	struct wait_queue queue;
};

extern const struct file_operations epoll_operations;   /* epoll.c */

static inline void ready_add(struct watch *w)
{
	struct epoll *e = w->set;

	if (w->is_ready)
		return;
	w->is_ready = 1;
	w->ready_next = NULL;
	w->ready_before = e->ready_last;
	*(e->ready_last ? &e->ready_last->ready_next : &e->ready_first) = w;
	e->ready_last = w;
}

static inline void ready_remove(struct watch *w)
{
	struct epoll *e = w->set;

	if (!w->is_ready)
		return;
	w->is_ready = 0;
	*(w->ready_before ? &w->ready_before->ready_next : &e->ready_first) = w->ready_next;
	*(w->ready_next ? &w->ready_next->ready_before : &e->ready_last) = w->ready_before;
}

/* What it says now of what is wanted; the host's part is not in it. */
static inline unsigned watch_ready(const struct watch *w)
{
	return w->events & ~CONTROL ? file_ready(w->file) & ((w->events & ~CONTROL) | READY_ERROR | READY_HANGUP) : 0;
}

void watch_free(struct watch *w);       /* watch.c; the host's is gone already, or goes with the set */
#endif
