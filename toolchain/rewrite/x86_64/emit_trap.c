/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * -mtrap: before an access whose registers may hold a wild upper half, the whole 64-bit address is computed and must lie
 * below 4 GiB, so that a bad pointer faults where it is used instead of wrapping into the window.
 */
#include "emit.h"

void trap_check(struct emitter *e)
{
	const struct statement *s = e->s;

	for (int i = 0; i < s->count; i++) {
		const struct operand *o = &s->operands[i];
		if (o->kind != OPERAND_MEMORY || o->segment || o->base == RIP || (o->base == NO_REG && o->index == NO_REG) ||
		    (o->base == RSP && o->index == NO_REG))
			continue;
		enum gpr x = scratch_pick(e, registers_busy(s), s->live & FLAGS_BIT ? BIT(RAX) : 0);
		if (x == NO_REG)
			source_wants_register(e->source, s, "the check of an address");
		struct operand whole = o->base == RSP ? stack_offset(e, o, x) : *o;
		emit(e, "lea %s, %%%s", address_text(e, &whole, 0), register_name(x, 8));
		enum gpr keep = flags_keep(e, s->live, BIT(x));
		emit(e, "shr $32, %%%s", register_name(x, 8));
		emit(e, "jne %s", trap_label(e));
		flags_back(e, keep);
	}
}

/* The same for one register, and without touching the flags: bswap brings the upper half down, jrcxz looks at it. */
void trap_check_register(struct emitter *e, enum gpr reg, uint32_t taken)
{
	static int number;
	enum gpr keep = scratch_pick(e, taken, BIT(RCX) | BIT(reg));

	if (keep == NO_REG)
		source_wants_register(e->source, e->s, "the check of an address");
	emit(e, "mov %%rcx, %%%s", register_name(keep, 8));
	if (reg != RCX)
		emit(e, "mov %%%s, %%rcx", register_name(reg, 8));
	emit(e, "bswap %%rcx");
	emit(e, "mov %%ecx, %%ecx");
	emit(e, "jrcxz .Lcarrel_below_%d", ++number);
	emit(e, "ud2");
	fprintf(e->out, ".Lcarrel_below_%d:\n", number);
	stack_forget(e);
	emit(e, "mov %%%s, %%rcx", register_name(keep, 8));
}
