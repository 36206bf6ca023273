/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Sixth pass: what is reached through a table alone needs no landing pad. The compiler puts one at each case and at each label that a
 * computed goto may take; it goes where the label is named by tables whose every jump has been converted, by direct branches, and by
 * nothing else. An error here would be a trap, not an escape.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

/* Of the names in `text`: their statements, in `marks`. */
static void mark(const struct labels *labels, const char *text, bool *marks)
{
	char name[64];
	size_t at;

	for (const char *p = strstr(text, ".L"); p; p = strstr(p + 1, ".L")) {
		size_t n = 2;
		while (isalnum((unsigned char)p[n]) || (p[n] && strchr("_.$", p[n])))
			n++;
		if (n < sizeof name && snprintf(name, sizeof name, "%.*s", (int)n, p) && label_find(labels, name, &at))
			marks[at] = true;
	}
}

/* The lines of a table, from behind statement `at` on, name what only its own jumps go to. */
static void skip(const struct source *source, size_t at, size_t lines, bool *skipped)
{
	while (lines && ++at < source->count) {
		const struct statement *s = &source->statements[at];
		if (s->kind == STATEMENT_DIRECTIVE && (!strncmp(s->text, ".long", 5) || !strncmp(s->text, ".quad", 5))) {
			skipped[at] = true;
			lines--;
		}
	}
}

static bool converted_whole(const struct statement *s)
{
	return s->index != NO_REG && s->loaded == NO_REG && (!s->array || s->certain);
}

/* Does anything but converted jumps name the array? */
static bool array_is_read(const struct source *source, const struct array *array)
{
	size_t length = strlen(array->name);

	for (size_t i = 0; i < source->count; i++) {
		const struct statement *s = &source->statements[i];
		bool jump = s->kind == STATEMENT_INSTRUCTION && s->array == array;
		if (jump && !converted_whole(s))
			return true;
		if (jump || s->kind == STATEMENT_LABEL || s->kind == STATEMENT_TEXT)
			continue;
		for (const char *p = strstr(s->text, array->name); p; p = strstr(p + 1, array->name))
			if (!isalnum((unsigned char)p[length]) && (!p[length] || !strchr("_.$", p[length])) &&
			    strncmp(s->text, ".type", 5) && strncmp(s->text, ".size", 5))
				return true;
	}
	return false;
}

void pads_pass(struct source *source)
{
	struct statement *all = source->statements;

	if (!source->compiled)
		return;
	struct labels labels = labels_of(source, 0, source->count);
	bool *named = calloc(source->count + 1, 3 * sizeof *named), *skipped = named + source->count + 1, *in_table = skipped + source->count + 1;
	if (!named)
		abort();
	for (size_t i = 0; i < source->count; i++)
		if (all[i].kind == STATEMENT_INSTRUCTION && all[i].lands_count && converted_whole(&all[i]))
			skip(source, i, all[i].lands_count, skipped);
	for (size_t k = 0; k < source->array_count; k++)
		if (source->arrays[k].jumps && !array_is_read(source, &source->arrays[k]))
			skip(source, source->arrays[k].at, source->arrays[k].lands_count, skipped);
	for (size_t i = 0; i < source->count; i++) {
		const struct statement *s = &all[i];
		bool branch = s->kind == STATEMENT_INSTRUCTION && s->mnemonic[0] == 'j' && s->count == 1 && s->operands[0].kind == OPERAND_SYMBOL;
		if (!branch && (s->kind == STATEMENT_INSTRUCTION || s->kind == STATEMENT_DIRECTIVE))
			mark(&labels, s->text, skipped[i] ? in_table : named);
	}
	for (size_t i = 0; i < source->count; i++) {
		if (all[i].kind != STATEMENT_INSTRUCTION || all[i].app || strcmp(all[i].mnemonic, "endbr64"))
			continue;
		bool other = false, table = false;
		for (size_t k = i; k-- > 0 && all[k].kind != STATEMENT_INSTRUCTION;)
			if (all[k].kind == STATEMENT_LABEL && all[k].code && !label_is_debug(all[k].text)) {
				other |= strncmp(all[k].text, ".L", 2) || !isdigit((unsigned char)all[k].text[2]) || named[k];
				table |= in_table[k];
			}
		if (table && !other)
			all[i].kind = STATEMENT_TEXT;
	}
	free(labels.sorted);
	free(named);
}
