/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Calls of the Intravisor's into the host that fail when a test says so (-Wl,--wrap): what makes descriptors, what asks about them,
 * memory, and copies from and to guests. A test's tool, not trusted.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

static long failing_in = -1;    /* so many more go through; -1: all */
static int failed;              /* one was made to fail */

static int fails(int error)
{
	if (failing_in < 0 || failing_in--)
		return 0;
	failed = 1;
	errno = error;
	return 1;
}

#define WRAP(type, none, error, name, parameters, ...) \
	type __real_##name parameters;                 \
	type __wrap_##name parameters;                 \
	type __wrap_##name parameters                  \
	{                                              \
		return fails(error) ? (none) : __real_##name(__VA_ARGS__); \
	}
/* Those that take what they need: three words, or six. */
#define WRAP_MORE(type, head, error, name, first, passed)                            \
	type __real_##name(first, ...);                                              \
	type __wrap_##name(first, ...);                                              \
	type __wrap_##name(first, ...)                                               \
	{                                                                            \
		long w[6];                                                           \
		va_list more;                                                        \
		va_start(more, head);                                                \
		for (int i = 0; i < 6; i++)                                          \
			w[i] = va_arg(more, long);                                   \
		va_end(more);                                                        \
		return fails(error) ? -1 : __real_##name passed;                     \
	}

WRAP(void *, NULL, ENOMEM, malloc, (size_t size), size)
WRAP(void *, NULL, ENOMEM, aligned_alloc, (size_t alignment, size_t size), alignment, size)
WRAP(void *, NULL, ENOMEM, calloc, (size_t count, size_t size), count, size)
WRAP(void *, (void *)-1, ENOMEM, mmap, (void *at, size_t length, int protection, int flags, int fd, off_t offset), at, length, protection,
     flags, fd, offset)
WRAP(int, -1, EMFILE, memfd_create, (const char *name, unsigned flags), name, flags)
WRAP(int, -1, EMFILE, eventfd, (unsigned value, int flags), value, flags)
WRAP(int, -1, EMFILE, epoll_create1, (int flags), flags)
WRAP(int, -1, ENOSPC, epoll_ctl, (int set, int operation, int fd, void *event), set, operation, fd, event)
WRAP(int, -1, EMFILE, socket, (int domain, int type, int protocol), domain, type, protocol)
WRAP(int, -1, EMFILE, accept4, (int fd, void *address, void *length, int flags), fd, address, length, flags)
WRAP(int, -1, ENOMEM, fstat, (int fd, struct stat *status), fd, status)
WRAP(int, -1, ENOMEM, fstatfs, (int fd, struct statfs *status), fd, status)
WRAP(int, -1, ENOSPC, ftruncate, (int fd, off_t length), fd, length)
WRAP(ssize_t, -1, ENOSPC, write, (int fd, const void *from, size_t length), fd, from, length)
WRAP(ssize_t, -1, EIO, pread, (int fd, void *to, size_t length, off_t offset), fd, to, length, offset)
WRAP(int, -EFAULT, EFAULT, machine_copy_in, (void *to, const void *from, size_t length), to, from, length)
WRAP(int, -EFAULT, EFAULT, machine_copy_out, (void *to, const void *from, size_t length), to, from, length)
WRAP_MORE(int, path, EMFILE, open, const char *path, (path, (int)w[0], (mode_t)w[1]))
WRAP_MORE(int, fd, EMFILE, fcntl, int fd, (fd, (int)w[0], w[1]))
WRAP_MORE(long, number, EMFILE, syscall, long number, (number, w[0], w[1], w[2], w[3], w[4], w[5]))
