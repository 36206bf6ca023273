/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Open files, and each process's table of descriptors.
 */
#include "libos/process/process.h"

struct descriptors {
	struct {
		struct file *file;
		int close_on_exec;
	} table[FILES_MOST];
	uint32_t limit;
};

static struct descriptors *mine(void)
{
	return process_current()->files;
}

struct descriptors *descriptors_make(void)
{
	struct descriptors *d = heap_allocate(sizeof *d);

	if (d)
		d->limit = FILES_MOST;
	return d;
}

struct descriptors *descriptors_copy(const struct descriptors *from)
{
	struct descriptors *d = heap_allocate(sizeof *d);

	if (!d)
		return NULL;
	*d = *from;
	for (int fd = 0; fd < FILES_MOST; fd++)
		if (d->table[fd].file)
			d->table[fd].file->references++;
	return d;
}

void descriptors_drop(struct descriptors *d)
{
	for (int fd = 0; d && fd < FILES_MOST; fd++)
		if (d->table[fd].file) {
			lock_forget(d->table[fd].file);
			file_release(d->table[fd].file);
		}
	heap_free(d, sizeof *d);
}

void descriptors_exec(struct descriptors *d)
{
	for (int fd = 0; fd < FILES_MOST; fd++)
		if (d->table[fd].file && d->table[fd].close_on_exec)
			descriptor_close(fd);
}

uint32_t descriptor_limit(void)
{
	return mine()->limit;
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
	if (--f->references)
		return;
	if (f->operations->close)
		f->operations->close(f);
	heap_text_free(f->path);
	heap_free(f, sizeof *f);
}

struct file *file_get(int fd)
{
	return (unsigned)fd < FILES_MOST ? mine()->table[fd].file : NULL;
}

struct file *file_hold(int fd)
{
	struct file *f = file_get(fd);

	if (f)
		f->references++;
	return f;
}

void file_put(struct file **f)
{
	if (*f)
		file_release(*f);
}

int64_t descriptor_add(struct file *f, int lowest, int close_on_exec)
{
	struct descriptors *d = mine();

	for (uint32_t fd = (uint32_t)lowest; fd < d->limit && fd < FILES_MOST; fd++)
		if (!d->table[fd].file) {
			d->table[fd].file = f;
			d->table[fd].close_on_exec = close_on_exec != 0;
			return fd;
		}
	file_release(f);
	return -EMFILE;
}

int64_t descriptor_close(int fd)
{
	struct file *f = file_get(fd);

	if (!f)
		return -EBADF;
	mine()->table[fd].file = NULL;
	lock_forget(f);
	file_release(f);
	return 0;
}

int64_t descriptor_put(struct file *f, int fd, int close_on_exec)
{
	struct descriptors *d = mine();

	if (fd < 0 || (uint32_t)fd >= d->limit || fd >= FILES_MOST)
		return -EBADF;
	struct file *before = d->table[fd].file;
	f->references++;
	d->table[fd].file = f;
	d->table[fd].close_on_exec = close_on_exec;
	if (before) {
		lock_forget(before);
		file_release(before);
	}
	return fd;
}

int descriptor_flags(int fd, int set, int value)
{
	struct descriptors *d = mine();

	if (set)
		d->table[fd].close_on_exec = value;
	return d->table[fd].close_on_exec;
}
