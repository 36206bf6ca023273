/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * AT&T operands: registers, immediates, memory, branch targets.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

static const char *const names[17][4] = {
	{"al", "ax", "eax", "rax"}, {"cl", "cx", "ecx", "rcx"}, {"dl", "dx", "edx", "rdx"}, {"bl", "bx", "ebx", "rbx"},
	{"spl", "sp", "esp", "rsp"}, {"bpl", "bp", "ebp", "rbp"}, {"sil", "si", "esi", "rsi"}, {"dil", "di", "edi", "rdi"},
	{"r8b", "r8w", "r8d", "r8"}, {"r9b", "r9w", "r9d", "r9"}, {"r10b", "r10w", "r10d", "r10"},
	{"r11b", "r11w", "r11d", "r11"}, {"r12b", "r12w", "r12d", "r12"}, {"r13b", "r13w", "r13d", "r13"},
	{"r14b", "r14w", "r14d", "r14"}, {"r15b", "r15w", "r15d", "r15"}, {"", "", "eip", "rip"},
};
static const char *const high_names[] = {"ah", "ch", "dh", "bh"};

const char *register_name(enum gpr reg, int size)
{
	return names[reg][size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3];
}

static bool register_find(const char *name, size_t length, enum gpr *reg, int *size, bool *high)
{
	*high = false;
	for (int r = 0; r < 17; r++)
		for (int s = 0; s < 4; s++)
			if (strlen(names[r][s]) == length && length && !strncmp(names[r][s], name, length)) {
				*reg = (enum gpr)r;
				*size = 1 << s;
				return true;
			}
	for (int r = 0; r < 4; r++)
		if (length == 2 && !strncmp(high_names[r], name, 2)) {
			*reg = (enum gpr)r;
			*size = 1;
			*high = true;
			return true;
		}
	return false;
}

bool operand_number(const char *text, long *value)
{
	char *end;

	if (!*text) {
		*value = 0;
		return true;
	}
	*value = (long)strtoull(text, &end, 0);
	if (*text == '-')
		*value = strtol(text, &end, 0);
	return !*end;
}

static char *trimmed(const char *text, size_t length)
{
	while (length && isspace((unsigned char)*text))
		text++, length--;
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	return strndup(text, length);
}

static enum gpr address_register(const struct source *source, struct statement *s, struct operand *o, const char *text)
{
	enum gpr reg;
	int size;
	bool high;
	char *name = trimmed(text, strlen(text));

	if (!*name)
		return NO_REG;
	if (*name != '%' || !register_find(name + 1, strlen(name + 1), &reg, &size, &high) || size < 4)
		source_error(source, s, "address register %s is not supported", name);
	o->wide = size == 8;
	free(name);
	return reg;
}

static void memory_parse(const struct source *source, struct statement *s, struct operand *o, char *text)
{
	char *open = NULL;

	o->kind = OPERAND_MEMORY;
	o->base = o->index = NO_REG;
	o->wide = true;
	o->scale = "1";
	if (*text == '%') {     /* a segment */
		char *colon = strchr(text, ':');
		o->segment = text[1];
		text = colon + 1;
	}
	/* the last "(" that opens a register list */
	size_t n = strlen(text);
	if (n && text[n - 1] == ')') {
		int depth = 0;
		for (size_t i = n; i-- > 0;) {
			depth += text[i] == ')';
			depth -= text[i] == '(';
			if (!depth) {
				open = text + i;
				break;
			}
		}
		if (open && !strchr(open, '%') && !strchr(open, ','))
			open = NULL;
	}
	o->disp = open ? trimmed(text, (size_t)(open - text)) : trimmed(text, n);
	if (!open)
		return;
	char *inside = strndup(open + 1, strlen(open) - 2), *save = inside;
	char *base = strsep(&inside, ","), *index = strsep(&inside, ","), *scale = strsep(&inside, ",");
	o->base = address_register(source, s, o, base);
	if (index)
		o->index = address_register(source, s, o, index);
	if (scale && *trimmed(scale, strlen(scale)))
		o->scale = trimmed(scale, strlen(scale));
	free(save);
}

static void one_operand(const struct source *source, struct statement *s, char *text)
{
	if (s->count == MOST_OPERANDS)
		source_error(source, s, "too many operands: %s", s->text);
	struct operand *o = &s->operands[s->count++];

	memset(o, 0, sizeof *o);
	o->reg = o->base = o->index = NO_REG;
	if (*text == '*') {
		o->indirect = true;
		text++;
		text += strspn(text, " \t");
	}
	o->text = strdup(text);
	if (*text == '$') {
		o->kind = OPERAND_IMMEDIATE;
		o->text = strdup(text + 1);
	} else if (*text == '%' && !strchr(text, ':')) {
		o->kind = register_find(text + 1, strlen(text + 1), &o->reg, &o->size, &o->high) ? OPERAND_REGISTER
												: OPERAND_OTHER_REGISTER;
	} else if (!o->indirect && !strchr(text, '(') && *text != '%' &&
		   (*s->mnemonic == 'j' || !strncmp(s->mnemonic, "call", 4) || !strncmp(s->mnemonic, "loop", 4) ||
		    !strcmp(s->mnemonic, "xbegin"))) {
		o->kind = OPERAND_SYMBOL;
	} else
		memory_parse(source, s, o, text);
}

void operand_parse(const struct source *source, struct statement *s, char *arguments)
{
	int depth = 0;
	char *start = arguments;

	for (char *p = arguments;; p++) {
		depth += *p == '(';
		depth -= *p == ')';
		if (*p && (*p != ',' || depth))
			continue;
		bool last = !*p;
		char *one = trimmed(start, (size_t)(p - start));
		if (*one)
			one_operand(source, s, one);
		free(one);
		if (last)
			return;
		start = p + 1;
	}
}
