/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * The verifier: one linear walk over text, then the branch targets, the tables and the landing pads. Trusted; the attacker chose
 * every byte of the text and the numbers of its layout.
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
#include "machine/machine.h"
#include "machine/x86_64/unit.h"
#include "machine/x86_64/verify_forms.h"

#define NODES_MOST 32768u       /* trie nodes and forms; beyond that forms are judged anew: slower, never wrong */
#define LEAF 0x8000u
#define NO_INSTRUCTION UINT64_MAX

struct list {
	uint32_t (*rows)[2];
	size_t count, room;
};

struct walk {
	const struct machine_text *text;
	struct machine_verdict *verdict;
	struct judge *judge;
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
	const struct form *recent_form[5];
	struct form recent_copy[5];
	uint64_t count;                 /* instructions accepted */
	uint64_t unit_by;               /* a checked branch must close at this count; 0: none is open */
	uint64_t unit_start;            /* offset of what opened it */
	int unit_table;                 /* it is a jump through a table */
};

static int refuse(struct walk *w, uint64_t at, unsigned length, const char *rule, const char *reason)
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
			refuse(w, at, (unsigned)left, "decode", "not an instruction, or cut off by the end of the text");
			return NULL;
		}
		node = next;
	}
	if (judge_form(w->judge, bytes, left < FORM_LENGTH_MOST ? left : FORM_LENGTH_MOST, fresh, &refusal, &length)) {
		refuse(w, at, length, refusal.rule, refusal.reason);
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
	if (t == 4 || t == 15 || (libos && (t == 14 || t == 11)) || w->recent_form[0]->zero_extends != t)
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

static int remember(struct list *list, uint64_t a, uint64_t b)
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

static int unit_refuse(struct walk *w)
{
	return w->unit_table ? refuse(w, w->unit_start, 0, "lea", "a pc-relative lea with a 64-bit destination outside of a jump through a table")
			     : refuse(w, w->unit_start, 0, "memory-form", "a step of a checked branch outside of one");
}

static void unit_open(struct walk *w, uint64_t at, uint64_t steps, int table)
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
		return refuse(w, at, length, "unchecked-branch", "a call through a table");
	unsigned t = (add[0] & 2u) << 2 | (add[3] >> 3 & 7);    /* the exact bytes are compared below */
	size_t n = unit_index(want, t, s);
	if (s == 4 || s == 15 || t == 4 || t == 15 || s == t || (libos && (s == 14 || s == 11 || t == 14 || t == 11)) ||
	    text + at - add != (ptrdiff_t)n || memcmp(add, want, n) || add - table != UNIT_TABLE ||
	    memcmp(table, want, unit_table(want, s)) || !unit_mask(mask, (size_t)(table - mask), t, &most))
		return unit_refuse(w);
	memcpy(&distance, table + UNIT_TABLE - 4, 4);
	uint64_t first = w->recent[4] + (uint64_t)(int64_t)distance;
	if (first >= size || 8ull * (most + 1) > size - first)
		return refuse(w, w->unit_start, UNIT_TABLE, "branch-target", "a table out of the text");
	if (first == end) {
		w->table_here = first;
		w->table_most = most;
	}
	int error = remember(&w->jumps, w->unit_start, first);
	return error ? error : remember(&w->jumps, most, 0);
}

/* The table at `at`, whose size was checked. */
static int table_places(struct walk *w, uint64_t at)
{
	int error = remember(&w->tables, at, w->table_most);

	for (uint64_t i = 0; !error && i <= w->table_most; i++) {
		int64_t distance;
		memcpy(&distance, w->text->text + at + 8 * i, 8);
		uint64_t target = at + (uint64_t)distance;
		if (target >= w->text->size)
			return refuse(w, at + 8 * i, 8, "branch-target", "a branch out of the text");
		error = remember(&w->branches, at + 8 * i, target);
	}
	w->table_here = NO_INSTRUCTION;
	return error;
}

/* What depends on this instance of its form. */
static int instance_check(struct walk *w, uint64_t at, const struct form *form)
{
	const struct machine_text *text = w->text;
	int64_t value = value_read(text->text + at, form);
	uint64_t end = at + form->length;
	int error;

	switch ((enum form_kind)form->kind) {
	case FORM_PLAIN:
		return 0;
	case FORM_BRANCH: {
		uint64_t target = end + (uint64_t)value;
		if (target >= text->size)
			return refuse(w, at, form->length, "branch-target", "a branch out of the text");
		return remember(&w->branches, at, target);
	}
	case FORM_RELATIVE_ACCESS:
		/* An operand of up to 64 bytes that starts inside the image stays inside the window: the arena ends 3 GiB below
		 * the window's end. */
		if (text->text_offset + end + (uint64_t)value >= text->image_span)
			return refuse(w, at, form->length, "relative-range", "a pc-relative access out of the image");
		return 0;
	case FORM_THREAD_LOCAL:
		if (value < -(int64_t)WINDOW_TLS_REACH || value >= (int64_t)WINDOW_TLS_REACH)
			return refuse(w, at, form->length, "thread-local-range", "a thread-local access beyond 128 KiB");
		return 0;
	case FORM_WINDOW:
		if (value < -0x8000 || value >= 0x8000)
			return refuse(w, at, form->length, "window-range", "a displacement beyond the window's guards");
		return 0;
	case FORM_GATE:
		if (value > -GATE_SLOT(0) || value < -GATE_SLOT(GATE_SLOTS - 1) || value % 8)
			return refuse(w, at, form->length, "gate-slot", "not a slot of the gate table");
		return 0;
	case FORM_REBASE:
		if (w->unit_by)
			return refuse(w, at, form->length, "memory-form", "a checked branch inside another");
		if (value != -GATE_BASE_SLOT)
			return refuse(w, at, form->length, "memory-form", "a gs access needs the address-size prefix 67");
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
			return refuse(w, at, form->length, "memory-form", "an access without gs outside of a jump through a table");
		return 0;
	case FORM_INDIRECT:
		if (w->unit_by != w->count || (!w->unit_table && !unit_matches(w, at, form->target)))
			return refuse(w, at, form->length, "unchecked-branch", "an indirect branch without its check");
		if (w->unit_table && (error = table_check(w, at, form->length, form->target)))
			return error;
		w->unit_by = 0;
		for (int k = w->unit_table ? 3 : 1; k < 5; k++)
			w->starts[w->recent[k] / 64] &= ~(1ull << w->recent[k] % 64);
		w->starts[at / 64] &= ~(1ull << at % 64);
		return 0;
	}
	return refuse(w, at, form->length, "decode", "internal: unknown form");
}

static int text_walk(struct walk *w, void (*each)(struct walk *, uint64_t at, const struct form *, void *), void *arg)
{
	uint64_t size = w->text->size;

	for (uint64_t at = 0; at < size;) {
		struct form fresh;
		if (at == w->table_here) {
			int error = table_places(w, at);
			if (error)
				return error;
			if (each)
				each(w, at, NULL, arg);
			at += 8ull * (w->table_most + 1);
			continue;
		}
		const struct form *form = form_find(w, at, &fresh);
		if (!form)
			return -EACCES;
		w->starts[at / 64] |= 1ull << at % 64;
		uint64_t open = w->unit_by;
		int error = form->kind == FORM_PLAIN ? 0 : instance_check(w, at, form);
		if (error)
			return error;
		if (open && open == w->count && w->unit_by)
			return unit_refuse(w);
		/* recent[] holds pointers into forms[] or copies of forms the trie had no room for */
		memmove(w->recent, w->recent + 1, 4 * sizeof *w->recent);
		memmove(w->recent_copy, w->recent_copy + 1, 4 * sizeof *w->recent_copy);
		w->recent[4] = at;
		w->recent_copy[4] = *form;
		w->count++;
		if (each)
			each(w, at, form, arg);
		at += form->length;
	}
	if (w->unit_by)
		return unit_refuse(w);
	for (uint64_t at = size - TEXT_END; at < size; at++)    /* text is whole pages */
		if (w->text->text[at] != machine_trap_byte())
			return refuse(w, size - TEXT_END, TEXT_END, "text-end", "the text does not end in 32 traps; link it again with carrel-cc");
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

static int targets_check(struct walk *w)
{
	static const uint32_t pad = LANDING_PAD;
	const uint8_t *text = w->text->text, *end = text + w->text->size;

	for (size_t i = 0; i < w->branches.count; i++)
		if (!start_at(w, w->branches.rows[i][1]))
			return refuse(w, w->branches.rows[i][0], 0, "branch-target",
				      "a branch into the middle of an instruction or of a checked branch");
	for (size_t i = 0; i < w->jumps.count; i += 2)
		if (!table_known(w, w->jumps.rows[i][1], w->jumps.rows[i + 1][0]))
			return refuse(w, w->jumps.rows[i][0], UNIT_TABLE, "branch-target", "no table of that size lies there behind its own jump");
	for (const uint8_t *p = text; (p = memmem(p, (size_t)(end - p), &pad, 4)); p++)
		if (!start_at(w, (uint64_t)(p - text)))
			return refuse(w, (uint64_t)(p - text), 4, "hidden-landing-pad", "the landing pad's bytes inside an instruction");
	return 0;
}

static void *zeroed(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static int verify(const struct machine_text *text, struct machine_verdict *verdict,
		  void (*each)(struct walk *, uint64_t, const struct form *, void *), void *arg)
{
	size_t starts_size = text->size / 8 + 8, nodes_size = NODES_MOST * sizeof(uint16_t[256]),
	       forms_size = NODES_MOST * sizeof(struct form);
	struct walk w = {.text = text, .verdict = verdict, .node_count = 1, .table_here = NO_INSTRUCTION};
	int error = -ENOMEM;

	memset(verdict, 0, sizeof *verdict);
	if (!text->size || text->size % 4096 || text->size > WINDOW_ARENA_END || text->image_span > WINDOW_ARENA_END ||
	    text->text_offset > text->image_span || text->size > text->image_span - text->text_offset)
		return -EINVAL;
	w.judge = malloc(judge_size());
	w.starts = zeroed(starts_size);
	w.nodes = zeroed(nodes_size);
	w.forms = zeroed(forms_size);
	if (w.judge && w.starts && w.nodes && w.forms) {
		judge_init(w.judge, text->policy);
		for (int k = 0; k < 5; k++) {
			w.recent[k] = NO_INSTRUCTION;
			w.recent_form[k] = &w.recent_copy[k];
		}
		error = text_walk(&w, each, arg);
		if (!error)
			error = targets_check(&w);
		verdict->instructions = w.count;
	}
	free(w.judge);
	free(w.branches.rows);
	free(w.tables.rows);
	free(w.jumps.rows);
	if (w.starts)
		munmap(w.starts, starts_size);
	if (w.nodes)
		munmap(w.nodes, nodes_size);
	if (w.forms)
		munmap(w.forms, forms_size);
	return error;
}

int machine_verify(const struct machine_text *text, struct machine_verdict *verdict)
{
	return verify(text, verdict, NULL, NULL);
}

uint8_t machine_trap_byte(void)
{
	return 0xcc;
}

int machine_is_landing_pad(const uint8_t *text, size_t size, uint64_t at)
{
	uint32_t word;

	if (at > size || size - at < sizeof word)
		return 0;
	memcpy(&word, text + at, sizeof word);
	return word == LANDING_PAD;
}

struct explain {
	void (*line)(void *arg, const char *text);
	void *arg;
};

static void explain_each(struct walk *w, uint64_t at, const struct form *form, void *arg)
{
	static const char *const kinds[] = {"", "branch", "image access", "thread-local", "own window", "gate", "rebase (in unit)",
					    "check (in unit)", "table (in unit)", "table (in unit)", "checked branch"};
	struct explain *explain = arg;
	char text[128], hex[3 * FORM_LENGTH_MOST + 1] = "", line[320];

	if (!form) {
		snprintf(line, sizeof line, "%8llx  a table of %u places", (unsigned long long)(w->text->text_offset + at), w->table_most + 1);
		explain->line(explain->arg, line);
		return;
	}
	judge_text(w->judge, w->text->text + at, w->text->size - at, text, sizeof text);
	for (unsigned k = 0; k < form->length; k++)
		snprintf(hex + 3 * k, 4, "%02x ", w->text->text[at + k]);
	snprintf(line, sizeof line, "%8llx  %-36s%-44s %s", (unsigned long long)(w->text->text_offset + at), hex, text, kinds[form->kind]);
	explain->line(explain->arg, line);
}

int machine_explain(const struct machine_text *text, void (*line)(void *arg, const char *text), void *arg)
{
	struct machine_verdict verdict;
	struct explain explain = {line, arg};

	return verify(text, &verdict, explain_each, &explain);
}
