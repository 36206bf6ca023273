/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * POSIX record locks. They belong to the process: two descriptors of one file never conflict, and closing either gives all
 * of them back. The host's locks belong to an open file instead, so all locks of one inode go through one open file of the
 * program's, kept here (one opened for reading only and one for writing, as a write lock needs it).
 */
#include "libos/process/process.h"

enum { READ_LOCK, WRITE_LOCK, NO_LOCK };

static struct lock_owner {
	struct lock_owner *next;
	const struct process *process;
	uint64_t dev, ino;
	struct file *via[2];    /* [1] may write; each holds a reference */
} *owners;

static struct lock_owner **owner_find(struct file *f)
{
	struct lock_owner **link = &owners;
	struct host_stat s;

	if (!owners || f->handle < 0 || HOST(stat, f->handle, 0, 0, own_ref(&s)) < 0)
		return NULL;
	while (*link && ((*link)->dev != s.dev || (*link)->ino != s.ino || (*link)->process != process_current()))
		link = &(*link)->next;
	return *link ? link : NULL;
}

static struct lock_owner *owner_make(struct file *f)
{
	struct lock_owner *o = heap_allocate(sizeof *o);
	struct host_stat s;

	if (!o || HOST(stat, f->handle, 0, 0, own_ref(&s)) < 0) {
		heap_free(o, sizeof *o);
		return NULL;
	}
	o->process = process_current();
	o->dev = s.dev;
	o->ino = s.ino;
	o->next = owners;
	owners = o;
	return o;
}

static int64_t host_lock(struct file *via, int type, int64_t start, int64_t length, int how)
{
		if (!via)
		return 0;
	return how == 1 ? HOST_BLOCKING(lock, via->handle, type, start, length, how) : HOST(lock, via->handle, type, start, length, how);
}

int64_t lock_set(struct file *f, int type, int64_t start, int64_t length, int wait)
{
	int writes = (f->flags & O_ACCMODE) != O_RDONLY;

	if ((type == WRITE_LOCK && !writes) || (type == READ_LOCK && (f->flags & O_ACCMODE) == O_WRONLY))
		return -EBADF;
	if (f->node)
		return node_lock_set(f, LOCK_PROCESS, type, start, length, wait);
	if (f->handle < 0)
		return 0;
	struct lock_owner **found = owner_find(f), *o = found ? *found : NULL;
	if (type == NO_LOCK) {
		int64_t error = o ? host_lock(o->via[1], type, start, length, 0) : 0;
		return o && !error ? host_lock(o->via[0], type, start, length, 0) : error;
	}
	if (!o && !(o = owner_make(f)))
		return -ENOLCK;
	if (!o->via[writes]) {
		o->via[writes] = f;
		f->references++;
	}
	if (!o->via[1])
		return host_lock(o->via[0], type, start, length, wait);
	/* What the reading file holds would stand in the way of a write lock. */
	if (type == WRITE_LOCK)
		host_lock(o->via[0], NO_LOCK, start, length, 0);
	return host_lock(o->via[1], type, start, length, wait);
}

int64_t lock_test(struct file *f, int type, int64_t start, int64_t length)
{
	struct lock_owner **o = owner_find(f);

	if (f->handle < 0)
		return NO_LOCK;
	return host_lock(o ? (*o)->via[(*o)->via[1] != NULL] : f, type, start, length, 2);
}

void lock_forget(struct file *f)
{
	struct lock_owner **link, *o;

	if (f->node) {
		node_lock_forget(f, process_current());
		return;
	}
	link = owner_find(f);
	if (!link)
		return;
	o = *link;
	*link = o->next;
	for (int i = 0; i < 2; i++)
		if (o->via[i]) {
			host_lock(o->via[i], NO_LOCK, 0, 0, 0);
			file_release(o->via[i]);
		}
	heap_free(o, sizeof *o);
}
