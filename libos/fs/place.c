/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Operations on places: what every mount has in common. Links are expanded and the operation is tried again; a trailing
 * slash and a read-only mount mean the same everywhere.
 */
#include "libos/fs/fs.h"

#define AGAIN_MOST 3            /* a racing rename can make a link appear once more */

/* The operation's result, after expanding links as often as it takes. */
#define TRY(place, follow, expression)                                                                                   \
	({                                                                                                                \
		int64_t result_;                                                                                          \
		for (int again_ = 0;; again_++) {                                                                         \
			const struct mount *m = (place)->mount;                                                           \
			const char *name = (place)->rest;                                                                 \
			result_ = (expression);                                                                           \
			if (result_ != -ELOOP || again_ == AGAIN_MOST)                                                    \
				break;                                                                                    \
			int64_t error_ = place_follow(place, follow);                                                     \
			if (error_) {                                                                                     \
				result_ = error_;                                                                         \
				break;                                                                                    \
			}                                                                                                 \
		}                                                                                                         \
		result_;                                                                                                  \
	})

static int64_t stat_following(const struct mount *m, const char *name, int follow, struct host_stat *s)
{
	int64_t error = m->operations->stat(m, name, s);

	return !error && follow && TYPE_OF(s->mode) == S_IFLNK ? -ELOOP : error;
}

int64_t place_stat(struct place *place, int follow, struct host_stat *s)
{
	int64_t error = TRY(place, follow, stat_following(m, name, follow || place->slash, s));

	return !error && place->slash && TYPE_OF(s->mode) != S_IFDIR ? -ENOTDIR : error;
}

static int64_t changes(const struct mount *m)
{
	return m->read_only ? -EROFS : 0;
}

static int64_t open_checked(const struct mount *m, const char *name, int flags, uint32_t mode, struct file **f)
{
	int writes = !(flags & O_PATH) && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC));

	if (m->read_only && m->operations != &host_mount && (writes || (flags & O_CREAT)))
		return -EROFS;          /* a host capability knows by itself, and better */
	return m->operations->open(m, name, flags, mode, f);
}

int64_t place_open(struct place *place, int flags, uint32_t mode, struct file **f)
{
	int follow = !(flags & O_NOFOLLOW) && !((flags & O_CREAT) && (flags & O_EXCL));

	if (place->slash) {
		if ((flags & O_CREAT) && !(flags & O_PATH))
			return -EISDIR;
		flags |= O_DIRECTORY;
	}
	int64_t error = TRY(place, follow, open_checked(m, name, flags, mode, f));
	if (error == -ELOOP && (flags & O_CREAT) && (flags & O_EXCL))
		return -EEXIST;
	if (error == -ELOOP && (flags & O_NOFOLLOW) && (flags & O_DIRECTORY))
		return -ENOTDIR;
	if (!error && !(*f)->path)
		(*f)->path = heap_text(place->path);
	return error;
}

int64_t place_link_read(struct place *place, char *to, size_t room)
{
	return TRY(place, 0, m->operations->link_read && *name ? m->operations->link_read(m, name, to, room) : -EINVAL);
}

static int64_t exists(struct place *place)
{
	struct host_stat s;
	int slash = place->slash;

	place->slash = 0;
	int64_t error = place_stat(place, 0, &s);
	place->slash = slash;
	return error;
}

int64_t place_directory_make(struct place *place, uint32_t mode)
{
	int64_t error;

	if (place->dot || !*place->rest)
		return (error = exists(place)) ? error : -EEXIST;
	place->slash = 0;
	error = TRY(place, 0, changes(m)                       ? -EROFS
			      : m->operations->directory_make ? m->operations->directory_make(m, name, mode)
							      : -EPERM);
	return error == -EROFS && !exists(place) ? -EEXIST : error;
}

int64_t place_link_make(struct place *place, const char *target)
{
	int64_t error;

	if (place->slash || !*place->rest)
		return (error = exists(place)) ? error : -EEXIST;
	error = TRY(place, 0, changes(m)                  ? -EROFS
			      : m->operations->link_make ? m->operations->link_make(m, name, target)
							 : -EPERM);
	return error == -EROFS && !exists(place) ? -EEXIST : error;
}

int64_t place_node_make(struct place *place, uint32_t mode)
{
	int64_t error;

	if (place->slash || !*place->rest)
		return (error = exists(place)) ? error : -EEXIST;
	error = TRY(place, 0, changes(m)                  ? -EROFS
			      : m->operations->node_make ? m->operations->node_make(m, name, mode)
							 : -EPERM);
	return error == -EROFS && !exists(place) ? -EEXIST : error;
}

int64_t place_unlink(struct place *place, int directory)
{
	struct host_stat s;
	int64_t error;

	if (place->dot && directory)
		return place->dot == 1 ? -EINVAL : -ENOTEMPTY;
	if (!*place->rest) {
		error = place_stat(place, 0, &s);
		return error || directory == (TYPE_OF(s.mode) == S_IFDIR) ? -EBUSY : directory ? -ENOTDIR : -EISDIR;
	}
	if (place->slash && !directory) {
		place->slash = 0;
		error = place_stat(place, 0, &s);
		return error ? error : TYPE_OF(s.mode) == S_IFDIR ? -EISDIR : -ENOTDIR;
	}
	place->slash = 0;
	error = TRY(place, 0, changes(m)              ? -EROFS
			      : m->operations->unlink ? m->operations->unlink(m, name, directory)
						      : -EPERM);
	return error == -EROFS && exists(place) == -ENOENT ? -ENOENT : error;
}

/* Two names at once cannot say which of them has a link on its way: both are walked before. */
static int64_t two_settle(struct place *from, struct place *to, int follow, struct host_stat *s)
{
	int64_t error = place_stat(from, follow, s), other;
	int slash = to->slash;

	if (error)
		return error;
	to->slash = 0;
	other = place_settle(to);
	to->slash = slash;
	return other ? other : from->mount != to->mount ? -EXDEV : changes(from->mount);
}

int64_t place_rename(struct place *from, struct place *to, unsigned flags)
{
	struct host_stat s;
	int slash = from->slash || to->slash;

	if (from->dot || to->dot)
		return -EBUSY;
	from->slash = 0;
	int64_t error = two_settle(from, to, 0, &s);
	if (error)
		return error;
	if (slash && TYPE_OF(s.mode) != S_IFDIR)
		return -ENOTDIR;
	if (!*from->rest || !*to->rest)
		return -EBUSY;
	return from->mount->operations->rename ? from->mount->operations->rename(from->mount, from->rest, to->rest, flags) : -EPERM;
}

int64_t place_link(struct place *from, struct place *to, int follow)
{
	struct host_stat s;
	int64_t error = two_settle(from, to, follow, &s);

	if (error == -EXDEV && !exists(to))
		return -EEXIST;
	if (error)
		return error;
	if (TYPE_OF(s.mode) == S_IFDIR)
		return -EPERM;
	if (!*to->rest)
		return -EEXIST;
	if (to->slash)
		return (error = exists(to)) ? error : -EEXIST;
	return from->mount->operations->link ? from->mount->operations->link(from->mount, from->rest, to->rest) : -EPERM;
}

int64_t place_change(struct place *place, int follow, const struct change *c)
{
	struct host_stat s;
	int64_t error = place_stat(place, follow, &s);

	if (error || (error = changes(place->mount)))
		return error;
	return place->mount->operations->change ? place->mount->operations->change(place->mount, place->rest, c) : -EPERM;
}

int64_t place_access(struct place *place, int follow, unsigned mode)
{
	struct host_stat s;
	int64_t error = place_stat(place, follow, &s);

	if (error)
		return error;
	if (place->mount->operations->access && TYPE_OF(s.mode) != S_IFLNK)
		return place->mount->operations->access(place->mount, place->rest, mode);
	if ((mode & 2) && changes(place->mount) && TYPE_OF(s.mode) != S_IFCHR)
		return -EROFS;
	return (mode & 1) && !(s.mode & 0111) ? -EACCES : 0;
}

int64_t place_statistics(struct place *place, struct host_statfs *s)
{
	struct host_stat found;
	int64_t error = place_stat(place, 1, &found);

	if (error)
		return error;
	return place->mount->operations->statistics(place->mount, place->rest, s);
}
