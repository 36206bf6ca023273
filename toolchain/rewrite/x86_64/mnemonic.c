/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Which instructions the rewriter knows. What it does not know it refuses; nothing is passed through unseen.
 */
#include <string.h>

#include "rewrite.h"

static const struct {
	const char *base, *suffixes;
} table[] = {
#define M(base, suffixes) {base, suffixes},
#include "mnemonics.def"
#undef M
};

static const char *const conditions[] = {"o", "no", "b", "c", "nae", "nb", "nc", "ae", "e", "z", "ne", "nz", "be", "na",
	"nbe", "a", "s", "ns", "p", "pe", "np", "po", "l", "nge", "nl", "ge", "le", "ng", "nle", "g", NULL};

static bool conditional(const char *mnemonic, const char *stem, const char *suffixes)
{
	size_t n = strlen(stem);

	if (strncmp(mnemonic, stem, n))
		return false;
	for (int i = 0; conditions[i]; i++) {
		size_t c = strlen(conditions[i]);
		const char *rest = mnemonic + n + c;
		if (!strncmp(mnemonic + n, conditions[i], c) && (!*rest || (!rest[1] && strchr(suffixes, *rest))))
			return true;
	}
	return false;
}

bool mnemonic_is(const struct statement *s, const char *base)
{
	size_t n = strlen(base);

	if (s->kind != STATEMENT_INSTRUCTION || strncmp(s->mnemonic, base, n))
		return false;
	const char *rest = s->mnemonic + n;
	return !*rest || (!rest[1] && strchr("bwlq", *rest));
}

static bool vector_register(const struct operand *o)
{
	return o->kind == OPERAND_OTHER_REGISTER &&
	       (!strncmp(o->text, "%xmm", 4) || !strncmp(o->text, "%ymm", 4) || !strncmp(o->text, "%mm", 3));
}

bool mnemonic_known(const struct statement *s)
{
	/* Vector instructions with a memory operand nobody writes down, or one address per lane. */
	static const char *const refused[] = {"maskmov", "vmaskmov", "gather", "vgather", "vpgather", "scatter", "vpscatter"};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (!strncmp(s->mnemonic, refused[i], strlen(refused[i])))
			return false;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		size_t n = strlen(table[i].base);
		const char *rest = s->mnemonic + n;
		if (!strncmp(s->mnemonic, table[i].base, n) && (!*rest || (!rest[1] && strchr(table[i].suffixes, *rest))))
			return true;
	}
	if (conditional(s->mnemonic, "j", "") || conditional(s->mnemonic, "set", "b") ||
	    conditional(s->mnemonic, "cmov", "wlq") || !strcmp(s->mnemonic, "vzeroupper") || !strcmp(s->mnemonic, "vzeroall"))
		return true;
	for (int i = 0; i < s->count; i++)
		if (vector_register(&s->operands[i]))
			return true;
	return false;
}

bool statement_falls_through(const struct statement *s)
{
	return !(mnemonic_is(s, "jmp") || mnemonic_is(s, "ret") || !strcmp(s->mnemonic, "ud2") || !strcmp(s->mnemonic, "hlt"));
}

bool label_is_debug(const char *name)
{
	static const char *const stems[] = {".LVL", ".LBB", ".LBE", ".LFB", ".LFE", ".LCFI", ".LBI", ".Ltext", ".Letext", NULL};

	for (int i = 0; stems[i]; i++) {
		size_t n = strlen(stems[i]);
		if (!strncmp(name, stems[i], n))
			return !name[n + strspn(name + n, "0123456789")];       /* clang's .LBB0_1 is jumped to */
	}
	return false;
}
