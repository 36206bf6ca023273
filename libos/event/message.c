/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * POSIX message queues of one cVM. A message goes from hand to hand where somebody waits for it, so whoever waits longest gets it;
 * else it is kept in the order of priorities. All sizes and names come from the program; nothing here is read from it twice.
 */
#include "libos/event/event.h"
#include "libos/process/process.h"

#define QUEUES_MOST     256
#define MESSAGES_FIRST  10              /* of a queue that nobody gave sizes */
#define BYTES_FIRST     8192
#define MESSAGES_MOST   65536           /* RLIMIT_MSGQUEUE says how many bytes in all */
#define BYTES_MOST      (1 << 24)
#define MESSAGE_COST    96              /* what Linux counts a message as, besides its bytes */
#define SI_MESGQ        (-3)
#define RLIMIT_MSGQUEUE 12

struct message {
	struct message *next;
	uint32_t priority;
	uint64_t size;
	uint8_t data[];
};

struct queue {
	struct queue *next;
	struct message *first;
	unsigned references;            /* open files, and its name */
	int named;
	uint32_t mode;
	int64_t most, size, count;      /* messages at most, bytes of each at most, messages now */
	uint64_t bytes;
	struct wait_queue receivers, senders, watchers;
	struct process *notified;       /* NULL: nobody */
	int notify_signal;              /* 0: nothing is sent */
	int64_t notify_value;
	char name[NAME_MOST + 1];
};

/* Who sleeps in a receive is given its message here, who sleeps in a send has it taken from here. */
struct exchange {
	struct waiter waiter;
	struct message *message;
};

static struct queue *queues;
static unsigned queue_count;
static uint64_t cost_total;

static uint64_t cost_of(int64_t most, int64_t size)
{
	return (uint64_t)most * ((uint64_t)size + MESSAGE_COST);
}

static void message_free(struct message *m)
{
	if (m)
		heap_free(m, sizeof *m + m->size);
}

static void queue_release(struct queue *q)
{
	if (--q->references)
		return;
	for (struct message *m = q->first, *next; m; m = next) {
		next = m->next;
		message_free(m);
	}
	cost_total -= cost_of(q->most, q->size);
	queue_count--;
	heap_free(q, sizeof *q);
}

static unsigned queue_poll(struct file *f)
{
	const struct queue *q = f->object;

	return (q->count ? READY_IN : 0) | (q->count < q->most ? READY_OUT : 0);
}

static struct wait_queue *queue_queue(struct file *f)
{
	return &((struct queue *)f->object)->watchers;
}

static int64_t queue_stat(struct file *f, struct host_stat *s)
{
	const struct queue *q = f->object;

	*s = stat_now(S_IFREG | q->mode, DEVICE_QUEUES);
	s->ino = (uintptr_t)q;
	s->size = 80;
	return 0;
}

static void queue_close(struct file *f)
{
	queue_release(f->object);
}

/* A descriptor is closed: this process is no longer told of messages. */
static void queue_flush(struct file *f)
{
	struct queue *q = f->object;

	if (q->notified == process_current())
		q->notified = NULL;
}

static const struct file_operations queue_operations = {
	.stat = queue_stat, .poll = queue_poll, .queue = queue_queue, .close = queue_close, .flush = queue_flush,
};

static struct queue **queue_find(const char *name)
{
	struct queue **link = &queues;

	while (*link && strcmp((*link)->name, name))
		link = &(*link)->next;
	return link;
}

static int64_t queue_make(const char *name, uint32_t mode, const struct message_attributes *wanted, struct queue **made)
{
	struct message_attributes a = {.most = MESSAGES_FIRST, .size = BYTES_FIRST};

	if (wanted)
		a = *wanted;
	if (a.most <= 0 || a.size <= 0 || a.most > MESSAGES_MOST || a.size > BYTES_MOST)
		return -EINVAL;
	if (queue_count >= QUEUES_MOST)
		return -ENOSPC;
	if (cost_total + cost_of(a.most, a.size) > limit_now(RLIMIT_MSGQUEUE))
		return -EMFILE;
	struct queue *q = heap_allocate(sizeof *q);
	if (!q)
		return -ENOMEM;
	*q = (struct queue){.next = queues, .references = 1, .named = 1, .mode = mode & 0777 & ~process_current()->mask,
			    .most = a.most, .size = a.size};
	memcpy(q->name, name, strlen(name) + 1);
	queues = q;
	queue_count++;
	cost_total += cost_of(a.most, a.size);
	*made = q;
	return 0;
}

int64_t queue_open(const char *name, int flags, uint32_t mode, const struct message_attributes *attributes)
{
	static const uint32_t wants[4] = {0400, 0200, 0600, 0};
	struct queue *q = *queue_find(name);
	int made = !q;
	int64_t error = 0;

	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (!q && !(flags & O_CREAT))
		return -ENOENT;
	if (q && (flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (q && boot->uid && (q->mode & wants[flags & O_ACCMODE]) != wants[flags & O_ACCMODE])
		return -EACCES;
	if (made && (error = queue_make(name, mode, attributes, &q)))
		return error;
	struct file *f = file_make(&queue_operations, flags & (O_ACCMODE | O_NONBLOCK));
	if (f) {
		f->object = q;
		q->references++;
		error = descriptor_add(f, 0, 1);
	} else
		error = -ENOMEM;
	if (error < 0 && made)
		queue_unlink(name);
	return error;
}

int64_t queue_unlink(const char *name)
{
	struct queue **link = queue_find(name), *q = *link;

	if (!q)
		return -ENOENT;
	*link = q->next;
	q->named = 0;
	queue_release(q);
	return 0;
}

int queue_is(const struct file *f)
{
	return f->operations == &queue_operations;
}

void queue_attributes(const struct file *f, struct message_attributes *a)
{
	const struct queue *q = f->object;

	*a = (struct message_attributes){.flags = f->flags & O_NONBLOCK, .most = q->most, .size = q->size, .count = q->count};
}

int64_t queue_notify(struct file *f, int wanted, int signal, int64_t value)
{
	struct queue *q = f->object;

	if (!wanted) {
		if (q->notified == process_current())
			q->notified = NULL;
		return 0;
	}
	if (q->notified)
		return -EBUSY;
	q->notified = process_current();
	q->notify_signal = signal;
	q->notify_value = value;
	return 0;
}

static void notify(struct queue *q)
{
	struct process *p = q->notified;

	q->notified = NULL;
	if (p && q->notify_signal)
		signal_process(p, (struct signal_info){.signal = q->notify_signal, .code = SI_MESGQ, .pid = process_current()->id,
						       .uid = boot->uid, .value = q->notify_value});
}

/* Behind those of its priority. */
static void insert(struct queue *q, struct message *m)
{
	struct message **link = &q->first;

	while (*link && (*link)->priority >= m->priority)
		link = &(*link)->next;
	m->next = *link;
	*link = m;
	q->count++;
	q->bytes += m->size;
}

/* Takes the longest waiting off its list; it runs on when the lock is free. */
static struct exchange *longest(struct wait_queue *waiting)
{
	struct exchange *e = (struct exchange *)waiting->first;

	if (e) {
		wait_end(&e->waiter);
		waiter_wake(&e->waiter);
	}
	return e;
}

/* Sleeps until somebody has dealt with e: 0, or why not. */
static int64_t sleep_in(struct exchange *e, struct wait_queue *waiting, int64_t deadline)
{
	int64_t error = 0;

	wait_begin(&e->waiter, waiting);
	while (e->waiter.queue && !error)
		error = wait_sleep(deadline);
	if (!e->waiter.queue)
		error = 0;
	wait_end(&e->waiter);
	return error;
}

int64_t queue_send(struct file *f, struct user from, uint64_t size, uint32_t priority, int64_t deadline)
{
	struct queue *q = f->object;
	struct exchange *e, own = {.message = NULL};

	if (size > (uint64_t)q->size)
		return -EMSGSIZE;
	struct message *m = heap_allocate(sizeof *m + size);
	if (!m)
		return -ENOMEM;
	*m = (struct message){.priority = priority, .size = size};
	int64_t error = user_get(m->data, from, size);
	if (!error && q->count >= q->most) {
		own.message = m;
		error = f->flags & O_NONBLOCK ? -EAGAIN : sleep_in(&own, &q->senders, deadline);
		if (!error)
			return 0;       /* a receiver has put it in */
	}
	if (error) {
		message_free(m);
		return error;
	}
	if ((e = longest(&q->receivers))) {
		e->message = m;
		return 0;
	}
	insert(q, m);
	if (q->count == 1)
		notify(q);
	wait_wake_for(&q->watchers, UINT32_MAX, READY_IN);
	return 0;
}

int64_t queue_receive(struct file *f, struct user to, uint64_t room, uint32_t *priority, int64_t deadline)
{
	struct queue *q = f->object;
	struct exchange *e, own = {.message = NULL};
	struct message *m = q->first;

	if (room < (uint64_t)q->size)
		return -EMSGSIZE;
	if (m) {
		q->first = m->next;
		q->count--;
		q->bytes -= m->size;
		if ((e = longest(&q->senders)))
			insert(q, e->message);
		wait_wake_for(&q->watchers, UINT32_MAX, READY_OUT);
	} else {
		int64_t error = f->flags & O_NONBLOCK ? -EAGAIN : sleep_in(&own, &q->receivers, deadline);
		if (error)
			return error;
		m = own.message;
	}
	int64_t done = user_put(to, m->data, m->size) ? -EFAULT : (int64_t)m->size;
	*priority = m->priority;
	message_free(m);
	return done;
}
