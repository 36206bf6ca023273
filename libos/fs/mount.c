/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The mount table, filled once from the boot block. Where nothing is mounted at "/" a tmpfs is, with the mount points as
 * directories; /dev and /proc are always the library OS's own.
 */
#include "libos/fs/fs.h"
#include "libos/fs/shared.h"
#include "libos/fs/tmpfs.h"
#include "libos/process/process.h"

static struct mount mounts[BOOT_MOUNTS + 6];
static size_t mount_count;

const struct mount *mount_number(size_t i)
{
	return i < mount_count ? &mounts[i] : NULL;
}

const struct mount *mount_find(const char *path, const char **rest)
{
	const struct mount *best = NULL;

	for (size_t i = 0; i < mount_count; i++) {
		const struct mount *m = &mounts[i];
		if (!strncmp(path, m->path, m->length) && (!path[m->length] || path[m->length] == '/') &&
		    (!best || m->length > best->length))
			best = m;
	}
	*rest = path + best->length;
	while (**rest == '/')
		++*rest;
	return best;
}

/* NULL: something is mounted there. */
static struct mount *mount_put(const char *path, const struct mount_operations *operations, uint32_t handle, int read_only)
{
	struct mount *m = &mounts[mount_count];

	for (size_t i = 0; i < mount_count; i++)
		if (!strcmp(mounts[i].path, path))
			return NULL;
	mount_count++;
	*m = (struct mount){.operations = operations, .path = path, .length = strlen(path), .handle = handle, .read_only = read_only};
	return m;
}

static void mount_add(const char *path, const struct mount_operations *operations, uint32_t handle, int read_only)
{
	struct mount *m = mount_put(path, operations, handle, read_only);

	if (m && operations == &tmpfs_mount && !(m->root = tmpfs_root(!*path || !strcmp(path, "/tmp") || !strcmp(path, "/dev/shm") ? 01777 : 0755)))
		die("no memory for a tmpfs");
}

/* Whatever root a cVM was given, it finds the others of its network by name, and localhost. */
static void hosts_add(void)
{
	const char *rest;
	struct host_stat s;
	const struct mount *at = mount_find("/etc/hosts", &rest);
	struct mount *m;

	if (!*rest || (!boot->peer_count && !at->operations->stat(at, rest, &s) && s.size))
		return;         /* a volume's */
	m = mount_put("/etc/hosts", &tmpfs_mount, 0, 0);
	if (m && !(m->root = etc_hosts()))
		die("no memory for /etc/hosts");
}

/* The two mounts an overlay is made of lie in no namespace. */
static void overlay_add(const char *path, const struct boot_mount *b)
{
	struct mount *parts = heap_allocate(2 * sizeof *parts);
	size_t before = mount_count;

	if (!parts)
		die("no memory for an overlay");
	parts[0] = (struct mount){.operations = &host_mount, .path = path, .handle = b->handle, .read_only = 1};
	parts[1] = (struct mount){.operations = b->kind == BOOT_MOUNT_OVERLAY ? &tmpfs_mount : &host_mount, .path = path, .handle = b->upper};
	if (b->kind == BOOT_MOUNT_OVERLAY && !(parts[1].root = tmpfs_root(0755)))
		die("no memory for a tmpfs");
	mount_add(path, &overlay_mount, b->handle, 0);
	if (mount_count > before) {
		mounts[before].lower = &parts[0];
		mounts[before].upper = &parts[1];
	}
}

/* Makes the directories on the way to a mount point where they lie in a tmpfs. */
static void mount_point_make(const char *path)
{
	char prefix[PATH_MOST];
	size_t length = strlen(path);

	for (size_t n = 1; n <= length && n < sizeof prefix; n++)
		if (n == length || path[n] == '/') {
			const char *rest;
			memcpy(prefix, path, n);
			prefix[n] = 0;
			const struct mount *m = mount_find(prefix, &rest);
			if (m->operations == &tmpfs_mount && *rest)
				m->operations->directory_make(m, rest, strcmp(prefix, "/tmp") ? 0755 : 01777);
		}
}

static void standard_streams(void)
{
	struct host_stat s;

	for (int i = 0; i < 3; i++) {
		if (HOST(stat, i, 0, 0, own_ref(&s)) < 0)
			continue;       /* closed outside: closed here */
		struct file *f = file_make(&host_operations, O_RDWR);
		if (!f)
			die("no memory for the standard streams");
		f->handle = i;
		descriptor_put(f, i, 0);
		f->references--;        /* the table's is the only one */
	}
}

void filesystem_start(void)
{
	uint32_t count = boot->mount_count < BOOT_MOUNTS ? boot->mount_count : BOOT_MOUNTS;
	int root_given = 0;

	for (uint32_t i = 0; i < count; i++)
		root_given |= !strcmp(boot_string(boot->mounts[i].guest_path), "/");
	if (!root_given)
		mount_add("", &tmpfs_mount, 0, 0);
	for (uint32_t i = 0; i < count; i++) {
		const struct boot_mount *m = &boot->mounts[i];
		const char *path = boot_string(m->guest_path);
		path = strcmp(path, "/") ? path : "";
		mount_point_make(path);
		if (m->kind == BOOT_MOUNT_OVERLAY || m->kind == BOOT_MOUNT_OVERLAY_HOST)
			overlay_add(path, m);
		else
			mount_add(path, m->kind == BOOT_MOUNT_TMPFS ? &tmpfs_mount : &host_mount, m->handle, (int)m->read_only);
	}
	if (!root_given) {
		mount_point_make("/tmp");
		mount_point_make("/dev");
		mount_point_make("/proc");
	}
	mount_add("/dev", &device_mount, 0, 0);
	mount_add("/dev/shm", &tmpfs_mount, 0, 0);
	mount_add("/proc", &process_mount, 0, 0);
	if (shared_any()) {
		mount_point_make("/cap");
		mount_add("/cap", &shared_mount, 0, 0);
	}
	if (!root_given)
		etc_fill(&mounts[0]);
	hosts_add();
	const char *start = boot_string(boot->working_directory);
	if (strlen(start) < PATH_MOST)
		memcpy(process_current()->directory, start, strlen(start) + 1);
	standard_streams();
}
