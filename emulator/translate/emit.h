/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * A small x86-64 assembler, and where emulated registers live in translated code:
 *   rbp            the cpu, plus 128 so that every x register is within a byte of displacement
 *   rax rcx rdx    scratch
 *   the others     sp, s0, s1, a0 to a7; all else stays in the cpu
 *   gs             the base of emulated memory
 */
#ifndef EMULATOR_TRANSLATE_EMIT_H
#define EMULATOR_TRANSLATE_EMIT_H

#include <string.h>
#include "emulator/cpu.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, NONE_ = -1 };
enum { CPU_BIAS = 128 };
enum { SLOW_MOST = 6 * 64 + 8, EXIT_MOST = 3 * 64 + 8 };

struct slow {		/* an operation done by the interpreter's C instead; then back */
	uint8_t *jump;	/* the rel32 that leads here */
	uint8_t *back;
	const struct operation *operation;
};

struct leave {		/* a way out of the block to a known address */
	uint8_t *jump;	/* the rel32 to be patched once the target is translated */
	uint64_t pc;
	bool linkable;
};

struct emitter {
	uint8_t *at, *end;
	uint8_t *entry;
	ptrdiff_t to_run;	/* from where code is written to where it runs */
	struct cpu *cpu;
	const struct block *block;
	const struct operation *operation;
	uint64_t pc;		/* of the operation */
	enum variant variant;
	bool data_from_zero, full;
	struct slow slow[SLOW_MOST];
	struct leave leave[EXIT_MOST];
	unsigned slows, leaves;
};

struct operand {
	int8_t base, index;
	bool memory, gs;
	int32_t displacement;
};

static inline struct operand in_register(int r)
{
	return (struct operand){ (int8_t)r, NONE_, false, false, 0 };
}
static inline struct operand at(int base, int32_t displacement)
{
	return (struct operand){ (int8_t)base, NONE_, true, false, displacement };
}
static inline struct operand emulated(int base, int32_t displacement)
{
	return (struct operand){ (int8_t)base, NONE_, true, true, displacement };
}
#define FIELD(member) at(RBP, (int32_t)offsetof(struct cpu, member) - CPU_BIAS)

static inline void emit_byte(struct emitter *e, unsigned byte)
{
	if (e->at >= e->end) {
		e->full = true;
		return;
	}
	*e->at++ = (uint8_t)byte;
}
static inline void emit_word(struct emitter *e, uint32_t value)
{
	for (int n = 0; n < 4; n++)
		emit_byte(e, value >> 8 * n & 0xff);
}

enum { WIDE = 1, BYTE = 2, ESCAPE = 4, P66 = 8, PF2 = 16, PF3 = 32 };

/* [gs] [prefix] [rex] [0f] opcode modrm: flags say which. */
void emit(struct emitter *e, unsigned flags, unsigned opcode, int reg, struct operand o);
void emit_immediate(struct emitter *e, unsigned flags, unsigned opcode, int extension, struct operand o, int32_t value);
void emit_move_constant(struct emitter *e, int reg, uint64_t value);
void emit_vex_fma(struct emitter *e, bool wide, unsigned opcode, int reg, int second, int third);
uint8_t *emit_jump(struct emitter *e);			/* jmp rel32: where the rel32 is */
uint8_t *emit_branch(struct emitter *e, unsigned condition);	/* jcc rel32 */
void emit_target(struct emitter *e, uint8_t *rel, const uint8_t *target);	/* both as written */
static inline void emit_here(struct emitter *e, uint8_t *rel)
{
	emit_target(e, rel, e->at);
}

enum condition { C_B = 2, C_AE = 3, C_E = 4, C_NE = 5, C_A = 7, C_P = 10, C_NP = 11, C_L = 12, C_GE = 13 };

/* Where x register r is: in a host register or in the cpu. */
extern const int8_t pinned[33];
static inline struct operand guest(unsigned r)
{
	return pinned[r] >= 0 ? in_register(pinned[r]) : at(RBP, (int32_t)r * 8 - CPU_BIAS);
}
static inline struct operand guest_float(unsigned r)
{
	return at(RBP, (int32_t)(offsetof(struct cpu, f) + 8 * r) - CPU_BIAS);
}
static inline int source(struct emitter *e, unsigned r, int scratch)	/* in some register, that one if it must be loaded */
{
	if (pinned[r] >= 0)
		return pinned[r];
	if (r == 0)
		emit(e, 0, 0x31, scratch, in_register(scratch));
	else
		emit(e, WIDE, 0x8b, scratch, guest(r));
	return scratch;
}
static inline void load_into(struct emitter *e, int reg, unsigned r)
{
	if (r == 0)
		emit(e, 0, 0x31, reg, in_register(reg));
	else if (pinned[r] != reg)
		emit(e, WIDE, 0x8b, reg, guest(r));
}
static inline int target(unsigned r, int scratch)	/* the register to compute r in */
{
	return pinned[r] >= 0 ? pinned[r] : scratch;
}
static inline void store_result(struct emitter *e, unsigned r, int reg)
{
	if (r != SINK && pinned[r] != reg)
		emit(e, WIDE, 0x89, reg, guest(r));
}

uint8_t *slow_path(struct emitter *e, uint8_t *rel);	/* the jump at rel goes to the C version of the operation; returns rel */
void slow_only(struct emitter *e);			/* the whole operation is the C version */
void slow_backs(struct emitter *e, unsigned from);	/* slow paths added since come back here */

bool emit_integer(struct emitter *e, const struct operation *op);	/* each: false when the operation is not its own */
bool emit_memory(struct emitter *e, const struct operation *op);
bool emit_float(struct emitter *e, const struct operation *op);

#endif
