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
};

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
		now->reg = dwarf_register(arguments);
	else if (!strncmp(text, ".cfi_def_cfa", 12)) {
		now->reg = dwarf_register(arguments);
		now->offset = comma ? strtol(comma + 1, NULL, 0) : 0;
	} else if (!strncmp(text, ".cfi_escape", 11) && strtol(arguments, NULL, 0) == 0x0f)
		now->reg = -1;
	else if (!strncmp(text, ".cfi_remember_state", 19) && *depth < 32)
		stack[(*depth)++] = *now;
	else if (!strncmp(text, ".cfi_restore_state", 18) && *depth)
		*now = stack[--*depth];
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
	struct frame now = {7, 8}, stack[32];
	int depth = 0, function = -1, forced = -1;
	bool cfi = false, ended = true;

	functions_mark(source);

	for (size_t i = 0; i < source->count; i++) {
		struct statement *s = &source->statements[i];
		if (s->kind == STATEMENT_DIRECTIVE) {
			if (!strncmp(s->text, ".cfi_startproc", 14)) {
				cfi = true;
				now = (struct frame){7, 8};
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
				now = (struct frame){7, 8};
				function = source->functions++;
				forced = -1;
			}
		}
		s->function = s->code ? function : -1;
		s->has_cfi = cfi;
		s->delta = forced >= 0 ? forced : delta_of(&now);
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
