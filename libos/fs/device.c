/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * /dev: null, zero, full, random, urandom, tty and the standard streams.
 */
#include "libos/fs/fs.h"

enum { DEVICE_NULL, DEVICE_ZERO, DEVICE_FULL, DEVICE_RANDOM };
static const struct {
	const char *name;
	int device;
	unsigned minor;
} devices[] = {{"null", DEVICE_NULL, 3}, {"zero", DEVICE_ZERO, 5}, {"full", DEVICE_FULL, 7}, {"random", DEVICE_RANDOM, 8},
	       {"urandom", DEVICE_RANDOM, 9}};

static int64_t device_read(struct file *f, struct user to, uint64_t n, int64_t offset)
{
	(void)offset;
	if (f->device == DEVICE_NULL || !n)
		return 0;
	if (!user_ok(to, n))
		return -EFAULT;
	if (f->device == DEVICE_RANDOM)
		return HOST(random, to.at | REF_PROGRAM, n < 1u << 20 ? n : 1u << 20);
	int error = user_fill((uint32_t)to.at, n);
	return error ? error : (int64_t)n;
}

static int64_t device_write(struct file *f, struct user from, uint64_t n, int64_t offset)
{
	(void)from;
	(void)offset;
	return f->device == DEVICE_FULL ? -ENOSPC : (int64_t)n;
}

static int64_t device_seek(struct file *f, int64_t offset, int whence)
{
	(void)f;
	(void)offset;
	(void)whence;
	return 0;
}

static int64_t device_fstat(struct file *f, struct host_stat *s)
{
	*s = stat_now(S_IFCHR | 0666);
	s->rdev = 1u << 8 | (f->device == DEVICE_NULL ? 3 : f->device == DEVICE_ZERO ? 5 : f->device == DEVICE_FULL ? 7 : 9);
	return 0;
}

static const struct file_operations device_operations = {device_read, device_write, device_seek, device_fstat, NULL, NULL, NULL, NULL};

static int stream_of(const char *name)
{
	if (!strcmp(name, "stdin"))
		return 0;
	if (!strcmp(name, "stdout"))
		return 1;
	if (!strcmp(name, "stderr"))
		return 2;
	if (!strncmp(name, "fd/", 3) && name[3] >= '0' && name[3] <= '9') {
		int fd = 0;
		for (name += 3; *name >= '0' && *name <= '9' && fd < FILES_MOST; name++)
			fd = fd * 10 + *name - '0';
		return *name ? -1 : fd;
	}
	return -1;
}

int64_t device_open(const char *name, int flags, struct file **f)
{
	int fd = !strcmp(name, "tty") ? 2 : stream_of(name);

	if (fd >= 0) {
		struct file *there = file_get(fd);
		if (!there)
			return !strcmp(name, "tty") ? -ENXIO : -ENOENT;
		there->references++;
		*f = there;
		return 0;
	}
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
		if (!strcmp(name, devices[i].name)) {
			*f = file_make(&device_operations, flags);
			if (!*f)
				return -ENOMEM;
			(*f)->device = devices[i].device;
			return 0;
		}
	if (!*name) {
		static struct node *listing;
		if (!listing && !(listing = tmpfs_root()))
			return -ENOMEM;
		return tmpfs_open(listing, "", flags, 0, f);
	}
	return flags & O_CREAT ? -EACCES : -ENOENT;
}

int64_t device_stat(const char *name, struct host_stat *s)
{
	struct file *f;

	if (!*name) {
		*s = stat_now(S_IFDIR | 0755);
		return 0;
	}
	int64_t error = device_open(name, O_RDONLY, &f);
	if (error)
		return error;
	error = f->operations->stat(f, s);
	file_release(f);
	return error;
}
