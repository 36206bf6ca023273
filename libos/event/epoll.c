/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * epoll sets: files, and waiting for what is ready. A wait sleeps in the host if there is a set there, and a kick brings it
 * back when something is ready here.
 */
#include "libos/event/epoll.h"
#include "libos/process/bell.h"

#define BELL (~0ull)            /* no watch has this number */

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

const struct file_operations epoll_operations = {
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

uint32_t epoll_size(const struct file *set)
{
	return set->operations == &epoll_operations ? ((const struct epoll *)set->object)->room : 0;
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

static struct watch *watch_at(const struct epoll *e, uint64_t data)
{
	return (uint32_t)data < e->room ? e->table[(uint32_t)data] : NULL;
}

/* What is told now is read or written soon: all of it at once comes into the processor's cache in the time of one. (A function that does
 * nothing else gcc 12 takes for one without effects.) */
static inline __attribute__((always_inline)) void ask_ahead(const struct epoll *e, const struct host_event *events, int64_t n)
{
	const struct watch *w;

	for (int64_t i = 0; i < n; i++)
		__builtin_prefetch(watch_at(e, events[i].data));
	for (int64_t i = 0; i < n; i++)
		if ((w = watch_at(e, events[i].data)))
			__builtin_prefetch(w->file, 1);
	for (int64_t i = 0; i < n; i++)
		if ((w = watch_at(e, events[i].data)))
			__builtin_prefetch(w->file->object);
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
	int64_t n = timeout ? HOST_BLOCKING(events_wait, set->handle, own_ref(events), most, timeout)
			    : HOST(events_wait, set->handle, own_ref(events), most, 0);
	uint32_t count = 0;

	ask_ahead(e, events, n);
	for (int64_t i = 0; i < n; i++) {
		if (events[i].data == BELL)
			bell_quiet();
		struct watch *w = watch_at(e, events[i].data);
		while (w && w->number != events[i].data >> 32)
			w = w->next;
		if (w)          /* else it was removed meanwhile */
			give(w, events[i].events, &out[count++]);
	}
	return n < 0 ? n : (int64_t)count;
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
