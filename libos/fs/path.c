/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Names. Fast way: the path is normalised as text and handed to its mount in one call. A mount that meets a link says
 * -ELOOP, and then the links are expanded here, one component at a time, in the guest's namespace: an absolute link starts
 * again at the guest's root, so it cannot leave it whatever the host looks like.
 */
#include "libos/fs/fs.h"

#define LINKS_MOST 40

char working_directory[PATH_MOST] = "/";
uint32_t file_mode_mask = 022;
static struct mount mounts[BOOT_MOUNTS + 4];
static size_t mount_count;

static void mount_add(const char *path, int kind, uint32_t handle, int read_only)
{
	struct mount *m = &mounts[mount_count];

	for (size_t i = 0; i < mount_count; i++)
		if (!strcmp(mounts[i].path, path))
			return;
	*m = (struct mount){path, strlen(path), kind, handle, read_only, NULL};
	if (kind == MOUNT_TMPFS && !(m->root = tmpfs_root()))
		die("no memory for a tmpfs");
	mount_count++;
}

/* Mount points are directories of a tmpfs above them. */
static void mount_point_make(const char *path)
{
	static char prefix[PATH_MOST];
	size_t length = strlen(path);

	for (size_t n = 1; n <= length; n++)
		if (n == length || path[n] == '/') {
			const char *rest;
			memcpy(prefix, path, n);
			prefix[n] = 0;
			const struct mount *m = mount_find(prefix, &rest);
			if (m->kind == MOUNT_TMPFS && *rest)
				tmpfs_make(m->root, rest, S_IFDIR | 0755, NULL);
		}
}

void filesystem_start(void)
{
	const char *strings = (const char *)boot;
	int root_given = 0;

	for (uint32_t i = 0; i < boot->mount_count && i < BOOT_MOUNTS; i++)
		root_given |= !strcmp(strings + boot->mounts[i].guest_path, "/");
	if (!root_given)
		mount_add("", MOUNT_TMPFS, 0, 0);
	for (uint32_t i = 0; i < boot->mount_count && i < BOOT_MOUNTS; i++) {
		const struct boot_mount *m = &boot->mounts[i];
		const char *path = strings + m->guest_path;
		path = strcmp(path, "/") ? path : "";
		if (!root_given)
			mount_point_make(path);
		mount_add(path, m->kind == BOOT_MOUNT_TMPFS ? MOUNT_TMPFS : MOUNT_HOST, m->handle, (int)m->read_only);
	}
	if (!root_given) {
		mount_point_make("/tmp");
		mount_point_make("/dev");
		mount_point_make("/proc");
	}
	mount_add("/dev", MOUNT_DEVICES, 0, 0);
	mount_add("/proc", MOUNT_PROCESS, 0, 1);
	const char *start = strings + boot->working_directory;
	if (strlen(start) < PATH_MOST)
		memcpy(working_directory, start, strlen(start) + 1);
	for (int i = 0; i < 3; i++) {
		struct file *f = file_make(&host_operations, i ? O_WRONLY : O_RDONLY);
		if (!f)
			die("no memory for the standard streams");
		f->flags = O_RDWR;
		f->handle = i;
		descriptor_add(f, i, 0);
	}
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

/* "/a//b/./c/" to "/a/b/c"; says whether a ".." follows a name (then links matter before it). */
static int64_t normalise(char *to, const char *from, int *dots)
{
	size_t at = 0;
	int slash = 0;

	*dots = 0;
	while (*from) {
		while (*from == '/')
			from++, slash = 1;
		size_t n = 0;
		while (from[n] && from[n] != '/')
			n++;
		if (!n)
			break;
		if (n > 255)
			return -ENAMETOOLONG;
		if (n == 2 && from[0] == '.' && from[1] == '.') {
			*dots |= at != 0;
			while (at && to[--at] != '/')
				;
		} else if (!(n == 1 && *from == '.')) {
			if (at + n + 2 > PATH_MOST)
				return -ENAMETOOLONG;
			to[at++] = '/';
			memcpy(to + at, from, n);
			at += n;
			slash = 0;
		}
		from += n;
	}
	if (!at)
		to[at++] = '/';
	to[at] = 0;
	return slash && at > 1;         /* 1: a trailing slash asks for a directory */
}

int64_t place_readlink(const struct place *place, char *to, size_t room)
{
	switch (place->mount->kind) {
	case MOUNT_HOST:
		return HOST(link_read, place->mount->handle, (uintptr_t)place->rest, strlen(place->rest), (uintptr_t)to, room);
	case MOUNT_TMPFS:
		return tmpfs_readlink(place->mount->root, place->rest, to, room);
	case MOUNT_PROCESS:
		return process_readlink(place->rest, to, room);
	default:
		return -EINVAL;
	}
}

/* Walks an absolute path component by component, expanding links. ".." is taken after the links before it. */
static int64_t walk(const char *path, int follow_last, char *out)
{
	static char left[2 * PATH_MOST], more[2 * PATH_MOST], target[PATH_MOST];
	static struct place here;
	size_t at = 0;
	int links = 0;

	if (strlen(path) >= PATH_MOST)
		return -ENAMETOOLONG;
	memcpy(left, path, strlen(path) + 1);
	for (char *p = left; *p;) {
		while (*p == '/')
			p++;
		size_t n = 0;
		while (p[n] && p[n] != '/')
			n++;
		if (!n)
			break;
		if (n == 1 && *p == '.') {
			p += n;
			continue;
		}
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			while (at && out[--at] != '/')
				;
			p += n;
			continue;
		}
		if (at + n + 2 > PATH_MOST)
			return -ENAMETOOLONG;
		size_t before = at;
		out[at++] = '/';
		memcpy(out + at, p, n);
		at += n;
		out[at] = 0;
		p += n;
		char *next = p;
		while (*next == '/')
			next++;
		if (!*next && !follow_last)
			break;
		memcpy(here.path, out, at + 1);
		here.mount = mount_find(here.path, &here.rest);
		int64_t length = *here.rest ? place_readlink(&here, target, sizeof target - 1) : -EINVAL;
		if (length < 0) {
			if (length == -EINVAL || length == -ENOENT)
				continue;       /* not a link; what is missing shows at the operation itself */
			return length;
		}
		if (++links > LINKS_MOST)
			return -ELOOP;
		target[length] = 0;
		if (format(more, sizeof more, "%s/%s", target, p) >= sizeof left)
			return -ENAMETOOLONG;
		memcpy(left, more, strlen(more) + 1);
		p = left;
		at = target[0] == '/' ? 0 : before;
	}
	if (!at)
		out[at++] = '/';
	out[at] = 0;
	return 0;
}

int64_t place_follow(struct place *place, int follow)
{
	static char expanded[PATH_MOST];
	int64_t error = walk(place->path, follow, expanded);

	if (error)
		return error;
	if (!strcmp(expanded, place->path))
		return -ELOOP;
	memcpy(place->path, expanded, strlen(expanded) + 1);
	place->mount = mount_find(place->path, &place->rest);
	return 0;
}

int64_t place_of(const char *absolute, int follow, struct place *place)
{
	int dots;
	int64_t slash = normalise(place->path, absolute, &dots), error;

	if (slash < 0)
		return slash;
	if (dots && (error = walk(absolute, follow || slash, place->path)))
		return error;
	place->mount = mount_find(place->path, &place->rest);
	if (slash) {
		/* "name/" must be a directory, unless it is about to be made: the caller's operation finds out. */
		struct host_stat s;
		error = place_stat(place, 1, &s);
		if (!error && (s.mode & S_IFMT) != S_IFDIR)
			return -ENOTDIR;
	}
	return 0;
}

int64_t place_find(int directory, struct user path, int follow, int allow_empty, struct place *place)
{
	static char text[PATH_MOST], absolute[2 * PATH_MOST];
	const char *from = working_directory;
	int64_t length = user_string(text, path, sizeof text);

	if (length < 0)
		return length;
	if (!length && !allow_empty)
		return -ENOENT;
	if (*text != '/' && directory != AT_FDCWD) {
		struct file *f = file_get(directory);
		if (!f)
			return -EBADF;
		if (!f->path)
			return -ENOTDIR;
		from = f->path;
	}
	if (*text == '/')
		return place_of(text, follow, place);
	format(absolute, sizeof absolute, "%s/%s", from, text);
	return place_of(absolute, follow, place);
}

static int64_t stat_once(const struct place *place, struct host_stat *s)
{
	switch (place->mount->kind) {
	case MOUNT_HOST:
		return HOST(stat, place->mount->handle, (uintptr_t)place->rest, strlen(place->rest), (uintptr_t)s);
	case MOUNT_TMPFS:
		return tmpfs_stat(place->mount->root, place->rest, s);
	case MOUNT_DEVICES:
		return device_stat(place->rest, s);
	default:
		return process_stat(place->rest, s);
	}
}

int64_t place_stat(struct place *place, int follow, struct host_stat *s)
{
	for (int again = 0;; again++) {
		int64_t error = stat_once(place, s);
		if (error != -ELOOP && !(error == 0 && follow && (s->mode & S_IFMT) == S_IFLNK))
			return error;
		if (again == 2 || (error = place_follow(place, follow)))
			return again == 2 ? -ELOOP : error;
	}
}

static int64_t open_once(const struct place *place, int flags, uint32_t mode, struct file **f)
{
	const struct mount *m = place->mount;
	int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);

	switch (m->kind) {
	case MOUNT_HOST: {
		int64_t handle = HOST(open, m->handle, (uintptr_t)place->rest, strlen(place->rest), flags & ~O_CLOEXEC, mode);
		if (handle < 0)
			return handle;
		*f = file_make(&host_operations, flags);
		if (!*f) {
			HOST(close, handle);
			return -ENOMEM;
		}
		(*f)->handle = handle;
		return 0;
	}
	case MOUNT_TMPFS:
		if (m->read_only && writes)
			return -EROFS;
		return tmpfs_open(m->root, place->rest, flags, mode, f);
	case MOUNT_DEVICES:
		return device_open(place->rest, flags, f);
	default:
		return process_open(place->rest, flags, f);
	}
}

int64_t place_open(struct place *place, int flags, uint32_t mode, struct file **f)
{
	int follow = !(flags & O_NOFOLLOW) && !((flags & O_CREAT) && (flags & O_EXCL));

	for (int again = 0;; again++) {
		int64_t error = open_once(place, flags, mode, f);
		if (error != -ELOOP) {
			if (!error && !(*f)->path && ((*f)->path = heap_allocate(strlen(place->path) + 1)))
				memcpy((*f)->path, place->path, strlen(place->path) + 1);
			return error;
		}
		if (again == 2 || (error = place_follow(place, follow)))
			return again == 2 ? -ELOOP : error;
	}
}
