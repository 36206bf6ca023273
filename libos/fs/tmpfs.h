/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Objects of a tmpfs: node.c keeps them and their data, directory.c their names, tmpfs_names.c follows and changes those,
 * tmpfs_file.c opens them, tmpfs.c makes a mount of it all.
 */
#ifndef LIBOS_TMPFS_H
#define LIBOS_TMPFS_H
#include "libos/fs/fs.h"

struct entry {                  /* one name in a directory */
	struct entry *chain;            /* the next of the same bucket */
	struct entry *before, *after;   /* in the order made: what getdents64 follows, undisturbed by removals */
	struct node *node;
	uint64_t cookie;                /* position in the directory, never used again */
	uint32_t hash;
	char name[];
};

struct node {
	uint32_t mode, uid, gid, links, opens;
	uint64_t number, size;
	int64_t atime[2], mtime[2], ctime[2];
	/* a file: its pages, NULL where a hole is */
	uint8_t **pages;
	uint64_t page_room, page_count;
	/* what programs have mapped to share it, from its start: segment.c */
	struct segment *segments;
	unsigned segment_count;
	uint64_t shared_end;
	/* a link */
	char *target;
	/* a directory */
	struct entry **buckets, *first, *last;
	uint64_t bucket_count, entry_count, cookies;
	struct node *parent;
};

struct node *node_make(uint32_t mode);
void node_drop(struct node *n);         /* frees it when no name and no open file is left */
void node_stat(const struct node *n, struct host_stat *s);
void node_touch(struct node *n, int data);
int64_t node_read(struct node *n, struct memory to, uint64_t length, uint64_t at);
int64_t node_write(struct node *n, struct memory from, uint64_t length, uint64_t at);
int64_t node_truncate(struct node *n, uint64_t length);
int64_t node_allocate(struct node *n, unsigned mode, uint64_t at, uint64_t length);
void node_pages_drop(struct node *n, uint64_t from, uint64_t to);       /* whole pages */
int64_t node_object(struct node *n);     /* a handle of a copy of the data, or -errno */
int64_t node_seek_data(const struct node *n, uint64_t at, int hole);

/* segment.c */
extern const struct file_operations segment_operations;
int64_t segments_transfer(struct node *n, struct memory memory, uint64_t length, uint64_t at, int writes);
void segments_clear(struct node *n, uint64_t from, uint64_t to);
void segments_drop(struct node *n);
int64_t segments_map(struct node *n, uint64_t hint, uint64_t length, int protection, int flags, uint64_t offset);

/* etc.c */
void etc_fill(const struct mount *m);   /* the root, if it is a tmpfs */
struct node *etc_hosts(void);           /* what is mounted at /etc/hosts; NULL: no memory */

struct entry *directory_find(const struct node *directory, const char *name, size_t length);
int64_t directory_add(struct node *directory, const char *name, struct node *n);
void directory_remove(struct node *directory, struct entry *entry);

struct node *tmpfs_root(uint32_t mode);

/* tmpfs_file.c */
struct file *tmpfs_anonymous(int flags);
struct file *tmpfs_file(struct node *n, int flags);

/* tmpfs_names.c */
/* May the cVM's user do all of `wants` (read 4, write 2, execute or search 1)? */
int tmpfs_allows(const struct node *n, unsigned wants);
/* The directory that holds the last component, and that component (empty: the root itself). */
int64_t tmpfs_parent(const struct mount *m, const char *path, struct node **parent, const char **name);
int64_t tmpfs_find(const struct mount *m, const char *path, struct node **found);
int64_t tmpfs_unlink(const struct mount *m, const char *path, int directory);
int64_t tmpfs_link(const struct mount *m, const char *from, const char *to);
int64_t tmpfs_rename(const struct mount *m, const char *from, const char *to, unsigned flags);
#endif
