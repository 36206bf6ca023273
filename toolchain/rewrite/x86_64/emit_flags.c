/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * Arithmetic flags that live across what the rewriter adds.
 */
#include "emit.h"

enum gpr flags_keep(struct emitter *e, uint32_t live, uint32_t taken)
{
	if (!(live & FLAGS_BIT))
		return NO_REG;
	enum gpr keep = scratch_pick(e, registers_busy(e->s) | BIT(RAX), taken);
	if (keep == NO_REG)
		source_wants_register(e->source, e->s, "keeping the flags");
	emit(e, "mov %%rax, %%%s", register_name(keep, 8));
	emit(e, "lahf");
	emit(e, "seto %%al");
	return keep;
}

void flags_back(struct emitter *e, enum gpr keep)
{
	if (keep == NO_REG)
		return;
	emit(e, "add $127, %%al");
	emit(e, "sahf");
	emit(e, "mov %%%s, %%rax", register_name(keep, 8));
}
