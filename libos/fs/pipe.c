/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Pipes and eventfds inside one cVM, between its threads and processes.
 */
#include "libos/process/process.h"

#define ROOM   65536u
#define ATOMIC 4096u    /* PIPE_BUF: not in parts */

struct pipe {
	uint8_t *data;
	uint32_t start, length;
	int readers, writers;
	uint64_t number;
	struct wait_queue queue;
};

static uint64_t numbers = 1;

/* Waits while `blocked` is true; -EAGAIN when the file does not wait. */
#define WAIT_WHILE(f, queue_, blocked)                                                                                   \
	({                                                                                                                \
		int64_t error_ = 0;                                                                                       \
		if (blocked) {                                                                                            \
			struct waiter w_ = {0};                                                                           \
			error_ = (f)->flags & O_NONBLOCK ? -EAGAIN : 0;                                                   \
			wait_begin(&w_, (queue_));                                                                        \
			while (!error_ && (blocked))                                                                      \
				error_ = wait_sleep(FOR_EVER);                                                            \
			wait_end(&w_);                                                                                    \
		}                                                                                                         \
		error_;                                                                                                   \
	})
#define WAKE(queue_) wait_wake((queue_), UINT32_MAX)

static int64_t pipe_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	struct pipe *p = f->object;
	uint64_t done = 0;

	if (offset >= 0)
		return -ESPIPE;
	if (!n)
		return 0;
	int64_t error = WAIT_WHILE(f, &p->queue, !p->length && p->writers);
	if (error)
		return error;
	while (done < n && p->length) {
		uint64_t piece = ROOM - p->start;
		piece = piece < p->length ? piece : p->length;
		piece = piece < n - done ? piece : n - done;
		if (memory_put(memory_after(to, done), p->data + p->start, piece))
			return done ? (int64_t)done : -EFAULT;
		p->start = (p->start + (uint32_t)piece) % ROOM;
		p->length -= (uint32_t)piece;
		done += piece;
	}
	if (done)
		WAKE(&p->queue);
	return (int64_t)done;
}

static int64_t pipe_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	struct pipe *p = f->object;
	uint64_t done = 0;

	if (offset >= 0)
		return -ESPIPE;
	/* Up to PIPE_BUF bytes go in one piece; a larger write may find room more than once. */
	do {
		uint32_t least = n <= ATOMIC ? (uint32_t)n : 1;
		int64_t error = WAIT_WHILE(f, &p->queue, p->readers && ROOM - p->length < least);
		if (!p->readers)
			error = -EPIPE;
		if (error)
			return done ? (int64_t)done : error;
		while (done < n && p->length < ROOM) {
			uint32_t end = (p->start + p->length) % ROOM;
			uint64_t piece = ROOM - p->length;
			piece = piece < ROOM - end ? piece : ROOM - end;
			piece = piece < n - done ? piece : n - done;
			if (memory_get(p->data + end, memory_after(from, done), piece)) {
				WAKE(&p->queue);
				return done ? (int64_t)done : -EFAULT;
			}
			p->length += (uint32_t)piece;
			done += piece;
		}
		WAKE(&p->queue);
	} while (done < n);
	return (int64_t)done;
}

static struct wait_queue *pipe_queue(struct file *f)
{
	return &((struct pipe *)f->object)->queue;
}

static int64_t pipe_stat(struct file *f, struct host_stat *s)
{
	const struct pipe *p = f->object;

	*s = stat_now(S_IFIFO | 0600, DEVICE_PIPES);
	s->ino = p->number;
	return 0;
}

static unsigned pipe_poll(struct file *f)
{
	const struct pipe *p = f->object;

	if ((f->flags & O_ACCMODE) == O_WRONLY)
		return (ROOM - p->length >= ATOMIC ? READY_OUT : 0) | (p->readers ? 0 : READY_ERROR);
	return (p->length ? READY_IN : 0) | (p->writers ? 0 : READY_HANGUP);
}

static void pipe_close(struct file *f)
{
	struct pipe *p = f->object;

	if ((f->flags & O_ACCMODE) == O_WRONLY)
		p->writers--;
	else
		p->readers--;
	WAKE(&p->queue);
	if (!p->readers && !p->writers) {
		heap_free(p->data, ROOM);
		heap_free(p, sizeof *p);
	}
}

static const struct file_operations pipe_operations = {
	.read = pipe_read, .write = pipe_write, .stat = pipe_stat, .poll = pipe_poll, .queue = pipe_queue, .close = pipe_close,
};

int64_t pipe_make(int flags, int fds[2])
{
	struct pipe *p = heap_allocate(sizeof *p);
	struct file *r = file_make(&pipe_operations, O_RDONLY | (flags & O_NONBLOCK)),
		    *w = file_make(&pipe_operations, O_WRONLY | (flags & O_NONBLOCK));

	if (!p || !r || !w || !(p->data = heap_allocate(ROOM))) {
		heap_free(p, sizeof *p);
		heap_free(r, sizeof *r);
		heap_free(w, sizeof *w);
		return -ENOMEM;
	}
	p->readers = p->writers = 1;
	p->number = numbers++;
	r->object = w->object = p;
	int64_t first = descriptor_add(r, 0, flags & O_CLOEXEC);
	if (first < 0) {
		file_release(w);
		return first;
	}
	int64_t second = descriptor_add(w, 0, flags & O_CLOEXEC);
	if (second < 0) {
		descriptor_close((int)first);
		return second;
	}
	fds[0] = (int)first;
	fds[1] = (int)second;
	return 0;
}

/* ---- eventfd ---- */
#define SEMAPHORE 1             /* EFD_SEMAPHORE */

static int64_t event_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	(void)offset;
	if (n < 8)
		return -EINVAL;
	int64_t error = WAIT_WHILE(f, f->object, !f->position);
	if (error)
		return error;
	uint64_t value = f->device == SEMAPHORE ? 1 : f->position;
	if (memory_put(to, &value, 8))
		return -EFAULT;
	f->position -= value;
	WAKE((struct wait_queue *)f->object);
	return 8;
}

static int64_t event_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	uint64_t value;

	(void)offset;
	if (n < 8)
		return -EINVAL;
	if (memory_get(&value, from, 8))
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	int64_t error = WAIT_WHILE(f, f->object, value > UINT64_MAX - 1 - f->position);
	if (error)
		return error;
	f->position += value;
	WAKE((struct wait_queue *)f->object);
	return 8;
}

static int64_t event_stat(struct file *f, struct host_stat *s)
{
	(void)f;
	*s = stat_now(0600, DEVICE_PIPES);
	return 0;
}

static unsigned event_poll(struct file *f)
{
	return (f->position ? READY_IN : 0) | (f->position < UINT64_MAX - 1 ? READY_OUT : 0);
}

static struct wait_queue *event_queue(struct file *f)
{
	return f->object;
}

static void event_close(struct file *f)
{
	heap_free(f->object, sizeof(struct wait_queue));
}

static const struct file_operations event_operations = {
	.read = event_read, .write = event_write, .stat = event_stat, .poll = event_poll, .queue = event_queue, .close = event_close,
};

int64_t event_make(uint64_t count, int flags)
{
	struct file *f = file_make(&event_operations, O_RDWR | (flags & O_NONBLOCK));

	if (!f || !(f->object = heap_allocate(sizeof(struct wait_queue)))) {
		heap_free(f, sizeof *f);
		return -ENOMEM;
	}
	f->position = count;
	f->device = flags & 1 ? SEMAPHORE : 0;
	return descriptor_add(f, 0, flags & O_CLOEXEC);
}
