/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * signalfd: the signals of whoever reads it.
 */
#include "libos/event/event.h"
#include "libos/process/process.h"

static unsigned signals_poll(struct file *f)
{
	const struct thread *t = thread_current();

	return (t->pending.set | t->process->pending.set) & f->position ? READY_IN : 0;
}

static struct wait_queue *signals_queue(struct file *f)
{
	(void)f;
	return &process_current()->signals;
}

/* struct signalfd_siginfo */
static void record(uint8_t out[128], const struct signal_info *info)
{
	const int32_t head[4] = {info->signal, 0, info->code, info->pid};

	memset(out, 0, 128);
	memcpy(out, head, sizeof head);
	memcpy(out + 16, &info->uid, 4);
	if (info->signal == 17)
		memcpy(out + 40, &info->value, 4);      /* ssi_status */
	memcpy(out + 44, &info->value, 4);              /* ssi_int */
	memcpy(out + 48, &info->value, 8);              /* ssi_ptr */
	memcpy(out + 72, &info->address, 8);
}

static int64_t signals_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	struct thread *t = thread_current();
	struct signal_info info;
	uint8_t out[128];
	uint64_t done = 0;

	(void)offset;
	if (n < sizeof out)
		return -EINVAL;
	while (n - done >= sizeof out) {
		uint64_t mask = t->mask;
		t->mask = ~f->position;         /* take what the file asks for, blocked or not */
		int taken = signal_take(t, &info);
		t->mask = mask;
		if (taken) {
			record(out, &info);
			if (memory_put(memory_after(to, done), out, sizeof out))
				return -EFAULT;
			done += sizeof out;
			continue;
		}
		if (done)
			break;
		int64_t error = f->flags & O_NONBLOCK ? -EAGAIN : file_wait(f, READY_IN, FOR_EVER);
		if (error)
			return error;
	}
	return (int64_t)done;
}

static int64_t signals_stat(struct file *f, struct host_stat *s)
{
	(void)f;
	*s = stat_now(0600, DEVICE_PIPES);
	return 0;
}

static const struct file_operations signals_operations = {
	.read = signals_read, .stat = signals_stat, .poll = signals_poll, .queue = signals_queue,
};

int64_t signal_file_make(uint64_t mask, int flags)
{
	struct file *f = file_make(&signals_operations, O_RDWR | (flags & O_NONBLOCK));

	if (!f)
		return -ENOMEM;
	f->position = mask & ~UNBLOCKABLE;
	return descriptor_add(f, 0, flags & O_CLOEXEC);
}

int64_t signal_file_mask(struct file *f, uint64_t mask)
{
	if (f->operations != &signals_operations)
		return -EINVAL;
	f->position = mask & ~UNBLOCKABLE;
	return 0;
}
