/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * lock bts, btr and btc of memory by a register: what compilers make of atomic_fetch_or(p, 1 << n) & 1 << n and the like. Such a number may
 * reach beyond the operand, which the verifier cannot allow; in C it may not, so it becomes a loop with lock cmpxchg, by the same bit of the
 * operand alone.
 */
#include <string.h>

#include "emit.h"

static uint32_t registers_of(const struct operand *o)
{
	return (o->kind == OPERAND_REGISTER ? BIT(o->reg) : 0) | (o->base >= 0 ? BIT(o->base) : 0) | (o->index >= 0 ? BIT(o->index) : 0);
}

static enum gpr register_for(struct emitter *e, uint32_t taken)
{
	enum gpr x = scratch_pick(e, registers_busy(e->s), taken);

	if (x == NO_REG)
		source_wants_register(e->source, e->s, "an atomic operation on a bit");
	e->held |= BIT(x);
	return x;
}

bool bit_instruction(struct emitter *e)
{
	static int number;
	const struct statement *s = e->s;
	const struct operand *bit = &s->operands[0], *memory = &s->operands[1];

	if (!(mnemonic_is(s, "bt") || mnemonic_is(s, "bts") || mnemonic_is(s, "btr") || mnemonic_is(s, "btc")) || s->count != 2 ||
	    bit->kind != OPERAND_REGISTER || memory->kind != OPERAND_MEMORY)
		return false;
	if (strcmp(s->prefix, "lock") || s->app || !e->source->compiled || memory->segment || strchr(memory->disp, '@'))
		source_error(e->source, s, "a bit offset in a register reaches beyond its operand: %s", s->text);
	uint32_t taken = registers_of(bit) | registers_of(memory) | BIT(RAX) | (libos(e) ? BIT(R11) | BIT(R14) : 0);
	struct operand at = *memory, which = *bit;
	enum gpr keep = NO_REG;
	stack_flush(e);
	if (s->live & BIT(RAX)) {       /* as it is if one of the operands has it */
		keep = register_for(e, taken);
		emit(e, "mov %%rax, %%%s", register_name(keep, 8));
		e->window_known = false;        /* it may have been by what was in `keep` */
		at.base = at.base == RAX ? keep : at.base;
		at.index = at.index == RAX ? keep : at.index;
		which.reg = which.reg == RAX ? keep : which.reg;
	}
	const char *place = operand_print(e, &at);
	enum gpr changed = register_for(e, taken);
	const char *old = register_name(RAX, bit->size), *new = register_name(changed, bit->size), *by = register_name(which.reg, bit->size);
	emit(e, "mov %s, %%%s", place, old);
	fprintf(e->out, ".Lcarrel_bit_%d:\n", ++number);
	stack_forget(e);
	emit(e, "mov %%rax, %%%s", register_name(changed, 8));
	emit(e, "%.3s %%%s, %%%s", s->mnemonic, by, new);
	emit(e, "lock cmpxchg %%%s, %s", new, place);
	emit(e, "jne .Lcarrel_bit_%d", number);
	emit(e, "bt %%%s, %%%s", by, old);
	if (keep != NO_REG)
		emit(e, "mov %%%s, %%rax", register_name(keep, 8));
	return true;
}
