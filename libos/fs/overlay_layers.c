/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The two layers of an overlay: where a name lies, what of the lower one is covered by the upper one, and copying up.
 */
#include "libos/fs/overlay.h"

/* DIRECTORY/.wh.NAME of DIRECTORY/NAME */
static int64_t mark_name(char *to, const char *name, size_t length)
{
	const char *last = name;

	for (size_t i = 0; i < length; i++)
		if (name[i] == '/')
			last = name + i + 1;
	size_t before = (size_t)(last - name);
	if (length + MARK_LENGTH >= PATH_MOST)
		return -ENAMETOOLONG;
	memcpy(to, name, before);
	memcpy(to + before, MARK, MARK_LENGTH);
	memcpy(to + before + MARK_LENGTH, last, length - before);
	to[length + MARK_LENGTH] = 0;
	return 0;
}

int overlay_reserved(const char *name)
{
	const char *last = strrchr(name, '/');

	return !strncmp(last ? last + 1 : name, MARK, MARK_LENGTH);
}

int overlay_covers(const struct mount *m, const char *name)
{
	char mark[PATH_MOST + 16];
	struct host_stat s;

	for (size_t n = 1; *name && name[n - 1]; n++) {
		if (name[n] && name[n] != '/')
			continue;
		if (!mark_name(mark, name, n) && !layer_stat(m->upper, mark, &s))
			return 1;
		if (name[n] && n + sizeof OPAQUE + 1 < sizeof mark) {
			memcpy(mark, name, n);
			mark[n] = '/';
			memcpy(mark + n + 1, OPAQUE, sizeof OPAQUE);
			if (!layer_stat(m->upper, mark, &s))
				return 1;
		}
	}
	return 0;
}

int64_t overlay_where(const struct mount *m, const char *name, struct host_stat *s)
{
	if (*name && overlay_reserved(name))
		return -ENOENT;
	int64_t error = layer_stat(m->upper, name, s);
	if (error != -ENOENT)
		return error ? error : 1;
	if (overlay_covers(m, name))
		return -ENOENT;
	return layer_stat(m->lower, name, s);
}

int64_t overlay_parents_make(const struct mount *m, const char *name)
{
	char prefix[PATH_MOST];
	struct host_stat s;

	for (size_t n = 1; name[n]; n++) {
		if (name[n] != '/')
			continue;
		memcpy(prefix, name, n);
		prefix[n] = 0;
		int64_t at = overlay_where(m, prefix, &s);
		if (at < 0)
			return at;
		if (TYPE_OF(s.mode) == S_IFLNK)
			return -ELOOP;
		if (TYPE_OF(s.mode) != S_IFDIR)
			return -ENOTDIR;
		if (at == 0 && (at = m->upper->operations->directory_make(m->upper, prefix, s.mode & 07777)))
			return at;
	}
	return 0;
}

static int64_t file_copy(const struct mount *m, const char *name, const struct host_stat *s)
{
	struct file *from, *to;
	uint8_t *buffer = heap_allocate(65536);
	int64_t error = buffer ? m->lower->operations->open(m->lower, name, O_RDONLY, 0, &from) : -ENOMEM, n = 0, at = 0;

	if (!error && (error = m->upper->operations->open(m->upper, name, O_WRONLY | O_CREAT | O_EXCL, s->mode & 07777, &to)))
		file_release(from);
	if (!error) {
		while ((n = from->operations->read(from, own_memory(buffer), 65536, at)) > 0) {
			int64_t done = to->operations->write(to, own_memory(buffer), (uint64_t)n, at);
			if (done != n) {
				n = done < 0 ? done : -ENOSPC;
				break;
			}
			at += n;
		}
		error = n < 0 ? n : 0;
		file_release(from);
		file_release(to);
		if (error)
			m->upper->operations->unlink(m->upper, name, 0);
	}
	heap_free(buffer, 65536);
	return error;
}

int64_t overlay_copy_up(const struct mount *m, const char *name)
{
	struct host_stat s;
	int64_t error, at = overlay_where(m, name, &s);

	if (at)
		return at < 0 ? at : 0;
	if ((error = overlay_parents_make(m, name)))
		return error;
	if (TYPE_OF(s.mode) == S_IFDIR)
		return m->upper->operations->directory_make(m->upper, name, s.mode & 07777);
	if (TYPE_OF(s.mode) == S_IFLNK) {
		char target[PATH_MOST];
		int64_t n = m->lower->operations->link_read(m->lower, name, target, sizeof target - 1);
		if (n < 0)
			return n;
		target[n] = 0;
		return m->upper->operations->link_make(m->upper, name, target);
	}
	if (TYPE_OF(s.mode) != S_IFREG)
		return m->upper->operations->node_make ? m->upper->operations->node_make(m->upper, name, s.mode) : -EPERM;
	if ((error = file_copy(m, name, &s)))
		return error;
	const struct change c = {.what = CHANGE_TIMES, .times = {s.atime_sec, s.atime_nsec, s.mtime_sec, s.mtime_nsec}};
	m->upper->operations->change(m->upper, name, &c);
	return 0;
}

/* An empty file above. */
static int64_t empty_make(const struct mount *m, const char *name)
{
	struct file *f;
	int64_t error = m->upper->operations->open(m->upper, name, O_WRONLY | O_CREAT, 0600, &f);

	if (!error)
		file_release(f);
	return error;
}

int64_t overlay_mark_make(const struct mount *m, const char *name)
{
	char mark[PATH_MOST + 16];
	int64_t error = mark_name(mark, name, strlen(name));

	if (!error)
		error = overlay_parents_make(m, name);
	return error ? error : empty_make(m, mark);
}

int overlay_mark_remove(const struct mount *m, const char *name)
{
	char mark[PATH_MOST + 16];

	return !mark_name(mark, name, strlen(name)) && !m->upper->operations->unlink(m->upper, mark, 0);
}

int64_t overlay_opaque_make(const struct mount *m, const char *name)
{
	char opaque[PATH_MOST + 16];

	format(opaque, sizeof opaque, "%s/%s", name, OPAQUE);
	return empty_make(m, opaque);
}

int64_t overlay_name_prepare(const struct mount *m, const char *name, int *marked)
{
	struct host_stat s;
	int64_t error, at = overlay_where(m, name, &s);

	if (*name && overlay_reserved(name))
		return -EINVAL;
	if (at >= 0)
		return -EEXIST;
	if (at != -ENOENT || (error = overlay_parents_make(m, name)))
		return at != -ENOENT ? at : error;
	*marked = overlay_mark_remove(m, name);
	return 0;
}
