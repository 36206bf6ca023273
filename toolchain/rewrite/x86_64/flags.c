/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Fourth pass: the check of an indirect jump changes the arithmetic flags, so none may be live at a landing pad. gcc merges
 * a comparison that all cases of a switch start with into one before the jump (-fcrossjumping); then carrel-cc compiles
 * again without that. Found here by walking from each pad to the first instruction that reads or writes flags: to gcc the
 * flags are one register, so whoever writes one ends the life of all.
 */
#include <stdlib.h>
#include <string.h>

#include "rewrite.h"

static bool one_of(const struct statement *s, const char *const *list)
{
	for (int i = 0; list[i]; i++)
		if (mnemonic_is(s, list[i]))
			return true;
	return false;
}

static bool starts_with(const char *text, const char *stem)
{
	return !strncmp(text, stem, strlen(stem));
}

static bool flags_read(const struct statement *s)
{
	static const char *const readers[] = {"adc", "sbb", "rcl", "rcr", "adcx", "adox", "lahf", "cmc", "pushf", NULL};

	if (s->mnemonic[0] == 'j')
		return !mnemonic_is(s, "jmp") && strcmp(s->mnemonic, "jrcxz");
	return starts_with(s->mnemonic, "set") || starts_with(s->mnemonic, "cmov") || starts_with(s->mnemonic, "fcmov") || one_of(s, readers);
}

static bool flags_written(const struct statement *s)
{
	static const char *const writers[] = {"add", "sub", "cmp", "test", "and", "or", "xor", "neg", "inc", "dec", "mul", "imul", "div",
		"idiv", "shl", "shr", "sal", "sar", "rol", "ror", "shld", "shrd", "bt", "bts", "btr", "btc", "bsf", "bsr", "popcnt",
		"lzcnt", "tzcnt", "andn", "bextr", "blsi", "blsr", "blsmsk", "bzhi", "cmpxchg", "cmpxchg8b", "cmpxchg16b", "xadd",
		"clc", "stc", "sahf", "rdrand", "rdseed", NULL};
	static const char *const stems[] = {"comis", "ucomis", "vcomis", "vucomis", "ptest", "vptest", "vtestp", "pcmpestr", "pcmpistr",
		"vpcmpestr", "vpcmpistr", "fcomi", "fucomi", NULL};

	if ((mnemonic_is(s, "cmps") || mnemonic_is(s, "scas")) && !s->count)
		return true;
	for (int i = 0; stems[i]; i++)
		if (starts_with(s->mnemonic, stems[i]))
			return true;
	return one_of(s, writers);
}

/* Are the flags live after statement `at`? */
static bool flags_live(const struct source *source, size_t at, const struct labels *labels)
{
	/* An endless loop without any arithmetic ends the walk too. */
	for (size_t steps = 0; ++at < source->count && steps < source->count; steps++) {
		const struct statement *s = &source->statements[at];
		if (s->kind != STATEMENT_INSTRUCTION)
			continue;
		if (s->app)
			return false;   /* to gcc every asm statement clobbers the flags, and none has them as input */
		if (flags_read(s))
			return true;
		if (flags_written(s) || mnemonic_is(s, "call"))
			return false;
		if (statement_falls_through(s))
			continue;
		if (!mnemonic_is(s, "jmp") || s->operands[0].kind != OPERAND_SYMBOL || !label_find(labels, s->operands[0].text, &at))
			return false;   /* a return, a trap, a tail call, or another indirect jump, whose own pads are looked at */
	}
	return false;
}

void flags_pass(struct source *source)
{
	if (!source->compiled)
		return;         /* what is written by hand is live everywhere, as far as we know; its author keeps no flags across a jump */
	struct labels labels = labels_of(source, 0, source->count);
	for (size_t i = 0; i < source->count; i++) {
		const struct statement *s = &source->statements[i];
		if (s->kind == STATEMENT_INSTRUCTION && !s->app && !strcmp(s->mnemonic, "endbr64") && flags_live(source, i, &labels))
			source_wants(source, s, "-fno-crossjumping", "the flags are live across an indirect jump");
	}
	free(labels.sorted);
}
