/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A host directory, or a single host file, as a mount: every name is one host call relative to its capability. The
 * Intravisor follows no link and lets no name leave; this side only passes on.
 */
#include "libos/fs/fs.h"

#define NAMED(name) m->handle, own_ref(name), strlen(name)

static int64_t mount_open(const struct mount *m, const char *name, int flags, uint32_t mode, struct file **f)
{
	int64_t handle = HOST(open, NAMED(name), flags & ~O_CLOEXEC, mode);

	if (handle == -ENXIO) {
		struct host_stat found;
		int64_t error = HOST(stat, NAMED(name), own_ref(&found));
		return error ? error : TYPE_OF(found.mode) == S_IFIFO ? fifo_open(found.dev, found.ino, flags, f) : handle;
	}
	if (handle < 0)
		return handle;
	*f = file_make(&host_operations, flags);
	if (!*f) {
		HOST(close, handle);
		return -ENOMEM;
	}
	(*f)->handle = handle;
	(*f)->host_append = (flags & O_APPEND) != 0;
	(*f)->opened = 1;
	return 0;
}

static int64_t mount_stat(const struct mount *m, const char *name, struct host_stat *s)
{
	return HOST(stat, NAMED(name), own_ref(s));
}

static int64_t mount_link_read(const struct mount *m, const char *name, char *to, size_t room)
{
	return HOST(link_read, NAMED(name), own_ref(to), room);
}

static int64_t mount_directory_make(const struct mount *m, const char *name, uint32_t mode)
{
	return HOST(directory_make, NAMED(name), mode & 07777);
}

static int64_t mount_link_make(const struct mount *m, const char *name, const char *target)
{
	return HOST(link_symbolic, own_ref(target), strlen(target), NAMED(name));
}

static int64_t mount_node_make(const struct mount *m, const char *name, uint32_t mode)
{
	return HOST(node_make, NAMED(name), mode);
}

static int64_t mount_unlink(const struct mount *m, const char *name, int directory)
{
	return HOST(unlink, NAMED(name), directory ? AT_REMOVEDIR : 0);
}

static int64_t mount_rename(const struct mount *m, const char *from, const char *to, unsigned flags)
{
	return HOST(rename, m->handle, own_ref(from), m->handle, own_ref(to), strlen(from) | (uint64_t)strlen(to) << 32, flags);
}

static int64_t mount_link(const struct mount *m, const char *from, const char *to)
{
	return HOST(link_hard, m->handle, own_ref(from), m->handle, own_ref(to), strlen(from) | (uint64_t)strlen(to) << 32);
}

static int64_t mount_change(const struct mount *m, const char *name, const struct change *c)
{
	switch (c->what) {
	case CHANGE_MODE:
		return HOST(mode_set, NAMED(name), c->mode & 07777);
	case CHANGE_OWNER:
		return HOST(owner_set, NAMED(name), c->uid, c->gid);
	default:
		return HOST(times_set, NAMED(name), own_ref(c->times));
	}
}

static int64_t mount_access(const struct mount *m, const char *name, unsigned mode)
{
	return HOST(access, NAMED(name), mode);
}

static int64_t mount_statistics(const struct mount *m, const char *name, struct host_statfs *s)
{
	(void)name;
	return HOST(stat_filesystem, m->handle, own_ref(s));
}

const struct mount_operations host_mount = {
	mount_open, mount_stat, mount_link_read, mount_directory_make, mount_link_make, mount_node_make, mount_unlink,
	mount_rename, mount_link, mount_change, mount_access, mount_statistics,
};
