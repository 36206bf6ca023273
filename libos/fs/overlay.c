/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * An overlay: a host directory that is only read below, a tmpfs or another host directory that is written to above. What is
 * removed is marked above by an empty file ".wh.NAME", and a directory that has nothing to do with the one below it by
 * ".wh..wh..opq" within it, as container images' layers do it (OCI image specification, "Whiteouts").
 */
#include "libos/fs/overlay.h"

static int64_t overlay_open(const struct mount *m, const char *name, int flags, uint32_t mode, struct file **f)
{
	struct host_stat s;
	int64_t error, at = overlay_where(m, name, &s);
	int writes = !(flags & O_PATH) && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC)), marked;

	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	if (at == -ENOENT && (flags & O_CREAT)) {
		if ((error = overlay_name_prepare(m, name, &marked)))
			return error;
		return m->upper->operations->open(m->upper, name, flags, mode, f);
	}
	if (at < 0)
		return at;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (TYPE_OF(s.mode) == S_IFDIR && !writes && !(flags & (O_CREAT | O_PATH)))
		return overlay_directory_open(m, name, at != 0, f);
	if (!at && writes && TYPE_OF(s.mode) == S_IFREG) {
		if ((error = overlay_copy_up(m, name)))
			return error;
		at = 1;
	}
	return at ? m->upper->operations->open(m->upper, name, flags, mode, f) : m->lower->operations->open(m->lower, name, flags & ~O_CREAT, mode, f);
}

static int64_t overlay_stat(const struct mount *m, const char *name, struct host_stat *s)
{
	int64_t at = overlay_where(m, name, s);

	return at < 0 ? at : 0;
}

static int64_t overlay_link_read(const struct mount *m, const char *name, char *to, size_t room)
{
	struct host_stat s;
	int64_t at = overlay_where(m, name, &s);
	const struct mount *there = at ? m->upper : m->lower;

	return at < 0 ? at : there->operations->link_read(there, name, to, room);
}

static int64_t overlay_directory_make(const struct mount *m, const char *name, uint32_t mode)
{
	int marked;
	int64_t error = overlay_name_prepare(m, name, &marked);

	if (!error)
		error = m->upper->operations->directory_make(m->upper, name, mode);
	return error || !marked ? error : overlay_opaque_make(m, name);
}

static int64_t overlay_link_make(const struct mount *m, const char *name, const char *target)
{
	int marked;
	int64_t error = overlay_name_prepare(m, name, &marked);

	return error ? error : m->upper->operations->link_make(m->upper, name, target);
}

static int64_t overlay_node_make(const struct mount *m, const char *name, uint32_t mode)
{
	int marked;
	int64_t error = overlay_name_prepare(m, name, &marked);

	return error ? error : m->upper->operations->node_make ? m->upper->operations->node_make(m->upper, name, mode) : -EPERM;
}

static int64_t overlay_unlink(const struct mount *m, const char *name, int directory)
{
	struct host_stat s, below;
	int64_t error = 0, at = overlay_where(m, name, &s);

	if (at < 0)
		return at;
	if (directory != (TYPE_OF(s.mode) == S_IFDIR))
		return directory ? -ENOTDIR : -EISDIR;
	if (directory) {
		struct file *f;
		uint8_t record[512];
		int64_t n, seen = 0;
		if ((error = overlay_directory_open(m, name, at != 0, &f)))
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
	int hides = !overlay_covers(m, name) && !layer_stat(m->lower, name, &below);
	if (at && directory)
		error = overlay_marks_remove(m, name);
	if (at && !error)
		error = m->upper->operations->unlink(m->upper, name, directory);
	return error || !hides ? error : overlay_mark_make(m, name);
}

static int64_t overlay_rename(const struct mount *m, const char *from, const char *to, unsigned flags)
{
	struct host_stat s, t, below;
	int64_t error, at = overlay_where(m, from, &s), there = overlay_where(m, to, &t);

	if (at < 0)
		return at;
	if (flags & ~3u || flags == 3)
		return -EINVAL;
	if (flags & 2) {                /* RENAME_EXCHANGE: of what lies above alone, as far as directories go */
		if (there < 0)
			return there;
		if ((TYPE_OF(s.mode) == S_IFDIR && (!at || !layer_stat(m->lower, from, &below))) ||
		    (TYPE_OF(t.mode) == S_IFDIR && (!there || !layer_stat(m->lower, to, &below))))
			return -EXDEV;
		if ((error = overlay_copy_up(m, from)) || (error = overlay_copy_up(m, to)))
			return error;
		return m->upper->operations->rename(m->upper, from, to, flags);
	}
	if ((flags & 1) && there >= 0)
		return -EEXIST;
	if (TYPE_OF(s.mode) == S_IFDIR && (!at || !layer_stat(m->lower, from, &below)))
		return -EXDEV;          /* as Linux' overlays: mv copies it */
	if (overlay_reserved(to))
		return -EINVAL;
	int hides = !overlay_covers(m, from) && !layer_stat(m->lower, from, &below);
	if ((error = overlay_copy_up(m, from)))
		return error;
	if (there == 0) {               /* it lies below: its place is made free above */
		if (TYPE_OF(t.mode) == S_IFDIR)
			return TYPE_OF(s.mode) == S_IFDIR ? -ENOTEMPTY : -EISDIR;
		if (TYPE_OF(s.mode) == S_IFDIR)
			return -ENOTDIR;
	}
	if ((error = overlay_parents_make(m, to)) || (error = m->upper->operations->rename(m->upper, from, to, 0)))
		return error;
	overlay_mark_remove(m, to);
	return hides ? overlay_mark_make(m, from) : 0;
}

static int64_t overlay_link(const struct mount *m, const char *from, const char *to)
{
	int marked;
	int64_t error = overlay_copy_up(m, from);

	if (!error)
		error = overlay_name_prepare(m, to, &marked);
	return error ? error : m->upper->operations->link(m->upper, from, to);
}

static int64_t overlay_change(const struct mount *m, const char *name, const struct change *c)
{
	int64_t error = *name ? overlay_copy_up(m, name) : 0;

	return error ? error : m->upper->operations->change(m->upper, name, c);
}

static int64_t overlay_access(const struct mount *m, const char *name, unsigned mode)
{
	struct host_stat s;
	int64_t at = overlay_where(m, name, &s);
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
