/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls that ask about names and files.
 */
#include <asm/stat.h>

#include "libos/sys/sys.h"

static int64_t stat_put(const struct host_stat *s, struct user to)
{
	struct stat k;

	memset(&k, 0, sizeof k);
	k.st_dev = s->dev;
	k.st_ino = s->ino;
	k.st_nlink = s->nlink;
	k.st_mode = s->mode;
	k.st_uid = s->uid;
	k.st_gid = s->gid;
	k.st_rdev = s->rdev;
	k.st_size = (long)s->size;
	k.st_blksize = s->blksize;
	k.st_blocks = (long)s->blocks;
	k.st_atime = (unsigned long)s->atime_sec;
	k.st_atime_nsec = s->atime_nsec;
	k.st_mtime = (unsigned long)s->mtime_sec;
	k.st_mtime_nsec = s->mtime_nsec;
	k.st_ctime = (unsigned long)s->ctime_sec;
	k.st_ctime_nsec = s->ctime_nsec;
	return user_put(to, &k, sizeof k);
}

static int64_t stat_find(int directory, struct user path, int flags, struct host_stat *s)
{
	struct place here;
	char first = 0;
	int follow = !(flags & AT_SYMLINK_NOFOLLOW);

	if ((flags & AT_EMPTY_PATH) && directory != AT_FDCWD && (!path.at || (!user_get(&first, path, 1) && !first))) {
		struct file *f = file_get(directory);
		return f ? f->operations->stat(f, s) : -EBADF;
	}
	int64_t error = place_find(directory, path, (flags & AT_EMPTY_PATH) != 0, &here);
	return error ? error : place_stat(&here, follow, s);
}

int64_t sys_stat(const uint64_t a[6])
{
	struct host_stat s;
	int64_t error = stat_find(AT_FDCWD, USER(0), 0, &s);

	return error ? error : stat_put(&s, USER(1));
}

int64_t sys_lstat(const uint64_t a[6])
{
	struct host_stat s;
	int64_t error = stat_find(AT_FDCWD, USER(0), AT_SYMLINK_NOFOLLOW, &s);

	return error ? error : stat_put(&s, USER(1));
}

int64_t sys_fstat(const uint64_t a[6])
{
	struct host_stat s;
	struct file *f = file_get((int)a[0]);
	int64_t error = f ? f->operations->stat(f, &s) : -EBADF;

	return error ? error : stat_put(&s, USER(1));
}

int64_t sys_newfstatat(const uint64_t a[6])
{
	struct host_stat s;

	if (a[3] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	int64_t error = stat_find((int)a[0], USER(1), (int)a[3], &s);
	return error ? error : stat_put(&s, USER(2));
}

int64_t sys_statx(const uint64_t a[6])
{
	struct host_stat s;
	struct statx x;

	if (a[2] & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	int64_t error = stat_find((int)a[0], USER(1), (int)a[2], &s);
	if (error)
		return error;
	memset(&x, 0, sizeof x);
	x.stx_mask = STATX_BASIC_STATS;
	x.stx_blksize = s.blksize;
	x.stx_nlink = s.nlink;
	x.stx_uid = s.uid;
	x.stx_gid = s.gid;
	x.stx_mode = (uint16_t)s.mode;
	x.stx_ino = s.ino;
	x.stx_size = s.size;
	x.stx_blocks = s.blocks;
	x.stx_atime.tv_sec = s.atime_sec;
	x.stx_atime.tv_nsec = s.atime_nsec;
	x.stx_mtime.tv_sec = s.mtime_sec;
	x.stx_mtime.tv_nsec = s.mtime_nsec;
	x.stx_ctime.tv_sec = s.ctime_sec;
	x.stx_ctime.tv_nsec = s.ctime_nsec;
	x.stx_dev_major = (uint32_t)(s.dev >> 8 & 0xfff);
	x.stx_dev_minor = (uint32_t)((s.dev & 0xff) | (s.dev >> 12 & 0xfff00));
	x.stx_rdev_major = (uint32_t)(s.rdev >> 8 & 0xfff);
	x.stx_rdev_minor = (uint32_t)((s.rdev & 0xff) | (s.rdev >> 12 & 0xfff00));
	return user_put(USER(4), &x, sizeof x);
}

static int64_t access_at(int directory, struct user path, uint64_t mode, int flags)
{
	struct place here;

	if ((mode & ~7ull) || (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH)))
		return -EINVAL;
	int64_t error = place_find(directory, path, (flags & AT_EMPTY_PATH) != 0, &here);
	return error ? error : place_access(&here, !(flags & AT_SYMLINK_NOFOLLOW), (unsigned)mode);
}

int64_t sys_access(const uint64_t a[6])
{
	return access_at(AT_FDCWD, USER(0), (uint32_t)a[1], 0);
}

int64_t sys_faccessat(const uint64_t a[6])
{
	return access_at((int)a[0], USER(1), (uint32_t)a[2], 0);
}

int64_t sys_faccessat2(const uint64_t a[6])
{
	return access_at((int)a[0], USER(1), (uint32_t)a[2], (int)a[3]);
}

static int64_t readlink_at(int directory, struct user path, struct user to, int room)
{
	struct place here;
	char text[PATH_MOST];
	int64_t error = place_find(directory, path, directory != AT_FDCWD, &here);

	if (error)
		return error;
	if (room <= 0)
		return -EINVAL;
	int64_t n = place_link_read(&here, text, (size_t)room < sizeof text ? (size_t)room : sizeof text);
	return n < 0 ? n : user_put(to, text, (size_t)n) ? -EFAULT : n;
}

int64_t sys_readlink(const uint64_t a[6])
{
	return readlink_at(AT_FDCWD, USER(0), USER(1), (int)a[2]);
}

int64_t sys_readlinkat(const uint64_t a[6])
{
	return readlink_at((int)a[0], USER(1), USER(2), (int)a[3]);
}

static int64_t statfs_put(const struct host_statfs *s, struct user to)
{
	const uint64_t k[15] = {s->type, s->bsize, s->blocks, s->bfree, s->bavail, s->files, s->ffree, 0, s->namelen, s->bsize, s->flags};

	return user_put(to, k, sizeof k);
}

int64_t sys_statfs(const uint64_t a[6])
{
	struct place here;
	struct host_statfs s;
	int64_t error = place_find(AT_FDCWD, USER(0), 0, &here);

	if (error || (error = place_statistics(&here, &s)))
		return error;
	return statfs_put(&s, USER(1));
}

int64_t sys_fstatfs(const uint64_t a[6])
{
	struct file *f = file_get((int)a[0]);
	struct host_statfs s;

	if (!f)
		return -EBADF;
	int64_t error = f->handle >= 0 ? HOST(stat_filesystem, f->handle, own_ref(&s)) : tmpfs_mount.statistics(NULL, "", &s);
	return error ? error : statfs_put(&s, USER(1));
}
