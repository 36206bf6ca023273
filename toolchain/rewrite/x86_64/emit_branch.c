/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Calls and indirect branches: the checked unit of docs/architecture.md.
 */
#include <string.h>

#include "emit.h"

#define MINUS_LANDING_PAD "0x05e1f00d"

void checked_branch(struct emitter *e, const struct operand *o, enum gpr t, enum gpr s, const char *how)
{
	if (o->kind == OPERAND_REGISTER)
		emit(e, "mov %%%s, %%%s", register_name(o->reg, 4), register_name(t, 4));
	else {
		emit(e, "movl %s, %%%s", memory_text(e, o), register_name(t, 4));
		/* Of a symbol that is nowhere ld makes this load a constant: outside the unit. */
		if (o->base == RIP && strstr(o->disp, "@GOTPCREL"))
			emit(e, "mov %%%s, %%%s", register_name(t, 4), register_name(t, 4));
	}
	if (libos(e))
		emit(e, "mov (%%r14,%%%s), %%%s", register_name(t, 8), register_name(s, 4));
	else
		emit(e, "mov %%gs:(%%%s), %%%s", register_name(t, 4), register_name(s, 4));
	emit(e, "add $" MINUS_LANDING_PAD ", %%%s", register_name(s, 4));
	emit(e, "jne %s", trap_label(e));
	if (libos(e))
		emit(e, "add %%r14, %%%s", register_name(t, 8));
	else
		emit(e, "or %%gs:0x10000, %%%s", register_name(t, 8));
	emit(e, "%s *%%%s", how, register_name(t, 8));
}

void branch_indirect(struct emitter *e, bool call)
{
	const struct statement *s = e->s;
	const struct operand *o = &s->operands[0];

	if (o->kind == OPERAND_MEMORY && ((o->segment == 'g' && o->base == NO_REG) || (libos(e) && o->base == R14))) {
		emit(e, "%s *%s", call ? "call" : "jmp", o->text);      /* a gate, by hand */
		stack_forget(e);
		return;
	}
	if (s->index != NO_REG) {
		table_jump(e);
		return;
	}
	if (o->kind == OPERAND_REGISTER && o->reg == RSP)
		source_error(e->source, s, "a branch to the stack pointer: %s", s->text);
	if (call) {
		/* r10 and r11 are dead at a call: -fno-ipa-ra, and nested functions' trampolines are refused. */
		if (e->delta == 8)
			e->lag += 8;
		stack_flush(e);
		long lag = e->delta == 8 ? -8 : 0;
		if (e->delta == 8)
			e->lag = -8;    /* operands are still addressed from V */
		checked_branch(e, o, libos(e) ? R10 : R11, libos(e) ? R11 : R10, "call");
		stack_forget(e);
		e->lag = lag;
		return;
	}
	stack_flush(e);
	uint32_t busy = s->after | BIT(RSP) | BIT(R15) | (libos(e) ? BIT(R14) | BIT(R11) : 0);
	enum gpr t = o->kind == OPERAND_REGISTER && !(busy & BIT(o->reg)) ? o->reg : scratch_pick(e, busy, 0);
	enum gpr second = libos(e) ? R11 : t == NO_REG ? NO_REG : scratch_pick(e, busy, BIT(t));
	if (t == NO_REG || second == NO_REG)
		source_wants_register(e->source, s, "the check of an indirect jump");
	checked_branch(e, o, t, second, "jmp");
}

void call_direct(struct emitter *e)
{
	if (e->delta == 8)
		e->lag += 8;
	stack_flush(e);
	emit(e, "call %s", e->s->operands[0].text);
	stack_forget(e);
	e->lag = e->delta == 8 ? -8 : 0;
}
