/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * An overlay: a host directory that is only read below, a tmpfs or another host directory that is written to above. What is
 * removed is marked above by an empty file ".wh.NAME", and a directory that has nothing to do with the one below it by
 * ".wh..wh..opq" within it, as container images' layers do it (OCI image specification, "Whiteouts").
 */
#include "libos/fs/fs.h"

#define MARK     ".wh."
#define OPAQUE   ".wh..wh..opq"
#define MARK_LENGTH 4

static int64_t in(const struct mount *m, const char *name, struct host_stat *s)
{
	return m->operations->stat(m, name, s);
}

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

static int reserved(const char *name)
{
	const char *last = strrchr(name, '/');

	return !strncmp(last ? last + 1 : name, MARK, MARK_LENGTH);
}

/* Is what lies below under this name, or under a directory on the way to it, covered from above? `whole`: the name too. */
static int covered(const struct mount *m, const char *name, int whole)
{
	char mark[PATH_MOST + 16];
	struct host_stat s;

	for (size_t n = 1; *name && name[n - 1]; n++) {
		if (name[n] && name[n] != '/')
			continue;
		if (!name[n] && !whole)
			break;
		if (!mark_name(mark, name, n) && !in(m->upper, mark, &s))
			return 1;
		if (name[n] && n + sizeof OPAQUE + 1 < sizeof mark) {
			memcpy(mark, name, n);
			mark[n] = '/';
			memcpy(mark + n + 1, OPAQUE, sizeof OPAQUE);
			if (!in(m->upper, mark, &s))
				return 1;
		}
	}
	return 0;
}

static int64_t overlay_stat(const struct mount *m, const char *name, struct host_stat *s)
{
	if (*name && reserved(name))
		return -ENOENT;
	int64_t error = in(m->upper, name, s);
	if (error != -ENOENT)
		return error;
	return covered(m, name, 1) ? -ENOENT : in(m->lower, name, s);
}

/* Where a name is: above (1), below (0), or -errno. */
static int64_t where(const struct mount *m, const char *name, struct host_stat *s)
{
	if (*name && reserved(name))
		return -ENOENT;
	int64_t error = in(m->upper, name, s);
	if (error != -ENOENT)
		return error ? error : 1;
	if (covered(m, name, 1))
		return -ENOENT;
	return in(m->lower, name, s);
}

/* The directories on the way to a name are above, too, with the modes they have below. */
static int64_t parents_make(const struct mount *m, const char *name)
{
	char prefix[PATH_MOST];
	struct host_stat s;

	for (size_t n = 1; name[n]; n++) {
		if (name[n] != '/')
			continue;
		memcpy(prefix, name, n);
		prefix[n] = 0;
		int64_t at = where(m, prefix, &s);
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

/* What is below is above afterwards; 0 or -errno. */
static int64_t copy_up(const struct mount *m, const char *name)
{
	struct host_stat s;
	int64_t error, at = where(m, name, &s);

	if (at)
		return at < 0 ? at : 0;
	if ((error = parents_make(m, name)))
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

/* A new name above, which hides nothing and is hidden by nothing afterwards: *marked says that it was removed from below before. */
static int64_t name_prepare(const struct mount *m, const char *name, int *marked)
{
	char mark[PATH_MOST + 16];
	struct host_stat s;
	int64_t error, at = where(m, name, &s);

	if (*name && reserved(name))
		return -EINVAL;
	if (at >= 0)
		return -EEXIST;
	if (at != -ENOENT || (error = parents_make(m, name)))
		return at != -ENOENT ? at : error;
	*marked = !mark_name(mark, name, strlen(name)) && !m->upper->operations->unlink(m->upper, mark, 0);
	return 0;
}

static int64_t mark_make(const struct mount *m, const char *name)
{
	char mark[PATH_MOST + 16];
	struct file *f;
	int64_t error = mark_name(mark, name, strlen(name));

	if (!error && !(error = parents_make(m, name)) &&
	    !(error = m->upper->operations->open(m->upper, mark, O_WRONLY | O_CREAT, 0600, &f)))
		file_release(f);
	return error;
}

/* ---- listings ---- */
struct names {
	char *text;
	size_t used, room;
};

static int known(const struct names *n, const char *name)
{
	for (size_t at = 0; at < n->used; at += strlen(n->text + at) + 1) {
		const char *have = n->text + at;
		have += *have == '/' || *have == '@';
		if (!strcmp(have, name))
			return 1;
	}
	return 0;
}

static int64_t put(struct names *n, const char *name, unsigned type)
{
	size_t length = strlen(name) + 2;

	if (n->used + length > n->room) {
		size_t room = 2 * n->room + length + 4096;
		char *more = heap_allocate(room);
		if (!more)
			return -ENOMEM;
		if (n->room)
			memcpy(more, n->text, n->used);
		heap_free(n->text, n->room);
		n->text = more;
		n->room = room;
	}
	if (type == 4 || type == 10)
		n->text[n->used++] = type == 4 ? '/' : '@';
	memcpy(n->text + n->used, name, strlen(name) + 1);
	n->used += strlen(name) + 1;
	return 0;
}

/* The names of one directory, but for what `hidden` has or is marked there. */
static int64_t collect(const struct mount *m, const char *name, struct names *names, struct names *marks, int above)
{
	struct file *f;
	uint8_t *buffer = heap_allocate(32768);
	int64_t n, error = buffer ? m->operations->open(m, name, O_RDONLY | O_DIRECTORY, 0, &f) : -ENOMEM;

	if (error) {
		heap_free(buffer, 32768);
		return error;
	}
	while (!error && (n = f->operations->list(f, own_memory(buffer), 32768)) > 0)
		for (int64_t at = 0; at < n && !error;) {
			uint16_t length;
			memcpy(&length, buffer + at + 16, 2);   /* struct linux_dirent64 */
			const char *entry = (const char *)buffer + at + 19;
			if (above && !strncmp(entry, MARK, MARK_LENGTH))
				error = put(marks, entry + MARK_LENGTH, 0);
			else if (above || (!known(names, entry) && !known(marks, entry)))
				error = put(names, entry, buffer[at + 18]);
			at += length;
		}
	file_release(f);
	heap_free(buffer, 32768);
	return error;
}

static int64_t listing(const struct mount *m, const char *name, int at, struct file **f)
{
	struct names names = {0}, marks = {0};
	int64_t error = at ? collect(m->upper, name, &names, &marks, 1) : 0;

	if (!error && !known(&marks, OPAQUE + MARK_LENGTH) && !covered(m, name, 1)) {
		error = collect(m->lower, name, &names, &marks, 0);
		error = at && (error == -ENOENT || error == -ENOTDIR) ? 0 : error;
	}
	*f = error ? NULL : names_file(names.text, names.used);
	heap_free(names.text, names.room);
	heap_free(marks.text, marks.room);
	return error ? error : *f ? 0 : -ENOMEM;
}

/* An open directory: its names as they were when it was opened, or last gone back to the start of. */
struct directory {
	const struct mount *mount;
	char *name;
	struct file *names;
};

static int64_t directory_read(struct file *f, struct memory to, uint64_t n, int64_t offset)
{
	(void)f;
	(void)to;
	(void)n;
	(void)offset;
	return -EISDIR;
}

static int64_t directory_list(struct file *f, struct memory to, uint64_t n)
{
	struct directory *d = f->object;

	return d->names->operations->list(d->names, to, n);
}

static int64_t directory_seek(struct file *f, int64_t offset, int whence)
{
	struct directory *d = f->object;
	struct host_stat s;
	struct file *again;
	int64_t at = offset || whence ? -1 : where(d->mount, d->name, &s);

	if (at >= 0 && !listing(d->mount, d->name, at != 0, &again)) {
		file_release(d->names);
		d->names = again;
	}
	return d->names->operations->seek(d->names, offset, whence);
}

static int64_t directory_stat(struct file *f, struct host_stat *s)
{
	const struct directory *d = f->object;

	return overlay_stat(d->mount, d->name, s);
}

static void directory_close(struct file *f)
{
	struct directory *d = f->object;

	file_release(d->names);
	heap_text_free(d->name);
	heap_free(d, sizeof *d);
}

static const struct file_operations directory_operations = {
	.read = directory_read, .list = directory_list, .seek = directory_seek, .stat = directory_stat, .close = directory_close,
};

static int64_t directory_open(const struct mount *m, const char *name, int at, struct file **f)
{
	struct directory *d = heap_allocate(sizeof *d);
	char *copy = d ? heap_text(name) : NULL;
	int64_t error = copy ? listing(m, name, at, &d->names) : -ENOMEM;

	*f = error ? NULL : file_make(&directory_operations, O_RDONLY | O_DIRECTORY);
	if (*f) {
		d->mount = m;
		d->name = copy;
		(*f)->object = d;
		return 0;
	}
	if (!error)
		file_release(d->names);
	heap_text_free(copy);
	heap_free(d, sizeof *d);
	return error ? error : -ENOMEM;
}

/* ---- the mount's operations ---- */
static int64_t overlay_open(const struct mount *m, const char *name, int flags, uint32_t mode, struct file **f)
{
	struct host_stat s;
	int64_t error, at = where(m, name, &s);
	int writes = !(flags & O_PATH) && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC)), marked;

	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	if (at == -ENOENT && (flags & O_CREAT)) {
		if ((error = name_prepare(m, name, &marked)))
			return error;
		return m->upper->operations->open(m->upper, name, flags, mode, f);
	}
	if (at < 0)
		return at;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (TYPE_OF(s.mode) == S_IFDIR && !writes && !(flags & (O_CREAT | O_PATH)))
		return directory_open(m, name, at != 0, f);
	if (!at && writes && TYPE_OF(s.mode) == S_IFREG) {
		if ((error = copy_up(m, name)))
			return error;
		at = 1;
	}
	return at ? m->upper->operations->open(m->upper, name, flags, mode, f) : m->lower->operations->open(m->lower, name, flags & ~O_CREAT, mode, f);
}

static int64_t overlay_link_read(const struct mount *m, const char *name, char *to, size_t room)
{
	struct host_stat s;
	int64_t at = where(m, name, &s);
	const struct mount *there = at ? m->upper : m->lower;

	return at < 0 ? at : there->operations->link_read(there, name, to, room);
}

static int64_t overlay_directory_make(const struct mount *m, const char *name, uint32_t mode)
{
	char opaque[PATH_MOST + 16];
	struct file *f;
	int marked;
	int64_t error = name_prepare(m, name, &marked);

	if (error || (error = m->upper->operations->directory_make(m->upper, name, mode)) || !marked)
		return error;
	format(opaque, sizeof opaque, "%s/%s", name, OPAQUE);
	error = m->upper->operations->open(m->upper, opaque, O_WRONLY | O_CREAT, 0600, &f);
	if (!error)
		file_release(f);
	return error;
}

static int64_t overlay_link_make(const struct mount *m, const char *name, const char *target)
{
	int marked;
	int64_t error = name_prepare(m, name, &marked);

	return error ? error : m->upper->operations->link_make(m->upper, name, target);
}

static int64_t overlay_node_make(const struct mount *m, const char *name, uint32_t mode)
{
	int marked;
	int64_t error = name_prepare(m, name, &marked);

	return error ? error : m->upper->operations->node_make ? m->upper->operations->node_make(m->upper, name, mode) : -EPERM;
}

/* A directory above that shows as empty holds marks at most: they go with it. */
static int64_t marks_remove(const struct mount *m, const char *name)
{
	struct names names = {0}, marks = {0};
	char path[PATH_MOST + 300];
	int64_t error = collect(m->upper, name, &names, &marks, 1);

	for (size_t at = 0; !error && at < marks.used; at += strlen(marks.text + at) + 1) {
		format(path, sizeof path, "%s/" MARK "%s", name, marks.text + at);
		error = m->upper->operations->unlink(m->upper, path, 0);
	}
	heap_free(names.text, names.room);
	heap_free(marks.text, marks.room);
	return error;
}

static int64_t overlay_unlink(const struct mount *m, const char *name, int directory)
{
	struct host_stat s, below;
	int64_t error = 0, at = where(m, name, &s);

	if (at < 0)
		return at;
	if (directory != (TYPE_OF(s.mode) == S_IFDIR))
		return directory ? -ENOTDIR : -EISDIR;
	if (directory) {
		struct file *f;
		uint8_t record[512];
		int64_t n, seen = 0;
		if ((error = directory_open(m, name, at != 0, &f)))
			return error;
		while ((n = f->operations->list(f, own_memory(record), sizeof record)) > 0)
			for (int64_t i = 0; i < n; seen++) {
				uint16_t length;
				memcpy(&length, record + i + 16, 2);
				i += length;
			}
		file_release(f);
		if (seen > 2)           /* . and .. */
			return -ENOTEMPTY;
	}
	int hides = !covered(m, name, 1) && !in(m->lower, name, &below);
	if (at && directory)
		error = marks_remove(m, name);
	if (at && !error)
		error = m->upper->operations->unlink(m->upper, name, directory);
	return error || !hides ? error : mark_make(m, name);
}

static int64_t overlay_rename(const struct mount *m, const char *from, const char *to, unsigned flags)
{
	struct host_stat s, t, below;
	int64_t error, at = where(m, from, &s), there = where(m, to, &t);
	char mark[PATH_MOST + 16];

	if (at < 0)
		return at;
	if (flags & ~3u || flags == 3)
		return -EINVAL;
	if (flags & 2) {                /* RENAME_EXCHANGE: of what lies above alone, as far as directories go */
		if (there < 0)
			return there;
		if ((TYPE_OF(s.mode) == S_IFDIR && (!at || !in(m->lower, from, &below))) ||
		    (TYPE_OF(t.mode) == S_IFDIR && (!there || !in(m->lower, to, &below))))
			return -EXDEV;
		if ((error = copy_up(m, from)) || (error = copy_up(m, to)))
			return error;
		return m->upper->operations->rename(m->upper, from, to, flags);
	}
	if ((flags & 1) && there >= 0)
		return -EEXIST;
	if (TYPE_OF(s.mode) == S_IFDIR && (!at || !in(m->lower, from, &below)))
		return -EXDEV;          /* as Linux' overlays: mv copies it */
	if (reserved(to))
		return -EINVAL;
	int hides = !covered(m, from, 1) && !in(m->lower, from, &below);
	if ((error = copy_up(m, from)))
		return error;
	if (there == 0) {               /* it lies below: its place is made free above */
		if (TYPE_OF(t.mode) == S_IFDIR)
			return TYPE_OF(s.mode) == S_IFDIR ? -ENOTEMPTY : -EISDIR;
		if (TYPE_OF(s.mode) == S_IFDIR)
			return -ENOTDIR;
	}
	if ((error = parents_make(m, to)) || (error = m->upper->operations->rename(m->upper, from, to, 0)))
		return error;
	if (!mark_name(mark, to, strlen(to)))
		m->upper->operations->unlink(m->upper, mark, 0);
	return hides ? mark_make(m, from) : 0;
}

static int64_t overlay_link(const struct mount *m, const char *from, const char *to)
{
	int marked;
	int64_t error = copy_up(m, from);

	if (!error)
		error = name_prepare(m, to, &marked);
	return error ? error : m->upper->operations->link(m->upper, from, to);
}

static int64_t overlay_change(const struct mount *m, const char *name, const struct change *c)
{
	int64_t error = *name ? copy_up(m, name) : 0;

	return error ? error : m->upper->operations->change(m->upper, name, c);
}

static int64_t overlay_access(const struct mount *m, const char *name, unsigned mode)
{
	struct host_stat s;
	int64_t at = where(m, name, &s);
	const struct mount *there = at ? m->upper : m->lower;

	if (at < 0)
		return at;
	if (!at)
		mode &= ~2u;            /* it would be copied up */
	if (there->operations->access)
		return there->operations->access(there, name, mode);
	return (mode & 1) && !(s.mode & 0111) ? -EACCES : 0;
}

static int64_t overlay_statistics(const struct mount *m, const char *name, struct host_statfs *s)
{
	(void)name;
	return m->upper->operations->statistics(m->upper, "", s);
}

const struct mount_operations overlay_mount = {
	overlay_open, overlay_stat, overlay_link_read, overlay_directory_make, overlay_link_make, overlay_node_make, overlay_unlink,
	overlay_rename, overlay_link, overlay_change, overlay_access, overlay_statistics,
};
