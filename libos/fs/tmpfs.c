/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The tmpfs as a mount: names to nodes, and open files on them. Names are looked up one component at a time; a link on the
 * way gives -ELOOP and path.c expands it in the guest's namespace.
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

/* ---- open files ---- */
static int64_t file_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	if (TYPE_OF(f->node->mode) == S_IFDIR)
		return -EISDIR;
	int64_t done = node_read(f->node, to, n, offset < 0 ? f->position : (uint64_t)offset);
	if (done > 0 && offset < 0)
		f->position += (uint64_t)done;
	return done;
}

static int64_t file_write(struct file *f, struct memory from, uint64_t n, int64_t offset)
{
	uint64_t at = f->flags & O_APPEND ? f->node->size : offset < 0 ? f->position : (uint64_t)offset;
	int64_t done = node_write(f->node, from, n, at);

	if (done > 0 && offset < 0)
		f->position = at + (uint64_t)done;
	return done;
}

int64_t tmpfs_seek_in(struct file *f, int64_t offset, int whence, uint64_t size)
{
	int64_t from = whence == 0 ? 0 : whence == 1 ? (int64_t)f->position : whence == 2 ? (int64_t)size : -1;

	if (from < 0 || __builtin_add_overflow(from, offset, &from) || from < 0)
		return -EINVAL;
	f->position = (uint64_t)from;
	return from;
}

static int64_t file_seek(struct file *f, int64_t offset, int whence)
{
	if (whence != 3 && whence != 4)         /* SEEK_DATA, SEEK_HOLE */
		return tmpfs_seek_in(f, offset, whence, f->node->size);
	int64_t at = offset < 0 ? -ENXIO : node_seek_data(f->node, (uint64_t)offset, whence == 4);
	if (at >= 0)
		f->position = (uint64_t)at;
	return at;
}

static int64_t file_stat(struct file *f, struct host_stat *s)
{
	node_stat(f->node, s);
	return 0;
}

static int64_t file_truncate(struct file *f, uint64_t length)
{
	return TYPE_OF(f->node->mode) == S_IFREG ? node_truncate(f->node, length) : -EINVAL;
}

static int64_t file_list(struct file *f, struct memory to, uint64_t n)
{
	const struct node *d = f->node;
	struct record_writer w = {to, n, 0};
	int64_t full = 0;

	if (TYPE_OF(d->mode) != S_IFDIR)
		return -ENOTDIR;
	if (!d->links)
		return -ENOENT;
	if (f->position == 0 && !(full = record_put(&w, d->number, 1, d->mode, ".")))
		f->position = 1;
	if (!full && f->position == 1 && !(full = record_put(&w, d->parent->number, 2, S_IFDIR, "..")))
		f->position = 2;
	for (const struct entry *e = d->first; e && !full; e = e->after)
		if (e->cookie > f->position && !(full = record_put(&w, e->node->number, e->cookie, e->node->mode, e->name)))
			f->position = e->cookie;
	return full < 0 ? full : full && !w.done ? -EINVAL : (int64_t)w.done;
}

static void file_close(struct file *f)
{
	f->node->opens--;
	node_drop(f->node);
}

static const struct file_operations tmpfs_operations = {
	.read = file_read, .write = file_write, .seek = file_seek, .stat = file_stat, .truncate = file_truncate, .list = file_list,
	.close = file_close,
};

struct file *tmpfs_file(struct node *n, int flags)
{
	struct file *f = file_make(&tmpfs_operations, flags);

	if (f) {
		f->node = n;
		n->opens++;
	}
	return f;
}

struct file *tmpfs_anonymous(int flags)
{
	struct node *n = node_make(S_IFREG | 0600);
	struct file *f = n ? tmpfs_file(n, flags) : NULL;

	if (n && !f)
		node_drop(n);
	return f;
}

struct file *text_file(const char *text, size_t length)
{
	struct file *f = tmpfs_anonymous(O_RDONLY);

	if (f && node_write(f->node, own_memory((void *)text), length, 0) != (int64_t)length) {
		file_release(f);
		return NULL;
	}
	return f;
}

/* ---- names ---- */
/* May the cVM's user do all of `wants` (read 4, write 2, execute or search 1)? */
static int node_allows(const struct node *n, unsigned wants)
{
	unsigned shift = n->uid == boot->uid ? 6 : n->gid == boot->gid ? 3 : 0;

	return !boot->uid || (n->mode >> shift & wants) == wants;
}

/* The directory that holds the last component, and that component (empty: the root itself). */
static int64_t parent_find(const struct mount *m, const char *path, struct node **parent, const char **name)
{
	*parent = m->root;
	if (*path && TYPE_OF(m->root->mode) != S_IFDIR)         /* a file that is mounted */
		return -ENOTDIR;
	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		if (!node_allows(*parent, 1))
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
	return !*path || node_allows(*parent, 1) ? 0 : -EACCES;
}

static int64_t node_find(const struct mount *m, const char *path, struct node **found)
{
	const char *name;
	int64_t error = parent_find(m, path, found, &name);

	if (error || !*name)
		return error;
	const struct entry *e = directory_find(*found, name, strlen(name));
	if (!e)
		return -ENOENT;
	*found = e->node;
	return 0;
}

/* A new node under a name that must be free. */
static int64_t node_add(const struct mount *m, const char *path, uint32_t mode, const char *target, struct node **made)
{
	struct node *parent, *n;
	const char *name;
	int64_t error = parent_find(m, path, &parent, &name);

	if (error)
		return error;
	if (!*name || directory_find(parent, name, strlen(name)))
		return -EEXIST;
	if (!parent->links)
		return -ENOENT;
	if (!node_allows(parent, 2))
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
	int64_t error = node_find(m, path, &n);

	if ((flags & O_TMPFILE) == O_TMPFILE) {
		if (error || TYPE_OF(n->mode) != S_IFDIR)
			return error ? error : -ENOTDIR;
		if ((flags & O_ACCMODE) == O_RDONLY)
			return -EINVAL;
		if (!node_allows(n, 2))
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
	if (!error && !made && !(flags & O_PATH) && !node_allows(n, wants[flags & O_ACCMODE] | (flags & O_TRUNC ? 2 : 0)))
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
	int64_t error = node_find(m, path, &n);

	if (!error)
		node_stat(n, s);
	return error;
}

static int64_t mount_link_read(const struct mount *m, const char *path, char *to, size_t room)
{
	struct node *n;
	int64_t error = node_find(m, path, &n);

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

static int64_t mount_unlink(const struct mount *m, const char *path, int directory)
{
	struct node *parent;
	const char *name;
	int64_t error = parent_find(m, path, &parent, &name);

	if (error)
		return error;
	struct entry *e = directory_find(parent, name, strlen(name));
	if (!e)
		return -ENOENT;
	if (!node_allows(parent, 2))
		return -EACCES;
	if (directory != (TYPE_OF(e->node->mode) == S_IFDIR))
		return directory ? -ENOTDIR : -EISDIR;
	if (directory && e->node->entry_count)
		return -ENOTEMPTY;
	directory_remove(parent, e);
	return 0;
}

static int64_t mount_link(const struct mount *m, const char *from, const char *to)
{
	struct node *n, *parent;
	const char *name;
	int64_t error = node_find(m, from, &n);

	if (error || (error = parent_find(m, to, &parent, &name)))
		return error;
	if (directory_find(parent, name, strlen(name)))
		return -EEXIST;
	if (!node_allows(parent, 2))
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

static int64_t mount_rename(const struct mount *m, const char *from, const char *to, unsigned flags)
{
	struct node *old_parent, *new_parent;
	const char *old_name, *new_name;
	int64_t error = parent_find(m, from, &old_parent, &old_name);

	if (error || (error = parent_find(m, to, &new_parent, &new_name)))
		return error;
	if (flags & ~3u || flags == 3)
		return -EINVAL;
	struct entry *old = directory_find(old_parent, old_name, strlen(old_name));
	struct entry *there = directory_find(new_parent, new_name, strlen(new_name));
	if (!old)
		return -ENOENT;
	if (!node_allows(old_parent, 2) || !node_allows(new_parent, 2))
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
	int64_t error = node_find(m, path, &n);

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
	int64_t error = node_find(m, path, &n);

	if (error)
		return error;
	if (!boot->uid)         /* all but to execute what nobody may */
		return (mode & 1) && TYPE_OF(n->mode) == S_IFREG && !(n->mode & 0111) ? -EACCES : 0;
	return node_allows(n, mode & 7) ? 0 : -EACCES;
}

const struct mount_operations tmpfs_mount = {
	mount_open, mount_stat, mount_link_read, mount_directory_make, mount_link_make, mount_node_make, mount_unlink,
	mount_rename, mount_link, mount_change, mount_access, mount_statistics,
};
