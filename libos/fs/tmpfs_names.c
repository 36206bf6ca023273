/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Names of a tmpfs: how they are found, one component at a time, and taken away, moved or given to what has one already. A
 * link on the way gives -ELOOP, and place.c expands it in the guest's namespace.
 */
#include "libos/fs/tmpfs.h"

int tmpfs_allows(const struct node *n, unsigned wants)
{
	unsigned shift = n->uid == boot->uid ? 6 : n->gid == boot->gid ? 3 : 0;

	return !boot->uid || (n->mode >> shift & wants) == wants;
}

int64_t tmpfs_parent(const struct mount *m, const char *path, struct node **parent, const char **name)
{
	*parent = m->root;
	if (*path && TYPE_OF(m->root->mode) != S_IFDIR)         /* a file that is mounted */
		return -ENOTDIR;
	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		if (!tmpfs_allows(*parent, 1))
			return -EACCES;
		const struct entry *e = directory_find(*parent, path, (size_t)(slash - path));
		if (!e)
			return -ENOENT;
		if (TYPE_OF(e->node->mode) == S_IFLNK)
			return -ELOOP;
		if (TYPE_OF(e->node->mode) != S_IFDIR)
			return -ENOTDIR;
		*parent = e->node;
	}
	*name = path;
	return !*path || tmpfs_allows(*parent, 1) ? 0 : -EACCES;
}

int64_t tmpfs_find(const struct mount *m, const char *path, struct node **found)
{
	const char *name;
	int64_t error = tmpfs_parent(m, path, found, &name);

	if (error || !*name)
		return error;
	const struct entry *e = directory_find(*found, name, strlen(name));
	if (!e)
		return -ENOENT;
	*found = e->node;
	return 0;
}

int64_t tmpfs_unlink(const struct mount *m, const char *path, int directory)
{
	struct node *parent;
	const char *name;
	int64_t error = tmpfs_parent(m, path, &parent, &name);

	if (error)
		return error;
	struct entry *e = directory_find(parent, name, strlen(name));
	if (!e)
		return -ENOENT;
	if (!tmpfs_allows(parent, 2))
		return -EACCES;
	if (directory != (TYPE_OF(e->node->mode) == S_IFDIR))
		return directory ? -ENOTDIR : -EISDIR;
	if (directory && e->node->entry_count)
		return -ENOTEMPTY;
	directory_remove(parent, e);
	return 0;
}

int64_t tmpfs_link(const struct mount *m, const char *from, const char *to)
{
	struct node *n, *parent;
	const char *name;
	int64_t error = tmpfs_find(m, from, &n);

	if (error || (error = tmpfs_parent(m, to, &parent, &name)))
		return error;
	if (directory_find(parent, name, strlen(name)))
		return -EEXIST;
	if (!tmpfs_allows(parent, 2))
		return -EACCES;
	node_touch(n, 0);
	return directory_add(parent, name, n);
}

/* May `n` be put in `parent` in place of `there`? */
static int64_t replaceable(const struct node *n, const struct node *there)
{
	int directory = TYPE_OF(n->mode) == S_IFDIR;

	if (directory != (TYPE_OF(there->mode) == S_IFDIR))
		return directory ? -ENOTDIR : -EISDIR;
	return there->entry_count ? -ENOTEMPTY : 0;
}

static int within(const struct node *directory, const struct node *n)
{
	for (; directory != n; directory = directory->parent)
		if (directory == directory->parent)
			return 0;
	return 1;
}

int64_t tmpfs_rename(const struct mount *m, const char *from, const char *to, unsigned flags)
{
	struct node *old_parent, *new_parent;
	const char *old_name, *new_name;
	int64_t error = tmpfs_parent(m, from, &old_parent, &old_name);

	if (error || (error = tmpfs_parent(m, to, &new_parent, &new_name)))
		return error;
	if (flags & ~3u || flags == 3)
		return -EINVAL;
	struct entry *old = directory_find(old_parent, old_name, strlen(old_name));
	struct entry *there = directory_find(new_parent, new_name, strlen(new_name));
	if (!old)
		return -ENOENT;
	if (!tmpfs_allows(old_parent, 2) || !tmpfs_allows(new_parent, 2))
		return -EACCES;
	struct node *n = old->node;
	if (flags & 2) {                /* RENAME_EXCHANGE */
		if (!there)
			return -ENOENT;
		if (within(new_parent, n) || within(old_parent, there->node))
			return -EINVAL;
		/* Both nodes keep their number of links; only directories' parents count their subdirectories. */
		int moved = (TYPE_OF(n->mode) == S_IFDIR) - (TYPE_OF(there->node->mode) == S_IFDIR);
		old_parent->links -= (uint32_t)moved;
		new_parent->links += (uint32_t)moved;
		old->node = there->node;
		there->node = n;
		old->node->parent = old_parent;
		n->parent = new_parent;
		node_touch(old_parent, 1);
		node_touch(new_parent, 1);
		return 0;
	}
	if (TYPE_OF(n->mode) == S_IFDIR && within(new_parent, n))
		return -EINVAL;         /* into itself */
	if (there) {
		if (flags & 1)
			return -EEXIST; /* RENAME_NOREPLACE */
		if (there->node == n)
			return 0;
		if ((error = replaceable(n, there->node)))
			return error;
	}
	if ((error = directory_add(new_parent, new_name, n)))
		return error;
	if (there)
		directory_remove(new_parent, there);
	directory_remove(old_parent, old);
	if (TYPE_OF(n->mode) == S_IFDIR)
		n->parent = new_parent;
	return 0;
}
