/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * System calls that open, make and remove names, and the working directory.
 */
#include <linux/openat2.h>

#include "libos/sys/sys.h"

static int64_t open_at(int directory, struct user path, int flags, uint32_t mode)
{
	struct place here;
	struct file *f;
	int64_t error = place_find(directory, path, 0, &here);

	if (error)
		return error;
	if ((flags & O_ACCMODE) == O_ACCMODE && !(flags & O_PATH))
		return -EINVAL;
	error = place_open(&here, flags, mode & 07777 & ~process_current()->mask, &f);
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

int64_t sys_openat2(const uint64_t a[6])
{
	struct open_how how;

	if (a[3] < sizeof how)
		return -EINVAL;
	if (a[3] > sizeof how)
		return -E2BIG;
	if (user_get(&how, USER(2), sizeof how))
		return -EFAULT;
	if (how.resolve)
		return -EAGAIN;         /* "try again in another way": callers fall back */
	return how.flags >> 32 || how.mode & ~07777ull ? -EINVAL : open_at((int)a[0], USER(1), (int)how.flags, (uint32_t)how.mode);
}

int64_t sys_creat(const uint64_t a[6])
{
	return open_at(AT_FDCWD, USER(0), O_WRONLY | O_CREAT | O_TRUNC, (uint32_t)a[1]);
}

static int64_t mkdir_at(int directory, struct user path, uint32_t mode)
{
	struct place here;
	int64_t error = place_find(directory, path, 0, &here);

	return error ? error : place_directory_make(&here, mode & 01777 & ~process_current()->mask);
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
	struct place here;
	char text[PATH_MOST];
	int64_t length = user_string(text, target, sizeof text), error;

	if (length <= 0)
		return length < 0 ? length : -ENOENT;
	error = place_find(directory, path, 0, &here);
	return error ? error : place_link_make(&here, text);
}

int64_t sys_symlink(const uint64_t a[6])
{
	return symlink_at(USER(0), AT_FDCWD, USER(1));
}

int64_t sys_symlinkat(const uint64_t a[6])
{
	return symlink_at(USER(0), (int)a[1], USER(2));
}

static int64_t unlink_at(int from, struct user path, int directory)
{
	struct place here;
	int64_t error = place_find(from, path, 0, &here);

	return error ? error : place_unlink(&here, directory);
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

static int64_t rename_at(int from, struct user old_path, int to, struct user new_path, uint64_t flags)
{
	struct place here, there;
	int64_t error;

	if (flags & ~3ull || flags == 3)
		return -EINVAL;
	if ((error = place_find(from, old_path, 0, &here)) || (error = place_find(to, new_path, 0, &there)))
		return error;
	return place_rename(&here, &there, (unsigned)flags);
}

int64_t sys_rename(const uint64_t a[6])
{
	return rename_at(AT_FDCWD, USER(0), AT_FDCWD, USER(1), 0);
}

int64_t sys_renameat(const uint64_t a[6])
{
	return rename_at((int)a[0], USER(1), (int)a[2], USER(3), 0);
}

int64_t sys_renameat2(const uint64_t a[6])
{
	return rename_at((int)a[0], USER(1), (int)a[2], USER(3), (uint32_t)a[4]);
}

static int64_t link_at(int from, struct user old_path, int to, struct user new_path, uint64_t flags)
{
	struct place here, there;
	int64_t error;

	if (flags & ~(uint64_t)AT_SYMLINK_FOLLOW)
		return -EINVAL;
	if ((error = place_find(from, old_path, 0, &here)) || (error = place_find(to, new_path, 0, &there)))
		return error;
	return place_link(&here, &there, flags != 0);
}

int64_t sys_link(const uint64_t a[6])
{
	return link_at(AT_FDCWD, USER(0), AT_FDCWD, USER(1), 0);
}

int64_t sys_linkat(const uint64_t a[6])
{
	return link_at((int)a[0], USER(1), (int)a[2], USER(3), (uint32_t)a[4]);
}

int64_t sys_getcwd(const uint64_t a[6])
{
	size_t n = strlen(process_current()->directory) + 1;

	if (a[1] < n)
		return -ERANGE;
	return user_put(USER(0), process_current()->directory, n) ? -EFAULT : (int64_t)n;
}

static int64_t directory_enter(struct place *p)
{
	struct host_stat s;
	int64_t error = place_stat(p, 1, &s);

	if (error)
		return error;
	if (TYPE_OF(s.mode) != S_IFDIR)
		return -ENOTDIR;
	memcpy(process_current()->directory, p->path, strlen(p->path) + 1);
	return 0;
}

int64_t sys_chdir(const uint64_t a[6])
{
	struct place here;
	int64_t error = place_find(AT_FDCWD, USER(0), 0, &here);

	return error ? error : directory_enter(&here);
}

int64_t sys_fchdir(const uint64_t a[6])
{
	struct place here;
	struct host_stat s;
	struct file *f = file_get((int)a[0]);
	int64_t error = f ? f->operations->stat(f, &s) : -EBADF;

	if (error)
		return error;
	if (!f->path || TYPE_OF(s.mode) != S_IFDIR)
		return -ENOTDIR;
	return (error = place_of(f->path, &here)) ? error : directory_enter(&here);
}

int64_t sys_umask(const uint64_t a[6])
{
	uint32_t before = process_current()->mask;

	process_current()->mask = a[0] & 0777;
	return before;
}

/* Regular files, fifos and sockets' names; no device nodes. */
static int64_t node_at(int directory, struct user path, uint32_t mode)
{
	struct place here;
	struct file *f;
	int64_t error;

	if (TYPE_OF(mode) && TYPE_OF(mode) != S_IFREG && TYPE_OF(mode) != S_IFIFO && TYPE_OF(mode) != S_IFSOCK)
		return -EPERM;
	if ((error = place_find(directory, path, 0, &here)))
		return error;
	if (TYPE_OF(mode) && TYPE_OF(mode) != S_IFREG)
		return place_node_make(&here, TYPE_OF(mode) | (mode & 07777 & ~process_current()->mask));
	error = place_open(&here, O_WRONLY | O_CREAT | O_EXCL, mode & 07777 & ~process_current()->mask, &f);
	if (!error)
		file_release(f);
	return error;
}

int64_t sys_mknod(const uint64_t a[6])
{
	return node_at(AT_FDCWD, USER(0), (uint32_t)a[1]);
}

int64_t sys_mknodat(const uint64_t a[6])
{
	return node_at((int)a[0], USER(1), (uint32_t)a[2]);
}

int64_t sys_truncate(const uint64_t a[6])
{
	struct place here;
	struct file *f;
	int64_t error = (int64_t)a[1] < 0 ? -EINVAL : place_find(AT_FDCWD, USER(0), 0, &here);

	if (error || (error = place_open(&here, O_WRONLY, 0, &f)))
		return error;
	error = f->operations->truncate ? f->operations->truncate(f, a[1]) : -EINVAL;
	file_release(f);
	return error;
}
