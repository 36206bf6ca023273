/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * File locks: fcntl's of processes and of open files, and flock's. Between the processes of this cVM they are kept in a table (held.c);
 * on a host file the host is asked too, for those outside. There all locks of this cVM go through open files that are kept here for
 * the purpose, so that they never stand in each other's way in the host: it sees the union of what the cVM's processes hold.
 */
#include "libos/fs/held.h"

static struct host_file {
	struct host_file *next;
	uint64_t dev, ino;
	struct file *via[2];    /* for locks of ranges: [1] may write, as a write lock needs it */
	struct file *whole;     /* for flock's */
	unsigned asking;
} *files;

static void keep(struct file **slot, struct file *f)
{
	*slot = f;
	f->references++;
	f->kept++;
}

static void keep_no_more(struct file *f)
{
	if (!f)
		return;
	f->kept--;
	file_release(f);
}

static struct host_file *host_file(const struct file *f, int make)
{
	struct host_file *h = files;
	struct host_stat s;

	if ((!h && !make) || f->handle < 0 || HOST(stat, f->handle, 0, 0, own_ref(&s)) < 0)
		return NULL;
	while (h && (h->dev != s.dev || h->ino != s.ino))
		h = h->next;
	if (!h && make && (h = heap_allocate(sizeof *h))) {
		*h = (struct host_file){.next = files, .dev = s.dev, .ino = s.ino};
		files = h;
	}
	return h;
}

/* Nobody holds a lock on it any more: what it kept open may be closed. */
static void host_file_settle(struct host_file *h)
{
	struct host_file **link = &files;

	if (h->asking || held_any(h))
		return;
	while (*link != h)
		link = &(*link)->next;
	*link = h->next;
	keep_no_more(h->via[0]);
	keep_no_more(h->via[1]);
	keep_no_more(h->whole);
	heap_free(h, sizeof *h);
}

static int64_t ask_one(const struct file *via, int type, int64_t start, int64_t end, int wait)
{
	int64_t length = end == INT64_MAX ? 0 : end - start;

	if (!via)
		return 0;
	return wait == 1 ? HOST_BLOCKING(lock, via->handle, type, start, length, wait) : HOST(lock, via->handle, type, start, length, wait);
}

static int reads(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_WRONLY;
}

static int writes(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY;
}

static int64_t ask_host(struct host_file *h, struct file *f, const struct held *want, int wait)
{
	if (want->kind == LOCK_WHOLE) {
		if (!h->whole)
			keep(&h->whole, f);
		int64_t error = ask_one(h->whole, want->type | LOCK_HOST_WHOLE, 0, 0, wait);
		return error == -EBADF ? 0 : error;     /* a directory that cannot be read */
	}
	if (!h->via[writes(f)])
		keep(&h->via[writes(f)], f);
	struct file *reader = h->via[0], *writer = h->via[1];
	if (want->type == READ_LOCK)
		return ask_one(writer && reads(writer) ? writer : reader, READ_LOCK, want->start, want->end, wait);
	/* What the reading file holds would stand in the way of a write lock: the writing one takes it over first. */
	if (reader && reads(writer) && ask_one(writer, READ_LOCK, want->start, want->end, 0) == 0)
		ask_one(reader, NO_LOCK, want->start, want->end, 0);
	return ask_one(writer, WRITE_LOCK, want->start, want->end, wait);
}

/* What nobody in this cVM holds any more of a range. */
static void give_host(struct host_file *h, const struct held *range)
{
	int64_t end;

	for (int64_t at = range->start; at < range->end; at = end) {
		if (held_next(range, at, &end))
			continue;
		if (range->kind == LOCK_WHOLE)
			ask_one(h->whole, NO_LOCK | LOCK_HOST_WHOLE, 0, 0, 0);
		else {
			ask_one(h->via[0], NO_LOCK, at, end, 0);
			ask_one(h->via[1], NO_LOCK, at, end, 0);
		}
	}
}

static struct held lock_of(struct file *f, const void *key, enum lock_kind kind, int type, int64_t start, int64_t length)
{
	return (struct held){.key = key, .kind = kind, .type = type, .pid = process_current()->id, .start = start,
			     .owner = kind == LOCK_PROCESS ? (const void *)process_current() : f,
			     .end = !length || length > INT64_MAX - start ? INT64_MAX : start + length};
}

static int64_t host_set(struct host_file *h, struct file *f, struct held *want, int wait)
{
	struct held *asked;

	if (want->type == NO_LOCK) {
		int64_t error = held_set(want);
		if (!error)
			give_host(h, want);
		return error;
	}
	int64_t error = held_wait(want, wait);
	if (error)
		return error;
	/* From here on the others of this cVM wait for us, not for the host: it would let them through. */
	if (!(asked = held_ask(want)))
		return -ENOLCK;
	error = ask_host(h, f, want, wait);
	held_take_back(asked);
	if (!error && !(error = held_set(want)))
		return 0;
	if (want->kind == LOCK_WHOLE) {         /* a conversion that failed gave the old one up */
		want->type = NO_LOCK;
		held_set(want);
	}
	give_host(h, want);
	return error == -EACCES ? -EAGAIN : error;
}

int64_t lock_set(struct file *f, enum lock_kind kind, int type, int64_t start, int64_t length, int wait)
{
	struct held want = lock_of(f, f->node, kind, type, start, length);

	if (kind != LOCK_WHOLE && ((type == WRITE_LOCK && !writes(f)) || (type == READ_LOCK && !reads(f))))
		return -EBADF;
	if (f->node) {
		int64_t error = held_wait(&want, wait);
		return error ? error : held_set(&want);
	}
	if (f->handle < 0)
		return 0;
	struct host_file *h = host_file(f, type != NO_LOCK);
	if (!h)
		return type == NO_LOCK ? 0 : -ENOLCK;
	want.key = h;
	h->asking++;
	int64_t error = host_set(h, f, &want, wait);
	h->asking--;
	host_file_settle(h);
	return error;
}

int64_t lock_test(struct file *f, enum lock_kind kind, int type, int64_t *start, int64_t *length, int *pid)
{
	struct host_file *h = f->node ? NULL : host_file(f, 0);
	struct held want = lock_of(f, f->node ? (const void *)f->node : h, kind, type, *start, *length), *c = want.key ? held_conflict(&want) : NULL;

	if (c) {
		*start = c->start;
		*length = c->end == INT64_MAX ? 0 : c->end - c->start;
		*pid = c->kind == LOCK_PROCESS ? c->pid : -1;
		return c->type;
	}
	if (f->node || f->handle < 0)
		return NO_LOCK;
	*pid = -1;              /* somebody outside */
	return ask_one(h && h->via[1] ? h->via[1] : h && h->via[0] ? h->via[0] : f, type, want.start, want.end, 2);
}

static void forget(struct file *f, const void *owner)
{
	struct host_file *h = f->node ? NULL : host_file(f, 0);

	if (f->node)
		held_forget(f->node, owner);
	else if (h && held_forget(h, owner)) {
		give_host(h, &(struct held){.key = h, .kind = LOCK_PROCESS, .end = INT64_MAX});
		give_host(h, &(struct held){.key = h, .kind = LOCK_WHOLE, .end = INT64_MAX});
		host_file_settle(h);
	}
}

void lock_closed(struct file *f)
{
	forget(f, process_current());
}

void lock_over(struct file *f)
{
	forget(f, f);
}
