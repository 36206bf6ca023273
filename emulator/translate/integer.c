/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Integer arithmetic. Results for x0 are computed nowhere: such operations have no effect and are left out.
 */
#include "emulator/translate/emit.h"

enum { ADD_OP = 0x03, OR_OP = 0x0b, AND_OP = 0x23, SUB_OP = 0x2b, XOR_OP = 0x33, CMP_OP = 0x3b };

static void sign_extend(struct emitter *e, int to, int from)
{
	emit(e, WIDE, 0x63, to, in_register(from));
}

/* rd = rs1 op rs2, by an op of the form reg, r/m. */
static void binary(struct emitter *e, const struct operation *op, unsigned opcode, bool word, bool commutes)
{
	unsigned width = word ? 0 : WIDE, a = op->rs1, b = op->rs2;
	int to = target(op->rd, RAX);
	if (commutes && ((pinned[b] == to && pinned[b] >= 0) || (!a && opcode != AND_OP))) {
		unsigned swap = a;
		a = b;
		b = swap;
	}
	if (pinned[b] == to && pinned[a] != to)
		to = RAX;
	load_into(e, to, a);
	if (b || !commutes || opcode == AND_OP)		/* adding zero is nothing */
		emit(e, width, opcode, to, guest(b));
	if (word)
		sign_extend(e, target(op->rd, RAX), to);
	store_result(e, op->rd, word ? target(op->rd, RAX) : to);
}

static void immediate(struct emitter *e, const struct operation *op, int extension)
{
	int to = target(op->rd, RAX);
	load_into(e, to, op->rs1);
	emit_immediate(e, WIDE, 0x81, extension, in_register(to), op->immediate);
	store_result(e, op->rd, to);
}

static void add_immediate(struct emitter *e, const struct operation *op)
{
	int to = target(op->rd, RAX);
	if (!op->rs1) {
		emit_move_constant(e, to, (uint64_t)(int64_t)op->immediate);
	} else if (op->rd == op->rs1) {
		if (op->immediate)
			emit_immediate(e, WIDE, 0x81, 0, guest(op->rd), op->immediate);
		return;
	} else if (!op->immediate) {
		load_into(e, to, op->rs1);
	} else {
		emit(e, WIDE, 0x8d, to, at(source(e, op->rs1, RAX), op->immediate));
	}
	store_result(e, op->rd, to);
}

static void shift_immediate(struct emitter *e, const struct operation *op, int extension, bool word)
{
	int to = target(op->rd, RAX);
	load_into(e, to, op->rs1);
	if (op->immediate)
		emit_immediate(e, word ? 0 : WIDE, 0xc1, extension, in_register(to), op->immediate);
	if (word)
		sign_extend(e, to, to);
	store_result(e, op->rd, to);
}

static void shift(struct emitter *e, const struct operation *op, int extension, bool word)
{
	load_into(e, RCX, op->rs2);
	int to = target(op->rd, RAX);
	load_into(e, to, op->rs1);
	emit(e, word ? 0 : WIDE, 0xd3, extension, in_register(to));
	if (word)
		sign_extend(e, to, to);
	store_result(e, op->rd, to);
}

static void set(struct emitter *e, const struct operation *op, unsigned condition, bool by_immediate)
{
	int a = source(e, op->rs1, RAX);
	if (by_immediate)
		emit_immediate(e, WIDE, 0x81, 7, in_register(a), op->immediate);
	else
		emit(e, WIDE, CMP_OP, a, guest(op->rs2));
	emit(e, BYTE | ESCAPE, 0x90 | condition, 0, in_register(RAX));
	int to = target(op->rd, RAX);
	emit(e, BYTE | ESCAPE, 0xb6, to, in_register(RAX));
	store_result(e, op->rd, to);
}

static void high_product(struct emitter *e, const struct operation *op, int extension)
{
	load_into(e, RAX, op->rs1);
	emit(e, WIDE, 0xf7, extension, guest(op->rs2));
	if (op->code == MULHSU) {	/* the unsigned product, less rs2 where rs1 is negative */
		load_into(e, RAX, op->rs1);
		emit_immediate(e, WIDE, 0xc1, 7, in_register(RAX), 63);
		emit(e, WIDE, AND_OP, RAX, guest(op->rs2));
		emit(e, WIDE, SUB_OP, RDX, in_register(RAX));
	}
	store_result(e, op->rd, RDX);
}

/* Division by zero and by -1 are defined on RISC-V, and trap on the host. */
static void divide(struct emitter *e, const struct operation *op, bool is_signed, bool rest, bool word)
{
	unsigned width = word ? 0 : WIDE;
	uint8_t *minus = NULL, *done_2 = NULL;
	load_into(e, RCX, op->rs2);
	load_into(e, RAX, op->rs1);
	emit(e, width, 0x85, RCX, in_register(RCX));
	uint8_t *zero = emit_branch(e, C_E);
	if (is_signed) {
		emit_immediate(e, width, 0x81, 7, in_register(RCX), -1);
		minus = emit_branch(e, C_E);
		if (width)
			emit_byte(e, 0x48);
		emit_byte(e, 0x99);		/* cqo, cdq */
		emit(e, width, 0xf7, 7, in_register(RCX));
	} else {
		emit(e, 0, 0x31, RDX, in_register(RDX));
		emit(e, width, 0xf7, 6, in_register(RCX));
	}
	uint8_t *done = emit_jump(e);
	emit_here(e, zero);
	if (rest)
		emit(e, WIDE, 0x8b, RDX, in_register(RAX));
	else
		emit_immediate(e, WIDE, 0xc7, 0, in_register(RAX), -1);
	if (minus) {
		done_2 = emit_jump(e);
		emit_here(e, minus);
		if (rest)
			emit(e, 0, 0x31, RDX, in_register(RDX));
		else
			emit(e, width, 0xf7, 3, in_register(RAX));
		emit_here(e, done_2);
	}
	emit_here(e, done);
	int result = rest ? RDX : RAX;
	if (word)
		sign_extend(e, result, result);
	store_result(e, op->rd, result);
}

static void constant(struct emitter *e, const struct operation *op, uint64_t value)
{
	int to = target(op->rd, RAX);
	emit_move_constant(e, to, value);
	store_result(e, op->rd, to);
}

bool emit_integer(struct emitter *e, const struct operation *op)
{
	bool nothing = op->rd == SINK;
	switch (op->code) {
#define CASE(code, call) case code: if (!nothing) call; return true
	CASE(LUI, constant(e, op, (uint64_t)(int64_t)op->immediate));
	CASE(AUIPC, constant(e, op, e->pc + (uint64_t)(int64_t)op->immediate));
	CASE(ADDI, add_immediate(e, op));
	CASE(SLTI, set(e, op, C_L, true));
	CASE(SLTIU, set(e, op, C_B, true));
	CASE(XORI, immediate(e, op, 6));
	CASE(ORI, immediate(e, op, 1));
	CASE(ANDI, immediate(e, op, 4));
	CASE(SLLI, shift_immediate(e, op, 4, false));
	CASE(SRLI, shift_immediate(e, op, 5, false));
	CASE(SRAI, shift_immediate(e, op, 7, false));
	CASE(SLLIW, shift_immediate(e, op, 4, true));
	CASE(SRLIW, shift_immediate(e, op, 5, true));
	CASE(SRAIW, shift_immediate(e, op, 7, true));
	CASE(ADD, binary(e, op, ADD_OP, false, true));
	CASE(SUB, binary(e, op, SUB_OP, false, false));
	CASE(XOR, binary(e, op, XOR_OP, false, true));
	CASE(OR, binary(e, op, OR_OP, false, true));
	CASE(AND, binary(e, op, AND_OP, false, true));
	CASE(ADDW, binary(e, op, ADD_OP, true, true));
	CASE(SUBW, binary(e, op, SUB_OP, true, false));
	CASE(SLL, shift(e, op, 4, false));
	CASE(SRL, shift(e, op, 5, false));
	CASE(SRA, shift(e, op, 7, false));
	CASE(SLLW, shift(e, op, 4, true));
	CASE(SRLW, shift(e, op, 5, true));
	CASE(SRAW, shift(e, op, 7, true));
	CASE(SLT, set(e, op, C_L, false));
	CASE(SLTU, set(e, op, C_B, false));
	CASE(MULH, high_product(e, op, 5));
	CASE(MULHU, high_product(e, op, 4));
	CASE(MULHSU, high_product(e, op, 4));
	CASE(DIV, divide(e, op, true, false, false));
	CASE(DIVU, divide(e, op, false, false, false));
	CASE(REM, divide(e, op, true, true, false));
	CASE(REMU, divide(e, op, false, true, false));
	CASE(DIVW, divide(e, op, true, false, true));
	CASE(DIVUW, divide(e, op, false, false, true));
	CASE(REMW, divide(e, op, true, true, true));
	CASE(REMUW, divide(e, op, false, true, true));
#undef CASE
	case ADDIW: {
		if (nothing)
			return true;
		int to = target(op->rd, RAX);
		if (op->immediate) {
			int from = source(e, op->rs1, RAX);
			emit(e, 0, 0x8d, RAX, at(from, op->immediate));
			sign_extend(e, to, RAX);
		} else if (pinned[op->rs1] >= 0) {
			sign_extend(e, to, pinned[op->rs1]);
		} else {
			emit(e, WIDE, 0x63, to, guest(op->rs1));
		}
		store_result(e, op->rd, to);
		return true;
	}
	case MUL:
	case MULW: {
		if (nothing)
			return true;
		load_into(e, RAX, op->rs1);
		emit(e, (op->code == MUL ? WIDE : 0) | ESCAPE, 0xaf, RAX, guest(op->rs2));
		if (op->code == MULW)
			sign_extend(e, RAX, RAX);
		store_result(e, op->rd, RAX);
		return true;
	}
	case FENCE:
		emit_byte(e, 0x0f);
		emit_byte(e, 0xae);
		emit_byte(e, 0xf0);
		return true;
	default:
		return false;
	}
}
