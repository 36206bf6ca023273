/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls on names. Static places: one thread, and a system call is never entered twice.
 */
#include <asm/stat.h>

#include "libos/sys/sys.h"

static struct place here, there;

#define HERE here.mount->handle, (uintptr_t)here.rest, strlen(here.rest)

static int64_t read_only(const struct place *p)
{
	return p->mount->read_only ? -EROFS : 0;
}

/* Tries a change of a name; a link on the way is expanded and it is tried again. */
#define TRY(place, follow, expression)                                              \
	({                                                                              \
		int64_t result_;                                                            \
		for (int again_ = 0;; again_++) {                                           \
			result_ = (expression);                                                 \
			if (result_ != -ELOOP || again_ == 2 || place_follow(place, follow))    \
				break;                                                              \
		}                                                                           \
		result_;                                                                    \
	})

static int64_t open_at(int directory, struct user path, int flags, uint32_t mode)
{
	struct file *f;
	int64_t error = place_find(directory, path, !(flags & O_NOFOLLOW), 0, &here);

	if (error)
		return error;
	error = place_open(&here, flags, mode & ~file_mode_mask, &f);
	return error ? error : descriptor_add(f, 0, (flags & O_CLOEXEC) != 0);
}

int64_t sys_open(const uint64_t a[6])
{
	return open_at(AT_FDCWD, USER(0), (int)a[1], (uint32_t)a[2]);
}

int64_t sys_openat(const uint64_t a[6])
{
	return open_at((int)a[0], USER(1), (int)a[2], (uint32_t)a[3]);
}

int64_t sys_creat(const uint64_t a[6])
{
	return open_at(AT_FDCWD, USER(0), O_WRONLY | O_CREAT | O_TRUNC, (uint32_t)a[1]);
}

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
	char first = 0;
	int follow = !(flags & AT_SYMLINK_NOFOLLOW);

	if ((flags & AT_EMPTY_PATH) && (!path.at || (!user_get(&first, path, 1) && !first)) && directory != AT_FDCWD) {
		struct file *f = file_get(directory);
		return f ? f->operations->stat(f, s) : -EBADF;
	}
	int64_t error = place_find(directory, path, follow, (flags & AT_EMPTY_PATH) != 0, &here);
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
	int64_t error = stat_find((int)a[0], USER(1), (int)a[3], &s);

	return error ? error : stat_put(&s, USER(2));
}

int64_t sys_statx(const uint64_t a[6])
{
	struct host_stat s;
	struct statx x;
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

static int64_t access_at(int directory, struct user path, int mode)
{
	struct host_stat s;
	int64_t error = place_find(directory, path, 1, 0, &here);

	if (error || (error = place_stat(&here, 1, &s)))
		return error;
	if (here.mount->kind == MOUNT_HOST)
		return HOST(access, HERE, mode & 7);
	if ((mode & 2) && here.mount->read_only)
		return -EROFS;
	return (mode & 1) && !(s.mode & 0111) ? -EACCES : 0;
}

int64_t sys_access(const uint64_t a[6])
{
	return access_at(AT_FDCWD, USER(0), (int)a[1]);
}

int64_t sys_faccessat(const uint64_t a[6])
{
	return access_at((int)a[0], USER(1), (int)a[2]);
}

int64_t sys_faccessat2(const uint64_t a[6])
{
	return access_at((int)a[0], USER(1), (int)a[2]);
}

static int64_t readlink_at(int directory, struct user path, struct user to, uint64_t room)
{
	static char text[PATH_MOST];
	int64_t error = place_find(directory, path, 0, 1, &here), n;

	if (error)
		return error;
	if ((int64_t)room <= 0)
		return -EINVAL;
	n = TRY(&here, 0, place_readlink(&here, text, room < sizeof text ? room : sizeof text));
	return n < 0 ? n : user_put(to, text, (size_t)n) ? -EFAULT : n;
}

int64_t sys_readlink(const uint64_t a[6])
{
	return readlink_at(AT_FDCWD, USER(0), USER(1), a[2]);
}

int64_t sys_readlinkat(const uint64_t a[6])
{
	return readlink_at((int)a[0], USER(1), USER(2), a[3]);
}

static int64_t make_once(uint32_t mode, const char *target)
{
	switch (here.mount->kind) {
	case MOUNT_HOST:
		if (!*here.rest)
			return -EEXIST;
		return target ? HOST(link_symbolic, (uintptr_t)target, strlen(target), HERE) : HOST(directory_make, HERE, mode & 07777);
	case MOUNT_TMPFS:
		return tmpfs_make(here.mount->root, here.rest, mode, target);
	default:
		return -EACCES;
	}
}

static int64_t mkdir_at(int directory, struct user path, uint32_t mode)
{
	int64_t error = place_find(directory, path, 0, 0, &here);

	if (error)
		return error;
	return TRY(&here, 0, make_once(S_IFDIR | (mode & 07777 & ~file_mode_mask), NULL));
}

int64_t sys_mkdir(const uint64_t a[6])
{
	return mkdir_at(AT_FDCWD, USER(0), (uint32_t)a[1]);
}

int64_t sys_mkdirat(const uint64_t a[6])
{
	return mkdir_at((int)a[0], USER(1), (uint32_t)a[2]);
}

static int64_t symlink_at(struct user target, int directory, struct user path)
{
	static char text[PATH_MOST];
	int64_t length = user_string(text, target, sizeof text), error = place_find(directory, path, 0, 0, &here);

	if (length <= 0 || error)
		return length < 0 ? length : error ? error : -ENOENT;
	return TRY(&here, 0, make_once(S_IFLNK | 0777, text));
}

int64_t sys_symlink(const uint64_t a[6])
{
	return symlink_at(USER(0), AT_FDCWD, USER(1));
}

int64_t sys_symlinkat(const uint64_t a[6])
{
	return symlink_at(USER(0), (int)a[1], USER(2));
}

static int64_t unlink_once(int directory)
{
	switch (here.mount->kind) {
	case MOUNT_HOST:
		return *here.rest ? HOST(unlink, HERE, directory ? AT_REMOVEDIR : 0) : -EBUSY;
	case MOUNT_TMPFS:
		return tmpfs_unlink(here.mount->root, here.rest, directory);
	default:
		return -EACCES;
	}
}

static int64_t unlink_at(int from, struct user path, int directory)
{
	int64_t error = place_find(from, path, 0, 0, &here);

	return error ? error : TRY(&here, 0, unlink_once(directory));
}

int64_t sys_unlink(const uint64_t a[6])
{
	return unlink_at(AT_FDCWD, USER(0), 0);
}

int64_t sys_rmdir(const uint64_t a[6])
{
	return unlink_at(AT_FDCWD, USER(0), 1);
}

int64_t sys_unlinkat(const uint64_t a[6])
{
	return a[2] & ~(uint64_t)AT_REMOVEDIR ? -EINVAL : unlink_at((int)a[0], USER(1), a[2] != 0);
}

static int64_t two_once(int link, unsigned flags)
{
	if (here.mount != there.mount)
		return -EXDEV;
	if (read_only(&here))
		return -EROFS;
	switch (here.mount->kind) {
	case MOUNT_HOST: {
		uint64_t lengths = strlen(here.rest) | (uint64_t)strlen(there.rest) << 32;
		if (link)
			return HOST(link_hard, here.mount->handle, (uintptr_t)here.rest, there.mount->handle, (uintptr_t)there.rest, lengths);
		return HOST(rename, here.mount->handle, (uintptr_t)here.rest, there.mount->handle, (uintptr_t)there.rest, lengths, flags);
	}
	case MOUNT_TMPFS:
		return link ? tmpfs_link(here.mount->root, here.rest, there.rest)
			    : tmpfs_rename(here.mount->root, here.rest, there.rest, flags);
	default:
		return -EACCES;
	}
}

static int64_t two_names(int from, struct user old_path, int to, struct user new_path, int link, int follow, unsigned flags)
{
	int64_t error = place_find(from, old_path, follow, 0, &here), result;

	if (error || (error = place_find(to, new_path, 0, 0, &there)))
		return error;
	result = two_once(link, flags);
	if (result == -ELOOP || (result == -EXDEV && here.mount == there.mount)) {
		int64_t a = place_follow(&here, follow), b = place_follow(&there, 0);
		if (!a || !b)
			result = two_once(link, flags);
	}
	return result;
}

int64_t sys_rename(const uint64_t a[6])
{
	return two_names(AT_FDCWD, USER(0), AT_FDCWD, USER(1), 0, 0, 0);
}

int64_t sys_renameat(const uint64_t a[6])
{
	return two_names((int)a[0], USER(1), (int)a[2], USER(3), 0, 0, 0);
}

int64_t sys_renameat2(const uint64_t a[6])
{
	return two_names((int)a[0], USER(1), (int)a[2], USER(3), 0, 0, (unsigned)a[4]);
}

int64_t sys_link(const uint64_t a[6])
{
	return two_names(AT_FDCWD, USER(0), AT_FDCWD, USER(1), 1, 0, 0);
}

int64_t sys_linkat(const uint64_t a[6])
{
	return two_names((int)a[0], USER(1), (int)a[2], USER(3), 1, (a[4] & AT_SYMLINK_FOLLOW) != 0, 0);
}

/* chmod, chown and utimensat: one of them a call. */
struct change {
	int64_t mode, uid, gid;
	const int64_t *times;
	int now;
};

static int64_t change_once(const struct change *c)
{
	if (here.mount->kind == MOUNT_HOST) {
		if (c->mode >= 0)
			return HOST(mode_set, HERE, c->mode);
		if (c->times || c->now)
			return HOST(times_set, HERE, (uintptr_t)c->times);
		return HOST(owner_set, HERE, c->uid, c->gid);
	}
	if (here.mount->kind != MOUNT_TMPFS)
		return -EPERM;
	int64_t t[4];
	if (c->now) {
		HOST(clock_get, 0, (uintptr_t)t);
		memcpy(t + 2, t, 16);
	}
	return tmpfs_attributes(here.mount->root, here.rest, c->mode, c->uid, c->gid, c->now ? t : c->times);
}

static int64_t change(int directory, struct user path, int flags, struct change c)
{
	struct host_stat s;
	int follow = !(flags & AT_SYMLINK_NOFOLLOW);
	int64_t error = place_find(directory, path, follow, (flags & AT_EMPTY_PATH) != 0, &here);

	if (error || (error = place_stat(&here, follow, &s)))
		return error;
	return change_once(&c);
}

static int64_t change_file(int fd, struct change c)
{
	struct file *f = file_get(fd);

	if (!f)
		return -EBADF;
	if (f->handle >= 0) {
		if (c.mode >= 0)
			return HOST(mode_set, f->handle, 0, 0, c.mode);
		if (c.times || c.now)
			return HOST(times_set, f->handle, 0, 0, (uintptr_t)c.times);
		return HOST(owner_set, f->handle, 0, 0, c.uid, c.gid);
	}
	if (!f->path)
		return 0;
	int64_t error = place_of(f->path, 0, &here);
	return error ? error : change_once(&c);
}

#define MODE(m) ((struct change){(int64_t)((m) & 07777), -1, -1, NULL, 0})
#define OWNER(u, g) ((struct change){-1, (int32_t)(u), (int32_t)(g), NULL, 0})

int64_t sys_chmod(const uint64_t a[6])
{
	return change(AT_FDCWD, USER(0), 0, MODE(a[1]));
}

int64_t sys_fchmodat(const uint64_t a[6])
{
	return change((int)a[0], USER(1), 0, MODE(a[2]));
}

int64_t sys_fchmod(const uint64_t a[6])
{
	return change_file((int)a[0], MODE(a[1]));
}

int64_t sys_chown(const uint64_t a[6])
{
	return change(AT_FDCWD, USER(0), 0, OWNER(a[1], a[2]));
}

int64_t sys_lchown(const uint64_t a[6])
{
	return change(AT_FDCWD, USER(0), AT_SYMLINK_NOFOLLOW, OWNER(a[1], a[2]));
}

int64_t sys_fchownat(const uint64_t a[6])
{
	return change((int)a[0], USER(1), (int)a[4], OWNER(a[2], a[3]));
}

int64_t sys_fchown(const uint64_t a[6])
{
	return change_file((int)a[0], OWNER(a[1], a[2]));
}

int64_t sys_utimensat(const uint64_t a[6])
{
	int64_t t[4];
	struct change c = {-1, -1, -1, t, 0};

	if (!a[2]) {
		c.times = NULL;
		c.now = 1;
	} else if (user_get(t, USER(2), sizeof t))
		return -EFAULT;
	return a[1] ? change((int)a[0], USER(1), (int)a[3], c) : change_file((int)a[0], c);
}

int64_t sys_truncate(const uint64_t a[6])
{
	struct file *f;
	int64_t error = (int64_t)a[1] < 0 ? -EINVAL : place_find(AT_FDCWD, USER(0), 1, 0, &here);

	if (error || (error = place_open(&here, O_WRONLY, 0, &f)))
		return error;
	error = f->operations->truncate ? f->operations->truncate(f, a[1]) : -EINVAL;
	file_release(f);
	return error;
}

int64_t sys_getcwd(const uint64_t a[6])
{
	size_t n = strlen(working_directory) + 1;

	if (a[1] < n)
		return -ERANGE;
	return user_put(USER(0), working_directory, n) ? -EFAULT : (int64_t)n;
}

static int64_t directory_enter(struct place *p)
{
	struct host_stat s;
	int64_t error = place_stat(p, 1, &s);

	if (error)
		return error;
	if ((s.mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	memcpy(working_directory, p->path, strlen(p->path) + 1);
	return 0;
}

int64_t sys_chdir(const uint64_t a[6])
{
	int64_t error = place_find(AT_FDCWD, USER(0), 1, 0, &here);

	return error ? error : directory_enter(&here);
}

int64_t sys_fchdir(const uint64_t a[6])
{
	struct file *f = file_get((int)a[0]);
	int64_t error = !f ? -EBADF : !f->path ? -ENOTDIR : place_of(f->path, 1, &here);

	return error ? error : directory_enter(&here);
}

int64_t sys_umask(const uint64_t a[6])
{
	uint32_t before = file_mode_mask;

	file_mode_mask = a[0] & 0777;
	return before;
}

static int64_t statfs_put(int64_t handle, struct user to)
{
	struct host_statfs s = {.type = 0x01021994, .bsize = 4096, .blocks = 1u << 19, .bfree = 1u << 18, .bavail = 1u << 18,
				.files = 1u << 20, .ffree = 1u << 19, .namelen = 255};
	uint64_t k[15] = {0};
	int64_t error = handle < 0 ? 0 : HOST(stat_filesystem, handle, (uintptr_t)&s);

	if (error)
		return error;
	k[0] = s.type;
	k[1] = s.bsize;
	k[2] = s.blocks;
	k[3] = s.bfree;
	k[4] = s.bavail;
	k[5] = s.files;
	k[6] = s.ffree;
	k[8] = s.namelen;
	k[9] = s.bsize;
	return user_put(to, k, sizeof k);
}

int64_t sys_statfs(const uint64_t a[6])
{
	struct host_stat s;
	int64_t error = place_find(AT_FDCWD, USER(0), 1, 0, &here);

	if (error || (error = place_stat(&here, 1, &s)))
		return error;
	return statfs_put(here.mount->kind == MOUNT_HOST ? (int64_t)here.mount->handle : -1, USER(1));
}

int64_t sys_fstatfs(const uint64_t a[6])
{
	struct file *f = file_get((int)a[0]);

	return f ? statfs_put(f->handle, USER(1)) : -EBADF;
}
