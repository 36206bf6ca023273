/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Pipes inside one cVM. One thread so far: a read of an empty pipe that only this thread could fill would never return,
 * and gives EAGAIN instead; a write to a full one likewise.
 */
#include "libos/fs/fs.h"

#define ROOM 65536u

struct pipe {
	uint8_t *data;
	uint32_t start, length;
	int readers, writers;
};

static int64_t pipe_read(struct file *f, struct user to, uint64_t n, int64_t offset)
{
	struct pipe *p = f->pipe;
	uint64_t done = 0;

	if (offset >= 0)
		return -ESPIPE;
	if (!p->length && n)
		return p->writers ? -EAGAIN : 0;
	while (done < n && p->length) {
		uint64_t piece = ROOM - p->start;
		piece = piece < p->length ? piece : p->length;
		piece = piece < n - done ? piece : n - done;
		if (user_put((struct user){to.at + done}, p->data + p->start, piece))
			return done ? (int64_t)done : -EFAULT;
		p->start = (p->start + (uint32_t)piece) % ROOM;
		p->length -= (uint32_t)piece;
		done += piece;
	}
	return (int64_t)done;
}

static int64_t pipe_write(struct file *f, struct user from, uint64_t n, int64_t offset)
{
	struct pipe *p = f->pipe;
	uint64_t done = 0;

	if (offset >= 0)
		return -ESPIPE;
	if (!p->readers)
		return -EPIPE;
	while (done < n && p->length < ROOM) {
		uint32_t end = (p->start + p->length) % ROOM;
		uint64_t piece = ROOM - p->length;
		piece = piece < ROOM - end ? piece : ROOM - end;
		piece = piece < n - done ? piece : n - done;
		if (user_get(p->data + end, (struct user){from.at + done}, piece))
			return done ? (int64_t)done : -EFAULT;
		p->length += (uint32_t)piece;
		done += piece;
	}
	return done || !n ? (int64_t)done : -EAGAIN;
}

static int64_t pipe_stat(struct file *f, struct host_stat *s)
{
	(void)f;
	*s = stat_now(S_IFIFO | 0600);
	return 0;
}

static unsigned pipe_poll(struct file *f)
{
	struct pipe *p = f->pipe;
	int writes = (f->flags & O_ACCMODE) == O_WRONLY;

	if (writes)
		return (p->length < ROOM ? 4 : 0) | (p->readers ? 0 : 8);
	return (p->length ? 1 : 0) | (p->writers ? 0 : 16);
}

static void pipe_close(struct file *f)
{
	struct pipe *p = f->pipe;

	if ((f->flags & O_ACCMODE) == O_WRONLY)
		p->writers--;
	else
		p->readers--;
	if (!p->readers && !p->writers) {
		heap_free(p->data, ROOM);
		heap_free(p, sizeof *p);
	}
}

static const struct file_operations pipe_operations = {pipe_read, pipe_write, NULL, pipe_stat, NULL, NULL, pipe_poll, pipe_close};

int64_t pipe_make(int flags, int fds[2])
{
	struct pipe *p = heap_allocate(sizeof *p);
	struct file *r = file_make(&pipe_operations, O_RDONLY | (flags & O_NONBLOCK)),
		    *w = file_make(&pipe_operations, O_WRONLY | (flags & O_NONBLOCK));

	if (!p || !r || !w || !(p->data = heap_allocate(ROOM)))
		return -ENOMEM;
	p->readers = p->writers = 1;
	r->pipe = w->pipe = p;
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
