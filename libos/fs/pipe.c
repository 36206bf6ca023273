/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Pipes and eventfds inside one cVM. One thread so far: a read of an empty pipe that only this thread could fill would
 * never return, and gives EAGAIN instead; a write to a full one likewise.
 */
#include "libos/fs/fs.h"

#define ROOM   65536u
#define ATOMIC 4096u    /* PIPE_BUF: not in parts */

struct pipe {
	uint8_t *data;
	uint32_t start, length;
	int readers, writers;
	uint64_t number;
};

static uint64_t numbers = 1;

static int64_t pipe_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	struct pipe *p = f->object;
	uint64_t done = 0;

	if (offset >= 0)
		return -ESPIPE;
	if (!p->length && n)
		return p->writers ? -EAGAIN : 0;
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
	return (int64_t)done;
}

static int64_t pipe_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	struct pipe *p = f->object;
	uint64_t done = 0;

	if (offset >= 0)
		return -ESPIPE;
	if (!p->readers)
		return -EPIPE;
	if (n <= ATOMIC && n > ROOM - p->length)
		return -EAGAIN;
	while (done < n && p->length < ROOM) {
		uint32_t end = (p->start + p->length) % ROOM;
		uint64_t piece = ROOM - p->length;
		piece = piece < ROOM - end ? piece : ROOM - end;
		piece = piece < n - done ? piece : n - done;
		if (memory_get(p->data + end, memory_after(from, done), piece))
			return done ? (int64_t)done : -EFAULT;
		p->length += (uint32_t)piece;
		done += piece;
	}
	return done || !n ? (int64_t)done : -EAGAIN;
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
	if (!p->readers && !p->writers) {
		heap_free(p->data, ROOM);
		heap_free(p, sizeof *p);
	}
}

static const struct file_operations pipe_operations = {
	.read = pipe_read, .write = pipe_write, .stat = pipe_stat, .poll = pipe_poll, .close = pipe_close,
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
	uint64_t value = f->device == SEMAPHORE ? 1 : f->position;

	(void)offset;
	if (n < 8)
		return -EINVAL;
	if (!f->position)
		return -EAGAIN;
	if (memory_put(to, &value, 8))
		return -EFAULT;
	f->position -= value;
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
	if (value > UINT64_MAX - 1 - f->position)
		return -EAGAIN;
	f->position += value;
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

static const struct file_operations event_operations = {
	.read = event_read, .write = event_write, .stat = event_stat, .poll = event_poll,
};

int64_t event_make(uint64_t count, int flags)
{
	struct file *f = file_make(&event_operations, O_RDWR | (flags & O_NONBLOCK));

	if (!f)
		return -ENOMEM;
	f->position = count;
	f->device = flags & 1 ? SEMAPHORE : 0;
	return descriptor_add(f, 0, flags & O_CLOEXEC);
}
