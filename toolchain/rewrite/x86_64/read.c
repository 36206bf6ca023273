/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * First pass: assembly text into statements. Comments go, `;` separates, labels stand alone, and each statement
 * knows whether it lies in an executable section and where it was written: by a `# LINE "FILE"` marker, else by the
 * compiler's .loc, else by its place in the assembly text.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

void source_error(const struct source *source, const struct statement *at, const char *format, ...)
{
	va_list arguments;

	if (at && !at->file && source->compiled)
		fprintf(stderr, "%s: error: assembly line %d: ", source->name, at->line);
	else
		fprintf(stderr, "%s:%d: error: ", at && at->file ? at->file : source->name, at ? at->line : 0);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

/* Tells carrel-cc to compile with this option, too. False: nobody listens. */
static bool ask(const char *option)
{
	const char *retry = getenv("CARREL_RETRY");
	FILE *asked = retry ? fopen(retry, "w") : NULL;

	if (!asked)
		return false;
	fprintf(asked, "%s\n", option);
	fclose(asked);
	return true;
}

void source_wants(const struct source *source, const struct statement *at, const char *option, const char *what)
{
	if (!ask(option))
		source_error(source, at, "%s; add %s for this file: %s", what, option, at->text);
	exit(1);
}

void source_asks_dump(const struct source *source)
{
	if (!source->dumped && !getenv("CARREL_NO_DUMP") && ask("-dP"))
		exit(1);
}

void source_wants_register(const struct source *source, const struct statement *at, const char *purpose)
{
	char what[128];

	snprintf(what, sizeof what, "no free register for %s", purpose);
	source_wants(source, at, "-ffixed-r10 -ffixed-r11", what);
}

struct reader {
	struct source *source;
	size_t room;
	int line;               /* of the assembly text */
	char *marker_file;      /* NULL: no marker in force */
	int marker_line;
	char **files;           /* what .file numbered */
	int files_count;
	int loc_file, loc_line; /* 0: no .loc in force */
	bool app, code;
	bool stack[16];
	int depth;
	bool previous;
	bool comment;           /* inside a C comment */
	bool calls;             /* the dump of a call came before the next instruction */
	bool jumps;             /* of a jump */
	uint32_t takes, dies;
};

static void where_written(const struct reader *r, struct statement *s)
{
	s->line = r->line;
	if (r->marker_file) {
		s->file = r->marker_file;
		s->line = r->marker_line;
	} else if (r->code && r->loc_line && r->loc_file < r->files_count && r->files[r->loc_file]) {
		s->file = r->files[r->loc_file];
		s->line = r->loc_line;
	}
}

/* `# LINE "FILE" FLAGS`: the next line is line LINE of FILE; an empty FILE ends that. */
static bool marker_follow(struct reader *r, const char *line)
{
	char *rest;
	long number;

	if (line[0] != '#' || line[1] != ' ' || !isdigit((unsigned char)line[2]))
		return false;
	number = strtol(line + 2, &rest, 10);
	if (rest[0] != ' ' || rest[1] != '"')
		return true;
	size_t length = strcspn(rest + 2, "\"");
	r->marker_file = length ? strndup(rest + 2, length) : NULL;
	r->marker_line = (int)number - 1;
	return true;
}

/* `.file NUMBER ["DIRECTORY"] "NAME"` and `.loc FILE LINE`. */
static void position_follow(struct reader *r, const char *text)
{
	char *rest;

	if (!strncmp(text, ".loc ", 5) || !strncmp(text, ".loc\t", 5)) {
		r->loc_file = (int)strtol(text + 5, &rest, 10);
		r->loc_line = (int)strtol(rest, NULL, 10);
	}
	if (strncmp(text, ".file", 5))
		return;
	text += 5 + strspn(text + 5, " \t");
	if (*text == '"' && !r->source->count) {
		r->source->compiled = true;
		r->source->name = strndup(text + 1, strcspn(text + 1, "\""));
	}
	if (!isdigit((unsigned char)*text))
		return;
	long number = strtol(text, &rest, 10);
	const char *start = strchr(rest, '"'), *end = strrchr(rest, '"');
	if (number > 65535 || !start || end == start)
		return;
	for (const char *p = start; p < end; p++)
		if (*p == '"' && p != start && p + 1 < end)
			start = p[1] == '"' ? p + 1 : strchr(p + 1, '"');
	if (number >= r->files_count) {
		r->files = realloc(r->files, (size_t)(number + 1) * sizeof *r->files);
		if (!r->files)
			abort();
		while (r->files_count <= number)
			r->files[r->files_count++] = NULL;
	}
	if (start && start < end)
		r->files[number] = strndup(start + 1, (size_t)(end - start - 1));
}

/* The registers that follow `what` in a line of RTL, as in `(use (reg:DI 5 di))`. */
static uint32_t dump_registers(const char *line, const char *what)
{
	uint32_t mask = 0;

	for (const char *at = line; (at = strstr(at, what));) {
		at += strlen(what);
		at += strcspn(at, " ");                 /* the number... */
		at += strspn(at, " ");
		at += strspn(at, "0123456789");
		at += strspn(at, " ");                  /* ...and the name */
		size_t length = strcspn(at, " )[");
		for (int reg = 0; reg < 16; reg++) {
			const char *name = register_name((enum gpr)reg, 8);
			name += reg < R8;
			if (strlen(name) == length && !strncmp(name, at, length))
				mask |= BIT(reg);
		}
	}
	return mask;
}

/* The RTL that gcc -dP writes before each instruction, as comments: of a call it says which registers it takes, of a jump which
 * nobody reads any more. */
static void dump_follow(struct reader *r, const char *line)
{
	if (!strncmp(line, "#(", 2)) {
		r->source->dumped = true;
		r->calls = !strncmp(line, "#(call_insn", 11);
		r->jumps = !strncmp(line, "#(jump_insn", 11);
		r->takes = r->dies = 0;
	}
	if (r->calls)
		r->takes |= dump_registers(line, "(use (reg");
	if (r->jumps)
		r->dies |= dump_registers(line, "REG_DEAD (reg");
}

static struct statement *statement_add(struct reader *r, enum statement_kind kind, const char *text, size_t length)
{
	struct source *source = r->source;

	if (source->count == r->room) {
		r->room = r->room ? 2 * r->room : 4096;
		source->statements = realloc(source->statements, r->room * sizeof *source->statements);
		if (!source->statements)
			abort();
	}
	struct statement *s = &source->statements[source->count++];
	memset(s, 0, sizeof *s);
	s->kind = kind;
	where_written(r, s);
	s->text = strndup(text, length);
	s->code = r->code;
	s->app = r->app;
	s->function = -1;
	return s;
}

static bool starts(const char *text, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(text, word, n) && !isalnum((unsigned char)text[n]) && text[n] != '_' && text[n] != '.';
}

/* A section is code if its flags have x, or it has no flags and a code name. */
static bool section_is_code(const char *arguments)
{
	const char *comma = strchr(arguments, ',');

	arguments += *arguments == '"';
	if (comma) {
		const char *quote = strchr(comma, '"');
		const char *end = quote ? strchr(quote + 1, '"') : NULL;
		return end && memchr(quote, 'x', (size_t)(end - quote));
	}
	return !strncmp(arguments, ".text", 5) || starts(arguments, ".init") || starts(arguments, ".fini");
}

static void section_follow(struct reader *r, const char *text)
{
	const char *arguments = text + strcspn(text, " \t");
	bool before = r->code;

	arguments += strspn(arguments, " \t");
	if (starts(text, ".text"))
		r->code = true;
	else if (starts(text, ".data") || starts(text, ".bss"))
		r->code = false;
	else if (starts(text, ".section"))
		r->code = section_is_code(arguments);
	else if (starts(text, ".pushsection")) {
		if (r->depth < 16)
			r->stack[r->depth++] = r->code;
		r->code = section_is_code(arguments);
	} else if (starts(text, ".popsection")) {
		if (r->depth)
			r->code = r->stack[--r->depth];
	} else if (starts(text, ".previous"))
		r->code = r->previous;
	else
		return;
	r->previous = before;
}

/* One statement without separators and comments. */
static void statement_split(struct reader *r, char *text)
{
	for (;;) {
		text += strspn(text, " \t");
		size_t n = strlen(text);
		while (n && isspace((unsigned char)text[n - 1]))
			text[--n] = 0;
		if (!n)
			return;
		size_t name = 0;
		if (*text == '"') {
			const char *quote = strchr(text + 1, '"');
			name = quote ? (size_t)(quote - text) + 1 : 0;
		} else
			while (isalnum((unsigned char)text[name]) || strchr("_.$@", text[name]) || (text[name] & 0x80))
				if (!text[name++])
					break;
		if (name > n)
			name = n;
		size_t after = name + strspn(text + name, " \t");
		if (name && text[after] == ':') {
			statement_add(r, STATEMENT_LABEL, text, name);
			text += after + 1;
			continue;
		}
		break;
	}
	size_t word = strcspn(text, " \t");
	if (*text == '.' || text[word + strspn(text + word, " \t")] == '=') {
		section_follow(r, text);
		position_follow(r, text);
		statement_add(r, STATEMENT_DIRECTIVE, text, strlen(text));
		return;
	}
	struct statement *s = statement_add(r, STATEMENT_INSTRUCTION, text, strlen(text));
	s->calls = r->calls && !r->app;
	s->takes = r->takes;
	s->dies = r->jumps && !r->app ? r->dies : 0;
	r->calls = r->jumps = false;
	if (!r->code)
		source_error(r->source, s, "an instruction outside an executable section: %s", text);
	char *copy = strdup(text), *rest = copy;
	s->prefix = strdup("");
	for (;;) {
		size_t length = strcspn(rest, " \t");
		bool last = !rest[length];
		rest[length] = 0;
		static const char *const prefixes[] = {"lock", "rep", "repz", "repe", "repnz", "repne", "notrack",
						       "bnd", "data16", "rex64", "rex.W", NULL};
		bool prefix = false;
		for (int i = 0; prefixes[i]; i++)
			prefix |= !strcmp(rest, prefixes[i]);
		char *next = last ? rest + length : rest + length + 1 + strspn(rest + length + 1, " \t");
		if (!prefix) {
			s->mnemonic = rest;
			operand_parse(r->source, s, next);
			return;
		}
		free(s->prefix);
		s->prefix = strdup(rest);
		if (last) {     /* "lock;" alone: joins what follows */
			s->mnemonic = NULL;
			return;
		}
		rest = next;
	}
}

/* Cuts a line at `;`, outside quotes, and at `#` comments. */
static void line_split(struct reader *r, char *line)
{
	char *start = line, quote = 0;

	for (char *p = line;; p++) {
		if (r->comment) {
			if (p[0] == '*' && p[1] == '/') {
				r->comment = false;
				p[0] = p[1] = ' ';
			} else if (*p)
				*p = ' ';
			else
				break;
			continue;
		}
		if (quote) {
			if (*p == '\\' && p[1])
				p++;
			else if (*p == quote)
				quote = 0;
			if (*p)
				continue;
		}
		if (*p == '\'' && p[1]) {        /* a character: 'c, '\\c or 'c' */
			p += p[1] == '\\' && p[2] ? 2 : 1;
			p += p[1] == '\'';
		} else if (*p == '"')
			quote = *p;
		else if (p[0] == '/' && p[1] == '*') {
			r->comment = true;
			p[0] = p[1] = ' ';
			p++;
		} else if (*p == ';' || *p == '#' || !*p || (p[0] == '/' && p[1] == '/' && p == start)) {
			char end = *p;
			*p = 0;
			statement_split(r, start);
			if (end != ';')
				break;
			start = p + 1;
		}
	}
}

static void prefixes_join(struct source *source)
{
	for (size_t i = 0; i + 1 < source->count; i++) {
		struct statement *s = &source->statements[i], *next = s + 1;
		if (s->kind != STATEMENT_INSTRUCTION || s->mnemonic)
			continue;
		if (next->kind != STATEMENT_INSTRUCTION || *next->prefix)
			source_error(source, s, "prefix `%s` without an instruction", s->prefix);
		next->prefix = s->prefix;
		s->kind = STATEMENT_TEXT;
		s->text = strdup("");
	}
}

void source_read(struct source *source, FILE *in)
{
	struct reader r = {.source = source, .code = true};
	char *line = NULL;
	size_t room = 0;

	for (ssize_t n; (n = getline(&line, &room, in)) >= 0;) {
		r.line++;
		r.marker_line++;
		if (n && line[n - 1] == '\n')
			line[n - 1] = 0;
		if (!strncmp(line, "#APP", 4) || !strncmp(line, "#NO_APP", 7)) {
			r.app = line[1] == 'A';
			continue;
		}
		if (!r.comment && marker_follow(&r, line))
			continue;
		if (!r.comment && !r.app && line[0] == '#')
			dump_follow(&r, line);
		line_split(&r, line);
	}
	free(line);
	prefixes_join(source);
}
