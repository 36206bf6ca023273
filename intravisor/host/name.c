/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Host calls on names beneath a directory capability. Names are changed in the parent directory, opened without following
 * links, by one plain last component. Trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <carrel/host.h>
#include "cap/cap.h"
#include "intravisor/host/host.h"

#define OPEN_FLAGS                                                                                                       \
	(O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_DIRECTORY | O_NOFOLLOW |      \
	 O_CLOEXEC | O_NOATIME | O_PATH | O_NOCTTY | O_LARGEFILE | O_TMPFILE)

/* Device nodes a volume may contain are opened only when they are harmless data sources and sinks; fifos, at whose other end the
 * host could be, not at all: the library OS has its own. All is opened with O_NONBLOCK, so that no open waits where no kick reaches
 * it; a device that the guest did not want so loses it again. */
static int device_refused(int fd, int flags)
{
	struct stat status;

	if (fstat(fd, &status))
		return -errno;
	if (S_ISBLK(status.st_mode))
		return -EACCES;
	if (S_ISFIFO(status.st_mode))
		return -ENXIO;
	if (S_ISCHR(status.st_mode)) {
		unsigned ma = major(status.st_rdev), mi = minor(status.st_rdev);
		if (!(ma == 1 && (mi == 3 || mi == 5 || mi == 7 || mi == 8 || mi == 9)) && !(ma == 5 && mi == 0) && ma != 136)
			return -EACCES;
		if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK))
			return -errno;
	}
	return 0;
}

int64_t host_open(struct caller *caller, const uint64_t a[6])
{
	struct path path;
	int64_t error = path_copy(caller, &path, a[1], a[2]);
	int flags = (int)a[3] & OPEN_FLAGS, access = flags & O_ACCMODE, fd;
	int writes = !(flags & O_PATH) && (access != O_RDONLY || (flags & O_TRUNC)),
	    creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	uint32_t has;
	HELD *directory = error ? NULL : resource_get(caller, a[0], 0, &has, &error);

	if (!directory)
		return error;
	/* A memory object opened anew would outlive its charge. */
	if (directory->kind != RESOURCE_FILE || directory->charged)
		return -EACCES;
	uint32_t wanted = (flags & O_PATH ? 0 : access != O_WRONLY ? CAP_LOAD : 0) | (writes ? CAP_STORE : 0);
	if ((has & wanted) != wanted)
		return directory->read_only ? -EROFS : -EACCES;
	int may_create = (has & CAP_MODIFY) != 0;
	if (directory->directory && !(has & CAP_LOOKUP))
		return -EACCES;
	if (!directory->directory) {
		/* A volume that is a single file: the same object opened anew. */
		char self[32];
		if (path.length)
			return -ENOTDIR;
		snprintf(self, sizeof self, "/proc/self/fd/%d", directory->fd);
		/* With a mode, which nothing uses: without one the C library ends the process where it sees O_TMPFILE. */
		fd = open(self, (flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
		fd = fd < 0 ? -errno : fd;
	} else if (creates && !may_create) {
		/* What exists opens as it would; only making it is refused. */
		fd = path_open(directory, &path, (flags & ~(O_CREAT | O_EXCL)) | O_NONBLOCK, 0);
		if (fd == -ENOENT)
			fd = directory->read_only ? -EROFS : -EACCES;
	} else
		fd = path_open(directory, &path, flags | O_NONBLOCK, (unsigned)a[4]);
	if (fd < 0)
		return fd;
	error = path_filesystem_refused(fd);    /* a single file has not been asked about yet: -v /proc/self/mem:... */
	if (!error && !(flags & O_PATH))
		error = device_refused(fd, flags);
	if (error) {
		close(fd);
		return error;
	}
	/* The handle's rights: what the flags ask; a directory passes on what its own parent had. */
	struct stat status;
	uint32_t permissions = wanted | (has & CAP_MODIFY);
	if (!fstat(fd, &status) && S_ISDIR(status.st_mode))
		permissions = has;
	return resource_make(caller->cvm, fd, permissions, directory->read_only, 0);
}

static int64_t stat_out(struct caller *caller, uint64_t ref, const struct stat *s)
{
	struct host_stat out = {
		.dev = s->st_dev, .ino = s->st_ino, .rdev = s->st_rdev, .mode = s->st_mode, .nlink = (uint32_t)s->st_nlink,
		.uid = s->st_uid, .gid = s->st_gid, .size = (uint64_t)s->st_size, .blocks = (uint64_t)s->st_blocks,
		.blksize = (uint32_t)s->st_blksize,
		.atime_sec = s->st_atim.tv_sec, .mtime_sec = s->st_mtim.tv_sec, .ctime_sec = s->st_ctim.tv_sec,
		.atime_nsec = (uint32_t)s->st_atim.tv_nsec, .mtime_nsec = (uint32_t)s->st_mtim.tv_nsec,
		.ctime_nsec = (uint32_t)s->st_ctim.tv_nsec,
	};

	return cvm_copy_out(caller, ref, &out, sizeof out);
}

/* The object a handle and a path name: the handle's own for an empty path, else an O_PATH descriptor. */
struct object {
	int fd;                 /* or -errno */
	int opened;
	uint32_t permissions;   /* the handle's */
	struct resource *resource;
};

static void object_close(struct object *object)
{
	if (object->opened)
		close(object->fd);
	resource_put(&object->resource);
}
#define OBJECT __attribute__((cleanup(object_close))) struct object

static struct object object_open(struct caller *caller, uint64_t handle, uint64_t ref, uint64_t length, uint32_t need)
{
	struct object object = {0};
	struct path path;
	int64_t error = path_copy(caller, &path, ref, length);

	if (!error)
		object.resource = resource_get(caller, handle, need | (path.length ? CAP_LOOKUP : 0), &object.permissions, &error);
	if (!object.resource)
		object.fd = (int)error;
	else if (object.resource->kind != RESOURCE_FILE)
		object.fd = -EINVAL;
	else if (!path.length)
		object.fd = object.resource->fd;
	else {
		object.fd = path_open(object.resource, &path, O_PATH, 0);
		object.opened = object.fd >= 0;
	}
	return object;
}

int64_t host_stat(struct caller *caller, const uint64_t a[6])
{
	struct stat status;
	OBJECT object = object_open(caller, a[0], a[1], a[2], 0);

	if (object.fd < 0)
		return object.fd;
	return fstatat(object.fd, "", &status, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) ? -errno : stat_out(caller, a[3], &status);
}

int64_t host_directory_read(struct caller *caller, const uint64_t a[6])
{
	int64_t error;
	HELD *directory = resource_get(caller, a[0], CAP_LOOKUP, NULL, &error);
	void *to = cvm_reference(caller, a[1], a[2]);

	if (!directory)
		return error;
	if (!to)
		return -EFAULT;
	long n = syscall(SYS_getdents64, directory->fd, to, a[2]);
	return n < 0 ? -errno : n;
}

int64_t host_link_read(struct caller *caller, const uint64_t a[6])
{
	char text[4096];
	OBJECT object = object_open(caller, a[0], a[1], a[2], 0);

	if (object.fd < 0)
		return object.fd;
	ssize_t n = readlinkat(object.fd, "", text, sizeof text);
	int64_t result = n < 0 ? (errno == ENOENT ? -EINVAL : -errno) : n;
	if (result <= 0)
		return result;
	if ((uint64_t)result > a[4])
		result = (int64_t)a[4];
	return cvm_copy_out(caller, a[3], text, (uint64_t)result) ? -EFAULT : result;
}

static void descriptor_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define OPENED __attribute__((cleanup(descriptor_close))) int   /* or -errno */

/* The parent of a name that is about to change, and the name. */
static int change_open(struct caller *caller, uint64_t handle, uint64_t ref, uint64_t length, struct path *path, const char **name)
{
	int64_t error = path_copy(caller, path, ref, length);
	HELD *directory = error ? NULL : resource_get(caller, handle, CAP_LOOKUP | CAP_MODIFY, NULL, &error);

	return error || !directory ? (int)error : path_parent(directory, path, name);
}

int64_t host_directory_make(struct caller *caller, const uint64_t a[6])
{
	struct path path;
	const char *name;
	OPENED fd = change_open(caller, a[0], a[1], a[2], &path, &name);

	if (fd < 0)
		return fd;
	return mkdirat(fd, name, (mode_t)(a[3] & 07777)) ? -errno : 0;
}

int64_t host_node_make(struct caller *caller, const uint64_t a[6])
{
	struct path path;
	const char *name;
	mode_t type = (mode_t)a[3] & S_IFMT;

	if (type != S_IFREG && type != S_IFIFO && type != S_IFSOCK)
		return -EPERM;
	OPENED fd = change_open(caller, a[0], a[1], a[2], &path, &name);
	if (fd < 0)
		return fd;
	return mknodat(fd, name, type | (mode_t)(a[3] & 07777), 0) ? -errno : 0;
}

int64_t host_unlink(struct caller *caller, const uint64_t a[6])
{
	struct path path;
	const char *name;
	OPENED fd = change_open(caller, a[0], a[1], a[2], &path, &name);

	if (fd < 0)
		return fd;
	return unlinkat(fd, name, (int)a[3] & AT_REMOVEDIR) ? -errno : 0;
}

static int64_t two_names(struct caller *caller, const uint64_t a[6], int link)
{
	struct path old_path, new_path;
	const char *old_name, *new_name;
	OPENED from = change_open(caller, a[0], a[1], (uint32_t)a[4], &old_path, &old_name);

	if (from < 0)
		return from;
	OPENED to = change_open(caller, a[2], a[3], a[4] >> 32, &new_path, &new_name);
	if (to < 0)
		return to;
	long result = link ? linkat(from, old_name, to, new_name, 0)
			   : syscall(SYS_renameat2, from, old_name, to, new_name, (unsigned)a[5] & 3u);
	return result < 0 ? -errno : 0;
}

int64_t host_rename(struct caller *caller, const uint64_t a[6])
{
	return two_names(caller, a, 0);
}

int64_t host_link_hard(struct caller *caller, const uint64_t a[6])
{
	return two_names(caller, a, 1);
}

int64_t host_link_symbolic(struct caller *caller, const uint64_t a[6])
{
	char target[4096];
	struct path path;
	const char *name;

	if (!a[1] || a[1] >= sizeof target)
		return a[1] ? -ENAMETOOLONG : -ENOENT;
	if (cvm_copy_in(caller, target, a[0], a[1]))
		return -EFAULT;
	target[a[1]] = 0;
	OPENED fd = change_open(caller, a[2], a[3], a[4], &path, &name);
	if (fd < 0)
		return fd;
	return symlinkat(target, fd, name) ? -errno : 0;
}

/* Attributes are changed and asked through /proc/self/fd of an O_PATH descriptor that was opened without following links. */
static struct object self_open(struct caller *caller, const uint64_t a[6], uint32_t need, char self[32])
{
	struct object object = object_open(caller, a[0], a[1], a[2], need);

	snprintf(self, 32, "/proc/self/fd/%d", object.fd);
	return object;
}

int64_t host_mode_set(struct caller *caller, const uint64_t a[6])
{
	char self[32];
	OBJECT object = self_open(caller, a, CAP_MODIFY, self);

	return object.fd < 0 ? object.fd : chmod(self, (mode_t)(a[3] & 07777)) ? -errno : 0;
}

int64_t host_owner_set(struct caller *caller, const uint64_t a[6])
{
	char self[32];
	OBJECT object = self_open(caller, a, CAP_MODIFY, self);

	return object.fd < 0 ? object.fd : chown(self, (uid_t)a[3], (gid_t)a[4]) ? -errno : 0;
}

int64_t host_times_set(struct caller *caller, const uint64_t a[6])
{
	struct timespec times[2];

	if (a[3] && cvm_copy_in(caller, times, a[3], sizeof times))
		return -EFAULT;
	char self[32];
	OBJECT object = self_open(caller, a, CAP_MODIFY, self);
	return object.fd < 0 ? object.fd : utimensat(AT_FDCWD, self, a[3] ? times : NULL, 0) ? -errno : 0;
}

int64_t host_access(struct caller *caller, const uint64_t a[6])
{
	char self[32];
	OBJECT object = self_open(caller, a, 0, self);

	if (object.fd < 0)
		return object.fd;
	if ((a[3] & W_OK) && !(object.permissions & (CAP_STORE | CAP_MODIFY)))
		return -EROFS;
	return faccessat(AT_FDCWD, self, (int)(a[3] & 7), AT_EACCESS) ? -errno : 0;
}
