/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * Flags and rounding modes between RISC-V and MXCSR, and conversion to integers, which SSE does otherwise than RISC-V.
 */
#include <string.h>
#include "emulator/float.h"

unsigned float_flags(void)
{
	unsigned host = _mm_getcsr();
	return (host >> 5 & 1) * FLAG_INEXACT | (host >> 4 & 1) * FLAG_UNDERFLOW | (host >> 3 & 1) * FLAG_OVERFLOW |
	       (host >> 2 & 1) * FLAG_DIVIDE | (host & 1) * FLAG_INVALID;
}

static unsigned host_flags(unsigned flags)
{
	return (flags & FLAG_INEXACT ? 0x20 : 0) | (flags & FLAG_UNDERFLOW ? 0x10 : 0) |
	       (flags & FLAG_OVERFLOW ? 8 : 0) | (flags & FLAG_DIVIDE ? 4 : 0) | (flags & FLAG_INVALID ? 1 : 0);
}

void float_flags_set(unsigned flags)
{
	_mm_setcsr((_mm_getcsr() & ~0x3fu) | host_flags(flags));
}

void float_flags_raise(unsigned flags)
{
	if (flags)
		_mm_setcsr(_mm_getcsr() | host_flags(flags));
}

void float_rounding_set(unsigned rounding)
{
	static const unsigned host[8] = {0, 3, 1, 2, 0, 0, 0, 0};
	_mm_setcsr((_mm_getcsr() & ~0x6000u) | host[rounding & 7] << 13);
}

uint64_t float_to_integer(double value, unsigned rounding, unsigned bits, bool is_signed, unsigned *flags)
{
	uint64_t raw, most = is_signed ? ((uint64_t)1 << (bits - 1)) - 1 : ~(uint64_t)0 >> (64 - bits);
	uint64_t least_magnitude = is_signed ? (uint64_t)1 << (bits - 1) : 0;
	memcpy(&raw, &value, 8);
	bool negative = raw >> 63;
	int exponent = (int)(raw >> 52 & 0x7ff) - 1075;
	uint64_t mantissa = raw & 0xfffffffffffffull, whole,
		 half = 0; /* half: what was cut off, 2 means exactly a half */
	*flags = 0;
	if ((raw >> 52 & 0x7ff) == 0x7ff && mantissa) {
		*flags = FLAG_INVALID;
		return bits == 32 ? (uint64_t)(int64_t)(int32_t)most : most;
	}
	if (raw >> 52 & 0x7ff)
		mantissa |= (uint64_t)1 << 52;
	else
		exponent++;
	if (exponent >= 0) {
		whole = exponent > 11 ? ~(uint64_t)0 : mantissa << exponent;
	} else {
		unsigned cut = exponent < -60 ? 60 : (unsigned)-exponent; /* 2^53 >> 60 is less than a quarter anyway */
		uint64_t rest = mantissa & (((uint64_t)1 << cut) - 1), middle = (uint64_t)1 << (cut - 1);
		whole = mantissa >> cut;
		half = !rest ? 0 : rest < middle ? 1 : rest == middle ? 2 : 3;
	}
	bool up = rounding == ROUND_NEAREST ? half == 3 || (half == 2 && (whole & 1))
		  : rounding == ROUND_AWAY  ? half >= 2
		  : rounding == ROUND_DOWN  ? half && negative
		  : rounding == ROUND_UP    ? half && !negative
					    : false;
	whole += up && whole != ~(uint64_t)0;
	bool too_big = exponent > 11 || whole > (negative ? least_magnitude : most);
	if (too_big && !(negative && !whole)) {
		*flags = FLAG_INVALID;
		whole = negative ? least_magnitude : most;
	} else if (half) {
		*flags = FLAG_INEXACT;
	}
	uint64_t result = negative ? -whole : whole;
	return bits == 32 ? (uint64_t)(int64_t)(int32_t)result : result;
}
