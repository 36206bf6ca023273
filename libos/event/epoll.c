/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * epoll. What the library OS has itself is watched by waiters on the files' queues, which put it on the set's ready list; what
 * lies in the host is watched by an epoll set there, made when the first such file comes. A wait sleeps in the host if there is
 * one, and a kick brings it back when something is ready here.
 */
#include "libos/event/event.h"
#include "libos/process/bell.h"
#include "libos/sys/sys.h"

#define ONESHOT 0x40000000u
#define EDGE    0x80000000u
#define CONTROL (ONESHOT | EDGE | 1u << 29 | 1u << 28)          /* and WAKEUP, EXCLUSIVE */
#define DEPTH_MOST 5
#define BELL    (~0ull)         /* no watch has this number */

struct watch {
	struct waiter waiter;
	struct epoll *set;
	struct file *file;
	struct watch *next;             /* of the same descriptor number */
	struct watch *file_next;        /* of the same file */
	struct watch *timed_next;       /* with a deadline */
	struct watch *ready_next, *ready_before;
	int fd, is_ready, in_host;
	uint32_t events, number;
	uint64_t data;
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

static void ready_add(struct watch *w)
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

static void ready_remove(struct watch *w)
{
	struct epoll *e = w->set;

	if (!w->is_ready)
		return;
	w->is_ready = 0;
	*(w->ready_before ? &w->ready_before->ready_next : &e->ready_first) = w->ready_next;
	*(w->ready_next ? &w->ready_next->ready_before : &e->ready_last) = w->ready_before;
}

static void watch_woken(struct waiter *waiter)
{
	struct watch *w = (struct watch *)waiter;

	if (!(w->events & ~CONTROL) || !(waiter->queue->events & (w->events | READY_ERROR | READY_HANGUP)))
		return;
	ready_add(w);
	wait_wake(&w->set->queue, UINT32_MAX);
}

static unsigned watch_ready(const struct watch *w)
{
	return w->events & ~CONTROL ? file_ready(w->file) & ((w->events & ~CONTROL) | READY_ERROR | READY_HANGUP) : 0;
}

static void watch_free(struct watch *w)
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

static unsigned epoll_poll(struct file *f)
{
	struct epoll *e = f->object;
	static int depth;
	unsigned ready = 0;

	if (depth >= DEPTH_MOST)
		return 0;
	depth++;
	for (struct watch *w = e->ready_first; w && !ready; w = w->ready_next)
		ready = watch_ready(w) ? READY_IN : 0;
	for (struct watch *w = e->timed; w && !ready; w = w->timed_next)
		ready = watch_ready(w) ? READY_IN : 0;
	depth--;
	return ready;
}

static struct wait_queue *epoll_queue(struct file *f)
{
	return &((struct epoll *)f->object)->queue;
}

static int64_t epoll_deadline(struct file *f)
{
	int64_t first = FOR_EVER;

	for (struct watch *w = ((struct epoll *)f->object)->timed; w; w = w->timed_next) {
		int64_t one = w->events & ~CONTROL && w->file->operations != f->operations ? file_deadline(w->file) : FOR_EVER;
		first = one < first ? one : first;
	}
	return first;
}

static int64_t epoll_stat(struct file *f, struct host_stat *s)
{
	(void)f;
	*s = stat_now(0600, DEVICE_PIPES);
	return 0;
}

static void epoll_close(struct file *f)
{
	struct epoll *e = f->object;

	for (uint32_t fd = 0; fd < e->room; fd++)
		while (e->table[fd])
			watch_free(e->table[fd]);
	heap_free(e->table, e->room * sizeof *e->table);
	heap_free(e, sizeof *e);
	if (f->handle >= 0)
		HOST(close, f->handle);
}

static const struct file_operations epoll_operations = {
	.stat = epoll_stat, .poll = epoll_poll, .queue = epoll_queue, .deadline = epoll_deadline, .close = epoll_close,
};

int64_t epoll_make(int close_on_exec)
{
	struct file *f = file_make(&epoll_operations, O_RDWR);

	if (!f || !(f->object = heap_allocate(sizeof(struct epoll)))) {
		heap_free(f, sizeof *f);
		return -ENOMEM;
	}
	((struct epoll *)f->object)->file = f;
	return descriptor_add(f, 0, close_on_exec);
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

static void give(struct watch *w, unsigned ready, struct event *out)
{
	*out = (struct event){ready, w->data};
	if (w->events & ONESHOT)
		w->events &= CONTROL;
}

/* What is ready here: each is looked at once, and stays on the list as long as it is level-triggered. */
static uint32_t collect(struct epoll *e, struct event *out, uint32_t room)
{
	uint32_t n = 0;

	for (struct watch *w = e->timed; w; w = w->timed_next)
		if (!(w->events & EDGE) && watch_ready(w))
			ready_add(w);
		else if (watch_ready(w) && file_deadline(w->file) != w->reported) {
			w->reported = file_deadline(w->file);
			ready_add(w);
		}
	struct watch *last = e->ready_last;
	for (struct watch *w = e->ready_first, *next; w && n < room; w = next) {
		int end = w == last;
		next = end ? NULL : w->ready_next;
		unsigned ready = watch_ready(w);
		ready_remove(w);
		if (ready) {
			give(w, ready, &out[n++]);
			if (!(w->events & EDGE) && (w->events & ~CONTROL))
				ready_add(w);
		}
	}
	return n;
}

/* What the host reports; those that are ready here too have been given already, with what both say the next time. */
static int64_t host_collect(struct file *set, struct event *out, uint32_t room, int64_t timeout)
{
	struct epoll *e = set->object;
	struct host_event events[64];
	uint32_t most = room < 64 ? room : 64;

	if (bells_used && timeout) {
		wait_spin();
		if (!e->bell)
			e->bell = !HOST(events_change, set->handle, EPOLL_CTL_ADD, bell_host_handle(), READY_IN, BELL);
		if (thread_current()->wake || HOST(bell_arm))
			timeout = 0;
	}
	int64_t n = timeout ? HOST_BLOCKING(events_wait, set->handle, (uintptr_t)events, most, timeout)
			    : HOST(events_wait, set->handle, (uintptr_t)events, most, 0);
	uint32_t count = 0;

	for (int64_t i = 0; i < n; i++) {
		uint32_t fd = (uint32_t)events[i].data;
		if (events[i].data == BELL)
			bell_quiet();
		struct watch *w = fd < e->room ? e->table[fd] : NULL;
		while (w && w->number != events[i].data >> 32)
			w = w->next;
		if (w)          /* else it was removed meanwhile */
			give(w, events[i].events, &out[count++]);
	}
	return n < 0 ? n : (int64_t)count;
}

uint32_t epoll_size(const struct file *set)
{
	return set->operations == &epoll_operations ? ((const struct epoll *)set->object)->room : 0;
}

int64_t epoll_wait(struct file *set, struct event *out, uint32_t room, int64_t timeout)
{
	struct epoll *e = set->object;
	struct thread *t = thread_current();
	struct waiter w = {0};
	int64_t until = timeout < 0 ? FOR_EVER : timeout ? now() + timeout : 0, n;

	if (set->operations != &epoll_operations)
		return -EINVAL;
	if (timeout)
		wait_begin(&w, &e->queue);
	for (;;) {
		if (bells_used)
			bells_take();
		n = collect(e, out, room);
		int64_t wake_at = epoll_deadline(set);
		wake_at = wake_at < until ? wake_at : until;
		int64_t time = wake_at == FOR_EVER || n || !timeout ? 0 : now();
		int64_t left = n || !timeout ? 0 : wake_at == FOR_EVER ? -1 : wake_at > time ? wake_at - time : 0;
		int over = n || !timeout || (until != FOR_EVER && time >= until);
		if (e->hosts && n < room) {
			int64_t more = host_collect(set, out + n, room - (uint32_t)n, t->wake ? 0 : left);
			if (more > 0)
				n += more;
			else if (more == -RESTART && (signal_waits(t) || t->process->ending || t->leaving))
				n = n ? n : more;
			else if (more < 0 && more != -RESTART)
				n = n ? n : more;
			if (n || over)
				break;
			t->wake = 0;
			continue;
		}
		if (over)
			break;
		n = wait_sleep_listening(wake_at);
		if (n == -RESTART)
			break;
	}
	if (timeout)
		wait_end(&w);
	return n == -RESTART ? -EINTR : n;
}
