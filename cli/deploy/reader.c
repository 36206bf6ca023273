/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * See reader.h. libyaml reads the file and keeps the places.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/deploy/reader.h"

int complain(const struct project *p, struct position at, const char *text, ...)
{
	va_list list;

	if (at.line)
		fprintf(stderr, "carrel: %s:%zu:%zu: ", p->file, at.line, at.column);
	else
		fprintf(stderr, "carrel: %s: ", p->file);
	va_start(list, text);
	vfprintf(stderr, text, list);
	va_end(list);
	fputc('\n', stderr);
	return -1;
}

int name_ok(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= 63 && !name[n] && *name != '.' && *name != '_' && *name != '-';
}

struct position place(const yaml_node_t *node)
{
	return (struct position){node->start_mark.line + 1, node->start_mark.column + 1};
}

static const yaml_node_t *node_at(const struct reader *r, int index)
{
	return yaml_document_get_node(r->document, index);
}

const char *type_of(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE ? "a single value" : node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping";
}

const char *scalar(const struct reader *r, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE) {
		BAD(node, "%s must be a single value, and is %s", what, type_of(node));
		return NULL;
	}
	const char *text = (const char *)node->data.scalar.value;
	if (strlen(text) != node->data.scalar.length) {
		BAD(node, "%s has a NUL in it", what);
		return NULL;
	}
	if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (!*text || !strcmp(text, "~") || !strcmp(text, "null"))) {
		BAD(node, "%s has no value", what);
		return NULL;
	}
	return text;
}

int number(const struct reader *r, const yaml_node_t *node, const char *what, unsigned long least, unsigned long most,
		  unsigned long *value)
{
	const char *text = scalar(r, node, what);
	char *end;

	if (!text)
		return -1;
	errno = 0;
	*value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || *value < least || *value > most)
		return BAD(node, "%s must be a number from %lu to %lu, and is `%s`", what, least, most, text);
	return 0;
}

int duration(const struct reader *r, const yaml_node_t *node, const char *what, int64_t *value)
{
	const char *text = scalar(r, node, what);
	char *end;

	if (!text)
		return -1;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	int64_t unit = !*end || !strcmp(end, "s") ? 1000000000 : !strcmp(end, "ms") ? 1000000 : !strcmp(end, "m") ? 60000000000 : 0;
	if (*text < '0' || *text > '9' || errno || !unit || n > 86400000)
		return BAD(node, "%s must be a time like 200ms, 5s or 1m, and is `%s`", what, text);
	*value = (int64_t)n * unit;
	return 0;
}

int flag(const struct reader *r, const yaml_node_t *node, const char *what, const char *const *names, int count, int *value)
{
	char list[256] = "";
	const char *text = scalar(r, node, what);

	if (!text)
		return -1;
	for (int i = 0; i < count; i++) {
		if (!strcmp(text, names[i])) {
			*value = i;
			return 0;
		}
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? i == count - 1 ? " or " : ", " : "", names[i]);
	}
	return BAD(node, "%s must be %s, and is `%s`", what, list, text);
}

int list(const struct reader *r, const yaml_node_t *node, const char *what, void *to,
		int (*each)(const struct reader *, const yaml_node_t *, void *))
{
	if (node->type != YAML_SEQUENCE_NODE)
		return BAD(node, "%s must be a list, and is %s", what, type_of(node));
	for (const yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
		if (each(r, node_at(r, *i), to))
			return -1;
	return 0;
}

int mapping(const struct reader *r, const yaml_node_t *node, const char *what, const struct key *keys, size_t count,
		   int (*any)(const struct reader *, const yaml_node_t *, const yaml_node_t *, void *), void *to)
{
	if (node->type != YAML_MAPPING_NODE)
		return BAD(node, "%s must be a mapping, and is %s", what, type_of(node));
	for (const yaml_node_pair_t *i = node->data.mapping.pairs.start; i < node->data.mapping.pairs.top; i++) {
		const yaml_node_t *key = node_at(r, i->key), *value = node_at(r, i->value);
		const char *name = scalar(r, key, "a key");
		size_t k = 0;
		if (!name)
			return -1;
		for (const yaml_node_pair_t *j = node->data.mapping.pairs.start; j < i; j++) {
			const yaml_node_t *before = node_at(r, j->key);
			if (!strcmp((const char *)before->data.scalar.value, name))
				return BAD(key, "`%s` is here twice; the first is on line %zu", name, place(before).line);
		}
		while (k < count && strcmp(keys[k].name, name))
			k++;
		if (k == count && !any)
			return BAD(key, "`%s` is not a key of %s", name, what);
		if (k < count ? keys[k].read(r, key, value, to) : any(r, key, value, to))
			return -1;
	}
	return 0;
}

int string_add(const struct reader *r, const yaml_node_t *node, void *to)
{
	struct strings *s = to;
	const char *text;

	/* An argument may be the empty string. */
	if (node->type == YAML_SCALAR_NODE && node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && !node->data.scalar.length)
		text = "";
	else if (!(text = scalar(r, node, s->what)))
		return -1;
	s->list = realloc(s->list, (size_t)(s->count + 2) * sizeof *s->list);
	if (!s->list || !(s->list[s->count++] = strdup(text)))
		exit(EXIT_CARREL);
	s->list[s->count] = NULL;
	return 0;
}
