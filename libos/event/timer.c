/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * timerfd: nothing runs when one expires; whoever waits sleeps no longer than until then.
 */
#include "libos/event/event.h"
#include "libos/process/process.h"

struct timer {
	int clock;
	int64_t at, every;      /* monotonic nanoseconds; at 0: disarmed */
	struct wait_queue queue;
};

static uint64_t expirations(const struct timer *t, int64_t time)
{
	return !t->at || time < t->at ? 0 : t->every ? (uint64_t)((time - t->at) / t->every) + 1 : 1;
}

static unsigned timer_poll(struct file *f)
{
	const struct timer *t = f->object;

	return t->at && expirations(t, now()) ? READY_IN : 0;
}

static int64_t timer_deadline(struct file *f)
{
	const struct timer *t = f->object;

	return t->at ? t->at : FOR_EVER;
}

static struct wait_queue *timer_queue(struct file *f)
{
	return &((struct timer *)f->object)->queue;
}

static int64_t timer_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	struct timer *t = f->object;
	uint64_t count;

	(void)offset;
	if (n < 8)
		return -EINVAL;
	while (!(count = expirations(t, now()))) {
		int64_t error = f->flags & O_NONBLOCK ? -EAGAIN : file_wait(f, READY_IN, FOR_EVER);
		if (error)
			return error;
	}
	if (memory_put(to, &count, 8))
		return -EFAULT;
	t->at = t->every ? t->at + (int64_t)count * t->every : 0;
	return 8;
}

static int64_t timer_stat(struct file *f, struct host_stat *s)
{
	(void)f;
	*s = stat_now(0600, DEVICE_PIPES);
	return 0;
}

static void timer_close(struct file *f)
{
	heap_free(f->object, sizeof(struct timer));
}

static const struct file_operations timer_operations = {
	.read = timer_read, .stat = timer_stat, .poll = timer_poll, .queue = timer_queue, .deadline = timer_deadline, .close = timer_close,
};

int64_t timer_file_make(int clock, int flags)
{
	struct file *f = file_make(&timer_operations, O_RDWR | (flags & O_NONBLOCK));

	if (!f || !(f->object = heap_allocate(sizeof(struct timer)))) {
		heap_free(f, sizeof *f);
		return -ENOMEM;
	}
	((struct timer *)f->object)->clock = clock;
	return descriptor_add(f, 0, flags & O_CLOEXEC);
}

int64_t timer_file_set(struct file *f, int64_t at, int64_t every)
{
	struct timer *t = f->object;

	t->at = at;
	t->every = at ? every : 0;
	wait_wake(&t->queue, UINT32_MAX);       /* who sleeps does so until another time now */
	return 0;
}

int64_t timer_file_get(struct file *f, int *clock, int64_t *at, int64_t *every)
{
	const struct timer *t = f->object;

	if (f->operations != &timer_operations)
		return -EINVAL;
	*clock = t->clock;
	*every = t->every;
	*at = t->at;
	if (t->at && t->every)          /* the next one that is still to come */
		*at += (int64_t)expirations(t, now()) * t->every;
	return 0;
}
