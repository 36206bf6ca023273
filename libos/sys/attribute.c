/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls that change mode, owner and times.
 */
#include "libos/fs/tmpfs.h"
#include "libos/sys/sys.h"

static int64_t change(int directory, struct user path, uint64_t flags, const struct change *c)
{
	struct place here;

	if (flags & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	int64_t error = place_find(directory, path, (flags & AT_EMPTY_PATH) != 0, &here);
	return error ? error : place_change(&here, !(flags & AT_SYMLINK_NOFOLLOW), c);
}

static int64_t change_file(int fd, const struct change *c)
{
	struct file *f = file_get(fd);

	if (!f)
		return -EBADF;
	/* By the file itself, whatever its name has become. */
	struct mount itself = {.handle = (uint32_t)f->handle, .root = f->node};
	if (f->handle >= 0)
		return host_mount.change(&itself, "", c);
	return f->node ? tmpfs_mount.change(&itself, "", c) : 0;
}

static struct change mode_of(uint64_t mode)
{
	return (struct change){.what = CHANGE_MODE, .mode = (uint32_t)mode & 07777};
}

static struct change owner_of(uint64_t uid, uint64_t gid)
{
	return (struct change){.what = CHANGE_OWNER, .uid = (uint32_t)uid, .gid = (uint32_t)gid};
}

int64_t sys_chmod(const uint64_t a[6])
{
	const struct change c = mode_of(a[1]);

	return change(AT_FDCWD, USER(0), 0, &c);
}

int64_t sys_fchmodat(const uint64_t a[6])
{
	const struct change c = mode_of(a[2]);

	return change((int)a[0], USER(1), 0, &c);
}

int64_t sys_fchmod(const uint64_t a[6])
{
	const struct change c = mode_of(a[1]);
	FILE_ARGUMENT(f, 0);

	return change_file((int)a[0], &c);
}

int64_t sys_chown(const uint64_t a[6])
{
	const struct change c = owner_of(a[1], a[2]);

	return change(AT_FDCWD, USER(0), 0, &c);
}

int64_t sys_lchown(const uint64_t a[6])
{
	const struct change c = owner_of(a[1], a[2]);

	return change(AT_FDCWD, USER(0), AT_SYMLINK_NOFOLLOW, &c);
}

int64_t sys_fchownat(const uint64_t a[6])
{
	const struct change c = owner_of(a[2], a[3]);

	return change((int)a[0], USER(1), (uint32_t)a[4], &c);
}

int64_t sys_fchown(const uint64_t a[6])
{
	const struct change c = owner_of(a[1], a[2]);
	FILE_ARGUMENT(f, 0);

	return change_file((int)a[0], &c);
}

/* Two times of `unit` nanoseconds, or now for both. */
static int64_t times_get(struct user from, int64_t unit, struct change *c)
{
	*c = (struct change){.what = CHANGE_TIMES, .times = {0, UTIME_NOW, 0, UTIME_NOW}};
	if (!from.at)
		return 0;
	if (user_get(c->times, from, sizeof c->times))
		return -EFAULT;
	for (int i = 1; i < 4; i += 2) {
		int special = unit == 1 && (c->times[i] == UTIME_NOW || c->times[i] == UTIME_OMIT);
		if (!special && (c->times[i] < 0 || c->times[i] >= 1000000000 / unit))
			return -EINVAL;
		if (!special)
			c->times[i] *= unit;
	}
	return 0;
}

int64_t sys_utimensat(const uint64_t a[6])
{
	struct change c;
	int64_t error = times_get(USER(2), 1, &c);

	if (error)
		return error;
	if (a[1])
		return change((int)a[0], USER(1), (uint32_t)a[3], &c);
	return (int)a[0] == AT_FDCWD ? -EFAULT : change_file((int)a[0], &c);
}

int64_t sys_futimesat(const uint64_t a[6])
{
	struct change c;
	int64_t error = times_get(USER(2), 1000, &c);

	return error ? error : a[1] ? change((int)a[0], USER(1), 0, &c) : change_file((int)a[0], &c);
}

int64_t sys_utimes(const uint64_t a[6])
{
	struct change c;
	int64_t error = times_get(USER(1), 1000, &c);

	return error ? error : change(AT_FDCWD, USER(0), 0, &c);
}

int64_t sys_utime(const uint64_t a[6])
{
	struct change c = {.what = CHANGE_TIMES, .times = {0, UTIME_NOW, 0, UTIME_NOW}};
	int64_t t[2];

	if (a[1]) {
		if (user_get(t, USER(1), sizeof t))
			return -EFAULT;
		c = (struct change){.what = CHANGE_TIMES, .times = {t[0], 0, t[1], 0}};
	}
	return change(AT_FDCWD, USER(0), 0, &c);
}

/* No file system here has extended attributes. */
CONSTANT(setxattr, -EOPNOTSUPP)
CONSTANT(lsetxattr, -EOPNOTSUPP)
CONSTANT(fsetxattr, -EOPNOTSUPP)
CONSTANT(getxattr, -EOPNOTSUPP)
CONSTANT(lgetxattr, -EOPNOTSUPP)
CONSTANT(fgetxattr, -EOPNOTSUPP)
CONSTANT(listxattr, -EOPNOTSUPP)
CONSTANT(llistxattr, -EOPNOTSUPP)
CONSTANT(flistxattr, -EOPNOTSUPP)
CONSTANT(removexattr, -EOPNOTSUPP)
CONSTANT(lremovexattr, -EOPNOTSUPP)
CONSTANT(fremovexattr, -EOPNOTSUPP)
