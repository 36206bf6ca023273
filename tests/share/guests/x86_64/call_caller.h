/* SPDX-License-Identifier: BSD-2-Clause
 * Copyright (c) 2026 the Carrel authors
 *
 * call.c's part on x86-64: a call with every register set, and what must be in them afterwards, on both sides.
 */
#include "call_registers.h"

struct found found;
uint32_t own_environment[8];

/* Calls with every register set: what is kept is checked by what they hold afterwards. rdi: rax of the gate. */
__asm__(".globl keeps\n.type keeps,@function\nkeeps: endbr64\n push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n"
	"mov %rdi, %rax\n mov $0x1111, %ebx\n mov $0x2222, %ebp\n mov $0x3333, %r12d\n mov $0x4444, %r13d\n mov $0x5555, %r14d\n"
	"vmovq %rbx, %xmm0\n vinsertf128 $1, %xmm0, %ymm0, %ymm0\n vmovaps %ymm0, %ymm7\n vmovaps %ymm0, %ymm15\n"
	"movq %rbx, %mm1\n movq %rbx, %mm7\n emms\n"
	"movl $0x3f800000, found(%rip)\n flds found(%rip)\n fstps found(%rip)\n fnstenv own_environment(%rip)\n"
	"movl $0x7f00, found(%rip)\n ldmxcsr found(%rip)\n movw $0xf60, found(%rip)\n fldcw found(%rip)\n"
	"mov $0x6161, %edi\n mov $0x6262, %esi\n mov $0x6363, %edx\n mov $0x6464, %ecx\n mov $0x6565, %r8d\n mov $0x6666, %r9d\n xor %r10d, %r10d\n"
	"call *%gs:0x10030\n" DUMP_GENERAL("0") DUMP_VECTORS DUMP_ENVIRONMENT DUMP_MM
	"movl $0x1f80, found+80(%rip)\n ldmxcsr found+80(%rip)\n movw $0x37f, found+80(%rip)\n fldcw found+80(%rip)\n"
	"pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");
void keeps(long rax);

static int zero_vectors(void)
{
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 4; k++)
			if (found.vector[i][k])
				return 0;
	for (int i = 0; i < 8; i++)
		if (found.mm[i])
			return 0;
	return 1;
}

static long found_result(void)
{
	return (long)found.general[0];
}

static int found_begun(void)
{
	return found.general[3] == 1;
}

static int kept_saved(void)
{
	const uint64_t *g = found.general;

	return g[1] == 0x1111 && g[4] == 0x2222 && g[11] == 0x3333 && g[12] == 0x4444 && g[13] == 0x5555;
}

static int kept_nothing_else(void)
{
	const uint64_t *g = found.general;

	return !g[2] && !g[5] && !g[6] && !g[7] && !g[8] && !g[9];
}

/* Neither side's last x87 instruction is told to the other. Some processors tell an operand's place of exceptions alone. */
static int environment_forgotten(void)
{
	return found.environment[ENVIRONMENT_CODE] != own_environment[ENVIRONMENT_CODE] &&
	       (!own_environment[ENVIRONMENT_DATA] || found.environment[ENVIRONMENT_DATA] != own_environment[ENVIRONMENT_DATA]);
}

static int kept_floating_control(void)
{
	static uint32_t before[2];      /* whatever the callee has done */
	uint64_t control = found.general[15];
	uint32_t code = found.environment[ENVIRONMENT_CODE], data = found.environment[ENVIRONMENT_DATA];
	int same = !before[0] || (before[0] == code && before[1] == data);

	before[0] = code;
	before[1] = data;
	return same && environment_forgotten() && (uint32_t)control == 0x7f00 && (uint16_t)(control >> 32) == 0xf60 && !(control >> 48);
}

/* What the callee found (call_callee.h's dump, whose words are in `found`). */
static int dumped_words(void)
{
	const uint64_t *g = found.general;

	return g[6] == 0x6161 && g[5] == 0x6262 && g[3] == 0x6363 && g[2] == 0x6464 && g[7] == 0x6565 && g[8] == 0x6666;
}

static int dumped_nothing(void)
{
	const uint64_t *g = found.general;

	return !g[0] && !g[1] && !g[4] && !g[9] && !g[11] && !g[12] && !g[13];
}

static int dumped_stack(void)
{
	return found.general[14] % 16 == 0 && found.general[14] < 0x100000000;
}

static int dumped_floating_control(void)
{
	uint64_t control = found.general[15];

	return environment_forgotten() && (uint32_t)control == 0x1f80 && (uint16_t)(control >> 32) == 0x37f && !(control >> 48);
}
