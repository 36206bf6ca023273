/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * What cap.c and access.c share: entries, which lie still as long as their table lives, so that a thread may look at one without a
 * lock.
 */
#ifndef CAP_TABLE_H
#define CAP_TABLE_H
#include "cap/cap.h"
#include "machine/stored.h"

/* What a call looks at lies in one line of a processor's cache. */
struct entry {
	_Alignas(64) struct cap cap;    /* changes only while the tag is 0 and there are no users */
	uint32_t tag;           /* atomic */
	uint32_t users;         /* atomic: threads that have counted themselves here and then looked for the tag */
	uint32_t lives;         /* how often it was freed */
	int root;
	uint32_t index;
	struct cap_table *table;
	/* derivation tree, across tables */
	struct entry *parent, *child, *next, *previous;
};

#define WORD_ENTRIES 64u
struct cap_word {
	uint64_t taken;         /* a bit for each entry */
	struct entry *entries;  /* NULL: none was ever taken */
};
struct cap_table {
	uint32_t most;
	uint32_t lowest;        /* words below are full */
	uint32_t in_use;        /* entries; after `ended` the last one frees the table */
	int ended;
	void (*lost)(void *argument);   /* if set: called under the lock for each entry that is freed */
	void *lost_argument;
	/* Each entry's, if it is about memory: `cap` as the machine has it, derived from the parent's, so that what that says is the machine's to
	 * hold and not only cap.c's. It changes when `cap` does, and its tag goes when `tag` does. Behind the words. */
	struct machine_stored *stored;
	_Alignas(16) struct cap_word words[];
};
_Static_assert(sizeof(struct cap_word) == 16 && offsetof(struct cap_table, words) == sizeof(struct cap_table), "what is stored is aligned");

static inline struct machine_stored *entry_stored(const struct entry *entry)
{
	return &entry->table->stored[entry->index];
}

static inline struct entry *entry_at(const struct cap_table *table, uint64_t index)
{
	struct entry *entry = NULL;

	if (index < table->most)
		entry = __atomic_load_n(&table->words[index / WORD_ENTRIES].entries, __ATOMIC_ACQUIRE);
	if (entry)
		entry += index % WORD_ENTRIES;
	return entry && __atomic_load_n(&entry->tag, __ATOMIC_ACQUIRE) ? entry : NULL;
}
#endif
