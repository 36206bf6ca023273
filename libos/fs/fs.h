/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Files: mounts, names, open files, descriptors. A mount is a host directory (by capability), a tmpfs, /dev or /proc.
 */
#ifndef LIBOS_FS_H
#define LIBOS_FS_H
#include <asm/fcntl.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "libos/libos.h"

#define PATH_MOST  4096
#define NAME_MOST  255
#define FILES_MOST 65536

#define TYPE_OF(mode) ((mode) & S_IFMT)

/* poll(2) */
#define READY_IN     1u
#define READY_URGENT 2u
#define READY_OUT    4u
#define READY_ERROR  8u
#define READY_HANGUP 16u
#define READY_NONE   32u        /* no such descriptor */

struct file;
struct wait_queue;
struct node;            /* a tmpfs object (tmpfs.h) */

struct file_operations {
	int64_t (*read)(struct file *f, struct memory to, uint64_t n, int64_t offset);  /* offset -1: the file's own position */
	int64_t (*write)(struct file *f, struct memory from, uint64_t n, int64_t offset);
	int64_t (*seek)(struct file *f, int64_t offset, int whence);
	int64_t (*stat)(struct file *f, struct host_stat *s);
	int64_t (*truncate)(struct file *f, uint64_t length);
	int64_t (*available)(struct file *f);   /* FIONREAD of what has no handle */
	int64_t (*room)(struct file *f);        /* how much a write takes now; NULL: any */
	int64_t (*list)(struct file *f, struct memory to, uint64_t n);
	int64_t (*vector)(struct file *f, const struct host_vector *list, unsigned count, int writes);  /* at once; NULL: one by one */
	unsigned (*poll)(struct file *f);       /* events ready now, but for a handle's; NULL: in and out always, a handle's alone */
	struct wait_queue *(*queue)(struct file *f);    /* woken when `poll` may say something else; NULL: never */
	int64_t (*deadline)(struct file *f);    /* monotonic ns when `poll` will say something else unwoken; INT64_MAX, or NULL: never */
	int64_t (*control)(struct file *f, unsigned request, struct user at);   /* ioctl; NULL: a host file's, or none */
	void (*close)(struct file *f);
	void (*flush)(struct file *f);          /* one of the current process's descriptors is closed */
};

struct file {
	/* What reads and writes look at, in one line of a processor's cache. */
	const struct file_operations *operations;
	unsigned references;
	int flags;              /* O_ACCMODE, O_APPEND, O_NONBLOCK, O_PATH... as they are now */
	int64_t handle;         /* host files: the capability; else -1 */
	void *object;           /* pipes, eventfds, sockets */
	struct node *node;      /* tmpfs */
	uint64_t position;      /* all but host files, and of those while PLAIN_KEPT */
	struct watch *watches;  /* the epoll sets it is in */
	unsigned kept;          /* of the references, lock.c's own */
	int plain;              /* PLAIN_* */
	int device;             /* devices */
	int host_append;        /* host files: opened with O_APPEND there */
	int opened;             /* host files: opened by this library OS, so nobody outside has the position in common with it */
	char *path;             /* absolute guest path, for openat, fchdir and /proc/self/fd; NULL for pipes */
};

/* A regular file, none, not known; regular, and its position is kept here (host.c). */
enum { PLAIN_NOT = -1, PLAIN_UNKNOWN, PLAIN, PLAIN_KEPT };

/* ---- mounts ---- */
struct change {                 /* chmod, chown, utimensat: one of them a call */
	enum { CHANGE_MODE, CHANGE_OWNER, CHANGE_TIMES } what;
	uint32_t mode, uid, gid;        /* uid, gid: -1 keeps */
	int64_t times[4];               /* nanoseconds may be UTIME_NOW, UTIME_OMIT */
};
#define UTIME_NOW  ((1l << 30) - 1l)
#define UTIME_OMIT ((1l << 30) - 2l)

struct mount;
/* What a mount can do with a name inside it ("" is the mount itself). A link on the way gives -ELOOP, and place.c expands
 * it in the guest's namespace. An operation that is NULL gives -EPERM; changes of a read-only mount never arrive. */
struct mount_operations {
	int64_t (*open)(const struct mount *m, const char *name, int flags, uint32_t mode, struct file **f);
	int64_t (*stat)(const struct mount *m, const char *name, struct host_stat *s);
	int64_t (*link_read)(const struct mount *m, const char *name, char *to, size_t room);
	int64_t (*directory_make)(const struct mount *m, const char *name, uint32_t mode);
	int64_t (*link_make)(const struct mount *m, const char *name, const char *target);
	int64_t (*node_make)(const struct mount *m, const char *name, uint32_t mode);   /* a fifo or a socket's name */
	int64_t (*unlink)(const struct mount *m, const char *name, int directory);
	int64_t (*rename)(const struct mount *m, const char *from, const char *to, unsigned flags);
	int64_t (*link)(const struct mount *m, const char *from, const char *to);
	int64_t (*change)(const struct mount *m, const char *name, const struct change *c);
	int64_t (*access)(const struct mount *m, const char *name, unsigned mode);
	int64_t (*statistics)(const struct mount *m, const char *name, struct host_statfs *s);
};
struct mount {
	const struct mount_operations *operations;
	const char *path;       /* "" for the root, else "/x/y" */
	size_t length;
	uint32_t handle;        /* host */
	int read_only;
	struct node *root;      /* tmpfs */
	const struct mount *lower, *upper;      /* overlay */
};
extern const struct mount_operations host_mount, tmpfs_mount, device_mount, process_mount, overlay_mount;

void filesystem_start(void);
const struct mount *mount_find(const char *path, const char **rest);
const struct mount *mount_number(size_t i);     /* NULL behind the last */

/* ---- names (path.c) ---- */
/* A name found to lie in a mount: `rest` is relative to it, "" is the mount itself. */
struct place {
	const struct mount *mount;
	const char *rest;
	int slash;              /* the name ended in one (or in . or ..): it must be a directory */
	int dot;                /* the last component was "." (1) or ".." (2) */
	char path[PATH_MOST];   /* the whole guest path, free of links as far as it was followed */
};

/* 0 or -errno. A trailing slash means that a link there is followed. */
int64_t place_find(int directory, struct user path, int allow_empty, struct place *place);
int64_t place_of(const char *absolute, struct place *place);
int64_t place_follow(struct place *place, int follow);  /* after an -ELOOP: expands the links on the way */

int64_t place_settle(struct place *place);              /* expands the links before the last component */

/* place.c: one operation on a place, whatever its mount; expands links and tries again as needed. */
int64_t place_stat(struct place *place, int follow, struct host_stat *s);
int64_t place_open(struct place *place, int flags, uint32_t mode, struct file **f);
int64_t place_link_read(struct place *place, char *to, size_t room);
int64_t place_directory_make(struct place *place, uint32_t mode);
int64_t place_link_make(struct place *place, const char *target);
int64_t place_node_make(struct place *place, uint32_t mode);
int64_t place_unlink(struct place *place, int directory);
int64_t place_rename(struct place *from, struct place *to, unsigned flags);
int64_t place_link(struct place *from, struct place *to, int follow);
int64_t place_change(struct place *place, int follow, const struct change *c);
int64_t place_access(struct place *place, int follow, unsigned mode);
int64_t place_statistics(struct place *place, struct host_statfs *s);

/* ---- descriptor.c ---- */
struct file *file_make(const struct file_operations *operations, int flags);
void file_release(struct file *f);
struct descriptor {
	struct file *file;
	int close_on_exec;
};
struct descriptors {
	struct descriptor *table;
	uint32_t room;          /* of table; it grows by doubling */
	uint32_t limit;
	uint32_t lowest;        /* none is free below */
};
int64_t descriptor_add(struct file *f, int lowest, int close_on_exec);  /* takes the reference over, also on failure */
int64_t descriptor_close(int fd);
int64_t descriptor_put(struct file *f, int fd, int close_on_exec);      /* dup2: replaces */
int descriptor_flags(int fd, int set, int value);
int file_plain(struct file *f);         /* a regular file; asked once: that does not change while it is open */
uint32_t descriptor_limit(void);
uint32_t descriptor_room(void);         /* all that are open are below it, whatever the limit is now */
void descriptor_limit_set(uint32_t most);

/* ---- the kinds of file ---- */
extern const struct file_operations host_operations;
void host_position_back(struct file *f);        /* host.c: the host has the position of a file, whatever kind it is, that is about to be used there */
int64_t pipe_make(int flags, int fds[2]);
int64_t pipe_room(struct file *f, uint64_t size);       /* bytes that fit; `size` > 0 sets that */
int64_t event_make(uint64_t count, int flags);
int64_t tmpfs_seek_in(struct file *f, int64_t offset, int whence, uint64_t size);
struct file *text_file(const char *text, size_t length);        /* an open read-only file with this content */

/* Of a name in the file system: the pipe behind it, made by the first that opens it (pipe.c). */
int64_t fifo_open(uint64_t device, uint64_t inode, int flags, struct file **f);

/* sys/poll.c: sleeps until the file is ready for some of `events`; 0, -ETIMEDOUT or -RESTART. */
int64_t file_wait(struct file *f, unsigned events, int64_t deadline);
/* event/epoll.c */
void watches_drop(struct file *f);      /* it is closed for good */
void watches_host(struct file *f);      /* it has a handle now */

/* lock.c: fcntl's locks, owned by a process or an open file, and flock's (LOCK_WHOLE), which do not see the others. Types: 0 read, 1
 * write, 2 none. */
enum lock_kind { LOCK_PROCESS, LOCK_FILE, LOCK_WHOLE };
int64_t lock_set(struct file *f, enum lock_kind kind, int type, int64_t start, int64_t length, int wait);
/* What stands in the way of it: its type, range and process, else 2. */
int64_t lock_test(struct file *f, enum lock_kind kind, int type, int64_t *start, int64_t *length, int *pid);
void lock_closed(struct file *f);       /* one of the current process's descriptors of this file was closed */
void lock_over(struct file *f);         /* nobody but lock.c has this open file any more */

/* ---- record.c: getdents64 ---- */
struct record_writer {
	struct memory to;
	uint64_t room, done;
};
/* 0, 1 when it did not fit, or -EFAULT. `next`: the position behind this entry. */
int64_t record_put(struct record_writer *w, uint64_t inode, uint64_t next, uint32_t mode, const char *name);
/* A directory whose names are known when it is opened: "name\0name\0...". A name that starts with '/' is a directory, one
 * that starts with '@' a link. */
struct file *names_file(const char *names, size_t length);

struct host_stat stat_now(uint32_t mode, uint64_t device);
void time_now(int64_t t[2]);
#define DEVICE_TMPFS   0x15
#define DEVICE_DEVICES 0x16
#define DEVICE_PROCESS 0x17
#define DEVICE_PIPES   0x18
#define DEVICE_SOCKETS 0x19
#define DEVICE_QUEUES  0x1a
#define DEVICE_SHARED  0x1b
#define DEVICE_TERMINALS 0x1c
#endif
