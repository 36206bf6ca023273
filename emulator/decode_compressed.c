/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The C extension for RV64: each 16-bit instruction is the 32-bit one it stands for. Reserved encodings give 0, which is none.
 */
#include "emulator/block.h"

static uint32_t r_type(uint32_t base, unsigned rd, unsigned rs1, unsigned rs2)
{
	return base | rd << 7 | rs1 << 15 | rs2 << 20;
}

static uint32_t i_type(uint32_t base, unsigned rd, unsigned rs1, int32_t value)
{
	return base | rd << 7 | rs1 << 15 | (uint32_t)value << 20;
}

static uint32_t s_type(uint32_t base, unsigned rs1, unsigned rs2, uint32_t value)
{
	return base | rs1 << 15 | rs2 << 20 | (value & 0x1f) << 7 | (value >> 5 & 0x7f) << 25;
}

static uint32_t branch(uint32_t base, unsigned rs1, uint32_t value)
{
	return base | rs1 << 15 | (value >> 12 & 1) << 31 | (value >> 5 & 0x3f) << 25 | (value >> 1 & 0xf) << 8 |
	       (value >> 11 & 1) << 7;
}

static uint32_t bits(uint32_t word, unsigned low, unsigned count, unsigned to)
{
	return (word >> low & ((1u << count) - 1)) << to;
}

static int32_t signed_value(uint32_t value, unsigned width)
{
	return (int32_t)(value << (32 - width)) >> (32 - width);
}

enum { ADDI_BASE = 0x13, ADDIW_BASE = 0x1b, LUI_BASE = 0x37, ADD_BASE = 0x33, ADDW_BASE = 0x3b, JALR_BASE = 0x67 };
enum { LW_BASE = 0x2003, LD_BASE = 0x3003, FLD_BASE = 0x3007, SW_BASE = 0x2023, SD_BASE = 0x3023, FSD_BASE = 0x3027 };

static uint32_t quadrant_0(uint32_t w)
{
	unsigned rd = 8 + bits(w, 2, 3, 0), rs1 = 8 + bits(w, 7, 3, 0);
	uint32_t word_offset = bits(w, 6, 1, 2) | bits(w, 10, 3, 3) | bits(w, 5, 1, 6);
	uint32_t double_offset = bits(w, 10, 3, 3) | bits(w, 5, 2, 6);
	uint32_t frame = bits(w, 6, 1, 2) | bits(w, 5, 1, 3) | bits(w, 11, 2, 4) | bits(w, 7, 4, 6);
	switch (w >> 13) {
	case 0:
		return frame ? i_type(ADDI_BASE, rd, 2, (int32_t)frame) : 0;
	case 1:
		return i_type(FLD_BASE, rd, rs1, (int32_t)double_offset);
	case 2:
		return i_type(LW_BASE, rd, rs1, (int32_t)word_offset);
	case 3:
		return i_type(LD_BASE, rd, rs1, (int32_t)double_offset);
	case 5:
		return s_type(FSD_BASE, rs1, rd, double_offset);
	case 6:
		return s_type(SW_BASE, rs1, rd, word_offset);
	case 7:
		return s_type(SD_BASE, rs1, rd, double_offset);
	default:
		return 0;
	}
}

static uint32_t arithmetic(uint32_t w, int32_t value)
{
	static const uint32_t by_register[8] = {0x40000033, 0x4033, 0x6033, 0x7033, 0x4000003b, 0x3b, 0, 0};
	unsigned rd = 8 + bits(w, 7, 3, 0), rs2 = 8 + bits(w, 2, 3, 0);
	switch (w >> 10 & 3) {
	case 0:
		return i_type(0x5013, rd, rd, value & 0x3f);
	case 1:
		return i_type(0x40005013, rd, rd, value & 0x3f);
	case 2:
		return i_type(0x7013, rd, rd, value);
	default:;
		uint32_t base = by_register[bits(w, 12, 1, 2) | bits(w, 5, 2, 0)];
		return base ? r_type(base, rd, rd, rs2) : 0;
	}
}

static uint32_t quadrant_1(uint32_t w)
{
	unsigned rd = w >> 7 & 0x1f;
	int32_t value = signed_value(bits(w, 12, 1, 5) | bits(w, 2, 5, 0), 6);
	uint32_t jump = bits(w, 3, 3, 1) | bits(w, 11, 1, 4) | bits(w, 2, 1, 5) | bits(w, 7, 1, 6) | bits(w, 6, 1, 7) |
			bits(w, 9, 2, 8) | bits(w, 8, 1, 10) | bits(w, 12, 1, 11);
	uint32_t to = (uint32_t)signed_value(jump, 12);
	uint32_t near = (uint32_t)signed_value(
		bits(w, 3, 2, 1) | bits(w, 10, 2, 3) | bits(w, 2, 1, 5) | bits(w, 5, 2, 6) | bits(w, 12, 1, 8), 9);
	int32_t stack = signed_value(
		bits(w, 6, 1, 4) | bits(w, 2, 1, 5) | bits(w, 5, 1, 6) | bits(w, 3, 2, 7) | bits(w, 12, 1, 9), 10);
	switch (w >> 13) {
	case 0:
		return i_type(ADDI_BASE, rd, rd, value);
	case 1:
		return rd ? i_type(ADDIW_BASE, rd, rd, value) : 0;
	case 2:
		return i_type(ADDI_BASE, rd, 0, value);
	case 3:
		if (rd == 2)
			return stack ? i_type(ADDI_BASE, 2, 2, stack) : 0;
		return value ? LUI_BASE | rd << 7 | (uint32_t)value << 12 : 0;
	case 4:
		return arithmetic(w, value);
	case 5:
		return 0x6f | (to >> 20 & 1) << 31 | (to >> 1 & 0x3ff) << 21 | (to >> 11 & 1) << 20 |
		       (to >> 12 & 0xff) << 12;
	case 6:
		return branch(0x63, 8 + bits(w, 7, 3, 0), near);
	default:
		return branch(0x1063, 8 + bits(w, 7, 3, 0), near);
	}
}

static uint32_t quadrant_2(uint32_t w)
{
	unsigned rd = w >> 7 & 0x1f, rs2 = w >> 2 & 0x1f;
	uint32_t word_load = bits(w, 4, 3, 2) | bits(w, 12, 1, 5) | bits(w, 2, 2, 6);
	uint32_t double_load = bits(w, 5, 2, 3) | bits(w, 12, 1, 5) | bits(w, 2, 3, 6);
	uint32_t word_store = bits(w, 9, 4, 2) | bits(w, 7, 2, 6), double_store = bits(w, 10, 3, 3) | bits(w, 7, 3, 6);
	switch (w >> 13) {
	case 0:
		return i_type(0x1013, rd, rd, (int32_t)(bits(w, 12, 1, 5) | rs2));
	case 1:
		return i_type(FLD_BASE, rd, 2, (int32_t)double_load);
	case 2:
		return rd ? i_type(LW_BASE, rd, 2, (int32_t)word_load) : 0;
	case 3:
		return rd ? i_type(LD_BASE, rd, 2, (int32_t)double_load) : 0;
	case 4:
		if (!(w >> 12 & 1))
			return rs2 ? r_type(ADD_BASE, rd, 0, rs2) : rd ? i_type(JALR_BASE, 0, rd, 0) : 0;
		if (rs2)
			return r_type(ADD_BASE, rd, rd, rs2);
		return rd ? i_type(JALR_BASE, 1, rd, 0) : 0x100073;
	case 5:
		return s_type(FSD_BASE, 2, rs2, double_store);
	case 6:
		return s_type(SW_BASE, 2, rs2, word_store);
	default:
		return s_type(SD_BASE, 2, rs2, double_store);
	}
}

uint32_t decode_expand(uint16_t compressed)
{
	switch (compressed & 3) {
	case 0:
		return quadrant_0(compressed);
	case 1:
		return quadrant_1(compressed);
	case 2:
		return quadrant_2(compressed);
	default:
		return 0;
	}
}
