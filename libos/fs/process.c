/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * /proc as far as single programs look: generated when opened. Nothing of the host's procfs shows through.
 */
#include "libos/fs/fs.h"

static size_t contents(const char *name, char *to, size_t room)
{
	if (!strcmp(name, "meminfo")) {
		uint64_t all = boot->memory_limit ? boot->memory_limit >> 10 : 3u << 20, used = space_total() >> 10;
		return format(to, room, "MemTotal: %lu kB\nMemFree: %lu kB\nMemAvailable: %lu kB\n", all, all > used ? all - used : 0,
			      all > used ? all - used : 0);
	}
	if (!strcmp(name, "cpuinfo")) {
		size_t at = 0;
		for (int64_t i = 0, n = HOST(processors); i < n && at + 64 < room; i++)
			at += format(to + at, room - at, "processor\t: %ld\n\n", i);
		return at;
	}
	if (!strcmp(name, "self/comm"))
		return format(to, room, "%s\n", (const char *)boot + boot->argv);
	if (!strcmp(name, "self/stat"))
		return format(to, room, "1 (carrel) R 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 0 %lu %lu\n", space_total(), space_total() >> 12);
	if (!strcmp(name, "version"))
		return format(to, room, "Linux version 6.1.0-carrel\n");
	if (!strcmp(name, "self/mounts") || !strcmp(name, "mounts"))
		return format(to, room, "carrel / carrel rw 0 0\n");
	return 0;
}

int64_t process_open(const char *name, int flags, struct file **f)
{
	char text[4096];
	size_t n = contents(name, text, sizeof text);

	if (!n)
		return -ENOENT;
	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	*f = tmpfs_anonymous(O_RDWR);
	if (!*f)
		return -ENOMEM;
	extern int64_t tmpfs_fill(struct file *file, const void *from, size_t length);
	return tmpfs_fill(*f, text, n);
}

int64_t process_stat(const char *name, struct host_stat *s)
{
	char text[4096];
	int directory = !*name || !strcmp(name, "self");

	if (!directory && strcmp(name, "self/exe") && !contents(name, text, sizeof text))
		return -ENOENT;
	*s = stat_now(directory ? S_IFDIR | 0555 : !strcmp(name, "self/exe") ? S_IFLNK | 0777 : S_IFREG | 0444);
	return 0;
}

int64_t process_readlink(const char *name, char *to, size_t room)
{
	const char *path = (const char *)boot + boot->image_path;
	size_t n = strlen(path);

	if (strcmp(name, "self/exe"))
		return -EINVAL;
	n = n < room ? n : room;
	memcpy(to, path, n);
	return (int64_t)n;
}
