/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * /dev: null, zero, full, random, urandom, tty, the standard streams and pseudo-terminals.
 */
#include <asm/ioctls.h>

#include "libos/terminal/terminal.h"

enum { DEVICE_NULL, DEVICE_ZERO, DEVICE_FULL, DEVICE_RANDOM };
static const struct {
	const char *name;
	int device;
	unsigned minor;
} devices[] = {{"null", DEVICE_NULL, 3}, {"zero", DEVICE_ZERO, 5}, {"full", DEVICE_FULL, 7}, {"random", DEVICE_RANDOM, 8},
	       {"urandom", DEVICE_RANDOM, 9}};
#define DEVICES (sizeof devices / sizeof *devices)
static const char names[] = "/.\0/..\0null\0zero\0full\0random\0urandom\0tty\0stdin\0stdout\0stderr\0ptmx\0/fd\0/pts\0/shm";

static int64_t device_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	(void)offset;
	if (devices[f->device].device == DEVICE_NULL || !n)
		return 0;
	if (devices[f->device].device == DEVICE_RANDOM)
		return HOST(random, to.ref, n < 1u << 20 ? n : 1u << 20);
	int error = memory_zero(to, n);
	return error ? error : (int64_t)n;
}

static int64_t device_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	(void)from;
	(void)offset;
	return devices[f->device].device == DEVICE_FULL ? -ENOSPC : (int64_t)n;
}

static int64_t device_seek(struct file *f, int64_t offset, int whence)
{
	(void)f;
	(void)offset;
	(void)whence;
	return 0;
}

static int64_t device_stat(struct file *f, struct host_stat *s)
{
	*s = stat_now(S_IFCHR | 0666, DEVICE_DEVICES);
	s->ino = 16 + (uint64_t)f->device;
	s->rdev = 1u << 8 | devices[f->device].minor;
	return 0;
}

static const struct file_operations device_operations = {
	.read = device_read, .write = device_write, .seek = device_seek, .stat = device_stat,
};

/* The descriptor a name stands for, or -1. */
static int stream_of(const char *name)
{
	int fd = 0;

	if (!strcmp(name, "stdin"))
		return 0;
	if (!strcmp(name, "stdout"))
		return 1;
	if (!strcmp(name, "stderr"))
		return 2;
	if (strncmp(name, "fd/", 3) || !name[3])
		return -1;
	for (name += 3; *name >= '0' && *name <= '9' && fd < FILES_MOST; name++)
		fd = fd * 10 + *name - '0';
	return *name ? -1 : fd;
}

/* The standard stream that is a terminal: what /dev/tty is here. */
static struct file *terminal(void)
{
	uint8_t settings[64];

	for (int fd = 0; fd < 3; fd++) {
		struct file *f = file_get(fd);
		if (f && f->handle >= 0 && HOST(terminal, f->handle, TCGETS, own_ref(settings)) == 0)
			return f;
	}
	return NULL;
}

static int64_t mount_open(const struct mount *m, const char *name, int flags, uint32_t mode, struct file **f)
{
	int fd = stream_of(name), tty = !strcmp(name, "tty");

	(void)m;
	(void)mode;
	if (tty && terminal_of(process_current()->session))
		return terminal_open(terminal_of(process_current()->session), flags | O_NOCTTY, f);
	if (!strcmp(name, "ptmx"))
		return terminal_master(flags, f);
	if (!strncmp(name, "pts/", 4))
		return terminal_slave(name + 4, flags, f);
	if (fd >= 0 || tty) {
		*f = tty ? terminal() : file_get(fd);
		if (!*f)
			return tty ? -ENXIO : -ENOENT;
		(*f)->references++;
		return 0;
	}
	for (size_t i = 0; i < DEVICES; i++)
		if (!strcmp(name, devices[i].name)) {
			if ((flags & O_CREAT) && (flags & O_EXCL))
				return -EEXIST;
			if (flags & O_DIRECTORY)
				return -ENOTDIR;
			*f = file_make(&device_operations, flags);
			if (*f)
				(*f)->device = (int)i;
			return *f ? 0 : -ENOMEM;
		}
	if (!*name || !strcmp(name, "fd") || !strcmp(name, "pts")) {
		if ((flags & O_ACCMODE) != O_RDONLY)
			return -EISDIR;
		*f = !strcmp(name, "pts") ? terminal_names() : names_file(names, *name ? 6 : sizeof names);
		return *f ? 0 : -ENOMEM;
	}
	return flags & O_CREAT ? -EACCES : -ENOENT;
}

static int64_t mount_stat(const struct mount *m, const char *name, struct host_stat *s)
{
	struct file *f;

	if (!strcmp(name, "ptmx") || !strncmp(name, "pts/", 4))
		return terminal_stat(name[2] == 'm' ? NULL : name + 4, s);
	if (!*name || !strcmp(name, "fd") || !strcmp(name, "pts")) {
		*s = stat_now(S_IFDIR | 0755, DEVICE_DEVICES);
		return 0;
	}
	int64_t error = mount_open(m, name, O_RDONLY, 0, &f);
	if (error)
		return error;
	error = f->operations->stat(f, s);
	file_release(f);
	return error;
}

static int64_t mount_statistics(const struct mount *m, const char *name, struct host_statfs *s)
{
	return tmpfs_mount.statistics(m, name, s);
}

const struct mount_operations device_mount = {.open = mount_open, .stat = mount_stat, .statistics = mount_statistics};
