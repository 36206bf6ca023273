/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What getdents64 gives, and directories whose names are fixed when they are opened (/dev, /proc).
 */
#include "libos/fs/fs.h"

struct record {                 /* linux_dirent64 */
	uint64_t number;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[NAME_MOST + 1];
} __attribute__((packed));

int64_t record_put(struct record_writer *w, uint64_t inode, uint64_t next, uint32_t mode, const char *name)
{
	struct record r;
	size_t size = strlen(name) + 1;

	r.length = (uint16_t)((offsetof(struct record, name) + size + 7) & ~7u);
	if (r.length > w->room - w->done)
		return 1;
	r.number = inode;
	r.offset = (int64_t)next;
	r.type = (uint8_t)(TYPE_OF(mode) >> 12);
	memset(r.name, 0, r.length - offsetof(struct record, name));
	memcpy(r.name, name, size);
	if (memory_put(memory_after(w->to, w->done), &r, r.length))
		return -EFAULT;
	w->done += r.length;
	return 0;
}

struct names {
	size_t length;
	char text[];
};

static int64_t names_list(struct file *f, struct memory to, uint64_t n)
{
	const struct names *names = f->object;
	struct record_writer w = {to, n, 0};

	while (f->position < names->length) {
		const char *name = names->text + f->position;
		uint32_t mode = *name == '/' ? S_IFDIR : *name == '@' ? S_IFLNK : S_IFREG;
		uint64_t next = f->position + strlen(name) + 1;
		int64_t full = record_put(&w, f->position + 16, next, mode, name + (mode != S_IFREG));
		if (full)
			return full < 0 ? full : w.done ? (int64_t)w.done : -EINVAL;
		f->position = next;
	}
	return (int64_t)w.done;
}

static int64_t names_seek(struct file *f, int64_t offset, int whence)
{
	if (whence || offset < 0)
		return -EINVAL;
	f->position = (uint64_t)offset;
	return offset;
}

static int64_t names_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	(void)f;
	(void)to;
	(void)n;
	(void)offset;
	return -EISDIR;
}

static int64_t names_stat(struct file *f, struct host_stat *s)
{
	(void)f;
	*s = stat_now(S_IFDIR | 0555, DEVICE_PROCESS);
	return 0;
}

static void names_close(struct file *f)
{
	struct names *names = f->object;

	heap_free(names, sizeof *names + names->length);
}

static const struct file_operations names_operations = {
	.read = names_read, .seek = names_seek, .stat = names_stat, .list = names_list, .close = names_close,
};

struct file *names_file(const char *text, size_t length)
{
	struct names *names = heap_allocate(sizeof *names + length);
	struct file *f = names ? file_make(&names_operations, O_RDONLY | O_DIRECTORY) : NULL;

	if (!f) {
		heap_free(names, sizeof *names + length);
		return NULL;
	}
	names->length = length;
	memcpy(names->text, text, length);
	f->object = names;
	return f;
}
