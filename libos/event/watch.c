/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What an epoll set watches: added, changed, removed, and gone with its file. What the library OS has itself is watched by
 * waiters on the files' queues, which put it on the set's ready list; what lies in the host by an epoll set there, made when
 * the first such file comes.
 */
#include "libos/event/epoll.h"

static void watch_woken(struct waiter *waiter)
{
	struct watch *w = (struct watch *)((uint8_t *)waiter - offsetof(struct watch, waiter));

	if (!(w->events & ~CONTROL) || !(waiter->queue->events & (w->events | READY_ERROR | READY_HANGUP)))
		return;
	ready_add(w);
	wait_wake(&w->set->queue, UINT32_MAX);
}

void watch_free(struct watch *w)
{
	struct epoll *e = w->set;

	ready_remove(w);
	wait_end(&w->waiter);
	for (struct watch **link = &e->table[w->fd]; *link; link = &(*link)->next)
		if (*link == w) {
			*link = w->next;
			break;
		}
	for (struct watch **link = &w->file->watches; *link; link = &(*link)->file_next)
		if (*link == w) {
			*link = w->file_next;
			break;
		}
	for (struct watch **link = &e->timed; *link; link = &(*link)->timed_next)
		if (*link == w) {
			*link = w->timed_next;
			break;
		}
	e->hosts -= (unsigned)w->in_host;
	heap_free(w, sizeof *w);
}

static int64_t table_grow(struct epoll *e, uint32_t fd)
{
	uint32_t room = e->room ? e->room : 64;

	while (room <= fd)
		room *= 2;
	if (room == e->room)
		return 0;
	struct watch **table = heap_allocate(room * sizeof *table);
	if (!table)
		return -ENOMEM;
	if (e->room)
		memcpy(table, e->table, e->room * sizeof *table);
	heap_free(e->table, e->room * sizeof *table);
	e->table = table;
	e->room = room;
	return 0;
}

/* Does the set `inner` reach `outer`? Sets within sets may be five deep, and never in a circle. */
static int reaches(const struct epoll *inner, const struct file *outer, int depth)
{
	if (depth > DEPTH_MOST)
		return 1;
	for (uint32_t fd = 0; fd < inner->room; fd++)
		for (const struct watch *w = inner->table[fd]; w; w = w->next)
			if (w->file == outer || (w->file->operations == &epoll_operations && reaches(w->file->object, outer, depth + 1)))
				return 1;
	return 0;
}

static struct watch *watch_find(const struct epoll *e, int fd, const struct file *f)
{
	struct watch *w = (uint32_t)fd < e->room ? e->table[fd] : NULL;

	while (w && w->file != f)
		w = w->next;
	return w;
}

static int64_t host_change(const struct watch *w, int operation)
{
	return HOST(events_change, w->set->file->handle, operation, w->file->handle, w->events, (uint64_t)w->number << 32 | (uint32_t)w->fd);
}

/* The file goes, before its handle does: the host must not report what is no more. */
void watches_drop(struct file *f)
{
	while (f->watches) {
		if (f->watches->in_host)
			host_change(f->watches, EPOLL_CTL_DEL);
		watch_free(f->watches);
	}
}

/* A file with a part in the host is watched there, too. A set that gets such a part is so where it is watched itself. */
static int64_t host_join(struct watch *w, int depth)
{
	struct epoll *e = w->set;
	int64_t error = 0;

	if (e->file->handle < 0) {
		if ((e->file->handle = HOST(events_make)) < 0)
			return e->file->handle;
		for (struct watch *o = e->file->watches; o && !error && depth < DEPTH_MOST; o = o->file_next)
			error = host_join(o, depth + 1);
	}
	if (!error)
		error = host_change(w, EPOLL_CTL_ADD);
	if (!error) {
		w->in_host = 1;
		e->hosts++;
	}
	return error;
}

void watches_host(struct file *f)
{
	for (struct watch *w = f->watches; w; w = w->file_next)
		if (!w->in_host)
			host_join(w, 0);
}

static int64_t watch_add(struct file *set, int fd, struct file *f, uint32_t events, uint64_t data)
{
	struct epoll *e = set->object;
	int64_t error = table_grow(e, (uint32_t)fd);
	struct watch *w = error ? NULL : heap_allocate(sizeof *w);

	if (!w)
		return -ENOMEM;
	*w = (struct watch){.set = e, .file = f, .fd = fd, .events = events, .data = data, .number = ++e->number};
	if (f->handle >= 0 && (error = host_join(w, 0))) {
		heap_free(w, sizeof *w);
		return error;
	}
	w->next = e->table[fd];
	e->table[fd] = w;
	w->file_next = f->watches;
	f->watches = w;
	if (f->operations->deadline) {
		w->timed_next = e->timed;
		e->timed = w;
	}
	if (f->operations->queue) {
		w->waiter.woken = watch_woken;
		wait_begin(&w->waiter, f->operations->queue(f));
	}
	if (watch_ready(w)) {
		ready_add(w);
		wait_wake(&e->queue, UINT32_MAX);
	}
	return 0;
}

int64_t epoll_change(struct file *set, int operation, int fd, struct file *f, uint32_t events, uint64_t data)
{
	struct epoll *e = set->object;
	int64_t error;

	if (set->operations != &epoll_operations || f == set)
		return -EINVAL;
	if (f->handle < 0 && !f->operations->queue)
		return -EPERM;
	struct watch *w = watch_find(e, fd, f);
	switch (operation) {
	case EPOLL_CTL_ADD:
		if (f->operations == &epoll_operations && reaches(f->object, set, 0))
			return -ELOOP;
		return w ? -EEXIST : watch_add(set, fd, f, events, data);
	case EPOLL_CTL_DEL:
		if (!w)
			return -ENOENT;
		if (w->in_host)
			host_change(w, EPOLL_CTL_DEL);
		watch_free(w);
		return 0;
	case EPOLL_CTL_MOD:
		if (!w)
			return -ENOENT;
		w->events = events;
		w->data = data;
		if (w->in_host && (error = host_change(w, EPOLL_CTL_MOD)))
			return error;
		ready_remove(w);
		if (watch_ready(w)) {
			ready_add(w);
			wait_wake(&e->queue, UINT32_MAX);
		}
		return 0;
	default:
		return -EINVAL;
	}
}
