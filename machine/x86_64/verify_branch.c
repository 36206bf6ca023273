/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The verifier's branches: the two kinds of checked ones (unit.h), the tables, and at the end of the walk all targets and landing pads. Trusted;
 * the attacker chose every byte.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/gate.h>
#include <carrel/image.h>
#include "machine/x86_64/unit.h"
#include "machine/x86_64/verify_walk.h"

/* Is the instruction before `at` and its four predecessors the unit of docs/architecture.md for T? Byte-exact. */
static int unit_matches(const struct walk *w, uint64_t at, unsigned t)
{
	const uint8_t *text = w->text->text;
	int libos = w->text->policy == IMAGE_POLICY_LIBOS;
	uint8_t want[16];
	size_t n;

	for (int k = 0; k < 5; k++)
		if (w->recent[k] == NO_INSTRUCTION)
			return 0;
	const uint8_t *load = text + w->recent[1], *add = text + w->recent[2], *jne = text + w->recent[3], *rebase = text + w->recent[4];
	size_t load_length = (size_t)(add - load), add_length = (size_t)(jne - add), rebase_length = (size_t)(text + at - rebase);
	if (t == 4 || t == 15 || (libos && (t == 14 || t == 11)) || w->recent_form[0].zero_extends != t)
		return 0;
	/* S from the load's ModRM, whose place depends only on policy and REX. */
	size_t m = libos ? 0 : 2;
	if (load_length < m + 2)        /* prefixes, opcode and ModRM; the exact bytes are compared below */
		return 0;
	unsigned r = (load[m] & 0xf0) == 0x40 ? load[m] & 0x0fu : 0;
	unsigned modrm = load[m + (r ? 2 : 1)], s = (modrm >> 3 & 7) | (r & 4) << 1;
	if (s == 4 || s == 15 || s == t || (libos && s == 14))
		return 0;
	n = libos ? unit_load_libos(want, t, s) : unit_load_program(want, t, s);
	if (load_length != n || memcmp(load, want, n))
		return 0;
	n = unit_add(want, s);
	if (add_length != n || memcmp(add, want, n))
		return 0;
	if (!(jne[0] == 0x75 && rebase - jne == 2) && !(jne[0] == 0x0f && jne[1] == 0x85 && rebase - jne == 6))
		return 0;
	n = libos ? unit_rebase_libos(want, t) : unit_rebase_program(want, t);
	return rebase_length == n && !memcmp(rebase, want, n);
}

int remember(struct list *list, uint64_t a, uint64_t b)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 1024;
		void *more = realloc(list->rows, room * sizeof *list->rows);
		if (!more)
			return -ENOMEM;
		list->rows = more;
		list->room = room;
	}
	uint32_t *row = list->rows[list->count++];
	row[0] = (uint32_t)a;
	row[1] = (uint32_t)b;
	return 0;
}

int unit_refuse(struct walk *w)
{
	return w->unit_table ? walk_refuse(w, w->unit_start, 0, "lea", "a pc-relative lea with a 64-bit destination outside of a jump through a table")
			     : walk_refuse(w, w->unit_start, 0, "memory-form", "a step of a checked branch outside of one");
}

void unit_open(struct walk *w, uint64_t at, uint64_t steps, int table)
{
	w->unit_by = w->count + steps;
	w->unit_start = at;
	w->unit_table = table;
}

/* Are the three instructions before the branch `jmp *%S` at `at` the steps of a jump through a table? Byte-exact. Then S is a place of
 * the table, TABLE plus what stands at TABLE + 8 * i, i <= K, whatever the registers hold: the `and` clears T's upper half and bounds
 * it, and S is made of T and the table alone. The table is bytes of the text that are never run and whose places are checked
 * like direct branches' targets: where it follows the unit (a jump is never run past), here, else at the end: it must be one of those. */
static int table_check(struct walk *w, uint64_t at, unsigned length, unsigned s)
{
	const uint8_t *text = w->text->text, *mask = text + w->recent[2], *table = text + w->recent[3], *add = text + w->recent[4];
	int libos = w->text->policy == IMAGE_POLICY_LIBOS;
	uint64_t size = w->text->size, end = at + length;
	uint8_t want[16];
	int32_t distance;
	uint32_t most;

	if (w->recent[2] == NO_INSTRUCTION || w->recent[3] != w->unit_start || at - w->recent[4] < 4)
		return unit_refuse(w);
	if ((text[end - 1] & 0xf8) != 0xe0)     /* a call would return to the table behind it */
		return walk_refuse(w, at, length, "unchecked-branch", "a call through a table");
	unsigned t = (add[0] & 2u) << 2 | (add[3] >> 3 & 7);    /* the exact bytes are compared below */
	size_t n = unit_index(want, t, s);
	if (s == 4 || s == 15 || t == 4 || t == 15 || s == t || (libos && (s == 14 || s == 11 || t == 14 || t == 11)) ||
	    text + at - add != (ptrdiff_t)n || memcmp(add, want, n) || add - table != UNIT_TABLE ||
	    memcmp(table, want, unit_table(want, s)) || !unit_mask(mask, (size_t)(table - mask), t, &most))
		return unit_refuse(w);
	memcpy(&distance, table + UNIT_TABLE - 4, 4);
	uint64_t first = w->recent[4] + (uint64_t)(int64_t)distance;
	if (first >= size || 8ull * (most + 1) > size - first)
		return walk_refuse(w, w->unit_start, UNIT_TABLE, "branch-target", "a table out of the text");
	if (first == end) {
		w->table_here = first;
		w->table_most = most;
	}
	int error = remember(&w->jumps, w->unit_start, first);
	return error ? error : remember(&w->jumps, most, 0);
}

/* The table at `at`, whose size was checked. */
int table_places(struct walk *w, uint64_t at)
{
	int error = remember(&w->tables, at, w->table_most);

	for (uint64_t i = 0; !error && i <= w->table_most; i++) {
		int64_t distance;
		memcpy(&distance, w->text->text + at + 8 * i, 8);
		uint64_t target = at + (uint64_t)distance;
		if (target >= w->text->size)
			return walk_refuse(w, at + 8 * i, 8, "branch-target", "a branch out of the text");
		error = remember(&w->branches, at + 8 * i, target);
	}
	w->table_here = NO_INSTRUCTION;
	return error;
}

int unit_close(struct walk *w, uint64_t at, const struct form *branch)
{
	int error;

	if (w->unit_by != w->count || (!w->unit_table && !unit_matches(w, at, branch->target)))
		return walk_refuse(w, at, branch->length, "unchecked-branch", "an indirect branch without its check");
	if (w->unit_table && (error = table_check(w, at, branch->length, branch->target)))
		return error;
	w->unit_by = 0;
	for (int k = w->unit_table ? 3 : 1; k < 5; k++)
		w->starts[w->recent[k] / 64] &= ~(1ull << w->recent[k] % 64);
	w->starts[at / 64] &= ~(1ull << at % 64);
	return 0;
}

static int start_at(const struct walk *w, uint64_t at)
{
	return w->starts[at / 64] >> at % 64 & 1;
}

/* Is it a table, with places for each index up to `most`? */
static int table_known(const struct walk *w, uint32_t at, uint32_t most)
{
	size_t low = 0, high = w->tables.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (w->tables.rows[middle][0] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < w->tables.count && w->tables.rows[low][0] == at && most <= w->tables.rows[low][1];
}

int targets_check(struct walk *w)
{
	static const uint32_t pad = LANDING_PAD;
	const uint8_t *text = w->text->text, *end = text + w->text->size;

	for (size_t i = 0; i < w->branches.count; i++)
		if (!start_at(w, w->branches.rows[i][1]))
			return walk_refuse(w, w->branches.rows[i][0], 0, "branch-target",
				      "a branch into the middle of an instruction or of a checked branch");
	for (size_t i = 0; i < w->jumps.count; i += 2)
		if (!table_known(w, w->jumps.rows[i][1], w->jumps.rows[i + 1][0]))
			return walk_refuse(w, w->jumps.rows[i][0], UNIT_TABLE, "branch-target", "no table of that size lies there behind its own jump");
	for (const uint8_t *p = text; (p = memmem(p, (size_t)(end - p), &pad, 4)); p++)
		if (!start_at(w, (uint64_t)(p - text)))
			return walk_refuse(w, (uint64_t)(p - text), 4, "hidden-landing-pad", "the landing pad's bytes inside an instruction");
	return 0;
}
