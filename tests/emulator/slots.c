/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the Carrel authors
 *
 * For capability.t: sixteen capabilities in memory; each record on standard input names an instruction, sources, a destination
 * and an integer. After each one: the destination's two words and tag, or the integer result.
 */
#include <stdint.h>
#include <stdio.h>

struct record {
	uint8_t instruction, to, one, two;
	uint32_t padding;
	uint64_t integer;
};
struct answer {
	uint64_t address, upper, tag, integer;
};
static struct {
	uint64_t word[2];
} slot[16] __attribute__((aligned(16)));

/* t0, t1: the sources; t2: the integer; t3: the result, a capability or an integer. */
#define RUN(text)                                                                                                      \
	__asm__ volatile(".insn i 0x0f, 2, t0, 0(%1)\n\t.insn i 0x0f, 2, t1, 0(%2)\n\tmv t2, %3\n\t" text              \
			 "\n\tmv %0, t3\n\t"                                                                           \
			 ".insn s 0x23, 4, t3, 0(%4)\n\t"                                                              \
			 : "=&r"(integer)                                                                              \
			 : "r"(one), "r"(two), "r"(r.integer), "r"(to)                                                 \
			 : "t0", "t1", "t2", "t3", "memory")
#define R(funct, rs1, rs2) ".insn r 0x5b, 0, " #funct ", t3, " #rs1 ", " #rs2
#define ONE(code, rs1) ".insn r 0x5b, 0, 0x7f, t3, " #rs1 ", x" #code

int main(void)
{
	struct record r;
	__asm__ volatile(".insn r 0x5b, 0, 1, t0, x0, x1\n\t.insn s 0x23, 4, t0, 0(%0)"
			 :
			 : "r"(&slot[0])
			 : "t0", "memory");
	while (fread(&r, sizeof r, 1, stdin) == 1) {
		void *to = &slot[r.to], *one = &slot[r.one], *two = &slot[r.two];
		uint64_t scratch[2] __attribute__((aligned(16))), integer = 0;
		if (r.instruction >= 32)
			to = scratch; /* an integer result */
		switch (r.instruction) {
		case 0:
			RUN(R(0x08, t0, t2));
			break; /* csetbounds */
		case 1:
			RUN(R(0x09, t0, t2));
			break; /* csetboundsexact */
		case 2:
			RUN(R(0x0b, t0, t1));
			break; /* cseal */
		case 3:
			RUN(R(0x0c, t0, t1));
			break; /* cunseal */
		case 4:
			RUN(R(0x0d, t0, t2));
			break; /* candperm */
		case 5:
			RUN(R(0x0e, t0, t2));
			break; /* csetflags */
		case 6:
			RUN(R(0x0f, t0, t2));
			break; /* csetoffset */
		case 7:
			RUN(R(0x10, t0, t2));
			break; /* csetaddr */
		case 8:
			RUN(R(0x11, t0, t2));
			break; /* cincoffset */
		case 9:
			RUN(R(0x16, t0, t2));
			break; /* csethigh */
		case 10:
			RUN(R(0x1d, t0, t1));
			break; /* cbuildcap */
		case 11:
			RUN(R(0x1e, t0, t1));
			break; /* ccopytype */
		case 12:
			RUN(R(0x1f, t0, t1));
			break; /* ccseal */
		case 13:
			RUN(ONE(10, t0));
			break; /* cmove */
		case 14:
			RUN(ONE(11, t0));
			break; /* ccleartag */
		case 15:
			RUN(ONE(17, t0));
			break; /* csealentry */
		case 16:
			RUN(".insn i 0x5b, 1, t3, -37(t0)");
			break; /* cincoffsetimm */
		case 17:
			RUN(".insn i 0x5b, 2, t3, -1(t0)");
			break; /* csetboundsimm 4095 */
		case 18:
			RUN("mv t3, t0");
			break; /* an integer move: null with that address */
		case 19:
			RUN("addi t3, t0, 0\n\taddi t3, t3, 0");
			break;
		case 32:
			RUN(ONE(0, t0));
			break; /* cgetperm */
		case 33:
			RUN(ONE(1, t0));
			break; /* cgettype */
		case 34:
			RUN(ONE(2, t0));
			break; /* cgetbase */
		case 35:
			RUN(ONE(3, t0));
			break; /* cgetlen */
		case 36:
			RUN(ONE(4, t0));
			break; /* cgettag */
		case 37:
			RUN(ONE(5, t0));
			break; /* cgetsealed */
		case 38:
			RUN(ONE(6, t0));
			break; /* cgetoffset */
		case 39:
			RUN(ONE(7, t0));
			break; /* cgetflags */
		case 40:
			RUN(ONE(15, t0));
			break; /* cgetaddr */
		case 41:
			RUN(ONE(23, t0));
			break; /* cgethigh */
		case 42:
			RUN(ONE(24, t0));
			break; /* cgettop */
		case 43:
			RUN(ONE(8, t2));
			break; /* crrl */
		case 44:
			RUN(ONE(9, t2));
			break; /* cram */
		case 45:
			RUN(R(0x14, t0, t1));
			break; /* csub */
		case 46:
			RUN(R(0x20, t0, t1));
			break; /* ctestsubset */
		case 47:
			RUN(R(0x21, t0, t1));
			break; /* cseqx */
		default:
			return 2;
		}
		struct answer a = {0, 0, 0, r.instruction >= 32 ? integer : 0};
		if (r.instruction < 32) {
			a.address = slot[r.to].word[0];
			a.upper = slot[r.to].word[1];
			__asm__ volatile(".insn i 0x0f, 2, t0, 0(%1)\n\t.insn r 0x5b, 0, 0x7f, %0, t0, x4"
					 : "=r"(a.tag)
					 : "r"(to)
					 : "t0", "memory");
		}
		fwrite(&a, sizeof a, 1, stdout);
	}
	return 0;
}
