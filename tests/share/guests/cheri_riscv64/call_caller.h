/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * call.c's part on CHERI-RISC-V: a call with every register set, and what must be in them afterwards, on both sides.
 */
#include "call_registers.h"

struct found found;

/* a0: a7 of the gate. Words and a saved register are capabilities: they must arrive, and come back, as integers. */
__asm__(".globl keeps\n.type keeps,@function\nkeeps:\n addi sp, sp, -224\n sd ra, 0(sp)\n"
	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n sd s\\n, (8 + \\n * 8)(sp)\n fsd fs\\n, (112 + \\n * 8)(sp)\n .endr\n"
	"mv a7, a0\n li a6, 0\n"
	".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10\n li s\\n, 0x1111 * (\\n + 1)\n fmv.d.x fs\\n, s\\n\n .endr\n" CGETDDC("x27")
	"li t0, 0x7777\n .irp n, 28, 29\n mv x\\n, t0\n .endr\n fmv.d.x fa0, t0\n fmv.d.x ft7, t0\n fsrmi x0, 3\n fsflagsi x0, 5\n"
	"li a0, 0x6161\n li a1, 0x6262\n li a2, 0x6363\n li a3, 0x6464\n li a4, 0x6565\n" CGETDDC("x15")
	"auipc t6, 0\n srli t6, t6, 32\n slli t6, t6, 32\n lui t5, 0xe\n add t6, t6, t5\n jalr t0, 64(t6)\n" DUMP_INTEGER DUMP_FLOATING DUMP_TAGS
	"fscsr zero\n ld ra, 0(sp)\n .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n ld s\\n, (8 + \\n * 8)(sp)\n fld fs\\n, (112 + \\n * 8)(sp)\n .endr\n"
	"addi sp, sp, 224\n ret\n");
void keeps(long what);

static int zero_vectors(void)
{
	for (int i = 0; i < 32; i++)
		if (found.floating[i])
			return 0;
	return 1;
}

static int zero(int from, int to)
{
	for (int i = from; i <= to; i++)
		if (found.general[i])
			return 0;
	return 1;
}

static long found_result(void)
{
	return (long)found.general[10];
}

static int found_begun(void)
{
	return found.general[11] == 1;
}

static int kept_saved(void)
{
	const uint64_t *g = found.general;
	int right = g[8] == 0x1111 && g[9] == 0x2222 && g[27] == (uint64_t)AT(0);

	for (uint64_t i = 2; i < 11; i++)
		right &= g[16 + i] == 0x1111 * (i + 1);
	return right;
}

static int kept_nothing_else(void)
{
	return !found.tags && !found.general[5] && zero(12, 17) && zero(28, 31);
}

static int kept_floating_control(void)
{
	return found.status == (3 << 5 | 5);
}

/* What the callee found (call_callee.h's dump, whose words are in `found`). */
static int dumped_words(void)
{
	const uint64_t *g = found.general;

	return g[10] == 0x6161 && g[11] == 0x6262 && g[12] == 0x6363 && g[13] == 0x6464 && g[14] == 0x6565 && g[15] == (uint64_t)AT(0);
}

static int dumped_nothing(void)
{
	return !found.tags && !found.general[5] && zero(8, 9) && zero(16, 31);
}

static int dumped_stack(void)
{
	return found.general[2] % 16 == 0 && found.general[2] >> 32 == found.general[1] >> 32;
}

static int dumped_floating_control(void)
{
	return found.status == 0;
}
