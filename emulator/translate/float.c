/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The common floating-point operations, in SSE. Dynamic rounding only, and not ties-away; a NaN as result, a single that is not
 * boxed, and a conversion out of range go to the C version, which does it again: flags are sticky, so that adds none.
 */
#include "emulator/float.h"
#include "emulator/translate/emit.h"

static void boxed(struct emitter *e, unsigned r)
{
	struct operand high = guest_float(r);
	high.displacement += 4;
	emit_immediate(e, 0, 0x81, 7, high, -1);
	slow_path(e, emit_branch(e, C_NE));
}

static bool dynamic(struct emitter *e, const struct operation *op)
{
	if ((op->immediate & 7) != ROUND_DYNAMIC)
		return false;
	emit_immediate(e, 0, 0x81, 7, FIELD(rounding), ROUND_AWAY);
	slow_path(e, emit_branch(e, C_AE));
	return true;
}

static void finish(struct emitter *e, const struct operation *op, bool wide)
{
	emit(e, ESCAPE | (wide ? P66 : 0), 0x2e, 0, in_register(0)); /* ucomis: unordered with itself? */
	slow_path(e, emit_branch(e, C_P));
	struct operand to = guest_float(op->rd);
	emit(e, ESCAPE | (wide ? PF2 : PF3), 0x11, 0, to);
	if (!wide) {
		to.displacement += 4;
		emit_immediate(e, 0, 0xc7, 0, to, -1);
	}
}

static bool arithmetic(struct emitter *e, const struct operation *op, bool wide, unsigned opcode)
{
	unsigned prefix = ESCAPE | (wide ? PF2 : PF3), from = e->slows;
	if (!dynamic(e, op))
		return false;
	if (!wide) {
		boxed(e, op->rs1);
		if (opcode != 0x51)
			boxed(e, op->rs2);
	}
	if (opcode == 0x51) {
		emit(e, prefix, opcode, 0, guest_float(op->rs1));
	} else {
		emit(e, prefix, 0x10, 0, guest_float(op->rs1));
		emit(e, prefix, opcode, 0, guest_float(op->rs2));
	}
	finish(e, op, wide);
	slow_backs(e, from);
	return true;
}

static bool fused(struct emitter *e, const struct operation *op, bool wide, unsigned opcode)
{
	unsigned prefix = ESCAPE | (wide ? PF2 : PF3), from = e->slows, third = (unsigned)op->immediate >> 8;
	if (!__builtin_cpu_supports("fma") || !dynamic(e, op))
		return false;
	if (!wide) {
		boxed(e, op->rs1);
		boxed(e, op->rs2);
		boxed(e, third);
	}
	emit(e, prefix, 0x10, 0, guest_float(op->rs1));
	emit(e, prefix, 0x10, 1, guest_float(op->rs2));
	emit(e, prefix, 0x10, 2, guest_float(third));
	emit_vex_fma(e, wide, opcode, 0, 1, 2);
	finish(e, op, wide);
	slow_backs(e, from);
	return true;
}

static void sign(struct emitter *e, const struct operation *op)
{
	emit(e, WIDE, 0x8b, RAX, guest_float(op->rs1));
	if (op->rs1 != op->rs2 || op->code != FSGNJ_D) {
		emit(e, WIDE, 0x8b, RCX, guest_float(op->rs2));
		if (op->code == FSGNJN_D)
			emit(e, WIDE, 0xf7, 2, in_register(RCX));
		emit_immediate(e, WIDE, 0xc1, 5, in_register(RCX), 63);
		emit_immediate(e, WIDE, 0xc1, 4, in_register(RCX), 63);
		if (op->code != FSGNJX_D) {
			emit(e, WIDE, 0xd1, 4, in_register(RAX));
			emit(e, WIDE, 0xd1, 5, in_register(RAX));
		}
		emit(e, WIDE, 0x33, RAX, in_register(RCX));
	}
	emit(e, WIDE, 0x89, RAX, guest_float(op->rd));
}

static void compare(struct emitter *e, const struct operation *op, bool wide, unsigned opcode, unsigned condition)
{
	unsigned prefix = ESCAPE | (wide ? PF2 : PF3), from = e->slows;
	if (!wide) {
		boxed(e, op->rs1);
		boxed(e, op->rs2);
	}
	emit(e, prefix, 0x10, 0, guest_float(op->rs2));
	emit(e, ESCAPE | (wide ? P66 : 0), opcode, 0, guest_float(op->rs1));
	emit(e, BYTE | ESCAPE, 0x90 | condition, 0, in_register(RAX));
	if (condition == C_E) {
		emit(e, BYTE | ESCAPE, 0x90 | C_NP, 0, in_register(RCX));
		emit(e, BYTE, 0x22, RAX, in_register(RCX));
	}
	int to = op->rd == SINK ? RAX : target(op->rd, RAX);
	emit(e, BYTE | ESCAPE, 0xb6, to, in_register(RAX));
	store_result(e, op->rd, to);
	slow_backs(e, from);
}

/* To signed integers towards zero, as C casts: the host has one answer for what does not fit, and the C version looks at it. */
static bool convert(struct emitter *e, const struct operation *op, bool wide, bool to_long)
{
	unsigned from = e->slows;
	if ((op->immediate & 7) != ROUND_ZERO || op->rd == SINK)
		return false;
	if (!wide)
		boxed(e, op->rs1);
	emit(e, ESCAPE | (wide ? PF2 : PF3) | (to_long ? WIDE : 0), 0x2c, RAX, guest_float(op->rs1));
	emit(e, to_long ? WIDE : 0, 0x8b, RCX, in_register(RAX));
	emit(e, to_long ? WIDE : 0, 0xd1, 4, in_register(RCX)); /* 0 of 0 and of the most negative number only */
	uint8_t *fits = emit_branch(e, C_NE);
	emit(e, to_long ? WIDE : 0, 0x85, RAX, in_register(RAX));
	slow_path(e, emit_branch(e, C_NE));
	emit_here(e, fits);
	if (!to_long)
		emit(e, WIDE, 0x63, RAX, in_register(RAX));
	store_result(e, op->rd, RAX);
	slow_backs(e, from);
	return true;
}

static bool from_integer(struct emitter *e, const struct operation *op, bool wide, bool from_long)
{
	unsigned from = e->slows;
	bool exact = wide && !from_long;
	if (!exact && !dynamic(e, op))
		return false;
	int value = source(e, op->rs1, RAX);
	emit(e, ESCAPE, 0x57, 0, in_register(0));
	emit(e, ESCAPE | (wide ? PF2 : PF3) | (from_long ? WIDE : 0), 0x2a, 0, in_register(value));
	struct operand to = guest_float(op->rd);
	emit(e, ESCAPE | (wide ? PF2 : PF3), 0x11, 0, to);
	if (!wide) {
		to.displacement += 4;
		emit_immediate(e, 0, 0xc7, 0, to, -1);
	}
	slow_backs(e, from);
	return true;
}

static bool between_formats(struct emitter *e, const struct operation *op)
{
	unsigned from = e->slows;
	bool widen = op->code == FCVT_D_S;
	if (widen)
		boxed(e, op->rs1);
	else if (!dynamic(e, op))
		return false;
	emit(e, ESCAPE | (widen ? PF3 : PF2), 0x5a, 0, guest_float(op->rs1));
	finish(e, op, widen);
	slow_backs(e, from);
	return true;
}

bool emit_float(struct emitter *e, const struct operation *op)
{
	switch (op->code) {
#define BOTH(name, call_s, call_d)                                                                                     \
	case name##_S:                                                                                                 \
		return call_s;                                                                                         \
	case name##_D:                                                                                                 \
		return call_d
		BOTH(FADD, arithmetic(e, op, false, 0x58), arithmetic(e, op, true, 0x58));
		BOTH(FMUL, arithmetic(e, op, false, 0x59), arithmetic(e, op, true, 0x59));
		BOTH(FSUB, arithmetic(e, op, false, 0x5c), arithmetic(e, op, true, 0x5c));
		BOTH(FDIV, arithmetic(e, op, false, 0x5e), arithmetic(e, op, true, 0x5e));
		BOTH(FSQRT, arithmetic(e, op, false, 0x51), arithmetic(e, op, true, 0x51));
		BOTH(FMADD, fused(e, op, false, 0xa9), fused(e, op, true, 0xa9));
		BOTH(FMSUB, fused(e, op, false, 0xab), fused(e, op, true, 0xab));
		BOTH(FNMSUB, fused(e, op, false, 0xad), fused(e, op, true, 0xad));
		BOTH(FNMADD, fused(e, op, false, 0xaf), fused(e, op, true, 0xaf));
		BOTH(FLT, (compare(e, op, false, 0x2f, C_A), true), (compare(e, op, true, 0x2f, C_A), true));
		BOTH(FLE, (compare(e, op, false, 0x2f, C_AE), true), (compare(e, op, true, 0x2f, C_AE), true));
		BOTH(FEQ, (compare(e, op, false, 0x2e, C_E), true), (compare(e, op, true, 0x2e, C_E), true));
		BOTH(FCVT_W, convert(e, op, false, false), convert(e, op, true, false));
		BOTH(FCVT_L, convert(e, op, false, true), convert(e, op, true, true));
	case FCVT_S_W:
		return from_integer(e, op, false, false);
	case FCVT_D_W:
		return from_integer(e, op, true, false);
	case FCVT_S_L:
		return from_integer(e, op, false, true);
	case FCVT_D_L:
		return from_integer(e, op, true, true);
	case FCVT_S_D:
	case FCVT_D_S:
		return between_formats(e, op);
	case FSGNJ_D:
	case FSGNJN_D:
	case FSGNJX_D:
		sign(e, op);
		return true;
	case FMV_X_D: {
		emit(e, WIDE, 0x8b, RAX, guest_float(op->rs1));
		store_result(e, op->rd, RAX);
		return true;
	}
	case FMV_X_W:
		emit(e, WIDE, 0x63, RAX, guest_float(op->rs1));
		store_result(e, op->rd, RAX);
		return true;
	case FMV_D_X:
		emit(e, WIDE, 0x89, source(e, op->rs1, RAX), guest_float(op->rd));
		return true;
	default:
		return false;
	}
}
