/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Open files of the host: data moves between the host and the program's window without a copy here.
 */
#include "libos/process/process.h"

/* O_NONBLOCK is the library OS's affair: a handle may be shared with the world outside, which must not change. */
static int64_t would_block(const struct file *f, unsigned event)
{
	struct host_poll one = {(uint32_t)f->handle, (uint16_t)event, 0};

	return (f->flags & O_NONBLOCK) && HOST(poll, own_ref(&one), 1, 0) == 0 ? -EAGAIN : 0;
}

/* ---- the position: many programs set it before each read, and then the host need not be asked. It is kept here from a file's first seek on, as
 * long as the cVM has one thread; those of several take turns at the host's. Not of files that came from outside, nor of those that the host
 * appends to. ---- */
#define KEPT_MOST (1ll << 40)           /* whether more is too much for the file system is the host's to say */

void host_position_back(struct file *f)
{
	if (f->plain != PLAIN_KEPT)
		return;
	HOST(seek, f->handle, f->position, 0);
	f->plain = PLAIN;
}

static int keeps(struct file *f)
{
	if (f->plain == PLAIN_KEPT && !kernel_single)
		host_position_back(f);
	return f->plain == PLAIN_KEPT;
}

static int64_t host_seek(struct file *f, int64_t offset, int whence)
{
	int ours = keeps(f);

	if (ours && whence == 1) {
		if (__builtin_add_overflow(offset, (int64_t)f->position, &offset))
			return -EINVAL;
		whence = 0;
	}
	int64_t at = ours && !whence && offset >= 0 && offset <= KEPT_MOST ? offset : HOST(seek, f->handle, offset, whence);
	if (at >= 0 && !ours && kernel_single && f->opened && !f->host_append && file_plain(f))
		f->plain = PLAIN_KEPT;
	if (at >= 0 && f->plain == PLAIN_KEPT)
		f->position = (uint64_t)at;
	return at;
}

static int64_t host_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	int ours = offset < 0 && keeps(f);
	int64_t error = would_block(f, READY_IN);

	if (error)
		return error;
	if (!file_plain(f))
		return HOST_BLOCKING(read, f->handle, to.ref, n, offset);
	int64_t done = HOST_UNLOCKED(read, f->handle, to.ref, n, ours ? (int64_t)f->position : offset);
	if (ours && done > 0)
		f->position += (uint64_t)done;
	return done;
}

static int64_t host_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	int ours = offset < 0 && keeps(f);
	int64_t error = would_block(f, READY_OUT);

	if (error)
		return error;
	if (ours)
		offset = (int64_t)f->position;
	if ((f->flags & O_APPEND) && !f->host_append) {         /* set later by fcntl */
		int64_t end = HOST(seek, f->handle, 0, 2);
		if (end >= 0 && offset >= 0)
			offset = end;
	}
	if (!file_plain(f))
		return HOST_BLOCKING(write, f->handle, from.ref, n, offset);
	int64_t done = HOST_UNLOCKED(write, f->handle, from.ref, n, offset);
	if (ours && done > 0)
		f->position = (uint64_t)(offset + done);
	return done;
}

static int64_t host_stat(struct file *f, struct host_stat *s)
{
	return HOST(stat, f->handle, 0, 0, own_ref(s));
}

static int64_t host_truncate(struct file *f, uint64_t length)
{
	return HOST(truncate, f->handle, length);
}

static int64_t host_list(struct file *f, struct memory to, uint64_t n)
{
	int64_t result = HOST(directory_read, f->handle, to.ref, n);

	return result == -EBADF || result == -EACCES ? -ENOTDIR : result;       /* the handle is one: it cannot be listed */
}

static void host_close(struct file *f)
{
	HOST(close, f->handle);
}

const struct file_operations host_operations = {
	.read = host_read, .write = host_write, .seek = host_seek, .stat = host_stat, .truncate = host_truncate, .list = host_list,
	.close = host_close,
};
