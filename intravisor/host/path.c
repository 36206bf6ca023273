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
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "intravisor/host/host.h"

int path_copy(struct cvm *cvm, struct path *path, uint64_t ref, uint64_t length)
{
	const void *guest;

	if (length >= sizeof path->text)
		return -ENAMETOOLONG;
	guest = cvm_reference(cvm, ref, length);
	if (length && (!guest || machine_copy_in(path->text, guest, length)))
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

int path_open(const struct resource *directory, const struct path *path, int flags, unsigned mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW),
		.mode = (flags & (O_CREAT | O_TMPFILE)) ? mode & 07777 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	if (!directory->directory)
		return -ENOTDIR;
	int fd = (int)syscall(SYS_openat2, directory->fd, path->length ? path->text : ".", &how, sizeof how);
	if (fd < 0)
		return -errno;
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
