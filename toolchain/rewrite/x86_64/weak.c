/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A function that is declared weak and may not exist: `if (f) f();`. A direct call of what is nowhere would be a branch out of the
 * text, which the linker makes without a word and the verifier refuses; so it becomes an indirect one, through the linker's table.
 */
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

struct weak {
	char *name;
	bool exists;
};

static int weak_compare(const void *a, const void *b)
{
	return strcmp(((const struct weak *)a)->name, ((const struct weak *)b)->name);
}

static struct weak *weak_find(struct weak *all, size_t count, const char *text, const char *ends)
{
	struct weak key = {strndup(text, strcspn(text, ends)), false}, *found = bsearch(&key, all, count, sizeof key, weak_compare);

	free(key.name);
	return found;
}

static const char *argument(const char *text)
{
	text += strcspn(text, " \t");
	return text + strspn(text, " \t");
}

static bool directive_is(const struct statement *s, const char *name)
{
	size_t n = strlen(name);

	return s->kind == STATEMENT_DIRECTIVE && !strncmp(s->text, name, n) && (s->text[n] == ' ' || s->text[n] == '\t');
}

static void make_indirect(struct operand *o, const char *name)
{
	char *disp = malloc(strlen(name) + sizeof "@GOTPCREL");

	if (!disp)
		abort();
	strcat(strcpy(disp, name), "@GOTPCREL");
	*o = (struct operand){.kind = OPERAND_MEMORY, .indirect = true, .text = disp, .reg = NO_REG, .disp = disp, .base = RIP, .index = NO_REG,
			      .wide = true, .scale = "1"};
}

void weak_pass(struct source *source)
{
	struct weak *all = calloc(source->count + 1, sizeof *all), *found;
	size_t count = 0;

	if (!all)
		abort();
	for (size_t i = 0; i < source->count; i++)
		if (directive_is(&source->statements[i], ".weak"))
			all[count++].name = strdup(argument(source->statements[i].text));
	qsort(all, count, sizeof *all, weak_compare);
	/* What has a label here, or is set to another name, exists. */
	for (size_t i = 0; count && i < source->count; i++) {
		const struct statement *s = &source->statements[i];
		bool set = directive_is(s, ".set") || directive_is(s, ".equ");
		if ((set || s->kind == STATEMENT_LABEL) && (found = weak_find(all, count, set ? argument(s->text) : s->text, ", \t")))
			found->exists = true;
	}
	for (size_t i = 0; count && i < source->count; i++) {
		struct statement *s = &source->statements[i];
		struct operand *o = &s->operands[0];
		if (s->kind == STATEMENT_INSTRUCTION && s->count == 1 && o->kind == OPERAND_SYMBOL && (mnemonic_is(s, "call") || mnemonic_is(s, "jmp")) &&
		    (found = weak_find(all, count, o->text, "@")) && !found->exists)
			make_indirect(o, found->name);
	}
	for (size_t i = 0; i < count; i++)
		free(all[i].name);
	free(all);
}
