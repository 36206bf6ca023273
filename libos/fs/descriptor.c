/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Open files, and each process's table of descriptors.
 */
#include "libos/process/process.h"

#define ROOM_FIRST 64u
#define LIMIT_FIRST 4096u       /* RLIMIT_NOFILE at start, soft */

static struct descriptors *mine(void)
{
	return process_current()->files;
}

static struct descriptors *make(uint32_t room)
{
	struct descriptors *d = heap_allocate(sizeof *d);

	if (!d || !(d->table = heap_allocate(room * sizeof *d->table))) {
		heap_free(d, sizeof *d);
		return NULL;
	}
	d->room = room;
	d->limit = LIMIT_FIRST;
	return d;
}

struct descriptors *descriptors_make(void)
{
	return make(ROOM_FIRST);
}

struct descriptors *descriptors_copy(const struct descriptors *from)
{
	struct descriptors *d = make(from->room);

	if (!d)
		return NULL;
	memcpy(d->table, from->table, d->room * sizeof *d->table);
	d->limit = from->limit;
	d->lowest = from->lowest;
	for (uint32_t fd = 0; fd < d->room; fd++)
		if (d->table[fd].file)
			d->table[fd].file->references++;
	return d;
}

int descriptors_first(struct descriptors *d, unsigned fd, struct file *f)
{
	d->table[fd] = (struct descriptor){f, 0};
	return 0;
}

/* One descriptor of f is no longer, others may be. */
static void closed(struct file *f)
{
	lock_closed(f);
	if (f->operations->flush)
		f->operations->flush(f);
	file_release(f);
}

void descriptors_drop(struct descriptors *d)
{
	for (uint32_t fd = 0; d && fd < d->room; fd++)
		if (d->table[fd].file) {
			struct file *f = d->table[fd].file;
			d->table[fd].file = NULL;
			closed(f);
		}
	if (d)
		heap_free(d->table, d->room * sizeof *d->table);
	heap_free(d, sizeof *d);
}

void descriptors_exec(struct descriptors *d)
{
	for (uint32_t fd = 0; fd < d->room; fd++)
		if (d->table[fd].file && d->table[fd].close_on_exec)
			descriptor_close((int)fd);
}

/* Room for descriptor fd; 0 or -ENOMEM. */
static int64_t grow(struct descriptors *d, uint32_t fd)
{
	uint32_t room = d->room;

	while (room <= fd)
		room *= 2;
	if (room == d->room)
		return 0;
	struct descriptor *table = heap_allocate(room * sizeof *table);
	if (!table)
		return -ENOMEM;
	memcpy(table, d->table, d->room * sizeof *table);
	heap_free(d->table, d->room * sizeof *table);
	d->table = table;
	d->room = room;
	return 0;
}

uint32_t descriptor_limit(void)
{
	return mine()->limit;
}

uint32_t descriptor_room(void)
{
	return mine()->room;
}

void descriptor_limit_set(uint32_t most)
{
	mine()->limit = most < FILES_MOST ? most : FILES_MOST;
}

struct file *file_make(const struct file_operations *operations, int flags)
{
	struct file *f = heap_allocate(sizeof *f);

	if (f)
		*f = (struct file){.operations = operations, .references = 1, .flags = flags, .handle = -1};
	return f;
}

void file_release(struct file *f)
{
	if (f->references - 1 == f->kept)
		lock_over(f);
	if (--f->references)
		return;
	if (f->watches)
		watches_drop(f);
	if (f->operations->close)
		f->operations->close(f);
	heap_text_free(f->path);
	heap_free(f, sizeof *f);
}

int64_t descriptor_add(struct file *f, int lowest, int close_on_exec)
{
	struct descriptors *d = mine();
	uint32_t fd = (uint32_t)lowest > d->lowest ? (uint32_t)lowest : d->lowest;
	int64_t error = -EMFILE;

	while (fd < d->room && d->table[fd].file)
		fd++;
	if (fd < d->limit && !(error = grow(d, fd))) {
		d->table[fd] = (struct descriptor){f, close_on_exec != 0};
		if ((uint32_t)lowest <= d->lowest)
			d->lowest = fd + 1;
		return fd;
	}
	file_release(f);
	return error;
}

int64_t descriptor_close(int fd)
{
	struct file *f = file_get(fd);

	if (!f)
		return -EBADF;
	struct descriptors *d = mine();
	d->table[fd].file = NULL;
	d->lowest = (uint32_t)fd < d->lowest ? (uint32_t)fd : d->lowest;
	closed(f);
	return 0;
}

int64_t descriptor_put(struct file *f, int fd, int close_on_exec)
{
	struct descriptors *d = mine();

	if (fd < 0 || (uint32_t)fd >= d->limit)
		return -EBADF;
	int64_t error = grow(d, (uint32_t)fd);
	if (error)
		return error;
	struct file *before = d->table[fd].file;
	f->references++;
	d->table[fd] = (struct descriptor){f, close_on_exec};
	if (before)
		closed(before);
	return fd;
}

int descriptor_flags(int fd, int set, int value)
{
	struct descriptors *d = mine();

	if (set)
		d->table[fd].close_on_exec = value;
	return d->table[fd].close_on_exec;
}

int file_plain(struct file *f)
{
	struct host_stat s;

	if (!f->plain)
		f->plain = !f->operations->stat(f, &s) && TYPE_OF(s.mode) == S_IFREG ? PLAIN : PLAIN_NOT;
	return f->plain > 0;
}
