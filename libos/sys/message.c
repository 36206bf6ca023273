/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on message queues.
 */
#include "libos/event/event.h"
#include "libos/sys/sys.h"

#define PRIORITIES 32768
#define NOTIFY_SIGNAL 0
#define NOTIFY_NONE   1

/* A queue's name is one component, which libc has freed of its slash. */
static int64_t name_get(struct user at, char name[NAME_MOST + 1])
{
	int64_t n = user_string(name, at, NAME_MOST + 1);

	if (n < 0)
		return n;
	return n == 0 ? -ENOENT : strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..") ? -EACCES : 0;
}

int64_t sys_mq_open(const uint64_t a[6])
{
	char name[NAME_MOST + 1];
	struct message_attributes attributes;

	if (a[3] && user_get(&attributes, USER(3), sizeof attributes))
		return -EFAULT;
	int64_t error = name_get(USER(0), name);
	return error ? error : queue_open(name, (int)a[1], (uint32_t)a[2], a[3] ? &attributes : NULL);
}

int64_t sys_mq_unlink(const uint64_t a[6])
{
	char name[NAME_MOST + 1];
	int64_t error = name_get(USER(0), name);

	return error ? error : queue_unlink(name);
}

/* When a wait is to end: monotonic nanoseconds, of an absolute time on the realtime clock. */
static int64_t deadline_get(struct user at, int64_t *deadline)
{
	int64_t t[2], wanted, error = time_get(at, &wanted, 1);

	*deadline = FOR_EVER;
	if (error || wanted < 0)
		return error;
	time_now(t);
	*deadline = now() + wanted - (t[0] * 1000000000 + t[1]);
	*deadline = *deadline < 0 ? 0 : *deadline;
	return 0;
}

int64_t sys_mq_timedsend(const uint64_t a[6])
{
	int64_t deadline, error = deadline_get(USER(4), &deadline);

	if (error)
		return error;
	if ((uint32_t)a[3] >= PRIORITIES)
		return -EINVAL;
	FILE_ARGUMENT(f, 0);
	if (!queue_is(f) || (f->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	return queue_send(f, USER(1), a[2], (uint32_t)a[3], deadline);
}

int64_t sys_mq_timedreceive(const uint64_t a[6])
{
	int64_t deadline, error = deadline_get(USER(4), &deadline);
	uint32_t priority;

	if (error)
		return error;
	FILE_ARGUMENT(f, 0);
	if (!queue_is(f) || (f->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	int64_t done = queue_receive(f, USER(1), a[2], &priority, deadline);
	return done >= 0 && a[3] && user_put(USER(3), &priority, 4) ? -EFAULT : done;
}

int64_t sys_mq_notify(const uint64_t a[6])
{
	struct {
		int64_t value;
		int32_t signal, notify;
		int64_t pad[6];
	} event;

	if (a[1] && user_get(&event, USER(1), sizeof event))
		return -EFAULT;
	if (a[1] && ((event.notify != NOTIFY_SIGNAL && event.notify != NOTIFY_NONE) ||
		     (event.notify == NOTIFY_SIGNAL && (event.signal < 0 || event.signal > SIGNALS))))
		return -EINVAL;
	FILE_ARGUMENT(f, 0);
	if (!queue_is(f))
		return -EBADF;
	return queue_notify(f, a[1] != 0, a[1] && event.notify == NOTIFY_SIGNAL ? event.signal : 0, a[1] ? event.value : 0);
}

int64_t sys_mq_getsetattr(const uint64_t a[6])
{
	struct message_attributes new, before;

	if (a[1] && user_get(&new, USER(1), sizeof new))
		return -EFAULT;
	if (a[1] && (new.flags & ~(int64_t)O_NONBLOCK))
		return -EINVAL;
	FILE_ARGUMENT(f, 0);
	if (!queue_is(f))
		return -EBADF;
	queue_attributes(f, &before);
	if (a[1])
		f->flags = (f->flags & ~O_NONBLOCK) | (int)new.flags;
	return a[2] && user_put(USER(2), &before, sizeof before) ? -EFAULT : 0;
}
