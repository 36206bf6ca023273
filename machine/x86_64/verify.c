/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The verifier: one linear walk over text; then verify_branch.c looks at where branches land. Trusted; the attacker chose every byte of the
 * text and the numbers of its layout.
 *
 * Forms are remembered in a trie keyed by an instruction's leading bytes, up to its displacement or immediate. That is
 * sound because in x86 the leading bytes alone (prefixes, opcode, ModRM, SIB) fix the instruction's length, its operands
 * and where displacement and immediate lie: two byte strings that share a form's key differ only in those values, and
 * what depends on the values is checked for each instance below. No key is a prefix of another for the same reason.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <carrel/gate.h>
#include <carrel/image.h>
#include <carrel/window.h>
#include "machine/x86_64/verify_walk.h"

#define NODES_MOST 32768u       /* trie nodes and forms; beyond that forms are judged anew: slower, never wrong */
#define LEAF 0x8000u

/* What a walk needs; most of it is never touched. */
struct room {
	uint16_t nodes[NODES_MOST][256];
	struct form forms[NODES_MOST];
	uint64_t starts[];              /* one bit per byte of the text */
};

int walk_refuse(struct walk *w, uint64_t at, unsigned length, const char *rule, const char *reason)
{
	struct machine_verdict *v = w->verdict;
	size_t left = w->text->size - at;

	v->offset = at;
	v->length = length ? length : 1;
	if (v->length > left)
		v->length = (unsigned)left;
	if (v->length > sizeof v->bytes)
		v->length = sizeof v->bytes;
	memcpy(v->bytes, w->text->text + at, v->length);
	v->rule = rule;
	snprintf(v->reason, sizeof v->reason, "%s", reason);
	v->instructions = w->count;
	return -EACCES;
}

/* The form at bytes, from the trie or judged now. NULL: refused, the verdict says why. */
static const struct form *form_find(struct walk *w, uint64_t at, struct form *fresh)
{
	const uint8_t *bytes = w->text->text + at;
	size_t left = w->text->size - at;
	unsigned node = 0, length;
	struct refusal refusal;

	for (size_t k = 0; k < left && k < FORM_LENGTH_MOST; k++) {
		unsigned next = w->nodes[node][bytes[k]];
		if (!next)
			break;
		if (next & LEAF) {
			const struct form *form = &w->forms[next & ~LEAF];
			if (form->length <= left)
				return form;
			walk_refuse(w, at, (unsigned)left, "decode", "not an instruction, or cut off by the end of the text");
			return NULL;
		}
		node = next;
	}
	if (judge_form(w->text->policy, bytes, left < FORM_LENGTH_MOST ? left : FORM_LENGTH_MOST, fresh, &refusal, &length)) {
		walk_refuse(w, at, length, refusal.rule, refusal.reason);
		return NULL;
	}
	if (w->form_count == NODES_MOST || w->node_count + FORM_LENGTH_MOST > NODES_MOST)
		return fresh;
	node = 0;
	for (unsigned k = 0; k + 1 < fresh->key; k++) {
		uint16_t *next = &w->nodes[node][bytes[k]];
		if (!*next)
			*next = (uint16_t)w->node_count++;
		node = *next;
	}
	w->nodes[node][bytes[fresh->key - 1]] = (uint16_t)(LEAF | w->form_count);
	w->forms[w->form_count] = *fresh;
	return &w->forms[w->form_count++];
}

static int64_t value_read(const uint8_t *bytes, const struct form *form)
{
	if (form->value_size == 1)
		return (int8_t)bytes[form->value_at];
	if (form->value_size == 4) {
		int32_t value;
		memcpy(&value, bytes + form->value_at, 4);
		return value;
	}
	return 0;
}

/* What depends on this instance of its form. */
static int instance_check(struct walk *w, uint64_t at, const struct form *form)
{
	const struct machine_text *text = w->text;
	int64_t value = value_read(text->text + at, form);
	uint64_t end = at + form->length;

	switch ((enum form_kind)form->kind) {
	case FORM_PLAIN:
		return 0;
	case FORM_BRANCH: {
		uint64_t target = end + (uint64_t)value;
		if (target >= text->size)
			return walk_refuse(w, at, form->length, "branch-target", "a branch out of the text");
		return remember(&w->branches, at, target);
	}
	case FORM_RELATIVE_ACCESS:
		/* An operand of up to 64 bytes that starts inside the image stays inside the window: the arena ends 3 GiB below
		 * the window's end. */
		if (text->text_offset + end + (uint64_t)value >= text->image_span)
			return walk_refuse(w, at, form->length, "relative-range", "a pc-relative access out of the image");
		return 0;
	case FORM_THREAD_POINTER:
		if (value != THREAD_POINTER_AT)
			return walk_refuse(w, at, form->length, "thread-pointer", "another word of fs than the thread pointer");
		return 0;
	case FORM_WINDOW:
		if (value < -0x8000 || value >= 0x8000)
			return walk_refuse(w, at, form->length, "window-range", "a displacement beyond the window's guards");
		return 0;
	case FORM_GATE:
		if (value < GATE_SLOT(0) || value > GATE_SLOT(GATE_SLOTS - 1) || value % 8)
			return walk_refuse(w, at, form->length, "gate-slot", "not a slot of the gate table");
		return 0;
	case FORM_REBASE:
		if (w->unit_by)
			return walk_refuse(w, at, form->length, "memory-form", "a checked branch inside another");
		if (value != GATE_BASE_SLOT)
			return walk_refuse(w, at, form->length, "memory-form", "a gs access needs the address-size prefix 67");
		unit_open(w, at, 1, 0);
		return 0;
	case FORM_UNIT_LOAD:
	case FORM_TABLE:
		if (w->unit_by)         /* the one before would be forgotten */
			return unit_refuse(w);
		unit_open(w, at, form->kind == FORM_TABLE ? 2 : 4, form->kind == FORM_TABLE);
		return 0;
	case FORM_TABLE_ADD:
		if (!w->unit_table || w->unit_by != w->count + 1)
			return walk_refuse(w, at, form->length, "memory-form", "an access without gs outside of a jump through a table");
		return 0;
	case FORM_INDIRECT:
		return unit_close(w, at, form);
	}
	return walk_refuse(w, at, form->length, "decode", "internal: unknown form");
}

static int text_walk(struct walk *w, machine_piece *each, void *argument)
{
	static const char *const kinds[] = {"", "branch", "image access", "thread pointer", "own window", "gate", "rebase (in unit)",
					    "check (in unit)", "table (in unit)", "table (in unit)", "checked branch"};
	static const char *const stacks[] = {"", "stack", "stack", "stack moves", "stack is set", "rebase of the stack", ""};
	uint64_t size = w->text->size;

	for (uint64_t at = 0; at < size;) {
		struct form fresh;
		if (at == w->table_here) {
			int error = table_places(w, at);
			if (error)
				return error;
			if (each)
				each(argument, at, 8ull * (w->table_most + 1), 0, "a table");
			at += 8ull * (w->table_most + 1);
			continue;
		}
		const struct form *form = form_find(w, at, &fresh);
		if (!form)
			return -EACCES;
		w->starts[at / 64] |= 1ull << at % 64;
		uint64_t open = w->unit_by;
		int error = form->kind == FORM_PLAIN ? 0 : instance_check(w, at, form);
		if (!error && (form->stack || w->set))
			error = stack_check(w, at, form, value_read(w->text->text + at, form));
		if (error)
			return error;
		if (open && open == w->count && w->unit_by)
			return unit_refuse(w);
		memmove(w->recent, w->recent + 1, 4 * sizeof *w->recent);
		memmove(w->recent_form, w->recent_form + 1, 4 * sizeof *w->recent_form);
		w->recent[4] = at;
		w->recent_form[4] = *form;
		w->count++;
		if (each)
			each(argument, at, form->length, 1, form->kind == FORM_PLAIN ? stacks[form->stack] : kinds[form->kind]);
		at += form->length;
	}
	if (w->unit_by)
		return unit_refuse(w);
	for (uint64_t at = size - TEXT_END; at < size; at++)    /* text is whole pages */
		if (w->text->text[at] != ISA_TRAP_BYTE)
			return walk_refuse(w, size - TEXT_END, TEXT_END, "text-end", "the text does not end in 32 traps; link it again with carrel-cc");
	return 0;
}

int machine_verify(const struct machine_text *text, struct machine_verdict *verdict, machine_piece *each, void *argument)
{
	const size_t size = sizeof(struct room) + text->size / 8 + 8;

	memset(verdict, 0, sizeof *verdict);
	if (!text->size || text->size % 4096 || text->size > WINDOW_ARENA_END || text->image_span > WINDOW_ARENA_END ||
	    text->text_offset > text->image_span || text->size > text->image_span - text->text_offset)
		return -EINVAL;
	struct room *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return -ENOMEM;
	struct walk w = {.text = text, .verdict = verdict, .nodes = room->nodes, .forms = room->forms, .starts = room->starts,
			 .node_count = 1, .table_here = NO_INSTRUCTION};
	for (int k = 0; k < 5; k++)
		w.recent[k] = NO_INSTRUCTION;
	int error = text_walk(&w, each, argument);
	if (!error)
		error = targets_check(&w);
	verdict->instructions = w.count;
	free(w.branches.rows);
	free(w.tables.rows);
	free(w.jumps.rows);
	munmap(room, size);
	return error;
}

int machine_is_landing_pad(const uint8_t *text, size_t size, uint64_t at)
{
	uint32_t word;

	if (at > size || size - at < sizeof word)
		return 0;
	memcpy(&word, text + at, sizeof word);
	return word == LANDING_PAD;
}
