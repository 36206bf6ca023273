/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Paths of guests. They are copied once, resolved by the kernel beneath a directory capability without following any link
 * (openat2, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), so no rename or link swapped in by a racing process leads out. What is
 * opened is refused by file-system type: through procfs a process writes its own read-only text. Trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "intravisor/host/host.h"

int path_copy(struct caller *caller, struct path *path, uint64_t ref, uint64_t length)
{
	if (length >= sizeof path->text)
		return -ENAMETOOLONG;
	if (length && cvm_copy_in(caller, path->text, ref, length))
		return -EFAULT;
	path->text[length] = 0;
	path->length = length;
	if (memchr(path->text, 0, length) || path->text[0] == '/')
		return -EINVAL;
	return 0;
}

int path_filesystem_refused(int fd)
{
	struct statfs status;

	if (fstatfs(fd, &status))
		return -errno;
	switch ((unsigned long)status.f_type) {
	case PROC_SUPER_MAGIC: case DEBUGFS_MAGIC: case TRACEFS_MAGIC: case BPF_FS_MAGIC: case SECURITYFS_MAGIC:
		return -EACCES;
	default:
		return 0;
	}
}

/* With O_DIRECTORY the kernel calls a link in the last place "not a directory": the guest is to hear that it is a link. Only
 * chooses between two errors, so a race changes nothing. Keeps errno. */
static int is_link(const struct resource *directory, const struct path *path)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	struct stat status;
	int error = errno, fd = (int)syscall(SYS_openat2, directory->fd, path->text, &how, sizeof how);
	int link = fd >= 0 && !fstat(fd, &status) && S_ISLNK(status.st_mode);

	if (fd >= 0)
		close(fd);
	errno = error;
	return link;
}

int path_open(const struct resource *directory, const struct path *path, int flags, unsigned mode)
{
	int creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;

	/* openat2 refuses what open ignores: other flags beside O_PATH, a mode without a file to make. */
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY;
	else
		flags |= O_NOCTTY;
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = creates && !(flags & O_PATH) ? mode & 07777 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	if (!directory->directory)
		return -ENOTDIR;
	int fd = (int)syscall(SYS_openat2, directory->fd, path->length ? path->text : ".", &how, sizeof how);
	if (fd < 0)
		return errno == ENOTDIR && (flags & O_DIRECTORY) && is_link(directory, path) ? -ELOOP : -errno;
	int error = path_filesystem_refused(fd);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

int path_parent(const struct resource *directory, const struct path *path, const char **name)
{
	struct path parent;
	const char *slash = strrchr(path->text, '/');

	*name = slash ? slash + 1 : path->text;
	if (!**name || !strcmp(*name, ".") || !strcmp(*name, ".."))
		return !path->length || **name ? -EINVAL : -ENOENT;
	parent.length = slash ? (size_t)(slash - path->text) : 0;
	memcpy(parent.text, path->text, parent.length);
	parent.text[parent.length] = 0;
	return path_open(directory, &parent, O_PATH | O_DIRECTORY, 0);
}
