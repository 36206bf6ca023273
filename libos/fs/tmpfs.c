/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The tmpfs as a mount: what is done with a name once it is found (tmpfs_names.c), or is to be made.
 */
#include "libos/fs/tmpfs.h"

struct node *tmpfs_root(uint32_t mode)
{
	struct node *n = node_make(S_IFDIR | mode);

	if (n) {
		n->links = 2;
		n->parent = n;
	}
	return n;
}

/* A new node under a name that must be free. */
static int64_t node_add(const struct mount *m, const char *path, uint32_t mode, const char *target, struct node **made)
{
	struct node *parent, *n;
	const char *name;
	int64_t error = tmpfs_parent(m, path, &parent, &name);

	if (error)
		return error;
	if (!*name || directory_find(parent, name, strlen(name)))
		return -EEXIST;
	if (!parent->links)
		return -ENOENT;
	if (!tmpfs_allows(parent, 2))
		return -EACCES;
	n = node_make(mode);
	if (!n)
		return -ENOSPC;
	if (target && !(n->target = heap_text(target)))
		error = -ENOSPC;
	if (!error)
		error = directory_add(parent, name, n);
	if (error)
		node_drop(n);
	else
		*made = n;
	return error;
}

static int64_t mount_open(const struct mount *m, const char *path, int flags, uint32_t mode, struct file **f)
{
	static const unsigned wants[4] = {4, 2, 6, 6};
	struct node *n;
	int made = 0;
	int64_t error = tmpfs_find(m, path, &n);

	if ((flags & O_TMPFILE) == O_TMPFILE) {
		if (error || TYPE_OF(n->mode) != S_IFDIR)
			return error ? error : -ENOTDIR;
		if ((flags & O_ACCMODE) == O_RDONLY)
			return -EINVAL;
		if (!tmpfs_allows(n, 2))
			return -EACCES;
		*f = tmpfs_anonymous(flags);
		if (*f)
			(*f)->node->mode = S_IFREG | (mode & 07777);
		return *f ? 0 : -ENOSPC;
	}
	if (error == -ENOENT && (flags & O_CREAT)) {
		if (flags & O_DIRECTORY)
			return -EINVAL;
		error = node_add(m, path, S_IFREG | (mode & 07777), NULL, &n);
		made = 1;
	} else if (!error && (flags & O_CREAT) && (flags & O_EXCL))
		error = -EEXIST;
	else if (!error && TYPE_OF(n->mode) == S_IFLNK)
		error = (flags & O_PATH) && (flags & O_NOFOLLOW) ? 0 : -ELOOP;
	else if (!error && TYPE_OF(n->mode) == S_IFDIR)
		error = !(flags & O_PATH) && ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC))) ? -EISDIR : 0;
	else if (!error && (flags & O_DIRECTORY))
		error = -ENOTDIR;
	if (!error && !made && !(flags & O_PATH) && !tmpfs_allows(n, wants[flags & O_ACCMODE] | (flags & O_TRUNC ? 2 : 0)))
		error = -EACCES;
	if (error)
		return error;
	if (TYPE_OF(n->mode) == S_IFIFO && !(flags & O_PATH))
		return fifo_open(DEVICE_TMPFS, n->number, flags, f);
	if (TYPE_OF(n->mode) == S_IFSOCK && !(flags & O_PATH))
		return -ENXIO;
	*f = tmpfs_file(n, flags);
	if (!*f)
		return -ENOMEM;
	if ((flags & O_TRUNC) && !(flags & O_PATH) && n->size)
		node_truncate(n, 0);
	return 0;
}

static int64_t mount_stat(const struct mount *m, const char *path, struct host_stat *s)
{
	struct node *n;
	int64_t error = tmpfs_find(m, path, &n);

	if (!error)
		node_stat(n, s);
	return error;
}

static int64_t mount_link_read(const struct mount *m, const char *path, char *to, size_t room)
{
	struct node *n;
	int64_t error = tmpfs_find(m, path, &n);

	if (error)
		return error;
	if (!n->target)
		return -EINVAL;
	size_t length = strlen(n->target);
	length = length < room ? length : room;
	memcpy(to, n->target, length);
	return (int64_t)length;
}

static int64_t mount_directory_make(const struct mount *m, const char *path, uint32_t mode)
{
	struct node *n;

	return node_add(m, path, S_IFDIR | (mode & 07777), NULL, &n);
}

static int64_t mount_link_make(const struct mount *m, const char *path, const char *target)
{
	struct node *n;

	return node_add(m, path, S_IFLNK | 0777, target, &n);
}

static int64_t mount_node_make(const struct mount *m, const char *path, uint32_t mode)
{
	struct node *n;

	return node_add(m, path, mode, NULL, &n);
}

static void time_set(int64_t to[2], const int64_t from[2])
{
	if (from[1] == UTIME_NOW)
		time_now(to);
	else if (from[1] != UTIME_OMIT)
		memcpy(to, from, 16);
}

static int64_t mount_change(const struct mount *m, const char *path, const struct change *c)
{
	struct node *n;
	int64_t error = tmpfs_find(m, path, &n);

	if (error)
		return error;
	switch (c->what) {
	case CHANGE_MODE:
		n->mode = TYPE_OF(n->mode) | (c->mode & 07777);
		break;
	case CHANGE_OWNER:
		n->uid = c->uid == UINT32_MAX ? n->uid : c->uid;
		n->gid = c->gid == UINT32_MAX ? n->gid : c->gid;
		break;
	case CHANGE_TIMES:
		time_set(n->atime, c->times);
		time_set(n->mtime, c->times + 2);
		break;
	}
	node_touch(n, 0);
	return 0;
}

static int64_t mount_statistics(const struct mount *m, const char *path, struct host_statfs *s)
{
	uint64_t blocks = (boot->memory_limit ? boot->memory_limit : 2ull << 30) / 4096;

	(void)m;
	(void)path;
	*s = (struct host_statfs){.type = 0x01021994, .bsize = 4096, .blocks = blocks, .bfree = blocks, .bavail = blocks,
				  .files = blocks, .ffree = blocks, .namelen = NAME_MOST};
	return 0;
}

static int64_t mount_access(const struct mount *m, const char *path, unsigned mode)
{
	struct node *n;
	int64_t error = tmpfs_find(m, path, &n);

	if (error)
		return error;
	if (!boot->uid)         /* all but to execute what nobody may */
		return (mode & 1) && TYPE_OF(n->mode) == S_IFREG && !(n->mode & 0111) ? -EACCES : 0;
	return tmpfs_allows(n, mode & 7) ? 0 : -EACCES;
}

const struct mount_operations tmpfs_mount = {
	mount_open, mount_stat, mount_link_read, mount_directory_make, mount_link_make, mount_node_make, tmpfs_unlink,
	tmpfs_rename, tmpfs_link, mount_change, mount_access, mount_statistics,
};
