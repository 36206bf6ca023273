/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The capability table. An attacker controls indexes, bounds, permissions and object types; every one is checked here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cap/table.h"

struct cap_table *cap_table_create(uint32_t most)
{
	struct cap_table *table;

	if (!most || most > 1u << 20)
		return NULL;
	uint32_t words = (most + WORD_ENTRIES - 1) / WORD_ENTRIES;
	table = calloc(1, sizeof *table + words * sizeof *table->words + most * sizeof *table->stored);
	if (table) {
		table->most = most;
		table->stored = (struct machine_stored *)&table->words[words];
	}
	return table;
}

static void table_free(struct cap_table *table)
{
	for (uint32_t word = 0; word * WORD_ENTRIES < table->most; word++)
		free(table->words[word].entries);
	free(table);
}

/* The lowest free index, as Unix descriptors do. The entry is not tagged before it is filled in. */
static struct entry *entry_take(struct cap_table *table, const struct cap *cap, int64_t *index)
{
	uint32_t words = (table->most + WORD_ENTRIES - 1) / WORD_ENTRIES;

	while (table->lowest < words && table->words[table->lowest].taken == UINT64_MAX)
		table->lowest++;
	if (table->lowest == words)
		return NULL;
	struct cap_word *word = &table->words[table->lowest];
	unsigned bit = (unsigned)__builtin_ctzll(~word->taken);
	*index = (int64_t)table->lowest * WORD_ENTRIES + bit;
	if (*index >= table->most)
		return NULL;
	if (!word->entries) {
		const size_t size = (table->most < WORD_ENTRIES ? table->most : WORD_ENTRIES) * sizeof(struct entry);
		struct entry *fresh = aligned_alloc(_Alignof(struct entry), size);
		if (!fresh)
			return NULL;
		memset(fresh, 0, size);
		__atomic_store_n(&word->entries, fresh, __ATOMIC_RELEASE);
	}
	struct entry *entry = &word->entries[bit];
	word->taken |= 1ull << bit;
	table->in_use++;
	entry->cap = *cap;
	entry->root = 0;
	entry->index = (uint32_t)*index;
	entry->table = table;
	entry->parent = entry->child = entry->next = entry->previous = NULL;
	return entry;
}

/* What is not memory has none, and gives none. Where these numbers are not within those of `from`, it has none either: an error of ours, by
 * which nobody gets any access. */
static void entry_store(struct entry *entry, const struct machine_stored *from, uint64_t offset)
{
	const struct cap *cap = &entry->cap;

	machine_stored_derive(entry_stored(entry), from, offset, cap->length, cap->permissions, cap->otype != CAP_UNSEALED);
}

static int64_t entry_derive(struct cap_table *table, struct entry *parent, const struct cap *cap)
{
	int64_t index;
	struct entry *entry = entry_take(table, cap, &index);

	if (!entry)
		return -ENOSPC;
	entry->parent = parent;
	entry->next = parent->child;
	if (entry->next)
		entry->next->previous = entry;
	parent->child = entry;
	entry_store(entry, entry_stored(parent), cap->base - parent->cap.base);
	__atomic_store_n(&entry->tag, 1, __ATOMIC_RELEASE);
	return index;
}

int64_t cap_root(struct cap_table *table, const struct cap *cap, const struct machine_stored *memory)
{
	int64_t index;
	struct entry *entry;

	if (cap->length > UINT64_MAX - cap->base)
		return -EINVAL;
	entry = entry_take(table, cap, &index);
	if (!entry)
		return -ENOSPC;
	entry->root = 1;
	if (memory)
		entry_store(entry, memory, cap->base);
	__atomic_store_n(&entry->tag, 1, __ATOMIC_RELEASE);
	return index;
}

int64_t cap_set_bounds(struct cap_table *table, uint64_t index, uint64_t base, uint64_t length)
{
	struct entry *entry = entry_at(table, index);

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
	struct entry *entry = entry_at(table, index);

	if (!entry)
		return -EBADF;
	if (entry->cap.otype != CAP_UNSEALED)
		return -EPERM;
	struct cap cap = entry->cap;
	cap.permissions &= permissions;
	return entry_derive(table, entry, &cap);
}

/* Does the authority's range of object types hold this one? */
static int authority_check(const struct cap_table *table, uint64_t authority, uint64_t otype, uint32_t permission)
{
	const struct entry *entry = entry_at(table, authority);

	if (!entry)
		return -EBADF;
	if (entry->cap.otype != CAP_UNSEALED || !(entry->cap.permissions & permission) || otype == CAP_UNSEALED ||
	    otype < entry->cap.base || otype - entry->cap.base >= entry->cap.length)
		return -EPERM;
	return 0;
}

int64_t cap_seal(struct cap_table *table, uint64_t index, uint64_t authority, uint64_t otype)
{
	struct entry *entry = entry_at(table, index);
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
	struct entry *entry = entry_at(table, index);

	if (!entry)
		return -EBADF;
	int error = authority_check(table, authority, entry->cap.otype, CAP_UNSEAL);
	if (error)
		return error;
	struct cap cap = entry->cap;
	cap.otype = CAP_UNSEALED;
	return entry_derive(table, entry, &cap);
}

int64_t cap_grant(struct cap_table *from, uint64_t index, struct cap_table *to, uint32_t permissions)
{
	struct entry *entry = entry_at(from, index);

	if (!entry)
		return -EBADF;
	if (!(entry->cap.permissions & CAP_GRANT))
		return -EPERM;
	struct cap cap = entry->cap;
	cap.permissions &= permissions;
	return entry_derive(to, entry, &cap);
}

int cap_invoke_check(const struct cap_table *table, uint64_t code, uint64_t data)
{
	const struct entry *c = entry_at(table, code), *d = entry_at(table, data);

	if (!c || !d)
		return -EBADF;
	return c->cap.otype != CAP_UNSEALED && c->cap.otype == d->cap.otype && (c->cap.permissions & d->cap.permissions & CAP_INVOKE)
		       ? 0 : -EPERM;
}

static void entry_free(struct entry *entry, void (*drop)(void *object))
{
	struct cap_table *table = entry->table;
	uint32_t word = entry->index / WORD_ENTRIES;

	if (entry->previous)
		entry->previous->next = entry->next;
	else if (entry->parent)
		entry->parent->child = entry->next;
	if (entry->next)
		entry->next->previous = entry->previous;
	if (entry->root && drop)
		drop(entry->cap.object);
	entry->lives++;
	table->words[word].taken &= ~(1ull << entry->index % WORD_ENTRIES);
	table->lowest = word < table->lowest ? word : table->lowest;
	if (table->lost)
		table->lost(table->lost_argument);
	if (!--table->in_use && table->ended)
		table_free(table);
}

/* Without recursion: a chain of derivations may be as long as the table. */
int cap_untag(struct cap_table *table, uint64_t index, struct cap_doomed *doomed)
{
	struct entry *top = entry_at(table, index), *entry = top;

	if (!top)
		return -EBADF;
	*doomed = (struct cap_doomed){top, top->lives};
	for (;;) {
		__atomic_store_n(&entry->tag, 0, __ATOMIC_SEQ_CST);
		machine_stored_clear(entry_stored(entry));
		if (entry->child)
			entry = entry->child;
		else {
			while (entry != top && !entry->next)
				entry = entry->parent;
			if (entry == top)
				return 0;
			entry = entry->next;
		}
	}
}

/* Leaves first. The table of the topmost is its caller's, so it is there. */
int cap_free(const struct cap_doomed *doomed, uint32_t most, void (*drop)(void *object))
{
	struct entry *entry = doomed->entry, *parent;

	for (; doomed->entry->lives == doomed->lives && most; most--, entry = parent) {
		while (entry->child)
			entry = entry->child;
		if (__atomic_load_n(&entry->users, __ATOMIC_SEQ_CST))
			return 0;
		parent = entry->parent;
		entry_free(entry, drop);
	}
	return doomed->entry->lives != doomed->lives;
}

int cap_revoke(struct cap_table *table, uint64_t index, void (*drop)(void *object))
{
	struct cap_doomed doomed;
	int error = cap_untag(table, index, &doomed);

	if (!error)
		cap_free(&doomed, UINT32_MAX, drop);
	return error;
}

void cap_table_destroy(struct cap_table *table, void (*drop)(void *object))
{
	if (!table)
		return;
	for (uint32_t i = 0; i < table->most && table->in_use; i++)
		cap_revoke(table, i, drop);
	table->ended = 1;
	if (!table->in_use)
		table_free(table);
}
