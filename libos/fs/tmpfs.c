/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Files in the library OS's own memory: directories, regular files in 64 KiB pieces (holes cost nothing), links. Names are
 * looked up one component at a time; a link on the way gives -ELOOP and path.c expands it in the guest's namespace.
 */
#include "libos/fs/fs.h"

#define PIECE 65536u
#define SIZE_MOST (1ull << 31)

struct node {
	uint32_t mode, uid, gid, links, opens;
	uint64_t number, size;
	int64_t times[6];               /* atime, mtime, ctime as seconds and nanoseconds */
	uint8_t **pieces;
	uint64_t piece_room;            /* pointers allocated */
	uint64_t piece_count;           /* pieces there */
	char *target;
	/* in its directory; a hard link is an entry of its own */
	struct entry *entries;
	struct node *parent;
};

struct entry {
	struct entry *next;
	struct node *node;
	char name[];
};

static uint64_t numbers = 1;

static void now(int64_t t[2])
{
	HOST(clock_get, 0, (uintptr_t)t);
}

struct host_stat stat_now(uint32_t mode)
{
	int64_t t[2] = {0, 0};

	now(t);
	return (struct host_stat){.dev = 1, .ino = 1, .mode = mode, .nlink = 1, .uid = boot->uid, .gid = boot->gid, .blksize = 4096,
				  .atime_sec = t[0], .mtime_sec = t[0], .ctime_sec = t[0]};
}

static struct node *node_make(uint32_t mode)
{
	struct node *n = heap_allocate(sizeof *n);

	if (!n)
		return NULL;
	n->mode = mode;
	n->uid = boot->uid;
	n->gid = boot->gid;
	n->number = numbers++;
	now(n->times);
	memcpy(n->times + 2, n->times, 16);
	memcpy(n->times + 4, n->times, 16);
	return n;
}

static void pieces_drop(struct node *n, uint64_t from)
{
	for (uint64_t i = from; i < n->piece_room; i++)
		if (n->pieces[i]) {
			heap_free(n->pieces[i], PIECE);
			n->pieces[i] = NULL;
			n->piece_count--;
		}
}

static void node_drop(struct node *n)
{
	if (n->links || n->opens)
		return;
	pieces_drop(n, 0);
	if (n->pieces)
		heap_free(n->pieces, n->piece_room * sizeof *n->pieces);
	if (n->target)
		heap_free(n->target, strlen(n->target) + 1);
	heap_free(n, sizeof *n);
}

struct node *tmpfs_root(void)
{
	struct node *n = node_make(S_IFDIR | 0755);

	if (n) {
		n->links = 2;
		n->parent = n;
	}
	return n;
}

static struct entry **entry_find(struct node *directory, const char *name, size_t length)
{
	struct entry **link = &directory->entries;

	while (*link && !(strlen((*link)->name) == length && !strncmp((*link)->name, name, length)))
		link = &(*link)->next;
	return link;
}

/* The directory that holds the last component, and that component (empty: the root itself). */
static int64_t parent_find(struct node *root, const char *path, struct node **parent, const char **name)
{
	*parent = root;
	for (;;) {
		const char *slash = strchr(path, '/');
		if (!slash) {
			*name = path;
			return strlen(path) > 255 ? -ENAMETOOLONG : 0;
		}
		struct entry *entry = *entry_find(*parent, path, (size_t)(slash - path));
		if (!entry)
			return -ENOENT;
		if ((entry->node->mode & S_IFMT) == S_IFLNK)
			return -ELOOP;
		if ((entry->node->mode & S_IFMT) != S_IFDIR)
			return -ENOTDIR;
		*parent = entry->node;
		path = slash + 1;
	}
}

static int64_t node_find(struct node *root, const char *path, struct node **found)
{
	struct node *parent;
	const char *name;
	int64_t error = parent_find(root, path, &parent, &name);

	if (error)
		return error;
	if (!*name) {
		*found = parent;
		return 0;
	}
	struct entry *entry = *entry_find(parent, name, strlen(name));
	if (!entry)
		return -ENOENT;
	*found = entry->node;
	return 0;
}

static void touch(struct node *n, int data)
{
	if (data)
		now(n->times + 2);
	now(n->times + 4);
}

static int64_t entry_add(struct node *parent, const char *name, struct node *n)
{
	struct entry *entry = heap_allocate(sizeof *entry + strlen(name) + 1);

	if (!entry)
		return -ENOSPC;
	memcpy(entry->name, name, strlen(name) + 1);
	entry->node = n;
	entry->next = parent->entries;
	parent->entries = entry;
	n->links++;
	if ((n->mode & S_IFMT) == S_IFDIR) {
		n->parent = parent;
		n->links++;
		parent->links++;
	}
	touch(parent, 1);
	return 0;
}

static void entry_remove(struct node *parent, struct entry **link)
{
	struct entry *entry = *link;
	struct node *n = entry->node;

	*link = entry->next;
	n->links--;
	if ((n->mode & S_IFMT) == S_IFDIR) {
		n->links--;
		parent->links--;
	}
	touch(parent, 1);
	touch(n, 0);
	heap_free(entry, sizeof *entry + strlen(entry->name) + 1);
	node_drop(n);
}

static void node_stat(const struct node *n, struct host_stat *s)
{
	*s = (struct host_stat){.dev = 1, .ino = n->number, .mode = n->mode, .nlink = n->links, .uid = n->uid, .gid = n->gid,
				.size = n->target ? strlen(n->target) : n->size, .blocks = n->piece_count * (PIECE / 512), .blksize = 4096,
				.atime_sec = n->times[0], .atime_nsec = (uint32_t)n->times[1], .mtime_sec = n->times[2],
				.mtime_nsec = (uint32_t)n->times[3], .ctime_sec = n->times[4], .ctime_nsec = (uint32_t)n->times[5]};
}

static uint8_t *piece_get(struct node *n, uint64_t index, int make)
{
	if (index >= n->piece_room) {
		uint64_t room = n->piece_room ? n->piece_room : 8;
		if (!make)
			return NULL;
		while (room <= index)
			room *= 2;
		uint8_t **more = heap_allocate(room * sizeof *more);
		if (!more)
			return NULL;
		if (n->pieces) {
			memcpy(more, n->pieces, n->piece_room * sizeof *more);
			heap_free(n->pieces, n->piece_room * sizeof *more);
		}
		n->pieces = more;
		n->piece_room = room;
	}
	if (!n->pieces[index] && make && (n->pieces[index] = heap_allocate(PIECE)))
		n->piece_count++;
	return n->pieces[index];
}

static int64_t tmpfs_read(struct file *f, struct user to, uint64_t n, int64_t offset)
{
	struct node *node = f->node;
	uint64_t at = offset < 0 ? f->position : (uint64_t)offset, done = 0;

	if ((node->mode & S_IFMT) == S_IFDIR)
		return -EISDIR;
	if (at >= node->size)
		return 0;
	if (n > node->size - at)
		n = node->size - at;
	while (done < n) {
		uint64_t within = (at + done) % PIECE, piece = PIECE - within < n - done ? PIECE - within : n - done;
		const uint8_t *data = piece_get(node, (at + done) / PIECE, 0);
		struct user place = {to.at + done};
		if (!user_ok(place, piece) || (data ? user_put(place, data + within, piece) : user_fill((uint32_t)place.at, piece)))
			return done ? (int64_t)done : -EFAULT;
		done += piece;
	}
	if (offset < 0)
		f->position = at + done;
	return (int64_t)done;
}

static int64_t tmpfs_write(struct file *f, struct user from, uint64_t n, int64_t offset)
{
	struct node *node = f->node;
	uint64_t at = offset >= 0 && !(f->flags & O_APPEND) ? (uint64_t)offset : f->flags & O_APPEND ? node->size : f->position, done = 0;

	if (at >= SIZE_MOST)
		return n ? -EFBIG : 0;
	if (n > SIZE_MOST - at)
		n = SIZE_MOST - at;
	while (done < n) {
		uint64_t within = (at + done) % PIECE, piece = PIECE - within < n - done ? PIECE - within : n - done;
		uint8_t *data = piece_get(node, (at + done) / PIECE, 1);
		if (!data || user_get(data + within, (struct user){from.at + done}, piece)) {
			if (!done)
				return data ? -EFAULT : -ENOSPC;
			break;
		}
		done += piece;
	}
	if (at + done > node->size)
		node->size = at + done;
	if (offset < 0)
		f->position = at + done;
	if (done)
		touch(node, 1);
	return (int64_t)done;
}

int64_t tmpfs_fill(struct file *f, const void *from, size_t length);
int64_t tmpfs_fill(struct file *f, const void *from, size_t length)
{
	uint8_t *data = length <= PIECE ? piece_get(f->node, 0, 1) : NULL;

	if (!data)
		return -ENOMEM;
	memcpy(data, from, length);
	f->node->size = length;
	return 0;
}

static int64_t tmpfs_seek(struct file *f, int64_t offset, int whence)
{
	int64_t from = whence == 0 ? 0 : whence == 1 ? (int64_t)f->position : whence == 2 ? (int64_t)f->node->size : -1;

	if (whence == 3 || whence == 4) {       /* SEEK_DATA, SEEK_HOLE: all is data */
		if (offset < 0 || (uint64_t)offset >= f->node->size)
			return -ENXIO;
		f->position = whence == 3 ? (uint64_t)offset : f->node->size;
		return (int64_t)f->position;
	}
	if (from < 0 || __builtin_add_overflow(from, offset, &from) || from < 0)
		return -EINVAL;
	f->position = (uint64_t)from;
	return from;
}

static int64_t tmpfs_fstat(struct file *f, struct host_stat *s)
{
	node_stat(f->node, s);
	return 0;
}

static int64_t tmpfs_truncate(struct file *f, uint64_t length)
{
	struct node *n = f->node;

	if (length > SIZE_MOST)
		return -EFBIG;
	if (length < n->size) {
		pieces_drop(n, (length + PIECE - 1) / PIECE);
		uint8_t *last = length % PIECE ? piece_get(n, length / PIECE, 0) : NULL;
		if (last)
			memset(last + length % PIECE, 0, PIECE - length % PIECE);
	}
	n->size = length;
	touch(n, 1);
	return 0;
}

struct record {                 /* linux_dirent64 */
	uint64_t number;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[256];
} __attribute__((packed));

static int64_t tmpfs_list(struct file *f, struct user to, uint64_t n)
{
	uint64_t index = 0, done = 0;
	struct entry *entry = f->node->entries;

	if ((f->node->mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	for (;; index++) {
		const char *name = index == 0 ? "." : index == 1 ? ".." : entry ? entry->name : NULL;
		const struct node *node = index == 0 ? f->node : index == 1 ? f->node->parent : entry ? entry->node : NULL;
		if (!name)
			return (int64_t)done;
		if (index > 1)
			entry = entry->next;
		if (index < f->position)
			continue;
		struct record r = {.number = node->number, .offset = (int64_t)index + 1, .type = (uint8_t)((node->mode & S_IFMT) >> 12)};
		size_t length = strlen(name) + 1;
		memcpy(r.name, name, length);
		r.length = (uint16_t)((19 + length + 7) & ~7u);
		if (r.length > n - done)
			return done ? (int64_t)done : -EINVAL;
		if (user_put((struct user){to.at + done}, &r, r.length))
			return -EFAULT;
		done += r.length;
		f->position = index + 1;
	}
}

static void tmpfs_close(struct file *f)
{
	f->node->opens--;
	node_drop(f->node);
}

static const struct file_operations tmpfs_operations = {tmpfs_read, tmpfs_write, tmpfs_seek, tmpfs_fstat, tmpfs_truncate, tmpfs_list,
							NULL, tmpfs_close};

static int64_t file_of(struct node *n, int flags, struct file **f)
{
	*f = file_make(&tmpfs_operations, flags);
	if (!*f)
		return -ENOMEM;
	(*f)->node = n;
	n->opens++;
	return 0;
}

struct file *tmpfs_anonymous(int flags)
{
	struct node *n = node_make(S_IFREG | 0600);
	struct file *f = NULL;

	if (n)
		file_of(n, flags, &f);
	return f;
}

int64_t tmpfs_open(struct node *root, const char *path, int flags, uint32_t mode, struct file **f)
{
	struct node *parent, *n;
	const char *name;
	int64_t error = parent_find(root, path, &parent, &name);

	if (error)
		return error;
	struct entry *entry = *name ? *entry_find(parent, name, strlen(name)) : NULL;
	n = *name ? entry ? entry->node : NULL : parent;
	if (!n) {
		if (!(flags & O_CREAT))
			return -ENOENT;
		if (flags & O_DIRECTORY)
			return -EINVAL;
		n = node_make(S_IFREG | (mode & 07777));
		if (!n || (error = entry_add(parent, name, n)))
			return -ENOSPC;
	} else if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	else if ((n->mode & S_IFMT) == S_IFLNK) {
		if (!(flags & O_PATH))
			return -ELOOP;
	} else if ((n->mode & S_IFMT) == S_IFDIR) {
		if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT))
			return -EISDIR;
	} else if (flags & O_DIRECTORY)
		return -ENOTDIR;
	error = file_of(n, flags, f);
	if (!error && (flags & O_TRUNC) && (n->mode & S_IFMT) == S_IFREG && !(flags & O_PATH))
		tmpfs_truncate(*f, 0);
	return error;
}

int64_t tmpfs_stat(struct node *root, const char *path, struct host_stat *s)
{
	struct node *n;
	int64_t error = node_find(root, path, &n);

	if (!error)
		node_stat(n, s);
	return error;
}

int64_t tmpfs_readlink(struct node *root, const char *path, char *to, size_t room)
{
	struct node *n;
	int64_t error = node_find(root, path, &n);

	if (error)
		return error;
	if (!n->target)
		return -EINVAL;
	size_t length = strlen(n->target);
	length = length < room ? length : room;
	memcpy(to, n->target, length);
	return (int64_t)length;
}

int64_t tmpfs_make(struct node *root, const char *path, uint32_t mode, const char *target)
{
	struct node *parent, *n;
	const char *name;
	int64_t error = parent_find(root, path, &parent, &name);

	if (error)
		return error;
	if (!*name || *entry_find(parent, name, strlen(name)))
		return -EEXIST;
	n = node_make(mode);
	if (!n)
		return -ENOSPC;
	if (target) {
		n->target = heap_allocate(strlen(target) + 1);
		if (!n->target)
			return -ENOSPC;
		memcpy(n->target, target, strlen(target) + 1);
	}
	return entry_add(parent, name, n);
}

int64_t tmpfs_unlink(struct node *root, const char *path, int directory)
{
	struct node *parent;
	const char *name;
	int64_t error = parent_find(root, path, &parent, &name);

	if (error)
		return error;
	if (!*name)
		return -EBUSY;
	struct entry **link = entry_find(parent, name, strlen(name));
	if (!*link)
		return -ENOENT;
	int is_directory = ((*link)->node->mode & S_IFMT) == S_IFDIR;
	if (directory != is_directory)
		return directory ? -ENOTDIR : -EISDIR;
	if (directory && (*link)->node->entries)
		return -ENOTEMPTY;
	entry_remove(parent, link);
	return 0;
}

int64_t tmpfs_link(struct node *root, const char *from, const char *to)
{
	struct node *n, *parent;
	const char *name;
	int64_t error = node_find(root, from, &n);

	if (error || (error = parent_find(root, to, &parent, &name)))
		return error;
	if ((n->mode & S_IFMT) == S_IFDIR)
		return -EPERM;
	if (!*name || *entry_find(parent, name, strlen(name)))
		return -EEXIST;
	return entry_add(parent, name, n);
}

int64_t tmpfs_rename(struct node *root, const char *from, const char *to, unsigned flags)
{
	struct node *old_parent, *new_parent;
	const char *old_name, *new_name;
	int64_t error = parent_find(root, from, &old_parent, &old_name);

	if (error || (error = parent_find(root, to, &new_parent, &new_name)))
		return error;
	if (flags & ~1u)
		return -EINVAL;         /* RENAME_NOREPLACE only */
	if (!*old_name || !*new_name)
		return -EBUSY;
	struct entry *old = *entry_find(old_parent, old_name, strlen(old_name)), **there;
	if (!old)
		return -ENOENT;
	struct node *n = old->node;
	int directory = (n->mode & S_IFMT) == S_IFDIR;
	for (struct node *up = new_parent; directory; up = up->parent) {
		if (up == n)
			return -EINVAL; /* into itself */
		if (up == up->parent)
			break;
	}
	there = entry_find(new_parent, new_name, strlen(new_name));
	if (*there) {
		struct node *gone = (*there)->node;
		if (flags & 1)
			return -EEXIST;
		if (gone == n)
			return 0;
		int gone_directory = (gone->mode & S_IFMT) == S_IFDIR;
		if (gone_directory != directory)
			return directory ? -ENOTDIR : -EISDIR;
		if (gone->entries)
			return -ENOTEMPTY;
		entry_remove(new_parent, there);
	}
	if ((error = entry_add(new_parent, new_name, n)))
		return error;
	/* entry_add may have put the new entry in the same list: find the old one again, not the new one. */
	struct entry **link = &old_parent->entries;
	while (*link != old)
		link = &(*link)->next;
	entry_remove(old_parent, link);
	if (directory)
		n->parent = new_parent;
	return 0;
}

int64_t tmpfs_attributes(struct node *root, const char *path, int64_t mode, int64_t uid, int64_t gid, const int64_t times[4])
{
	struct node *n;
	int64_t error = node_find(root, path, &n);

	if (error)
		return error;
	if (mode >= 0)
		n->mode = (n->mode & S_IFMT) | (mode & 07777);
	if (uid >= 0)
		n->uid = (uint32_t)uid;
	if (gid >= 0)
		n->gid = (uint32_t)gid;
	if (times)
		memcpy(n->times, times, 32);
	now(n->times + 4);
	return 0;
}

/* A private mapping: the pages are already there and get a copy of the contents. */
int64_t tmpfs_map(struct file *f, uint64_t start, uint64_t length, uint64_t offset)
{
	struct file copy = *f;

	if (offset >= f->node->size)
		return 0;
	int64_t n = tmpfs_read(&copy, (struct user){start}, length, (int64_t)offset);
	return n < 0 ? n : 0;
}
