/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * From a 32-bit word to an operation, by the table. The word is whatever the emulated program put there.
 */
#include "emulator/block.h"

enum format { NONE, U, J, I, IU, LOAD, B, S, SHIFT, R, R1, R2, FR, FR1, R4, CSR, CSRI, AMO, LR, CLEAR };

static const struct {
	uint32_t match, mask;
	const char *name;
	uint8_t format, result, kind;
} table[OPERATIONS_ENCODED] = {
#define INSTRUCTION(kind, code, name, match, mask, format, result) { match, mask, name, format, RESULT_##result, KIND_##kind },
#include "emulator/instructions.def"
#undef INSTRUCTION
};

/* Codes by major opcode, so that a word is compared with few lines of the table. */
static uint8_t bucket[128][OPERATIONS_ENCODED], bucket_count[128];

__attribute__((constructor)) static void buckets_fill(void)
{
	for (unsigned code = 0; code < OPERATIONS_ENCODED; code++) {
		unsigned opcode = table[code].match & 0x7f;
		bucket[opcode][bucket_count[opcode]++] = code;
	}
}

static int32_t sign_extend(uint32_t value, unsigned bits)
{
	return (int32_t)(value << (32 - bits)) >> (32 - bits);
}

static int32_t immediate(enum format format, uint32_t w)
{
	switch (format) {
	case U:
		return (int32_t)(w & 0xfffff000);
	case J:
		return sign_extend((w >> 31) << 20 | (w >> 12 & 0xff) << 12 | (w >> 20 & 1) << 11 | (w >> 21 & 0x3ff) << 1, 21);
	case I:
	case LOAD:
		return (int32_t)w >> 20;
	case B:
		return sign_extend((w >> 31) << 12 | (w >> 7 & 1) << 11 | (w >> 25 & 0x3f) << 5 | (w >> 8 & 0xf) << 1, 13);
	case S:
		return sign_extend((w >> 25) << 5 | (w >> 7 & 0x1f), 12);
	case SHIFT:
		return w >> 20 & 0x3f;
	case IU:
	case CSR:
	case CSRI:
		return w >> 20;
	case FR:
	case FR1:
		return w >> 12 & 7;
	case R4:
		return (w >> 12 & 7) | (w >> 27) << 8;
	case CLEAR:		/* quarter << 8 | mask */
		return (w >> 18 & 3) << 8 | (w >> 15 & 7) << 5 | (w >> 7 & 0x1f);
	default:
		return 0;
	}
}

bool decode(uint32_t word, struct operation *operation)
{
	unsigned opcode = word & 0x7f;
	for (unsigned n = 0; n < bucket_count[opcode]; n++) {
		unsigned code = bucket[opcode][n];
		if ((word & table[code].mask) != table[code].match)
			continue;
		enum format format = table[code].format;
		unsigned rounding = word >> 12 & 7;
		if ((format == FR || format == FR1 || format == R4) && (rounding == 5 || rounding == 6))
			return false;
		operation->code = code;
		operation->rd = word >> 7 & 0x1f;
		operation->rs1 = word >> 15 & 0x1f;
		operation->rs2 = word >> 20 & 0x1f;
		operation->immediate = immediate(format, word);
		if (table[code].result == RESULT_X && !operation->rd)
			operation->rd = SINK;
		return true;
	}
	return false;
}

enum result decode_result(enum code code)
{
	return code < OPERATIONS_ENCODED ? table[code].result : RESULT_N;
}

enum kind decode_kind(enum code code)
{
	return code < OPERATIONS_ENCODED ? table[code].kind : KIND_INTEGER;
}

const char *decode_name(enum code code)
{
	return code < OPERATIONS_ENCODED ? table[code].name : code == ILLEGAL ? "illegal" : "?";
}

bool decode_ends_block(enum code code)
{
	switch (code) {
	case JAL:
	case JALR:
	case ECALL:
	case EBREAK:
	case FENCE_I:
	case JALR_CAP:
	case JALR_PCC:
	case CINVOKE:
	case CSPECIALRW:	/* may change DDC, and with it the context */
	case CCLEAR:
	case ILLEGAL:
	case FETCH_FAULT:
		return true;
	default:
		return false;
	}
}
