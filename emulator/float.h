/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * The host's SSE as the emulated floating-point unit. MXCSR is the emulated thread's while it runs: its rounding mode and its
 * sticky flags live there, so the emulator itself must not compute with floats.
 */
#ifndef EMULATOR_FLOAT_H
#define EMULATOR_FLOAT_H

#include <stdint.h>
#include <xmmintrin.h>
#include "emulator/cpu.h"

enum { ROUND_NEAREST, ROUND_ZERO, ROUND_DOWN, ROUND_UP, ROUND_AWAY, ROUND_DYNAMIC = 7 };
enum { FLAG_INEXACT = 1, FLAG_UNDERFLOW = 2, FLAG_OVERFLOW = 4, FLAG_DIVIDE = 8, FLAG_INVALID = 16 };
#define NAN_SINGLE 0x7fc00000u
#define NAN_DOUBLE 0x7ff8000000000000ull
#define BOX 0xffffffff00000000ull

/* Denormals count as a flag of their own on the host; it is masked and ignored. */
unsigned float_flags(void);
void float_flags_set(unsigned flags);
void float_flags_raise(unsigned flags);
void float_rounding_set(unsigned rounding);	/* ROUND_AWAY: nearest, and execute_float.c puts ties right */
uint64_t float_to_integer(double value, unsigned rounding, unsigned bits, bool is_signed, unsigned *flags);

#endif
