/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Files: mounts, names, open files, descriptors. A mount is a host directory (by capability), a tmpfs, or /dev.
 */
#ifndef LIBOS_FS_H
#define LIBOS_FS_H
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "libos/libos.h"

#define PATH_MOST 4096
#define FILES_MOST 1024

#ifndef O_RDONLY
#include <asm/fcntl.h>
#endif

struct file;
struct node;            /* a tmpfs object (tmpfs.c) */

struct file_operations {
	int64_t (*read)(struct file *f, struct user to, uint64_t n, int64_t offset);    /* offset -1: the file's own position */
	int64_t (*write)(struct file *f, struct user from, uint64_t n, int64_t offset);
	int64_t (*seek)(struct file *f, int64_t offset, int whence);
	int64_t (*stat)(struct file *f, struct host_stat *s);
	int64_t (*truncate)(struct file *f, uint64_t length);
	int64_t (*list)(struct file *f, struct user to, uint64_t n);
	unsigned (*poll)(struct file *f);       /* events ready now; NULL: in and out always */
	void (*close)(struct file *f);
};

struct file {
	const struct file_operations *operations;
	unsigned references;
	int flags;              /* O_ACCMODE, O_APPEND, O_NONBLOCK, O_PATH... */
	int64_t handle;         /* host files: the capability; else -1 */
	struct node *node;      /* tmpfs */
	uint64_t position;      /* tmpfs and directories */
	int device;             /* devices */
	void *pipe;
	char *path;             /* absolute guest path, for openat, fchdir and /proc/self/fd; NULL for pipes */
};

struct mount {
	const char *path;       /* "" for the root, else "/x/y" */
	size_t length;
	int kind;               /* MOUNT_* */
	uint32_t handle;
	int read_only;
	struct node *root;      /* tmpfs */
};
enum { MOUNT_HOST, MOUNT_TMPFS, MOUNT_DEVICES, MOUNT_PROCESS };

/* A name found to lie in a mount: `rest` is relative to it, "" is the mount itself. */
struct place {
	const struct mount *mount;
	const char *rest;
	char path[PATH_MOST];   /* the whole guest path, free of links as far as it was followed */
};

void filesystem_start(void);
extern char working_directory[PATH_MOST];
extern uint32_t file_mode_mask;

/* path.c: `follow`: the last component too when it is a link. 0 or -errno. */
int64_t place_find(int directory, struct user path, int follow, int allow_empty, struct place *place);
int64_t place_of(const char *absolute, int follow, struct place *place);
int64_t place_follow(struct place *place, int follow);  /* after an -ELOOP: expands the links on the way */
const struct mount *mount_find(const char *path, const char **rest);

/* One operation on a place, whatever its mount; expands links and tries again as needed. */
int64_t place_stat(struct place *place, int follow, struct host_stat *s);
int64_t place_open(struct place *place, int flags, uint32_t mode, struct file **f);
int64_t place_readlink(const struct place *place, char *to, size_t room);

/* descriptor.c */
struct file *file_make(const struct file_operations *operations, int flags);
void file_release(struct file *f);
struct file *file_get(int fd);          /* NULL: -EBADF */
int64_t descriptor_add(struct file *f, int lowest, int close_on_exec);  /* takes the reference over, also on failure */
int64_t descriptor_close(int fd);
int64_t descriptor_put(struct file *f, int fd, int close_on_exec);      /* dup2: replaces */
int descriptor_flags(int fd, int set, int value);
extern uint32_t descriptor_limit;

/* host.c */
extern const struct file_operations host_operations;
/* tmpfs.c: paths are relative to a root; -ELOOP when a link is on the way */
struct node *tmpfs_root(void);
int64_t tmpfs_open(struct node *root, const char *path, int flags, uint32_t mode, struct file **f);
int64_t tmpfs_stat(struct node *root, const char *path, struct host_stat *s);
int64_t tmpfs_readlink(struct node *root, const char *path, char *to, size_t room);
int64_t tmpfs_make(struct node *root, const char *path, uint32_t mode, const char *target);
int64_t tmpfs_unlink(struct node *root, const char *path, int directory);
int64_t tmpfs_rename(struct node *root, const char *from, const char *to, unsigned flags);
int64_t tmpfs_link(struct node *root, const char *from, const char *to);
int64_t tmpfs_attributes(struct node *root, const char *path, int64_t mode, int64_t uid, int64_t gid, const int64_t times[4]);
int64_t tmpfs_map(struct file *f, uint64_t start, uint64_t length, uint64_t offset);
struct file *tmpfs_anonymous(int flags);
/* device.c */
int64_t device_open(const char *name, int flags, struct file **f);
int64_t device_stat(const char *name, struct host_stat *s);
/* pipe.c */
int64_t pipe_make(int flags, int fds[2]);
/* process.c: /proc as far as programs look */
int64_t process_open(const char *name, int flags, struct file **f);
int64_t process_stat(const char *name, struct host_stat *s);
int64_t process_readlink(const char *name, char *to, size_t room);

struct host_stat stat_now(uint32_t mode);
#endif
