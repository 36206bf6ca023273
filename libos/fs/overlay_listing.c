/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What a directory of an overlay holds: the names above, then those below that are neither there nor marked as removed. And
 * open directories, which keep such a listing.
 */
#include "libos/fs/overlay.h"

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

/* The names of one directory; of the one below (!above) those alone that are not known, nor marked. */
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

	if (!error && !known(&marks, OPAQUE + MARK_LENGTH) && !overlay_covers(m, name)) {
		error = collect(m->lower, name, &names, &marks, 0);
		error = at && (error == -ENOENT || error == -ENOTDIR) ? 0 : error;
	}
	*f = error ? NULL : names_file(names.text, names.used);
	heap_free(names.text, names.room);
	heap_free(marks.text, marks.room);
	return error ? error : *f ? 0 : -ENOMEM;
}

int64_t overlay_marks_remove(const struct mount *m, const char *name)
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
	int64_t at = offset || whence ? -1 : overlay_where(d->mount, d->name, &s);

	if (at >= 0 && !listing(d->mount, d->name, at != 0, &again)) {
		file_release(d->names);
		d->names = again;
	}
	return d->names->operations->seek(d->names, offset, whence);
}

static int64_t directory_stat(struct file *f, struct host_stat *s)
{
	const struct directory *d = f->object;
	int64_t at = overlay_where(d->mount, d->name, s);

	return at < 0 ? at : 0;
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

int64_t overlay_directory_open(const struct mount *m, const char *name, int at, struct file **f)
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
