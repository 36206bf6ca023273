/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The locks that this cVM's processes hold, on files of whatever kind: fcntl's, owned by a process or, as "open file description"
 * locks, by an open file; and flock's, which are apart from those. All in one list; a deadlock of processes that wait for each other
 * is not looked for.
 */
#include "libos/fs/held.h"

static struct held *all;
static struct wait_queue released;

static int whole(const struct held *h)
{
	return h->kind == LOCK_WHOLE;
}

static int overlap(const struct held *a, const struct held *b)
{
	return a->key == b->key && whole(a) == whole(b) && a->start < b->end && b->start < a->end;
}

struct held *held_conflict(const struct held *want)
{
	for (struct held *h = all; h; h = h->next)
		if (overlap(h, want) && (h->owner != want->owner || h->kind != want->kind) && (h->type == WRITE_LOCK || want->type == WRITE_LOCK))
			return h;
	return NULL;
}

int held_any(const void *key)
{
	for (const struct held *h = all; h; h = h->next)
		if (h->key == key)
			return 1;
	return 0;
}

int64_t held_next(const struct held *range, int64_t from, int64_t *end)
{
	int64_t free_end = range->end;

	*end = from;
	for (const struct held *h = all; h; h = h->next) {
		if (!overlap(h, range) || h->end <= from)
			continue;
		if (h->start <= from)
			*end = h->end > *end ? h->end : *end;
		else
			free_end = h->start < free_end ? h->start : free_end;
	}
	if (*end == from) {
		*end = free_end;
		return 0;
	}
	return 1;
}

/* What its owner holds in this range goes; `spare` takes the rest behind, if the range lies amid one lock. 1: it was used. */
static int cut(const struct held *range, struct held *spare)
{
	int used = 0;

	for (struct held **link = &all, *h; (h = *link);) {
		if (!overlap(h, range) || h->owner != range->owner || h->kind != range->kind || h->asked) {
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

int64_t held_wait(const struct held *want, int wait)
{
	while (want->type != NO_LOCK && held_conflict(want)) {
		if (whole(want))
			cut(want, NULL);        /* flock's conversion gives the old one up first */
		if (!wait)
			return -EAGAIN;
		struct waiter w = {0};
		wait_begin(&w, &released);
		int64_t error = wait_sleep(FOR_EVER);
		wait_end(&w);
		if (error)
			return error;
	}
	return 0;
}

struct held *held_ask(const struct held *want)
{
	struct held *h = heap_allocate(sizeof *h);

	if (h) {
		*h = *want;
		h->asked = 1;
		h->next = all;
		all = h;
	}
	return h;
}

void held_take_back(struct held *asked)
{
	struct held **link = &all;

	while (*link != asked)
		link = &(*link)->next;
	*link = asked->next;
	heap_free(asked, sizeof *asked);
	wait_wake(&released, UINT32_MAX);
}

int64_t held_set(const struct held *want)
{
	struct held *one = heap_allocate(sizeof *one), *two = heap_allocate(sizeof *two);

	if (!one || !two) {
		heap_free(one, sizeof *one);
		heap_free(two, sizeof *two);
		return -ENOLCK;
	}
	if (!cut(want, two))
		heap_free(two, sizeof *two);
	if (want->type == NO_LOCK)
		heap_free(one, sizeof *one);
	else {
		*one = *want;
		one->next = all;
		all = one;
	}
	wait_wake(&released, UINT32_MAX);
	return 0;
}

int held_forget(const void *key, const void *owner)
{
	int freed = 0;

	for (struct held **link = &all, *h; (h = *link);) {
		if (h->key == key && h->owner == owner && !h->asked) {
			*link = h->next;
			heap_free(h, sizeof *h);
			freed = 1;
		} else
			link = &h->next;
	}
	if (freed)
		wait_wake(&released, UINT32_MAX);
	return freed;
}
