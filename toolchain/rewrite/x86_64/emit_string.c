/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * String instructions, whose rdi no segment prefix moves, become loops with the same effect on registers and flags.
 */
#include <string.h>

#include "emit.h"

static const char *access(struct emitter *e, const char *reg64, const char *reg32)
{
	static char text[32];

	if (libos(e)) {
		emit(e, "mov %%%s, %%r11d", reg32);
		return "(%r14,%r11)";
	}
	(void)reg64;
	snprintf(text, sizeof text, "%%gs:(%%%s)", reg32);
	return text;
}

bool string_instruction(struct emitter *e)
{
	static int number;
	const struct statement *s = e->s;
	bool movs = mnemonic_is(s, "movs"), stos = mnemonic_is(s, "stos"), lods = mnemonic_is(s, "lods");
	bool cmps = mnemonic_is(s, "cmps"), scas = mnemonic_is(s, "scas");
	size_t length = strlen(s->mnemonic);

	if (s->count && !(s->operands[0].kind == OPERAND_MEMORY || (s->count == 2 && s->operands[1].kind == OPERAND_MEMORY)))
		return false;   /* movsl and friends with registers are sign extensions */
	if (!(movs || stos || lods || cmps || scas) || s->count)
		return false;
	char suffix = s->mnemonic[length - 1];
	int size = suffix == 'b' ? 1 : suffix == 'w' ? 2 : suffix == 'l' ? 4 : 8;
	bool repeat = *s->prefix;
	uint32_t busy = s->after | BIT(RSP) | BIT(R15) | BIT(RCX) | BIT(RSI) | BIT(RDI) | BIT(RAX) | (libos(e) ? BIT(R14) | BIT(R11) : 0);
	enum gpr data = movs || cmps ? scratch_pick(e, busy, 0) : RAX;
	if (data == NO_REG)
		source_wants_register(e->source, s, "a string instruction");
	stack_flush(e);
	stack_forget(e);
	number++;
	if (e->source->trap && !libos(e)) {
		/* Before the loop: one that starts below 4 GiB wraps to page 0, which is never mapped. */
		if (repeat)
			emit(e, "jrcxz .Lcarrel_string_end_%d", number);
		if (movs || lods || cmps)
			trap_check_register(e, RSI, busy | BIT(data));
		if (!lods)
			trap_check_register(e, RDI, busy | BIT(data));
	}
	if (repeat) {
		fprintf(e->out, ".Lcarrel_string_%d:\n", number);
		emit(e, "jrcxz .Lcarrel_string_end_%d", number);
	}
	if (movs || lods || cmps)
		emit(e, "mov %s, %%%s", access(e, "rsi", "esi"), register_name(data, size));
	if (movs || stos)
		emit(e, "mov %%%s, %s", register_name(data, size), access(e, "rdi", "edi"));
	if (movs || lods || cmps)
		emit(e, "lea %d(%%rsi), %%rsi", size);
	if (repeat)
		emit(e, "lea -1(%%rcx), %%rcx");
	if (cmps || scas)               /* the flags of the last comparison are the result */
		emit(e, "cmp %s, %%%s", access(e, "rdi", "edi"), register_name(data, size));
	if (!lods)
		emit(e, "lea %d(%%rdi), %%rdi", size);
	if (repeat) {
		emit(e, "%s .Lcarrel_string_%d", !(cmps || scas) ? "jmp" : s->prefix[3] == 'n' ? "jne" : "je", number);
		fprintf(e->out, ".Lcarrel_string_end_%d:\n", number);
	}
	return true;
}
