/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Open files and directories of a tmpfs, with a name or without.
 */
#include "libos/fs/tmpfs.h"

static int64_t file_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	if (TYPE_OF(f->node->mode) == S_IFDIR)
		return -EISDIR;
	int64_t done = node_read(f->node, to, n, offset < 0 ? f->position : (uint64_t)offset);
	if (done > 0 && offset < 0)
		f->position += (uint64_t)done;
	return done;
}

static int64_t file_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	uint64_t at = f->flags & O_APPEND ? f->node->size : offset < 0 ? f->position : (uint64_t)offset;
	int64_t done = node_write(f->node, from, n, at);

	if (done > 0 && offset < 0)
		f->position = at + (uint64_t)done;
	return done;
}

int64_t tmpfs_seek_in(struct file *f, int64_t offset, int whence, uint64_t size)
{
	int64_t from = whence == 0 ? 0 : whence == 1 ? (int64_t)f->position : whence == 2 ? (int64_t)size : -1;

	if (from < 0 || __builtin_add_overflow(from, offset, &from) || from < 0)
		return -EINVAL;
	f->position = (uint64_t)from;
	return from;
}

static int64_t file_seek(struct file *f, int64_t offset, int whence)
{
	if (whence != 3 && whence != 4)         /* SEEK_DATA, SEEK_HOLE */
		return tmpfs_seek_in(f, offset, whence, f->node->size);
	int64_t at = offset < 0 ? -ENXIO : node_seek_data(f->node, (uint64_t)offset, whence == 4);
	if (at >= 0)
		f->position = (uint64_t)at;
	return at;
}

static int64_t file_stat(struct file *f, struct host_stat *s)
{
	node_stat(f->node, s);
	return 0;
}

static int64_t file_truncate(struct file *f, uint64_t length)
{
	return TYPE_OF(f->node->mode) == S_IFREG ? node_truncate(f->node, length) : -EINVAL;
}

static int64_t file_list(struct file *f, struct memory to, uint64_t n)
{
	const struct node *d = f->node;
	struct record_writer w = {to, n, 0};
	int64_t full = 0;

	if (TYPE_OF(d->mode) != S_IFDIR)
		return -ENOTDIR;
	if (!d->links)
		return -ENOENT;
	if (f->position == 0 && !(full = record_put(&w, d->number, 1, d->mode, ".")))
		f->position = 1;
	if (!full && f->position == 1 && !(full = record_put(&w, d->parent->number, 2, S_IFDIR, "..")))
		f->position = 2;
	for (const struct entry *e = d->first; e && !full; e = e->after)
		if (e->cookie > f->position && !(full = record_put(&w, e->node->number, e->cookie, e->node->mode, e->name)))
			f->position = e->cookie;
	return full < 0 ? full : full && !w.done ? -EINVAL : (int64_t)w.done;
}

static void file_close(struct file *f)
{
	f->node->opens--;
	node_drop(f->node);
}

static const struct file_operations tmpfs_operations = {
	.read = file_read, .write = file_write, .seek = file_seek, .stat = file_stat, .truncate = file_truncate, .list = file_list,
	.close = file_close,
};

struct file *tmpfs_file(struct node *n, int flags)
{
	struct file *f = file_make(&tmpfs_operations, flags);

	if (f) {
		f->node = n;
		n->opens++;
	}
	return f;
}

struct file *tmpfs_anonymous(int flags)
{
	struct node *n = node_make(S_IFREG | 0600);
	struct file *f = n ? tmpfs_file(n, flags) : NULL;

	if (n && !f)
		node_drop(n);
	return f;
}

struct file *text_file(const char *text, size_t length)
{
	struct file *f = tmpfs_anonymous(O_RDONLY);

	if (f && node_write(f->node, own_memory((void *)text), length, 0) != (int64_t)length) {
		file_release(f);
		return NULL;
	}
	return f;
}
