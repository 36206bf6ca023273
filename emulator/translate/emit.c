/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Encoding of the few x86-64 forms that translated code is made of.
 */
#include "emulator/translate/emit.h"

const int8_t pinned[33] = {
	[0] = NONE_,  [1] = NONE_,  [2] = RBX,    [3] = NONE_,  [4] = NONE_,  [5] = NONE_,  [6] = NONE_,
	[7] = NONE_,  [8] = RSI,    [9] = RDI,    [10] = R8,    [11] = R9,    [12] = R10,   [13] = R11,
	[14] = R12,   [15] = R13,   [16] = R14,   [17] = R15,   [18] = NONE_, [19] = NONE_, [20] = NONE_,
	[21] = NONE_, [22] = NONE_, [23] = NONE_, [24] = NONE_, [25] = NONE_, [26] = NONE_, [27] = NONE_,
	[28] = NONE_, [29] = NONE_, [30] = NONE_, [31] = NONE_, [32] = NONE_,
};

static void modrm(struct emitter *e, int reg, struct operand o)
{
	unsigned low = (unsigned)(reg & 7) << 3;
	if (!o.memory) {
		emit_byte(e, 0xc0 | low | (unsigned)(o.base & 7));
		return;
	}
	bool sib = o.index >= 0 || (o.base & 7) == RSP;
	bool near = o.displacement >= -128 && o.displacement < 128, none = !o.displacement && (o.base & 7) != RBP;
	unsigned mode = none ? 0 : near ? 0x40 : 0x80;
	emit_byte(e, mode | low | (sib ? 4u : (unsigned)(o.base & 7)));
	if (sib)
		emit_byte(e, (o.index >= 0 ? (unsigned)(o.index & 7) << 3 : 4u << 3) | (unsigned)(o.base & 7));
	if (mode == 0x40)
		emit_byte(e, (unsigned)o.displacement & 0xff);
	else if (mode == 0x80)
		emit_word(e, (uint32_t)o.displacement);
}

void emit(struct emitter *e, unsigned flags, unsigned opcode, int reg, struct operand o)
{
	if (o.memory && o.gs)
		emit_byte(e, 0x65);
	if (flags & (P66 | PF2 | PF3))
		emit_byte(e, flags & P66 ? 0x66 : flags & PF2 ? 0xf2 : 0xf3);
	unsigned rex = (flags & WIDE ? 8 : 0) | (reg & 8 ? 4 : 0) | (o.index >= 8 ? 2 : 0) | (o.base & 8 ? 1 : 0);
	if (rex || (flags & BYTE))
		emit_byte(e, 0x40 | rex);
	if (flags & ESCAPE)
		emit_byte(e, 0x0f);
	emit_byte(e, opcode);
	modrm(e, reg, o);
}

/* opcode is the form with a 32-bit immediate; 81 and 69 have a shorter one. */
void emit_immediate(struct emitter *e, unsigned flags, unsigned opcode, int extension, struct operand o, int32_t value)
{
	bool near = value >= -128 && value < 128, shortens = opcode == 0x81 || opcode == 0x69;
	emit(e, flags, shortens && near ? opcode + 2 : opcode, extension, o);
	if ((shortens && near) || opcode == 0xc1 || opcode == 0xc6)
		emit_byte(e, (unsigned)value & 0xff);
	else if (opcode == 0xc7 && (flags & P66)) {
		emit_byte(e, (unsigned)value & 0xff);
		emit_byte(e, (unsigned)value >> 8 & 0xff);
	} else
		emit_word(e, (uint32_t)value);
}

void emit_move_constant(struct emitter *e, int reg, uint64_t value)
{
	if (!value) {
		emit(e, 0, 0x31, reg, in_register(reg));
	} else if (value >> 32 == 0) {
		if (reg & 8)
			emit_byte(e, 0x41);
		emit_byte(e, 0xb8u | (unsigned)(reg & 7));
		emit_word(e, (uint32_t)value);
	} else if ((int64_t)value == (int32_t)value) {
		emit_immediate(e, WIDE, 0xc7, 0, in_register(reg), (int32_t)value);
	} else {
		emit_byte(e, 0x48 | (reg & 8 ? 1 : 0));
		emit_byte(e, 0xb8u | (unsigned)(reg & 7));
		emit_word(e, (uint32_t)value);
		emit_word(e, (uint32_t)(value >> 32));
	}
}

void emit_vex_fma(struct emitter *e, bool wide, unsigned opcode, int reg, int second, int third)
{
	emit_byte(e, 0xc4);
	emit_byte(e, 0xe2); /* xmm0 to xmm7 only */
	emit_byte(e, (wide ? 0x80u : 0) | (unsigned)(~second & 15) << 3 | 1);
	emit_byte(e, opcode);
	emit_byte(e, 0xc0u | (unsigned)reg << 3 | (unsigned)third);
}

/* A rel32 that will be patched while others run must not cross a cache line. */
static void pad(struct emitter *e, unsigned before)
{
	while (!e->full && (((uintptr_t)e->at + before) & 63) > 60)
		emit_byte(e, 0x90);
}

uint8_t *emit_jump(struct emitter *e)
{
	pad(e, 1);
	emit_byte(e, 0xe9);
	emit_word(e, 0);
	return e->at - 4;
}

uint8_t *emit_branch(struct emitter *e, unsigned condition)
{
	pad(e, 2);
	emit_byte(e, 0x0f);
	emit_byte(e, 0x80 | condition);
	emit_word(e, 0);
	return e->at - 4;
}

void emit_target(struct emitter *e, uint8_t *rel, const uint8_t *to)
{
	int32_t distance = (int32_t)(to - (rel + 4));
	if (!e->full)
		memcpy(rel, &distance, 4);
}

uint8_t *slow_path(struct emitter *e, uint8_t *rel)
{
	if (e->slows < SLOW_MOST)
		e->slow[e->slows++] = (struct slow){rel, NULL, e->operation};
	else
		e->full = true;
	return rel;
}

void slow_backs(struct emitter *e, unsigned from)
{
	for (unsigned n = from; n < e->slows; n++)
		e->slow[n].back = e->at;
}

void slow_only(struct emitter *e)
{
	unsigned from = e->slows;
	slow_path(e, emit_jump(e));
	slow_backs(e, from);
}
