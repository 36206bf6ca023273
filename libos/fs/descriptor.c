/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Open files and the descriptor table.
 */
#include "libos/fs/fs.h"

static struct {
	struct file *file;
	int close_on_exec;
} table[FILES_MOST];
uint32_t descriptor_limit = FILES_MOST;

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
	return (unsigned)fd < FILES_MOST ? table[fd].file : NULL;
}

int64_t descriptor_add(struct file *f, int lowest, int close_on_exec)
{
	for (uint32_t fd = (uint32_t)lowest; fd < descriptor_limit && fd < FILES_MOST; fd++)
		if (!table[fd].file) {
			table[fd].file = f;
			table[fd].close_on_exec = close_on_exec;
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
	table[fd].file = NULL;
	lock_forget(f);
	file_release(f);
	return 0;
}

int64_t descriptor_put(struct file *f, int fd, int close_on_exec)
{
	if (fd < 0 || (uint32_t)fd >= descriptor_limit || fd >= FILES_MOST)
		return -EBADF;
	struct file *before = table[fd].file;
	f->references++;
	table[fd].file = f;
	table[fd].close_on_exec = close_on_exec;
	if (before) {
		lock_forget(before);
		file_release(before);
	}
	return fd;
}

int descriptor_flags(int fd, int set, int value)
{
	if (set)
		table[fd].close_on_exec = value;
	return table[fd].close_on_exec;
}
