/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Arrays of labels, from which computed gotos take theirs.
 */
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

static void array_close(struct source *source, struct array *array, int function)
{
	if (!array->lands_count || array->lands_count > TABLE_PLACES || function < 0)
		return;
	array->function = function;
	source->arrays = realloc(source->arrays, (source->array_count + 1) * sizeof *source->arrays);
	if (!source->arrays)
		abort();
	source->arrays[source->array_count++] = *array;
}

/* Does a section begin here that no program writes to? -1: no section does. */
static int constant_section(const char *text)
{
	static const char *const others[] = {".text", ".data", ".bss", ".pushsection", ".popsection", ".previous", ".subsection", NULL};

	if (!strncmp(text, ".section", 8)) {
		text += 8 + strspn(text + 8, " \t");
		return !strncmp(text, ".rodata", 7) || !strncmp(text, ".data.rel.ro", 12);
	}
	for (int i = 0; others[i]; i++)
		if (!strncmp(text, others[i], strlen(others[i])))
			return 0;
	return -1;
}

/* NAME: .quad .Lx; .quad .Ly..., all of them places in one function, and never written to. */
static void arrays_gather(struct source *source, const struct labels *labels)
{
	struct array array = {0};
	int function = -1, constant = 0;

	for (size_t i = 0; i < source->count; i++) {
		const struct statement *s = &source->statements[i];
		if (array.name && (s->kind != STATEMENT_DIRECTIVE || strncmp(s->text, ".quad", 5))) {
			array_close(source, &array, function);
			array = (struct array){0};
		}
		if (s->kind == STATEMENT_DIRECTIVE && constant_section(s->text) >= 0)
			constant = constant_section(s->text);
		if (s->kind == STATEMENT_LABEL && !s->code && constant) {
			array = (struct array){.name = s->text, .at = i};
			function = -1;
		} else if (array.name) {
			size_t at;
			int its = label_find(labels, s->text + 5 + strspn(s->text + 5, " \t"), &at) ? source->statements[at].function : -1;
			if (its < 0 || (function >= 0 && its != function)) {
				array.name = NULL;
				continue;
			}
			function = its;
			array.lands = realloc(array.lands, (array.lands_count + 1) * sizeof *array.lands);
			if (!array.lands)
				abort();
			array.lands[array.lands_count++] = at;
		}
	}
	if (array.name)
		array_close(source, &array, function);
}

/* The tables of switches look the same, and are not arrays. */
static void arrays_sift(struct source *source)
{
	size_t left = 0;

	for (size_t i = 0; i < source->count; i++)
		for (size_t k = 0; source->statements[i].table && k < source->array_count; k++)
			if (source->arrays[k].name == source->statements[i].table)
				source->arrays[k].function = -1;
	for (size_t k = 0; k < source->array_count; k++)
		if (source->arrays[k].function >= 0)
			source->arrays[left++] = source->arrays[k];
	source->array_count = left;
}

/* The only array of this function. */
struct array *array_of(const struct source *source, int function)
{
	struct array *found = NULL;

	for (size_t i = 0; i < source->array_count; i++)
		if (source->arrays[i].function == function) {
			if (found)
				return NULL;
			found = &source->arrays[i];
		}
	return found;
}

void arrays_find(struct source *source)
{
	struct labels labels = labels_of(source, 0, source->count);

	arrays_gather(source, &labels);
	arrays_sift(source);
	free(labels.sorted);
}
