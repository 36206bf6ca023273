/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Seventh pass: a direct call or jump to a function goes behind its landing pad, which is for those that come through pointers: an instruction
 * less for each call. So every name that another file may call is made to begin with one, and calls of names that are not here go behind it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

#define PAD "+4"                        /* endbr64 */

struct alias {
	char *name, *of;                /* of: NULL: an expression */
};

struct entries {
	struct source *source;
	struct labels labels;
	struct alias *aliases;
	size_t alias_count;
};

static bool is_name(const char *text)
{
	if (!isalpha((unsigned char)*text) && *text != '_')
		return false;
	while (isalnum((unsigned char)*text) || (*text && strchr("_.$", *text)))
		text++;
	return !*text;
}

/* The next of the names in a directive's arguments; NULL: no more. The caller frees it. */
static char *name_next(const char **at)
{
	const char *start = *at + strspn(*at, " \t,");
	size_t n = strcspn(start, " \t,");

	*at = start + n;
	return n ? strndup(start, n) : NULL;
}

static const char *arguments_of(const struct statement *s, const char *const *directives)
{
	for (int i = 0; s->kind == STATEMENT_DIRECTIVE && directives[i]; i++) {
		size_t n = strlen(directives[i]);
		if (!strncmp(s->text, directives[i], n) && (s->text[n] == ' ' || s->text[n] == '\t'))
			return s->text + n;
	}
	return NULL;
}

/* NAME = VALUE, or by a directive: what both are. NULL: it is none. */
static char *set_by(const struct statement *s, const char **value)
{
	static const char *const sets[] = {".set", ".equ", NULL};
	char *name = NULL;

	if ((*value = arguments_of(s, sets)))
		return name_next(value);
	if (s->kind == STATEMENT_DIRECTIVE && s->text[0] != '.' && (*value = strchr(s->text, '='))) {
		name = strndup(s->text, strcspn(s->text, " \t="));
		*value += strspn(*value, "=");
	}
	return name;
}

static void aliases_find(struct entries *e)
{
	for (size_t i = 0; i < e->source->count; i++) {
		const char *at;
		char *name = set_by(&e->source->statements[i], &at), *of = name ? name_next(&at) : NULL;
		if (!name)
			continue;
		if (of && (!is_name(of) || at[strspn(at, " \t")])) {
			free(of);
			of = NULL;
		}
		if (!(e->aliases = realloc(e->aliases, (e->alias_count + 1) * sizeof *e->aliases)))
			abort();
		e->aliases[e->alias_count++] = (struct alias){name, of};
	}
}

enum place { ELSEWHERE, UNKNOWN, HERE };

/* Where the code is that has this name; HERE: its label's statement. */
static enum place place_of(const struct entries *e, const char *name, size_t *at)
{
	for (int depth = 0; depth < 16; depth++) {
		const struct alias *alias = NULL;
		if (label_find(&e->labels, name, at))
			return HERE;
		for (size_t i = 0; i < e->alias_count && !alias; i++)
			if (!strcmp(e->aliases[i].name, name))
				alias = &e->aliases[i];
		if (!alias)
			return ELSEWHERE;
		if (!alias->of)
			return UNKNOWN;
		name = alias->of;
	}
	return UNKNOWN;
}

/* Hand-written functions get the landing pad that the compiler would have given them. */
static void labels_look(struct entries *e)
{
	const struct source *source = e->source;

	for (size_t i = 0; i < source->count; i++) {
		struct statement *s = &source->statements[i], *next = NULL;
		bool compiled = source->compiled && s->has_cfi;
		if (s->kind != STATEMENT_LABEL || !s->code)
			continue;
		for (size_t k = i + 1; !next && k < source->count; k++)
			if (source->statements[k].kind == STATEMENT_INSTRUCTION)
				next = &source->statements[k];
			else if (source->compiled && source->statements[k].kind == STATEMENT_DIRECTIVE &&
				 !strncmp(source->statements[k].text, ".cfi_startproc", 14))
				compiled = true;
		if (next && !strcmp(next->mnemonic, "endbr64"))
			s->pad = PAD_THERE;
		else if (s->is_function && next && !compiled)
			s->pad = PAD_MISSING;
	}
}

static void globals_look(struct entries *e)
{
	static const char *const globals[] = {".globl", ".global", ".weak", NULL}, *const types[] = {".type", NULL};
	size_t at;

	/* A mark within a function, by `.type NAME, @notype` */
	for (size_t i = 0; i < e->source->count; i++) {
		const char *type = arguments_of(&e->source->statements[i], types);
		char *name = type && strstr(type, "notype") ? name_next(&type) : NULL;
		if (name && place_of(e, name, &at) == HERE && e->source->statements[at].pad == PAD_NONE)
			e->source->statements[at].pad = PAD_UNWANTED;
		free(name);
	}
	for (size_t i = 0; i < e->source->count; i++) {
		const char *names = arguments_of(&e->source->statements[i], globals);
		for (char *name; names && (name = name_next(&names)); free(name))
			if (place_of(e, name, &at) == HERE && e->source->statements[at].pad == PAD_NONE)
				e->source->statements[at].pad = PAD_MISSING;
	}
}

static bool has_pad(const struct statement *s)
{
	return s->pad == PAD_THERE || s->pad == PAD_MISSING;
}

static void branches_move(struct entries *e)
{
	for (size_t i = 0; i < e->source->count; i++) {
		struct statement *s = &e->source->statements[i];
		struct operand *o = &s->operands[0];
		if (s->kind != STATEMENT_INSTRUCTION || s->count != 1 || o->kind != OPERAND_SYMBOL || !(mnemonic_is(s, "call") || mnemonic_is(s, "jmp")))
			continue;
		size_t at, length = strcspn(o->text, "@");
		char *name = strndup(o->text, length);
		enum place place = is_name(name) && (!o->text[length] || !strcmp(o->text + length, "@PLT")) ? place_of(e, name, &at) : UNKNOWN;
		if (place == ELSEWHERE || (place == HERE && has_pad(&e->source->statements[at]))) {
			/* Of what lies in another object it is the linker's own jump, which has a landing pad too (carrel-plt). */
			char *text = malloc(length + sizeof "@PLT" PAD);
			if (!text)
				abort();
			strcpy(text, name);
			strcat(text, o->text[length] || place == ELSEWHERE ? "@PLT" PAD : PAD);
			o->text = text;
		}
		free(name);
	}
}

void entries_pass(struct source *source)
{
	struct entries e = {.source = source, .labels = labels_of(source, 0, source->count)};

	aliases_find(&e);
	labels_look(&e);
	globals_look(&e);
	branches_move(&e);
	for (size_t i = 0; i < e.alias_count; i++) {
		free(e.aliases[i].name);
		free(e.aliases[i].of);
	}
	free(e.aliases);
	free(e.labels.sorted);
}
