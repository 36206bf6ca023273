/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Pipes and eventfds inside one cVM, between its threads and processes.
 */
#include "libos/process/process.h"

#define ROOM   65536u           /* at first */
#define ROOM_MOST (1u << 20)
#define ATOMIC 4096u    /* PIPE_BUF: not in parts */

struct pipe {
	uint8_t *data;
	uint32_t start, length, room;
	int readers, writers;
	uint64_t number;
	struct wait_queue queue;
	struct pipe *next;      /* fifos: of all that are open */
	uint64_t device, inode; /* 0: no fifo */
	unsigned opens[2];      /* how often it was opened for reading, for writing */
};
static struct pipe *fifos;

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
		uint64_t piece = p->room - p->start;
		piece = piece < p->length ? piece : p->length;
		piece = piece < n - done ? piece : n - done;
		if (memory_put(memory_after(to, done), p->data + p->start, piece))
			return done ? (int64_t)done : -EFAULT;
		p->start = (p->start + (uint32_t)piece) % p->room;
		p->length -= (uint32_t)piece;
		done += piece;
	}
	if (done)
		wait_wake_for(&p->queue, UINT32_MAX, READY_OUT);
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
		int64_t error = WAIT_WHILE(f, &p->queue, p->readers && p->room - p->length < least);
		if (!p->readers)
			error = -EPIPE;
		if (error)
			return done ? (int64_t)done : error;
		while (done < n && p->length < p->room) {
			uint32_t end = (p->start + p->length) % p->room;
			uint64_t piece = p->room - p->length;
			piece = piece < p->room - end ? piece : p->room - end;
			piece = piece < n - done ? piece : n - done;
			if (memory_get(p->data + end, memory_after(from, done), piece)) {
				wait_wake_for(&p->queue, UINT32_MAX, READY_IN);
				return done ? (int64_t)done : -EFAULT;
			}
			p->length += (uint32_t)piece;
			done += piece;
		}
		wait_wake_for(&p->queue, UINT32_MAX, READY_IN);
	} while (done < n);
	return (int64_t)done;
}

static int64_t pipe_available(struct file *f)
{
	return ((struct pipe *)f->object)->length;
}

static int64_t pipe_free_room(struct file *f)
{
	const struct pipe *p = f->object;

	return p->room - p->length;
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

	unsigned out = (p->room - p->length >= ATOMIC ? READY_OUT : 0) | (p->readers ? 0 : READY_ERROR);
	/* A fifo that nobody has written to yet has not been hung up. */
	unsigned in = (p->length ? READY_IN : 0) | (p->writers || (p->inode && f->position == p->opens[1]) ? 0 : READY_HANGUP);

	return (f->flags & O_ACCMODE) == O_WRONLY ? out : (f->flags & O_ACCMODE) == O_RDONLY ? in : out | in;
}

static void pipe_free(struct pipe *p)
{
	for (struct pipe **link = &fifos; p->inode && *link; link = &(*link)->next)
		if (*link == p) {
			*link = p->next;
			break;
		}
	heap_free(p->data, p->room);
	heap_free(p, sizeof *p);
}

static void pipe_close(struct file *f)
{
	struct pipe *p = f->object;

	p->writers -= (f->flags & O_ACCMODE) != O_RDONLY;
	p->readers -= (f->flags & O_ACCMODE) != O_WRONLY;
	WAKE(&p->queue);
	if (!p->readers && !p->writers)
		pipe_free(p);
}

static const struct file_operations pipe_operations = {
	.read = pipe_read, .write = pipe_write, .available = pipe_available, .room = pipe_free_room, .stat = pipe_stat, .poll = pipe_poll,
	.queue = pipe_queue, .close = pipe_close,
};

/* F_GETPIPE_SZ and, with `size` > 0, F_SETPIPE_SZ. */
int64_t pipe_room(struct file *f, uint64_t size)
{
	struct pipe *p = f->object;
	uint32_t room = ATOMIC;
	uint8_t *data;

	if (f->operations != &pipe_operations)
		return -EBADF;
	if (!size)
		return p->room;
	if (size > ROOM_MOST)
		return size > INT32_MAX ? -EINVAL : -EPERM;
	while (room < size)
		room *= 2;
	if (room < p->length)
		return -EBUSY;
	data = heap_allocate(room);
	if (!data)
		return -ENOMEM;
	uint32_t first = p->room - p->start < p->length ? p->room - p->start : p->length;
	memcpy(data, p->data + p->start, first);
	memcpy(data + first, p->data, p->length - first);
	heap_free(p->data, p->room);
	p->data = data;
	p->room = room;
	p->start = 0;
	wait_wake_for(&p->queue, UINT32_MAX, READY_OUT);
	return room;
}

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
	p->room = ROOM;
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

/* POSIX open(): one end waits for the other, but with O_NONBLOCK a reader need not and a writer may not; O_RDWR (Linux) is both. */
int64_t fifo_open(uint64_t device, uint64_t inode, int flags, struct file **f)
{
	struct pipe *p = fifos;
	int reads = (flags & O_ACCMODE) != O_WRONLY, writes = (flags & O_ACCMODE) != O_RDONLY;

	while (p && (p->inode != inode || p->device != device))
		p = p->next;
	if (writes && !reads && (flags & O_NONBLOCK) && !(p && p->readers))
		return -ENXIO;
	*f = file_make(&pipe_operations, flags & (O_ACCMODE | O_NONBLOCK));
	if (!*f)
		return -ENOMEM;
	if (!p) {
		p = heap_allocate(sizeof *p);
		if (!p || !(p->data = heap_allocate(ROOM))) {
			heap_free(p, sizeof *p);
			heap_free(*f, sizeof **f);
			return -ENOMEM;
		}
		*p = (struct pipe){.data = p->data, .room = ROOM, .device = device, .inode = inode, .number = inode, .next = fifos};
		fifos = p;
	}
	(*f)->object = p;
	(*f)->position = p->opens[1];   /* of the writers so far: hung up is what has had one since */
	p->readers += reads;
	p->writers += writes;
	p->opens[0] += (unsigned)reads;
	p->opens[1] += (unsigned)writes;
	WAKE(&p->queue);
	unsigned seen = p->opens[reads];
	int64_t error = 0;
	if (reads != writes && !(flags & O_NONBLOCK) && !(reads ? p->writers : p->readers)) {
		struct waiter w = {0};
		wait_begin(&w, &p->queue);
		while (!error && p->opens[reads] == seen)
			error = wait_sleep(FOR_EVER);
		wait_end(&w);
	}
	if (error) {
		file_release(*f);
		*f = NULL;
	}
	return error;
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
	wait_wake_for(f->object, UINT32_MAX, READY_OUT);
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
	wait_wake_for(f->object, UINT32_MAX, READY_IN);
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
