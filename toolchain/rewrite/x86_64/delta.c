/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Second pass: where r15 stands against V, the stack pointer the compiler believes in (docs/architecture.md, "The
 * dual stack"). With CFI the state belongs to the address, so it agrees on every path that reaches it. Hand-written
 * functions without CFI keep d = 8 throughout, which agrees on every path too.
 */
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

struct frame {
	int reg;        /* DWARF number: 7 is rsp; -1 an expression */
	long offset;    /* CFA = reg + offset */
	int base;       /* the register that the expression begins with, or reg */
	uint32_t saved; /* registers that are found in the frame */
};
#define ENTRY ((struct frame){7, 8, 7, 0})

static int delta_of(const struct frame *f)
{
	return f->reg == 7 && f->offset == 8 ? 8 : 0;
}

static int dwarf_register(const char *text)
{
	static const char *const names[] = {"%rax", "%rdx", "%rcx", "%rbx", "%rsi", "%rdi", "%rbp", "%rsp"};

	for (int i = 0; i < 8; i++)
		if (!strncmp(text, names[i], 4))
			return i;
	if (text[0] == '%' && text[1] == 'r')
		return atoi(text + 2);
	return atoi(text);
}

static uint32_t dwarf_bit(int number)
{
	static const enum gpr first[] = {RAX, RDX, RCX, RBX, RSI, RDI, RBP, RSP};

	return number < 0 || number > 15 ? 0 : number < 8 ? BIT(first[number]) : BIT(number);
}

/* What an unwinder finds in registers behind a call: of those that calls keep, what is not in the frame, and what that is found by. */
static uint32_t unwinds(const struct frame *f)
{
	return (CALL_KEEPS & ~f->saved) | dwarf_bit(f->base);
}

static void cfi_follow(struct frame *now, struct frame *stack, int *depth, const char *text)
{
	const char *arguments = text + strcspn(text, " \t");

	arguments += strspn(arguments, " \t");
	const char *comma = strchr(arguments, ',');
	if (!strncmp(text, ".cfi_def_cfa_offset", 19))
		now->offset = strtol(arguments, NULL, 0);
	else if (!strncmp(text, ".cfi_adjust_cfa_offset", 22))
		now->offset += strtol(arguments, NULL, 0);
	else if (!strncmp(text, ".cfi_def_cfa_register", 21))
		now->base = now->reg = dwarf_register(arguments);
	else if (!strncmp(text, ".cfi_def_cfa", 12)) {
		now->base = now->reg = dwarf_register(arguments);
		now->offset = comma ? strtol(comma + 1, NULL, 0) : 0;
	} else if (!strncmp(text, ".cfi_escape", 11) && strtol(arguments, NULL, 0) == 0x0f) {
		const char *operation = comma ? strchr(comma + 1, ',') : NULL;
		now->reg = -1;
		now->base = operation ? (int)strtol(operation + 1, NULL, 0) - 0x70 : -1; /* DW_OP_breg0 and on */
	} else if (!strncmp(text, ".cfi_escape", 11) && strtol(arguments, NULL, 0) == 0x10)
		now->saved |= dwarf_bit(comma ? (int)strtol(comma + 1, NULL, 0) : -1);
	else if (!strncmp(text, ".cfi_offset", 11) || !strncmp(text, ".cfi_rel_offset", 15))
		now->saved |= dwarf_bit(dwarf_register(arguments));
	else if (!strncmp(text, ".cfi_remember_state", 19) && *depth < 32)
		stack[(*depth)++] = *now;
	else if (!strncmp(text, ".cfi_restore_state", 18) && *depth)
		*now = stack[--*depth];
	else if (!strncmp(text, ".cfi_restore", 12))
		now->saved &= ~dwarf_bit(dwarf_register(arguments));
}

static bool is_function_type(const char *text, const char **name, size_t *length)
{
	if (strncmp(text, ".type", 5) || !strstr(text, "function"))
		return false;
	*name = text + 5 + strspn(text + 5, " \t");
	*length = strcspn(*name, ", \t");
	return true;
}

struct name {
	const char *text;
	size_t length;
};

static int name_compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	size_t n = x->length < y->length ? x->length : y->length;
	int order = strncmp(x->text, y->text, n);

	return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Labels that a .type directive calls functions. */
static void functions_mark(struct source *source)
{
	struct name *names = calloc(source->count + 1, sizeof *names);
	size_t count = 0;

	for (size_t i = 0; i < source->count; i++)
		if (source->statements[i].kind == STATEMENT_DIRECTIVE &&
		    is_function_type(source->statements[i].text, &names[count].text, &names[count].length))
			count++;
	qsort(names, count, sizeof *names, name_compare);
	for (size_t i = 0; i < source->count; i++) {
		struct statement *s = &source->statements[i];
		struct name key = {s->text, strlen(s->text)};
		s->is_function = s->kind == STATEMENT_LABEL && s->code && bsearch(&key, names, count, sizeof key, name_compare);
	}
	free(names);
}

void delta_pass(struct source *source)
{
	struct frame now = ENTRY, stack[32];
	int depth = 0, function = -1, forced = -1;
	bool cfi = false, ended = true;

	functions_mark(source);

	for (size_t i = 0; i < source->count; i++) {
		struct statement *s = &source->statements[i];
		if (s->kind == STATEMENT_DIRECTIVE) {
			if (!strncmp(s->text, ".cfi_startproc", 14)) {
				cfi = true;
				now = ENTRY;
				depth = 0;
				function = source->functions++;
				forced = -1;
			} else if (!strncmp(s->text, ".cfi_endproc", 12)) {
				cfi = false;
				ended = true;
			} else if (!strncmp(s->text, ".carrel_delta", 13)) {
				forced = atoi(s->text + 13);
				s->kind = STATEMENT_TEXT;
				s->text = strdup("");
			} else if (cfi)
				cfi_follow(&now, stack, &depth, s->text);
		} else if (s->kind == STATEMENT_LABEL && s->code && !cfi) {
			if (s->is_function || (ended && s->text[0] != '.' && (s->text[0] < '0' || s->text[0] > '9'))) {
				now = ENTRY;
				function = source->functions++;
				forced = -1;
			}
		}
		s->function = s->code ? function : -1;
		s->has_cfi = cfi;
		s->delta = forced >= 0 ? forced : delta_of(&now);
		s->unwinds = cfi ? unwinds(&now) : 0;
		if (s->kind == STATEMENT_INSTRUCTION)
			ended = !statement_falls_through(s);
	}
	/* The state belongs to the address: labels and instructions take what the directives behind them say. */
	int next = 0, next_function = -2;
	for (size_t i = source->count; i-- > 0;) {
		struct statement *s = &source->statements[i];
		if (s->kind == STATEMENT_INSTRUCTION) {
			next = s->delta;
			next_function = s->function;
		} else if (s->function == next_function)
			s->delta = next;
	}
}
