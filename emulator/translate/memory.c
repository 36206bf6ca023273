/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Loads and stores through DDC: one compare with the cached count says that the access is inside DDC and inside emulated memory;
 * a store looks at its page's tag flag besides. Whatever is not plain goes to the C version, which knows why.
 */
#include "emulator/memory.h"
#include "emulator/translate/emit.h"

#define TAGGED_FROM_BASE ((int32_t)(MEMORY_TAGGED - MEMORY_BASE))

/* The address, in the register returned, checked. */
static int address(struct emitter *e, const struct operation *op, unsigned n, bool store)
{
	int reg = pinned[op->rs1];
	if (reg < 0 || op->immediate) {
		if (reg >= 0) {
			emit(e, WIDE, 0x8d, RAX, at(reg, op->immediate));
		} else {
			load_into(e, RAX, op->rs1);
			if (op->immediate)
				emit_immediate(e, WIDE, 0x81, 0, in_register(RAX), op->immediate);
		}
		reg = RAX;
	}
	int checked = reg;
	if (!e->data_from_zero) {
		emit(e, WIDE, 0x8b, RCX, in_register(reg));
		emit(e, WIDE, 0x2b, RCX, FIELD(data_base));
		checked = RCX;
	}
	struct operand limit = store ? FIELD(store_count) : FIELD(load_count);
	limit.displacement += 8 * (int32_t)n;
	emit(e, WIDE, 0x3b, checked, limit);
	slow_path(e, emit_branch(e, C_AE));
	if (store) {
		emit(e, WIDE, 0x8b, RCX, in_register(reg));
		emit_immediate(e, WIDE, 0xc1, 5, in_register(RCX), 12);
		emit(e, P66, 0x83, 7, emulated(RCX, TAGGED_FROM_BASE));
		emit_byte(e, 0);
		slow_path(e, emit_branch(e, C_NE));
	}
	return reg;
}

static void load(struct emitter *e, const struct operation *op, unsigned n, unsigned flags, unsigned opcode)
{
	unsigned from = e->slows;
	int reg = address(e, op, n, false);
	int to = op->rd == SINK ? RAX : target(op->rd, RAX);
	emit(e, flags, opcode, to, emulated(reg, 0));
	store_result(e, op->rd, to);
	slow_backs(e, from);
}

static void store(struct emitter *e, const struct operation *op, unsigned n, unsigned flags, unsigned opcode, bool is_float)
{
	unsigned from = e->slows;
	int reg = address(e, op, n, true), value = RDX;
	if (is_float)
		emit(e, WIDE, 0x8b, RDX, guest_float(op->rs2));
	else
		value = source(e, op->rs2, RDX);
	emit(e, flags, opcode, value, emulated(reg, 0));
	slow_backs(e, from);
}

static void load_float(struct emitter *e, const struct operation *op, bool wide)
{
	unsigned from = e->slows;
	int reg = address(e, op, wide ? 3 : 2, false);
	emit(e, wide ? WIDE : 0, 0x8b, RAX, emulated(reg, 0));
	struct operand to = guest_float(op->rd);
	emit(e, wide ? WIDE : 0, 0x89, RAX, to);
	if (!wide) {
		to.displacement += 4;
		emit_immediate(e, 0, 0xc7, 0, to, -1);
	}
	slow_backs(e, from);
}

bool emit_memory(struct emitter *e, const struct operation *op)
{
	switch (op->code) {
	case LB:
		load(e, op, 0, WIDE | ESCAPE, 0xbe);
		return true;
	case LH:
		load(e, op, 1, WIDE | ESCAPE, 0xbf);
		return true;
	case LW:
		load(e, op, 2, WIDE, 0x63);
		return true;
	case LD:
		load(e, op, 3, WIDE, 0x8b);
		return true;
	case LBU:
		load(e, op, 0, ESCAPE, 0xb6);
		return true;
	case LHU:
		load(e, op, 1, ESCAPE, 0xb7);
		return true;
	case LWU:
		load(e, op, 2, 0, 0x8b);
		return true;
	case SB:
		store(e, op, 0, BYTE, 0x88, false);
		return true;
	case SH:
		store(e, op, 1, P66, 0x89, false);
		return true;
	case SW:
		store(e, op, 2, 0, 0x89, false);
		return true;
	case SD:
		store(e, op, 3, WIDE, 0x89, false);
		return true;
	case FSW:
		store(e, op, 2, 0, 0x89, true);
		return true;
	case FSD:
		store(e, op, 3, WIDE, 0x89, true);
		return true;
	case FLW:
		load_float(e, op, false);
		return true;
	case FLD:
		load_float(e, op, true);
		return true;
	default:
		return false;
	}
}
