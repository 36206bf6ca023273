/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * A library OS's memory: disp(%r14,%r11), with the address worked out in r11, and left out where r11 still has it.
 */
#include <string.h>

#include "emit.h"

/* Behind a sum there may be this much without an address of its own: it faults as the whole does, for the window's guards are larger, and
 * what is no fault lies further than that from the window's ends, so that the sum has not wrapped. */
#define DISTANCE 0x4000

static bool held(const struct emitter *e, const struct operand *o)
{
	const struct operand *w = &e->window;

	return e->window_known && w->base == o->base && w->index == o->index && (o->index == NO_REG || !strcmp(w->scale, o->scale));
}

const char *window_text(struct emitter *e, const struct operand *o)
{
	struct operand sum = *o;
	char *text = text_buffer();
	long n = 0;

	/* The stack's pointer moves by what the rewriter gathers; and a symbol is no distance. */
	bool apart = o->base != RSP && o->base != R15 && o->index != R15 && (o->base != NO_REG || o->index != NO_REG) &&
		     operand_number(o->disp, &n) && n > -DISTANCE && n < DISTANCE;
	if (apart)
		sum.disp = "";
	if (o->base == NO_REG && o->index == NO_REG)
		emit(e, "mov $%s, %%r11d", *o->disp ? o->disp : "0");
	else if (apart && held(e, o))
		;
	else if (o->index == NO_REG && !*sum.disp && o->base != RSP)
		emit(e, "mov %%%s, %%r11d", register_name(o->base, 4));
	else
		emit(e, "lea %s, %%r11d", address_text(e, &sum, 0));
	e->window_known = apart;
	e->window = *o;
	snprintf(text, TEXT_BUFFER, apart && n ? "%ld(%%r14,%%r11)" : "(%%r14,%%r11)", n);
	return text;
}

/* Writes its last operand at most. */
static bool writes_last(const struct statement *s)
{
	static const char *const such[] = {"mov", "movabs", "lea", "add", "sub", "and", "or", "xor", "cmp", "test", "not", "neg", "inc", "dec",
		"shl", "shr", "sal", "sar", "movups", "movaps", "movdqu", "movdqa", "movq", "movd", "pxor", NULL};
	bool extends = s->count == 2 && s->operands[1].kind == OPERAND_REGISTER && (!strncmp(s->mnemonic, "movz", 4) || !strncmp(s->mnemonic, "movs", 4));

	if (*s->prefix)
		return false;
	for (int i = 0; such[i]; i++)
		if (mnemonic_is(s, such[i]))
			return true;
	return extends || !strncmp(s->mnemonic, "set", 3) || !strncmp(s->mnemonic, "cmov", 4) ||
	       (s->mnemonic[0] == 'j' && s->count == 1 && s->operands[0].kind == OPERAND_SYMBOL && !mnemonic_is(s, "jmp"));
}

void window_behind(struct emitter *e)
{
	const struct statement *s = e->s;
	const struct operand *to = s->count ? &s->operands[s->count - 1] : NULL, *w = &e->window;

	if (!writes_last(s) || high_byte(s) || (to && to->kind == OPERAND_REGISTER && (to->reg == w->base || to->reg == w->index || to->reg == R11)))
		e->window_known = false;
}
