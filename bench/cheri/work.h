/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * What the programs of bench/cheri.py share: each prints one checksum, which must be the same under every emulator.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#ifdef NARROW_DATA
/* All but the stack of a static program is in its lowest 16 MiB: with a stack there, DDC is [64 KiB, 64 KiB + 16 MiB). */
static char low_stack[1 << 20] __attribute__((aligned(16)));
int bench_main(void);
int main(void)
{
	__asm__ volatile("mv sp, %0\n\t"
			 ".insn r 0x5b, 0, 1, t0, x0, x1\n\tlui t1, 0x10\n\t.insn r 0x5b, 0, 0x10, t0, t0, t1\n\tlui "
			 "t1, 0x1000\n\t"
			 ".insn r 0x5b, 0, 0x08, t0, t0, t1\n\t.insn r 0x5b, 0, 1, x0, t0, x1\n\tli t0, 0\n\t"
			 "call bench_main\n\tcall exit"
			 :
			 : "r"(low_stack + sizeof low_stack)
			 : "t0", "t1", "ra", "memory");
	return 1;
}
#define main bench_main
#endif
