/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The capability table. An attacker controls indexes, bounds, permissions and object types; every one is checked here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cap/cap.h"

struct entry {
	struct cap cap;
	int tag;
	int root;
	uint32_t index;
	/* derivation tree, across tables */
	struct cap_table *table;
	struct entry *parent, *child, *next, *previous;
	uint32_t free_next;
};

#define BLOCK 64u       /* entries allocated at a time: most tables stay small, and entries never move */

struct cap_table {
	uint32_t most, free_first;      /* free list of indexes; most means none */
	uint32_t used;                  /* entries ever used: their blocks are there */
	struct entry *blocks[];
};

static struct entry *entry_at(const struct cap_table *table, uint32_t index)
{
	return &table->blocks[index / BLOCK][index % BLOCK];
}

struct cap_table *cap_table_create(uint32_t most)
{
	struct cap_table *table;

	if (!most || most > 1u << 20)
		return NULL;
	table = calloc(1, sizeof *table + (most + BLOCK - 1) / BLOCK * sizeof *table->blocks);
	if (table)
		*table = (struct cap_table){.most = most, .free_first = most};
	return table;
}

static struct entry *entry_find(const struct cap_table *table, uint64_t index)
{
	if (index >= table->used || !entry_at(table, (uint32_t)index)->tag)
		return NULL;
	return entry_at(table, (uint32_t)index);
}

/* The lowest free index, as Unix descriptors do. */
static struct entry *entry_take(struct cap_table *table, int64_t *index)
{
	uint32_t *link = &table->free_first;

	if (*link != table->most) {
		uint32_t *lowest = link;
		for (; *link != table->most; link = &entry_at(table, *link)->free_next)
			if (*link < *lowest)
				lowest = link;
		*index = *lowest;
		*lowest = entry_at(table, *lowest)->free_next;
	} else if (table->used < table->most) {
		struct entry **block = &table->blocks[table->used / BLOCK];
		if (!*block && !(*block = calloc(BLOCK, sizeof **block)))
			return NULL;
		*index = table->used++;
	} else
		return NULL;
	struct entry *entry = entry_at(table, (uint32_t)*index);
	memset(entry, 0, sizeof *entry);
	entry->index = (uint32_t)*index;
	entry->tag = 1;
	entry->table = table;
	return entry;
}

static int64_t entry_derive(struct cap_table *table, struct entry *parent, const struct cap *cap)
{
	int64_t index;
	struct entry *entry = entry_take(table, &index);

	if (!entry)
		return -ENOSPC;
	entry->cap = *cap;
	entry->parent = parent;
	entry->next = parent->child;
	if (entry->next)
		entry->next->previous = entry;
	parent->child = entry;
	return index;
}

int64_t cap_root(struct cap_table *table, const struct cap *cap)
{
	int64_t index;
	struct entry *entry;

	if (cap->length > UINT64_MAX - cap->base)
		return -EINVAL;
	entry = entry_take(table, &index);
	if (!entry)
		return -ENOSPC;
	entry->cap = *cap;
	entry->root = 1;
	return index;
}

int64_t cap_set_bounds(struct cap_table *table, uint64_t index, uint64_t base, uint64_t length)
{
	struct entry *entry = entry_find(table, index);

	if (!entry)
		return -EBADF;
	if (entry->cap.otype != CAP_UNSEALED)
		return -EPERM;
	if (base < entry->cap.base || base - entry->cap.base > entry->cap.length ||
	    length > entry->cap.length - (base - entry->cap.base))
		return -EINVAL;
	struct cap cap = entry->cap;
	cap.base = base;
	cap.length = length;
	return entry_derive(table, entry, &cap);
}

int64_t cap_and_permissions(struct cap_table *table, uint64_t index, uint32_t permissions)
{
	struct entry *entry = entry_find(table, index);

	if (!entry)
		return -EBADF;
	if (entry->cap.otype != CAP_UNSEALED)
		return -EPERM;
	struct cap cap = entry->cap;
	cap.permissions &= permissions;
	return entry_derive(table, entry, &cap);
}

/* Does the authority's range of object types hold this one? */
static int authority_check(const struct cap_table *table, uint64_t authority, uint32_t otype, uint32_t permission)
{
	const struct entry *entry = entry_find(table, authority);

	if (!entry)
		return -EBADF;
	if (entry->cap.otype != CAP_UNSEALED || !(entry->cap.permissions & permission) || otype == CAP_UNSEALED ||
	    otype < entry->cap.base || otype - entry->cap.base >= entry->cap.length)
		return -EPERM;
	return 0;
}

int64_t cap_seal(struct cap_table *table, uint64_t index, uint64_t authority, uint32_t otype)
{
	struct entry *entry = entry_find(table, index);
	int error = authority_check(table, authority, otype, CAP_SEAL);

	if (!entry || error)
		return entry ? error : -EBADF;
	if (entry->cap.otype != CAP_UNSEALED)
		return -EPERM;
	struct cap cap = entry->cap;
	cap.otype = otype;
	return entry_derive(table, entry, &cap);
}

int64_t cap_unseal(struct cap_table *table, uint64_t index, uint64_t authority)
{
	struct entry *entry = entry_find(table, index);

	if (!entry)
		return -EBADF;
	int error = authority_check(table, authority, entry->cap.otype, CAP_UNSEAL);
	if (error)
		return error;
	struct cap cap = entry->cap;
	cap.otype = CAP_UNSEALED;
	return entry_derive(table, entry, &cap);
}

int64_t cap_grant(struct cap_table *from, uint64_t index, struct cap_table *to)
{
	struct entry *entry = entry_find(from, index);

	if (!entry)
		return -EBADF;
	if (!(entry->cap.permissions & CAP_GRANT))
		return -EPERM;
	return entry_derive(to, entry, &entry->cap);
}

const struct cap *cap_get(const struct cap_table *table, uint64_t index)
{
	const struct entry *entry = entry_find(table, index);

	return entry ? &entry->cap : NULL;
}

int cap_access(const struct cap_table *table, uint64_t index, uint64_t offset, uint64_t length, uint32_t permissions)
{
	const struct entry *entry = entry_find(table, index);

	if (!entry)
		return -EBADF;
	if (entry->cap.otype != CAP_UNSEALED || (entry->cap.permissions & permissions) != permissions)
		return -EPERM;
	return offset <= entry->cap.length && length <= entry->cap.length - offset ? 0 : -EFAULT;
}

int cap_invoke_check(const struct cap_table *table, uint64_t code, uint64_t data)
{
	const struct entry *c = entry_find(table, code), *d = entry_find(table, data);

	if (!c || !d)
		return -EBADF;
	return c->cap.otype != CAP_UNSEALED && c->cap.otype == d->cap.otype && (c->cap.permissions & d->cap.permissions & CAP_INVOKE)
		       ? 0 : -EPERM;
}

static void entry_free(struct entry *entry, void (*drop)(void *object))
{
	struct cap_table *table = entry->table;

	if (entry->previous)
		entry->previous->next = entry->next;
	else if (entry->parent)
		entry->parent->child = entry->next;
	if (entry->next)
		entry->next->previous = entry->previous;
	entry->tag = 0;
	if (entry->root && drop)
		drop(entry->cap.object);
	entry->cap.object = NULL;
	entry->free_next = table->free_first;
	table->free_first = entry->index;
}

/* Leaves first, without recursion: a chain of derivations may be as long as the table. */
static void entry_revoke(struct entry *top, void (*drop)(void *object))
{
	for (struct entry *entry = top;;) {
		while (entry->child)
			entry = entry->child;
		struct entry *parent = entry->parent;
		int last = entry == top;
		entry_free(entry, drop);
		if (last)
			return;
		entry = parent;
	}
}

int cap_revoke(struct cap_table *table, uint64_t index, void (*drop)(void *object))
{
	struct entry *entry = entry_find(table, index);

	if (!entry)
		return -EBADF;
	entry_revoke(entry, drop);
	return 0;
}

void cap_table_destroy(struct cap_table *table, void (*drop)(void *object))
{
	if (!table)
		return;
	for (uint32_t i = 0; i < table->used; i++)
		if (entry_at(table, i)->tag)
			entry_revoke(entry_at(table, i), drop);
	for (uint32_t i = 0; i * BLOCK < table->used; i++)
		free(table->blocks[i]);
	free(table);
}
