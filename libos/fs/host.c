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

static int64_t host_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	int64_t error = would_block(f, READY_IN);

	return error ? error : file_plain(f) ? HOST_UNLOCKED(read, f->handle, to.ref, n, offset) : HOST_BLOCKING(read, f->handle, to.ref, n, offset);
}

static int64_t host_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	int64_t error = would_block(f, READY_OUT);

	if (error)
		return error;
	if ((f->flags & O_APPEND) && !f->host_append) {         /* set later by fcntl */
		int64_t end = HOST(seek, f->handle, 0, 2);
		if (end >= 0 && offset >= 0)
			offset = end;
	}
	return file_plain(f) ? HOST_UNLOCKED(write, f->handle, from.ref, n, offset) : HOST_BLOCKING(write, f->handle, from.ref, n, offset);
}

static int64_t host_seek(struct file *f, int64_t offset, int whence)
{
	return HOST(seek, f->handle, offset, whence);
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
