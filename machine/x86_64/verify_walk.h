/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The state of one walk over a text, which verify.c makes, and what verify_branch.c judges of it: checked branches, tables, and where branches
 * land. Trusted.
 */
#ifndef VERIFY_WALK_H
#define VERIFY_WALK_H
#include <stdint.h>

#include "machine/machine.h"
#include "machine/x86_64/verify_forms.h"

#define NO_INSTRUCTION UINT64_MAX

struct list {
	uint32_t (*rows)[2];
	size_t count, room;
};

struct walk {
	const struct machine_text *text;
	struct machine_verdict *verdict;
	uint16_t (*nodes)[256];
	struct form *forms;
	unsigned node_count, form_count;
	uint64_t *starts;               /* one bit per byte: a branch may land here */
	struct list branches;           /* offset of a direct branch's instruction, or of a table; target */
	struct list tables;             /* offset, greatest index; ascending */
	struct list jumps;              /* through a table, two rows each: offset of the unit's lea, table; greatest index */
	uint64_t table_here;            /* the next bytes are a table, */
	uint32_t table_most;            /* of this greatest index */
	/* the last five instructions, oldest first */
	uint64_t recent[5];
	struct form recent_form[5];     /* copies: the trie may have no room for theirs */
	uint64_t count;                 /* instructions accepted */
	uint64_t unit_by;               /* a checked branch must close at this count; 0: none is open */
	uint64_t unit_start;            /* offset of what opened it */
	int unit_table;                 /* it is a jump through a table */
	/* verify_stack.c: since then, without a call, r15 has been `touched` bytes from one of the window; */
	int known, set;                 /* is that so; r15 waits for its rebase */
	int64_t touched;
	uint64_t touched_end;           /* the first instruction that rests on it, if r15 is moved */
};

/* Fills the verdict; -EACCES. */
int walk_refuse(struct walk *w, uint64_t at, unsigned length, const char *rule, const char *reason);

/* verify_branch.c. Each gives 0, or an error with the verdict filled in. */
int remember(struct list *list, uint64_t a, uint64_t b);                /* one more row; of `branches`: a direct one, whose target is in the text */
void unit_open(struct walk *w, uint64_t at, uint64_t steps, int table); /* the next `steps` instructions must close it */
int unit_refuse(struct walk *w);                                        /* the open one */
int unit_close(struct walk *w, uint64_t at, const struct form *branch); /* by the indirect branch at `at` */
int table_places(struct walk *w, uint64_t at);                          /* the table at `at`, whose size was checked */
int targets_check(struct walk *w);                                      /* at the end */

/* verify_stack.c: what `form` at `at`, with this displacement, does with r15; 0, or an error with the verdict filled in. */
int stack_check(struct walk *w, uint64_t at, const struct form *form, int64_t value);

#endif
