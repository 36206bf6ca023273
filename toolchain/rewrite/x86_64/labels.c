/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Labels of code by their names.
 */
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

struct label {
	const char *name;
	size_t at;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

struct labels labels_of(const struct source *source, size_t first, size_t last)
{
	struct labels labels = {.sorted = calloc(last - first + 1, sizeof *labels.sorted)};

	if (!labels.sorted)
		abort();
	for (size_t i = first; i <= last && i < source->count; i++)
		if (source->statements[i].kind == STATEMENT_LABEL && source->statements[i].code)
			labels.sorted[labels.count++] = (struct label){source->statements[i].text, i};
	qsort(labels.sorted, labels.count, sizeof *labels.sorted, compare);
	return labels;
}

bool label_find(const struct labels *labels, const char *name, size_t *at)
{
	struct label key = {name, 0}, *found = bsearch(&key, labels->sorted, labels->count, sizeof *labels->sorted, compare);

	if (found)
		*at = found->at;
	return found != NULL;
}
