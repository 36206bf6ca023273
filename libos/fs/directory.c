/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Directories of a tmpfs: a hash of names, and a list in the order they were made so that a listing goes on where it
 * stopped whatever was removed meanwhile.
 */
#include "libos/fs/tmpfs.h"

static uint32_t hash_of(const char *name, size_t length)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash;
}

struct entry *directory_find(const struct node *directory, const char *name, size_t length)
{
	uint32_t hash = hash_of(name, length);

	if (!directory->bucket_count)
		return NULL;
	for (struct entry *e = directory->buckets[hash % directory->bucket_count]; e; e = e->chain)
		if (e->hash == hash && strlen(e->name) == length && !memcmp(e->name, name, length))
			return e;
	return NULL;
}

static int64_t buckets_grow(struct node *directory)
{
	uint64_t count = directory->bucket_count ? 4 * directory->bucket_count : 8;
	struct entry **buckets = heap_allocate(count * sizeof *buckets);

	if (!buckets)
		return -ENOSPC;
	for (struct entry *e = directory->first; e; e = e->after) {
		e->chain = buckets[e->hash % count];
		buckets[e->hash % count] = e;
	}
	if (directory->buckets)
		heap_free(directory->buckets, directory->bucket_count * sizeof *buckets);
	directory->buckets = buckets;
	directory->bucket_count = count;
	return 0;
}

int64_t directory_add(struct node *directory, const char *name, struct node *n)
{
	size_t length = strlen(name);

	if (directory->entry_count >= 2 * directory->bucket_count && buckets_grow(directory))
		return -ENOSPC;
	struct entry *e = heap_allocate(sizeof *e + length + 1);
	if (!e)
		return -ENOSPC;
	memcpy(e->name, name, length + 1);
	e->node = n;
	e->hash = hash_of(name, length);
	e->cookie = ++directory->cookies + 2;   /* 1 and 2 are . and .. */
	e->chain = directory->buckets[e->hash % directory->bucket_count];
	directory->buckets[e->hash % directory->bucket_count] = e;
	e->before = directory->last;
	if (directory->last)
		directory->last->after = e;
	else
		directory->first = e;
	directory->last = e;
	directory->entry_count++;
	n->links++;
	if (TYPE_OF(n->mode) == S_IFDIR) {
		n->parent = directory;
		n->links++;             /* its "." */
		directory->links++;     /* its ".." */
	}
	node_touch(directory, 1);
	return 0;
}

void directory_remove(struct node *directory, struct entry *e)
{
	struct node *n = e->node;
	struct entry **link = &directory->buckets[e->hash % directory->bucket_count];

	while (*link != e)
		link = &(*link)->chain;
	*link = e->chain;
	*(e->before ? &e->before->after : &directory->first) = e->after;
	*(e->after ? &e->after->before : &directory->last) = e->before;
	directory->entry_count--;
	n->links--;
	if (TYPE_OF(n->mode) == S_IFDIR) {
		n->links--;
		directory->links--;
	}
	node_touch(directory, 1);
	node_touch(n, 0);
	heap_free(e, sizeof *e + strlen(e->name) + 1);
	node_drop(n);
}
