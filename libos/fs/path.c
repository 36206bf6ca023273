/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Names. Fast way: the path is normalised as text and handed to its mount in one call. A mount that meets a link says
 * -ELOOP, and then the links are expanded here, one component at a time, in the guest's namespace: an absolute link starts
 * again at the guest's root, so it cannot leave it whatever the host looks like.
 */
#include "libos/process/process.h"

#define LINKS_MOST 40

/* "/a//b/./c/" to "/a/b/c"; says whether a ".." follows a name (then links matter before it). */
static int64_t normalise(struct place *place, const char *from, int *dots)
{
	char *to = place->path;
	size_t at = 0;

	*dots = place->slash = place->dot = 0;
	for (;;) {
		while (*from == '/')
			from++, place->slash = 1;
		size_t n = 0;
		while (from[n] && from[n] != '/')
			n++;
		if (!n)
			break;
		if (n > NAME_MOST)
			return -ENAMETOOLONG;
		place->slash = place->dot = 0;
		if (n == 2 && from[0] == '.' && from[1] == '.') {
			*dots |= at != 0;
			while (at && to[--at] != '/')
				;
			place->slash = 1, place->dot = 2;
		} else if (n == 1 && *from == '.') {
			place->slash = 1, place->dot = 1;
		} else {
			if (at + n + 2 > PATH_MOST)
				return -ENAMETOOLONG;
			to[at++] = '/';
			memcpy(to + at, from, n);
			at += n;
		}
		from += n;
	}
	if (!at)
		to[at++] = '/';
	to[at] = 0;
	return 0;
}

static int64_t is_directory(struct place *here)
{
	struct host_stat s;
	int64_t error;

	here->mount = mount_find(here->path, &here->rest);
	error = here->mount->operations->stat(here->mount, here->rest, &s);
	return error ? error : TYPE_OF(s.mode) == S_IFDIR ? 0 : -ENOTDIR;
}

static int64_t link_of(struct place *here, char *to, size_t room)
{
	here->mount = mount_find(here->path, &here->rest);
	return *here->rest && here->mount->operations->link_read
		       ? here->mount->operations->link_read(here->mount, here->rest, to, room)
		       : -EINVAL;
}

struct walk {
	struct place here;      /* its path is what has been walked, free of links */
	char left[2 * PATH_MOST], target[PATH_MOST];
};

/* Walks w->left component by component, expanding links. ".." is taken after the links before it. */
static int64_t walk(struct walk *w, int follow_last)
{
	char *out = w->here.path, *p = w->left;
	size_t at = 0;
	int links = 0;

	for (;;) {
		while (*p == '/')
			p++;
		size_t n = 0;
		while (p[n] && p[n] != '/')
			n++;
		if (!n)
			break;
		const char *name = p;
		p += n;
		if (n == 1 && *name == '.')
			continue;
		if (n == 2 && name[0] == '.' && name[1] == '.') {
			out[at] = 0;
			int64_t error = at ? is_directory(&w->here) : 0;
			if (error)
				return error;
			while (at && out[--at] != '/')
				;
			continue;
		}
		if (at + n + 2 > PATH_MOST || n > NAME_MOST)
			return -ENAMETOOLONG;
		size_t before = at;
		out[at++] = '/';
		memcpy(out + at, name, n);
		at += n;
		out[at] = 0;
		if (!*p && !follow_last)
			break;
		int64_t length = link_of(&w->here, w->target, sizeof w->target - 1);
		if (length == -EINVAL || length == -ENOENT)
			continue;       /* not a link; what is missing shows at the operation itself */
		if (length < 0)
			return length;
		if (++links > LINKS_MOST)
			return -ELOOP;
		size_t rest = strlen(p) + 1;
		if ((size_t)length + rest > sizeof w->left)
			return -ENAMETOOLONG;
		memmove(w->left + length, p, rest);
		memcpy(w->left, w->target, (size_t)length);
		p = w->left;
		at = *p == '/' ? 0 : before;
	}
	if (!at)
		out[at++] = '/';
	out[at] = 0;
	return 0;
}

static int64_t walk_into(struct place *place, const char *from, int follow)
{
	struct walk w;
	int64_t error;

	if (strlen(from) >= sizeof w.left)
		return -ENAMETOOLONG;
	memcpy(w.left, from, strlen(from) + 1);
	if ((error = walk(&w, follow)))
		return error;
	int same = !strcmp(w.here.path, place->path);
	memcpy(place->path, w.here.path, strlen(w.here.path) + 1);
	place->mount = mount_find(place->path, &place->rest);
	return same;
}

int64_t place_follow(struct place *place, int follow)
{
	int64_t same = walk_into(place, place->path, follow || place->slash);

	return same < 0 ? same : same ? -ELOOP : 0;
}

int64_t place_settle(struct place *place)
{
	int64_t same = walk_into(place, place->path, 0);

	return same < 0 ? same : 0;
}

int64_t place_of(const char *absolute, struct place *place)
{
	int dots;
	int64_t error = normalise(place, absolute, &dots);

	if (error)
		return error;
	if (dots && (error = walk_into(place, absolute, 0)) < 0)
		return error;
	place->mount = mount_find(place->path, &place->rest);
	return 0;
}

int64_t place_find(int directory, struct user path, int allow_empty, struct place *place)
{
	char text[2 * PATH_MOST];
	const char *from = process_current()->directory;
	int64_t length = user_string(text, path, PATH_MOST);

	if (length < 0)
		return length;
	if (!length && !allow_empty)
		return -ENOENT;
	if (*text == '/')
		return place_of(text, place);
	if (directory != AT_FDCWD) {
		struct file *f = file_get(directory);
		struct host_stat s;
		if (!f)
			return -EBADF;
		if (!f->path || f->operations->stat(f, &s) || TYPE_OF(s.mode) != S_IFDIR)
			return -ENOTDIR;
		from = f->path;
	}
	size_t before = strlen(from);
	memmove(text + before + 1, text, (size_t)length + 1);
	memcpy(text, from, before);
	text[before] = '/';
	return place_of(text, place);
}
