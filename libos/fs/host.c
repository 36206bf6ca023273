/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Open files of the host: data moves between the host and the program's window without a copy here.
 */
#include "libos/fs/fs.h"

#define SPAN_MOST 0x7ffff000u   /* as Linux bounds one transfer */

static int64_t host_read(struct file *f, struct user to, uint64_t n, int64_t offset)
{
	if (!user_ok(to, n))
		return -EFAULT;
	return HOST(read, f->handle, to.at | REF_PROGRAM, n < SPAN_MOST ? n : SPAN_MOST, offset);
}

static int64_t host_write(struct file *f, struct user from, uint64_t n, int64_t offset)
{
	if (!user_ok(from, n))
		return -EFAULT;
	return HOST(write, f->handle, from.at | REF_PROGRAM, n < SPAN_MOST ? n : SPAN_MOST, offset);
}

static int64_t host_seek(struct file *f, int64_t offset, int whence)
{
	return HOST(seek, f->handle, offset, whence);
}

static int64_t host_stat(struct file *f, struct host_stat *s)
{
	return HOST(stat, f->handle, 0, 0, (uintptr_t)s);
}

static int64_t host_truncate(struct file *f, uint64_t length)
{
	return HOST(truncate, f->handle, length);
}

static int64_t host_list(struct file *f, struct user to, uint64_t n)
{
	if (!user_ok(to, n))
		return -EFAULT;
	return HOST(directory_read, f->handle, to.at | REF_PROGRAM, n);
}

static unsigned host_poll(struct file *f)
{
	struct host_poll one = {(uint32_t)f->handle, 5, 0};

	return HOST(poll, (uintptr_t)&one, 1, 0) < 0 ? 5 : one.revents;
}

static void host_close(struct file *f)
{
	HOST(close, f->handle);
}

const struct file_operations host_operations = {host_read, host_write, host_seek, host_stat, host_truncate, host_list, host_poll,
						host_close};
