/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Locks on files that only this cVM has (tmpfs): fcntl's, owned by a process or, as "open file description" locks, by an open file; and
 * flock's, which are apart from those. All in one list; a deadlock of processes that wait for each other is not looked for.
 */
#include "libos/process/process.h"

enum { READ_LOCK, WRITE_LOCK, NO_LOCK };

struct held {
	struct held *next;
	const struct node *node;
	const void *owner;      /* a process, or an open file */
	enum lock_kind kind;
	int type, pid;
	int64_t start, end;     /* end: of the byte behind; INT64_MAX: all that follow */
};
static struct held *all;
static struct wait_queue released;

static int64_t end_of(int64_t start, int64_t length)
{
	return !length || length > INT64_MAX - start ? INT64_MAX : start + length;
}

static const void *owner_of(struct file *f, enum lock_kind kind)
{
	return kind == LOCK_PROCESS ? (const void *)process_current() : f;
}

static struct held *conflict(const struct held *want)
{
	for (struct held *h = all; h; h = h->next)
		if (h->node == want->node && (h->kind == LOCK_WHOLE) == (want->kind == LOCK_WHOLE) &&
		    (h->owner != want->owner || h->kind != want->kind) && h->start < want->end && want->start < h->end &&
		    (h->type == WRITE_LOCK || want->type == WRITE_LOCK))
			return h;
	return NULL;
}

/* What its owner holds in this range goes; `spare` takes the rest behind, if the range lies amid one lock. 1: it was used. */
static int cut(const struct held *range, struct held *spare)
{
	int used = 0;

	for (struct held **link = &all, *h; (h = *link);) {
		int mine = h->node == range->node && h->owner == range->owner && h->kind == range->kind && h->start < range->end &&
			   range->start < h->end;
		if (!mine) {
			link = &h->next;
			continue;
		}
		if (h->start < range->start && range->end < h->end) {
			*spare = *h;
			spare->start = range->end;
			h->end = range->start;
			h->next = spare;
			used = 1;
			link = &spare->next;
		} else if (h->start < range->start) {
			h->end = range->start;
			link = &h->next;
		} else if (range->end < h->end) {
			h->start = range->end;
			link = &h->next;
		} else {
			*link = h->next;
			heap_free(h, sizeof *h);
		}
	}
	return used;
}

int64_t node_lock_set(struct file *f, enum lock_kind kind, int type, int64_t start, int64_t length, int wait)
{
	struct held want = {.node = f->node, .owner = owner_of(f, kind), .kind = kind, .type = type, .pid = process_current()->id,
			    .start = start, .end = end_of(start, length)};
	struct held *one, *two;
	int64_t error = 0;

	while (type != NO_LOCK && conflict(&want)) {
		if (kind == LOCK_WHOLE)
			cut(&want, NULL);       /* flock's conversion gives the old one up first */
		if (!wait)
			return -EAGAIN;
		struct waiter w = {0};
		wait_begin(&w, &released);
		error = wait_sleep(FOR_EVER);
		wait_end(&w);
		if (error)
			return error;
	}
	one = heap_allocate(sizeof *one);
	two = heap_allocate(sizeof *two);
	if (!one || !two) {
		heap_free(one, sizeof *one);
		heap_free(two, sizeof *two);
		return -ENOLCK;
	}
	if (!cut(&want, two))
		heap_free(two, sizeof *two);
	if (type == NO_LOCK)
		heap_free(one, sizeof *one);
	else {
		*one = want;
		one->next = all;
		all = one;
	}
	wait_wake(&released, UINT32_MAX);
	return 0;
}

int node_lock_test(struct file *f, enum lock_kind kind, int type, int64_t *start, int64_t *length, int *pid)
{
	struct held want = {.node = f->node, .owner = owner_of(f, kind), .kind = kind, .type = type, .start = *start,
			    .end = end_of(*start, *length)}, *h = conflict(&want);

	if (!h)
		return NO_LOCK;
	*start = h->start;
	*length = h->end == INT64_MAX ? 0 : h->end - h->start;
	*pid = h->kind == LOCK_PROCESS ? h->pid : -1;
	return h->type;
}

void node_lock_forget(struct file *f, const void *owner)
{
	int freed = 0;

	for (struct held **link = &all, *h; (h = *link);) {
		if (h->node == f->node && h->owner == owner) {
			*link = h->next;
			heap_free(h, sizeof *h);
			freed = 1;
		} else
			link = &h->next;
	}
	if (freed)
		wait_wake(&released, UINT32_MAX);
}
